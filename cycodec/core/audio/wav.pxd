"""WavReader: PCM in RIFF, RF64 and BW64 files, read without FFmpeg."""

from cpython.buffer cimport Py_buffer
from libc.stdint cimport int64_t, uint8_t, uint64_t

from cycodec.core.audio.sample_blocks cimport BlockReader


cdef enum:
    HEAD_BYTES = 4096


cdef class WavReader(BlockReader):
    cdef object file                # a file-like object, or None
    cdef object failure             # what it raised
    cdef int fd                     # of a path; -1: none
    cdef Py_buffer view
    cdef bint has_view
    cdef uint8_t head[HEAD_BYTES]   # the beginning of what is not in memory, read at once
    cdef int64_t head_size
    cdef readonly int64_t size      # bytes of the whole source

    cdef readonly int kind          # PcmKind
    cdef readonly int rate, channels, width
    cdef readonly bint is_float
    cdef uint64_t mask
    cdef readonly int64_t data_offset
    cdef readonly int64_t num_samples
    cdef readonly int64_t bytes_read

    cdef int64_t cursor             # where next_input goes on
    cdef uint8_t *raw
    cdef float *block
    cdef uint8_t **block_planes

    cdef void release(self) noexcept
    cdef int64_t fetch(self, int64_t offset, uint8_t *out, int64_t count) noexcept nogil
    cdef int parse(self) except -1
    cdef int read_format(self, int64_t offset, int64_t length) except -1
    cdef int copy(self, int64_t start, int64_t count, float *out, int64_t stride) noexcept nogil
