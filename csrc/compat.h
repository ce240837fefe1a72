/* Every difference between FFmpeg's versions 4.3 to 9 that concerns cycodec, as static inline
 * functions.
 *
 * No other file checks a version. Each function is named after its result, and its comment names
 * the version that introduced the newer interface.
 */
#ifndef CYCODEC_COMPAT_H
#define CYCODEC_COMPAT_H

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/channel_layout.h>
#include <libavutil/display.h>
#include <libavutil/downmix_info.h>
#include <libavutil/frame.h>
#include <libavutil/intreadwrite.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <libswresample/swresample.h>
#include <stdint.h>
#include <string.h>

/* libavcodec declares bitstream filters in a separate header since 58.91 (4.3) or a little
 * later. */
#if defined(__has_include)
#if __has_include(<libavcodec/bsf.h>)
#include <libavcodec/bsf.h>
#endif
#endif

/* avio_alloc_context's write callback takes const data since libavformat 61 (7.0). */
#if LIBAVFORMAT_VERSION_MAJOR >= 61
#define COMPAT_WRITE_CONST const
#else
#define COMPAT_WRITE_CONST
#endif

/* Sums of cuts do not overflow. */
#define COMPAT_LARGEST_CROP (1 << 20)

typedef int (*compat_read_packet)(void *opaque, uint8_t *buf, int size);
typedef int (*compat_write_packet)(void *opaque, uint8_t *buf, int size);
typedef int64_t (*compat_seek)(void *opaque, int64_t offset, int whence);

static inline AVIOContext *compat_avio_alloc(unsigned char *buffer, int size, int writable, void *opaque,
                                             compat_read_packet read, compat_write_packet write, compat_seek seek) {
#if LIBAVFORMAT_VERSION_MAJOR >= 61
    return avio_alloc_context(buffer, size, writable, opaque, read,
                              (int (*)(void *, const uint8_t *, int))(void (*)(void))write, seek);
#else
    return avio_alloc_context(buffer, size, writable, opaque, read, write, seek);
#endif
}

/* Return 1 if probing is certain to report the colours that the decoder has found. It reports those
 * of the container, if the container states any, since libavformat 62 (seen in 8.1 and 9.0). */
static inline int compat_probing_tells_colours(void) {
    return LIBAVFORMAT_VERSION_MAJOR < 62;
}

/* Return 1 if the ffmpeg command takes gray for full range, whatever the stream says. Its scale
 * filter leaves the range to libswscale since 7.1 (seen in 7.1, 8.0 and 9.0). */
static inline int compat_gray_is_full_range(void) {
    return LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(59, 39, 100);
}

/* Return how many samples a file of Matroska tells readers to drop at the begin of a stream that is
 * copied into it. It does so for any codec since libavformat 62 (seen in 9.0), and for Opus before
 * that. */
static inline int compat_matroska_drops(const AVCodecParameters *parameters) {
    int drops = LIBAVFORMAT_VERSION_MAJOR >= 62 || parameters->codec_id == AV_CODEC_ID_OPUS;
    return drops && parameters->initial_padding > 0 ? parameters->initial_padding : 0;
}

/* Return 1 if the decoder of HEVC gives no frame for a picture one of whose references is missing,
 * instead of making up the reference, since libavcodec 62 (seen in 9.0). */
static inline int compat_hevc_needs_references(void) {
    return LIBAVCODEC_VERSION_MAJOR >= 62;
}

/* Return a frame's duration in the stream's time base. It is AVFrame.duration since libavutil 57.30
 * (6.0). */
static inline int64_t compat_frame_duration(const AVFrame *frame) {
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(57, 30, 100)
    return frame->duration;
#else
    return frame->pkt_duration;
#endif
}

/* Return 1 if the decoder says that a frame depends on no other one, else 0. The flag is part of
 * AVFrame.flags since libavutil 58.7 (6.1). */
static inline int compat_frame_is_key(const AVFrame *frame) {
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(58, 7, 100)
    return (frame->flags & AV_FRAME_FLAG_KEY) != 0;
#else
    return frame->key_frame;
#endif
}

static inline void compat_frame_set_duration(AVFrame *frame, int64_t duration) {
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(57, 30, 100)
    frame->duration = duration;
#else
    frame->pkt_duration = duration;
#endif
}

/* Copy the stream's display matrix to out[9] and return 1, or 0 without one. It is in codecpar
 * since libavcodec 60.31 (6.1). */
static inline int compat_stream_display_matrix(const AVStream *stream, int32_t *out) {
    const uint8_t *data = NULL;
    size_t size = 0;
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(60, 31, 102)
    const AVPacketSideData *side = av_packet_side_data_get(
        stream->codecpar->coded_side_data, stream->codecpar->nb_coded_side_data, AV_PKT_DATA_DISPLAYMATRIX);
    if (side) {
        data = side->data;
        size = side->size;
    }
#elif LIBAVFORMAT_VERSION_MAJOR >= 59
    data = av_stream_get_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, &size);
#else
    int length = 0;
    data = av_stream_get_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, &length);
    size = (size_t)length;
#endif
    if (!data || size < 9 * sizeof(int32_t))
        return 0;
    memcpy(out, data, 9 * sizeof(int32_t));
    return 1;
}

/* What the container asks to cut off from frames, in pixels. */
typedef struct CompatCrop {
    int top;
    int bottom;
    int left;
    int right;
} CompatCrop;

/* Read a stream's cropping (MP4's `clap`, Matroska's `PixelCrop`) and return 1, or 0 without one.
 * FFmpeg tells it since libavcodec 61.10 (7.1). */
static inline int compat_stream_crop(const AVStream *stream, CompatCrop *crop) {
    int32_t values[4] = {0};
    memset(crop, 0, sizeof(*crop));
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(61, 10, 100)
    const AVPacketSideData *side = av_packet_side_data_get(
        stream->codecpar->coded_side_data, stream->codecpar->nb_coded_side_data, AV_PKT_DATA_FRAME_CROPPING);
    if (!side || side->size < sizeof(values))
        return 0;
    for (int i = 0; i < 4; i++)
        values[i] = (int32_t)AV_RL32(side->data + 4 * i);
#else
    (void)stream;
#endif
    for (int i = 0; i < 4; i++)
        if (values[i] < 0 || values[i] > COMPAT_LARGEST_CROP)
            return 0;
    crop->top = values[0];
    crop->bottom = values[1];
    crop->left = values[2];
    crop->right = values[3];
    return crop->top || crop->bottom || crop->left || crop->right;
}

/* Return the part of a length that is left between two cuts, in whole chroma samples of 1 << shift
 * pixels; below 1 if nothing is left. */
static inline int compat_cropped(int length, int before, int after, int shift) {
    int rest = length - before - after;
    return rest < 1 ? 0 : rest & ~((1 << shift) - 1);
}

/* Cut off from a frame what the container asks for, as FFmpeg's filter `crop` does. Return 0 or
 * AVERROR. */
static inline int compat_frame_crop(AVFrame *frame, const CompatCrop *crop) {
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get((enum AVPixelFormat)frame->format);
    int across = desc ? desc->log2_chroma_w : 0, down = desc ? desc->log2_chroma_h : 0;
    int width = compat_cropped(frame->width, crop->left, crop->right, across);
    int height = compat_cropped(frame->height, crop->top, crop->bottom, down);
    if (width < 1 || height < 1)
        return AVERROR_INVALIDDATA;
    frame->crop_left = (size_t)(crop->left & ~((1 << across) - 1));
    frame->crop_top = (size_t)(crop->top & ~((1 << down) - 1));
    frame->crop_right = (size_t)frame->width - frame->crop_left - (size_t)width;
    frame->crop_bottom = (size_t)frame->height - frame->crop_top - (size_t)height;
    return av_frame_apply_cropping(frame, AV_FRAME_CROP_UNALIGNED);
}

/* The demuxer's own index has accessors since libavformat 58.78 (4.4), and was a public array
 * before. */
static inline int compat_index_count(const AVStream *stream) {
#if LIBAVFORMAT_VERSION_INT >= AV_VERSION_INT(58, 78, 100)
    return avformat_index_get_entries_count(stream);
#else
    return stream->nb_index_entries;
#endif
}

static inline int compat_index_entry(AVStream *stream, int number, int64_t *timestamp, int64_t *pos, int *size,
                                     int *flags) {
#if LIBAVFORMAT_VERSION_INT >= AV_VERSION_INT(58, 78, 100)
    const AVIndexEntry *entry = avformat_index_get_entry(stream, number);
#else
    const AVIndexEntry *entry = number < stream->nb_index_entries ? &stream->index_entries[number] : NULL;
#endif
    if (!entry)
        return 0;
    *timestamp = entry->timestamp;
    *pos = entry->pos;
    *size = entry->size;
    *flags = entry->flags;
    return 1;
}

/* Return the number of a stream's channels, which is in an AVChannelLayout since libavcodec 59.24
 * (5.1). */
static inline int compat_channels(const AVCodecParameters *parameters) {
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(59, 24, 100)
    return parameters->ch_layout.nb_channels;
#else
    return parameters->channels;
#endif
}

/* Copy a stream's side data, such as the display matrix, to a stream that is written. It is in
 * codecpar since libavcodec 60.31 (6.1), and avcodec_parameters_copy has copied it then. Return 0
 * or AVERROR. */
static inline int compat_copy_side_data(AVStream *to, const AVStream *source) {
#if LIBAVCODEC_VERSION_INT < AV_VERSION_INT(60, 31, 102)
    int i;
    for (i = 0; i < source->nb_side_data; i++) {
        const AVPacketSideData *side = &source->side_data[i];
        uint8_t *data = av_stream_new_side_data(to, side->type, side->size);
        if (!data)
            return AVERROR(ENOMEM);
        memcpy(data, side->data, side->size);
    }
#else
    (void)to;
    (void)source;
#endif
    return 0;
}

/* ---- audio ----------------------------------------------------------------------------------- */

/* Channels are described by their number and a mask. Mask 0 means that the file does not place the
 * channels. FFmpeg has AVChannelLayout since libavutil 57.24 (5.1), and masks before. */
#define COMPAT_HAS_CHANNEL_LAYOUT (LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(57, 24, 100))

#if COMPAT_HAS_CHANNEL_LAYOUT
static inline uint64_t compat_layout_mask(const AVChannelLayout *layout) {
    return layout->order == AV_CHANNEL_ORDER_NATIVE ? layout->u.mask : 0;
}

static inline void compat_layout(AVChannelLayout *layout, int channels, uint64_t mask) {
    memset(layout, 0, sizeof(*layout));
    if (!mask || av_channel_layout_from_mask(layout, mask) < 0 || layout->nb_channels != channels)
        av_channel_layout_default(layout, channels);
}
#else
static inline uint64_t compat_layout(int channels, uint64_t mask) {
    if (mask && av_get_channel_layout_nb_channels(mask) == channels)
        return mask;
    return (uint64_t)av_get_default_channel_layout(channels);
}
#endif

static inline void compat_frame_channels(const AVFrame *frame, int *channels, uint64_t *mask) {
#if COMPAT_HAS_CHANNEL_LAYOUT
    *channels = frame->ch_layout.nb_channels;
    *mask = compat_layout_mask(&frame->ch_layout);
#else
    *channels = frame->channels;
    *mask = frame->channel_layout;
#endif
}

/* How a frame wants its channels to be mixed. */
typedef struct CompatMix {
    double center, surround, lfe; /* levels */
    int encoding;                 /* AVMatrixEncoding */
    int is_stated;                /* 0: the other fields are 0 */
} CompatMix;

/* Return the levels that the ffmpeg command mixes a frame to so many channels with. It takes them
 * from the frame since libavutil 60 (8.0, seen in 9.0). */
static inline CompatMix compat_frame_mix(const AVFrame *frame, int out_channels) {
    CompatMix mix = {0, 0, 0, 0, 0};
#if LIBAVUTIL_VERSION_MAJOR >= 60
    const AVFrameSideData *data = av_frame_get_side_data(frame, AV_FRAME_DATA_DOWNMIX_INFO);
    if (!data || data->size < sizeof(AVDownmixInfo))
        return mix;
    const AVDownmixInfo *info = (const AVDownmixInfo *)data->data;
    int is_dolby = info->preferred_downmix_type == AV_DOWNMIX_TYPE_LTRT;
    int is_dolby_two = info->preferred_downmix_type == AV_DOWNMIX_TYPE_DPLII;
    mix.is_stated = 1;
    mix.center = info->center_mix_level;
    mix.surround = info->surround_mix_level;
    mix.lfe = info->lfe_mix_level;
    mix.encoding = AV_MATRIX_ENCODING_NONE;
    if (out_channels == 2 && (is_dolby || is_dolby_two)) {
        mix.center = info->center_mix_level_ltrt;
        mix.surround = info->surround_mix_level_ltrt;
        mix.encoding = is_dolby ? AV_MATRIX_ENCODING_DOLBY : AV_MATRIX_ENCODING_DPLII;
    }
#else
    (void)frame, (void)out_channels;
#endif
    return mix;
}

static inline void compat_frame_set_channels(AVFrame *frame, int channels, uint64_t mask) {
#if COMPAT_HAS_CHANNEL_LAYOUT
    compat_layout(&frame->ch_layout, channels, mask);
#else
    frame->channels = channels;
    frame->channel_layout = compat_layout(channels, mask);
#endif
}

static inline void compat_codec_set_channels(AVCodecContext *ctx, int channels, uint64_t mask) {
#if COMPAT_HAS_CHANNEL_LAYOUT
    compat_layout(&ctx->ch_layout, channels, mask);
#else
    ctx->channels = channels;
    ctx->channel_layout = compat_layout(channels, mask);
#endif
}

/* Allocate and set up a resampler. The layout may stay unknown if the input and the output have the
 * same channels, because the resampler does not use it then. `mix` may be NULL. Return 0 or
 * AVERROR. */
static inline int compat_swr_alloc(SwrContext **swr, int in_channels, uint64_t in_mask, int in_format, int in_rate,
                                   int out_channels, uint64_t out_mask, int out_format, int out_rate,
                                   const CompatMix *mix) {
    int code;
    *swr = NULL;
    {
#if COMPAT_HAS_CHANNEL_LAYOUT
        AVChannelLayout in, out;
        compat_layout(&in, in_channels, in_mask);
        if (in_channels == out_channels && !out_mask)
            out = in;
        else
            compat_layout(&out, out_channels, out_mask);
        code = swr_alloc_set_opts2(swr, &out, (enum AVSampleFormat)out_format, out_rate, &in,
                                   (enum AVSampleFormat)in_format, in_rate, 0, NULL);
#else
        uint64_t in = compat_layout(in_channels, in_mask);
        uint64_t out = in_channels == out_channels && !out_mask ? in : compat_layout(out_channels, out_mask);
        *swr = swr_alloc_set_opts(NULL, (int64_t)out, (enum AVSampleFormat)out_format, out_rate, (int64_t)in,
                                  (enum AVSampleFormat)in_format, in_rate, 0, NULL);
        code = *swr ? 0 : AVERROR(ENOMEM);
        if (*swr && !in)
            av_opt_set_int(*swr, "ich", in_channels, 0);
        if (*swr && !out)
            av_opt_set_int(*swr, "och", out_channels, 0);
#endif
    }
    if (code >= 0 && mix && mix->is_stated) {
        av_opt_set_double(*swr, "clev", mix->center, 0);
        av_opt_set_double(*swr, "slev", mix->surround, 0);
        av_opt_set_double(*swr, "lfe_mix_level", mix->lfe, 0);
        av_opt_set_int(*swr, "matrix_encoding", mix->encoding, 0);
    }
    if (code >= 0)
        code = swr_init(*swr);
    if (code < 0)
        swr_free(swr);
    return code;
}

/* swr_convert's input is const at every level since libswresample 5 (7.0). */
static inline int compat_swr_convert(SwrContext *swr, uint8_t **out, int out_count, uint8_t **in, int in_count) {
    return swr_convert(swr, out, out_count, (void *)in, in_count);
}

/* Return side data of a packet and its size; NULL if there is none. Sizes are size_t since
 * libavcodec 59 (5.0). */
static inline uint8_t *compat_packet_side_data(const AVPacket *packet, enum AVPacketSideDataType type, size_t *size) {
#if LIBAVCODEC_VERSION_MAJOR >= 59
    return av_packet_get_side_data(packet, type, size);
#else
    int bytes = 0;
    uint8_t *data = av_packet_get_side_data(packet, type, &bytes);
    *size = bytes > 0 ? (size_t)bytes : 0;
    return data;
#endif
}

/* Read how many samples to drop at the beginning and the end of a decoded packet. Return 1, or 0
 * without such side data. */
static inline int compat_packet_skip(const AVPacket *packet, uint32_t *start, uint32_t *end) {
    size_t size = 0;
    const uint8_t *data = compat_packet_side_data(packet, AV_PKT_DATA_SKIP_SAMPLES, &size);
    if (!data || size < 10)
        return 0;
    *start = (uint32_t)data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 | (uint32_t)data[3] << 24;
    *end = (uint32_t)data[4] | (uint32_t)data[5] << 8 | (uint32_t)data[6] << 16 | (uint32_t)data[7] << 24;
    return 1;
}

/* Change that side data; two zeros disable it. Return 0 or AVERROR. */
static inline int compat_packet_set_skip(AVPacket *packet, uint32_t start, uint32_t end) {
    size_t size = 0;
    uint8_t *data = compat_packet_side_data(packet, AV_PKT_DATA_SKIP_SAMPLES, &size);
    int i;
    if (!data || size < 10) {
        if (!start && !end)
            return 0;
        data = av_packet_new_side_data(packet, AV_PKT_DATA_SKIP_SAMPLES, 10);
        if (!data)
            return AVERROR(ENOMEM);
    }
    memset(data, 0, 10);
    for (i = 0; i < 4; i++) {
        data[i] = (uint8_t)(start >> (8 * i));
        data[4 + i] = (uint8_t)(end >> (8 * i));
    }
    return 0;
}

/* Return the palette that comes with a packet, of AVPALETTE_SIZE bytes; NULL if there is none. */
static inline const uint8_t *compat_packet_palette(const AVPacket *packet) {
    size_t size = 0;
    const uint8_t *data = compat_packet_side_data(packet, AV_PKT_DATA_PALETTE, &size);
    return data && size == AVPALETTE_SIZE ? data : NULL;
}

/* Return the codec's headers that replace those of the container from a packet on, and their size;
 * NULL if the packet brings none. */
static inline const uint8_t *compat_packet_extradata(const AVPacket *packet, int *bytes) {
    size_t size = 0;
    const uint8_t *data = compat_packet_side_data(packet, AV_PKT_DATA_NEW_EXTRADATA, &size);
    if (!data || size > (1u << 28))
        return NULL;
    *bytes = (int)size;
    return data;
}

/* Allocate a context that writes a container. The format is const since libavformat 59 (5.0). */
static inline int compat_output_alloc(AVFormatContext **ctx, const AVOutputFormat *format) {
    return avformat_alloc_output_context2(ctx, (void *)format, NULL, NULL);
}

/* Return the i-th sample format, pixel format, sample rate or number of channels that an encoder
 * accepts. Behind the last one, return -1 for the formats and 0 for the others. FFmpeg has
 * avcodec_get_supported_config since libavcodec 61.13 (7.1), and public arrays before. */
#define COMPAT_HAS_SUPPORTED_CONFIG (LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(61, 13, 100))

static inline int compat_codec_format(const AVCodec *codec, int i) {
#if COMPAT_HAS_SUPPORTED_CONFIG
    const void *list = NULL;
    int count = 0;
    avcodec_get_supported_config(NULL, codec, AV_CODEC_CONFIG_SAMPLE_FORMAT, 0, &list, &count);
    return list && i < count ? (int)((const enum AVSampleFormat *)list)[i] : -1;
#else
    int k;
    for (k = 0; codec->sample_fmts && codec->sample_fmts[k] != AV_SAMPLE_FMT_NONE; k++)
        if (k == i)
            return (int)codec->sample_fmts[k];
    return -1;
#endif
}

static inline int compat_codec_pixel_format(const AVCodec *codec, int i) {
#if COMPAT_HAS_SUPPORTED_CONFIG
    const void *list = NULL;
    int count = 0;
    avcodec_get_supported_config(NULL, codec, AV_CODEC_CONFIG_PIX_FORMAT, 0, &list, &count);
    return list && i < count ? (int)((const enum AVPixelFormat *)list)[i] : -1;
#else
    int k;
    for (k = 0; codec->pix_fmts && codec->pix_fmts[k] != AV_PIX_FMT_NONE; k++)
        if (k == i)
            return (int)codec->pix_fmts[k];
    return -1;
#endif
}

/* Return 1 and set the i-th frame rate that an encoder accepts, or 0 behind the last one. */
static inline int compat_codec_frame_rate(const AVCodec *codec, int i, AVRational *rate) {
#if COMPAT_HAS_SUPPORTED_CONFIG
    const void *list = NULL;
    int count = 0;
    avcodec_get_supported_config(NULL, codec, AV_CODEC_CONFIG_FRAME_RATE, 0, &list, &count);
    if (!list || i >= count)
        return 0;
    *rate = ((const AVRational *)list)[i];
    return 1;
#else
    int k;
    for (k = 0; codec->supported_framerates && codec->supported_framerates[k].num; k++)
        if (k == i) {
            *rate = codec->supported_framerates[k];
            return 1;
        }
    return 0;
#endif
}

static inline int compat_codec_rate(const AVCodec *codec, int i) {
#if COMPAT_HAS_SUPPORTED_CONFIG
    const void *list = NULL;
    int count = 0;
    avcodec_get_supported_config(NULL, codec, AV_CODEC_CONFIG_SAMPLE_RATE, 0, &list, &count);
    return list && i < count ? ((const int *)list)[i] : 0;
#else
    int k;
    for (k = 0; codec->supported_samplerates && codec->supported_samplerates[k]; k++)
        if (k == i)
            return codec->supported_samplerates[k];
    return 0;
#endif
}

static inline int compat_codec_channels(const AVCodec *codec, int i, uint64_t *mask) {
#if COMPAT_HAS_SUPPORTED_CONFIG
    const void *list = NULL;
    int count = 0;
    avcodec_get_supported_config(NULL, codec, AV_CODEC_CONFIG_CHANNEL_LAYOUT, 0, &list, &count);
    if (!list || i >= count)
        return 0;
    *mask = compat_layout_mask(&((const AVChannelLayout *)list)[i]);
    return ((const AVChannelLayout *)list)[i].nb_channels;
#elif COMPAT_HAS_CHANNEL_LAYOUT
    int k;
    for (k = 0; codec->ch_layouts && codec->ch_layouts[k].nb_channels; k++)
        if (k == i) {
            *mask = compat_layout_mask(&codec->ch_layouts[k]);
            return codec->ch_layouts[k].nb_channels;
        }
    return 0;
#else
    int k;
    for (k = 0; codec->channel_layouts && codec->channel_layouts[k]; k++)
        if (k == i) {
            *mask = codec->channel_layouts[k];
            return av_get_channel_layout_nb_channels(codec->channel_layouts[k]);
        }
    return 0;
#endif
}

/* True if a decoder with frame threads can stop at damage (AV_EF_EXPLODE). Before libavcodec 59
 * (5.0) it aborts the process ("Assertion frame->buf[0] failed", seen with 4.3). */
static inline int compat_has_strict_frame_threads(void) {
    return LIBAVCODEC_VERSION_MAJOR >= 59;
}

#endif
