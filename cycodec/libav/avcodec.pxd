"""libavcodec: codec parameters, packets, decoders. Declarations only."""

from libc.stdint cimport int64_t, uint8_t, uint32_t

from cycodec.libav.avutil cimport (
    AVBufferRef,
    AVClass,
    AVColorPrimaries,
    AVColorRange,
    AVColorSpace,
    AVColorTransferCharacteristic,
    AVDictionary,
    AVFrame,
    AVMediaType,
    AVPixelFormat,
    AVRational,
)


cdef extern from "libavcodec/avcodec.h" nogil:
    enum:
        AV_INPUT_BUFFER_PADDING_SIZE
        AV_PKT_FLAG_KEY
        AV_PKT_FLAG_CORRUPT
        AV_PKT_FLAG_DISCARD
        AV_CODEC_FLAG_COPY_OPAQUE
        AV_CODEC_CAP_FRAME_THREADS
        AV_CODEC_CAP_SLICE_THREADS
        AV_CODEC_CAP_DELAY
        AV_EF_EXPLODE
        AV_CODEC_CAP_SMALL_LAST_FRAME
        AV_CODEC_CAP_VARIABLE_FRAME_SIZE
        AV_CODEC_CAP_EXPERIMENTAL
        AV_CODEC_FLAG_GLOBAL_HEADER
        AV_CODEC_CAP_HARDWARE
        AV_CODEC_PROP_INTRA_ONLY
        AV_CODEC_PROP_REORDER
        AV_CODEC_PROP_LOSSY
        AV_CODEC_PROP_LOSSLESS
        FF_COMPLIANCE_NORMAL
        PARSER_FLAG_COMPLETE_FRAMES
        FF_THREAD_FRAME
        FF_THREAD_SLICE

    enum AVCodecID:
        AV_CODEC_ID_NONE
        AV_CODEC_ID_H264
        AV_CODEC_ID_HEVC
        AV_CODEC_ID_MPEG1VIDEO
        AV_CODEC_ID_MPEG2VIDEO
        AV_CODEC_ID_APNG
        AV_CODEC_ID_DIRAC
        AV_CODEC_ID_AMV
        AV_CODEC_ID_WEBP
        AV_CODEC_ID_MPEG4
        AV_CODEC_ID_MJPEG
        AV_CODEC_ID_PRORES
        AV_CODEC_ID_PNG
        AV_CODEC_ID_TIFF
        AV_CODEC_ID_JPEGLS
        AV_CODEC_ID_JPEG2000
        AV_CODEC_ID_FFV1
        AV_CODEC_ID_HUFFYUV
        AV_CODEC_ID_FFVHUFF
        AV_CODEC_ID_UTVIDEO
        AV_CODEC_ID_MAGICYUV
        AV_CODEC_ID_DNXHD
        AV_CODEC_ID_DVVIDEO
        AV_CODEC_ID_RAWVIDEO
        AV_CODEC_ID_V210
        AV_CODEC_ID_R210
        AV_CODEC_ID_VP8
        AV_CODEC_ID_VP9
        AV_CODEC_ID_AV1
        AV_CODEC_ID_THEORA
        AV_CODEC_ID_H263
        AV_CODEC_ID_H263P
        AV_CODEC_ID_FLV1
        AV_CODEC_ID_MSMPEG4V2
        AV_CODEC_ID_MSMPEG4V3
        AV_CODEC_ID_WMV1
        AV_CODEC_ID_WMV2
        AV_CODEC_ID_MP1
        AV_CODEC_ID_MP2
        AV_CODEC_ID_MP3
        AV_CODEC_ID_AAC
        AV_CODEC_ID_AAC_LATM
        AV_CODEC_ID_AC3
        AV_CODEC_ID_EAC3
        AV_CODEC_ID_DTS
        AV_CODEC_ID_TRUEHD
        AV_CODEC_ID_MLP
        AV_CODEC_ID_VORBIS
        AV_CODEC_ID_OPUS
        AV_CODEC_ID_FLAC
        AV_CODEC_ID_ALAC
        AV_CODEC_ID_WAVPACK
        AV_CODEC_ID_TTA
        AV_CODEC_ID_NELLYMOSER
        AV_CODEC_ID_WMAV1
        AV_CODEC_ID_WMAV2
        AV_CODEC_ID_ADPCM_IMA_WAV
        AV_CODEC_ID_ADPCM_MS
        AV_CODEC_ID_AMR_NB
        AV_CODEC_ID_AMR_WB
        AV_CODEC_ID_PCM_S16LE
        AV_CODEC_ID_PCM_U8
        AV_CODEC_ID_PCM_S24LE
        AV_CODEC_ID_PCM_S32LE
        AV_CODEC_ID_PCM_F32LE
        AV_CODEC_ID_PCM_F64LE
        AV_CODEC_ID_FIRST_AUDIO
        AV_CODEC_ID_ADPCM_IMA_QT
        AV_CODEC_ID_WRAPPED_AVFRAME

    enum AVDiscard:
        AVDISCARD_NONE
        AVDISCARD_DEFAULT
        AVDISCARD_NONREF
        AVDISCARD_ALL

    enum AVFieldOrder:
        AV_FIELD_UNKNOWN
        AV_FIELD_PROGRESSIVE

    enum AVPacketSideDataType:
        AV_PKT_DATA_DISPLAYMATRIX
        AV_PKT_DATA_PALETTE
        AV_PKT_DATA_SKIP_SAMPLES
        AV_PKT_DATA_NEW_EXTRADATA

    struct AVCodec:
        const char *name
        const char *long_name
        AVMediaType type
        AVCodecID id
        int capabilities
        const AVClass *priv_class

    struct AVCodecDescriptor:
        AVCodecID id
        AVMediaType type
        const char *name
        int props

    struct AVCodecParameters:
        AVMediaType codec_type
        AVCodecID codec_id
        uint32_t codec_tag
        uint8_t *extradata
        int extradata_size
        int format
        int bits_per_coded_sample
        int64_t bit_rate
        int profile
        int level
        int width
        int height
        AVRational sample_aspect_ratio
        AVFieldOrder field_order
        AVColorRange color_range
        AVColorPrimaries color_primaries
        AVColorTransferCharacteristic color_trc
        AVColorSpace color_space
        int video_delay
        int sample_rate
        int block_align
        int frame_size
        int initial_padding
        int trailing_padding
        int seek_preroll

    struct AVPacket:
        int64_t pts
        int64_t dts
        uint8_t *data
        int size
        int stream_index
        int flags
        int64_t duration
        int64_t pos
        int side_data_elems

    struct AVCodecContext:
        const AVCodec *codec
        AVCodecID codec_id
        int64_t bit_rate
        int flags
        uint8_t *extradata
        int extradata_size
        int width
        int height
        AVPixelFormat pix_fmt
        AVPixelFormat sw_pix_fmt
        AVBufferRef *hw_device_ctx
        int has_b_frames
        void *opaque
        int (*get_buffer2)(AVCodecContext *context, AVFrame *frame, int flags) noexcept nogil
        AVRational sample_aspect_ratio
        AVRational pkt_timebase
        AVRational time_base
        AVRational framerate
        int gop_size
        int max_b_frames
        void *priv_data
        int thread_count
        int err_recognition
        int thread_type
        AVDiscard skip_frame
        AVDiscard skip_idct
        int64_t max_pixels
        int err_recognition
        AVColorRange color_range
        AVColorPrimaries color_primaries
        AVColorTransferCharacteristic color_trc
        AVColorSpace colorspace
        int sample_rate
        int sample_fmt
        int frame_size
        int initial_padding
        int bits_per_raw_sample
        int strict_std_compliance

    const AVCodec *avcodec_find_decoder(AVCodecID id)
    const AVCodec *avcodec_find_decoder_by_name(const char *name)
    const AVCodecDescriptor *avcodec_descriptor_get(AVCodecID id)
    const char *avcodec_get_name(AVCodecID id)
    const AVCodec *avcodec_find_encoder(AVCodecID id)
    const AVCodec *avcodec_find_encoder_by_name(const char *name)
    const AVCodecDescriptor *avcodec_descriptor_get_by_name(const char *name)
    const AVCodec *av_codec_iterate(void **opaque)
    int av_codec_is_encoder(const AVCodec *codec)
    const AVClass *avcodec_get_class()
    unsigned avcodec_version()
    int avcodec_default_get_buffer2(AVCodecContext *context, AVFrame *frame, int flags)

    AVCodecContext *avcodec_alloc_context3(const AVCodec *codec)
    void avcodec_free_context(AVCodecContext **ctx)
    int avcodec_open2(AVCodecContext *ctx, const AVCodec *codec, AVDictionary **options)
    void avcodec_flush_buffers(AVCodecContext *ctx)
    int avcodec_send_packet(AVCodecContext *ctx, const AVPacket *packet)
    int avcodec_receive_frame(AVCodecContext *ctx, AVFrame *frame)

    int avcodec_send_frame(AVCodecContext *ctx, const AVFrame *frame)
    int avcodec_receive_packet(AVCodecContext *ctx, AVPacket *packet)
    int avcodec_parameters_from_context(AVCodecParameters *parameters, const AVCodecContext *ctx)
    int av_get_audio_frame_duration2(AVCodecParameters *parameters, int frame_bytes)
    void av_packet_rescale_ts(AVPacket *packet, AVRational src, AVRational dst)

    AVCodecParameters *avcodec_parameters_alloc()
    void avcodec_parameters_free(AVCodecParameters **parameters)
    int avcodec_parameters_copy(AVCodecParameters *dst, const AVCodecParameters *src)
    int avcodec_parameters_to_context(AVCodecContext *ctx, const AVCodecParameters *parameters)

    AVPacket *av_packet_alloc()
    void av_packet_free(AVPacket **packet)
    void av_packet_unref(AVPacket *packet)
    void av_packet_move_ref(AVPacket *dst, AVPacket *src)
    int av_packet_ref(AVPacket *dst, const AVPacket *src)
    int av_packet_make_writable(AVPacket *packet)
    int av_packet_copy_props(AVPacket *dst, const AVPacket *src)
    AVPacket *av_packet_clone(const AVPacket *src)
    int av_new_packet(AVPacket *packet, int size)
    uint8_t *av_packet_new_side_data(AVPacket *packet, AVPacketSideDataType type, size_t size)
    uint8_t *av_packet_get_side_data(const AVPacket *packet, AVPacketSideDataType type, size_t *size)

    enum AVPictureStructure:
        AV_PICTURE_STRUCTURE_UNKNOWN
        AV_PICTURE_STRUCTURE_TOP_FIELD
        AV_PICTURE_STRUCTURE_BOTTOM_FIELD
        AV_PICTURE_STRUCTURE_FRAME

    struct AVCodecParserContext:
        int flags
        int width
        int height
        int pict_type
        int key_frame
        AVPictureStructure picture_structure
        int output_picture_number
        int64_t pos

    # `ptr` is the address of a pointer; the memory has padding behind it
    void av_fast_padded_malloc(void *ptr, unsigned int *size, size_t min_size)

    AVCodecParserContext *av_parser_init(int codec_id)
    void av_parser_close(AVCodecParserContext *parser)
    int av_parser_parse2(AVCodecParserContext *parser, AVCodecContext *context, uint8_t **out, int *out_size,
                         const uint8_t *data, int size, int64_t pts, int64_t dts, int64_t pos)


cdef extern from "libavcodec/vorbis_parser.h" nogil:
    struct AVVorbisParseContext:
        pass
    AVVorbisParseContext *av_vorbis_parse_init(const uint8_t *extradata, int extradata_size)
    void av_vorbis_parse_free(AVVorbisParseContext **s)
    int av_vorbis_parse_frame(AVVorbisParseContext *s, const uint8_t *buf, int buf_size)
