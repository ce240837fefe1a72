# cython: no_gc_clear=True
"""From float32 samples to packets of an audio stream: conversion and encoding."""

cimport cython
from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport free, malloc
from posix.unistd cimport getpid

from cycodec.core.compat cimport (
    compat_codec_channels,
    compat_codec_format,
    compat_codec_rate,
    compat_codec_set_channels,
    compat_frame_set_channels,
    compat_swr_alloc,
    compat_swr_convert,
)
from cycodec.core.encode.muxer cimport Muxer
from cycodec.core.encode.stream_encoder cimport StreamEncoder

from cycodec.core.error import FFmpegValueError, UnsupportedError

from cycodec.libav cimport avcodec, avutil, swresample
from cycodec.libav.avcodec cimport AVCodec, AVCodecContext


cdef enum:
    PCM_BLOCK = 4096        # samples of a frame if the codec takes any number
    CHUNK = 1 << 16         # samples converted between two looks at pending signals
    MOST_CHANNELS = 16      # the largest number to try if a codec does not list what it supports
    LOSSLESS_BITS = 24      # bits of a float32 sample that lossless encoders keep

# Sample rates to try if a codec does not list those that it supports.
cdef tuple USUAL_RATES = (
    8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000, 176400, 192000
)

# Sample formats; those in which float samples lose least come first.
cdef list PREFERRED = [
    avutil.AV_SAMPLE_FMT_FLTP, avutil.AV_SAMPLE_FMT_FLT, avutil.AV_SAMPLE_FMT_S32P, avutil.AV_SAMPLE_FMT_S32,
    avutil.AV_SAMPLE_FMT_S16P, avutil.AV_SAMPLE_FMT_S16, avutil.AV_SAMPLE_FMT_DBLP, avutil.AV_SAMPLE_FMT_DBL,
    avutil.AV_SAMPLE_FMT_U8P, avutil.AV_SAMPLE_FMT_U8,
]


@cython.no_gc_clear
cdef class AudioStreamEncoder(StreamEncoder):
    """An audio stream of a muxer, from planar float32.

    Parameters
    ----------
    muxer : Muxer
        It must not have been started.
    in_rate, in_channels : int
        Of the samples that `add` gets.
    out_rate, out_channels : int
        Of the stream.
    bit_rate : int
        Bits per second; 0 lets the encoder decide.
    codec : str, optional
        Name of an encoder or a codec; None takes the container's default.
    options : dict, optional
        Options of the encoder or the muxer.
    """

    def __cinit__(self, Muxer muxer not None, int in_rate, int in_channels, int out_rate, int out_channels,
                  int64_t bit_rate=0, str codec=None, dict options=None):
        self.in_rate = in_rate
        self.in_channels = in_channels
        self.out_rate = out_rate
        self.out_channels = out_channels
        self.options = dict(options or {})
        self.allocate(muxer, codec, avutil.AVMEDIA_TYPE_AUDIO)
        self.check_choice()
        self.set_up(self.context, out_rate, out_channels)
        if bit_rate > 0:
            self.context.bit_rate = bit_rate
        self.set_options()
        self.open()
        self.block = self.context.frame_size
        if self.block <= 0 or self.codec.capabilities & avcodec.AV_CODEC_CAP_VARIABLE_FRAME_SIZE:
            self.block = PCM_BLOCK
        self.planes = <uint8_t **> malloc(out_channels * sizeof(uint8_t *))
        self.rows = <uint8_t **> malloc(in_channels * sizeof(uint8_t *))
        if self.planes == NULL or self.rows == NULL:
            raise MemoryError()
        self.open_converter()

    def __dealloc__(self):
        if self.owner != getpid():
            return              # Note [Encoders after a fork] in core/encode/stream_encoder.pyx
        swresample.swr_free(&self.swr)
        free(self.planes)
        free(self.rows)

    cdef int open_converter(self) except -1:
        cdef int code = compat_swr_alloc(
            &self.swr, self.in_channels, 0, avutil.AV_SAMPLE_FMT_FLTP, self.in_rate, self.out_channels,
            supported_mask(self.codec, self.out_channels), self.context.sample_fmt, self.out_rate, NULL,
        )
        if code < 0:
            name = self.muxer.sink.name
            raise UnsupportedError(
                f"{name}: {self.in_channels} channels at {self.in_rate} Hz cannot be converted to "
                f"{self.out_channels} at {self.out_rate} Hz "
                "(samples are [num_channels, num_samples]; mix so many channels by hand)",
                source=name, operation="convert samples",
            )
        return 0

    cdef int check_choice(self) except -1:
        """Raise if the codec's own lists do not have the sample rate or the number of channels."""
        cdef const AVCodec *codec = self.codec
        cdef uint64_t mask = 0
        cdef int i = 0
        rates, counts = [], []
        while compat_codec_rate(codec, i):
            rates.append(compat_codec_rate(codec, i))
            i += 1
        i = 0
        while compat_codec_channels(codec, i, &mask):
            counts.append(compat_codec_channels(codec, i, &mask))
            i += 1
        if rates and self.out_rate not in rates:
            self.refuse(f"a sample rate of {self.out_rate} Hz", "sample_rate", rates)
        if counts and self.out_channels not in counts:
            self.refuse(f"{self.out_channels} channels", "num_channels", counts)
        return 0

    def explain_refusal(self, str log):
        """Raise what the encoder does support, found by trying the usual choices."""
        counts = [n for n in range(1, MOST_CHANNELS + 1) if self.opens_with(self.out_rate, n)]
        if counts and self.out_channels not in counts:
            self.refuse(f"{self.out_channels} channels", "num_channels", counts)
        rates = [] if counts else [rate for rate in USUAL_RATES if self.opens_with(rate, self.out_channels)]
        if rates:
            self.refuse(f"a sample rate of {self.out_rate} Hz", "sample_rate", rates)
        if counts and self.context.bit_rate > 0:
            raise FFmpegValueError(
                f"{self.muxer.sink.name}: the encoder {self.codec_name} does not support a bit rate of "
                f"{self.context.bit_rate} for these samples (pass another bit_rate=, or leave it out)",
                source=self.muxer.sink.name, operation="open encoder",
            )

    cdef bint opens_with(self, int rate, int channels) except -1:
        """True if the encoder opens with a sample rate and a number of channels."""
        cdef AVCodecContext *context = avcodec.avcodec_alloc_context3(self.codec)
        cdef int code
        if context == NULL:
            raise MemoryError()
        self.set_up(context, rate, channels)
        with nogil:
            code = avcodec.avcodec_open2(context, self.codec, NULL)
            avcodec.avcodec_free_context(&context)
        return code >= 0

    def refuse(self, what, argument, possible):
        possible = sorted(set(possible))
        raise FFmpegValueError(
            f"{self.muxer.sink.name}: the encoder {self.codec_name} does not support {what} "
            f"(pass {argument}= one of {', '.join(map(str, possible))})",
            source=self.muxer.sink.name, operation="open encoder",
        )

    cdef int set_up(self, AVCodecContext *context, int rate, int channels) except -1:
        """Set the input of an encoder, in the sample format in which float samples lose least."""
        cdef const AVCodec *codec = self.codec
        cdef int i = 0
        offered = []
        while compat_codec_format(codec, i) >= 0:
            offered.append(compat_codec_format(codec, i))
            i += 1
        chosen = next((f for f in PREFERRED if f in offered), None)
        if chosen is None:
            chosen = offered[0] if offered else avutil.AV_SAMPLE_FMT_FLTP
        context.sample_fmt = chosen
        if chosen in (avutil.AV_SAMPLE_FMT_S32, avutil.AV_SAMPLE_FMT_S32P):
            context.bits_per_raw_sample = LOSSLESS_BITS
        context.sample_rate = rate
        context.time_base.num = 1
        context.time_base.den = rate
        compat_codec_set_channels(context, channels, supported_mask(codec, channels))
        return 0

    cdef int new_frame(self) noexcept nogil:
        """Allocate `block` samples in `frame`."""
        cdef int code
        avutil.av_frame_unref(self.frame)
        self.frame.format = self.context.sample_fmt
        self.frame.sample_rate = self.context.sample_rate
        self.frame.nb_samples = self.block
        compat_frame_set_channels(
            self.frame, self.out_channels, supported_mask(self.codec, self.out_channels)
        )
        code = avutil.av_frame_get_buffer(self.frame, 0)
        self.filled = 0
        return code

    cdef int pull(self, uint8_t **data, int count) noexcept nogil:
        """Convert samples, or what the resampler still holds if NULL, and encode full frames."""
        cdef int planar = avutil.av_sample_fmt_is_planar(<avutil.AVSampleFormat> self.context.sample_fmt)
        cdef int width = avutil.av_get_bytes_per_sample(<avutil.AVSampleFormat> self.context.sample_fmt)
        cdef int planes = self.out_channels if planar else 1
        cdef int code, i
        if not planar:
            width *= self.out_channels
        while True:
            if self.frame.nb_samples == 0:
                code = self.new_frame()
                if code < 0:
                    return code
            for i in range(planes):
                self.planes[i] = self.frame.extended_data[i] + self.filled * width
            code = compat_swr_convert(self.swr, self.planes, self.block - self.filled, data, count)
            if code < 0:
                return code
            # further rounds only take what the converter has buffered
            count = 0
            if data != NULL:
                data = self.rows
            self.filled += code
            if self.filled < self.block:
                return 0
            code = self.send_frame()
            if code < 0:
                return code

    cdef int send_frame(self) noexcept nogil:
        """Encode the samples that are in `frame`."""
        cdef int code
        self.frame.nb_samples = self.filled
        self.frame.pts = self.next_pts
        self.next_pts += self.filled
        code = self.send(self.frame)
        avutil.av_frame_unref(self.frame)
        self.filled = 0
        return code

    def add(self, size_t pointer, int64_t stride, int64_t count):
        """Encode `count` samples of each channel.

        Rows of float32, one for each channel, begin at address `pointer` and are `stride` samples
        apart.
        """
        cdef const float *samples = <const float *> pointer
        cdef int64_t done = 0
        cdef int64_t part
        cdef int code = 0
        while done < count:
            part = min(count - done, <int64_t> CHUNK)
            with nogil:
                code = self.add_rows(samples + done, stride, part)
            self.muxer.check(code, "encode")
            done += part
            PyErr_CheckSignals()

    cdef int add_rows(self, const float *samples, int64_t stride, int64_t count) noexcept nogil:
        """Encode rows of samples, one for each channel; 0 or AVERROR."""
        cdef int64_t done = 0
        cdef int part, i
        cdef int code = 0
        while done < count and code >= 0:
            part = <int> min(count - done, <int64_t> CHUNK)
            for i in range(self.in_channels):
                self.rows[i] = <uint8_t *> (samples + i * stride + done)
            code = self.pull(self.rows, part)
            done += part
        return code

    def flush(self):
        """Encode the samples that are left over, and everything that the encoder still holds."""
        cdef int code
        if self.flushed:
            return
        self.flushed = True
        with nogil:
            code = self.pull(NULL, 0)
            if code >= 0 and self.filled > 0:
                code = self.send_frame()
            if code >= 0:
                code = self.send(NULL)
        self.muxer.check(code, "encode")


cdef uint64_t supported_mask(const AVCodec *codec, int channels) noexcept nogil:
    """The first layout with so many channels that an encoder lists; 0 if it lists none."""
    cdef uint64_t mask = 0
    cdef int i = 0
    cdef int count = compat_codec_channels(codec, 0, &mask)
    while count:
        if count == channels:
            return mask
        i += 1
        count = compat_codec_channels(codec, i, &mask)
    return 0


def peak_and_nan(size_t pointer, int64_t rows, int64_t stride, int64_t count):
    """(largest magnitude, True if there is a NaN) of rows of float32."""
    cdef const float *samples = <const float *> pointer
    cdef float peak = 0
    cdef float value
    cdef bint nan = False
    cdef int64_t i, j
    with nogil:
        for i in range(rows):
            for j in range(count):
                value = samples[i * stride + j]
                if value != value:
                    nan = True
                value = value if value > 0 else -value
                peak = value if value > peak else peak
    return peak, bool(nan)
