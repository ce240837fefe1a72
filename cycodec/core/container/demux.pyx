# cython: no_gc_clear=True
"""An open container: its streams, packets and seeks."""

import hashlib

cimport cython
from libc.errno cimport EACCES, EINVAL, EIO, EPERM, ERANGE, ETIMEDOUT
from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport calloc, free
from libc.string cimport strcmp

from cycodec.core.compat cimport compat_index_count
from cycodec.core.container cimport metadata
from cycodec.core.error cimport describe_code
from cycodec.core.heap cimport keep_freed_memory
from cycodec.core.error import (
    FFmpegValueError,
    InvalidDataError,
    LimitError,
    SourcePermissionError,
    SourceTimeoutError,
    StreamNotFoundError,
    UnsupportedError,
)
from cycodec.core.container.signatures import HEAD_BYTES, foreign_file, unsupported_file
from cycodec.core.io.access cimport playlist_in
from cycodec.core.io.source cimport IOContext

from cycodec.libav cimport avcodec, avformat, avutil
from cycodec.libav.avcodec cimport AVCodecParameters, AVPacket
from cycodec.libav.avformat cimport AVFormatContext, AVIOContext, AVStream
from cycodec.libav.avutil cimport AVDictionary


# Containers and codecs whose header holds all that a decoder needs. avformat_find_stream_info,
# which decodes the first frames, is not needed for them.
cdef set SELF_CONTAINED = {"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm"}
cdef set NEEDS_EXTRADATA = {avcodec.AV_CODEC_ID_H264, avcodec.AV_CODEC_ID_HEVC, avcodec.AV_CODEC_ID_MPEG4}
cdef set NEEDS_SIZE_ONLY = {avcodec.AV_CODEC_ID_VP8, avcodec.AV_CODEC_ID_VP9, avcodec.AV_CODEC_ID_AV1,
                            avcodec.AV_CODEC_ID_MJPEG, avcodec.AV_CODEC_ID_PRORES}

cdef int64_t DIGEST_BYTES = 64 * 1024    # at each end of the source

cdef enum:
    PROBE_BYTES = 4096          # of a source that FFmpeg has refused
    HUGE_PIXELS = 1 << 24       # a frame of so many pixels is not decoded without need
    PROBE_PIXELS = 1 << 26      # of pictures that are decoded to describe a stream
    MANY_SAMPLES = 1 << 20      # a header that announces fewer costs little memory

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


cdef bint is_huge(const AVCodecParameters *parameters) noexcept nogil:
    return <int64_t> max(parameters.width, 0) * max(parameters.height, 0) > HUGE_PIXELS


@cython.no_gc_clear
cdef class Demuxer:
    """An open container.

    Parameters
    ----------
    io : IOContext
        The source, which the demuxer keeps alive.
    """

    def __cinit__(self, IOContext io not None):
        self.io = io
        self.codec_options = {}
        self.held = avcodec.av_packet_alloc()
        if self.held == NULL:
            raise MemoryError()
        self.ptr = avformat.avformat_alloc_context()
        if self.ptr == NULL:
            raise MemoryError()
        self.open()
        if self.format_name == "tty":
            # FFmpeg's demuxer would draw the text as pictures
            raise InvalidDataError(
                f"{io.name}: this is a text file, not a media file (check the path)", source=io.name, operation="open"
            )

    cdef int open(self) except -1:
        """Open the source by its rules: Note [One resource] in core/io/access.pyx."""
        cdef IOContext io = self.io
        # FFmpeg's HLS demuxer refuses a playlist without a name
        cdef bytes url = io.url.encode("utf-8", "surrogateescape") or (b"" if io.rules.is_single else b"memory:")
        cdef const char *name = url
        cdef const char *protocols = io.rules.protocols
        cdef const char *formats = io.rules.formats
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
                    code = avformat.avformat_open_input(&self.ptr, name, NULL, &options)
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
            self.refuse_samples()
            self.keep_codec_options(options)
        finally:
            avutil.av_dict_free(&options)
        return 0

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

    def __dealloc__(self):
        avcodec.av_packet_free(&self.held)
        if self.ptr != NULL:
            if self.io.watch.state.context == self.ptr:
                self.io.watch.state.context = NULL
            with nogil:
                avformat.avformat_close_input(&self.ptr)

    cdef void abandon(self) noexcept:
        """Forget all resources without freeing them: Note [After fork] in video/stream.pyx."""
        self.ptr = NULL
        self.held = NULL
        self.io.abandon()

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

    def settle(self):
        """Raise an exception that the file-like object raised and FFmpeg has passed over."""
        if self.io.failed:
            self.recover()
            self.check(0, "read")

    cdef void recover(self) noexcept:
        """Clear an error of the source; otherwise FFmpeg would report it for every later read."""
        self.drop()
        if self.ptr.pb != NULL:
            self.ptr.pb.error = 0
            self.ptr.pb.eof_reached = 0

    cdef AVStream *stream(self, int index) noexcept nogil:
        return self.ptr.streams[index]

    cdef int read(self, AVPacket *packet, int stream_index) noexcept nogil:
        """Read the next packet of one stream; of any stream if `stream_index` is negative."""
        cdef int code
        if self.is_holding:
            self.is_holding = False
            avcodec.av_packet_move_ref(packet, self.held)
            return 0
        while True:
            if self.io.watch.is_interrupted():
                return avutil.AVERROR_EXIT
            self.begin()
            code = avformat.av_read_frame(self.ptr, packet)
            if code == avutil.AVERROR(EIO) and self.ptr.pb != NULL and self.ptr.pb.eof_reached and self.ptr.pb.error >= 0:
                return avutil.AVERROR_EOF       # old demuxers (RoQ) return EIO at the end
            if code < 0 or stream_index < 0 or packet.stream_index == stream_index:
                return code
            avcodec.av_packet_unref(packet)

    cdef int peek(self, int stream_index, const AVPacket **packet) noexcept nogil:
        """Return the stream's next packet without consuming it; the demuxer still owns it."""
        cdef int code = 0
        if not self.is_holding:
            code = self.read(self.held, stream_index)
            self.is_holding = code >= 0
        packet[0] = self.held
        return code

    cdef void drop(self) noexcept nogil:
        """Drop the packet that `peek` has read."""
        self.is_holding = False
        avcodec.av_packet_unref(self.held)

    cdef int seek(self, int stream_index, int64_t timestamp) noexcept nogil:
        """Go to the key frame at or before a timestamp in units of the stream's time base."""
        self.drop()
        self.begin()
        return avformat.av_seek_frame(self.ptr, stream_index, timestamp, avformat.AVSEEK_FLAG_BACKWARD)

    cdef int seek_byte(self, int64_t position) noexcept nogil:
        """Go to a position of the file, in bytes."""
        self.drop()
        self.begin()
        return avformat.av_seek_frame(self.ptr, -1, position, avformat.AVSEEK_FLAG_BYTE)

    def probe(self):
        """Run avformat_find_stream_info unless it has run.

        FFmpeg reads and decodes until it knows every stream.
        """
        cdef unsigned int count = self.ptr.nb_streams
        cdef AVDictionary **options
        cdef unsigned int i
        cdef int code
        if self.probed:
            return
        sizes = [(self.ptr.streams[i].codecpar.width, self.ptr.streams[i].codecpar.height) for i in range(count)]
        options = <AVDictionary **> calloc(count + 1, sizeof(AVDictionary *))
        if options == NULL:
            raise MemoryError()
        with nogil:
            for i in range(count):
                avutil.av_dict_set_int(&options[i], "max_pixels", self.probed_pixels(i), 0)
            self.begin()
            code = avformat.avformat_find_stream_info(self.ptr, options)
            for i in range(count):
                avutil.av_dict_free(&options[i])
            free(options)
        self.check(code, "find stream information")
        for i in range(count):
            # a decoder that refuses a size forgets the header's
            if self.ptr.streams[i].codecpar.width == 0 and sizes[i][0] > 0:
                self.ptr.streams[i].codecpar.width, self.ptr.streams[i].codecpar.height = sizes[i]
        self.probed = True

    cdef int64_t probed_pixels(self, unsigned int index) noexcept nogil:
        """Return how large pictures may be that FFmpeg decodes to describe a stream.

        A header that gives a huge size describes the stream well enough; one such picture may take
        a gigabyte. A picture whose size only the decoder finds may be as large.
        """
        if is_huge(self.ptr.streams[index].codecpar):
            return 1
        return min(self.io.access.max_pixels, <int64_t> PROBE_PIXELS)

    def has_huge_frames(self, int index):
        """Return True if frames are too large to decode without need, or if probing did not find
        their size.
        """
        return is_huge(self.ptr.streams[index].codecpar) or (
            self.probed and self.ptr.streams[index].codecpar.width <= 0
        )

    cdef int refuse_size(self, int index) except -1:
        """Raise LimitError if the header gives a frame size above the limit."""
        cdef AVCodecParameters *parameters = self.ptr.streams[index].codecpar
        self.check_pixels(max(parameters.width, 0), max(parameters.height, 0))
        return 0

    def check_pixels(self, int width, int height, int border=0):
        """Raise LimitError if frames of a size, with a border, have more pixels than the limit."""
        if <int64_t> (width + border) * (height + border) > self.io.access.max_pixels:
            need = f" and its decoder adds a border of up to {border}," if border else ""
            raise LimitError(
                f"{self.io.name}: its frames have {width}x{height} pixels,{need} more than max_pixels allows, "
                f"{self.io.access.max_pixels} (if that is right, pass a larger max_pixels, or call "
                "cycodec.set_limits)", source=self.io.name, operation="open",
            )

    def is_self_contained(self, int index):
        """Return whether the header holds all that a decoder of a video stream needs."""
        cdef AVCodecParameters *parameters = self.ptr.streams[index].codecpar
        if self.format_name not in SELF_CONTAINED or parameters.width <= 0 or parameters.height <= 0:
            return False
        if parameters.codec_id in NEEDS_EXTRADATA:
            return parameters.extradata_size > 0
        return parameters.codec_id in NEEDS_SIZE_ONLY

    def select_video(self, stream_index=None):
        """Return the index of the video stream to decode, and discard all other streams.

        Raises
        ------
        StreamNotFoundError
            There is no video stream, or stream `stream_index` is of another kind or does not exist.
        """
        videos = self.streams_of("video")
        candidates = videos if stream_index is None else [stream_index]
        if len(videos) != 1 or not all(i in videos and self.is_self_contained(i) for i in candidates):
            self.probe()
        chosen = self.select("video", stream_index, "a video", "AudioDecoder reads sound")
        self.refuse_size(chosen)
        return chosen

    def select_audio(self, stream_index=None):
        """Return the index of the audio stream to decode, and discard all other streams.

        Raises
        ------
        StreamNotFoundError
            There is no audio stream, or stream `stream_index` is of another kind or does not exist.
        """
        self.probe()
        return self.select("audio", stream_index, "an audio", "VideoDecoder reads pictures")

    cdef list streams_of(self, str media_type):
        """Return the indices of all streams of a kind."""
        return [i for i in range(self.num_streams) if self.media_type(i) == media_type]

    cdef int select(self, str media_type, object stream_index, str phrase, str remedy) except -1:
        """Choose a stream of a kind for `select_video` and `select_audio`.

        The error, if any, uses the phrase and the remedy.
        """
        streams = self.streams_of(media_type)
        if stream_index is None:
            stream_index = self.best_stream(media_type)
            if stream_index is None and streams:
                stream_index = streams[0]       # without a decoder: opening the stream reports that
        elif stream_index not in streams:
            raise StreamNotFoundError(
                f"{self.io.name}: stream {stream_index} is no {media_type} stream ({self.describe_streams()})",
                source=self.io.name, operation=f"find {phrase} stream",
            )
        if stream_index is None:
            raise StreamNotFoundError(
                f"{self.io.name}: there is no {media_type} stream in it ({self.describe_streams()}); {remedy}",
                source=self.io.name, operation=f"find {phrase} stream",
            )
        self.keep_only(stream_index)
        return stream_index

    def best_stream(self, str media_type):
        """Return the index of FFmpeg's default stream of a kind ("video" or "audio"), or None."""
        kind = avutil.AVMEDIA_TYPE_VIDEO if media_type == "video" else avutil.AVMEDIA_TYPE_AUDIO
        index = avformat.av_find_best_stream(self.ptr, kind, -1, -1, NULL, 0)
        return index if index >= 0 else None

    def look_ahead(self, int index):
        """Read the stream's first packet ahead: FFmpeg learns from it when the stream begins."""
        cdef const AVPacket *packet
        cdef int code
        with nogil:
            code = self.peek(index, &packet)
        if code != avutil.AVERROR_EOF and code != avutil.AVERROR_INVALIDDATA:
            self.check(code, "read the first packet")

    def keep_only(self, int index):
        """Make FFmpeg discard the packets of all other streams."""
        cdef unsigned int i
        for i in range(self.ptr.nb_streams):
            self.ptr.streams[i].discard = (
                avcodec.AVDISCARD_DEFAULT if <int> i == index else avcodec.AVDISCARD_ALL
            )

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
        return size

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
