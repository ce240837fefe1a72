"""An extension of another project: the mean luma of frames, computed without the GIL."""

from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport calloc, free

from cycodec cimport (
    IndexHandle,
    ReaderHandle,
    decoder_index,
    decoder_reader,
    index_length,
    index_pts,
    reader_check,
    reader_frame,
    reader_reach,
    require_cycodec,
)
from cycodec.libav.avutil cimport AVFrame

# raises ImportError if the cycodec or the FFmpeg that runs is another than this was built for
require_cycodec()


cdef double mean_of(const AVFrame *frame) noexcept nogil:
    cdef const uint8_t *row
    cdef int64_t total = 0
    cdef int x, y
    for y in range(frame.height):
        row = frame.data[0] + y * frame.linesize[0]
        for x in range(frame.width):
            total += row[x]
    return total / (<double> frame.width * frame.height)


def mean_luma(decoder, int64_t number):
    """Return the mean luma of one frame."""
    cdef ReaderHandle reader = decoder_reader(decoder)
    cdef double mean = 0
    cdef int code
    with nogil:
        code = reader_reach(reader, number)
        if code >= 0:
            mean = mean_of(reader_frame(reader))
    reader_check(reader, code)
    return mean


def mean_lumas(decoder):
    """Return the mean luma of each frame; the loop over the frames runs without the GIL."""
    cdef ReaderHandle reader = decoder_reader(decoder)
    cdef int count = index_length(decoder_index(decoder))
    cdef double *means = <double *> calloc(max(count, 1), sizeof(double))
    cdef int code = 0, number
    if means == NULL:
        raise MemoryError
    try:
        with nogil:
            for number in range(count):
                code = reader_reach(reader, number)
                if code < 0:
                    break
                means[number] = mean_of(reader_frame(reader))
        reader_check(reader, code)
        return [means[number] for number in range(count)]
    finally:
        free(means)


def all_pts(decoder):
    """Return the presentation time of each frame, in units of the time base."""
    cdef IndexHandle index = decoder_index(decoder)
    return [index_pts(index, number) for number in range(index_length(index))]
