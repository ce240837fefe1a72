# cython: no_gc_clear=True
"""From pictures in memory to packets of a video stream: pixel format, colours, times, encoding."""

import os

cimport cython
from cpython.exc cimport PyErr_CheckSignals
from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcmp, memset
from posix.unistd cimport getpid

from cycodec.core.compat cimport compat_codec_frame_rate, compat_codec_pixel_format, compat_frame_set_duration
from cycodec.core.encode.muxer cimport Muxer
from cycodec.core.encode.stream_encoder cimport StreamEncoder

from cycodec.core.error import FFmpegValueError, UnsupportedError

from cycodec.libav cimport avcodec, avutil, swscale
from cycodec.libav.avutil cimport AVPixelFormat, AVPixFmtDescriptor, AVRational

cdef enum:
    TICKS = 1000000         # the least number of ticks of a second if frames bring their times
    MPEG4_TICKS = 65535     # the most that MPEG-4 Part 2 can store
    HD_HEIGHT = 720         # from this height or HD_WIDTH on, BT.709 is the default
    HD_WIDTH = 1280

# Matrices between RGB and YUV that have two luma weights, which the conversion knows.
cdef set KNOWN_SPACES = {
    avutil.AVCOL_SPC_BT709, avutil.AVCOL_SPC_FCC, avutil.AVCOL_SPC_BT470BG, avutil.AVCOL_SPC_SMPTE170M,
    avutil.AVCOL_SPC_SMPTE240M, avutil.AVCOL_SPC_BT2020_NCL,
}


@cython.no_gc_clear
cdef class VideoStreamEncoder(StreamEncoder):
    """A video stream of a muxer, from gray, RGB or RGBA pictures.

    Parameters
    ----------
    muxer : Muxer
        It must not have been started.
    width, height : int
        Of the pictures.
    rate : tuple of int
        Nominal frame rate: numerator and denominator.
    codec : str, optional
        Name of an encoder or a codec; None takes the container's default.
    pixel_format : str, optional
        None takes the first one of the encoder that keeps the input's channels and depth.
    options : dict, optional
        Options of the encoder or the muxer.
    threads : int
        Threads of the encoder; 0 lets FFmpeg decide.
    """

    def __cinit__(self, Muxer muxer not None, int width, int height, tuple rate not None, str codec=None,
                  str pixel_format=None, dict options=None, int threads=0):
        self.width, self.height = width, height
        self.rate.num, self.rate.den = rate
        self.wanted_format = pixel_format
        self.threads = threads
        self.options = dict(options or {})
        self.allocate(muxer, codec, avutil.AVMEDIA_TYPE_VIDEO)
        if self.codec_name == "libx265":
            # x265 writes its messages to stderr by itself
            more = self.options.get("x265-params")
            self.options["x265-params"] = f"log-level=none:{more}" if more else "log-level=none"
        elif self.codec_name == "libsvtav1":
            os.environ.setdefault("SVT_LOG", "1")       # so does SVT-AV1: errors only
        self.set_up(3, 8, False)

    def __dealloc__(self):
        if self.owner != getpid():
            return              # Note [Encoders after a fork] in core/encode/stream_encoder.pyx
        filler_free(self.filler)
        swscale.sws_freeContext(self.sws)
        avutil.av_frame_free(&self.staging)

    def configure(self, int channels, int depth, bint variable):
        """Open the encoder again for what the first pictures are, if that makes a difference.

        Parameters
        ----------
        channels : int
            1 for gray, 3 for RGB, 4 for RGBA.
        depth : int
            8 for uint8, 16 for deeper values.
        variable : bool
            True if each frame brings its own time.
        """
        if variable and not self.muxer.has_times:
            raise UnsupportedError(
                f"{self.muxer.sink.name}: the container {self.muxer.format_name} stores no times of frames (leave "
                "pts_seconds out, or choose mp4, mkv or webm)", source=self.muxer.sink.name, operation="add frames",
            )
        if self.choose_format(channels, depth) != self.context.pix_fmt or variable != self.variable:
            self.set_up(channels, depth, variable)

    cdef int set_up(self, int channels, int depth, bint variable) except -1:
        cdef AVPixelFormat before = self.context.pix_fmt
        self.new_context()
        self.context.width, self.context.height = self.width, self.height
        self.context.thread_count = self.threads
        self.context.sample_aspect_ratio.num = self.context.sample_aspect_ratio.den = 1
        self.context.pix_fmt = self.choose_format(channels, depth)
        self.set_times(variable)
        self.set_options()
        self.set_colours()
        self.open()
        self.stream.avg_frame_rate = self.rate
        if variable:
            self.stream.avg_frame_rate.num = 0
            self.stream.avg_frame_rate.den = 1
        self.stream.sample_aspect_ratio = self.context.sample_aspect_ratio
        if self.context.pix_fmt != before:
            avutil.av_frame_unref(self.frame)
        self.layout.width = 0       # the next pictures get a new filler
        return 0

    cdef AVPixelFormat choose_format(self, int channels, int depth) except *:
        """The pixel format that was named, if it is possible, or the default one."""
        cdef AVPixelFormat format
        cdef const AVPixFmtDescriptor *desc
        cdef bytes name
        offered = self.offered_formats()
        if self.wanted_format is None:
            format = self.default_format(channels, depth)
        else:
            name = self.wanted_format.encode()
            format = avutil.av_get_pix_fmt(name)
            if format == avutil.AV_PIX_FMT_NONE:
                self.refuse(f"there is no pixel format {self.wanted_format!r}", f"pixel_format= one of {offered}")
        desc = avutil.av_pix_fmt_desc_get(format)
        if offered and (<bytes> desc.name).decode() not in offered.split(", "):
            self.refuse(
                f"the encoder {self.codec_name} does not support the pixel format {(<bytes> desc.name).decode()}",
                f"pixel_format= one of {offered}",
            )
        if desc.flags & avutil.AV_PIX_FMT_FLAG_HWACCEL:
            self.refuse(f"{(<bytes> desc.name).decode()} is a format of a graphics card", "a format of the CPU")
        if channels == 4 and not desc.flags & avutil.AV_PIX_FMT_FLAG_ALPHA:
            with_alpha = [f for f in offered.split(", ") if has_alpha(f)]
            remedy = (
                f"pixel_format= one of {', '.join(with_alpha)}" if with_alpha else
                "frames[:, :3], or choose a codec with alpha such as 'ffv1', 'prores_ks', 'png' or 'qtrle'"
            )
            self.refuse(f"the pixel format {(<bytes> desc.name).decode()} has no alpha for 4 channels", remedy)
        return format

    def refuse(self, what, remedy):
        raise FFmpegValueError(
            f"{self.muxer.sink.name}: {what} (pass {remedy})", source=self.muxer.sink.name, operation="open encoder"
        )

    def offered_formats(self):
        """The pixel formats that the encoder lists, joined by commas; empty if it lists none."""
        cdef int i = 0
        found = []
        while compat_codec_pixel_format(self.codec, i) >= 0:
            found.append(
                (<bytes> avutil.av_get_pix_fmt_name(<AVPixelFormat> compat_codec_pixel_format(self.codec, i))).decode()
            )
            i += 1
        return ", ".join(found)

    cdef AVPixelFormat default_format(self, int channels, int depth) except *:
        """The first format of the encoder that loses least of the channels, then of the depth."""
        cdef const AVPixFmtDescriptor *desc
        cdef AVPixelFormat best = avutil.AV_PIX_FMT_NONE
        cdef int i = 0
        best_loss = None
        while compat_codec_pixel_format(self.codec, i) >= 0:
            desc = avutil.av_pix_fmt_desc_get(<AVPixelFormat> compat_codec_pixel_format(self.codec, i))
            i += 1
            if desc.flags & avutil.AV_PIX_FMT_FLAG_HWACCEL:
                continue
            alpha = desc.flags & avutil.AV_PIX_FMT_FLAG_ALPHA != 0
            gray = desc.nb_components - alpha == 1 and not desc.flags & avutil.AV_PIX_FMT_FLAG_PAL
            loss = (
                desc.flags & avutil.AV_PIX_FMT_FLAG_PAL != 0,
                channels == 4 and not alpha,
                channels >= 3 and gray,
                max(depth - desc.comp[0].depth, 0) if depth > 8 else 0,
                channels == 1 and not gray,
                channels == 1 and alpha,
                max(desc.comp[0].depth - depth, 0),
            )
            if best_loss is None or loss < best_loss:
                best_loss = loss
                best = <AVPixelFormat> compat_codec_pixel_format(self.codec, i - 1)
        if best == avutil.AV_PIX_FMT_NONE:
            # FFmpeg reads no raw YUV from MOV files
            best = avutil.AV_PIX_FMT_RGB24 if self.muxer.is_mov else avutil.AV_PIX_FMT_YUV420P
            best = avutil.AV_PIX_FMT_GRAY8 if channels == 1 else best
        return best

    cdef int set_times(self, bint variable) except -1:
        """Set the frame rate, and the unit of time: a frame, or a fraction of it."""
        cdef AVRational rate
        cdef int i = 0
        rates = []
        while compat_codec_frame_rate(self.codec, i, &rate):
            rates.append((rate.num, rate.den))
            i += 1
        own = (self.rate.num, self.rate.den)
        if rates and not any(own[0] * den == num * own[1] for num, den in rates):
            listed = ", ".join(f"{num}/{den}" if den > 1 else str(num) for num, den in sorted(rates, key=ratio))
            self.refuse(
                f"the encoder {self.codec_name} does not support {own[0]}/{own[1]} frames a second",
                f"frame_rate= one of {listed}",
            )
        if variable and rates:
            raise UnsupportedError(
                f"{self.muxer.sink.name}: the encoder {self.codec_name} has a constant frame rate only (leave "
                "pts_seconds out, or choose another codec)", source=self.muxer.sink.name, operation="add frames",
            )
        self.variable = variable
        self.context.framerate = self.rate
        self.context.time_base.num, self.context.time_base.den = self.rate.den, self.rate.num
        self.packet_duration = 1
        if variable:
            self.context.time_base.num, self.context.time_base.den = 1, self.rate.num * self.parts()
            self.packet_duration = <int64_t> self.rate.den * self.parts()
        return 0

    cdef int parts(self) noexcept:
        """How many ticks the unit of the nominal frame rate has if frames bring their times."""
        if self.codec.id == avcodec.AV_CODEC_ID_MPEG4:
            return max(MPEG4_TICKS // self.rate.num, 1)
        return max((TICKS + self.rate.num - 1) // self.rate.num, 1) if self.rate.num < TICKS else 1

    @property
    def variable_time_base(self):
        """The unit of times if frames bring their times: numerator and denominator."""
        return 1, self.rate.num * self.parts()

    cdef int set_colours(self) except -1:
        """Complete the colour properties that the options leave open."""
        cdef const AVPixFmtDescriptor *desc = avutil.av_pix_fmt_desc_get(self.context.pix_fmt)
        cdef bint is_hd = self.height >= HD_HEIGHT or self.width >= HD_WIDTH
        name = (<bytes> desc.name).decode()
        if desc.flags & avutil.AV_PIX_FMT_FLAG_RGB or desc.nb_components < 3:
            is_rgb = desc.flags & avutil.AV_PIX_FMT_FLAG_RGB != 0
            if is_rgb and self.context.colorspace not in (avutil.AVCOL_SPC_RGB, avutil.AVCOL_SPC_UNSPECIFIED):
                self.refuse(f"colorspace={self.space_name()} has no meaning for {name}", "colorspace='rgb', or none")
            if self.context.color_range == avutil.AVCOL_RANGE_MPEG:
                self.refuse(f"{name} has values of full range", "color_range='pc', or none")
            if is_rgb:
                self.context.colorspace = avutil.AVCOL_SPC_RGB
            self.context.color_range = avutil.AVCOL_RANGE_JPEG
            return 0
        if self.context.colorspace == avutil.AVCOL_SPC_UNSPECIFIED:
            self.context.colorspace = avutil.AVCOL_SPC_BT709 if is_hd else avutil.AVCOL_SPC_SMPTE170M
            if self.context.color_primaries == avutil.AVCOL_PRI_UNSPECIFIED:
                self.context.color_primaries = avutil.AVCOL_PRI_BT709 if is_hd else avutil.AVCOL_PRI_SMPTE170M
            if self.context.color_trc == avutil.AVCOL_TRC_UNSPECIFIED:
                # both are one curve; ProRes has no code for the other, and FFmpeg would write 0
                if is_hd or avcodec.avcodec_get_name(self.context.codec_id) == b"prores":
                    self.context.color_trc = avutil.AVCOL_TRC_BT709
                else:
                    self.context.color_trc = avutil.AVCOL_TRC_SMPTE170M
        elif self.context.colorspace not in KNOWN_SPACES:
            self.refuse(
                f"RGB cannot be converted in the matrix {self.space_name()}",
                "colorspace= one of bt709, fcc, bt470bg, smpte170m, smpte240m, bt2020nc",
            )
        if self.context.color_range == avutil.AVCOL_RANGE_UNSPECIFIED:
            full = name.startswith("yuvj") or self.codec.id == avcodec.AV_CODEC_ID_MJPEG
            self.context.color_range = avutil.AVCOL_RANGE_JPEG if full else avutil.AVCOL_RANGE_MPEG
        elif name.startswith("yuvj") and self.context.color_range == avutil.AVCOL_RANGE_MPEG:
            self.refuse(f"{name} has values of full range", f"pixel_format='{name.replace('j', '')}'")
        return 0

    def space_name(self):
        return (<bytes> avutil.av_color_space_name(self.context.colorspace)).decode()

    def explain_refusal(self, str log):
        """Raise why the encoder does not open: the size, or what FFmpeg says."""
        cdef const AVPixFmtDescriptor *desc = avutil.av_pix_fmt_desc_get(self.context.pix_fmt)
        name = self.muxer.sink.name
        odd = (self.width % (1 << desc.log2_chroma_w)) or (self.height % (1 << desc.log2_chroma_h))
        if odd:
            raise FFmpegValueError(
                f"{name}: the encoder {self.codec_name} does not take frames of {self.width}x{self.height} in "
                f"{(<bytes> desc.name).decode()}, which shares chroma between pixels (crop or pad the frames to an "
                "even size, or pass pixel_format='yuv444p')", source=name, operation="open encoder",
            )
        options = ", ".join(f"{key}={value!r}" for key, value in self.options.items())
        raise FFmpegValueError(
            f"{name}: the encoder {self.codec_name} does not open for {self.width}x{self.height} frames in "
            f"{(<bytes> desc.name).decode()}" + (f" with {options}" if options else "")
            + (f". FFmpeg says: {' '.join(log.split())}" if log else " (change the size or the options)"),
            source=name, operation="open encoder",
        )

    @property
    def pixel_format(self):
        """FFmpeg's name of the pixel format."""
        return (<bytes> avutil.av_get_pix_fmt_name(self.context.pix_fmt)).decode()

    @property
    def time_base(self):
        """The unit of the times that `add` takes, in seconds: numerator and denominator."""
        return self.context.time_base.num, self.context.time_base.den

    @property
    def container_tick(self):
        """The unit of times in the container, as far as it is known."""
        return self.stream.time_base.num, self.stream.time_base.den

    cdef int prepare(self, const InputLayout *layout) except -1:
        """Make what converts pictures of a layout."""
        cdef int format = self.context.pix_fmt
        if memcmp(&self.layout, layout, sizeof(InputLayout)) == 0:
            return 0
        filler_free(self.filler)
        self.filler = NULL
        if not fills_format(format):
            format = self.open_scaler(layout)
        self.filler = filler_new(layout, format, self.context.colorspace, self.context.color_range)
        if self.filler == NULL:
            raise MemoryError()
        self.layout = layout[0]
        return 0

    cdef int open_scaler(self, const InputLayout *layout) except -1:
        """Let swscale write a format that the filler cannot; the RGB format to fill is returned."""
        cdef int full = self.context.color_range == avutil.AVCOL_RANGE_JPEG
        cdef const int *table = swscale.sws_getCoefficients(self.context.colorspace)
        cdef int code
        cdef AVPixelFormat format = avutil.AV_PIX_FMT_RGB24
        if layout.channels == 4:
            format = avutil.AV_PIX_FMT_RGBA
        if layout.type != INPUT_UINT8:
            format = avutil.AV_PIX_FMT_RGBA64 if layout.channels == 4 else avutil.AV_PIX_FMT_RGB48
        swscale.sws_freeContext(self.sws)
        self.sws = swscale.sws_alloc_context()
        if self.sws == NULL:
            raise MemoryError()
        avutil.av_opt_set_int(self.sws, b"srcw", self.width, 0)
        avutil.av_opt_set_int(self.sws, b"srch", self.height, 0)
        avutil.av_opt_set_int(self.sws, b"src_format", format, 0)
        avutil.av_opt_set_int(self.sws, b"dstw", self.width, 0)
        avutil.av_opt_set_int(self.sws, b"dsth", self.height, 0)
        avutil.av_opt_set_int(self.sws, b"dst_format", self.context.pix_fmt, 0)
        avutil.av_opt_set_int(
            self.sws, b"sws_flags", swscale.SWS_BICUBIC | swscale.SWS_ACCURATE_RND | swscale.SWS_FULL_CHR_H_INP, 0
        )
        code = swscale.sws_init_context(self.sws, NULL, NULL)
        if code < 0:
            self.refuse(f"RGB cannot be converted to {self.pixel_format}", "another pixel_format=")
        swscale.sws_setColorspaceDetails(self.sws, table, 1, table, full, 0, 1 << 16, 1 << 16)
        avutil.av_frame_free(&self.staging)
        self.staging = avutil.av_frame_alloc()
        if self.staging == NULL:
            raise MemoryError()
        self.staging.format = format
        self.staging.width, self.staging.height = self.width, self.height
        self.muxer.check(avutil.av_frame_get_buffer(self.staging, 0), "allocate a picture")
        return format

    cdef int convert(self, const uint8_t *picture) noexcept nogil:
        """Convert a picture into `frame`; flags of what was found in it, or AVERROR."""
        cdef int code, found
        if self.frame.format != self.context.pix_fmt or not avutil.av_frame_is_writable(self.frame):
            avutil.av_frame_unref(self.frame)
            self.frame.format = self.context.pix_fmt
            self.frame.width, self.frame.height = self.width, self.height
            code = avutil.av_frame_get_buffer(self.frame, 0)
            if code < 0:
                return code
            # formats such as bgr0 have bytes that no component fills, and that encoders store
            memset(self.frame.data[0], 255, <size_t> self.frame.linesize[0] * self.height)
            self.frame.sample_aspect_ratio = self.context.sample_aspect_ratio
            self.frame.colorspace = self.context.colorspace
            self.frame.color_range = self.context.color_range
            self.frame.color_primaries = self.context.color_primaries
            self.frame.color_trc = self.context.color_trc
        if self.staging == NULL:
            return fill_frame(self.filler, picture, self.frame)
        found = fill_frame(self.filler, picture, self.staging)
        code = swscale.sws_scale(
            self.sws, <const uint8_t **> self.staging.data, self.staging.linesize, 0, self.height,
            self.frame.data, self.frame.linesize,
        )
        return code if code < 0 else found

    def add(self, size_t pointer, tuple layout not None, ptrdiff_t stride, int64_t count, pts=None):
        """Encode pictures.

        Parameters
        ----------
        pointer : int
            Address of the first value.
        layout : tuple of int
            Channels, type, bits, and the distances of channels, rows and columns in bytes.
        stride : int
            Distance of pictures in bytes.
        count : int
            Number of pictures.
        pts : int64 array, optional
            Their times in units of `time_base`; None counts on.

        Returns
        -------
        int
            Flags of what was found: values outside the range.
        """
        cdef const int64_t[::1] times
        cdef const uint8_t *picture = <const uint8_t *> pointer
        cdef int64_t i
        cdef int code, found = 0
        self.use_layout(layout)
        if pts is not None:
            times = pts
        for i in range(count):
            if pts is not None:
                self.next_pts = times[i]
            with nogil:
                code = self.add_picture(picture + i * stride)
            self.muxer.check(code, "encode")
            if code == FOUND_OUTSIDE and self.layout.type == INPUT_FLOAT:
                found |= code
            elif code > 0:
                raise FFmpegValueError(
                    f"{self.muxer.sink.name}: picture {i} of these frames " + (
                        "holds NaN (use frames.nan_to_num())" if code & FOUND_NAN else
                        f"holds values above {(1 << self.layout.bits) - 1}, the largest of {self.layout.bits} bits"
                    ), source=self.muxer.sink.name, operation="add frames",
                )
            PyErr_CheckSignals()
        return found

    def use_layout(self, tuple layout not None):
        """Prepare for pictures of a layout, as for `add`."""
        cdef InputLayout given
        memset(&given, 0, sizeof(given))    # `prepare` compares the padding, too
        given.width, given.height = self.width, self.height
        given.channels, given.type, given.bits, given.channel, given.row, given.column = layout
        self.prepare(&given)

    cdef int add_picture(self, const uint8_t *picture) noexcept nogil:
        """Encode a picture of the layout at `next_pts`; AVERROR, or flags of what was found.

        A picture with NaN, or integers above its depth, is not encoded.
        """
        cdef int code
        cdef int found = self.convert(picture)
        if found < 0 or found & FOUND_NAN or (found and self.layout.type == INPUT_UINT16):
            return found
        self.frame.pts = self.next_pts
        compat_frame_set_duration(self.frame, self.packet_duration)
        code = self.send(self.frame)
        if code < 0:
            return code
        self.num_frames += 1
        self.next_pts += self.packet_duration
        return found

    def flush(self):
        """Encode what the encoder still holds."""
        cdef int code
        if self.flushed:
            return
        self.flushed = True
        with nogil:
            code = self.send(NULL)
        self.muxer.check(code, "encode")


def ratio(tuple rate):
    return rate[0] / rate[1]


cdef bint has_alpha(str format) except -1:
    cdef bytes name = format.encode()
    cdef const AVPixFmtDescriptor *desc = avutil.av_pix_fmt_desc_get(avutil.av_get_pix_fmt(name))
    return desc != NULL and desc.flags & avutil.AV_PIX_FMT_FLAG_ALPHA


def limit_level(int level):
    """Choose plain (0) or the best (1) vector code; for tests."""
    filler_limit(level)
