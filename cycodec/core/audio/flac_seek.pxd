"""Finding the frame of a .flac file that holds a sample."""

from libc.stdint cimport int32_t, int64_t, uint8_t

from cycodec.core.bitstream.flac cimport FLAC_FORM_BYTES
from cycodec.core.container.demux cimport Demuxer
from cycodec.libav.avcodec cimport AVPacket


cdef struct FlacStart:
    # the first frame of a stream
    uint8_t[FLAC_FORM_BYTES] form   # the beginning of its header
    int64_t position                # of its first byte in the file
    int32_t samples                 # of each channel


cdef void note_flac_start(FlacStart *start, const AVPacket *packet) noexcept nogil
cdef bint has_flac_form(const AVPacket *packet, const FlacStart *start) noexcept nogil
cdef int read_flac_at(Demuxer demuxer, int stream_index, const FlacStart *start, int64_t wanted,
                      AVPacket *packet) noexcept nogil
cdef bint cut_joined_flac(AVPacket *packet, const FlacStart *start, int64_t behind) noexcept nogil
cdef int64_t flac_number(const AVPacket *packet, const FlacStart *start) noexcept nogil
cdef bint is_one_flac(Demuxer demuxer, int stream_index, const FlacStart *start) noexcept nogil
cdef bint has_numbered_packets(Demuxer demuxer, int stream_index)
