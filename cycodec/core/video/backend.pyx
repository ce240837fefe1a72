"""Decoding and conversion on the CPU: libavcodec and csrc/convert.c."""

from libc.stdint cimport int32_t, uint8_t
from libc.string cimport memcpy, memset

from cycodec.core cimport error
from cycodec.core.compat cimport compat_has_strict_frame_threads
from cycodec.core.container.decoder_context cimport allocate_decoder, open_decoder
from cycodec.core.container.demux cimport Demuxer

from cycodec.libav cimport avcodec, avutil
from cycodec.libav.avcodec cimport AVCodecParameters, AVPacket
from cycodec.libav.avutil cimport AVFrame


cdef extern from "convert/convert.h" nogil:
    ctypedef int ConvertType
    int convert_sample_size(ConvertType type)
    ctypedef struct ConvertStage:
        pass
    ctypedef struct ConvertTarget:
        int width, height, x0, y0, x1, y1, orientation
        ConvertType type
        int planar, num_stages
        const ConvertStage *stages
    int convert_target_height(const ConvertTarget *target)
    struct Converter:
        pass
    Converter *converter_alloc()
    void converter_free(Converter *converter)
    int converter_run(Converter *converter, const AVFrame *frame, const ConvertTarget *target, uint8_t *rgb,
                      ssize_t row_stride)
    int converter_kernel(const Converter *converter)


cdef extern from "picture/orientation.h" nogil:
    int orientation_from_matrix(const int32_t *matrix)


cdef extern from "kernels/kernel_level.h" nogil:
    int LEVEL_NONE, LEVEL_PLAIN, LEVEL_AVX2, LEVEL_NEON, LEVEL_AVX512
    void kernel_limit(int level)


cdef extern from "kernels/cpu_functions.h" nogil:
    ctypedef struct CpuFunctions:
        pass
    const CpuFunctions cpu_functions_table "cpu_functions"


# Pixels of one frame that are still believed: 2**28 is 16384 x 16384. More is taken for a damaged header.
cdef enum:
    MAX_PIXELS = 1 << 28


cdef const void *cpu_functions() noexcept nogil:
    """Return the CPU's functions that the GPU's conversion calls."""
    return &cpu_functions_table


cdef int sample_size(int type) noexcept nogil:
    return convert_sample_size(<ConvertType> type)


cdef void fill_target(void *to, const Target *target) noexcept nogil:
    """What csrc/convert.h knows of a target."""
    cdef ConvertTarget *convert = <ConvertTarget *> to
    convert.width = target.width
    convert.height = target.height
    convert.x0 = target.x0
    convert.y0 = target.y0
    convert.x1 = target.x1
    convert.y1 = target.y1
    convert.orientation = target.orientation
    convert.type = target.type
    convert.planar = target.planar
    convert.num_stages = target.num_stages
    convert.stages = <const ConvertStage *> target.stages


cdef int target_rows(const Target *target) noexcept nogil:
    cdef ConvertTarget convert
    fill_target(&convert, target)
    return convert_target_height(&convert)


cdef class VideoBackend:
    """What FrameReader asks of a device. The base class does nothing; see CpuBackend."""

    cdef int send(self, const AVPacket *packet) noexcept nogil:
        return avutil.AVERROR_BUG

    cdef int receive(self, AVFrame *frame) noexcept nogil:
        return avutil.AVERROR_BUG

    cdef void flush(self) noexcept nogil:
        pass

    cdef int skip_nonref(self, bint skip) noexcept nogil:
        return 0

    cdef bint needs_introduction(self) noexcept nogil:
        return False

    cdef void introduce(self, const AVPacket *packet) noexcept nogil:
        pass

    cdef int convert(self, AVFrame *frame, const Target *target, uint8_t *out) noexcept nogil:
        return avutil.AVERROR_BUG

    cdef int copy(self, uint8_t *to, const uint8_t *source, size_t size) noexcept nogil:
        """From one place in the caller's memory to another."""
        memcpy(to, source, size)
        return 0

    cdef int clear(self, uint8_t *to, size_t size) noexcept nogil:
        """Fill the caller's memory with black."""
        memset(to, 0, size)
        return 0

    cdef object failure(self):
        """The exception that BACKEND_FAILED stands for, or None."""
        return None

    cdef int delay(self) noexcept nogil:
        return 0

    cdef bint holds_back(self) noexcept nogil:
        """Whether frames wait inside to keep the decoder busy, unless there is hurry."""
        return False

    cdef void hurry(self, bint hurry) noexcept nogil:
        """Whether frames are wanted as soon as they are there."""
        pass

    cdef bint shows_undecodable(self) noexcept nogil:
        """Whether pictures come out that libavcodec keeps back: they refer to others from before the stream's beginning."""
        return False

    cdef int reopen(self) except -1:
        return 0

    cdef void abandon(self) noexcept:
        pass


cdef class CpuBackend(VideoBackend):
    """libavcodec's software decoder of one stream.

    Parameters
    ----------
    demuxer : Demuxer
        Only read from while this is built: codec parameters and time base are copied.
    stream_index : int
    num_threads : int
        libavcodec's thread count; 0 lets FFmpeg decide.
    min_reorder : int
        How many frames the index says can wait for an earlier one; libavcodec would otherwise find out by dropping.
    strict : bool
        Damage is an error instead of a concealed picture: frame threads conceal it by what they happen to have, and do
        not mark the frame.
    """

    def __cinit__(self, Demuxer demuxer not None, int stream_index, int num_threads=1, int min_reorder=0,
                  bint strict=False):
        cdef AVCodecParameters *parameters = avcodec.avcodec_parameters_alloc()
        self.parameters = parameters
        self.converter = converter_alloc()
        if parameters == NULL or self.converter == NULL:
            raise MemoryError()
        self.source = demuxer.io.name
        self.num_threads = num_threads
        self.min_reorder = min_reorder
        self.strict = strict
        error.check(
            avcodec.avcodec_parameters_copy(parameters, demuxer.stream(stream_index).codecpar),
            "copy codec parameters", self.source,
        )
        self.time_base_num = demuxer.stream(stream_index).time_base.num
        self.time_base_den = demuxer.stream(stream_index).time_base.den
        self.reopen()

    def __dealloc__(self):
        cdef AVCodecParameters *parameters = <AVCodecParameters *> self.parameters
        with nogil:
            avcodec.avcodec_free_context(&self.ptr)
        avcodec.avcodec_parameters_free(&parameters)
        converter_free(<Converter *> self.converter)

    cdef void abandon(self) noexcept:
        """Forget what is owned without freeing it: see Note [After fork] in stream.pyx."""
        self.ptr = NULL

    cdef const avcodec.AVCodec *find_codec(self, avcodec.AVCodecID codec_id) noexcept:
        """Which of libavcodec's decoders; NULL: there is none."""
        return avcodec.avcodec_find_decoder(codec_id)

    cdef int prepare(self) except -1:
        """What must be set before the decoder is opened."""
        return 0

    cdef int reopen(self) except -1:
        """A decoder that has seen nothing yet."""
        cdef AVCodecParameters *parameters = <AVCodecParameters *> self.parameters
        cdef avutil.AVRational time_base
        time_base.num = self.time_base_num
        time_base.den = self.time_base_den
        avcodec.avcodec_free_context(&self.ptr)
        self.ptr = allocate_decoder(
            self.find_codec(parameters.codec_id), parameters, time_base, self.num_threads, self.source
        )
        self.ptr.max_pixels = MAX_PIXELS
        if self.strict:
            self.ptr.err_recognition |= avcodec.AV_EF_EXPLODE
        if parameters.codec_id == avcodec.AV_CODEC_ID_H264 and self.ptr.has_b_frames < self.min_reorder:
            self.ptr.has_b_frames = self.min_reorder
        self.prepare()
        return open_decoder(self.ptr, self.source)

    cdef int send(self, const AVPacket *packet) noexcept nogil:
        return avcodec.avcodec_send_packet(self.ptr, packet)

    cdef int receive(self, AVFrame *frame) noexcept nogil:
        return avcodec.avcodec_receive_frame(self.ptr, frame)

    cdef void flush(self) noexcept nogil:
        avcodec.avcodec_flush_buffers(self.ptr)

    cdef int skip_nonref(self, bint skip) noexcept nogil:
        """Whether frames that no other frame needs are decoded; holds from the next packet on."""
        self.ptr.skip_frame = avcodec.AVDISCARD_NONREF if skip else avcodec.AVDISCARD_DEFAULT
        return 0

    cdef bint needs_introduction(self) noexcept nogil:
        """Whether the decoder must have met the stream's first packet.

        Note [First packet]: encoders sign their work in the first packet, and FFmpeg decodes the streams of some versions
        differently by that (x264's 4:4:4 before build 151, for one). A decoder that begins in the middle would not know.
        """
        return self.ptr.codec_id == avcodec.AV_CODEC_ID_H264 or self.ptr.codec_id == avcodec.AV_CODEC_ID_MPEG4

    cdef void introduce(self, const AVPacket *packet) noexcept nogil:
        """Let the decoder read a packet's headers, without decoding the picture."""
        self.ptr.skip_frame = avcodec.AVDISCARD_ALL
        avcodec.avcodec_send_packet(self.ptr, packet)
        self.ptr.skip_frame = avcodec.AVDISCARD_DEFAULT
        avcodec.avcodec_flush_buffers(self.ptr)

    cdef int convert(self, AVFrame *frame, const Target *target, uint8_t *out) noexcept nogil:
        cdef ConvertTarget to
        fill_target(&to, target)
        return converter_run(<Converter *> self.converter, frame, &to, out, target.row_stride)

    @property
    def kernel(self):
        """Which kernel of our own converts to uint8, as csrc/convert_kernel.h names them; None: swscale does."""
        return ("products", "tables", "deep", "full", None)[converter_kernel(<Converter *> self.converter)]

    cdef int delay(self) noexcept nogil:
        """How many frames may be inside the decoder."""
        return self.ptr.has_b_frames + (self.ptr.thread_count if self.ptr.thread_count > 1 else 0)


def has_strict_frame_threads():
    """Whether a `strict` CpuBackend may have more than one thread, with this FFmpeg."""
    return bool(compat_has_strict_frame_threads())


def orientation_of(matrix):
    """The orientation (see csrc/convert.h) that FFmpeg gives to a display matrix of nine integers, or to None."""
    cdef int32_t values[9]
    if matrix is None:
        return 0
    for i in range(9):
        values[i] = matrix[i]
    return orientation_from_matrix(values)


def use_kernels(str level):
    """Which of our own conversion kernels may be used where they equal swscale; for tests and benchmarks.

    Parameters
    ----------
    level : {"none", "plain", "avx2", "neon", "avx512"}
        The best one; what the processor lacks is not used in any case.
    """
    kernel_limit({
        "none": LEVEL_NONE, "plain": LEVEL_PLAIN, "avx2": LEVEL_AVX2, "neon": LEVEL_NEON, "avx512": LEVEL_AVX512,
    }[level])
