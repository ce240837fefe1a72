"""How decoded frames become pictures in memory: which region, oriented and resampled how, in which
samples.
"""

from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free

from cycodec.core.video.target cimport (
    ConvertStage,
    ConvertLayout,
    ConvertTarget,
    ConvertType,
    convert_target_free,
    convert_target_height,
    convert_target_new,
    convert_target_picture_bytes,
    convert_target_row_stride,
    convert_target_width,
)


cdef enum:
    # A bit of the orientations of csrc/picture/orientation.h: rows become columns.
    ORIENT_TRANSPOSE = 4


cdef class PictureSpec(SpecHandle):
    """How a reader makes pictures of decoded frames; immutable.

    Parameters
    ----------
    frame_size : (int, int)
        Width and height of a whole frame as it is shown.
    region : (int, int, int, int)
        The part (y0, y1, x0, x1) of the frame that is converted.
    orientation, sample_type : int
        As in csrc/picture/orientation.h and csrc/picture/target.h.
    planar : bool
        A picture is one plane for each channel, one after the other; otherwise it is rows of packed
        pixels without gaps.
    stages : tuple of (int, int, (int, int, int, int))
        Resamplings that follow each other: (height, width, region of the result that is kept).

    layout : int
        The channels of a pixel, as in csrc/picture/target.h; RGB by default.

    Attributes
    ----------
    width, height : int
        Of a picture.
    row_stride, picture_bytes : int
    stored_width, stored_height : int
        Of a frame as it is stored.
    frame_pixels : int
        Of a whole frame.
    """

    def __cinit__(self, tuple frame_size, tuple region, int orientation, int sample_type, bint planar=False,
                  tuple stages=(), int layout=0):
        cdef int count = len(stages)
        cdef ConvertStage *copies = <ConvertStage *> calloc(count + 1, sizeof(ConvertStage))
        cdef ConvertTarget *target = NULL
        cdef ConvertStage *stage
        cdef int[4] edges
        cdef int i, width, height
        if copies == NULL:
            raise MemoryError()
        try:
            width, height = frame_size
            edges[0], edges[1], edges[2], edges[3] = region
            for i in range(count):
                stage = &copies[i]
                stage.height, stage.width, (stage.y0, stage.y1, stage.x0, stage.x1) = stages[i]
            target = convert_target_new(width, height, edges, orientation, <ConvertLayout> layout,
                                        <ConvertType> sample_type, planar, count, copies)
        finally:
            free(copies)
        if target == NULL:
            raise MemoryError()
        self.target = target
        self.width = convert_target_width(target)
        self.height = convert_target_height(target)
        self.row_stride = convert_target_row_stride(target)
        self.picture_bytes = convert_target_picture_bytes(target)
        self.frame_pixels = <int64_t> width * height
        self.stored_width, self.stored_height = width, height
        if orientation & ORIENT_TRANSPOSE:
            self.stored_width, self.stored_height = height, width

    def __dealloc__(self):
        convert_target_free(<ConvertTarget *> self.target)
