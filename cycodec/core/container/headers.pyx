"""What a stream's headers say about its pictures: pixel format, colours and field coding.

avformat_find_stream_info finds format and colours by decoding until it knows how far pictures are
reordered. For a decoder that orders pictures itself, the headers are enough.
"""

from libc.stdint cimport uint8_t

from cycodec.core.bitstream.sps cimport Sps, read_sps
from cycodec.core.bitstream.vpx cimport Vp9Format, read_vp9_format
from cycodec.core.container.demux cimport Demuxer
from cycodec.core.bitstream.sps import sets_in_extradata

from cycodec.libav cimport avcodec, avutil
from cycodec.libav.avcodec cimport AVCodecParameters, AVPacket


def fill_picture_format(Demuxer demuxer not None, int stream_index):
    """Write a stream's pixel format and colours into its codec parameters without probing.

    That works for 4:2:0 of 8 bits: for H.264 by the only parameter set in the header, for VP9 by
    the first picture. For other codecs avformat_find_stream_info is quick.

    Returns
    -------
    bool
        False if the headers do not say enough; the caller then probes the demuxer.
    """
    cdef AVCodecParameters *parameters
    if demuxer.probed or stream_index >= demuxer.num_streams or not demuxer.is_self_contained(stream_index):
        return False
    parameters = demuxer.stream(stream_index).codecpar
    if parameters.codec_id == avcodec.AV_CODEC_ID_H264:
        units = sets_in_extradata((<const char *> parameters.extradata)[:parameters.extradata_size])
        return len(units) == 1 and fill_from_sps(parameters, units[0])
    if parameters.codec_id == avcodec.AV_CODEC_ID_VP9:
        if fill_from_first_packet(demuxer, stream_index, parameters):
            return True
        rewind(demuxer, stream_index)
    return False


cdef int rewind(Demuxer demuxer, int stream_index) except -1:
    """Make the demuxer begin with the first packet again, so that FFmpeg can probe it.

    If the source cannot seek, FFmpeg probes from the second packet on, and learns less.
    """
    cdef const AVPacket *packet
    with nogil:
        if demuxer.peek(stream_index, &packet) >= 0:
            demuxer.seek(stream_index, packet.dts if packet.dts != avutil.AV_NOPTS_VALUE else packet.pts)
    return 0


cdef bint fill_from_sps(AVCodecParameters *parameters, bytes unit) except -1:
    """Keep the container's values for what the set omits, as libavcodec's h264_init_ps does."""
    cdef Sps sps
    if not read_sps(<const uint8_t *> (<const char *> unit), <int> len(unit), &sps):
        return False
    if sps.chroma != 1 or sps.luma_depth != 8 or sps.chroma_depth != 8:
        return False
    if sps.full_range >= 0:
        parameters.color_range = avutil.AVCOL_RANGE_JPEG if sps.full_range else avutil.AVCOL_RANGE_MPEG
    if sps.has_colours:
        parameters.color_primaries = <avutil.AVColorPrimaries> sps.primaries
        parameters.color_trc = <avutil.AVColorTransferCharacteristic> sps.transfer
        parameters.color_space = <avutil.AVColorSpace> sps.matrix
    parameters.format = (
        avutil.AV_PIX_FMT_YUVJ420P if parameters.color_range == avutil.AVCOL_RANGE_JPEG else avutil.AV_PIX_FMT_YUV420P
    )
    return True


cdef bint fill_from_first_packet(Demuxer demuxer, int stream_index, AVCodecParameters *parameters) except -1:
    """Take VP9's format from the first packet; return False if it is not 4:2:0 of 8 bits."""
    cdef const AVPacket *packet
    cdef Vp9Format format
    cdef int code
    with nogil:
        code = demuxer.peek(stream_index, &packet)
    if code < 0 or not read_vp9_format(packet.data, packet.size, &format):
        return False
    parameters.color_space = <avutil.AVColorSpace> format.matrix
    parameters.color_range = avutil.AVCOL_RANGE_JPEG if format.full_range else avutil.AVCOL_RANGE_MPEG
    parameters.format = avutil.AV_PIX_FMT_YUV420P
    return True
