"""The samples of an audio stream."""

from libc.stdint cimport int64_t

from cycodec.core.audio.sample_blocks cimport BlockReader


cdef BlockReader decoder_samples(object decoder)
cdef int samples_rate(BlockReader reader) noexcept nogil
cdef int samples_channels(BlockReader reader) noexcept nogil
cdef int64_t samples_length(BlockReader reader) noexcept nogil
cdef int64_t samples_read(BlockReader reader, int64_t start, int64_t count, float *out, int64_t stride) noexcept nogil
cdef int samples_check(BlockReader reader, int64_t code) except -1
