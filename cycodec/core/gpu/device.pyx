"""A GPU and the delivery of frames to its memory, which all backends for CUDA share."""

from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport strlen

from cycodec.core import error as errors
from cycodec.core.gpu.nvidia cimport CUcontext, CUstream, NvFunctions, NvLayout, NvSurface
from cycodec.core.video.codes cimport BACKEND_FAILED
from cycodec.core.video.cpu cimport cpu_functions
from cycodec.core.video.target cimport ConvertTarget, convert_target_row_stride

from cycodec.libav.avutil cimport AVFrame


cdef extern from "nvidia/nvcpu.h" nogil:
    ctypedef struct CpuFunctions:
        pass
    const CpuFunctions *cpu


cdef extern from "nvidia/nvconvert.h" nogil:
    ctypedef void *CUfunction
    ctypedef struct NvNppContext:
        int device, multiprocessors, threads_per_multiprocessor, threads_per_block
        size_t shared_memory
        int capability_major, capability_minor
    ctypedef void NvNppConvert
    ctypedef struct NvDevice:
        CUcontext context
        CUfunction convert_picture, resize_picture, resample_rows
        NvNppConvert *npp
        NvNppContext npp_context
    ctypedef struct NvScratch:
        pass
    ctypedef struct NvColour:
        pass

    NvFunctions *nv
    int nvshim_open_cuvid(char *error)
    const char *nvshim_driver_name(int number)
    void nvshim_set_driver_function(int number, size_t address)

    NvColour nvconvert_colour(const AVFrame *frame)
    void nvconvert_free(const NvDevice *device, NvScratch *scratch)
    int nvconvert_surface(const NvDevice *device, NvScratch *scratch, CUstream stream, const NvSurface *surface,
                          const NvLayout *layout, const NvColour *colour, const ConvertTarget *target, uint64_t out,
                          int64_t row_stride, char *error)
    int nvconvert_device_frame(const NvDevice *device, NvScratch *scratch, CUstream stream, const AVFrame *frame,
                               int pixel_format, const NvColour *colour, const ConvertTarget *target, uint64_t out,
                               int64_t row_stride, char *error)
    int nvconvert_try_npp(NvDevice *device, char *error)
    int nvconvert_knows(int pixel_format)
    int nvconvert_frame(const NvDevice *device, NvScratch *scratch, CUstream stream, const AVFrame *frame,
                        const NvColour *colour, const ConvertTarget *target, uint64_t out, int64_t row_stride,
                        char *error)
    int nvdevice_upload(const NvDevice *device, CUstream stream, const void *data, size_t size, uint64_t to, char *error)
    int nvdevice_copy(const NvDevice *device, CUstream stream, uint64_t to, uint64_t source, size_t size, char *error)
    int nvdevice_clear(const NvDevice *device, CUstream stream, uint64_t to, size_t size, char *error)


cpu = <const CpuFunctions *> cpu_functions()


cdef class CudaDevice:
    """A GPU: its context, its kernels, and the stream of the current request.

    Parameters
    ----------
    ordinal : int
    context, convert_picture, resize_picture, resample_rows : int
        Addresses: CUcontext, and CUfunctions of cycodec/cuda/kernels/convert.cu.
    """

    def __cinit__(self, int ordinal, size_t context, size_t convert_picture, size_t resize_picture,
                  size_t resample_rows):
        cdef NvDevice *device = <NvDevice *> calloc(1, sizeof(NvDevice))
        if device == NULL:
            raise MemoryError()
        self.ptr = device
        self.ordinal = ordinal
        device.context = <CUcontext> context
        device.convert_picture = <CUfunction> convert_picture
        device.resize_picture = <CUfunction> resize_picture
        device.resample_rows = <CUfunction> resample_rows

    def __dealloc__(self):
        free(self.ptr)

    cdef void *context(self) noexcept nogil:
        return (<NvDevice *> self.ptr).context

    def use_npp(self, size_t function, tuple facts):
        """Let NPP convert what it can; the arguments are those of cycodec.cuda.npp.Npp.

        Raises
        ------
        CudaUnavailableError
            It converts differently from all known versions.
        """
        cdef NvDevice *device = <NvDevice *> self.ptr
        cdef NvNppContext *context = &device.npp_context
        cdef char[256] text
        device.npp = <NvNppConvert *> function
        context.device = self.ordinal
        (context.multiprocessors, context.threads_per_multiprocessor, context.threads_per_block,
         context.shared_memory, context.capability_major, context.capability_minor) = facts
        if nvconvert_try_npp(device, text) < 0:
            raise errors.CudaUnavailableError(
                f"{text[:strlen(text)].decode('utf-8', 'replace')} (leave set_cuda_converter('npp') out)"
            )


cdef class Delivery:
    """The delivery of one backend's frames to a device's memory.

    Parameters
    ----------
    device : CudaDevice
    source : str
        The name of the source in errors.
    """

    def __cinit__(self, CudaDevice device not None, source):
        self.scratch = calloc(1, sizeof(NvScratch))
        if self.scratch == NULL:
            raise MemoryError()
        self.device = device
        self.source = source

    def __dealloc__(self):
        if self.scratch != NULL:
            nvconvert_free(<NvDevice *> self.device.ptr, <NvScratch *> self.scratch)
            free(self.scratch)

    cdef void abandon(self) noexcept:
        """Forget all resources without freeing them: see Note [After fork] in stream.pyx."""
        self.scratch = NULL

    cdef int check_result(self, int code) noexcept nogil:
        """Return BACKEND_FAILED for a negative result of csrc/nvidia, else 0."""
        if code < 0:
            self.failed = True
            return BACKEND_FAILED
        return 0

    cdef object failure(self):
        if not self.failed:
            return None
        self.failed = False
        message = self.error[:strlen(self.error)].decode("utf-8", "replace")
        return errors.CudaError(
            f"{self.source}: {message} (cycodec doctor examines the driver; device='cpu' decodes without it)",
            source=self.source, operation="decode",
        )

    cdef int put_surface(self, const void *surface, const void *layout, const AVFrame *frame, const void *target,
                         uint8_t *out) noexcept nogil:
        """Convert a mapped NvSurface with its NvLayout. Only the colours of the frame are read."""
        cdef const ConvertTarget *to = <const ConvertTarget *> target
        cdef NvColour colour = nvconvert_colour(frame)
        return self.check_result(nvconvert_surface(
            <NvDevice *> self.device.ptr, <NvScratch *> self.scratch, <CUstream> self.device.stream,
            <const NvSurface *> surface, <const NvLayout *> layout, &colour, to, <uint64_t> <size_t> out,
            convert_target_row_stride(to), self.error,
        ))

    cdef int put_device_frame(self, const AVFrame *frame, int pixel_format, const void *target,
                              uint8_t *out) noexcept nogil:
        """Convert a frame of AV_PIX_FMT_CUDA with the samples of a pixel format."""
        cdef const ConvertTarget *to = <const ConvertTarget *> target
        cdef NvColour colour = nvconvert_colour(frame)
        return self.check_result(nvconvert_device_frame(
            <NvDevice *> self.device.ptr, <NvScratch *> self.scratch, <CUstream> self.device.stream, frame,
            pixel_format, &colour, to, <uint64_t> <size_t> out, convert_target_row_stride(to), self.error,
        ))

    cdef bint knows(self, int pixel_format) noexcept nogil:
        """Return True if put_frame converts a pixel format."""
        return nvconvert_knows(pixel_format)

    cdef int put_frame(self, const AVFrame *frame, const void *target, uint8_t *out) noexcept nogil:
        """Upload and convert a frame from host memory."""
        cdef const ConvertTarget *to = <const ConvertTarget *> target
        cdef NvColour colour = nvconvert_colour(frame)
        return self.check_result(nvconvert_frame(
            <NvDevice *> self.device.ptr, <NvScratch *> self.scratch, <CUstream> self.device.stream, frame, &colour,
            to, <uint64_t> <size_t> out, convert_target_row_stride(to), self.error,
        ))

    cdef int put_rgb(self, const uint8_t *rgb, size_t size, uint8_t *out) noexcept nogil:
        return self.check_result(nvdevice_upload(
            <NvDevice *> self.device.ptr, <CUstream> self.device.stream, rgb, size, <uint64_t> <size_t> out, self.error
        ))

    cdef int copy(self, uint8_t *to, const uint8_t *source, size_t size) noexcept nogil:
        return self.check_result(nvdevice_copy(
            <NvDevice *> self.device.ptr, <CUstream> self.device.stream, <uint64_t> <size_t> to,
            <uint64_t> <size_t> source, size, self.error,
        ))

    cdef int clear(self, uint8_t *to, size_t size) noexcept nogil:
        return self.check_result(nvdevice_clear(
            <NvDevice *> self.device.ptr, <CUstream> self.device.stream, <uint64_t> <size_t> to, size, self.error
        ))


# -- the driver ------------------------------------------------------------------------------------

cdef void *functions() noexcept:
    """Return the table of the driver's functions, the only one of the process."""
    return nv


def driver_functions():
    """Return the names of libcuda's functions that `set_driver_functions` needs."""
    names = []
    cdef const char *name = nvshim_driver_name(0)
    while name != NULL:
        names.append(name.decode())
        name = nvshim_driver_name(len(names))
    return names


def set_driver_functions(addresses):
    """Set the addresses of `driver_functions`, in the same order."""
    cdef int i
    for i, address in enumerate(addresses):
        nvshim_set_driver_function(i, address)


def open_cuvid():
    """Open NVIDIA's decoding library; return None, or the reason of a failure."""
    cdef char[256] text
    return text[:strlen(text)].decode("utf-8", "replace") if nvshim_open_cuvid(text) < 0 else None
