"""Finds the size of a stream's first picture without the memory that the picture needs."""

from libc.limits cimport INT_MAX

from cycodec.core.bitstream.h263 cimport read_flv1_size
from cycodec.core.bitstream.picture_parser cimport PictureHeader, PictureParser, new_picture_parser
from cycodec.core.container.decoder_context cimport allocate_decoder, open_decoder
from cycodec.core.container.demux cimport Demuxer

from cycodec.libav cimport avcodec, avutil
from cycodec.libav.avcodec cimport AVCodecContext, AVCodecParameters, AVPacket
from cycodec.libav.avutil cimport AVFrame


cdef enum:
    MOST_PACKETS = 16           # sent to the decoder before it must ask for a buffer
    MOST_PIXELS = 1 << 28       # of a picture whose decoder may need memory for the size alone

cdef struct Asked:
    # The size of the picture for which the decoder has asked for a buffer; 0 before that.
    int width
    int height


cdef int refuse_buffer(AVCodecContext *context, AVFrame *frame, int flags) noexcept nogil:
    """Note the size of the picture whose header the decoder has read, and give it no memory."""
    cdef Asked *asked = <Asked *> context.opaque
    asked.width, asked.height = context.width, context.height
    return avutil.AVERROR_EXTERNAL


cdef bint parses_size(PictureParser parser, const AVPacket *packet, Asked *found) noexcept nogil:
    """Read the size of a packet's picture without a decoder, which may take memory for it."""
    cdef PictureHeader header
    if parser.parameters.codec_id == avcodec.AV_CODEC_ID_FLV1:
        return read_flv1_size(packet.data, packet.size, &found.width, &found.height)
    parser.read(packet, &header)
    if parser.parser == NULL or parser.parser.width <= 0 or parser.parser.height <= 0:
        return False
    found.width, found.height = parser.parser.width, parser.parser.height
    return True


def first_picture_size(Demuxer demuxer not None, int stream_index):
    """Return width and height of the first picture that a decoder finds in a stream, or None.

    The limit `max_pixels` does not apply.

    Parameters
    ----------
    demuxer : Demuxer
        It must have read no packet; its packets are used up.
    stream_index : int
    """
    cdef AVCodecParameters *parameters
    cdef AVCodecContext *context
    cdef AVPacket *packet
    cdef AVFrame *frame
    cdef const avcodec.AVCodecDescriptor *descriptor
    cdef PictureParser parser
    cdef Asked asked
    cdef bint is_parsed
    cdef int code = 0
    cdef int _i
    if stream_index >= demuxer.num_streams:
        demuxer.probe()             # FLV names its streams in packets, of which none was read
    if stream_index >= demuxer.num_streams:
        return None
    parameters = demuxer.stream(stream_index).codecpar
    parser = new_picture_parser(parameters, demuxer.io.name)
    descriptor = avcodec.avcodec_descriptor_get(parameters.codec_id)
    is_intra_only = descriptor != NULL and descriptor.props & avcodec.AV_CODEC_PROP_INTRA_ONLY
    context = allocate_decoder(
        avcodec.avcodec_find_decoder(parameters.codec_id), parameters, demuxer.stream(stream_index).time_base, 1,
        INT_MAX if is_intra_only else MOST_PIXELS, demuxer.io.name,
    )
    packet = avcodec.av_packet_alloc()
    frame = avutil.av_frame_alloc()
    try:
        if packet == NULL or frame == NULL:
            raise MemoryError()
        asked.width = asked.height = 0
        context.opaque = &asked
        context.get_buffer2 = refuse_buffer
        with nogil:
            code = demuxer.read(packet, stream_index)
            is_parsed = code >= 0 and packet.size > 0 and parses_size(parser, packet, &asked)
        if is_parsed:
            return asked.width, asked.height
        open_decoder(context, demuxer.io.name)
        with nogil:
            for _i in range(MOST_PACKETS):
                if _i:
                    code = demuxer.read(packet, stream_index)
                avcodec.avcodec_send_packet(context, packet if code >= 0 else NULL)
                avcodec.av_packet_unref(packet)
                avcodec.avcodec_receive_frame(context, frame)
                if asked.width > 0 or code < 0:
                    break
    finally:
        avcodec.av_packet_free(&packet)
        avutil.av_frame_free(&frame)
        avcodec.avcodec_free_context(&context)
    return (asked.width, asked.height) if asked.width > 0 else None
