"""The functions of csrc/compat.h, which hide the differences between versions of FFmpeg."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from cycodec.libav.avcodec cimport AVCodec, AVCodecContext, AVCodecParameters, AVPacket
from cycodec.libav.avformat cimport AVFormatContext, AVIOContext, AVOutputFormat, AVStream
from cycodec.libav.avutil cimport AVFrame, AVRational
from cycodec.libav.swresample cimport SwrContext


cdef extern from "compat.h" nogil:
    AVIOContext *compat_avio_alloc(unsigned char *buffer, int size, int writable, void *opaque,
                                   int (*read)(void *, uint8_t *, int) noexcept nogil,
                                   int (*write)(void *, uint8_t *, int) noexcept nogil,
                                   int64_t (*seek)(void *, int64_t, int) noexcept nogil)
    int compat_output_alloc(AVFormatContext **ctx, const AVOutputFormat *format)

    # streams
    int compat_stream_display_matrix(const AVStream *stream, int32_t *out)
    struct CompatCrop:
        # pixels that the container asks to cut off
        int top, bottom, left, right
    int compat_stream_crop(const AVStream *stream, CompatCrop *crop)
    int compat_cropped(int length, int before, int after, int shift)
    int compat_index_count(const AVStream *stream)
    int compat_index_entry(AVStream *stream, int number, int64_t *timestamp, int64_t *pos, int *size, int *flags)
    int compat_channels(const AVCodecParameters *parameters)
    int compat_probing_tells_colours()
    int compat_matroska_drops(const AVCodecParameters *parameters)
    int compat_copy_side_data(AVStream *to, const AVStream *source)

    # packets
    int compat_packet_skip(const AVPacket *packet, uint32_t *start, uint32_t *end)
    const uint8_t *compat_packet_palette(const AVPacket *packet)
    const uint8_t *compat_packet_extradata(const AVPacket *packet, int *bytes)
    int compat_packet_set_skip(AVPacket *packet, uint32_t start, uint32_t end)

    # frames
    int64_t compat_frame_duration(const AVFrame *frame)
    int compat_frame_crop(AVFrame *frame, const CompatCrop *crop)
    int compat_frame_is_key(const AVFrame *frame)
    void compat_frame_set_duration(AVFrame *frame, int64_t duration)
    void compat_frame_channels(const AVFrame *frame, int *channels, uint64_t *mask)
    struct CompatMix:
        # how a frame wants its channels to be mixed
        double center, surround, lfe
        int encoding, is_stated
    CompatMix compat_frame_mix(const AVFrame *frame, int out_channels)
    void compat_frame_set_channels(AVFrame *frame, int channels, uint64_t mask)

    # codecs
    int compat_codec_format(const AVCodec *codec, int i)
    int compat_codec_pixel_format(const AVCodec *codec, int i)
    int compat_codec_frame_rate(const AVCodec *codec, int i, AVRational *rate)
    int compat_codec_rate(const AVCodec *codec, int i)
    int compat_codec_channels(const AVCodec *codec, int i, uint64_t *mask)
    void compat_codec_set_channels(AVCodecContext *ctx, int channels, uint64_t mask)
    int compat_has_strict_frame_threads()
    int compat_hevc_needs_references()

    # resampling
    int compat_swr_alloc(SwrContext **swr, int in_channels, uint64_t in_mask, int in_format, int in_rate,
                         int out_channels, uint64_t out_mask, int out_format, int out_rate, const CompatMix *mix)
    int compat_swr_convert(SwrContext *swr, uint8_t **out, int out_count, uint8_t **input, int in_count)

    # bitstream filters, which libavcodec declares in another header from version to version
    struct AVBitStreamFilter:
        pass
    struct AVBSFContext:
        AVCodecParameters *par_in
        AVCodecParameters *par_out
        AVRational time_base_in
    const AVBitStreamFilter *av_bsf_get_by_name(const char *name)
    int av_bsf_alloc(const AVBitStreamFilter *filter, AVBSFContext **ctx)
    int av_bsf_init(AVBSFContext *ctx)
    int av_bsf_send_packet(AVBSFContext *ctx, AVPacket *packet)
    int av_bsf_receive_packet(AVBSFContext *ctx, AVPacket *packet)
    void av_bsf_flush(AVBSFContext *ctx)
    void av_bsf_free(AVBSFContext **ctx)
