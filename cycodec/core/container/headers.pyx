"""What headers say of a stream's pictures: pixel format and colours, which FFmpeg otherwise finds out by decoding some.

avformat_find_stream_info decodes until it knows how far pictures are reordered. For a decoder that orders pictures by
itself, the sequence header is enough.
"""

from libc.stdint cimport uint8_t

from cycodec.core.container.demux cimport Demuxer
from cycodec.core.bitstream.sps cimport Bits, Sps, read_bits, read_sps
from cycodec.core.bitstream.sps import sets_in_extradata

from cycodec.libav cimport avcodec, avutil
from cycodec.libav.avcodec cimport AVCodecParameters, AVPacket


def know_pictures(Demuxer demuxer not None, int stream_index):
    """Fill in what the headers say of a stream that FFmpeg has not looked at yet; whether they say enough.

    That is 4:2:0 of 8 bits: H.264 by the one parameter set in its header, VP9 by its first picture. Of other codecs
    FFmpeg learns enough in no time.
    """
    cdef AVCodecParameters *parameters
    if demuxer.probed or stream_index >= demuxer.num_streams or not demuxer.is_self_contained(stream_index):
        return False
    parameters = demuxer.stream(stream_index).codecpar
    if parameters.codec_id == avcodec.AV_CODEC_ID_H264:
        units = sets_in_extradata((<const char *> parameters.extradata)[:parameters.extradata_size])
        return len(units) == 1 and know_h264(parameters, units[0])
    if parameters.codec_id == avcodec.AV_CODEC_ID_VP9:
        return know_vp9(demuxer, stream_index, parameters) or put_back(demuxer, stream_index)
    return False


cdef bint put_back(Demuxer demuxer, int stream_index) except -1:
    """Have the demuxer begin with the packet that was looked at, so that FFmpeg can look, too; False.

    Where the source cannot seek, FFmpeg makes do with the second packet, and learns less.
    """
    cdef const AVPacket *packet
    if demuxer.peek(stream_index, &packet) >= 0:
        demuxer.seek(stream_index, packet.dts if packet.dts != avutil.AV_NOPTS_VALUE else packet.pts)
    return False


cdef bint know_h264(AVCodecParameters *parameters, bytes unit) except -1:
    """As h264_init_ps of libavcodec does it: what the set does not say stays as the container says it."""
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


# color_space of VP9 (its bitstream specification, 7.2.2) -> ISO/IEC 23091-2; RGB and the reserved one are left out
cdef dict VP9_SPACES = {
    0: avutil.AVCOL_SPC_UNSPECIFIED, 1: 5, 2: 1, 3: 6, 4: 7, 5: 9,
}


cdef bint know_vp9(Demuxer demuxer, int stream_index, AVCodecParameters *parameters) except -1:
    """By the first picture's uncompressed header (6.2 of the specification)."""
    cdef const AVPacket *packet
    cdef Bits bits
    if demuxer.peek(stream_index, &packet) < 0 or packet.size < 16:
        return False
    bits.data = packet.data
    bits.size = 8 * packet.size
    bits.pos = 0
    bits.overrun = False
    # frame_marker 2, profile 0, no show_existing_frame, a key frame; then show_frame and error_resilient_mode
    if read_bits(&bits, 6) != 0b100000:
        return False
    read_bits(&bits, 2)
    if read_bits(&bits, 24) != 0x498342:
        return False
    space = VP9_SPACES.get(read_bits(&bits, 3))
    if space is None:
        return False
    parameters.color_space = space
    parameters.color_range = avutil.AVCOL_RANGE_JPEG if read_bits(&bits, 1) else avutil.AVCOL_RANGE_MPEG
    parameters.format = avutil.AV_PIX_FMT_YUV420P
    return True
