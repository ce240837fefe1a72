"""The samples of an audio stream."""

from libc.stdint cimport int64_t

from cycodec.core.handles cimport SamplesHandle


cdef SamplesHandle decoder_samples(object decoder)
cdef int samples_rate(SamplesHandle reader) noexcept nogil
cdef int samples_channels(SamplesHandle reader) noexcept nogil
cdef int64_t samples_length(SamplesHandle reader) noexcept nogil
cdef int64_t samples_read(SamplesHandle reader, int64_t start, int64_t count, float *out, int64_t stride) noexcept nogil
cdef int samples_check(SamplesHandle reader, int64_t code) except -1
