"""Tells whether a stream begins with a picture, without the memory that the picture needs."""

from cycodec.core.container.decoder_context cimport allocate_decoder, open_decoder
from cycodec.core.container.demux cimport Demuxer

from cycodec.libav cimport avcodec, avutil
from cycodec.libav.avcodec cimport AVCodecContext, AVCodecParameters, AVPacket
from cycodec.libav.avutil cimport AVFrame


cdef enum:
    MOST_PACKETS = 16           # sent to the decoder before it must ask for a buffer


cdef int refuse_buffer(AVCodecContext *context, AVFrame *frame, int flags) noexcept nogil:
    """Note that the decoder has read the header of a picture, and give it no memory."""
    cdef bint *has_asked = <bint *> context.opaque
    has_asked[0] = True
    return avutil.AVERROR_EXTERNAL


def begins_with_picture(Demuxer demuxer not None, int stream_index):
    """Return True if a decoder finds the header of a picture in the first packets of a stream.

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
    cdef bint has_asked = False
    cdef int code = 0
    cdef int _i
    if stream_index >= demuxer.num_streams:
        # FLV names its streams in packets, of which none was read
        return False
    parameters = demuxer.stream(stream_index).codecpar
    context = allocate_decoder(
        avcodec.avcodec_find_decoder(parameters.codec_id), parameters, demuxer.stream(stream_index).time_base, 1,
        demuxer.io.name,
    )
    packet = avcodec.av_packet_alloc()
    frame = avutil.av_frame_alloc()
    try:
        if packet == NULL or frame == NULL:
            raise MemoryError()
        context.max_pixels = demuxer.io.access.max_pixels
        context.opaque = &has_asked
        context.get_buffer2 = refuse_buffer
        open_decoder(context, demuxer.io.name)
        with nogil:
            for _i in range(MOST_PACKETS):
                code = demuxer.read(packet, stream_index)
                avcodec.avcodec_send_packet(context, packet if code >= 0 else NULL)
                avcodec.av_packet_unref(packet)
                avcodec.avcodec_receive_frame(context, frame)
                if has_asked or code < 0:
                    break
    finally:
        avcodec.av_packet_free(&packet)
        avutil.av_frame_free(&frame)
        avcodec.avcodec_free_context(&context)
    return has_asked
