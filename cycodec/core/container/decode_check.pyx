"""Whether a decoder gives a picture for packets, which it decodes.

Note [Pictures that are refused late]

The decoders of most codecs refuse a packet for its headers only, which HeaderCheck asks about. Many
others give no picture if any byte is wrong: those of PNG, lossless codecs, codecs without P-frames,
and Theora. Only decoding tells. That costs as much as reading the frames, so that it is done for
few packets; see Note [Packets before the anchor] in core/video/earlier_packets.pyx. The decoder of
PNG is not asked about packets with right checksums.
"""

from libc.errno cimport EAGAIN, ENOMEM
from libc.stdint cimport int64_t

from cycodec.core.bitstream.png cimport has_right_checksums
from cycodec.core.container.decoder_context cimport allocate_decoder, open_decoder
from cycodec.core.container.demux cimport Demuxer
from cycodec.core.container.header_check cimport can_check_headers
from cycodec.core.error import FFmpegError
from cycodec.core cimport error

from cycodec.libav cimport avcodec, avutil
from cycodec.libav.avcodec cimport AVPacket


cdef bint refuses_late(int codec_id) noexcept:
    """Return True if damage anywhere in a packet may keep a decoder from giving its picture.

    Of AV1, the headers are checked; see Note [AV1 units] in core/video/earlier_packets.pyx.
    """
    return codec_id in (avcodec.AV_CODEC_ID_THEORA, avcodec.AV_CODEC_ID_PRORES) or not (
        can_check_headers(codec_id) or codec_id == avcodec.AV_CODEC_ID_AV1
    )


cdef class DecodeCheck:
    """Asks a decoder of one stream. See `new_decode_check`."""

    def __dealloc__(self):
        avcodec.avcodec_free_context(&self.context)
        avutil.av_frame_free(&self.frame)
        avcodec.avcodec_parameters_free(&self.parameters)

    cdef void abandon(self) noexcept:
        """Forget what is owned without freeing it; see Note [After fork]."""
        self.context = NULL
        self.frame = NULL
        self.parameters = NULL

    cdef bint refuses(self, const AVPacket *packet) noexcept nogil:
        """Return True if the decoder gives no picture for a packet.

        The packets of a stream must come in their order, since later pictures may refer to earlier
        ones. A decoder with a delay must report an error.
        """
        cdef bint has_frame = False
        cdef int code
        if not self.can_check or packet.size <= 0:
            return False
        if self.parameters.codec_id == avcodec.AV_CODEC_ID_PNG and has_right_checksums(packet.data, packet.size):
            return False
        if self.context == NULL and not self.begin():
            return False
        code = avcodec.avcodec_send_packet(self.context, packet)
        while code >= 0:
            code = avcodec.avcodec_receive_frame(self.context, self.frame)
            has_frame = has_frame or code >= 0
            avutil.av_frame_unref(self.frame)
        if code == avutil.AVERROR(ENOMEM):
            return False
        if code == avutil.AVERROR(EAGAIN):
            return not has_frame and not self.has_delay
        return True

    cdef bint begin(self) noexcept nogil:
        """Open the decoder; return False if that fails, which the reader's decoder will report."""
        with gil:
            try:
                self.open()
            except (FFmpegError, MemoryError):
                self.can_check = False
        return self.can_check

    cdef int open(self) except -1:
        cdef const avcodec.AVCodec *codec = avcodec.avcodec_find_decoder(self.parameters.codec_id)
        cdef avutil.AVRational unknown
        unknown.num = unknown.den = 0
        self.frame = avutil.av_frame_alloc()
        if self.frame == NULL:
            raise MemoryError()
        self.context = allocate_decoder(codec, self.parameters, unknown, 1, self.max_pixels, self.source)
        self.has_delay = codec.capabilities & avcodec.AV_CODEC_CAP_DELAY != 0
        open_decoder(self.context, self.source)
        return 0


cdef DecodeCheck new_decode_check(Demuxer demuxer, int stream_index):
    """Return a check for a stream that is ready for the first packet.

    It accepts every packet of a codec whose headers tell enough. It does so, too, where pictures
    are huge, or where FFmpeg has not found their size.

    Parameters
    ----------
    demuxer : Demuxer
    stream_index : int
        A copy of the stream's parameters is kept.
    """
    cdef const avcodec.AVCodecParameters *parameters = demuxer.stream(stream_index).codecpar
    cdef DecodeCheck check = DecodeCheck()
    if (
        not refuses_late(parameters.codec_id) or avcodec.avcodec_find_decoder(parameters.codec_id) == NULL
        or demuxer.has_huge_frames(stream_index)
    ):
        return check
    check.source = demuxer.io.name
    check.max_pixels = demuxer.io.access.max_pixels
    check.pixels = <int64_t> max(parameters.width, 1) * max(parameters.height, 1)
    check.parameters = avcodec.avcodec_parameters_alloc()
    if check.parameters == NULL:
        raise MemoryError()
    error.check(avcodec.avcodec_parameters_copy(check.parameters, parameters), "copy codec parameters", check.source)
    check.can_check = True
    return check
