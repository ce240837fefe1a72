"""CpuBackend: decoding and conversion on the CPU."""

from libc.stdint cimport int64_t

from cycodec.core.video.backend cimport VideoBackend

from cycodec.libav.avcodec cimport AVCodec, AVCodecContext, AVCodecID


cdef class CpuBackend(VideoBackend):
    cdef AVCodecContext *context
    # AVCodecParameters *, a copy of the demuxer's.
    cdef void *parameters
    # Converter * of csrc/convert/convert.h.
    cdef void *converter
    cdef int num_threads
    cdef int min_reorder
    cdef bint strict
    cdef object source
    # The largest number of pixels of a frame.
    cdef int64_t max_pixels
    # The user's options of the decoder.
    cdef dict options
    cdef int time_base_num
    cdef int time_base_den

    cdef const AVCodec *find_codec(self, AVCodecID codec_id) noexcept
    cdef int prepare(self) except -1


# CpuFunctions * of csrc/kernels/cpu_functions.h.
cdef const void *cpu_functions() noexcept nogil
