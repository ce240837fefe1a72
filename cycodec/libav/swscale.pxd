"""libswscale: the version only. csrc/convert/scaler.c calls the conversions."""


cdef extern from "libswscale/swscale.h" nogil:
    unsigned swscale_version()
