"""From blocks of decoded samples to the caller's memory: conversion, resampling, leftovers.

Positions count output samples. Position 0 is the first sample that the ffmpeg command gives for the
stream.

Note [Continuing]

A window that begins where the last one ended continues decoder and resampler as they are. What a
block gave beyond a window is kept for the next one. So windows that are read in order have the same
bits as one large window, whatever state the codec keeps.

A question between two windows, such as for the length, moves the decoder. The window that follows
such a question then decodes from the start once more, if the windows before it did.

Note [Resampling in the middle]

libswresample computes output sample n from the inputs around n * in / out. Its phase repeats after
in / g input and out / g output samples (g is their greatest common divisor). A resampler that
starts on such a boundary, so far before the window that its filter has forgotten the start, gives
the samples of an unbroken run.
"""

from cpython.exc cimport PyErr_CheckSignals
from libc.errno cimport EAGAIN, EINVAL, ENOMEM
from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memcpy, memmove

from cycodec.core cimport error
from cycodec.core.audio.codes cimport FROM_THE_START
from cycodec.core.container.codes cimport CONTRADICTION
from cycodec.core.compat cimport CompatMix, compat_swr_alloc, compat_swr_convert
from cycodec.core.error import UnsupportedError

from cycodec.libav cimport avutil, swresample


cdef enum:
    BLOCKS_PER_CALL = 256       # between two looks at pending signals
    FILTER_TAPS = 32            # libswresample's filter_size
    MAX_RATIO = 256             # of two sample rates; time and memory of a filter grow with it


cdef class BlockReader(SamplesHandle):
    """Reads samples by position from blocks that a subclass supplies.

    Parameters
    ----------
    sample_rate, num_channels : int
        Of the output; 0 takes the stream's own.
    """

    def __cinit__(self, *arguments, int sample_rate=0, int num_channels=0, **more):
        self.sample_rate = sample_rate
        self.num_channels = num_channels
        self.total = -1
        self.resume = -1

    def __dealloc__(self):
        swresample.swr_free(&self.swr)
        free(self.views)
        free(self.own_planes)
        avutil.av_free(self.own)

    # -- for subclasses ---------------------------------------------------------------------------

    cdef int next_input(self) noexcept nogil:
        """Describe the next block in the fields of the current one; 0, AVERROR_EOF or AVERROR."""
        return avutil.AVERROR_EOF

    cdef int begin_at(self, int64_t position) noexcept nogil:
        """Make next_input continue at or before a position; 0, FROM_THE_START or AVERROR."""
        return avutil.AVERROR_BUG

    cdef int64_t patience(self) noexcept nogil:
        """Return the number of input samples that reading passes as fast as a seek does."""
        return 0

    # -- conversion -------------------------------------------------------------------------------

    cdef int set_native(self) noexcept nogil:
        """Make the format of the current block that of the stream."""
        cdef int64_t taps
        cdef int a, b
        self.native = self.input
        if self.sample_rate <= 0:
            self.sample_rate = self.native.rate
        if self.num_channels <= 0:
            self.num_channels = self.native.channels
        if self.has_extreme_ratio():
            return avutil.AVERROR(EINVAL)
        a, b = self.native.rate, self.sample_rate
        while b:
            a, b = b, a % b
        self.step_in = self.native.rate // a
        self.step_out = self.sample_rate // a
        self.settling = 0
        if self.step_in != self.step_out:
            # libswresample stretches its filter when the rate goes down; twice that is safe
            taps = FILTER_TAPS + 16
            if self.sample_rate < self.native.rate:
                taps = taps * self.native.rate // self.sample_rate * 9 // 8 + 1
            self.settling = 2 * taps * self.sample_rate // self.native.rate + 16
        self.planes = NULL
        free(self.own_planes)
        self.own_planes = <float **> malloc(self.num_channels * sizeof(float *))
        return 0 if self.own_planes != NULL else avutil.AVERROR(ENOMEM)

    cdef bint has_extreme_ratio(self) noexcept nogil:
        """Return True if the sample rates differ too much to convert the current block."""
        self.unconvertible = (
            self.input.rate > <int64_t> MAX_RATIO * self.sample_rate
            or self.sample_rate > <int64_t> MAX_RATIO * self.input.rate
        )
        return self.unconvertible

    cdef int configure(self) noexcept nogil:
        """Set the converter up for the current block."""
        swresample.swr_free(&self.swr)
        self.current = self.input
        if (self.input.sample_format == avutil.AV_SAMPLE_FMT_FLTP and self.input.rate == self.sample_rate
                and self.input.channels == self.num_channels):
            return 0
        if self.has_extreme_ratio():
            self.current.channels = 0
            return avutil.AVERROR(EINVAL)
        cdef int code = compat_swr_alloc(
            &self.swr, self.input.channels, self.input.mask, self.input.sample_format, self.input.rate,
            self.num_channels, 0, avutil.AV_SAMPLE_FMT_FLTP, self.sample_rate, &self.input.mix
        )
        if code < 0:
            self.current.channels = 0
            self.unconvertible = True
        return code

    cdef int reserve(self, int64_t count) noexcept nogil:
        """Point `planes` to memory for so many samples of each channel."""
        cdef int i
        if count > self.capacity:
            avutil.av_free(self.own)
            self.capacity = 0
            self.own = <float *> avutil.av_malloc(count * self.num_channels * sizeof(float))
            if self.own == NULL:
                return avutil.AVERROR(ENOMEM)
            self.capacity = count
        for i in range(self.num_channels):
            self.own_planes[i] = self.own + i * self.capacity
        self.planes = self.own_planes
        self.offset = 0
        return 0

    cdef int convert(self) noexcept nogil:
        """Make the current block available, from begin_input on."""
        cdef int64_t skip = self.begin_input - self.block_start
        cdef int planes = 1
        cdef int width
        cdef int code
        cdef int i
        skip = max(skip, 0)
        if self.swr == NULL:
            self.planes = <float **> self.data
            self.offset = skip
            self.available = self.block_length - skip
            return 0
        width = avutil.av_get_bytes_per_sample(<avutil.AVSampleFormat> self.input.sample_format)
        if avutil.av_sample_fmt_is_planar(<avutil.AVSampleFormat> self.input.sample_format):
            planes = self.input.channels
        else:
            width *= self.input.channels
        if planes > self.num_views:
            free(self.views)
            self.num_views = 0
            self.views = <uint8_t **> malloc(planes * sizeof(uint8_t *))
            if self.views == NULL:
                return avutil.AVERROR(ENOMEM)
            self.num_views = planes
        for i in range(planes):
            self.views[i] = self.data[i] + skip * width
        code = swresample.swr_get_out_samples(self.swr, <int> (self.block_length - skip))
        if code >= 0:
            code = self.reserve(code + 64)
        if code >= 0:
            code = compat_swr_convert(self.swr, <uint8_t **> self.planes, <int> self.capacity, self.views,
                                      <int> (self.block_length - skip))
        if code < 0:
            return code
        self.available = code
        return 0

    cdef int flush(self) noexcept nogil:
        """Make what the resampler still holds available."""
        cdef int code = swresample.swr_get_out_samples(self.swr, 0)
        if code >= 0:
            code = self.reserve(code + 256)
        if code >= 0:
            code = compat_swr_convert(self.swr, <uint8_t **> self.planes, <int> self.capacity, NULL, 0)
        if code < 0:
            return code
        self.available = code
        return 0

    # -- blocks in order --------------------------------------------------------------------------

    cdef int next_block(self) noexcept nogil:
        """Make samples available; 0, AVERROR_EOF if there are no more, or AVERROR."""
        cdef int code
        while True:
            if not self.held and not self.draining:
                code = self.hold_next()
                if code < 0:
                    return code
            if self.draining:
                if self.swr == NULL or self.current.rate == self.sample_rate:
                    return avutil.AVERROR_EOF
                code = self.flush()
                return code if code < 0 else 0 if self.available > 0 else avutil.AVERROR_EOF
            if self.has_other_format():
                # A stream keeps the format of its beginning; later formats are converted to it.
                if self.swr != NULL and self.current.rate != self.sample_rate:
                    code = self.flush()
                    if code < 0:
                        return code
                    if self.available > 0:
                        return 0
                code = self.configure()
                if code < 0:
                    return code
            self.held = False
            code = self.convert()
            if code < 0 or self.available > 0:
                return code

    cdef int hold_next(self) noexcept nogil:
        """Hold the next block beyond begin_input, or set `draining` at the end; 0 or AVERROR."""
        cdef int code
        while True:
            code = self.next_input()
            if code == avutil.AVERROR_EOF:
                self.draining = True
                return 0
            if code < 0:
                return code
            if self.block_start + self.block_length > self.begin_input:
                self.held = True
                return 0

    cdef bint has_other_format(self) noexcept nogil:
        """Return True if the converter is not set up for the current block."""
        return (
            self.current.channels != self.input.channels or self.current.rate != self.input.rate
            or self.current.sample_format != self.input.sample_format or self.current.mask != self.input.mask
            or (self.swr != NULL and memcmp(&self.current.mix, &self.input.mix, sizeof(CompatMix)) != 0)
        )

    cdef void stop(self) noexcept nogil:
        """Forget the current place; the next request begins anew."""
        self.available = 0
        self.running = False
        self.held = False
        self.draining = False

    cdef int begin(self, int64_t start) noexcept nogil:
        """Begin so that the first sample available is at or before a position."""
        cdef int64_t round = 0
        cdef int code
        if not self.from_start_only and start > self.settling and start != self.resume:
            round = (start - self.settling) // self.step_out
        self.stop()
        self.resume = -1
        code = self.begin_at(round * self.step_in)
        if code < 0:
            return code
        if code == FROM_THE_START:
            round = 0
        self.begin_input = round * self.step_in
        self.next_out = round * self.step_out
        self.counted = round == 0
        if self.swr != NULL:
            if (self.current.rate == self.native.rate
                    and self.current.sample_format == self.native.sample_format):
                code = swresample.swr_init(self.swr) if self.current.rate != self.sample_rate else 0
                if code < 0:
                    return code
            else:
                swresample.swr_free(&self.swr)
                self.current.channels = 0
        self.running = True
        return 0

    cdef bint is_near(self, int64_t start) noexcept nogil:
        """Return True if reading on is the best way to a position, rather than beginning anew."""
        cdef int64_t gap = start - self.next_out - self.available
        if not self.running or self.next_out > start:
            return False
        return self.from_start_only or <double> gap * self.step_in <= <double> self.patience() * self.step_out

    cdef int fill(self, int64_t start, int64_t stop, float *out, int64_t stride,
                  int64_t *done) noexcept nogil:
        """Copy samples [start + done, stop) into rows of `out`, and count them in `done`.

        Return 0, AVERROR, or EAGAIN after some work, so that the caller sees signals. Without
        `out`, samples are counted only.
        """
        cdef int64_t skip, count
        cdef int code
        cdef int i
        cdef int blocks = 0
        while start + done[0] < stop:
            if self.available == 0:
                if blocks == BLOCKS_PER_CALL:
                    return avutil.AVERROR(EAGAIN)
                blocks += 1
                code = self.next_block()
                if code == avutil.AVERROR_EOF and self.counted:
                    self.total = self.next_out
                if code < 0:
                    return code
                self.counted = True
            skip = min(max(start + done[0] - self.next_out, 0), self.available)
            self.offset += skip
            self.available -= skip
            self.next_out += skip
            count = min(self.available, stop - start - done[0])
            if count > 0 and out != NULL:
                for i in range(self.num_channels):
                    memcpy(out + i * stride + done[0], self.planes[i] + self.offset, count * sizeof(float))
            self.offset += count
            self.available -= count
            self.next_out += count
            done[0] += count
        return 0

    # -- requests ---------------------------------------------------------------------------------

    cdef int check(self, int code) except -1:
        """Raise the exception that a result code stands for."""
        if self.unconvertible:
            self.unconvertible = False
            raise UnsupportedError(
                f"{self.source}: {self.input.channels} channels at {self.input.rate} Hz cannot be converted "
                f"to {self.num_channels} channels at {self.sample_rate} Hz "
                "(leave out num_channels and sample_rate, and mix by hand; rates must differ by a factor of "
                f"{MAX_RATIO} at most)",
                source=self.source, operation="convert samples",
            )
        return error.check(code, "read samples", self.source)

    def continues_to(self, int64_t start):
        """Return True if a window that begins at a position is reached by reading on."""
        return self.is_near(start)

    def place(self):
        """Return the position that a run from the start has reached; -1 if there is no such run."""
        return self.next_out if self.running and self.begin_input == 0 else -1

    def resume_at(self, int64_t position):
        """Go on after a question; see Note [Continuing].

        Parameters
        ----------
        position : int
            What `place` returned before the question.
        """
        if self.place() != position:
            self.resume = position

    def read_into(self, int64_t start, int64_t stop, size_t pointer, int64_t stride):
        """Write samples [start, stop) to rows of float32, one for each channel.

        Parameters
        ----------
        start, stop : int
            Output positions.
        pointer : int
            Address of the first row; 0 to read without writing.
        stride : int
            Distance of the rows, in samples.

        Returns
        -------
        int
            The number of samples written to each row; below stop - start at the end of the stream.
        """
        cdef float *out = <float *> pointer
        cdef int64_t done = 0
        cdef int code = 0
        cdef bint begun = False
        if self.total >= 0 and stop > self.total:
            stop = self.total
        while start + done < stop:
            with nogil:
                code = self.step(start, stop, out, stride, &done, &begun)
            if code == avutil.AVERROR(EAGAIN):
                PyErr_CheckSignals()
            elif code == avutil.AVERROR_EOF:
                break
            elif code < 0:
                self.stop()
                self.check(code)
        return done

    cdef int step(self, int64_t start, int64_t stop, float *out, int64_t stride, int64_t *done,
                  bint *begun) noexcept nogil:
        """Read on in a window, of which `done` samples are written; `begun` says if it was reached.

        Return 0; EAGAIN after some blocks, so that the caller may look for signals; or AVERROR.
        """
        cdef int code = 0
        if not begun[0]:
            code = 0 if self.is_near(start) else self.begin(start)
            begun[0] = code >= 0
        if begun[0]:
            code = self.fill(start, stop, out, stride, done)
        if code == CONTRADICTION:
            # what was written may be of the wrong place: read all of it again from the start
            self.from_start_only = True
            self.stop()
            self.total = -1
            done[0] = 0
            begun[0] = False
            return 0
        return code

    def count(self, int64_t near=0):
        """Return the number of samples of the stream, counted by reading to the end from near it.
        """
        cdef int64_t back = 1 << 14
        near = min(near, most_samples())        # a header may promise any length
        while self.total < 0:
            self.read_into(near, most_samples(), 0, 0)
            if self.total < 0 and near == 0:
                raise RuntimeError(f"{self.source}: the end was not reached")
            near = max(0, near - back)      # the position was behind the end
            back = min(16 * back, most_samples())
        return self.total


def pack_rows(size_t pointer, int64_t rows, int64_t stride, int64_t count):
    """Move rows of float32 together in place, from a distance of `stride` to one of `count`."""
    cdef float *data = <float *> pointer
    cdef int64_t i
    with nogil:
        for i in range(1, rows):
            memmove(data + i * count, data + i * stride, count * sizeof(float))
