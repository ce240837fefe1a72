"""How decoded frames become pictures in memory: which region, oriented and resampled how, in which samples."""

from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free

from cycodec.core.video.backend cimport Stage, sample_size


cdef enum:
    # A bit of the orientations of csrc/convert.h: rows become columns.
    ORIENT_TRANSPOSE = 4


cdef class PictureSpec:
    """How a reader makes pictures of decoded frames; immutable.

    Parameters
    ----------
    frame_size : (int, int)
        Width and height of a whole frame as it is shown.
    region : (int, int, int, int)
        The part (y0, y1, x0, x1) of the frame that is converted.
    orientation, sample_type : int
        As in csrc/convert.h.
    planar : bool
        A picture is three planes R, G and B, one after the other; otherwise it is rows of packed RGB without gaps.
    stages : tuple of (int, int, (int, int, int, int))
        Resamplings that follow each other: (height, width, region of the result that is kept).

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
                  tuple stages=()):
        cdef Stage *stage
        cdef int i
        cdef int channels = 1 if planar else 3
        self.stages = <Stage *> calloc(len(stages) + 1, sizeof(Stage))
        if self.stages == NULL:
            raise MemoryError()
        self.target.width, self.target.height = frame_size
        self.target.y0, self.target.y1, self.target.x0, self.target.x1 = region
        self.target.orientation = orientation
        self.target.type = sample_type
        self.target.planar = planar
        self.target.num_stages = len(stages)
        self.target.stages = self.stages
        self.height = self.target.y1 - self.target.y0
        self.width = self.target.x1 - self.target.x0
        for i in range(self.target.num_stages):
            stage = &self.stages[i]
            stage.height, stage.width, (stage.y0, stage.y1, stage.x0, stage.x1) = stages[i]
            self.height = stage.y1 - stage.y0
            self.width = stage.x1 - stage.x0
        self.row_stride = <int64_t> self.width * channels * sample_size(sample_type)
        self.picture_bytes = self.row_stride * self.height * (3 if planar else 1)
        self.target.row_stride = self.row_stride
        self.frame_pixels = <int64_t> self.target.width * self.target.height
        self.stored_width, self.stored_height = self.target.width, self.target.height
        if orientation & ORIENT_TRANSPOSE:
            self.stored_width, self.stored_height = self.stored_height, self.stored_width

    def __dealloc__(self):
        free(self.stages)
