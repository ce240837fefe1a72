"""The C API of the package: `from cycodec cimport decoder_reader, reader_reach, reader_frame`."""

from cycodec.core.capi cimport (
    CYCODEC_ABI,
    check_build,
    cycodec_abi,
    decoder_reader,
    demuxer_context,
    demuxer_read,
    index_duration,
    index_length,
    index_number_at,
    index_pts,
    reader_check,
    reader_frame,
    reader_reach,
    require_cycodec,
)
