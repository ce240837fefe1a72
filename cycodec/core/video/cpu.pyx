"""CpuBackend: libavcodec decodes and csrc/convert converts.

Note [Decoders that are opened late]

Opening a decoder of H.264 or HEVC clears most of a megabyte, which takes a sixth of the time of
opening an MP4 file. A decoder is therefore opened when it is first needed, if nothing but a lack of
memory can prevent that: the codec is one of these, its parameter sets can be read, and the user has
set no options. An error is then that of the read.
"""

from libc.errno cimport EAGAIN, ENOMEM
from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int32_t, uint8_t

from cycodec.core cimport error
from cycodec.core.compat cimport compat_frame_crop, compat_has_strict_frame_threads, compat_stream_crop
from cycodec.core.bitstream.nal cimport NalFormat, nal_format, unit_format
from cycodec.core.bitstream.sequence_headers cimport (
    SequenceHeaders,
    headers_of_extradata,
    keeps_colours,
    read_sequence_headers,
)
from cycodec.core.container.decoder_context cimport (
    allocate_decoder,
    is_safe_with_frame_threads,
    open_decoder,
    set_options,
)
from cycodec.core.container.demux cimport Demuxer
from cycodec.core.container.metadata cimport colour_names
from cycodec.core.error import FFmpegError
from cycodec.core.video.backend cimport VideoBackend
from cycodec.core.video.codes cimport BACKEND_FAILED
from cycodec.core.video.reorder cimport LARGEST_REORDER
from cycodec.core.video.raw_rows cimport clears_missing_rows
from cycodec.core.video.unwritten cimport (
    MARK_ALL,
    MARK_LAST,
    MarkedPictures,
    finds_marks,
    forget_marks,
    mark_buffers,
    may_mark,
)
from cycodec.core.video.target cimport ConvertTarget, convert_target_row_stride

from cycodec.libav cimport avcodec, avutil
from cycodec.libav.avcodec cimport AVCodecContext, AVCodecID, AVCodecParameters, AVPacket
from cycodec.libav.avutil cimport AVFrame


cdef enum:
    # intact pictures after which the decoder of MPEG-4 excuses no padding
    PADDING_PICTURES = 3


cdef extern from "convert/convert.h" nogil:
    struct Converter:
        pass
    Converter *converter_alloc()
    void converter_free(Converter *converter)
    int converter_run(Converter *converter, const AVFrame *frame, const ConvertTarget *target, uint8_t *rgb,
                      ssize_t row_stride)
    int converter_kernel(const Converter *converter)


cdef extern from "resample/picture.h" nogil:
    int resample_picture(const PackedPicture *source, int width, int height, Rect region, uint8_t *out,
                         ptrdiff_t stride)


cdef Colours NO_COLOURS = Colours(-1, -1)


cdef Colours colours_of(const AVCodecContext *context) noexcept nogil:
    return Colours(context.color_range, context.colorspace)


cdef extern from "convert/yuv.h" nogil:
    int yuv_depth(const avutil.AVPixFmtDescriptor *desc)


cdef extern from "picture/black.h" nogil:
    void black_picture(const ConvertTarget *target, uint8_t *out)


cdef extern from "picture/orientation.h" nogil:
    int orientation_from_matrix(const int32_t *matrix)


cdef extern from "kernels/kernel_level.h" nogil:
    int LEVEL_NONE, LEVEL_PLAIN, LEVEL_AVX2, LEVEL_NEON, LEVEL_AVX512
    void kernel_limit(int level)


cdef extern from "kernels/cpu_functions.h" nogil:
    ctypedef struct CpuFunctions:
        pass
    const CpuFunctions cpu_functions_table "cpu_functions"


# The values of Kernel in csrc/convert/kernel_choice.h.
cdef tuple KERNELS = (
    "products", "tables", "tables_by_row", "deep", "full", "wide",
    "float_tables", "float_tables_by_row", "float_wrapped", "float_biased", None
)


cdef const void *cpu_functions() noexcept nogil:
    """Return the CPU's functions that the GPU's conversion calls."""
    return &cpu_functions_table


cdef int convert_once(const AVFrame *frame, const ConvertTarget *target, uint8_t *out,
                      ptrdiff_t row_stride) noexcept nogil:
    """Convert a frame by a converter that is used once. Return 0 or AVERROR."""
    cdef Converter *converter = converter_alloc()
    cdef int code
    if converter == NULL:
        return avutil.AVERROR(ENOMEM)
    code = converter_run(converter, frame, target, out, row_stride)
    converter_free(converter)
    return code


cdef int resample_once(const PackedPicture *picture, int width, int height, Rect region, uint8_t *out,
                       ptrdiff_t stride) noexcept nogil:
    """Resample a picture, of which a region is written. Return 0 or AVERROR."""
    return avutil.AVERROR(ENOMEM) if resample_picture(picture, width, height, region, out, stride) < 0 else 0


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
        How many frames can wait in the decoder for an earlier one, according to the index. Without
        this number libavcodec drops frames until it knows.
    strict : bool
        Damage is an error instead of a concealed picture. Frame threads conceal damage differently
        from run to run, and do not mark the frame.
    """

    def __cinit__(self, Demuxer demuxer not None, int stream_index, int num_threads=1, int min_reorder=0,
                  bint strict=False):
        cdef AVCodecParameters *parameters = avcodec.avcodec_parameters_alloc()
        self.parameters = parameters
        self.converter = converter_alloc()
        if parameters == NULL or self.converter == NULL:
            raise MemoryError()
        self.source = demuxer.io.name
        self.marks.is_on = True
        self.opened = self.expected = NO_COLOURS
        self.max_pixels = demuxer.io.access.max_pixels
        self.options = demuxer.codec_options
        self.num_threads = num_threads
        self.min_reorder = min(max(min_reorder, 0), LARGEST_REORDER)
        self.strict = strict
        error.check(
            avcodec.avcodec_parameters_copy(parameters, demuxer.stream(stream_index).codecpar),
            "copy codec parameters", self.source,
        )
        self.is_cropped = compat_stream_crop(demuxer.stream(stream_index), &self.crop)
        self.nal = unit_format(parameters)
        self.reads_extradata_late = parameters.codec_id in (
            avcodec.AV_CODEC_ID_MPEG2VIDEO, avcodec.AV_CODEC_ID_MPEG4
        )
        self.extradata = headers_of_extradata(
            parameters.codec_id, (<const char *> parameters.extradata)[:parameters.extradata_size]
        )
        self.time_base_num = demuxer.stream(stream_index).time_base.num
        self.time_base_den = demuxer.stream(stream_index).time_base.den
        if not self.may_open_late():
            self.reopen()

    def __dealloc__(self):
        cdef AVCodecParameters *parameters = <AVCodecParameters *> self.parameters
        with nogil:
            avcodec.avcodec_free_context(&self.context)
            forget_marks(&self.marks)
        avcodec.avcodec_parameters_free(&parameters)
        converter_free(<Converter *> self.converter)

    cdef void abandon(self) noexcept:
        self.context = NULL
        self.marks.count = 0

    cdef const avcodec.AVCodec *find_codec(self, avcodec.AVCodecID codec_id) noexcept:
        """Return libavcodec's decoder for a codec, or NULL if there is none."""
        return avcodec.avcodec_find_decoder(codec_id)

    cdef int prepare(self) except -1:
        """Set what must be set before the decoder is opened."""
        return 0

    cdef bint may_open_late(self):
        """Return True if the decoder need not be opened yet: Note [Decoders that are opened late].
        """
        cdef AVCodecParameters *parameters = <AVCodecParameters *> self.parameters
        cdef NalFormat format
        if type(self) is not CpuBackend or self.options or self.strict or self.find_codec(parameters.codec_id) == NULL:
            return False
        if parameters.codec_id == avcodec.AV_CODEC_ID_H264:
            return True
        format = nal_format(parameters)
        return parameters.codec_id == avcodec.AV_CODEC_ID_HEVC and format.num_sets > 0

    cdef bint is_open(self) noexcept nogil:
        """Open the decoder if that was not done yet; return False if that fails."""
        if self.context != NULL:
            return True
        with gil:
            try:
                self.reopen()
            except (FFmpegError, MemoryError) as error:
                self.refusal = error
        return self.context != NULL

    cdef object failure(self):
        refusal, self.refusal = self.refusal, None
        return refusal

    cdef int reopen(self) except -1:
        try:
            self.open_context()
        except BaseException:
            # libavcodec must not flush a decoder that is not open
            avcodec.avcodec_free_context(&self.context)
            raise
        return 0

    cdef int open_context(self) except -1:
        """Allocate `context` and open it."""
        cdef AVCodecParameters *parameters = <AVCodecParameters *> self.parameters
        cdef avutil.AVRational time_base
        time_base.num = self.time_base_num
        time_base.den = self.time_base_den
        avcodec.avcodec_free_context(&self.context)
        self.context = allocate_decoder(
            self.find_codec(parameters.codec_id), parameters, time_base, self.num_threads, self.max_pixels,
            self.source,
        )
        if self.strict:
            self.context.err_recognition |= avcodec.AV_EF_EXPLODE
        # A container may state any delay; libavcodec ends the process if it is larger than its list
        # of frames.
        self.context.has_b_frames = min(max(self.context.has_b_frames, 0), LARGEST_REORDER)
        if parameters.codec_id == avcodec.AV_CODEC_ID_H264 and self.context.has_b_frames < self.min_reorder:
            self.context.has_b_frames = self.min_reorder
        if self.ignores_extradata:
            # the rest of the parameters is that of the container
            avutil.av_freep(&self.context.extradata)
            self.context.extradata_size = 0
        if self.expected.range >= 0:
            self.context.color_range = <avutil.AVColorRange> self.expected.range
        if self.expected.matrix >= 0:
            self.context.colorspace = <avutil.AVColorSpace> self.expected.matrix
        self.has_varied = self.has_sent_sets = False
        self.is_unused = True
        self.pictures = 0
        self.awaits_extradata = self.reads_extradata_late and not self.ignores_extradata
        self.prepare()
        set_options(self.context, self.options, self.source)
        forget_marks(&self.marks)
        if may_mark(self.context):
            mark_buffers(self.context, &self.marks)
        open_decoder(self.context, self.source)
        if self.opened.range < 0:
            self.opened = colours_of(self.context)
            self.opened_primaries, self.opened_transfer = self.context.color_primaries, self.context.color_trc
            self.opened_format = self.context.pix_fmt != avutil.AV_PIX_FMT_NONE
        return 0

    def stated_colours(self):
        """Return the colours that pictures carry, if the parameter sets in the extradata tell them.

        libavcodec reads HEVC's sets when it opens the decoder, which then knows the pixel format,
        and those of H.264 with the first packet.
        """
        cdef AVCodecParameters *parameters = <AVCodecParameters *> self.parameters
        cdef SequenceHeaders *told = &self.extradata
        if parameters.codec_id == avcodec.AV_CODEC_ID_H264 and told.has_colours:
            return colour_names(
                told.primaries, told.matrix, told.transfer, told.range if told.has_range else parameters.color_range
            )
        if parameters.codec_id != avcodec.AV_CODEC_ID_HEVC or not self.is_open() or not self.opened_format:
            return None
        return colour_names(self.opened_primaries, self.opened.matrix, self.opened_transfer, self.opened.range)

    cdef int send(self, const AVPacket *packet) noexcept nogil:
        if not self.is_open():
            return BACKEND_FAILED
        self.is_unused = self.awaits_extradata = False
        self.marks.requests = 0
        self.sent_size = packet.size if packet != NULL else 0
        if packet != NULL and self.context.thread_count > 1 and keeps_colours(self.context.codec_id):
            self.note_colours(packet)
        return avcodec.avcodec_send_packet(self.context, packet)

    cdef int receive(self, AVFrame *frame) noexcept nogil:
        cdef int code
        if self.context == NULL:
            return avutil.AVERROR(EAGAIN)
        code = avcodec.avcodec_receive_frame(self.context, frame)
        self.pictures += code == 0 and self.pictures < PADDING_PICTURES
        if code == 0 and self.marks.count and finds_marks(&self.marks, frame):
            frame.flags |= avutil.AV_FRAME_FLAG_CORRUPT
        if code == 0 and clears_missing_rows(<AVCodecParameters *> self.parameters, frame, self.sent_size):
            frame.flags |= avutil.AV_FRAME_FLAG_CORRUPT
        if code == 0 and self.is_cropped:
            code = compat_frame_crop(frame, &self.crop)
        return code

    cdef bint has_made_up(self) noexcept nogil:
        cdef bint found = (
            self.marks.requests > 1 and self.context.codec_id == avcodec.AV_CODEC_ID_HEVC
            # frame threads ask for the buffers of several packets
            and self.context.thread_count == 1
        )
        self.marks.requests = 0
        return found

    cdef void choose_marks(self, MarkedPictures chosen) noexcept nogil:
        # HEVC's decoder asks for made-up references last, and fills them
        if chosen == MARK_LAST and self.nal.codec_id == avcodec.AV_CODEC_ID_HEVC:
            chosen = MARK_ALL
        self.marks.chosen = chosen

    cdef void mark_pictures(self, bint marks) noexcept nogil:
        self.marks.is_on = marks
        forget_marks(&self.marks)

    cdef void note_colours(self, const AVPacket *packet) noexcept nogil:
        """Note whether packets differ in the colours that they tell; each thread then remembers
        others.
        """
        cdef SequenceHeaders told
        read_sequence_headers(&self.nal, packet.data, packet.size, &told)
        if not told.has_sets:
            return
        if self.has_sent_sets and (
            told.has_range != self.sent.has_range or told.range != self.sent.range
            or told.has_colours != self.sent.has_colours or told.matrix != self.sent.matrix
        ):
            self.has_varied = True
        self.sent = told
        self.has_sent_sets = True

    cdef bint expect(self, const SequenceHeaders *told, const SequenceHeaders *before) noexcept nogil:
        cdef Colours now
        if not self.is_open():
            return True
        now = colours_of(self.context)
        self.expected = NO_COLOURS
        self.ignores_extradata = False
        if told == NULL:
            return True
        if self.awaits_extradata and self.extradata.has_range:
            now.range = self.extradata.range
        if self.awaits_extradata and self.extradata.has_colours:
            now.matrix = self.extradata.matrix
        self.expected = self.opened
        self.ignores_extradata = self.reads_extradata_late and told.has_sets
        if before.has_range:
            self.expected.range = before.range
        if before.has_colours:
            self.expected.matrix = before.matrix
        if not keeps_colours(self.context.codec_id) or self.has_varied:
            return not self.has_varied
        return (told.has_range or now.range == self.expected.range) and (
            told.has_colours or now.matrix == self.expected.matrix
        )

    cdef bint is_as_new(self) noexcept nogil:
        cdef Colours now
        if self.context == NULL or not self.is_unused or self.ignores_extradata:
            return False
        now = colours_of(self.context)
        return now.range == self.expected.range and now.matrix == self.expected.matrix

    cdef void flush(self) noexcept nogil:
        if self.context != NULL:
            avcodec.avcodec_flush_buffers(self.context)
        forget_marks(&self.marks)

    cdef int skip_nonref(self, bint skip) noexcept nogil:
        if not self.is_open():
            return BACKEND_FAILED
        self.context.skip_frame = avcodec.AVDISCARD_NONREF if skip else avcodec.AVDISCARD_DEFAULT
        return 0

    cdef bint needs_first_packet(self) noexcept nogil:
        """Return True for codecs whose first packet tells how to decode the others.

        Note [First packet]: encoders write their name and version into the first packet, and FFmpeg
        decodes the streams of some versions differently (x264's 4:4:4 before build 151 is one). A
        decoder that begins in the middle would not know the version.
        """
        return self.nal.codec_id == avcodec.AV_CODEC_ID_H264 or self.nal.codec_id == avcodec.AV_CODEC_ID_MPEG4

    cdef bint knows_padding(self) noexcept nogil:
        """Return False if the decoder has seen too few pictures to judge later ones as the ffmpeg
        command does.

        Note [Padding of MPEG-4]: some encoders pad pictures wrongly, so that libavcodec's decoder
        first excuses a picture that does not end with its packet. Each intact picture lowers a
        score, which a flush keeps, and three of them end this. A decoder that begins in the middle
        would take damage for such padding. It therefore decodes the first picture three times.
        """
        return self.nal.codec_id != avcodec.AV_CODEC_ID_MPEG4 or self.pictures >= PADDING_PICTURES

    cdef void show_first_packet(self, const AVPacket *packet) noexcept nogil:
        if not self.is_open():
            return
        self.is_unused = False
        if self.knows_padding():
            self.context.skip_frame = avcodec.AVDISCARD_ALL
            avcodec.avcodec_send_packet(self.context, packet)
        else:
            self.learn_padding(packet)
        self.context.skip_frame = avcodec.AVDISCARD_DEFAULT
        self.flush()

    cdef void learn_padding(self, const AVPacket *packet) noexcept nogil:
        """Decode a packet as often as the decoder's score needs it; the pictures are dropped."""
        cdef AVFrame *frame = avutil.av_frame_alloc()
        cdef int _turn
        if frame == NULL:
            return
        self.context.skip_frame = avcodec.AVDISCARD_DEFAULT
        self.context.skip_idct = avcodec.AVDISCARD_ALL      # the bits are read, and nothing more
        for _turn in range(PADDING_PICTURES):
            avcodec.avcodec_send_packet(self.context, packet)
            while avcodec.avcodec_receive_frame(self.context, frame) >= 0:
                avutil.av_frame_unref(frame)
        self.context.skip_idct = avcodec.AVDISCARD_DEFAULT
        self.pictures = PADDING_PICTURES
        avutil.av_frame_free(&frame)

    cdef int convert(self, AVFrame *frame, const void *target, uint8_t *out) noexcept nogil:
        cdef const ConvertTarget *to = <const ConvertTarget *> target
        return converter_run(<Converter *> self.converter, frame, to, out, convert_target_row_stride(to))

    cdef int make_black(self, const void *target, uint8_t *out) noexcept nogil:
        black_picture(<const ConvertTarget *> target, out)
        return 0

    @property
    def kernel(self):
        """The kernel that converts, as csrc/convert/kernel_choice.h names it; None if swscale
        does.
        """
        return KERNELS[converter_kernel(<Converter *> self.converter)]

    @property
    def allows_frame_threads(self):
        """True if a `strict` backend of this codec may have several frame threads.

        libavcodec 59 ends the process at the first damaged MPEG-4 picture then (its assertion is
        that a frame has a buffer). The other codecs with frame threads were tried and do not, but
        for those that `is_safe_with_frame_threads` names.
        """
        cdef AVCodecID codec_id = (<AVCodecParameters *> self.parameters).codec_id
        return codec_id != avcodec.AV_CODEC_ID_MPEG4 and is_safe_with_frame_threads(codec_id)

    cdef int delay(self) noexcept nogil:
        if not self.is_open():
            return 0
        return self.context.has_b_frames + (self.context.thread_count if self.context.thread_count > 1 else 0)


def has_strict_frame_threads():
    """Return True if this FFmpeg allows more than one thread for a `strict` CpuBackend."""
    return bool(compat_has_strict_frame_threads())


def yuv_bits(str pixel_format):
    """Return the bits of a sample of a pixel format's YUV planes; 0 if none can be read."""
    return yuv_depth(avutil.av_pix_fmt_desc_get(avutil.av_get_pix_fmt(pixel_format.encode())))


def orientation_of(matrix):
    """Return the orientation of csrc/picture/orientation.h for a display matrix of nine integers,
    or for None.
    """
    cdef int32_t values[9]
    if matrix is None:
        return 0
    for i in range(9):
        values[i] = matrix[i]
    return orientation_from_matrix(values)


def use_kernels(str level):
    """Limit which conversion kernels replace swscale; for tests and benchmarks.

    Parameters
    ----------
    level : {"none", "plain", "avx2", "neon", "avx512"}
        The best kernels that may be used; those that the processor lacks are never used.
    """
    kernel_limit({
        "none": LEVEL_NONE, "plain": LEVEL_PLAIN, "avx2": LEVEL_AVX2, "neon": LEVEL_NEON, "avx512": LEVEL_AVX512,
    }[level])
