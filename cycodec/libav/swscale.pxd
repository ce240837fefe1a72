"""libswscale: the version only; the conversions themselves are called from csrc/convert.c."""


cdef extern from "libswscale/swscale.h" nogil:
    unsigned swscale_version()
