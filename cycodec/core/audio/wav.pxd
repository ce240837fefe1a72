"""WavReader: PCM in RIFF, RF64 and BW64 files, read without FFmpeg."""

from libc.stdint cimport int64_t, uint8_t, uint64_t

from cycodec.core.audio.sample_blocks cimport BlockReader
from cycodec.core.io.source cimport IOContext


cdef enum:
    HEAD_BYTES = 4096


cdef class WavReader(BlockReader):
    cdef readonly IOContext io
    cdef const uint8_t *memory      # the bytes of a source in memory; NULL for others
    cdef uint8_t head[HEAD_BYTES]   # the first bytes of a source that is not in memory
    cdef int64_t head_size          # how many of them there are
    cdef readonly int64_t size      # bytes of the whole source

    cdef readonly int kind          # PcmKind
    cdef readonly int rate          # samples per second
    cdef readonly int channels
    cdef readonly int width         # bytes of a sample
    cdef uint64_t mask              # the speakers of the channels; 0: not known
    cdef readonly int64_t data_offset   # place of the first sample in the file
    cdef readonly int64_t num_samples   # of each channel
    cdef readonly int64_t bytes_read    # so far, without `memory` and `head`

    cdef int64_t cursor             # position of the block that next_input gives
    cdef uint8_t *raw               # BLOCK_BYTES of the file
    cdef float *block               # BLOCK_SAMPLES of each channel
    cdef uint8_t **block_planes     # pointers into `block`

    cdef int64_t fetch(self, int64_t offset, uint8_t *out, int64_t count) noexcept nogil
    cdef int64_t look(self, int64_t offset, uint8_t *out, int64_t count) except -1
    cdef int parse(self) except -1
    cdef int read_chunks(self) except -1
    cdef bint holds_compressed(self, int64_t length) except -1
    cdef int read_format(self, int64_t offset, int64_t length) except -1
    cdef int copy(self, int64_t start, int64_t count, float *out, int64_t stride) noexcept nogil
