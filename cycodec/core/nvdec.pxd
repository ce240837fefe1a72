"""NVIDIA's decoder and GPU conversion as backends of FrameReader."""

from libc.stdint cimport int64_t, uint8_t, uint64_t

from cycodec.core.backend cimport CpuBackend, VideoBackend
from cycodec.libav.avcodec cimport AVBSFContext, AVCodecParameters, AVPacket


cdef extern from "nvconvert.h" nogil:
    enum:
        NV_ERROR_BYTES
    ctypedef void *CUcontext
    ctypedef void *CUfunction
    ctypedef struct NvNppContext:
        int device, multiprocessors, threads_per_multiprocessor, threads_per_block
        size_t shared_memory
        int capability_major, capability_minor
    ctypedef void NvNppConvert
    ctypedef struct NvDevice:
        CUcontext context
        CUfunction convert_picture, resize_picture
        NvNppConvert *npp
        int npp_major
        NvNppContext npp_context
    ctypedef struct NvScratch:
        pass
    struct NvSession:
        pass


cdef class CudaDevice:
    cdef NvDevice device
    cdef readonly int ordinal
    cdef public size_t stream       # CUstream on which conversions are queued; 0 is the default stream


cdef class NvdecBackend(VideoBackend):
    cdef NvSession *ptr
    cdef CudaDevice device
    cdef NvScratch scratch
    cdef AVCodecParameters *parameters      # our own copy
    cdef AVBSFContext *filter               # NULL: packets are as the parser wants them
    cdef AVPacket *packet
    cdef int codec                          # cudaVideoCodec
    cdef bint ended
    cdef bint failed
    cdef char[256] error
    cdef object source

    cdef void begin(self) noexcept nogil
    cdef int pass_on(self, const AVPacket *packet) noexcept nogil
    cdef int fail(self) noexcept nogil


cdef class UploadBackend(CpuBackend):
    cdef CudaDevice device
    cdef NvScratch scratch
    cdef uint8_t *rgb
    cdef size_t rgb_size
    cdef bint failed
    cdef char[256] error
