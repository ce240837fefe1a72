# cython: no_gc_clear=True
"""The streams of an open container: choosing one, its packets, and seeks.

Note [Palettes]

Demuxers of AVI and QuickTime give the palette of a stream with the first packet that is read, and
never again. A seek would lose it. So the first packet is read before the first seek, and the first
packet after each seek gets the palette. Where later packets change the palette, as AVI allows,
frames are read from the beginning only.

Note [Several sample descriptions]

MP4 may state several descriptions of its samples, and FLV may repeat the codec's headers. Such a
demuxer gives the headers to the first packet behind a change, and not to the packets after it. A
decoder that begins elsewhere would use other headers, and keep colours of pictures that are shown
later. Streams with such packets are decoded from the beginning by a new decoder, and the source is
opened again for it: a demuxer that has given the headers once does not give them again.
"""

cimport cython
from libc.errno cimport EIO, ENOMEM, EPERM
from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy

from cycodec.core.compat cimport (
    compat_packet_extradata,
    compat_packet_palette,
    compat_probing_tells_colours,
)
from cycodec.core.container.container cimport Container
from cycodec.core.container.metadata cimport colour_names
from cycodec.core.container.mpeg_systems cimport SYSTEMS_BYTES, has_steady_video, names_all_streams
from cycodec.core.error import LimitError, StreamNotFoundError
from cycodec.core.io.source cimport IOContext

from cycodec.libav cimport avcodec, avformat, avutil
from cycodec.libav.avcodec cimport AVCodecParameters, AVPacket
from cycodec.libav.avutil cimport AVDictionary


# Containers and codecs whose header holds all that a decoder needs. avformat_find_stream_info,
# which decodes the first frames, is not needed for them.
cdef set SELF_CONTAINED = {"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm"}
cdef set NEEDS_EXTRADATA = {avcodec.AV_CODEC_ID_H264, avcodec.AV_CODEC_ID_HEVC, avcodec.AV_CODEC_ID_MPEG4}
cdef set NEEDS_SIZE_ONLY = {avcodec.AV_CODEC_ID_VP8, avcodec.AV_CODEC_ID_VP9, avcodec.AV_CODEC_ID_AV1,
                            avcodec.AV_CODEC_ID_MJPEG, avcodec.AV_CODEC_ID_PRORES}
# Containers that name their streams in packets, and whose demuxers read on from any byte. Others
# keep more than a position: that of WTV reads sectors through a context of its own.
cdef frozenset MEETABLE = frozenset(("flv", "kux", "live_flv", "mpeg", "mpegts"))

cdef enum:
    HUGE_PIXELS = 1 << 24       # a frame of so many pixels is not decoded without need
    LARGEST_PICTURE = 1 << 28   # pixels; libavcodec refuses more by itself
    MOST_PALETTE_BITS = 8       # of a pixel that stands for a colour of a palette
    FIRST_BYTES = 1 << 16       # of packets in which streams are looked for
    STEADY_FRAMES = 4           # that FFmpeg reads to find a frame rate that does not change
    PROBE_PIXELS = 1 << 26      # of pictures that are decoded to describe a stream
    SCRATCH_ROWS = 280          # that libavcodec's decoders of MPEG-4 and its relatives keep
    SCRATCH_BORDER = 192        # pixels by which these rows may be wider than the picture


cdef bint is_huge(const AVCodecParameters *parameters) noexcept nogil:
    return <int64_t> max(parameters.width, 0) * max(parameters.height, 0) > HUGE_PIXELS


@cython.no_gc_clear
cdef class Demuxer(Container):
    """An open container whose packets are read.

    Parameters
    ----------
    io : IOContext
        The source, which the demuxer keeps alive.
    """

    def __cinit__(self, IOContext io not None):
        self.stream_with_palette = -1
        self.held = avcodec.av_packet_alloc()
        if self.held == NULL:
            raise MemoryError()

    def __dealloc__(self):
        avcodec.av_packet_free(&self.held)

    cdef void abandon(self) noexcept:
        self.held = NULL
        Container.abandon(self)

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
            if code == avutil.AVERROR(EIO) or code == avutil.AVERROR(EPERM):
                # old demuxers return EIO (RoQ) or -1 (GXF) at the end
                if self.ptr.pb != NULL and self.ptr.pb.eof_reached and self.ptr.pb.error >= 0:
                    return avutil.AVERROR_EOF
            if code >= 0 and packet.stream_index == self.stream_with_palette:
                code = self.note_palette(packet)
            if code < 0 or stream_index < 0 or packet.stream_index == stream_index:
                if code >= 0 and packet.side_data_elems > 0:
                    self.note_headers(packet)
                return code
            avcodec.av_packet_unref(packet)

    cdef int note_palette(self, AVPacket *packet) noexcept nogil:
        """Keep the first palette of the chosen stream, and give it to the first packet after a
        seek; see Note [Palettes].
        """
        cdef const uint8_t *palette = compat_packet_palette(packet)
        cdef uint8_t *copy
        cdef bint has_moved = self.has_moved
        self.has_moved = False
        if palette != NULL and not self.has_palette:
            memcpy(self.palette, palette, PALETTE_BYTES)
            self.has_palette = True
        elif palette != NULL:
            self.changes_palette = self.changes_palette or memcmp(self.palette, palette, PALETTE_BYTES) != 0
        elif has_moved and self.has_palette:
            copy = avcodec.av_packet_new_side_data(packet, avcodec.AV_PKT_DATA_PALETTE, PALETTE_BYTES)
            if copy == NULL:
                avcodec.av_packet_unref(packet)
                return avutil.AVERROR(ENOMEM)
            memcpy(copy, self.palette, PALETTE_BYTES)
        self.has_read = True
        return 0

    cdef void note_headers(self, const AVPacket *packet) noexcept nogil:
        """Note whether a packet brings other headers of the codec than the container; see Note
        [Several sample descriptions].
        """
        cdef const AVCodecParameters *parameters = self.ptr.streams[packet.stream_index].codecpar
        cdef int size = 0
        cdef const uint8_t *headers = compat_packet_extradata(packet, &size)
        if headers != NULL and (
            size != parameters.extradata_size or memcmp(headers, parameters.extradata, size) != 0
        ):
            self.changes_headers = True

    cdef void prepare_to_move(self) noexcept nogil:
        """Read the stream's first packet, if it may bring a palette, and drop what was read ahead.
        """
        cdef const AVPacket *packet
        if self.stream_with_palette >= 0 and not self.has_read:
            self.peek(self.stream_with_palette, &packet)
        self.has_moved = True
        self.drop()
        self.begin()

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
        self.prepare_to_move()
        return avformat.av_seek_frame(self.ptr, stream_index, timestamp, avformat.AVSEEK_FLAG_BACKWARD)

    cdef int seek_byte(self, int64_t position) noexcept nogil:
        """Go to a position of the file, in bytes."""
        self.prepare_to_move()
        return avformat.av_seek_frame(self.ptr, -1, position, avformat.AVSEEK_FLAG_BYTE)

    def probe(self):
        """Run avformat_find_stream_info unless it has run.

        FFmpeg reads and decodes until it knows every stream.
        """
        cdef unsigned int count, i
        cdef AVDictionary **options
        cdef int code, flags
        if self.probed:
            return
        self.meet_streams()
        flags = self.ptr.ctx_flags
        self.shorten_probing()
        count = self.ptr.nb_streams
        sizes = [(self.ptr.streams[i].codecpar.width, self.ptr.streams[i].codecpar.height) for i in range(count)]
        options = <AVDictionary **> calloc(count + 1, sizeof(AVDictionary *))
        if options == NULL:
            raise MemoryError()
        with nogil:
            for i in range(count):
                avutil.av_dict_set_int(&options[i], "max_pixels", self.probed_pixels(i), 0)
                # nobody sees the pictures
                avutil.av_dict_set(&options[i], "skip_loop_filter", "all", 0)
                avutil.av_dict_set(&options[i], "skip_idct", "all", 0)
            self.begin()
            code = avformat.avformat_find_stream_info(self.ptr, options)
            self.ptr.ctx_flags |= flags
            for i in range(count):
                avutil.av_dict_free(&options[i])
            free(options)
        if code == avutil.AVERROR_EOF or code == avutil.AVERROR_INVALIDDATA:
            self.refuse_what_it_is()    # FFmpeg has taken it for a media file
            if self.ptr.nb_streams > 0 and not self.io.failed:
                code = 0    # packets at the begin are damaged; as ffmpeg does, read the others
        self.check(code, "find stream information")
        for i in range(count):
            # a decoder that refuses a size forgets the header's
            if self.ptr.streams[i].codecpar.width == 0 and sizes[i][0] > 0:
                self.ptr.streams[i].codecpar.width, self.ptr.streams[i].codecpar.height = sizes[i]
        self.probed = True

    cdef int meet_streams(self) except -1:
        """Read the first packets, and go back.

        Some containers (FLV, MPEG-PS and -TS) name their streams in packets. FFmpeg takes options,
        such as the largest size of pictures, for streams that it knows when probing begins. So all
        that probing may read is read before, but only under a limit below libavcodec's own: reading
        twice costs up to a quarter of opening. Otherwise, and from a URL, reading ends when the
        demuxer calls the streams complete.
        """
        cdef int flags = self.ptr.flags
        cdef bint is_strict = self.io.access.max_pixels < LARGEST_PICTURE
        cdef bint is_far = self.io.size is None
        cdef int64_t left = self.ptr.probesize if is_strict else FIRST_BYTES
        cdef int64_t begin
        cdef int code = 0
        if not self.ptr.ctx_flags & avformat.AVFMTCTX_NOHEADER or self.ptr.pb == NULL or not self.ptr.pb.seekable:
            return 0
        if self.format_name not in MEETABLE:
            return 0
        begin = self.byte_position()
        # packets as they are stored: timestamps and parsers begin with the real probing
        self.ptr.flags |= avformat.AVFMT_FLAG_NOPARSE | avformat.AVFMT_FLAG_NOFILLIN
        with nogil:
            while code >= 0 and left > 0 and (
                (is_strict and not is_far) or self.ptr.ctx_flags & avformat.AVFMTCTX_NOHEADER
            ):
                code = self.read(self.held, -1)
                left -= self.held.size + 1
                avcodec.av_packet_unref(self.held)
            self.ptr.flags = flags
        self.check(min(code, 0) if code == avutil.AVERROR_EXIT else 0, "read")
        self.recover()
        with nogil:
            code = self.seek_byte(begin)
        return self.check(code, "go back to its begin")

    cdef void shorten_probing(self) noexcept:
        """Let FFmpeg read less where headers tell what it looks for: Note [Short probing] in
        mpeg_systems.pyx.
        """
        cdef uint8_t[SYSTEMS_BYTES] head
        cdef int64_t size
        if self.io.size is None or self.format_name not in ("mpeg", "mpegts"):
            return
        with nogil:
            size = self.io.read_at(0, head, SYSTEMS_BYTES)
            if has_steady_video(self.ptr, head, <int> size):
                # a negative number leaves the choice to FFmpeg; options of the user are kept
                if self.ptr.fps_probe_size < 0:
                    self.ptr.fps_probe_size = STEADY_FRAMES
                if names_all_streams(self.ptr, head, <int> size):
                    self.ptr.ctx_flags &= ~avformat.AVFMTCTX_NOHEADER

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

    def learn_size(self, int index, int width, int height):
        """Take the size that the first picture of a stream states, if probing has found none."""
        if self.ptr.streams[index].codecpar.width <= 0:
            self.ptr.streams[index].codecpar.width, self.ptr.streams[index].codecpar.height = width, height

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

    def check_decoding(self, int index, int code):
        """Raise the error of a decoder of a video stream.

        MPEG-4 and its relatives keep some rows of their own, to which FFmpeg 9 applies
        `max_pixels`. They then report that there is no memory, which is a LimitError here.
        """
        cdef AVCodecParameters *parameters = self.ptr.streams[index].codecpar
        cdef int64_t width = parameters.width + SCRATCH_BORDER
        if (
            code == avutil.AVERROR(ENOMEM) and parameters.width > 0
            and width * SCRATCH_ROWS > self.io.access.max_pixels
        ):
            raise LimitError(
                f"{self.io.name}: its frames have {parameters.width}x{parameters.height} pixels, and its decoder keeps "
                f"{SCRATCH_ROWS} rows with a border, more than max_pixels allows, {self.io.access.max_pixels} (pass a "
                f"max_pixels of {width * SCRATCH_ROWS})", source=self.io.name, operation="decode",
            )
        self.check(code, "decode")

    def knows_colours(self, int index):
        """Return True if `stream_info` tells the colours that the pictures of a stream carry.

        Where probing prefers the container's colours, it has found the decoder's only if the
        container states none.
        """
        cdef AVCodecParameters *parameters = self.ptr.streams[index].codecpar
        if not self.probed or compat_probing_tells_colours():
            return self.probed
        told = colour_names(
            parameters.color_primaries, parameters.color_space, parameters.color_trc, parameters.color_range
        )
        return all(name is None for name in told.values())

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
        chosen = self.select("video", stream_index, "a video", "AudioDecoder reads audio")
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
                # FFmpeg has no decoder, which opening the stream reports for other kinds of files
                self.refuse_what_it_is()
                stream_index = streams[0]
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
        cdef const AVCodecParameters *parameters = self.ptr.streams[index].codecpar
        cdef unsigned int i
        if parameters.codec_type == avutil.AVMEDIA_TYPE_VIDEO and (
            parameters.format == avutil.AV_PIX_FMT_PAL8 or 0 < parameters.bits_per_coded_sample <= MOST_PALETTE_BITS
        ):
            self.stream_with_palette = index
        for i in range(self.ptr.nb_streams):
            self.ptr.streams[i].discard = (
                avcodec.AVDISCARD_DEFAULT if <int> i == index else avcodec.AVDISCARD_ALL
            )
