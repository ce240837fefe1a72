"""A block of samples without audio, in any format."""

from libc.errno cimport ENOMEM
from libc.stdint cimport uint8_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from cycodec.libav cimport avutil


cdef class Silence:
    """The block is made when it is needed first; its format then stays."""

    def __dealloc__(self):
        free(self.samples)
        free(self.planes)

    cdef int prepare(self, int sample_format, int channels) noexcept nogil:
        """Make the block if there is none yet; 0 or AVERROR."""
        cdef int i
        if self.planes != NULL:
            return 0
        if self.samples == NULL:
            self.samples = <uint8_t *> malloc(SILENCE_SAMPLES * 8 * <size_t> channels)
        if self.samples != NULL:
            self.planes = <uint8_t **> malloc(channels * sizeof(uint8_t *))
        if self.planes == NULL:
            return avutil.AVERROR(ENOMEM)
        memset(
            self.samples, 0x80 if sample_format in (avutil.AV_SAMPLE_FMT_U8, avutil.AV_SAMPLE_FMT_U8P) else 0,
            SILENCE_SAMPLES * 8 * <size_t> channels
        )
        for i in range(channels):
            self.planes[i] = self.samples
        return 0
