"""Pictures that libavcodec decodes: WebP's two codecs, and the AV1 and HEVC of AVIF and HEIC."""

cimport cython
from libc.errno cimport EAGAIN, ENOMEM
from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int64_t, uint8_t, uint16_t, uintptr_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from cycodec.core cimport error
from cycodec.core.container.decoder_context cimport open_decoder
from cycodec.core.error import CodecNotFoundError, FFmpegValueError, InvalidDataError, UnsupportedError
from cycodec.core.image.decode cimport PixelFormat, PixelRows, convert_pixels, rect_of
from cycodec.core.image.source_bytes cimport IMAGE_NO_MEMORY, check_image
from cycodec.core.video.cpu cimport Rect, convert_once
from cycodec.core.video.picture_spec cimport PictureSpec
from cycodec.core.video.target cimport ConvertTarget

from cycodec.libav cimport avcodec, avutil
from cycodec.libav.avcodec cimport AVCodec, AVPacket
from cycodec.libav.avutil cimport AVFrame, AVPixelFormat, AVPixFmtDescriptor


cdef extern from "image/webp_rgb.h" nogil:
    ctypedef struct WebpPlanes:
        int width, height
        const uint8_t *planes[4]
        ptrdiff_t strides[4]
    int webp_rgb(const WebpPlanes *planes, Rect region, uint8_t *out, ptrdiff_t stride, int channels)

cdef extern from "image/chroma.h" nogil:
    ctypedef struct ChromaPlane:
        const uint8_t *data
        ptrdiff_t stride
        int rows
    void chroma_upsample(uint8_t *out, ptrdiff_t stride, const ChromaPlane *plane, int width, int height, int is_deep,
                         int is_halved_down)

# Pixel formats with chroma of half the width, with those of the same depth in which it is whole.
cdef dict WHOLE_CHROMA = {
    f"yuv{'j' if not depth and is_full else ''}{halved}p{depth}": f"yuv{'j' if not depth and is_full else ''}444p{depth}"
    for halved in (420, 422) for depth in ("", "10le", "12le") for is_full in (False, True)
}

cdef enum:
    UINT8 = 0                   # of csrc/picture/target.h
    FLOAT32 = 1
    PADDING = 256               # pixels

cdef class PictureDecoder:
    """A decoder of libavcodec for the pictures of one image.

    Parameters
    ----------
    codec : str
        FFmpeg's name of the codec, such as "webp".
    format, name : str
        Of the image and its source, for errors.
    extradata : bytes
        What the container says about the coded pictures, as libavcodec takes it.
    width, height : int
        The size that the container states. Larger pictures are refused.
    num_threads : int
    """

    def __cinit__(self, str codec not None, str format not None, str name not None, int width, int height,
                  bytes extradata=b"", int num_threads=1):
        cdef const AVCodec *found = find_codec(codec)
        if found == NULL:
            raise CodecNotFoundError(
                f"{name}: the FFmpeg in use has no decoder for {codec}, which {format} images need (use an FFmpeg "
                "built with it; `cycodec doctor` lists what this one has)", source=name, operation="open decoder",
            )
        self.format, self.name = format, name
        self.context = avcodec.avcodec_alloc_context3(found)
        if self.context == NULL:
            raise MemoryError()
        if extradata:
            self.context.extradata = <uint8_t *> avutil.av_mallocz(
                len(extradata) + avcodec.AV_INPUT_BUFFER_PADDING_SIZE
            )
            if self.context.extradata == NULL:
                raise MemoryError()
            memcpy(self.context.extradata, <const char *> extradata, len(extradata))
            self.context.extradata_size = len(extradata)
        # coded pictures are padded, and libavcodec counts more padding
        self.context.max_pixels = (<int64_t> width + PADDING) * (<int64_t> height + PADDING)
        self.context.thread_count = num_threads
        if num_threads > 1:
            self.context.thread_type = avcodec.FF_THREAD_SLICE
        self.context.err_recognition |= avcodec.AV_EF_EXPLODE
        try:
            open_decoder(self.context, name)
        except (FFmpegValueError, InvalidDataError) as refused:  # the options are ours, and right
            raise InvalidDataError(
                f"{name}: the {format} image is damaged: what it says about its codec is wrong (get an intact file)",
                source=name, operation=f"decode {format}", errno=refused.errno,
            ) from None

    def __dealloc__(self):
        with nogil:
            avcodec.avcodec_free_context(&self.context)

    def decode(self, bytes data):
        """Send a packet, or None for the end. Return the picture that it completes, or None."""
        cdef AVPacket *packet = avcodec.av_packet_alloc()
        cdef const char *start = NULL
        cdef size_t size = 0
        cdef int code = 0
        if packet == NULL:
            raise MemoryError()
        if data is not None:
            start, size = data, len(data)
        with nogil:
            if start != NULL:
                code = avcodec.av_new_packet(packet, <int> size)
            if code >= 0:
                if start != NULL:
                    memcpy(packet.data, start, size)
                    packet.flags |= avcodec.AV_PKT_FLAG_KEY
                code = avcodec.avcodec_send_packet(self.context, packet if start != NULL else NULL)
            avcodec.av_packet_free(&packet)
        if code != avutil.AVERROR_EOF:
            self.check(code)
        return self.receive()

    def decode_one(self, bytes data not None):
        """Decode the one picture of a packet.

        Raises
        ------
        FFmpegError
            The data are damaged, or there is no picture in them.
        """
        picture = self.decode(data) or self.decode(None)
        if picture is None:
            raise InvalidDataError(
                f"{self.name}: the {self.format} image is damaged: its data hold no picture (get an intact file)",
                source=self.name, operation=f"decode {self.format}",
            )
        return picture

    cdef CodedPicture receive(self):
        cdef CodedPicture picture = CodedPicture(self.format, self.name)
        cdef int code
        with nogil:
            code = avcodec.avcodec_receive_frame(self.context, picture.frame)
        if code == avutil.AVERROR(EAGAIN) or code == avutil.AVERROR_EOF:
            return None
        self.check(code)
        if picture.frame.decode_error_flags or picture.frame.flags & avutil.AV_FRAME_FLAG_CORRUPT:
            self.check(avutil.AVERROR_INVALIDDATA)
        return picture

    def check(self, int code):
        # decoders return several codes for headers that cannot be right
        if code < 0 and code not in (avutil.AVERROR(ENOMEM), avutil.AVERROR_PATCHWELCOME):
            raise InvalidDataError(
                f"{self.name}: the {self.format} image is damaged or truncated (get an intact file)",
                source=self.name, operation=f"decode {self.format}", errno=code,
            )
        error.check(code, f"decode {self.format}", self.name)


cdef const AVCodec *find_codec(str codec):
    """Return libavcodec's software decoder of a codec, or NULL."""
    cdef const AVCodec *found = NULL
    # FFmpeg's own decoder of AV1 needs hardware
    for name in {"av1": ("libdav1d", "libaom-av1", "libgav1")}.get(codec, (codec,)):
        found = avcodec.avcodec_find_decoder_by_name(name.encode())
        if found != NULL:
            break
    return found


cdef class CodedPicture:
    """A decoded picture.

    Parameters
    ----------
    format, name : str
        Of the image and its source, for errors.
    """

    def __cinit__(self, str format not None, str name not None):
        self.format, self.name = format, name
        self.frame = avutil.av_frame_alloc()
        if self.frame == NULL:
            raise MemoryError()

    def __dealloc__(self):
        avutil.av_frame_free(&self.frame)

    @property
    def width(self):
        return self.frame.width

    @property
    def height(self):
        return self.frame.height

    @property
    def pixel_format(self):
        """FFmpeg's name of the pixel format."""
        return avutil.av_get_pix_fmt_name(<AVPixelFormat> self.frame.format).decode()

    @property
    def bits(self):
        """The bits of a component."""
        return avutil.av_pix_fmt_desc_get(<AVPixelFormat> self.frame.format).comp[0].depth

    def set_colours(self, int primaries, int transfer, int matrix, bint is_full):
        """Set the colours, in the numbers of ITU-T H.273, which the container tells."""
        self.frame.color_primaries = <avutil.AVColorPrimaries> primaries
        self.frame.color_trc = <avutil.AVColorTransferCharacteristic> transfer
        self.frame.colorspace = <avutil.AVColorSpace> matrix
        self.frame.color_range = avutil.AVCOL_RANGE_JPEG if is_full else avutil.AVCOL_RANGE_MPEG

    def read(self, uintptr_t pointer, ptrdiff_t stride, int channels, int depth, tuple region not None):
        """Write a region (y0, y1, x0, x1) as packed pixels. Alpha is that of the picture."""
        cdef PixelRows out = PixelRows(<uint8_t *> pointer, stride, PixelFormat(channels, depth))
        cdef Rect rect = rect_of(region)
        cdef int code
        cdef bint is_lossless = self.pixel_format == "argb"
        cdef PictureSpec spec
        cdef const ConvertTarget *target
        if self.format == "WebP":
            with nogil:
                code = self.read_argb(rect, out) if is_lossless else self.read_webp(rect, out)
        else:
            self.interpolate_chroma()
            spec = PictureSpec((self.width, self.height), region, 0, FLOAT32 if depth == 16 else UINT8)
            target = <const ConvertTarget *> spec.target
            with nogil:
                code = self.read_yuv(target, rect, out)
        check_image(code, self.format, self.name, NULL)

    cdef int interpolate_chroma(self) except -1:
        """Replace subsampled chroma: Note [Chroma of still images] in csrc/image/chroma.c."""
        cdef const AVPixFmtDescriptor *desc = avutil.av_pix_fmt_desc_get(<AVPixelFormat> self.frame.format)
        cdef AVFrame *whole
        cdef ChromaPlane plane
        cdef int i, row, is_deep = desc.comp[0].depth > 8, is_halved_down = desc.log2_chroma_h > 0
        name = WHOLE_CHROMA.get(self.pixel_format)
        if name is None:
            return 0
        whole = avutil.av_frame_alloc()
        if whole == NULL:
            raise MemoryError()
        whole.width, whole.height = self.frame.width, self.frame.height
        whole.format = avutil.av_get_pix_fmt(name.encode())
        whole.color_range, whole.colorspace = self.frame.color_range, self.frame.colorspace
        whole.color_primaries, whole.color_trc = self.frame.color_primaries, self.frame.color_trc
        if avutil.av_frame_get_buffer(whole, 0) < 0:
            avutil.av_frame_free(&whole)
            raise MemoryError()
        with nogil:
            for row in range(whole.height):
                memcpy(whole.data[0] + <ptrdiff_t> row * whole.linesize[0],
                       self.frame.data[0] + <ptrdiff_t> row * self.frame.linesize[0], whole.width << is_deep)
            for i in range(1, 3):
                plane.data, plane.stride = self.frame.data[i], self.frame.linesize[i]
                plane.rows = (whole.height + is_halved_down) >> is_halved_down
                chroma_upsample(whole.data[i], whole.linesize[i], &plane, whole.width, whole.height, is_deep,
                                is_halved_down)
        avutil.av_frame_free(&self.frame)
        self.frame = whole
        return 0

    cdef int read_argb(self, Rect region, PixelRows out) noexcept nogil:
        """Lossless WebP."""
        cdef int width = region.x1 - region.x0, x, y
        cdef uint8_t *row = <uint8_t *> malloc(4 * <size_t> width)
        cdef const uint8_t *argb
        if row == NULL:
            return IMAGE_NO_MEMORY
        for y in range(region.y0, region.y1):
            argb = self.frame.data[0] + <ptrdiff_t> y * self.frame.linesize[0] + 4 * <ptrdiff_t> region.x0
            for x in range(width):
                row[4 * x] = argb[4 * x + 1]
                row[4 * x + 1] = argb[4 * x + 2]
                row[4 * x + 2] = argb[4 * x + 3]
                row[4 * x + 3] = argb[4 * x]
            convert_pixels(out.data + (y - region.y0) * out.stride, out.format, row, PixelFormat(4, 8), width)
        free(row)
        return 0

    cdef int read_webp(self, Rect region, PixelRows out) noexcept nogil:
        """Lossy WebP: YUV 4:2:0, with alpha or without."""
        cdef WebpPlanes planes
        cdef int plane, y, width = region.x1 - region.x0
        cdef Rect row = region
        cdef uint8_t *line
        planes.width, planes.height = self.frame.width, self.frame.height
        for plane in range(4):
            planes.planes[plane] = self.frame.data[plane]
            planes.strides[plane] = self.frame.linesize[plane]
        if out.format.depth == 8 and out.format.channels >= 3:
            return IMAGE_NO_MEMORY if webp_rgb(&planes, region, out.data, out.stride, out.format.channels) < 0 else 0
        line = <uint8_t *> malloc(4 * <size_t> width)
        if line == NULL:
            return IMAGE_NO_MEMORY
        for y in range(region.y0, region.y1):
            row.y0, row.y1 = y, y + 1
            if webp_rgb(&planes, row, line, 0, 4) < 0:
                free(line)
                return IMAGE_NO_MEMORY
            convert_pixels(out.data + (y - region.y0) * out.stride, out.format, line, PixelFormat(4, 8), width)
        free(line)
        return 0

    cdef int read_yuv(self, const ConvertTarget *target, Rect region, PixelRows out) noexcept nogil:
        """AV1 and HEVC, by the conversion of videos: 16 bits are rounded from its floats."""
        cdef int width = region.x1 - region.x0, height = region.y1 - region.y0, y
        cdef int code = avutil.AVERROR(ENOMEM)
        cdef bint is_deep = out.format.depth == 16
        cdef bint is_direct = not is_deep and out.format.channels == 3
        cdef ptrdiff_t stride = out.stride if is_direct else 3 * <ptrdiff_t> width * (4 if is_deep else 1)
        cdef uint8_t *rgb = out.data if is_direct else <uint8_t *> malloc(stride * height)
        if rgb != NULL:
            code = convert_once(self.frame, target, rgb, stride)
        if is_direct:
            return code
        for y in range(height if code >= 0 else 0):
            if is_deep:
                round_row(<uint16_t *> (rgb + y * stride), <const float *> (rgb + y * stride), 3 * width)
            convert_pixels(out.data + y * out.stride, out.format, rgb + y * stride,
                           PixelFormat(3, 16 if is_deep else 8), width)
        free(rgb)
        return code

    @cython.cdivision(True)
    def read_alpha(self, uintptr_t pointer, ptrdiff_t stride, int channels, int depth, tuple region not None):
        """Write the luma of this picture as the last channel of packed pixels."""
        cdef Rect rect = rect_of(region)
        cdef int bits = self.bits, x, y, low = 0, span = (1 << bits) - 1, value, most = (1 << depth) - 1
        cdef const uint8_t *row
        cdef uint8_t *out
        if self.frame.color_range == avutil.AVCOL_RANGE_MPEG:
            low, span = 16 << (bits - 8), 219 << (bits - 8)
        with nogil:
            for y in range(rect.y0, rect.y1):
                row = self.frame.data[0] + <ptrdiff_t> y * self.frame.linesize[0]
                out = <uint8_t *> pointer + (y - rect.y0) * stride
                for x in range(rect.x0, rect.x1):
                    value = (<const uint16_t *> row)[x] if bits > 8 else row[x]
                    value = min(max(value - low, 0), span)
                    value = <int> ((<int64_t> value * most + span / 2) / span)
                    if depth == 8:
                        out[(x - rect.x0) * channels + channels - 1] = <uint8_t> value
                    else:
                        (<uint16_t *> out)[(x - rect.x0) * channels + channels - 1] = <uint16_t> value

    @staticmethod
    def joined(list tiles not None, int columns, int width, int height):
        """Return one picture of tiles of one size, which come row by row.

        Raises
        ------
        UnsupportedError
            The tiles differ, or a tile begins inside a chroma sample.
        """
        cdef CodedPicture first = tiles[0], whole = CodedPicture(first.format, first.name), tile
        cdef const AVPixFmtDescriptor *desc = avutil.av_pix_fmt_desc_get(<AVPixelFormat> first.frame.format)
        cdef int number, column, row
        for other in tiles:
            tile = other
            if (tile.frame.format, tile.width, tile.height) != (first.frame.format, first.width, first.height) or (
                first.width % (1 << desc.log2_chroma_w) or first.height % (1 << desc.log2_chroma_h)
            ):
                raise UnsupportedError(
                    f"{first.name}: cannot decode this kind of {first.format}: its tiles differ in size or pixel "
                    "format (convert the file)", source=first.name, operation=f"decode {first.format}",
                )
        whole.frame.width, whole.frame.height, whole.frame.format = width, height, first.frame.format
        whole.frame.color_range, whole.frame.colorspace = first.frame.color_range, first.frame.colorspace
        whole.frame.color_primaries, whole.frame.color_trc = first.frame.color_primaries, first.frame.color_trc
        error.check(avutil.av_frame_get_buffer(whole.frame, 0), "join tiles", first.name)
        for number, other in enumerate(tiles):
            tile = other
            row, column = divmod(number, columns)
            with nogil:
                copy_tile(whole.frame, tile.frame, desc, column * tile.frame.width, row * tile.frame.height)
        return whole


cdef void round_row(uint16_t *out, const float *row, ptrdiff_t samples) noexcept nogil:
    """Round samples in [0, 1] to 16 bits. `out` may be the row itself."""
    cdef ptrdiff_t i
    for i in range(samples):
        out[i] = <uint16_t> (row[i] * <float> 65535.0 + <float> 0.5)


cdef void copy_tile(AVFrame *whole, const AVFrame *tile, const AVPixFmtDescriptor *desc, int x, int y) noexcept nogil:
    """Copy the planes of a tile, as far as they lie inside the whole picture."""
    cdef int plane, shift_x, shift_y, width, height, row, size = (desc.comp[0].depth + 7) >> 3
    cdef bint is_chroma
    if x >= whole.width or y >= whole.height:
        return
    for plane in range(3):
        if tile.data[plane] == NULL:
            continue
        is_chroma = plane > 0 and not desc.flags & avutil.AV_PIX_FMT_FLAG_RGB
        shift_x = desc.log2_chroma_w if is_chroma else 0
        shift_y = desc.log2_chroma_h if is_chroma else 0
        width = -((-min(tile.width, whole.width - x)) >> shift_x)
        height = -((-min(tile.height, whole.height - y)) >> shift_y)
        for row in range(height):
            memcpy(
                whole.data[plane] + <ptrdiff_t> ((y >> shift_y) + row) * whole.linesize[plane] + (x >> shift_x) * size,
                tile.data[plane] + <ptrdiff_t> row * tile.linesize[plane], width * size,
            )
