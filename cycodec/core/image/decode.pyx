"""JPEG, PNG, GIF and WebP: the codecs of csrc/image behind classes of one shape.

A picture knows its size as it is stored, its own number of channels, its depth and its orientation.
`read` writes a region of it to the caller's memory. Pictures of animations draw their frames in
order onto a canvas.
"""

from libc.stddef cimport ptrdiff_t, size_t
from libc.stdint cimport int64_t, uint8_t, uintptr_t
from libc.stdlib cimport free, malloc

from cycodec.core cimport error
from cycodec.core.image.source_bytes cimport IMAGE_NO_MEMORY, SourceBytes, check_image
from cycodec.core.video.cpu cimport PackedPicture, Rect, resample_once


cdef extern from "image/pixels.h" nogil:
    void pixels_convert(uint8_t *out, PixelFormat to, const uint8_t *source, PixelFormat format, int width)
    void pixels_orient(uint8_t *out, ptrdiff_t out_stride, const uint8_t *source, ptrdiff_t stride, int width,
                       int height, int pixel_size, int orientation)
    int c_exif_orientation "exif_orientation"(const uint8_t *exif, size_t size)

cdef extern from "image/canvas.h" nogil:
    int canvas_init(Canvas *canvas, int width, int height)
    void canvas_free(Canvas *canvas)
    int canvas_begin(Canvas *canvas, Rect rect, int disposal)
    void canvas_draw(Canvas *canvas, const uint8_t *pixels, int is_blended)

cdef extern from "image/jpeg_decode.h" nogil:
    ctypedef struct JpegInfo:
        int width, height, components, orientation, is_progressive
        const uint8_t *exif
        size_t exif_size
    ctypedef struct JpegRequest:
        int reduction
        Rect region
        int wants_ink
    int jpeg_is_available()
    JpegReader *jpeg_reader_alloc()
    void jpeg_reader_free(JpegReader *reader)
    int jpeg_reader_open(JpegReader *reader, const uint8_t *data, size_t size, JpegInfo *info)
    int jpeg_reader_read(JpegReader *reader, const JpegRequest *request, PixelRows out)
    const char *jpeg_reader_message(const JpegReader *reader)

cdef extern from "image/png_decode.h" nogil:
    enum:
        PNG_BLEND_OVER
    int png_open(PngImage *png, const uint8_t *data, size_t size, int wants_frames)
    void png_close(PngImage *png)
    int png_read(PngImage *png, const PngFrame *frame, Rect region, PixelRows out)

cdef extern from "image/png_rows.h" nogil:
    PixelFormat png_expanded_format(const PngSamples *samples)

cdef extern from "image/inflate.h" nogil:
    int inflate_is_available()

cdef extern from "image/webp_decode.h" nogil:
    ctypedef struct WebpCoded:
        const uint8_t *data
        size_t size
        int width, height
    int c_webp_is_available "webp_is_available"()
    int webp_read(const WebpCoded *coded, Rect region, PixelRows out)

cdef extern from "image/gif_decode.h" nogil:
    int gif_open(GifImage *gif, const uint8_t *data, size_t size)
    void gif_close(GifImage *gif)
    int gif_draw(GifImage *gif, int number, Canvas *canvas)


def available():
    """Return the formats that this build decodes by libraries that it may lack."""
    formats = {"JPEG": jpeg_is_available(), "PNG": inflate_is_available()}
    return frozenset(name for name, is_there in formats.items() if is_there)


def webp_is_available():
    """Return True if this build has libwebp; libavcodec decodes WebP in every build."""
    return bool(c_webp_is_available())


cdef Rect rect_of(tuple region):
    """Return the Rect of (y0, y1, x0, x1)."""
    return Rect(region[2], region[0], region[3], region[1])


cdef PixelRows rows_at(uintptr_t pointer, ptrdiff_t stride, int channels, int depth):
    return PixelRows(<uint8_t *> pointer, stride, PixelFormat(channels, depth))


def exif_orientation(bytes exif not None):
    """Return the orientation (csrc/picture/orientation.h) that an Exif block asks for."""
    return c_exif_orientation(exif, len(exif))


def orient(uintptr_t out, ptrdiff_t out_stride, uintptr_t source, ptrdiff_t stride, int width, int height,
           int pixel_size, int orientation):
    """Copy a picture of width x height into an orientation."""
    with nogil:
        pixels_orient(<uint8_t *> out, out_stride, <const uint8_t *> source, stride, width, height, pixel_size,
                      orientation)


def resample(uintptr_t out, ptrdiff_t out_stride, uintptr_t source, ptrdiff_t stride, tuple size not None,
             tuple stage not None, int channels, int depth):
    """Resample a picture of packed pixels, as the decoders of videos do.

    Parameters
    ----------
    out, out_stride, source, stride : int
        Addresses of both pictures, and the bytes between their rows.
    size : (int, int)
        Height and width of the source.
    stage : (int, int, (int, int, int, int))
        Height and width of the whole result, and the region (y0, y1, x0, x1) of it that is written.
    channels, depth : int
        Of both pictures.
    """
    cdef PackedPicture picture
    cdef int height = stage[0], width = stage[1], code
    cdef Rect region = rect_of(stage[2])
    picture.height, picture.width = size
    picture.channels, picture.depth = channels, depth
    picture.data = <const uint8_t *> source
    picture.stride = stride
    with nogil:
        code = resample_once(&picture, width, height, region, <uint8_t *> out, out_stride)
    error.check(code, "resize", "image")


cdef void convert_pixels(uint8_t *out, PixelFormat to, const uint8_t *source, PixelFormat format,
                         int width) noexcept nogil:
    """Convert a row of pixels; Note [One copy in the process]."""
    pixels_convert(out, to, source, format, width)


cdef class AnimationCanvas:
    """A canvas of RGB and alpha, on which the frames of an animation are drawn."""

    def __cinit__(self, int width=0, int height=0):
        if width and height:
            self.prepare(width, height)

    def __dealloc__(self):
        canvas_free(&self.canvas)

    cdef int prepare(self, int width, int height) except -1:
        """Make the canvas empty."""
        canvas_free(&self.canvas)
        if canvas_init(&self.canvas, width, height) < 0:
            raise MemoryError()
        return 0

    cdef int begin(self, Rect rect, int disposal) noexcept nogil:
        return IMAGE_NO_MEMORY if canvas_begin(&self.canvas, rect, disposal) < 0 else 0

    cdef void draw(self, const uint8_t *pixels, bint is_blended) noexcept nogil:
        canvas_draw(&self.canvas, pixels, is_blended)

    def add(self, uintptr_t pixels, tuple region not None, bint is_cleared, bint is_blended):
        """Draw a frame of packed RGB and alpha into a region.

        `is_cleared` is True if the region becomes transparent before the next frame.
        """
        cdef Rect rect = rect_of(region)
        cdef int code
        with nogil:
            code = self.begin(rect, CANVAS_CLEAR if is_cleared else CANVAS_KEEP)
            if code == 0:
                self.draw(<const uint8_t *> pixels, is_blended)
        check_image(code, "image", "animation", NULL)

    def read(self, uintptr_t pointer, ptrdiff_t stride, int channels, int depth, tuple region not None):
        """Copy a region of what the canvas shows."""
        cdef PixelRows out = rows_at(pointer, stride, channels, depth)
        cdef Rect rect = rect_of(region)
        cdef PixelFormat own = PixelFormat(4, 8)
        cdef int y
        with nogil:
            for y in range(rect.y0, rect.y1):
                pixels_convert(out.data + (y - rect.y0) * stride, out.format,
                               self.canvas.pixels + 4 * (<ptrdiff_t> y * self.canvas.width + rect.x0), own,
                               rect.x1 - rect.x0)


cdef class JpegPicture:
    """A JPEG image."""

    format = "JPEG"
    num_frames = 1
    plays = 1

    def __cinit__(self, SourceBytes source not None):
        cdef JpegInfo info
        cdef int code
        source.load()
        self.bytes = source
        self.depth = 8
        self.reader = jpeg_reader_alloc()
        if self.reader == NULL and jpeg_is_available():
            raise MemoryError()
        with nogil:
            code = jpeg_reader_open(self.reader, source.data, source.size, &info)
        check_image(code, "JPEG", source.name, jpeg_reader_message(self.reader))
        self.width, self.height = info.width, info.height
        self.channels, self.orientation = info.components, info.orientation
        self.is_progressive = info.is_progressive
        self.exif = (<const char *> info.exif)[:info.exif_size] if info.exif != NULL else b""

    def __dealloc__(self):
        jpeg_reader_free(self.reader)

    def read(self, uintptr_t pointer, ptrdiff_t stride, int channels, int depth, tuple region not None,
             int reduction=1, bint wants_ink=False):
        """Decode a region; a picture can be read once.

        Parameters
        ----------
        pointer, stride : int
            Where the result goes, and the bytes between its rows.
        channels, depth : int
            Of the result.
        region : (int, int, int, int)
            (y0, y1, x0, x1) of the reduced picture.
        reduction : {1, 2, 4, 8}
            By how much the picture is reduced; sizes are rounded up.
        wants_ink : bool
            True for the inks of a picture with four components, as four channels.
        """
        cdef JpegRequest request = JpegRequest(reduction, rect_of(region), wants_ink)
        cdef PixelRows out = rows_at(pointer, stride, channels, depth)
        cdef int code
        with nogil:
            code = jpeg_reader_read(self.reader, &request, out)
        check_image(code, "JPEG", self.bytes.name, jpeg_reader_message(self.reader))


def read_webp(SourceBytes source not None, tuple place not None, tuple size not None, uintptr_t pointer,
              ptrdiff_t stride, int channels, int depth, tuple region not None):
    """Decode a region of a WebP picture by libwebp.

    Parameters
    ----------
    source : SourceBytes
        All bytes of the file, in memory.
    place : (int, int)
        Begin and end of the content of a VP8 or VP8L chunk; or of the chunks from ALPH to VP8.
    size : (int, int)
        Height and width that the container says.
    pointer, stride, channels, depth, region
        As for JpegPicture.read.
    """
    cdef int64_t start = place[0], end = place[1]
    cdef PixelRows out = rows_at(pointer, stride, channels, depth)
    cdef Rect rect = rect_of(region)
    cdef WebpCoded coded
    cdef int code
    if not 0 <= start < end <= source.size:
        raise ValueError(f"the source has no bytes from {start} to {end}")
    coded.data, coded.size = source.data + start, <size_t> (end - start)
    coded.height, coded.width = size
    with nogil:
        code = webp_read(&coded, rect, out)
    check_image(code, "WebP", source.name, NULL)


cdef class PngPicture:
    """A PNG image, and with `wants_frames` the frames of an APNG."""

    format = "PNG"

    def __cinit__(self, SourceBytes source not None, bint wants_frames=False):
        cdef PixelFormat format
        cdef int code
        source.load()
        self.bytes = source
        with nogil:
            code = png_open(&self.png, source.data, source.size, wants_frames)
        check_image(code, "PNG", source.name, self.png.message)
        format = png_expanded_format(&self.png.samples)
        self.channels, self.depth = format.channels, format.depth

    def __dealloc__(self):
        png_close(&self.png)

    @property
    def width(self):
        return self.png.width

    @property
    def height(self):
        return self.png.height

    @property
    def orientation(self):
        return self.png.orientation

    @property
    def exif(self):
        return (<const char *> self.png.exif)[:self.png.exif_size] if self.png.exif != NULL else b""

    @property
    def plays(self):
        """How often an animation is shown; 0 repeats it for ever."""
        return self.png.plays

    @property
    def num_frames(self):
        """The number of frames of an APNG, or 1."""
        return max(self.png.num_frames, 1)

    @property
    def is_animated(self):
        """True for an APNG whose frames were wanted."""
        return self.png.num_frames > 0

    def read(self, uintptr_t pointer, ptrdiff_t stride, int channels, int depth, tuple region not None):
        """Decode a region of the picture."""
        cdef PixelRows out = rows_at(pointer, stride, channels, depth)
        cdef Rect rect = rect_of(region)
        cdef int code
        with nogil:
            code = png_read(&self.png, NULL, rect, out)
        check_image(code, "PNG", self.bytes.name, self.png.message)

    def duration(self, int number):
        """Return how long a frame is shown, in seconds."""
        if self.png.num_frames == 0:
            return 0.0
        return self.png.frames[number].delay / <double> self.png.frames[number].delay_units

    def draw(self, int number):
        """Draw the next frame, of which this is the number. Return the canvas."""
        cdef PngFrame *frame
        cdef Rect rect, whole
        cdef PixelRows out
        cdef int disposal, code
        cdef uint8_t *pixels
        if number == 0:
            self.canvas = AnimationCanvas(self.png.width, self.png.height)
        frame = &self.png.frames[number]
        rect = Rect(frame.x, frame.y, frame.x + frame.width, frame.y + frame.height)
        whole = Rect(0, 0, frame.width, frame.height)
        disposal = CANVAS_KEEP
        if frame.disposal == 1 or (frame.disposal == 2 and number == 0):
            disposal = CANVAS_CLEAR
        elif frame.disposal == 2:
            disposal = CANVAS_RESTORE
        pixels = <uint8_t *> malloc(4 * <size_t> frame.width * <size_t> frame.height)
        if pixels == NULL:
            raise MemoryError()
        try:
            with nogil:
                out = PixelRows(pixels, 4 * <ptrdiff_t> frame.width, PixelFormat(4, 8))
                code = png_read(&self.png, frame, whole, out)
                if code == 0:
                    code = self.canvas.begin(rect, disposal)
                if code == 0:
                    self.canvas.draw(pixels, frame.blend == PNG_BLEND_OVER)
        finally:
            free(pixels)
        check_image(code, "PNG", self.bytes.name, self.png.message)
        return self.canvas


cdef class GifPicture:
    """A GIF image and its frames."""

    format = "GIF"
    exif = b""

    def __cinit__(self, SourceBytes source not None):
        cdef int code
        source.load()
        self.bytes = source
        self.channels, self.depth = 3, 8
        with nogil:
            code = gif_open(&self.gif, source.data, source.size)
        check_image(code, "GIF", source.name, self.gif.message)
        for number in range(self.gif.num_frames):
            if self.gif.frames[number].clear >= 0:
                self.channels = 4
                break

    def __dealloc__(self):
        gif_close(&self.gif)

    @property
    def width(self):
        return self.gif.width

    @property
    def height(self):
        return self.gif.height

    @property
    def largest_frame(self):
        """The number of pixels of the largest frame, or of the canvas if that has more."""
        cdef int64_t largest = <int64_t> self.gif.width * self.gif.height
        cdef int number
        for number in range(self.gif.num_frames):
            largest = max(largest, <int64_t> self.gif.frames[number].width * self.gif.frames[number].height)
        return largest

    @property
    def plays(self):
        """How often an animation is shown; 0 repeats it for ever."""
        return self.gif.plays

    @property
    def num_frames(self):
        return self.gif.num_frames

    def duration(self, int number):
        """Return how long a frame is shown, in seconds."""
        return self.gif.frames[number].delay / 100.0

    def draw(self, int number):
        """Draw the next frame, of which this is the number. Return the canvas."""
        cdef int code
        if number == 0:
            self.canvas = AnimationCanvas(self.gif.width, self.gif.height)
        with nogil:
            code = gif_draw(&self.gif, number, &self.canvas.canvas)
        check_image(code, "GIF", self.bytes.name, self.gif.message)
        return self.canvas

    def read(self, uintptr_t pointer, ptrdiff_t stride, int channels, int depth, tuple region not None):
        """Decode a region of the first frame."""
        self.draw(0).read(pointer, stride, channels, depth, region)
