# cython: no_gc_clear=True
"""From samples to a container: conversion, encoding, interleaving."""

cimport cython
from cpython.exc cimport PyErr_CheckSignals
from libc.errno cimport EAGAIN
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport free, malloc

from cycodec.core.compat cimport (
    compat_codec_channels,
    compat_codec_format,
    compat_codec_rate,
    compat_codec_set_channels,
    compat_frame_set_channels,
    compat_output_alloc,
    compat_swr_alloc,
    compat_swr_convert,
)
from cycodec.core.io.sink cimport Sink

from cycodec.core.error import CodecNotFoundError, FFmpegValueError, UnsupportedError

from cycodec.libav cimport avcodec, avformat, avutil, swresample
from cycodec.libav.avcodec cimport AVCodec, AVCodecContext, AVPacket
from cycodec.libav.avformat cimport AVOutputFormat
from cycodec.libav.avutil cimport AVFrame


cdef enum:
    PCM_BLOCK = 4096        # samples of a frame where the codec takes any number
    CHUNK = 1 << 16         # samples converted between looks at pending signals
    MOST_CHANNELS = 16      # tried where a codec has no list of what it takes

# ... and sample rates.
cdef tuple USUAL_RATES = (
    8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000, 176400, 192000
)

# The formats in which float samples lose least, best first.
cdef list PREFERRED = [
    avutil.AV_SAMPLE_FMT_FLTP, avutil.AV_SAMPLE_FMT_FLT, avutil.AV_SAMPLE_FMT_S32P, avutil.AV_SAMPLE_FMT_S32,
    avutil.AV_SAMPLE_FMT_S16P, avutil.AV_SAMPLE_FMT_S16, avutil.AV_SAMPLE_FMT_DBLP, avutil.AV_SAMPLE_FMT_DBL,
    avutil.AV_SAMPLE_FMT_U8P, avutil.AV_SAMPLE_FMT_U8,
]


@cython.no_gc_clear
cdef class Muxer:
    """An output container.

    Parameters
    ----------
    sink : Sink
    format : str or None
        FFmpeg's short name of a format, or a file name extension; None: by the extension of `filename`.
    filename : str, optional
    """

    def __cinit__(self, Sink sink not None, str format=None, str filename=None):
        cdef const AVOutputFormat *found = find_format(format, filename)
        cdef int code
        self.sink = sink
        if found == NULL:
            what = f"format {format!r}" if format is not None else f"the extension of {filename!r}"
            raise CodecNotFoundError(
                f"{sink.name}: the FFmpeg in use has no container for {what} "
                "(name one such as 'wav', 'flac', 'mp3', 'm4a', 'opus', 'ogg'; `ffmpeg -muxers` lists them)",
                source=sink.name, operation="find a container format",
            )
        if found.flags & avformat.AVFMT_NOFILE:
            # HLS and its like would write beside what they were given
            raise UnsupportedError(
                f"{sink.name}: the container {found.name.decode()} is no single file (choose another format)",
                source=sink.name, operation="make a container",
            )
        code = compat_output_alloc(&self.ptr, found)
        self.check(code, "make a container")
        self.ptr.pb = sink.ptr

    def __dealloc__(self):
        if self.ptr != NULL:
            avformat.avformat_free_context(self.ptr)

    cdef int check(self, int code, str operation) except -1:
        return self.sink.check(code, operation)

    @property
    def format_name(self):
        return self.ptr.oformat.name.decode()

    def start(self):
        """Write the header; all streams must be there."""
        cdef int code
        with nogil:
            code = avformat.avformat_write_header(self.ptr, NULL)
        self.check(
            code, f"write the header of {self.format_name} (some formats need a destination that can seek)"
        )
        self.started = True

    cdef int write(self, AVPacket *packet) noexcept nogil:
        return avformat.av_interleaved_write_frame(self.ptr, packet)

    def finish(self):
        """Write what is waiting, and the trailer."""
        cdef int code
        if self.finished:
            return
        self.finished = True
        with nogil:
            code = avformat.av_write_trailer(self.ptr)
            if code >= 0:
                code = self.ptr.pb.error
        self.check(code, "write the trailer")


@cython.no_gc_clear
cdef class StreamEncoder:
    """One stream of a muxer. Subclasses fill `frame`; this sends it on its way."""

    def __dealloc__(self):
        avcodec.avcodec_free_context(&self.ctx)
        avcodec.av_packet_free(&self.packet)
        avutil.av_frame_free(&self.frame)

    cdef int allocate(self, object kind) except -1:
        """A context for the container's own codec of a kind of media."""
        cdef const AVOutputFormat *container = self.muxer.ptr.oformat
        cdef avcodec.AVCodecID id = container.audio_codec if kind == "audio" else container.video_codec
        cdef const AVCodec *codec = NULL
        name = self.muxer.sink.name
        if id == avcodec.AV_CODEC_ID_NONE:
            raise UnsupportedError(
                f"{name}: the container {self.muxer.format_name} holds no {kind} (choose another format)",
                source=name, operation="find an encoder",
            )
        codec = avcodec.avcodec_find_encoder(id)
        self.codec = codec
        if codec == NULL:
            raise CodecNotFoundError(
                f"{name}: the FFmpeg in use has no encoder for {avcodec.avcodec_get_name(id).decode()} "
                "(use an FFmpeg built with it, or another format; `cycodec doctor` lists what this one has)",
                source=name, operation="find an encoder",
            )
        if codec.capabilities & avcodec.AV_CODEC_CAP_EXPERIMENTAL:
            raise UnsupportedError(
                f"{name}: FFmpeg calls its encoder {self.codec_name} experimental (choose another format)",
                source=name, operation="find an encoder",
            )
        self.ctx = avcodec.avcodec_alloc_context3(codec)
        self.packet = avcodec.av_packet_alloc()
        self.frame = avutil.av_frame_alloc()
        if self.ctx == NULL or self.packet == NULL or self.frame == NULL:
            raise MemoryError()
        self.stream = avformat.avformat_new_stream(self.muxer.ptr, NULL)
        if self.stream == NULL:
            raise MemoryError()
        return 0

    cdef int open(self) except -1:
        """Open the codec as it was set up, and tell the container about it."""
        cdef int code
        if self.muxer.ptr.oformat.flags & avformat.AVFMT_GLOBALHEADER:
            self.ctx.flags |= avcodec.AV_CODEC_FLAG_GLOBAL_HEADER
        with nogil:
            code = avcodec.avcodec_open2(self.ctx, self.codec, NULL)
        if code < 0:
            self.explain()
        self.muxer.check(code, f"open the encoder {self.codec_name}")
        self.muxer.check(
            avcodec.avcodec_parameters_from_context(self.stream.codecpar, self.ctx), "set stream parameters"
        )
        self.stream.time_base = self.ctx.time_base
        return 0

    def explain(self):
        """Raise what is wrong with the choices of an encoder that did not open, where that can be told."""

    @property
    def codec_name(self):
        return self.codec.name.decode()

    cdef int send(self, AVFrame *frame) noexcept nogil:
        """Encode a frame (NULL: the end) and write the packets that come out."""
        cdef int code = avcodec.avcodec_send_frame(self.ctx, frame)
        while code >= 0:
            code = avcodec.avcodec_receive_packet(self.ctx, self.packet)
            if code == avutil.AVERROR(EAGAIN) or code == avutil.AVERROR_EOF:
                return 0
            if code < 0:
                return code
            self.packet.stream_index = self.stream.index
            avcodec.av_packet_rescale_ts(self.packet, self.ctx.time_base, self.stream.time_base)
            code = self.muxer.write(self.packet)
        return code


@cython.no_gc_clear
cdef class AudioStreamEncoder(StreamEncoder):
    """A stream of sound, from planar float32.

    Parameters
    ----------
    muxer : Muxer
        Not yet started.
    in_rate, in_channels : int
        Of the samples that `add` gets.
    out_rate, out_channels : int
        Of the stream.
    bit_rate : int
        0: the encoder decides.
    """

    def __cinit__(self, Muxer muxer not None, int in_rate, int in_channels, int out_rate, int out_channels,
                  int64_t bit_rate=0):
        cdef int code
        self.muxer = muxer
        self.in_rate = in_rate
        self.in_channels = in_channels
        self.out_rate = out_rate
        self.out_channels = out_channels
        self.allocate("audio")
        self.check_choice()
        self.set_up(self.ctx, out_rate, out_channels)
        if bit_rate > 0:
            self.ctx.bit_rate = bit_rate
        self.open()
        self.block = self.ctx.frame_size
        if self.block <= 0 or self.codec.capabilities & avcodec.AV_CODEC_CAP_VARIABLE_FRAME_SIZE:
            self.block = PCM_BLOCK
        self.planes = <uint8_t **> malloc(out_channels * sizeof(uint8_t *))
        self.rows = <uint8_t **> malloc(in_channels * sizeof(uint8_t *))
        if self.planes == NULL or self.rows == NULL:
            raise MemoryError()
        code = compat_swr_alloc(&self.swr, in_channels, 0, avutil.AV_SAMPLE_FMT_FLTP, in_rate, out_channels,
                                supported_mask(self.codec, out_channels), self.ctx.sample_fmt, out_rate)
        if code < 0:
            raise UnsupportedError(
                f"{muxer.sink.name}: {in_channels} channels at {in_rate} Hz cannot be converted to "
                f"{out_channels} at "
                f"{out_rate} Hz (samples are [num_channels, num_samples]; so many channels are mixed by hand)",
                source=muxer.sink.name, operation="convert samples",
            )

    def __dealloc__(self):
        swresample.swr_free(&self.swr)
        free(self.planes)
        free(self.rows)

    cdef int check_choice(self) except -1:
        """Refuse what the codec's own lists do not have, and name them."""
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

    def explain(self):
        """See StreamEncoder.explain; a codec without lists is tried with the usual choices."""
        counts = [n for n in range(1, MOST_CHANNELS + 1) if self.takes(self.out_rate, n)]
        if counts and self.out_channels not in counts:
            self.refuse(f"{self.out_channels} channels", "num_channels", counts)
        rates = [] if counts else [rate for rate in USUAL_RATES if self.takes(rate, self.out_channels)]
        if rates:
            self.refuse(f"a sample rate of {self.out_rate} Hz", "sample_rate", rates)
        if counts and self.ctx.bit_rate > 0:
            raise FFmpegValueError(
                f"{self.muxer.sink.name}: the encoder {self.codec_name} does not support a bit rate of "
                f"{self.ctx.bit_rate} for this sound (pass another bit_rate=, or leave it out)",
                source=self.muxer.sink.name, operation="open encoder",
            )

    cdef bint takes(self, int rate, int channels) except -1:
        """Whether the encoder opens with these."""
        cdef AVCodecContext *ctx = avcodec.avcodec_alloc_context3(self.codec)
        cdef int code
        if ctx == NULL:
            raise MemoryError()
        self.set_up(ctx, rate, channels)
        with nogil:
            code = avcodec.avcodec_open2(ctx, self.codec, NULL)
            avcodec.avcodec_free_context(&ctx)
        return code >= 0

    def refuse(self, what, argument, possible):
        possible = sorted(set(possible))
        raise FFmpegValueError(
            f"{self.muxer.sink.name}: the encoder {self.codec_name} does not support {what} "
            f"(pass {argument}= one of {', '.join(map(str, possible))})",
            source=self.muxer.sink.name, operation="open encoder",
        )

    cdef int set_up(self, AVCodecContext *ctx, int rate, int channels) except -1:
        """Tell an encoder what it will get, in the format in which float samples lose least."""
        cdef const AVCodec *codec = self.codec
        cdef int i = 0
        offered = []
        while compat_codec_format(codec, i) >= 0:
            offered.append(compat_codec_format(codec, i))
            i += 1
        chosen = next((f for f in PREFERRED if f in offered), None)
        if chosen is None:
            chosen = offered[0] if offered else avutil.AV_SAMPLE_FMT_FLTP
        ctx.sample_fmt = chosen
        if chosen in (avutil.AV_SAMPLE_FMT_S32, avutil.AV_SAMPLE_FMT_S32P):
            ctx.bits_per_raw_sample = 24        # what lossless encoders keep of float32
        ctx.sample_rate = rate
        ctx.time_base.num = 1
        ctx.time_base.den = rate
        compat_codec_set_channels(ctx, channels, supported_mask(codec, channels))
        return 0

    cdef int new_frame(self) noexcept nogil:
        cdef int code
        avutil.av_frame_unref(self.frame)
        self.frame.format = self.ctx.sample_fmt
        self.frame.sample_rate = self.ctx.sample_rate
        self.frame.nb_samples = self.block
        compat_frame_set_channels(
            self.frame, self.out_channels, supported_mask(self.codec, self.out_channels)
        )
        code = avutil.av_frame_get_buffer(self.frame, 0)
        self.filled = 0
        return code

    cdef int pull(self, uint8_t **data, int count) noexcept nogil:
        """Convert samples (NULL: what the resampler still has), and encode whole frames of them."""
        cdef int planar = avutil.av_sample_fmt_is_planar(<avutil.AVSampleFormat> self.ctx.sample_fmt)
        cdef int width = avutil.av_get_bytes_per_sample(<avutil.AVSampleFormat> self.ctx.sample_fmt)
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
            # from now on only what is buffered inside
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
        cdef int code
        self.frame.nb_samples = self.filled
        self.frame.pts = self.next_pts
        self.next_pts += self.filled
        code = self.send(self.frame)
        avutil.av_frame_unref(self.frame)
        self.filled = 0
        return code

    def add(self, size_t pointer, int64_t stride, int64_t count):
        """Encode samples: rows of float32, `stride` samples apart, one for each channel."""
        cdef const float *samples = <const float *> pointer
        cdef int64_t done = 0
        cdef int part, i
        cdef int code = 0
        while done < count:
            part = <int> min(count - done, CHUNK)
            with nogil:
                for i in range(self.in_channels):
                    self.rows[i] = <uint8_t *> (samples + i * stride + done)
                code = self.pull(self.rows, part)
            self.muxer.check(code, "encode")
            done += part
            PyErr_CheckSignals()

    def flush(self):
        """Encode what is left over."""
        cdef int code
        with nogil:
            code = self.pull(NULL, 0)
            if code >= 0 and self.filled > 0:
                code = self.send_frame()
            if code >= 0:
                code = self.send(NULL)
        self.muxer.check(code, "encode")


cdef uint64_t supported_mask(const AVCodec *codec, int channels) noexcept nogil:
    """The layout of so many channels that an encoder lists first; 0 where it has no list."""
    cdef uint64_t mask = 0
    cdef int i = 0
    cdef int count = compat_codec_channels(codec, 0, &mask)
    while count:
        if count == channels:
            return mask
        i += 1
        count = compat_codec_channels(codec, i, &mask)
    return 0


cdef const AVOutputFormat *find_format(str format, str filename) except? NULL:
    """By FFmpeg's name, by an extension, or by a file name."""
    cdef bytes name
    cdef const AVOutputFormat *found = NULL
    if format is not None:
        name = format.encode()
        found = avformat.av_guess_format(name, NULL, NULL)
        filename = "x." + format.lstrip(".")
    if found == NULL and filename is not None:
        name = filename.encode("utf-8", "surrogateescape")
        found = avformat.av_guess_format(NULL, name, NULL)
    return found


def inspect(size_t pointer, int64_t rows, int64_t stride, int64_t count):
    """(largest magnitude, whether there is a NaN) of rows of float32."""
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
