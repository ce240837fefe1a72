"""The NAL units of H.264 and HEVC."""

from libc.stdint cimport uint8_t

from cycodec.libav.avcodec cimport AVCodecParameters


cdef struct NalFormat:
    int codec_id
    int length              # bytes of the length before each unit; 0: start codes; -1: other codecs
    int top_layer           # HEVC's highest TemporalId; -1 if it is not known
    int num_sets            # HEVC's sequence parameter sets in the extradata
    int width               # of a picture, by the last of these sets
    int height


cdef NalFormat unit_format(const AVCodecParameters *parameters) noexcept nogil
cdef NalFormat nal_format(const AVCodecParameters *parameters) noexcept nogil
cdef int take_length(const NalFormat *format, const uint8_t *data, int size, int *position) noexcept nogil
cdef bint holds_picture(const NalFormat *format, const uint8_t *data, int size) noexcept nogil
cdef int header_bytes(const NalFormat *format, const uint8_t *data, int size, int *place) noexcept nogil
cdef bint is_in_top_layer(const NalFormat *format, const uint8_t *data, int size) noexcept nogil
cdef bint is_unreferenced(const NalFormat *format, const uint8_t *data, int size) noexcept nogil
cdef bint begins_at_entry(const NalFormat *format, const uint8_t *data, int size) noexcept nogil
cdef bint is_exact_entry(const NalFormat *format, const uint8_t *data, int size) noexcept nogil
cdef int count_pictures(
    const NalFormat *format, const uint8_t *data, int size, bint is_split, bint *is_entry
) noexcept nogil
