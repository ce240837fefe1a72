"""VideoBackend: from packets to frames to RGB, on one device."""

from libc.stdint cimport int64_t, uint8_t

from cycodec.libav.avcodec cimport AVCodec, AVCodecContext, AVCodecID, AVPacket
from cycodec.libav.avutil cimport AVFrame


cdef struct Stage:
    # ConvertStage of csrc/convert.h: a resampling to a size, and the region of it that is kept
    int width
    int height
    int x0
    int y0
    int x1
    int y1


cdef struct Target:
    # The whole output frame, and the half-open region of it that is wanted
    int width
    int height
    int x0
    int y0
    int x1
    int y1
    int orientation
    int type                # ConvertType of csrc/convert.h
    bint planar             # planes of R, G and B one behind the other, instead of packed pixels
    int num_stages
    const Stage *stages     # of the region, before it is written
    int64_t row_stride      # bytes


cdef class VideoBackend:
    # All of these are called without the GIL and give 0 or an AVERROR.
    cdef int send(self, const AVPacket *packet) noexcept nogil
    cdef int receive(self, AVFrame *frame) noexcept nogil
    cdef void flush(self) noexcept nogil
    cdef int skip_nonref(self, bint skip) noexcept nogil
    cdef bint needs_introduction(self) noexcept nogil
    cdef void introduce(self, const AVPacket *packet) noexcept nogil
    cdef int convert(self, AVFrame *frame, const Target *target, uint8_t *out) noexcept nogil
    cdef int copy(self, uint8_t *to, const uint8_t *source, size_t size) noexcept nogil
    cdef int clear(self, uint8_t *to, size_t size) noexcept nogil
    cdef int delay(self) noexcept nogil
    cdef bint holds_back(self) noexcept nogil
    cdef void hurry(self, bint hurry) noexcept nogil
    cdef bint shows_undecodable(self) noexcept nogil
    # With the GIL
    cdef object failure(self)
    cdef int reopen(self) except -1
    cdef void abandon(self) noexcept


cdef class CpuBackend(VideoBackend):
    cdef AVCodecContext *ptr
    cdef void *parameters       # AVCodecParameters *, our own copy
    cdef void *converter        # Converter * of csrc/convert.h
    cdef int num_threads
    cdef int min_reorder
    cdef bint strict
    cdef object source
    cdef int time_base_num
    cdef int time_base_den

    cdef const AVCodec *find_codec(self, AVCodecID codec_id) noexcept
    cdef int prepare(self) except -1


cdef const void *cpu_functions() noexcept nogil     # CpuFunctions * of csrc/kernels/cpu_functions.h
cdef int sample_size(int type) noexcept nogil    # bytes of a value of a Target's type
cdef void fill_target(void *to, const Target *target) noexcept nogil    # ConvertTarget * of csrc/convert.h
cdef int target_rows(const Target *target) noexcept nogil        # of what comes out, or of one plane of it
