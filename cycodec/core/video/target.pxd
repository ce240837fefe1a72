"""The declarations of csrc/picture/target.h: what a frame is converted to."""

cdef extern from "picture/target.h" nogil:
    ctypedef int ConvertType
    ctypedef int ConvertLayout
    ctypedef struct ConvertStage:
        int width, height, x0, y0, x1, y1
    ctypedef struct ConvertTarget:
        pass
    ConvertTarget *convert_target_new(int width, int height, const int *region, int orientation, ConvertLayout layout,
                                      ConvertType type, int planar, int num_stages, const ConvertStage *stages)
    void convert_target_free(ConvertTarget *target)
    int convert_target_width(const ConvertTarget *target)
    int convert_target_height(const ConvertTarget *target)
    ssize_t convert_target_row_stride(const ConvertTarget *target)
    size_t convert_target_picture_bytes(const ConvertTarget *target)
