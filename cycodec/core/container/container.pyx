# cython: no_gc_clear=True
"""An open container: its source, what its header says, and its bytes.

A source that cannot be opened, or must not be, is refused here with an error that says what it is.
"""

import hashlib

cimport cython
from libc.errno cimport EACCES, EINVAL, EPERM, ERANGE, ETIMEDOUT
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport strcmp

from cycodec.core.compat cimport compat_index_count
from cycodec.core.container.brands cimport BRAND_BYTES, SYNC, TRANSPORT_BYTES, proved_format
from cycodec.core.container cimport metadata
from cycodec.core.error cimport describe_code
from cycodec.core.heap cimport keep_freed_memory
from cycodec.core.error import (
    FFmpegValueError,
    InvalidDataError,
    SourcePermissionError,
    SourceTimeoutError,
    UnsupportedError,
)
from cycodec.core.container.signatures import HEAD_BYTES, foreign_file, unsupported_file
from cycodec.core.io.access cimport playlist_in
from cycodec.core.io.source cimport IOContext

from cycodec.libav cimport avcodec, avformat, avutil
from cycodec.libav.avformat cimport AVFormatContext, AVIOContext, AVInputFormat, AVStream
from cycodec.libav.avutil cimport AVDictionary


cdef int64_t DIGEST_BYTES = 64 * 1024    # at each end of the source

cdef enum:
    PROBE_BYTES = 4096          # of a source that FFmpeg has refused
    MANY_SAMPLES = 1 << 20      # a header that announces fewer costs little memory
    LOW_SCORE = 25              # up to AVPROBE_SCORE_RETRY FFmpeg warns that it may be wrong

keep_freed_memory()

# FFmpeg's own function, which opens a URL by the whitelist of protocols.
cdef int (*open_any)(AVFormatContext *, AVIOContext **, const char *, int, AVDictionary **) noexcept nogil
cdef AVFormatContext *sample_context = avformat.avformat_alloc_context()
open_any = sample_context.io_open
avformat.avformat_free_context(sample_context)


cdef int open_itself(AVFormatContext *context, AVIOContext **pb, const char *url, int flags,
                     AVDictionary **options) noexcept nogil:
    """Open the URL of the source, and refuse every other one."""
    if context.url == NULL or strcmp(url, context.url) != 0:
        return avutil.AVERROR(EPERM)
    return open_any(context, pb, url, flags, options)


@cython.no_gc_clear
cdef class Container(DemuxerHandle):
    """An open container. Its subclass `Demuxer` reads the packets.

    Parameters
    ----------
    io : IOContext
        The source, which the container keeps alive.
    """

    def __cinit__(self, IOContext io not None):
        self.io = io
        self.codec_options = {}
        self.ptr = avformat.avformat_alloc_context()
        if self.ptr == NULL:
            raise MemoryError()
        self.open()
        if self.format_name == "tty":
            # FFmpeg's demuxer would draw the text as pictures
            raise InvalidDataError(
                f"{io.name}: this is a text file, not a media file (check the path)", source=io.name, operation="open"
            )

    def __dealloc__(self):
        if self.ptr != NULL:
            if self.io.watch.state.context == self.ptr:
                self.io.watch.state.context = NULL
            with nogil:
                avformat.avformat_close_input(&self.ptr)

    cdef void abandon(self) noexcept:
        """Forget all resources without freeing them: Note [After fork] in video/stream.pyx."""
        self.ptr = NULL
        self.io.abandon()

    cdef int open(self) except -1:
        """Open the source by its rules: Note [One resource] in core/io/access.pyx."""
        cdef IOContext io = self.io
        # FFmpeg's HLS demuxer refuses a playlist without a name
        cdef bytes url = io.url.encode("utf-8", "surrogateescape") or (b"" if io.rules.is_single else b"memory:")
        cdef const char *name = url
        cdef const char *protocols = io.rules.protocols
        cdef const char *formats = io.rules.formats
        cdef const AVInputFormat *format = self.find_format()
        cdef AVDictionary *options = NULL
        cdef int code
        io.watch.state.context = self.ptr
        self.ptr.interrupt_callback = io.watch.callback()
        if io.rules.is_single:
            self.ptr.io_open = open_itself
        for key, value in io.access.options.items():
            avutil.av_dict_set(&options, key.encode(), value.encode(), 0)
        try:
            code = io.connect(&options)
            if code >= 0:
                self.ptr.pb = io.ptr
                with nogil:
                    # a "%03d" in a name is part of it, not a pattern for a sequence of pictures
                    avutil.av_dict_set(&options, "pattern_type", "none", 0)
                    avutil.av_dict_set(&options, "protocol_whitelist", protocols, 0)
                    avutil.av_dict_set(&options, "format_whitelist", formats, 0)
                    self.begin()
                    # on failure this frees the context and sets the pointer to NULL
                    code = avformat.avformat_open_input(&self.ptr, name, format, &options)
            io.watch.state.context = self.ptr
            if code == avutil.AVERROR(EINVAL) and not io.failed:
                self.refuse_playlist()
            if (code == avutil.AVERROR(EINVAL) or code == avutil.AVERROR(ERANGE)) and io.access.options:
                raise FFmpegValueError(
                    f"{io.name}: cannot open it with options {io.access.options}: {describe_code(code)} (a value may "
                    "be out of range)", source=io.name, operation="open", errno=-code,
                )
            if code == avutil.AVERROR(EINVAL) and not io.failed:
                # without options of the user, the data have led a demuxer to wrong arguments
                code = avutil.AVERROR_INVALIDDATA
            if code == avutil.AVERROR_INVALIDDATA and not io.failed:
                self.refuse_what_it_is()
            self.check(code, "open")
            if format == NULL and self.ptr.probe_score <= LOW_SCORE:
                self.refuse_what_it_is()
            self.refuse_samples()
            self.keep_codec_options(options)
        finally:
            avutil.av_dict_free(&options)
        return 0

    cdef const AVInputFormat *find_format(self) except? NULL:
        """Return the demuxer that the first bytes prove, or NULL.

        Note [Proved formats] in brands.pyx. Where the user names formats or options, and where
        reading may take long, FFmpeg probes.
        """
        cdef unsigned char head[TRANSPORT_BYTES]
        cdef int64_t size
        if self.io.store is not None and (not self.io.rules.is_single or "hls" in self.io.access.formats):
            if playlist_in(self.io.head(PROBE_BYTES), self.io.url) == "hls":
                return avformat.av_find_input_format(b"hls")    # whatever its name is
        if not self.io.rules.is_single or self.io.access.formats or self.io.access.options or self.io.size is None:
            return NULL
        with nogil:
            size = self.io.read_at(0, head, BRAND_BYTES)
            if size == BRAND_BYTES and head[0] == SYNC:
                size = self.io.read_at(0, head, TRANSPORT_BYTES)
        return proved_format(head, <int> size)

    cdef int refuse_samples(self) except -1:
        """Raise an error if the header announces more samples than the source has bytes.

        FFmpeg has allocated them already. Each further demuxer of the source would do so again.
        """
        cdef int64_t size
        cdef unsigned int i
        cdef int count
        for i in range(self.ptr.nb_streams):
            count = compat_index_count(self.ptr.streams[i])
            size = self.byte_size() if count > MANY_SAMPLES else -1
            if 0 <= size < count:
                raise InvalidDataError(
                    f"{self.io.name}: its header announces {count} samples, and it has {size} bytes (the file is "
                    "damaged)", source=self.io.name, operation="open",
                )
        return 0

    def refuse_what_it_is(self):
        """Raise an error that says what the source is, if its first bytes tell that FFmpeg cannot
        read it.

        Raises
        ------
        UnsupportedError
            It is a media file of a kind that is not supported. It is not damaged.
        InvalidDataError
            It is not a media file.
        """
        head = self.io.head(HEAD_BYTES)
        if playlist_in(head, self.io.url) is not None:
            self.refuse_playlist()
            return
        kind, words = UnsupportedError, unsupported_file(head)
        if words is None:
            kind, words = InvalidDataError, foreign_file(head)
        if not head and self.io.byte_size() == 0:
            words = "an empty file (a copy or a download may have failed)"
        if words is not None:
            problem = "not supported" if kind is UnsupportedError else "not a media file"
            raise kind(f"{self.io.name}: {problem}: it is {words}", source=self.io.name, operation="open")

    cdef int refuse_playlist(self) except -1:
        """Raise an error with a remedy if a source is refused because it opens other resources."""
        found = playlist_in(self.io.head(PROBE_BYTES), self.io.url)
        if found is not None and found not in self.io.access.formats:
            raise SourcePermissionError(
                f"{self.io.name}: this is not a media file but opens others (format {found!r}), which sources may not "
                f"do by default (if you trust it, pass formats=[{found!r}] and the protocols that it needs)",
                source=self.io.name, operation="open", errno=EACCES,
            )
        return 0

    cdef int keep_codec_options(self, AVDictionary *options) except -1:
        """Keep the options that FFmpeg has not used for decoders.

        Raise an error for an option that no decoder knows.
        """
        cdef const avutil.AVClass *decoders = avcodec.avcodec_get_class()
        cdef const avutil.AVOption *option
        cdef avutil.AVDictionaryEntry *entry = NULL
        if not self.io.access.options:
            return 0
        while True:
            entry = avutil.av_dict_get(options, b"", entry, avutil.AV_DICT_IGNORE_SUFFIX)
            if entry == NULL:
                return 0
            name = entry.key.decode()
            if name not in self.io.access.options:
                continue
            option = avutil.av_opt_find(
                <void *> &decoders, entry.key, NULL, avutil.AV_OPT_FLAG_DECODING_PARAM,
                avutil.AV_OPT_SEARCH_CHILDREN | avutil.AV_OPT_SEARCH_FAKE_OBJ,
            )
            if option == NULL:
                raise FFmpegValueError(
                    f"{self.io.name}: options: {name!r} is unknown to FFmpeg for this source (`ffmpeg -h full` lists "
                    "the options of demuxers, protocols and decoders)", source=self.io.name, operation="open",
                )
            self.codec_options[name] = entry.value.decode()

    cdef void begin(self) noexcept nogil:
        """Begin an operation, for which a URL has its timeout."""
        self.io.watch.begin()

    cdef int check(self, int code, str operation) except -1:
        if self.io.watch.state.is_expired:
            self.io.watch.state.is_expired = False
            raise SourceTimeoutError(
                f"{self.io.name}: cannot {operation}: no answer for {self.io.access.timeout:g} s (pass a longer "
                "timeout, or call cycodec.set_limits)",
                source=self.io.name, operation=operation, errno=ETIMEDOUT,
            )
        return self.io.check(code, operation)

    cdef AVStream *stream(self, int index) noexcept nogil:
        return self.ptr.streams[index]

    def describe_streams(self):
        """Return a list of all streams for errors."""
        cdef unsigned int i
        streams = [f"{i}: {self.media_type(i)} {self.codec_name(i)}" for i in range(self.ptr.nb_streams)]
        return "streams " + ", ".join(streams) if streams else "it has no streams"

    @property
    def format_name(self):
        """FFmpeg's name of the container format."""
        return self.ptr.iformat.name.decode()

    @property
    def num_streams(self):
        return self.ptr.nb_streams

    @property
    def can_seek_bytes(self):
        return not self.ptr.iformat.flags & avformat.AVFMT_NO_BYTE_SEEK

    def media_type(self, int index):
        return metadata.media_type(self.ptr.streams[index])

    def codec_name(self, int index):
        return metadata.codec_name(self.ptr.streams[index])

    def size(self):
        """Return the current size of the source in bytes; None if it is unknown."""
        cdef int64_t size = self.byte_size()
        return size if size >= 0 else None

    cdef int64_t byte_size(self) noexcept:
        """Return the current size of the source in bytes, which is negative if unknown.

        The call may send a request over a network.
        """
        cdef int64_t size = -1
        if self.ptr.pb != NULL:
            with nogil:
                size = avformat.avio_size(self.ptr.pb)
        # 0 stands for an unknown size, too: `seek_place` in io/place.pyx
        return size if size > 0 or self.io.size is not None else -1

    cdef int64_t byte_position(self) noexcept nogil:
        """Return the position of the source, in bytes."""
        return avformat.avio_seek(self.ptr.pb, 0, 1)

    cdef void go_to_byte(self, int64_t position) noexcept:
        """Restore a position of the source that `byte_position` returned."""
        with nogil:
            avformat.avio_seek(self.ptr.pb, position, 0)

    def fingerprint(self):
        """Return (size, 16-byte digest of both ends), or None if the source cannot seek."""
        cdef avformat.AVIOContext *pb = self.ptr.pb
        cdef int64_t size, here
        if pb == NULL or not pb.seekable & avformat.AVIO_SEEKABLE_NORMAL:
            return None
        size = self.byte_size()
        if size < 0:
            return None
        here = self.byte_position()
        digest = hashlib.blake2b(digest_size=16)
        digest.update(self.read_bytes(0, min(size, DIGEST_BYTES)))
        digest.update(self.read_bytes(max(0, size - DIGEST_BYTES), min(size, DIGEST_BYTES)))
        self.go_to_byte(here)
        return size, digest.digest()

    def read_bytes(self, int64_t start, int64_t length):
        """Return bytes of the source at a position; fewer at its end.

        The caller restores the position of the source.
        """
        cdef int64_t size
        cdef bytes data
        cdef uint8_t *buffer
        cdef int64_t code
        cdef int got
        if length > DIGEST_BYTES:
            # a file may announce more bytes than it holds
            size = self.byte_size()
            length = min(length, size - start) if size >= 0 else length
        if start < 0 or length <= 0:
            return b""
        data = bytes(length)
        buffer = <uint8_t *> (<const char *> data)
        if self.io.size is not None:
            # files and memory are read beside the buffer, which FFmpeg would have to fill again
            with nogil:
                code = self.io.read_at(start, buffer, length)
            self.check(<int> min(code, 0), "read")
            return data if code == length else data[:code]
        with nogil:
            code = avformat.avio_seek(self.ptr.pb, start, 0)
        if code >= 0:
            with nogil:
                got = avformat.avio_read(self.ptr.pb, buffer, <int> length)
            if got == avutil.AVERROR_EOF:
                got = 0
            self.check(got, "read")
            return data[:got]
        self.check(<int> code, "seek")
        return b""

    # -- metadata: container/metadata.pyx ----------------------------------------------------------

    def time_base(self, int index):
        return metadata.fraction(self.ptr.streams[index].time_base)

    def frame_rate(self, int index):
        """Return the average frame rate, else the container's base rate, or None if unknown.

        The average comes from the header or from probing.
        """
        return metadata.frame_rate(self.ptr.streams[index])

    def is_attached_picture(self, int index):
        return metadata.is_attached_picture(self.ptr.streams[index])

    def container_info(self):
        """Return what the header says about the container, as a dict."""
        return metadata.container_info(self.ptr)

    def stream_info(self, int index):
        """Return the header's values for one stream as a dict; None stands for unknown values."""
        return metadata.stream_info(self.ptr, index)

    def coded_size(self, int index):
        """Return the width and height of a video stream before the container crops it.

        0 is unknown.
        """
        return self.ptr.streams[index].codecpar.width, self.ptr.streams[index].codecpar.height

    def is_cropped(self, int index):
        """Return True if the container asks to cut something off the frames of a video stream."""
        return metadata.is_cropped(self.ptr.streams[index])

    def rotation(self, int index):
        """Return the counter-clockwise angle by which to turn pictures, or None if unknown.

        The angle is in degrees, in (-180, 180].
        """
        return metadata.rotation(self.ptr.streams[index])

    def display_matrix(self, int index):
        """Return the stream's 3x3 display matrix as nine integers, or None.

        The integers are 16.16 and 2.30 fixed point.
        """
        return metadata.display_matrix(self.ptr.streams[index])
