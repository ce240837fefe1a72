/* Every difference between FFmpeg versions that cycodec meets (4.3 to 9), as static inline functions.
 *
 * No other file asks for a version. Each function is named after what it gives, and says since when FFmpeg does it
 * in the newer way.
 */
#ifndef CYCODEC_COMPAT_H
#define CYCODEC_COMPAT_H

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/display.h>
#include <libavutil/frame.h>
#include <stdint.h>
#include <string.h>

/* avio_alloc_context's write callback takes const data since libavformat 61 (7.0). */
#if LIBAVFORMAT_VERSION_MAJOR >= 61
#define COMPAT_WRITE_CONST const
#else
#define COMPAT_WRITE_CONST
#endif

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

/* The duration of a frame in the stream's time base: AVFrame.duration since libavutil 57.30 (6.0). */
static inline int64_t compat_frame_duration(const AVFrame *frame) {
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(57, 30, 100)
    return frame->duration;
#else
    return frame->pkt_duration;
#endif
}

/* Whether a frame is a key frame: a flag since libavutil 58.7 (6.1). */
static inline int compat_frame_is_key(const AVFrame *frame) {
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(58, 7, 100)
    return (frame->flags & AV_FRAME_FLAG_KEY) != 0;
#else
    return frame->key_frame;
#endif
}

/* The stream's display matrix into out[9]; 0 where it has none. In codecpar since libavcodec 60.31 (6.1). */
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

/* The demuxer's own index: accessors since libavformat 58.78 (4.4), a public array before. */
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

/* Channels of a stream: AVChannelLayout since libavcodec 59.24 (5.1). */
static inline int compat_channels(const AVCodecParameters *parameters) {
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(59, 24, 100)
    return parameters->ch_layout.nb_channels;
#else
    return parameters->channels;
#endif
}

/* Whether the picture is one field of an interlaced frame is told by the parser; this tells interlacing of a frame. */
static inline int compat_frame_is_interlaced(const AVFrame *frame) {
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(58, 7, 100)
    return (frame->flags & AV_FRAME_FLAG_INTERLACED) != 0;
#else
    return frame->interlaced_frame;
#endif
}

#endif
