"""libavformat: byte input and output, containers, streams. Declarations only."""

from libc.stdint cimport int64_t, uint8_t

from cycodec.libav.avcodec cimport AVCodec, AVCodecID, AVCodecParameters, AVCodecParserContext, AVDiscard, AVPacket
from cycodec.libav.avutil cimport AVClass, AVDictionary, AVMediaType, AVRational


cdef extern from "libavformat/avio.h" nogil:
    enum:
        AVSEEK_SIZE
        AVSEEK_FORCE
        AVIO_SEEKABLE_NORMAL
        AVIO_FLAG_READ
        AVIO_FLAG_WRITE
    struct AVIOContext:
        unsigned char *buffer
        int buffer_size
        int64_t pos
        int eof_reached
        int error
        int seekable
        int64_t bytes_read
        void *update_checksum
    void avio_context_free(AVIOContext **s)
    int avio_closep(AVIOContext **s)
    int64_t avio_seek(AVIOContext *s, int64_t offset, int whence)
    int64_t avio_size(AVIOContext *s)
    int avio_read(AVIOContext *s, unsigned char *buf, int size)
    int avio_feof(AVIOContext *s)
    int avio_open(AVIOContext **s, const char *url, int flags)
    void avio_write(AVIOContext *s, const unsigned char *buf, int size)
    void avio_flush(AVIOContext *s)
    const char *avio_enum_protocols(void **opaque, int output)
    struct AVIOInterruptCB:
        int (*callback)(void *) noexcept nogil
        void *opaque
    int avio_read_partial(AVIOContext *s, unsigned char *buf, int size)
    int avio_open2(AVIOContext **s, const char *url, int flags, const AVIOInterruptCB *int_cb,
                   AVDictionary **options)


cdef extern from "libavformat/avformat.h" nogil:
    enum:
        AVSEEK_FLAG_BACKWARD
        AVSEEK_FLAG_BYTE
        AVSEEK_FLAG_ANY
        AVSEEK_FLAG_FRAME
        AVFMTCTX_NOHEADER
        AVFMT_FLAG_NOFILLIN
        AVFMT_FLAG_NOPARSE
        AVFMT_FLAG_CUSTOM_IO
        AVFMT_TS_DISCONT
        AVFMT_NO_BYTE_SEEK
        AVFMT_NOTIMESTAMPS
        AVFMT_GENERIC_INDEX
        AVFMT_SEEK_TO_PTS
        AV_DISPOSITION_ATTACHED_PIC
        AV_DISPOSITION_DEFAULT
        AVINDEX_KEYFRAME
        AVINDEX_DISCARD_FRAME
        AVFMT_NOFILE
        AVFMT_GLOBALHEADER
        AVFMT_VARIABLE_FPS
        AVFMT_NEEDNUMBER

    struct AVProbeData:
        const char *filename
        unsigned char *buf
        int buf_size
        const char *mime_type

    struct AVInputFormat:
        const char *name
        const char *long_name
        int flags

    struct AVCodecTag:
        pass

    struct AVOutputFormat:
        const char *name
        const char *long_name
        const char *extensions
        AVCodecID audio_codec
        AVCodecID video_codec
        int flags
        const AVCodecTag *const *codec_tag
        const AVClass *priv_class

    struct AVStream:
        int index
        int id
        AVCodecParameters *codecpar
        AVRational time_base
        int64_t start_time
        int64_t duration
        int64_t nb_frames
        int disposition
        AVDiscard discard
        AVRational sample_aspect_ratio
        AVDictionary *metadata
        AVRational avg_frame_rate
        AVRational r_frame_rate

    struct AVChapter:
        AVRational time_base
        int64_t start
        int64_t end
        AVDictionary *metadata

    struct AVFormatContext:
        const AVInputFormat *iformat
        const AVOutputFormat *oformat
        void *priv_data
        AVIOContext *pb
        unsigned int nb_streams
        AVStream **streams
        unsigned int nb_chapters
        AVChapter **chapters
        int64_t start_time
        int64_t duration
        int64_t bit_rate
        int flags
        int ctx_flags
        int64_t probesize
        int probe_score
        int fps_probe_size
        AVDictionary *metadata
        char *url
        AVIOInterruptCB interrupt_callback
        int (*io_open)(AVFormatContext *s, AVIOContext **pb, const char *url, int flags,
                       AVDictionary **options) noexcept nogil

    const AVInputFormat *av_find_input_format(const char *short_name)
    const AVInputFormat *av_demuxer_iterate(void **opaque)
    const AVInputFormat *av_probe_input_format3(const AVProbeData *pd, int is_opened, int *score_ret)
    unsigned avformat_version()
    AVFormatContext *avformat_alloc_context()
    void avformat_free_context(AVFormatContext *s)
    int avformat_open_input(AVFormatContext **ps, const char *url, const AVInputFormat *fmt, AVDictionary **options)
    int avformat_find_stream_info(AVFormatContext *ic, AVDictionary **options)
    void avformat_close_input(AVFormatContext **s)
    int av_read_frame(AVFormatContext *s, AVPacket *pkt)
    int av_seek_frame(AVFormatContext *s, int stream_index, int64_t timestamp, int flags)
    int avformat_seek_file(AVFormatContext *s, int stream_index, int64_t min_ts, int64_t ts, int64_t max_ts, int flags)
    int av_find_best_stream(AVFormatContext *ic, AVMediaType type, int wanted_stream_nb, int related_stream,
                            const AVCodec **decoder_ret, int flags)
    AVCodecParserContext *av_stream_get_parser(const AVStream *s)
    AVRational av_guess_frame_rate(AVFormatContext *ctx, AVStream *stream, void *frame)
    int avformat_alloc_output_context2(AVFormatContext **ctx, const AVOutputFormat *oformat, const char *format_name,
                                       const char *filename)
    const AVOutputFormat *av_guess_format(const char *short_name, const char *filename, const char *mime_type)
    const AVOutputFormat *av_muxer_iterate(void **opaque)
    AVCodecID av_guess_codec(const AVOutputFormat *fmt, const char *short_name, const char *filename,
                             const char *mime_type, AVMediaType type)
    AVCodecID av_codec_get_id(const AVCodecTag *const *tags, unsigned tag)
    unsigned av_codec_get_tag(const AVCodecTag *const *tags, AVCodecID id)
    int avformat_query_codec(const AVOutputFormat *fmt, AVCodecID id, int std_compliance)
    AVStream *avformat_new_stream(AVFormatContext *s, const AVCodec *c)
    int avformat_write_header(AVFormatContext *s, AVDictionary **options)
    int av_interleaved_write_frame(AVFormatContext *s, AVPacket *pkt)
    int av_write_trailer(AVFormatContext *s)
