"""BlockReader: samples that come in blocks, delivered by position."""

from libc.stdint cimport int64_t, uint8_t, uint64_t

from cycodec.core.compat cimport CompatMix
from cycodec.core.handles cimport SamplesHandle
from cycodec.libav.swresample cimport SwrContext


cdef inline int64_t most_samples() noexcept nogil:
    """Return a number of samples that no stream reaches."""
    return <int64_t> 1 << 50


cdef struct AudioFormat:
    int sample_format       # AVSampleFormat
    int rate                # samples per second
    int channels
    uint64_t mask           # the speakers of the channels; 0: not known
    CompatMix mix           # the levels to mix the channels with


cdef class BlockReader(SamplesHandle):
    cdef readonly str source        # how errors call the source
    cdef readonly int sample_rate   # of the output
    cdef readonly int num_channels  # of the output
    cdef public bint from_start_only    # True if reading can only begin at the start
    cdef readonly int64_t total     # output samples in all; -1: the end was not reached yet

    # The current block, set by next_input.
    cdef AudioFormat input
    cdef uint8_t **data             # its planes; one if the format is packed
    cdef int64_t block_start        # position of its first sample, in input samples
    cdef int64_t block_length       # in input samples
    cdef bint held                  # True if it is not converted yet

    # The converter.
    cdef AudioFormat native         # format of the stream's first block
    cdef AudioFormat current        # format that the converter is set up for
    cdef SwrContext *swr            # NULL: samples are float planes already
    cdef int step_in                # the resampler's phase repeats after so many input samples,
    cdef int step_out               # which are so many output samples
    cdef int64_t settling           # output samples that a resampler needs to forget how it started
    cdef uint8_t **views            # pointers into `data`
    cdef int num_views
    cdef float **own_planes         # pointers into `own`, one for each channel
    cdef float *own                 # the converter's output
    cdef int64_t capacity           # of each plane of `own`, in samples
    cdef bint unconvertible         # True if libswresample refused

    # What is converted and not delivered yet.
    cdef float **planes
    cdef int64_t offset             # of the first such sample in each plane
    cdef int64_t available          # number of such samples
    cdef int64_t next_out           # output position of the first one, or of the next one to come
    cdef int64_t begin_input        # input samples before this position are dropped
    cdef bint counted               # True if an end of input at `next_out` is that of the stream
    cdef bint running               # True if `next_out` is reached by reading on
    cdef int64_t resume             # where a run from the start was interrupted; -1: nowhere
    cdef bint draining              # True once next_input has reached the end

    cdef int next_input(self) noexcept nogil
    cdef int begin_at(self, int64_t position) noexcept nogil
    cdef int64_t patience(self) noexcept nogil

    cdef int set_native(self) noexcept nogil
    cdef bint has_extreme_ratio(self) noexcept nogil
    cdef int configure(self) noexcept nogil
    cdef int reserve(self, int64_t count) noexcept nogil
    cdef int convert(self) noexcept nogil
    cdef int flush(self) noexcept nogil
    cdef int next_block(self) noexcept nogil
    cdef int hold_next(self) noexcept nogil
    cdef bint has_other_format(self) noexcept nogil
    cdef int begin(self, int64_t start) noexcept nogil
    cdef bint is_near(self, int64_t start) noexcept nogil
    cdef void stop(self) noexcept nogil
    cdef int fill(self, int64_t start, int64_t stop, float *out, int64_t stride, int64_t *done) noexcept nogil
    cdef int step(self, int64_t start, int64_t stop, float *out, int64_t stride, int64_t *done,
                  bint *begun) noexcept nogil
    cdef int check(self, int code) except -1
