"""BlockReader: sound that comes in blocks, delivered by position."""

from libc.stdint cimport int64_t, uint8_t, uint64_t

from cycodec.libav.swresample cimport SwrContext


cdef struct SoundFormat:
    int sample_format       # AVSampleFormat
    int rate
    int channels
    uint64_t mask           # which speakers; 0: not said


cdef enum:
    FROM_THE_START = 1      # begin_at: the input begins with the stream's first sample instead
    CONTRADICTION = -0x70000002     # next_input: positions promised are wrong; begin again from the start


cdef class BlockReader:
    # The block at hand, set by next_input
    cdef SoundFormat input
    cdef uint8_t **data             # its planes (one if packed)
    cdef int64_t position           # of its first sample, in input samples
    cdef int64_t length
    cdef bint held                  # not yet converted

    cdef SoundFormat native         # of the stream's first block
    cdef SoundFormat current        # what the converter is set up for
    cdef SwrContext *swr            # NULL: samples are float planes already
    cdef uint8_t **views
    cdef int num_views
    cdef float **own_planes         # the converter's output
    cdef float *own
    cdef int64_t capacity

    cdef readonly int sample_rate   # of the output
    cdef readonly int num_channels
    cdef int step_in, step_out      # the resampler's phase repeats after so many samples
    cdef int64_t reach              # output samples that a resampler needs before what it gives is settled

    cdef float **planes             # what is converted and not yet delivered
    cdef int64_t offset
    cdef int64_t available
    cdef int64_t at                 # output position of its first sample, or of the next one to come
    cdef int64_t begin_input        # input samples before it are dropped
    cdef bint anchored              # whether a sample really was at such a position
    cdef bint running
    cdef bint draining
    cdef bint unconvertible         # libswresample refused
    cdef readonly str source        # how errors call it
    cdef public bint linear         # whether reading can only begin at the start
    cdef readonly int64_t total     # output samples in all; -1: the end was not reached yet

    cdef readonly int64_t seeks
    cdef readonly int64_t blocks

    cdef int next_input(self) noexcept nogil
    cdef int begin_at(self, int64_t position) noexcept nogil
    cdef int64_t patience(self) noexcept nogil

    cdef int set_native(self) noexcept nogil
    cdef int configure(self) noexcept nogil
    cdef int make_room(self, int64_t count) noexcept nogil
    cdef int convert(self) noexcept nogil
    cdef int flush(self) noexcept nogil
    cdef int next_block(self) noexcept nogil
    cdef int begin(self, int64_t start) noexcept nogil
    cdef bint is_near(self, int64_t start) noexcept nogil
    cdef int bring(self, int64_t start) noexcept nogil
    cdef void stop(self) noexcept nogil
    cdef int fill(self, int64_t start, int64_t stop, float *out, int64_t stride, int64_t *done) noexcept nogil
    cdef int finish(self, int code) except -1
