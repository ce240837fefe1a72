"""From blocks of decoded samples to the caller's memory: conversion, resampling, and what is left over.

Positions are counted in output samples; position 0 is the first sample that the ffmpeg command gives for the
stream.

Note [Carrying on]

A window that begins where the last one ended continues decoder and resampler as they are; what a block gave
beyond the window waits here. So windows read in order are the same bits as one large one, whatever the codec
keeps in mind.

Note [Resampling in the middle]

libswresample computes output sample n from the inputs around n * in / out. Its state returns to the same
phase after in / g input and out / g output samples (g: their greatest common divisor), so a resampler started
on such a boundary, far enough before the window for its filter to have forgotten the start, gives the samples
of an unbroken run.
"""

from cpython.exc cimport PyErr_CheckSignals
from libc.errno cimport EAGAIN, ENOMEM
from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memmove

from cycodec.core cimport error
from cycodec.core.compat cimport compat_swr_alloc, compat_swr_convert
from cycodec.core.error import UnsupportedError

from cycodec.libav cimport avutil, swresample


cdef enum:
    BLOCKS_PER_CALL = 256       # between looks at pending signals
    FILTER_TAPS = 32            # libswresample's filter_size


cdef class BlockReader:
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

    def __dealloc__(self):
        swresample.swr_free(&self.swr)
        free(self.views)
        free(self.own_planes)
        avutil.av_free(self.own)

    # -- for subclasses --------------------------------------------------------------------------------------

    cdef int next_input(self) noexcept nogil:
        """Set input, data, position and length to the next block; AVERROR_EOF after the last one."""
        return avutil.AVERROR_EOF

    cdef int begin_at(self, int64_t position) noexcept nogil:
        """Let next_input go on with a block at or before a position; 0, FROM_THE_START or AVERROR."""
        return avutil.AVERROR_BUG

    cdef int64_t patience(self) noexcept nogil:
        """How many input samples are sooner read than sought past."""
        return 0

    # -- conversion ------------------------------------------------------------------------------------------

    cdef int set_native(self) noexcept nogil:
        """Take the format of the block at hand for the stream's."""
        cdef int64_t taps
        cdef int a, b
        self.native = self.input
        if self.sample_rate <= 0:
            self.sample_rate = self.native.rate
        if self.num_channels <= 0:
            self.num_channels = self.native.channels
        a, b = self.native.rate, self.sample_rate
        while b:
            a, b = b, a % b
        self.step_in = self.native.rate // a
        self.step_out = self.sample_rate // a
        self.reach = 0
        if self.step_in != self.step_out:
            # the filter is stretched when the rate goes down; twice that is on the safe side
            taps = FILTER_TAPS + 16
            if self.sample_rate < self.native.rate:
                taps = taps * self.native.rate // self.sample_rate * 9 // 8 + 1
            self.reach = 2 * taps * self.sample_rate // self.native.rate + 16
        self.planes = NULL
        free(self.own_planes)
        self.own_planes = <float **> malloc(self.num_channels * sizeof(float *))
        return 0 if self.own_planes != NULL else avutil.AVERROR(ENOMEM)

    cdef int configure(self) noexcept nogil:
        """Set the converter up for the block at hand."""
        swresample.swr_free(&self.swr)
        self.current = self.input
        if (self.input.sample_format == avutil.AV_SAMPLE_FMT_FLTP and self.input.rate == self.sample_rate
                and self.input.channels == self.num_channels):
            return 0
        cdef int code = compat_swr_alloc(
            &self.swr, self.input.channels, self.input.mask, self.input.sample_format, self.input.rate,
            self.num_channels, 0, avutil.AV_SAMPLE_FMT_FLTP, self.sample_rate
        )
        if code < 0:
            self.current.channels = 0
            self.unconvertible = True
        return code

    cdef int make_room(self, int64_t count) noexcept nogil:
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
        """Make the block at hand available, from begin_input on."""
        cdef int64_t skip = self.begin_input - self.position
        cdef int planes = 1
        cdef int width
        cdef int code
        cdef int i
        skip = max(skip, 0)
        if self.swr == NULL:
            self.planes = <float **> self.data
            self.offset = skip
            self.available = self.length - skip
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
        code = swresample.swr_get_out_samples(self.swr, <int> (self.length - skip))
        if code >= 0:
            code = self.make_room(code + 64)
        if code >= 0:
            code = compat_swr_convert(self.swr, <uint8_t **> self.planes, <int> self.capacity, self.views,
                                      <int> (self.length - skip))
        if code < 0:
            return code
        self.available = code
        return 0

    cdef int flush(self) noexcept nogil:
        """Make what the resampler still holds available."""
        cdef int code = swresample.swr_get_out_samples(self.swr, 0)
        if code >= 0:
            code = self.make_room(code + 256)
        if code >= 0:
            code = compat_swr_convert(self.swr, <uint8_t **> self.planes, <int> self.capacity, NULL, 0)
        if code < 0:
            return code
        self.available = code
        return 0

    # -- blocks in order -------------------------------------------------------------------------------------

    cdef int next_block(self) noexcept nogil:
        """Have samples available; AVERROR_EOF when there are no more."""
        cdef int code
        self.blocks += 1
        while True:
            if self.draining:
                if self.swr == NULL or self.current.rate == self.sample_rate:
                    return avutil.AVERROR_EOF
                code = self.flush()
                return code if code < 0 else 0 if self.available > 0 else avutil.AVERROR_EOF
            if not self.held:
                code = self.next_input()
                if code == avutil.AVERROR_EOF:
                    self.draining = True
                    continue
                if code < 0:
                    return code
                if self.position + self.length <= self.begin_input:
                    continue
            self.held = True
            if (self.current.channels != self.input.channels or self.current.rate != self.input.rate
                    or self.current.sample_format != self.input.sample_format
                    or self.current.mask != self.input.mask):
                # a stream that changes keeps the form of its beginning: each part is converted to it on its
                # own
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

    cdef void stop(self) noexcept nogil:
        """Forget what is under way; the next request begins anew."""
        self.available = 0
        self.running = False
        self.held = False
        self.draining = False

    cdef int begin(self, int64_t start) noexcept nogil:
        """Begin so that the first sample available is at or before a position."""
        cdef int64_t round = 0
        cdef int code
        if not self.linear and start > self.reach:
            round = (start - self.reach) // self.step_out
        self.stop()
        self.seeks += 1
        code = self.begin_at(round * self.step_in)
        if code < 0:
            return code
        if code == FROM_THE_START:
            round = 0
        self.begin_input = round * self.step_in
        self.at = round * self.step_out
        self.anchored = round == 0
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
        """Whether a position is reached by going on, rather than by beginning anew."""
        cdef int64_t gap = start - self.at - self.available
        if not self.running or self.at > start:
            return False
        return self.linear or gap * self.step_in <= self.patience() * self.step_out

    cdef int bring(self, int64_t start) noexcept nogil:
        """Go on, or begin anew, whichever is right for a window that begins at a position."""
        return 0 if self.is_near(start) else self.begin(start)

    cdef int fill(self, int64_t start, int64_t stop, float *out, int64_t stride,
                  int64_t *done) noexcept nogil:
        """Copy [start + done, stop) into rows of `out`; EAGAIN after some work, so that signals are seen."""
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
                if code == avutil.AVERROR_EOF and self.anchored:
                    self.total = self.at
                if code < 0:
                    return code
                self.anchored = True
            skip = min(max(start + done[0] - self.at, 0), self.available)
            self.offset += skip
            self.available -= skip
            self.at += skip
            count = min(self.available, stop - start - done[0])
            if count > 0 and out != NULL:
                for i in range(self.num_channels):
                    memcpy(out + i * stride + done[0], self.planes[i] + self.offset, count * sizeof(float))
            self.offset += count
            self.available -= count
            self.at += count
            done[0] += count
        return 0

    # -- requests --------------------------------------------------------------------------------------------

    cdef int finish(self, int code) except -1:
        """Raise what a result code stands for."""
        if self.unconvertible:
            self.unconvertible = False
            raise UnsupportedError(
                f"{self.source}: {self.input.channels} channels at {self.input.rate} Hz cannot be converted "
                f"to "
                f"{self.num_channels} channels at {self.sample_rate} Hz (leave out num_channels and "
                f"sample_rate, and mix "
                "by hand)",
                source=self.source, operation="convert samples",
            )
        return error.check(code, "read samples", self.source)

    def continues_to(self, int64_t start):
        """Whether a window that begins there is reached by going on."""
        return self.is_near(start)

    def read_into(self, int64_t start, int64_t stop, size_t pointer, int64_t stride):
        """Write samples [start, stop) to rows of float32 that begin `stride` samples apart.

        Returns
        -------
        int
            How many were there: fewer than asked for at the end of the stream.
        """
        cdef float *out = <float *> pointer
        cdef int64_t done = 0
        cdef int code = 0
        cdef bint brought = False
        if self.total >= 0 and stop > self.total:
            stop = self.total
        while start + done < stop:
            with nogil:
                if not brought:
                    code = self.bring(start)
                    brought = code >= 0
                if brought:
                    code = self.fill(start, stop, out, stride, &done)
            if code == avutil.AVERROR(EAGAIN):
                PyErr_CheckSignals()
            elif code == avutil.AVERROR_EOF:
                break
            elif code == CONTRADICTION:
                # what was delivered may be of the wrong place: all of it again, the safe way
                self.linear = True
                self.stop()
                self.total = -1
                done = 0
                brought = False
            elif code < 0:
                self.stop()
                self.finish(code)
        return done

    def count(self, int64_t near=0):
        """How many samples there are: read on to the end, from a position near it."""
        cdef int64_t back = 1 << 14
        while self.total < 0:
            self.read_into(near, MAX_COUNT, 0, 0)
            if self.total < 0 and near == 0:
                raise RuntimeError(f"{self.source}: the end was not reached")
            near = max(0, near - back)      # it lay behind the end
            back *= 16
        return self.total

    def phase_period(self):
        """(input, output) samples after which the resampler's phase repeats; equal where nothing is
        resampled.
        """
        return self.step_in, self.step_out


cdef int64_t MAX_COUNT = <int64_t> 1 << 60


def pack_rows(size_t pointer, int64_t rows, int64_t stride, int64_t count):
    """Move rows of float32 together: from `stride` apart to `count` apart, in place."""
    cdef float *data = <float *> pointer
    cdef int64_t i
    with nogil:
        for i in range(1, rows):
            memmove(data + i * count, data + i * stride, count * sizeof(float))
