# cython: no_gc_clear=True
"""A container that is being written: its format, header, interleaved packets and trailer."""

cimport cython

from cycodec.core.compat cimport compat_output_alloc
from cycodec.core.io.sink cimport Sink

from cycodec.core.error import CodecNotFoundError, UnsupportedError

from cycodec.libav cimport avformat
from cycodec.libav.avcodec cimport AVPacket
from cycodec.libav.avformat cimport AVOutputFormat


@cython.no_gc_clear
cdef class Muxer:
    """A container that is being written. Encoders add their streams before `start`.

    Parameters
    ----------
    sink : Sink
        Where the bytes go.
    format : str or None
        FFmpeg's short name of a format, or a file name extension. None takes the extension of
        `filename`.
    filename : str, optional
    """

    def __cinit__(self, Sink sink not None, str format=None, str filename=None):
        cdef const AVOutputFormat *found = find_format(format, filename)
        cdef int code
        self.sink = sink
        if found == NULL:
            what = f"format {format!r}" if format is not None else f"the extension of {filename!r}"
            raise CodecNotFoundError(
                f"{sink.name}: the FFmpeg in use has no container for {what} "
                "(name one such as 'wav', 'flac', 'mp3', 'm4a', 'opus', 'ogg'; `ffmpeg -muxers` lists them)",
                source=sink.name, operation="find a container format",
            )
        if found.flags & avformat.AVFMT_NOFILE:
            # HLS and similar formats would write further files into the current directory
            raise UnsupportedError(
                f"{sink.name}: the container {found.name.decode()} is no single file (choose another format)",
                source=sink.name, operation="make a container",
            )
        code = compat_output_alloc(&self.context, found)
        self.check(code, "make a container")
        self.context.pb = sink.ptr

    def __dealloc__(self):
        if self.context != NULL:
            avformat.avformat_free_context(self.context)

    cdef int check(self, int code, str operation) except -1:
        return self.sink.check(code, operation)

    @property
    def format_name(self):
        """FFmpeg's name of the container format."""
        return self.context.oformat.name.decode()

    def start(self):
        """Write the header; the muxer must have all its streams."""
        cdef int code
        with nogil:
            code = avformat.avformat_write_header(self.context, NULL)
        self.check(
            code, f"write the header of {self.format_name} (some formats need a destination that can seek)"
        )

    cdef int write(self, AVPacket *packet) noexcept nogil:
        """Write a packet where the times of all streams put it; 0 or AVERROR."""
        return avformat.av_interleaved_write_frame(self.context, packet)

    def finish(self):
        """Write the packets that wait for those of other streams, and the trailer."""
        cdef int code
        if self.finished:
            return
        self.finished = True
        with nogil:
            code = avformat.av_write_trailer(self.context)
            if code >= 0:
                code = self.context.pb.error
        self.check(code, "write the trailer")


cdef const AVOutputFormat *find_format(str format, str filename) except? NULL:
    """The format with FFmpeg's name, with an extension, or of a file name; NULL if none fits."""
    cdef bytes name
    cdef const AVOutputFormat *found = NULL
    if format is not None:
        name = format.encode()
        found = avformat.av_guess_format(name, NULL, NULL)
        filename = "x." + format.lstrip(".")
    if found == NULL and filename is not None:
        name = filename.encode("utf-8", "surrogateescape")
        found = avformat.av_guess_format(NULL, name, NULL)
    return found
