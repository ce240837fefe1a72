"""Silence: a block of samples without audio, in any format."""

from libc.stdint cimport uint8_t


cdef enum:
    SILENCE_SAMPLES = 4096      # of one block


cdef class Silence:
    cdef uint8_t *samples       # SILENCE_SAMPLES of one channel of the widest format
    cdef uint8_t **planes       # pointers to `samples`, one for each channel

    cdef int prepare(self, int sample_format, int channels) noexcept nogil
