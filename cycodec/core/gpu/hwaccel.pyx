"""libavcodec's decoders as backends whose frames end in a GPU's memory.

UploadBackend decodes on the CPU and converts on the GPU, for streams that the hardware does not
decode. HwaccelBackend uses NVDEC through libavcodec, while core/gpu/nvdec uses the driver's parser.
"""

from libc.errno cimport ENOMEM
from libc.stdint cimport uint8_t
from libc.stdlib cimport free, malloc

from cycodec.core import error as errors
from cycodec.core cimport error
from cycodec.core.video.codes cimport BACKEND_FAILED
from cycodec.core.video.cpu cimport CpuBackend
from cycodec.core.video.target cimport ConvertTarget, convert_target_picture_bytes
from cycodec.core.container.demux cimport Demuxer
from cycodec.core.gpu.device cimport CudaDevice, Delivery
from cycodec.core.video.index import IndexContradiction

from cycodec.libav cimport avcodec, avutil
from cycodec.libav.avutil cimport AVBufferRef, AVFrame


cdef extern from "nvidia/nvhwaccel.h" nogil:
    const avcodec.AVCodec *nvhwaccel_find(avcodec.AVCodecID codec)
    AVBufferRef *nvhwaccel_device(void *context, int *code)


cdef class DeviceBackend(CpuBackend):
    """libavcodec's decoder, and a GPU for its frames. The caller must call `deliver_to` next."""

    cdef Delivery delivery

    def deliver_to(self, CudaDevice device not None):
        """Deliver the frames to a device."""
        self.delivery = Delivery(device, self.source)
        return self

    cdef void abandon(self) noexcept:
        CpuBackend.abandon(self)
        self.delivery.abandon()

    cdef object failure(self):
        return self.delivery.failure()

    cdef int copy(self, uint8_t *to, const uint8_t *source, size_t size) noexcept nogil:
        return self.delivery.copy(to, source, size)

    cdef int make_black(self, const void *target, uint8_t *out) noexcept nogil:
        return self.delivery.clear(out, convert_target_picture_bytes(<const ConvertTarget *> target))


cdef class UploadBackend(DeviceBackend):
    """The CPU decodes, and the GPU converts the pixel formats that its kernel supports."""

    cdef uint8_t *rgb
    cdef size_t rgb_size

    def __dealloc__(self):
        free(self.rgb)

    cdef int convert(self, AVFrame *frame, const void *target, uint8_t *out) noexcept nogil:
        cdef size_t size = convert_target_picture_bytes(<const ConvertTarget *> target)
        cdef int code
        if self.delivery.knows(frame.format):
            return self.delivery.put_frame(frame, target, out)
        if self.rgb_size < size:
            free(self.rgb)
            self.rgb = <uint8_t *> malloc(size)
            self.rgb_size = size if self.rgb != NULL else 0
            if self.rgb == NULL:
                return avutil.AVERROR(ENOMEM)
        code = CpuBackend.convert(self, frame, target, self.rgb)
        return code if code < 0 else self.delivery.put_rgb(self.rgb, size, out)


cdef class HwaccelBackend(DeviceBackend):
    """libavcodec parses packets and orders frames, NVDEC decodes, and frames stay on the device."""

    cdef AVBufferRef *hardware      # AVHWDeviceContext
    cdef bint left_to_cpu           # True if libavcodec has decoded a frame on the CPU

    def deliver_to(self, CudaDevice device not None):
        cdef int code
        DeviceBackend.deliver_to(self, device)
        self.hardware = nvhwaccel_device(device.context(), &code)
        if self.hardware == NULL:
            raise errors.CudaUnavailableError(
                f"{self.source}: the FFmpeg in use cannot use CUDA: {error.describe_code(code)} (take an FFmpeg built "
                "with nvdec, or leave set_cuda_backend('ffmpeg') out)", source=self.source, operation="open decoder",
            )
        self.reopen()
        return self

    def __dealloc__(self):
        avutil.av_buffer_unref(&self.hardware)

    cdef void abandon(self) noexcept:
        DeviceBackend.abandon(self)
        self.hardware = NULL

    cdef const avcodec.AVCodec *find_codec(self, avcodec.AVCodecID codec_id) noexcept:
        return nvhwaccel_find(codec_id)

    cdef int prepare(self) except -1:
        """Give libavcodec the device, which it uses where possible."""
        self.context.thread_count = 1
        self.context.hw_device_ctx = avutil.av_buffer_ref(self.hardware)
        if self.context.hw_device_ctx == NULL:
            raise MemoryError()
        return 0

    cdef object failure(self):
        if self.left_to_cpu:
            self.left_to_cpu = False
            return IndexContradiction(
                f"{self.source}: libavcodec did not have the GPU decode it", source=self.source, operation="decode"
            )
        return self.delivery.failure()

    cdef int receive(self, AVFrame *frame) noexcept nogil:
        cdef int code = DeviceBackend.receive(self, frame)
        if code == 0 and frame.format == avutil.AV_PIX_FMT_CUDA:
            # libavcodec only crops the right and the bottom of hardware frames
            frame.width -= <int> frame.crop_left
            frame.height -= <int> frame.crop_top
        return code

    cdef int convert(self, AVFrame *frame, const void *target, uint8_t *out) noexcept nogil:
        if frame.format != avutil.AV_PIX_FMT_CUDA:
            self.left_to_cpu = True
            return BACKEND_FAILED
        return self.delivery.put_device_frame(frame, self.context.sw_pix_fmt, target, out)


def has_hwaccel(Demuxer demuxer not None, int stream_index):
    """Return True if the FFmpeg in use can decode a stream's codec with NVDEC."""
    return nvhwaccel_find(demuxer.stream(stream_index).codecpar.codec_id) != NULL
