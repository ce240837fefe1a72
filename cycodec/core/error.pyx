"""FFmpegError, its subclasses, and check(), which alone turns an AVERROR into an exception."""

import os
from contextlib import contextmanager

from libc.errno cimport (
    EACCES, ECONNABORTED, ECONNREFUSED, ECONNRESET, EDQUOT, EFBIG, EHOSTUNREACH, EINVAL, EISDIR, EMFILE, ENETUNREACH,
    ENFILE, ENOENT, ENOMEM, ENOSPC, ENOSYS, EPERM, ETIMEDOUT
)

from cycodec.libav cimport avutil


class FFmpegError(RuntimeError):
    """FFmpeg could not do something.

    Attributes
    ----------
    source : str
        The source or destination that was in use.
    operation : str
        The operation that failed, such as ``"open"`` or ``"read packets"``.
    errno : int
        FFmpeg's error code, which is negative, or the positive error number of the system if FFmpeg
        reported one.
    """

    def __init__(self, message, *, source="", operation="", errno=0):
        super().__init__(message)
        self.source = source
        self.operation = operation
        self.errno = errno

    def __str__(self):
        return str(self.args[0]) if self.args else ""

    def __reduce__(self):
        return _rebuild, (type(self), str(self), self.source, self.operation, self.errno)


def _rebuild(kind, message, source, operation, errno):
    return kind(message, source=source, operation=operation, errno=errno)


class InvalidDataError(FFmpegError, ValueError):
    """The bytes are not valid for the container or the codec."""


class SourceNotFoundError(FFmpegError, FileNotFoundError):
    """The file or resource does not exist."""


class SourcePermissionError(FFmpegError, PermissionError):
    """The user may not read the source."""


class SourceIsDirectoryError(FFmpegError, IsADirectoryError):
    """The source is a directory."""


class SourceTimeoutError(FFmpegError, TimeoutError):
    """The source did not answer in time."""


class SourceUnreachableError(FFmpegError, ConnectionError):
    """The host of a URL has no address, or refuses or breaks the connection."""


class TooManyFilesError(FFmpegError, OSError):
    """The process, or the system, may not open any more files."""


class NoSpaceError(FFmpegError, OSError):
    """The destination is full, or the process may not write any more to it."""


class LimitError(FFmpegError, MemoryError):
    """A frame or a result is larger than the limits allow: see ``cycodec.set_limits``."""


class EndOfFileError(FFmpegError, EOFError):
    """The source ended too early."""


class FFmpegMemoryError(FFmpegError, MemoryError):
    """FFmpeg could not allocate memory."""


class CodecNotFoundError(FFmpegError, LookupError):
    """The FFmpeg in use has no decoder, encoder, demuxer, muxer or protocol of that name."""


class StreamNotFoundError(FFmpegError, LookupError, ValueError):
    """The source has no such stream."""


class InstantError(IndexError, RuntimeError):
    """No frame is played at an instant. TorchCodec raises a RuntimeError where several are asked
    for.
    """


class FFmpegValueError(FFmpegError, ValueError):
    """FFmpeg refused an argument."""


class FFmpegTypeError(FFmpegError, TypeError, ValueError):
    """An argument of an encoder has the wrong type."""


class QueueFullError(FFmpegError):
    """The queue of an encoder is full, and the caller asked for an error in that case."""


class UnsupportedError(FFmpegError, NotImplementedError):
    """FFmpeg, or cycodec, does not support this feature."""


class ClosedError(FFmpegError, ValueError):
    """The object was used after close()."""


class StaleIndexError(FFmpegError, ValueError):
    """A frame index belongs to another source, or to an older version of the source."""


class CudaError(FFmpegError):
    """The GPU, its driver or its decoder reported an error."""


class DecoderRefused(CudaError):
    """The GPU decoder refused a stream that it had promised to decode.

    The session then decodes on the CPU.
    """


class CudaUnavailableError(CudaError):
    """Something that decoding on a GPU needs is missing."""


cdef dict KINDS = {
    avutil.AVERROR_INVALIDDATA: InvalidDataError,
    avutil.AVERROR(ENOENT): SourceNotFoundError,
    avutil.AVERROR_HTTP_NOT_FOUND: SourceNotFoundError,
    avutil.AVERROR(EACCES): SourcePermissionError,
    avutil.AVERROR(EPERM): SourcePermissionError,
    avutil.AVERROR_HTTP_FORBIDDEN: SourcePermissionError,
    avutil.AVERROR_HTTP_UNAUTHORIZED: SourcePermissionError,
    avutil.AVERROR(EISDIR): SourceIsDirectoryError,
    avutil.AVERROR(ETIMEDOUT): SourceTimeoutError,
    avutil.AVERROR(ECONNABORTED): SourceUnreachableError,
    avutil.AVERROR(ECONNREFUSED): SourceUnreachableError,
    avutil.AVERROR(ECONNRESET): SourceUnreachableError,
    avutil.AVERROR(EHOSTUNREACH): SourceUnreachableError,
    avutil.AVERROR(ENETUNREACH): SourceUnreachableError,
    avutil.AVERROR(EMFILE): TooManyFilesError,
    avutil.AVERROR(ENFILE): TooManyFilesError,
    avutil.AVERROR(ENOSPC): NoSpaceError,
    avutil.AVERROR(EFBIG): NoSpaceError,
    avutil.AVERROR(EDQUOT): NoSpaceError,
    avutil.AVERROR_EOF: EndOfFileError,
    avutil.AVERROR(ENOMEM): FFmpegMemoryError,
    avutil.AVERROR_DECODER_NOT_FOUND: CodecNotFoundError,
    avutil.AVERROR_ENCODER_NOT_FOUND: CodecNotFoundError,
    avutil.AVERROR_DEMUXER_NOT_FOUND: CodecNotFoundError,
    avutil.AVERROR_MUXER_NOT_FOUND: CodecNotFoundError,
    avutil.AVERROR_PROTOCOL_NOT_FOUND: CodecNotFoundError,
    avutil.AVERROR_STREAM_NOT_FOUND: StreamNotFoundError,
    avutil.AVERROR(EINVAL): FFmpegValueError,
    avutil.AVERROR_OPTION_NOT_FOUND: FFmpegValueError,
    avutil.AVERROR_PATCHWELCOME: UnsupportedError,
    avutil.AVERROR(ENOSYS): UnsupportedError,
}

# What a user can do about an error, by its class.
cdef dict REMEDIES = {
    InvalidDataError: "the file may be damaged, cut off, or not a media file; `ffprobe` on it says more",
    SourceNotFoundError: "check the path or URL",
    SourcePermissionError: "check the permissions",
    SourceIsDirectoryError: "give the path of a file",
    SourceUnreachableError: "check the host and the port of the URL, and whether this machine reaches it",
    EndOfFileError: "the file may be cut off",
    TooManyFilesError: "close decoders that are no longer needed, or raise the limit, `ulimit -n`",
    NoSpaceError: "free space on the device, or raise the limit, `ulimit -f`",
    CodecNotFoundError: "use an FFmpeg built with it; `cycodec doctor` lists what this one has",
    UnsupportedError: "use a newer FFmpeg",
    FFmpegMemoryError: "the declared sizes may be wrong, or memory is short",
}


cdef str describe_code(int code):
    """Return FFmpeg's description of an error code."""
    cdef char text[128]
    if avutil.av_strerror(code, text, sizeof(text)) < 0 and code > -4096:
        return os.strerror(-code)
    return (<bytes> text).decode("utf-8", "replace")


@contextmanager
def system_errors(operation, source):
    """Raise the FFmpegError for an OSError of the block, if it has a class for the reason.

    That class is a subclass of OSError, too.
    """
    try:
        yield
    except OSError as failure:
        kind = KINDS.get(-failure.errno) if failure.errno else None
        if kind is None or isinstance(failure, FFmpegError) or not issubclass(kind, OSError):
            raise
        check(-failure.errno, operation, source)


def is_cancellation(error):
    """Return True for the error of a cancelled operation: Note [Signals] in io/link.pyx."""
    return isinstance(error, FFmpegError) and error.errno == avutil.AVERROR_EXIT


cdef int check(int code, str operation, object source) except -1:
    """Return `code` if it is no error; otherwise raise the FFmpegError for it."""
    if code >= 0:
        return code
    kind = KINDS.get(code, FFmpegError)
    message = f"{source}: cannot {operation}: {describe_code(code)}"
    remedy = REMEDIES.get(kind)
    if remedy:
        message = f"{message} ({remedy})"
    # OSError stores positive numbers of the system; FFmpeg's own codes stay negative
    raise kind(message, source=str(source), operation=operation, errno=-code if code > -4096 else code)


# cycodec's errors replace FFmpeg's messages. Every module that calls FFmpeg loads this one.
avutil.av_log_set_level(avutil.AV_LOG_FATAL)
