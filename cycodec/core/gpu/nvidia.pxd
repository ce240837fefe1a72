"""The types of csrc/nvidia that several modules use."""

cdef extern from "nvidia/nvshim.h" nogil:
    ctypedef void *CUcontext
    ctypedef void *CUstream
    ctypedef struct NvFunctions:
        pass


cdef extern from "nvidia/nvlayout.h" nogil:
    ctypedef struct NvLayout:
        int width, height, full_range, matrix
    ctypedef struct NvSurface:
        pass
