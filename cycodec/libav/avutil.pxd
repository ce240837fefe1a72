"""libavutil: errors, rationals, dictionaries, frames, pixel formats, display matrices.

Declarations only; the documentation is in FFmpeg's own headers of the same names.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t


cdef extern from "libavutil/avutil.h" nogil:
    enum:
        AV_TIME_BASE
    int64_t AV_NOPTS_VALUE

    enum AVMediaType:
        AVMEDIA_TYPE_UNKNOWN
        AVMEDIA_TYPE_VIDEO
        AVMEDIA_TYPE_AUDIO
        AVMEDIA_TYPE_DATA
        AVMEDIA_TYPE_SUBTITLE
        AVMEDIA_TYPE_ATTACHMENT

    enum AVPictureType:
        AV_PICTURE_TYPE_NONE
        AV_PICTURE_TYPE_I
        AV_PICTURE_TYPE_P
        AV_PICTURE_TYPE_B

    const char *av_version_info()
    unsigned avutil_version()
    const char *avutil_license()
    const char *avutil_configuration()
    const char *avutil_configuration()
    const char *av_get_media_type_string(AVMediaType media_type)


cdef extern from "libavutil/error.h" nogil:
    int AVERROR(int)
    enum:
        AVERROR_BSF_NOT_FOUND
        AVERROR_BUG
        AVERROR_BUFFER_TOO_SMALL
        AVERROR_DECODER_NOT_FOUND
        AVERROR_DEMUXER_NOT_FOUND
        AVERROR_ENCODER_NOT_FOUND
        AVERROR_EOF
        AVERROR_EXIT
        AVERROR_EXTERNAL
        AVERROR_FILTER_NOT_FOUND
        AVERROR_INVALIDDATA
        AVERROR_MUXER_NOT_FOUND
        AVERROR_OPTION_NOT_FOUND
        AVERROR_PATCHWELCOME
        AVERROR_PROTOCOL_NOT_FOUND
        AVERROR_STREAM_NOT_FOUND
        AVERROR_UNKNOWN
        AVERROR_EXPERIMENTAL
        AVERROR_INPUT_CHANGED
        AVERROR_OUTPUT_CHANGED
        AVERROR_HTTP_BAD_REQUEST
        AVERROR_HTTP_UNAUTHORIZED
        AVERROR_HTTP_FORBIDDEN
        AVERROR_HTTP_NOT_FOUND
        AVERROR_HTTP_OTHER_4XX
        AVERROR_HTTP_SERVER_ERROR
    int av_strerror(int errnum, char *errbuf, size_t errbuf_size)


cdef extern from "libavutil/mem.h" nogil:
    void *av_malloc(size_t size)
    void *av_mallocz(size_t size)
    void av_free(void *ptr)
    void av_freep(void *ptr)
    char *av_strdup(const char *s)


cdef extern from "libavutil/crc.h" nogil:
    ctypedef uint32_t AVCRC
    enum AVCRCId:
        AV_CRC_32_IEEE
        AV_CRC_32_IEEE_LE
    const AVCRC *av_crc_get_table(AVCRCId id)
    uint32_t av_crc(const AVCRC *table, uint32_t crc, const uint8_t *data, size_t size)


cdef extern from "libavutil/log.h" nogil:
    enum:
        AV_LOG_QUIET
        AV_LOG_FATAL
        AV_LOG_ERROR
        AV_LOG_WARNING
        AV_LOG_INFO
    void av_log_set_level(int level)
    int av_log_get_level()


cdef extern from "libavutil/rational.h" nogil:
    struct AVRational:
        int num
        int den
    double av_q2d(AVRational a)
    AVRational av_mul_q(AVRational a, AVRational b)


cdef extern from "libavutil/mathematics.h" nogil:
    int64_t av_rescale(int64_t a, int64_t b, int64_t c)
    int64_t av_rescale_q(int64_t a, AVRational bq, AVRational cq)
    int av_compare_ts(int64_t ts_a, AVRational tb_a, int64_t ts_b, AVRational tb_b)


cdef extern from "libavutil/dict.h" nogil:
    struct AVDictionary:
        pass
    struct AVDictionaryEntry:
        char *key
        char *value
    enum:
        AV_DICT_IGNORE_SUFFIX
        AV_DICT_DONT_OVERWRITE
    AVDictionaryEntry *av_dict_get(const AVDictionary *m, const char *key, const AVDictionaryEntry *prev, int flags)
    int av_dict_set(AVDictionary **pm, const char *key, const char *value, int flags)
    int av_dict_set_int(AVDictionary **pm, const char *key, int64_t value, int flags)
    int av_dict_copy(AVDictionary **dst, const AVDictionary *src, int flags)
    void av_dict_free(AVDictionary **m)
    int av_dict_count(const AVDictionary *m)


cdef extern from "libavutil/intreadwrite.h" nogil:
    uint32_t AV_RB32(const void *data)


cdef extern from "libavutil/opt.h" nogil:
    struct AVClass:
        pass
    enum AVOptionType:
        AV_OPT_TYPE_FLAGS
        AV_OPT_TYPE_INT
        AV_OPT_TYPE_INT64
        AV_OPT_TYPE_UINT64
        AV_OPT_TYPE_DOUBLE
        AV_OPT_TYPE_FLOAT
        AV_OPT_TYPE_STRING
        AV_OPT_TYPE_RATIONAL
        AV_OPT_TYPE_CONST
        AV_OPT_TYPE_BOOL
    struct AVOption:
        const char *name
        AVOptionType type
        double min
        double max
        int flags
        const char *unit
    enum:
        AV_OPT_SEARCH_CHILDREN
        AV_OPT_SEARCH_FAKE_OBJ
        AV_OPT_FLAG_DECODING_PARAM
        AV_OPT_FLAG_ENCODING_PARAM
        AV_OPT_FLAG_VIDEO_PARAM
        AV_OPT_FLAG_AUDIO_PARAM
        AV_OPT_FLAG_READONLY
    const AVOption *av_opt_next(const void *obj, const AVOption *prev)
    const AVOption *av_opt_find(void *obj, const char *name, const char *unit, int opt_flags, int search_flags)
    int av_opt_set(void *obj, const char *name, const char *val, int search_flags)
    int av_opt_set_int(void *obj, const char *name, int64_t val, int search_flags)


cdef extern from "libavutil/time.h" nogil:
    int64_t av_gettime_relative()


cdef extern from "libavutil/imgutils.h" nogil:
    int av_image_get_linesize(AVPixelFormat format, int width, int plane)


cdef extern from "libavutil/buffer.h" nogil:
    struct AVBufferRef:
        uint8_t *data
        size_t size
    AVBufferRef *av_buffer_ref(const AVBufferRef *buf)
    void av_buffer_unref(AVBufferRef **buf)


cdef extern from "libavutil/pixfmt.h" nogil:
    enum AVPixelFormat:
        AV_PIX_FMT_NONE
        AV_PIX_FMT_YUV420P
        AV_PIX_FMT_YUVJ420P
        AV_PIX_FMT_YUV422P
        AV_PIX_FMT_YUV444P
        AV_PIX_FMT_PAL8
        AV_PIX_FMT_MONOWHITE
        AV_PIX_FMT_MONOBLACK
        AV_PIX_FMT_RGB24
        AV_PIX_FMT_RGB48
        AV_PIX_FMT_CUDA
        AV_PIX_FMT_RGBA
        AV_PIX_FMT_RGBA64
        AV_PIX_FMT_GBRP
        AV_PIX_FMT_GBRP16
        AV_PIX_FMT_GBRAP
        AV_PIX_FMT_GBRAP16
        AV_PIX_FMT_GRAY8
        AV_PIX_FMT_GRAY16
        AV_PIX_FMT_NB
    enum AVColorSpace:
        AVCOL_SPC_RGB
        AVCOL_SPC_BT709
        AVCOL_SPC_UNSPECIFIED
        AVCOL_SPC_FCC
        AVCOL_SPC_BT470BG
        AVCOL_SPC_SMPTE170M
        AVCOL_SPC_SMPTE240M
        AVCOL_SPC_BT2020_NCL
    enum AVColorRange:
        AVCOL_RANGE_UNSPECIFIED
        AVCOL_RANGE_MPEG
        AVCOL_RANGE_JPEG
    enum AVColorPrimaries:
        AVCOL_PRI_UNSPECIFIED
        AVCOL_PRI_BT709
        AVCOL_PRI_SMPTE170M
    enum AVColorTransferCharacteristic:
        AVCOL_TRC_UNSPECIFIED
        AVCOL_TRC_BT709
        AVCOL_TRC_SMPTE170M
        AVCOL_TRC_SMPTE2084
        AVCOL_TRC_ARIB_STD_B67


cdef extern from "libavutil/pixdesc.h" nogil:
    enum:
        AV_PIX_FMT_FLAG_BE
        AV_PIX_FMT_FLAG_PAL
        AV_PIX_FMT_FLAG_BITSTREAM
        AV_PIX_FMT_FLAG_HWACCEL
        AV_PIX_FMT_FLAG_PLANAR
        AV_PIX_FMT_FLAG_RGB
        AV_PIX_FMT_FLAG_ALPHA
        AV_PIX_FMT_FLAG_FLOAT
    struct AVComponentDescriptor:
        int plane
        int step
        int offset
        int shift
        int depth
    struct AVPixFmtDescriptor:
        const char *name
        uint8_t nb_components
        uint8_t log2_chroma_w
        uint8_t log2_chroma_h
        uint64_t flags
        AVComponentDescriptor comp[4]
    const AVPixFmtDescriptor *av_pix_fmt_desc_get(AVPixelFormat pix_fmt)
    AVPixelFormat av_get_pix_fmt(const char *name)
    const char *av_get_pix_fmt_name(AVPixelFormat pix_fmt)
    const char *av_color_range_name(int range)
    const char *av_color_primaries_name(int primaries)
    const char *av_color_transfer_name(int transfer)
    const char *av_color_space_name(int space)


cdef extern from "libavutil/samplefmt.h" nogil:
    enum AVSampleFormat:
        AV_SAMPLE_FMT_NONE
        AV_SAMPLE_FMT_U8
        AV_SAMPLE_FMT_S16
        AV_SAMPLE_FMT_S32
        AV_SAMPLE_FMT_FLT
        AV_SAMPLE_FMT_DBL
        AV_SAMPLE_FMT_FLTP
        AV_SAMPLE_FMT_U8P
        AV_SAMPLE_FMT_S16P
        AV_SAMPLE_FMT_S32P
        AV_SAMPLE_FMT_DBLP
    const char *av_get_sample_fmt_name(AVSampleFormat sample_fmt)
    int av_get_bytes_per_sample(AVSampleFormat sample_fmt)
    int av_sample_fmt_is_planar(AVSampleFormat sample_fmt)


cdef extern from "libavutil/frame.h" nogil:
    enum:
        AV_NUM_DATA_POINTERS
        AV_FRAME_FLAG_CORRUPT
    enum AVFrameSideDataType:
        AV_FRAME_DATA_DISPLAYMATRIX
        AV_FRAME_DATA_SKIP_SAMPLES
    struct AVFrame:
        uint8_t *data[8]
        int linesize[8]
        uint8_t **extended_data
        int width
        int height
        int nb_samples
        int format
        AVPictureType pict_type
        AVRational sample_aspect_ratio
        int64_t pts
        int64_t pkt_dts
        int64_t best_effort_timestamp
        int repeat_pict
        int sample_rate
        int flags
        int decode_error_flags
        AVColorRange color_range
        AVColorPrimaries color_primaries
        AVColorTransferCharacteristic color_trc
        AVColorSpace colorspace
        AVDictionary *metadata
        size_t crop_left
        size_t crop_top
        AVBufferRef *buf[8]
    char av_get_picture_type_char(AVPictureType pict_type)
    AVFrame *av_frame_alloc()
    void av_frame_free(AVFrame **frame)
    int av_frame_ref(AVFrame *dst, const AVFrame *src)
    AVFrame *av_frame_clone(const AVFrame *src)
    void av_frame_unref(AVFrame *frame)
    void av_frame_move_ref(AVFrame *dst, AVFrame *src)
    int av_frame_get_buffer(AVFrame *frame, int align)
    int av_frame_make_writable(AVFrame *frame)
    int av_frame_is_writable(AVFrame *frame)


cdef extern from "libavutil/display.h" nogil:
    double av_display_rotation_get(const int32_t *matrix)
