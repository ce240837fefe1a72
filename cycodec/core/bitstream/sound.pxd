"""What the bytes of audio packets say: how many samples they hold, where MP3 frames end."""

from libc.stdint cimport int32_t, int64_t, uint8_t


cdef struct Mp3Frame:
    int size        # bytes, the header included
    int samples     # of each channel


cdef struct SampleRange:
    int64_t first
    int64_t last    # exclusive; 0: the range is empty


cdef int32_t opus_samples(const uint8_t *data, int size) noexcept nogil
cdef int32_t alac_samples(const uint8_t *data, const uint8_t *cookie) noexcept nogil
cdef bint amr_nb_is_silent(int first) noexcept nogil
cdef int32_t wma_samples(const uint8_t *data, int size, int version, int rate, const uint8_t *extradata,
                         int extradata_size) noexcept nogil
cdef bint wma_makes_noise(int channels, int rate, int64_t bit_rate) noexcept nogil

cdef bint read_mp3_header(const uint8_t *header, Mp3Frame *frame) noexcept nogil
cdef bint same_mp3_form(const uint8_t *a, const uint8_t *b) noexcept nogil
cdef SampleRange mp3_padding(const uint8_t *before, int size, int samples) noexcept nogil
cdef bint is_info_frame(const uint8_t *data, int size) noexcept nogil
cdef bint mp3_main_data(const uint8_t *data, int size, int *begin, int *length) noexcept nogil
cdef bint is_no_mp3(const uint8_t *data, int size) noexcept nogil
