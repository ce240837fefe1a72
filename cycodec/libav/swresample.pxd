"""libswresample: declarations only."""


cdef extern from "libswresample/swresample.h" nogil:
    unsigned swresample_version()
