"""See frames.pxd."""

from libc.errno cimport EINVAL
from libc.stdint cimport int64_t, uint8_t

from cycodec.core.handles cimport ReaderHandle, SpecHandle
from cycodec.core.video.index cimport FrameIndex
from cycodec.core.video.picture_spec cimport PictureSpec
from cycodec.core.video.reader cimport FrameReader
from cycodec.libav cimport avutil
from cycodec.libav.avutil cimport AVFrame


cdef ReaderHandle decoder_reader(object decoder):
    """Return the reader of an open VideoDecoder; ClosedError if the decoder is closed.

    No other thread may use the decoder while C code uses its reader. A decoder offers its reader by
    a method `__cycodec_reader__`, which takes no arguments and raises if there is none.
    """
    return <FrameReader?> decoder.__cycodec_reader__()


cdef int reader_reach(ReaderHandle reader, int64_t number) noexcept nogil:
    """Decode a frame by number; `reader_frame` returns it until the next call."""
    if reader is None or not (<FrameReader> reader).index.is_exact:
        return avutil.AVERROR(EINVAL)
    if not 0 <= number < (<FrameIndex> (<FrameReader> reader).index).count:
        return avutil.AVERROR(EINVAL)
    return (<FrameReader> reader).reach(number)


cdef bint has_frame(ReaderHandle reader) noexcept nogil:
    """Return True if a reader has decoded a frame."""
    return reader is not None and (<FrameReader> reader).has_frame


cdef const AVFrame *reader_frame(ReaderHandle reader) noexcept nogil:
    """Return the frame that was decoded last, which the reader owns; NULL if there is none."""
    return (<FrameReader> reader).frame if has_frame(reader) else NULL


cdef int reader_check(ReaderHandle reader, int code) except -1:
    """Raise the exception for a code below zero of `reader_reach` or `reader_convert`."""
    return (<FrameReader?> reader).finish(code)


cdef SpecHandle decoder_spec(object decoder, int y0, int y1, int x0, int x1, int height, int width, int type,
                             bint planar):
    """Return how the frames of an open VideoDecoder become pictures in the caller's memory.

    The rows [y0, y1) and columns [x0, x1) of the frame, turned as the file says, are resized to
    `height` x `width`. Values are PICTURE_UINT8, PICTURE_FLOAT32 or PICTURE_FLOAT16. A planar
    picture is three planes R, G and B; another one has rows of packed RGB. Neither has gaps. The
    decoder's own transforms are not applied. FFmpegValueError: the numbers make no picture.
    """
    return <PictureSpec?> decoder.__cycodec_spec__((y0, y1, x0, x1), (height, width), type, planar)


cdef int spec_height(SpecHandle spec) noexcept nogil:
    """Return the rows of a picture."""
    return 0 if spec is None else (<PictureSpec> spec).height


cdef int spec_width(SpecHandle spec) noexcept nogil:
    """Return the columns of a picture."""
    return 0 if spec is None else (<PictureSpec> spec).width


cdef int64_t spec_bytes(SpecHandle spec) noexcept nogil:
    """Return the bytes of a picture."""
    return 0 if spec is None else (<PictureSpec> spec).picture_bytes


cdef int reader_convert(ReaderHandle reader, SpecHandle spec, uint8_t *out) noexcept nogil:
    """Write the picture of the frame that `reader_reach` decoded last; it has `spec_bytes`."""
    if not has_frame(reader) or spec is None or out == NULL:
        return avutil.AVERROR(EINVAL)
    return (<FrameReader> reader).convert(<PictureSpec> spec, out)
