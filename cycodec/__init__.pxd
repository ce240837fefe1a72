"""The C API of the package: `from cycodec cimport decoder_reader, reader_reach, reader_frame`."""

from cycodec.core.capi.abi cimport CYCODEC_ABI, cycodec_abi, require_cycodec
from cycodec.core.capi.demuxer cimport (
    decoder_demuxer,
    demuxer_best_stream,
    demuxer_check,
    demuxer_context,
    demuxer_num_streams,
    demuxer_open,
    demuxer_open_memory,
    demuxer_read,
    demuxer_read_any,
    demuxer_seek,
    demuxer_stream,
)
from cycodec.core.capi.encoding cimport (
    encoder_add_picture,
    encoder_add_samples,
    encoder_check,
    encoder_flush,
    encoder_set_layout,
    muxer_add_audio,
    muxer_add_video,
    muxer_finish,
    muxer_open,
    muxer_start,
)
from cycodec.core.capi.frames cimport (
    PICTURE_FLOAT16,
    PICTURE_FLOAT32,
    PICTURE_UINT8,
    decoder_reader,
    decoder_spec,
    reader_check,
    reader_convert,
    reader_frame,
    reader_reach,
    spec_bytes,
    spec_height,
    spec_width,
)
from cycodec.core.capi.index cimport (
    decoder_index,
    index_duration,
    index_gop_begin,
    index_length,
    index_number_at,
    index_pts,
    index_time_base,
)
from cycodec.core.capi.samples cimport (
    decoder_samples,
    samples_channels,
    samples_check,
    samples_length,
    samples_rate,
    samples_read,
)
from cycodec.core.handles cimport (
    DemuxerHandle,
    EncoderHandle,
    IndexHandle,
    MuxerHandle,
    ReaderHandle,
    SamplesHandle,
    SpecHandle,
)
