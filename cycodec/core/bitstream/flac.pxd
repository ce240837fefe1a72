"""FLAC frame headers."""

from libc.stdint cimport int32_t, int64_t, uint8_t

from cycodec.core.container.demux cimport Demuxer


cdef enum:
    FLAC_FORM_BYTES = 4


cdef struct FlacFrame:
    int64_t number              # of its first sample
    int64_t position            # of its first byte in the file
    int32_t samples


cdef int flac_channels(int value) noexcept nogil
cdef bint same_flac_form(const uint8_t *a, const uint8_t *b) noexcept nogil
cdef int32_t flac_samples(const uint8_t *data, int size) noexcept nogil
cdef bint flac_locate(Demuxer demuxer, const uint8_t *form, int64_t begin, int32_t block, int64_t total, int64_t wanted,
                      FlacFrame *found) noexcept nogil
