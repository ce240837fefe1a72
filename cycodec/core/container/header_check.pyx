"""Whether a decoder accepts the headers of packets, which it is asked without decoding pictures.

Note [Refused packets]

A packet whose picture header is damaged gives no frame, so that all later frames have other
numbers. The container does not tell. libavcodec's decoders read the headers of a picture that they
are told to leave out (AVDISCARD_ALL), and report what they would refuse. Some do not report it, or
decode such pictures, too. They are told to decode, and ask for a picture buffer, which they do not
get, if they accept the header. Only the beginning of a packet of H.264, HEVC, MPEG-1 or MPEG-2 is
sent: its parameter sets or headers, and the header of its first slice. Of a packet with one picture
of MPEG-4, the beginning is enough, too. Damage behind the headers is not found; most decoders
conceal it and give a frame. Of MPEG-1 and 2, the start codes of all slices are looked at, because
the decoder gives up a packet with a slice below the picture. Packets with plain headers need no
decoder: Note [Plain headers] in bitstream/plain_headers.pyx. It is opened for the first packet that
is not plain. The headers of VP9 need none either: Note [VP9 headers] in bitstream/vp9_header.pyx.

The decoders of H.263 and its relatives forget all references where the size changes. If no other
picture refers to that one, they then leave it out without a word. That of MPEG-4 forgets the
picture that it shows last, too. So a new size counts as refused.

The decoder of MPEG-4 takes a stream for one without B-pictures if headers say so, or are missing.
It believes the first B-picture instead, and then shows the picture before it twice. So a delay that
changes counts as refused, too.
"""

from libc.errno cimport EAGAIN, ENOMEM
from libc.stdint cimport uint8_t
from libc.string cimport memcpy, memset

from cycodec.core.bitstream.mpeg cimport changes_sequence as has_other_sequence
from cycodec.core.bitstream.mpeg cimport SequenceShape, has_misplaced_slice, holds_one_mpeg4_picture, mpeg4_picture_place
from cycodec.core.bitstream.nal cimport holds_picture, nal_format, take_length
from cycodec.core.bitstream.plain_headers cimport new_plain_headers
from cycodec.core.bitstream.start_codes cimport next_start_code
from cycodec.core.bitstream.vp9_header cimport read_vp9_packet
from cycodec.core.bitstream.vpx cimport is_hidden_vp9
from cycodec.core.container.decoder_context cimport allocate_decoder, open_decoder
from cycodec.core.container.demux cimport Demuxer
from cycodec.core.error import FFmpegError
from cycodec.core cimport error

from cycodec.libav cimport avcodec, avutil
from cycodec.libav.avcodec cimport AVCodecContext, AVPacket
from cycodec.libav.avutil cimport AVFrame


cdef enum:
    HEAD = 4096                 # bytes of a packet's beginning that are sent at most
    SLICE = 768                 # bytes of the first slice, whose header is shorter
    # The start codes of slices in MPEG-1 and 2 (ISO/IEC 13818-2, table 6-1).
    MPEG_SLICE_FIRST = 0x01
    MPEG_SLICE_LAST = 0xaf


# Codecs whose headers can be checked, and those of them whose decoders must ask for a picture
# buffer.
cdef set CHECKED = {
    avcodec.AV_CODEC_ID_H264, avcodec.AV_CODEC_ID_HEVC, avcodec.AV_CODEC_ID_MPEG1VIDEO,
    avcodec.AV_CODEC_ID_MPEG2VIDEO, avcodec.AV_CODEC_ID_MPEG4, avcodec.AV_CODEC_ID_H263,
    avcodec.AV_CODEC_ID_H263P, avcodec.AV_CODEC_ID_FLV1, avcodec.AV_CODEC_ID_MSMPEG4V2,
    avcodec.AV_CODEC_ID_MSMPEG4V3, avcodec.AV_CODEC_ID_WMV1, avcodec.AV_CODEC_ID_WMV2,
    avcodec.AV_CODEC_ID_VP8, avcodec.AV_CODEC_ID_VP9, avcodec.AV_CODEC_ID_THEORA, avcodec.AV_CODEC_ID_MJPEG,
    avcodec.AV_CODEC_ID_PRORES,
}
cdef set AWAITING = {
    avcodec.AV_CODEC_ID_H264, avcodec.AV_CODEC_ID_HEVC, avcodec.AV_CODEC_ID_MJPEG, avcodec.AV_CODEC_ID_PRORES,
}
# Codecs whose decoders drop pictures where the size changes.
cdef set RESIZED = {
    avcodec.AV_CODEC_ID_H263, avcodec.AV_CODEC_ID_H263P, avcodec.AV_CODEC_ID_FLV1, avcodec.AV_CODEC_ID_MPEG4,
}


cdef bint can_check_headers(int codec_id) noexcept:
    """Return True if the headers of a codec can be checked."""
    return codec_id in CHECKED


cdef class HeaderCheck:
    """Asks a decoder of one stream. See `new_header_check`."""

    def __dealloc__(self):
        avcodec.avcodec_free_context(&self.context)
        avcodec.av_packet_free(&self.head)
        avcodec.avcodec_parameters_free(&self.parameters)

    cdef void abandon(self) noexcept:
        """Forget what is owned without freeing it; see Note [After fork]."""
        self.context = NULL
        self.head = NULL
        self.parameters = NULL

    cdef void restart(self) noexcept nogil:
        """Prepare for packets from another place of the stream on."""
        memset(&self.shape, 0, sizeof(SequenceShape))
        if self.context != NULL:
            avcodec.avcodec_flush_buffers(self.context)
        self.has_begun = False
        if self.plain is not None:
            with gil:
                self.plain = new_plain_headers(self.parameters)

    cdef bint refuses(self, const AVPacket *packet, bint is_single=False) noexcept nogil:
        """Return True if the decoder would refuse a packet by its headers.

        The packets of a stream must come in their order, since later ones need earlier headers.
        `is_single` is True if the packet is known to hold one picture.
        """
        cdef int size
        self.is_plain = False
        if not self.can_check or packet.size <= 0:
            return False
        if self.nal.codec_id == avcodec.AV_CODEC_ID_VP9:
            return read_vp9_packet(&self.references, packet.data, packet.size) != (
                0 if is_hidden_vp9(packet.data[0], packet.data[packet.size - 1]) else 1
            )
        if self.changes_sequence(packet) or self.misplaces_slice(packet):
            return True
        size = 0 if holds_picture(&self.nal, packet.data, packet.size) else -1
        self.is_plain = size == 0 and self.plain is not None and self.plain.accepts(packet.data, packet.size)
        if self.is_plain:
            return False
        if self.context == NULL:
            if self.plain is not None and self.plain.needs_earlier(packet.data, packet.size):
                return True
            if not self.begin():
                return False
        if size == 0:
            size = self.cut(packet, is_single)
        if size < 0:
            return True
        if size == 0:
            return self.sends(packet)
        self.head.size = size
        memset(self.head.data + size, 0, avcodec.AV_INPUT_BUFFER_PADDING_SIZE)
        return self.sends(self.head)

    cdef bint changes_sequence(self, const AVPacket *packet) noexcept nogil:
        """Return True if a packet lets the decoder of MPEG-1 or 2 drop pictures before it; see Note
        [Changed sequences] in bitstream/mpeg.pyx.
        """
        return self.nal.codec_id in (avcodec.AV_CODEC_ID_MPEG1VIDEO, avcodec.AV_CODEC_ID_MPEG2VIDEO) and (
            has_other_sequence(&self.shape, packet.data, packet.size)
        )

    cdef bint misplaces_slice(self, const AVPacket *packet) noexcept nogil:
        """Return True if the decoder of MPEG-1 or 2 gives up a packet for one of its slices."""
        # the header of the sequence has the height in 12 bits, in front of 4
        cdef int height = max(self.parameters.height, self.shape.header >> 4 & 0xFFF)
        return self.nal.codec_id in (avcodec.AV_CODEC_ID_MPEG1VIDEO, avcodec.AV_CODEC_ID_MPEG2VIDEO) and (
            has_misplaced_slice(packet.data, packet.size, (height + 31) // 32 * 2)
        )

    cdef bint knows_order(self) noexcept nogil:
        """Return True if `plain` knows the order count of the last packet, for H.264."""
        return self.is_plain and self.nal.codec_id == avcodec.AV_CODEC_ID_H264

    cdef bint sends(self, const AVPacket *packet) noexcept nogil:
        """Send a packet, and return True if the decoder refuses it."""
        cdef int width = self.context.width
        cdef int height = self.context.height
        cdef int delay = self.context.has_b_frames
        cdef bint has_begun = self.has_begun
        cdef int code
        self.has_asked = False
        code = avcodec.avcodec_send_packet(self.context, packet)
        self.has_begun = True
        # before the first packet, the delay is what the container says
        if self.may_delay and has_begun and self.context.has_b_frames != delay:
            return True
        if self.may_resize and width > 0 and (self.context.width != width or self.context.height != height):
            return True
        if self.awaits_request:
            return not self.has_asked and code != avutil.AVERROR(ENOMEM)
        if code == avutil.AVERROR(EAGAIN):
            avcodec.avcodec_flush_buffers(self.context)
        return code < 0 and code != avutil.AVERROR(EAGAIN) and code != avutil.AVERROR(ENOMEM)

    cdef bint begin(self) noexcept nogil:
        """Open the decoder; return False if that fails, which the reader's decoder will report."""
        with gil:
            try:
                self.open()
            except (FFmpegError, MemoryError):
                avcodec.avcodec_free_context(&self.context)     # which may be there and not open
                self.can_check = False
        return self.can_check

    cdef int open(self) except -1:
        cdef avutil.AVRational unknown
        unknown.num = unknown.den = 0
        self.head = avcodec.av_packet_alloc()
        if self.head == NULL or avcodec.av_new_packet(self.head, HEAD) < 0:
            raise MemoryError()
        self.context = allocate_decoder(
            avcodec.avcodec_find_decoder(self.parameters.codec_id), self.parameters, unknown, 1,
            self.max_pixels, self.source,
        )
        if self.awaits_request:
            self.context.opaque = &self.has_asked
            self.context.get_buffer2 = refuse_buffer
        else:
            self.context.skip_frame = avcodec.AVDISCARD_ALL
            self.context.err_recognition |= avcodec.AV_EF_EXPLODE
        open_decoder(self.context, self.source)
        return 0

    cdef int cut(self, const AVPacket *packet, bint is_single) noexcept nogil:
        """Copy the parameter sets and the beginning of the first slice of a packet to `head`.

        Return the number of bytes; 0 if the whole packet must be sent, -1 if it holds no slice.
        """
        cdef const uint8_t *data = packet.data
        cdef bint is_h264 = self.nal.codec_id == avcodec.AV_CODEC_ID_H264
        cdef int prefix = self.nal.length if self.nal.length > 0 else 3
        cdef int position = 0
        cdef int size = 0
        cdef int length = 0
        cdef int kind, i
        cdef bint is_slice
        if self.nal.codec_id == avcodec.AV_CODEC_ID_MPEG1VIDEO or self.nal.codec_id == avcodec.AV_CODEC_ID_MPEG2VIDEO:
            return self.cut_mpeg(packet)
        if is_single and self.nal.codec_id == avcodec.AV_CODEC_ID_MPEG4:
            # the decoder refuses a picture that has not half a bit for each macroblock
            i = (self.parameters.width + 15 >> 4) * (self.parameters.height + 15 >> 4) >> 4
            return self.cut_at(packet, mpeg4_picture_place(data, packet.size), SLICE + i)
        if self.nal.length < 0:
            return 0
        if self.nal.length == 0:
            position = next_start_code(data, 0, packet.size)
        while position < packet.size:
            if self.nal.length > 0:
                if position + prefix >= packet.size:
                    return -1
                length = take_length(&self.nal, data, packet.size, &position)
                if not length:
                    return -1
            kind = data[position] & 31 if is_h264 else (data[position] >> 1) & 63
            is_slice = 1 <= kind <= 5 if is_h264 else kind < 32
            if self.nal.length == 0:
                # the end of the first slice is not looked for
                length = packet.size - position if is_slice else (
                    next_start_code(data, position, packet.size) - position
                )
            if is_slice or (7 <= kind <= 8 if is_h264 else 32 <= kind <= 34):
                kind = min(length, SLICE) if is_slice else length
                if size + prefix + kind > HEAD or (is_slice and is_h264 and data[position] & 31 not in (1, 5)):
                    return 0
                for i in range(prefix):
                    self.head.data[size + i] = (
                        <uint8_t> (kind >> 8 * (prefix - 1 - i) if i >= prefix - 4 else 0) if self.nal.length > 0
                        else <uint8_t> (i == 2)
                    )
                memcpy(self.head.data + size + prefix, data + position, kind)
                size += prefix + kind
                if is_slice:
                    return size
            position += length
        return -1

    cdef int cut_mpeg(self, const AVPacket *packet) noexcept nogil:
        """Copy the headers and the beginning of the first slice of MPEG-1 or 2 to `head`.

        Return the number of bytes; 0 if the whole packet must be sent.
        """
        cdef int position = next_start_code(packet.data, 0, packet.size)
        while position < packet.size and not MPEG_SLICE_FIRST <= packet.data[position] <= MPEG_SLICE_LAST:
            position = next_start_code(packet.data, position, packet.size)
        return self.cut_at(packet, position, SLICE)

    cdef int cut_at(self, const AVPacket *packet, int position, int kept) noexcept nogil:
        """Copy what stands before a picture's data, and so many bytes of them; the result is
        `cut`'s.
        """
        cdef int size = min(position + kept, packet.size)
        if position >= packet.size or size > HEAD:
            return 0
        memcpy(self.head.data, packet.data, size)
        return size


cdef int refuse_buffer(AVCodecContext *context, AVFrame *frame, int flags) noexcept nogil:
    """Note that the decoder has accepted a header, and give it no memory."""
    (<bint *> context.opaque)[0] = True
    return avutil.AVERROR_EXTERNAL


cdef HeaderCheck new_header_check(Demuxer demuxer, int stream_index, bint is_proved=False):
    """Return a check for a stream that is ready for the first packet.

    Nothing is checked where pictures are huge, or where FFmpeg has not found their size: a decoder
    takes memory for the macroblocks when it reads the size.

    Parameters
    ----------
    demuxer : Demuxer
    stream_index : int
        A copy of the stream's parameters is kept.
    is_proved : bool
        True if a decoder has decoded a picture with the headers in the extradata.
    """
    cdef const avcodec.AVCodecParameters *parameters = demuxer.stream(stream_index).codecpar
    cdef HeaderCheck check = HeaderCheck()
    check.nal = nal_format(parameters)
    check.source = demuxer.io.name
    check.max_pixels = check.references.max_pixels = demuxer.io.access.max_pixels
    check.references.width, check.references.height = max(parameters.width, 0), max(parameters.height, 0)
    if (
        parameters.codec_id not in CHECKED or avcodec.avcodec_find_decoder(parameters.codec_id) == NULL
        or demuxer.has_huge_frames(stream_index)
    ):
        return check
    check.parameters = avcodec.avcodec_parameters_alloc()
    if check.parameters == NULL:
        raise MemoryError()
    error.check(avcodec.avcodec_parameters_copy(check.parameters, parameters), "copy codec parameters", check.source)
    check.awaits_request = parameters.codec_id in AWAITING
    check.may_resize = parameters.codec_id in RESIZED
    check.may_delay = parameters.codec_id == avcodec.AV_CODEC_ID_MPEG4
    check.can_check = True
    if is_proved:
        check.plain = new_plain_headers(parameters)
    return check


def judge_packets(Demuxer demuxer not None, int stream_index, change=None):
    """Return what is said about each packet of a stream, for tests.

    Each packet is judged as the first one of the stream, by objects of its own.

    Parameters
    ----------
    demuxer : Demuxer
    stream_index : int
    change : callable, optional
        ``change(bytes) -> bytes`` replaces the data of a packet by as many bytes.

    Returns
    -------
    list of tuple of bool
        Whether the packet needs no decoder, whether the decoder refuses what it is sent of the
        packet, and whether it refuses the whole packet. Packets whose lengths of units do not fit
        are refused.
    """
    cdef AVPacket *packet = avcodec.av_packet_alloc()
    cdef const avcodec.AVCodecParameters *parameters = demuxer.stream(stream_index).codecpar
    cdef HeaderCheck check
    cdef bint is_single, is_entry, is_b, is_refused
    verdicts = []
    try:
        while demuxer.read(packet, stream_index) >= 0:
            if change is not None and avcodec.av_packet_make_writable(packet) >= 0:
                data = <bytes> change((<const char *> packet.data)[:packet.size])
                memcpy(packet.data, <const char *> data, min(<int> len(data), packet.size))
            is_single = holds_one_mpeg4_picture(packet.data, packet.size, &is_entry, &is_b)
            check = new_header_check(demuxer, stream_index)
            is_refused = check.refuses(packet, is_single)
            check = new_header_check(demuxer, stream_index)
            check.begin()
            is_plain = holds_picture(&check.nal, packet.data, packet.size) and not check.misplaces_slice(packet) and (
                new_plain_headers(parameters).accepts(packet.data, packet.size)
            )
            verdicts.append((is_plain, is_refused, check.sends(packet)))
            avcodec.av_packet_unref(packet)
    finally:
        avcodec.av_packet_free(&packet)
    return verdicts


def decode_stream(Demuxer demuxer not None, int stream_index, change=None, bint only_plain=False):
    """Return which packets of a stream are plain, and the frames that a decoder gives, for tests.

    Parameters
    ----------
    demuxer : Demuxer
    stream_index : int
    change : callable, optional
        ``change(bytes) -> bytes`` replaces the data of a packet by as many bytes.
    only_plain : bool
        True if the stream ends before the first packet that is not plain.

    Returns
    -------
    tuple of (list of bool, list of (int, str))
        Whether each packet is plain, where all those before it are, too. The number of the packet
        and the type of the picture ("I", "P", "B", ...) of each frame in order.
    """
    cdef AVPacket *packet = avcodec.av_packet_alloc()
    cdef AVFrame *frame = avutil.av_frame_alloc()
    cdef const avcodec.AVCodecParameters *parameters = demuxer.stream(stream_index).codecpar
    cdef PlainHeaders plain = new_plain_headers(parameters)
    cdef AVCodecContext *context = allocate_decoder(
        avcodec.avcodec_find_decoder(parameters.codec_id), parameters, demuxer.stream(stream_index).time_base, 1,
        demuxer.io.access.max_pixels, demuxer.io.name,
    )
    cdef int code = 0
    verdicts = []
    frames = []
    try:
        open_decoder(context, demuxer.io.name)
        while code >= 0:
            code = demuxer.read(packet, stream_index)
            if code >= 0:
                if change is not None and avcodec.av_packet_make_writable(packet) >= 0:
                    data = <bytes> change((<const char *> packet.data)[:packet.size])
                    memcpy(packet.data, <const char *> data, min(<int> len(data), packet.size))
                packet.pts = len(verdicts)
                verdicts.append(bool(plain.accepts(packet.data, packet.size)))
                if only_plain and not verdicts[-1]:
                    code = avutil.AVERROR_EOF
            avcodec.avcodec_send_packet(context, packet if code >= 0 else NULL)
            avcodec.av_packet_unref(packet)
            while avcodec.avcodec_receive_frame(context, frame) >= 0:
                frames.append((frame.pts, chr(avutil.av_get_picture_type_char(frame.pict_type))))
    finally:
        avcodec.avcodec_free_context(&context)
        avcodec.av_packet_free(&packet)
        avutil.av_frame_free(&frame)
    return verdicts, frames
