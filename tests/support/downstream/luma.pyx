"""An extension of another project: the mean luma of frames, computed without the GIL."""

from libc.stdint cimport int64_t

from cycodec cimport (
    decoder_index,
    decoder_reader,
    index_length,
    index_pts,
    reader_check,
    reader_frame,
    reader_reach,
    require_cycodec,
)
from cycodec.core.video.index cimport FrameIndex
from cycodec.core.video.reader cimport FrameReader
from cycodec.libav.avutil cimport AVFrame

# raises ImportError if the cycodec or the FFmpeg that runs is another than this was built for
require_cycodec()


def mean_luma(decoder, int64_t number):
    cdef FrameReader reader = decoder_reader(decoder)
    cdef const AVFrame *frame
    cdef int64_t total = 0
    cdef int code, x, y
    with nogil:
        code = reader_reach(reader, number)
        frame = reader_frame(reader)
        if code >= 0:
            for y in range(frame.height):
                for x in range(frame.width):
                    total += frame.data[0][y * frame.linesize[0] + x]
    reader_check(reader, code)
    return total / (<double> frame.width * frame.height)


def all_pts(decoder):
    cdef FrameIndex index = decoder_index(decoder)
    return [index_pts(index, i) for i in range(index_length(index))]
