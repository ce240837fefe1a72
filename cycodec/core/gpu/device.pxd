"""CudaDevice and Delivery: how frames get into a GPU's memory."""

from libc.stdint cimport int64_t, uint8_t

from cycodec.libav.avutil cimport AVFrame


cdef class CudaDevice:
    cdef void *ptr                  # NvDevice * of csrc/nvidia/nvdevice.h
    cdef readonly int ordinal
    # The CUstream on which conversions are queued; 0 is the default stream.
    cdef public size_t stream

    cdef void *context(self) noexcept nogil     # CUcontext


cdef class Delivery:
    cdef CudaDevice device
    cdef object source
    cdef void *scratch              # NvScratch * of csrc/nvidia/nvconvert.h
    cdef bint failed
    cdef char[256] error            # the reason; NV_ERROR_BYTES long

    # `out` is device memory, and `target` a ConvertTarget. These return 0 or BACKEND_FAILED.
    cdef int put_surface(self, const void *surface, const void *layout, const AVFrame *frame, const void *target,
                         uint8_t *out) noexcept nogil
    cdef int put_device_frame(self, const AVFrame *frame, int pixel_format, const void *target,
                              uint8_t *out) noexcept nogil
    cdef bint knows(self, int pixel_format) noexcept nogil
    cdef int put_frame(self, const AVFrame *frame, const void *target, uint8_t *out) noexcept nogil
    cdef int put_rgb(self, const uint8_t *rgb, size_t size, uint8_t *out) noexcept nogil
    cdef int copy(self, uint8_t *to, const uint8_t *source, size_t size) noexcept nogil
    cdef int clear(self, uint8_t *to, size_t size) noexcept nogil
    cdef int check_result(self, int code) noexcept nogil
    cdef object failure(self)
    cdef void abandon(self) noexcept


cdef void *functions() noexcept     # NvFunctions * of csrc/nvidia/nvshim.h
