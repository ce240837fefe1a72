/* Decodes frames with the FFmpeg libraries and does nothing else, which is the least work that any
 * reader must do. Frames before a target are decoded with AVDISCARD_NONREF, which is bit-exact for
 * the targets. floor.py loads this file through ctypes. Functions return a number of frames, or a
 * negative AVERROR code. */
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <stdlib.h>

typedef struct Floor {
    AVFormatContext *format;
    AVCodecContext *codec;
    AVPacket *packet;
    AVFrame *frame;
    int stream;
    int64_t *pts, *keys; /* of all packets and of the key ones, ascending, once indexed */
    int frames, key_count;
    int exact; /* 1 if every packet has a pts of its own */
    int draining;
} Floor;

void floor_close(Floor *f) {
    if (!f)
        return;
    avcodec_free_context(&f->codec);
    avformat_close_input(&f->format);
    av_packet_free(&f->packet);
    av_frame_free(&f->frame);
    free(f->pts);
    free(f->keys);
    free(f);
}

/* Returns 1 if the header suffices for a decoder, so that opening decodes no frame. */
static int header_suffices(const AVFormatContext *format) {
    if (format->ctx_flags & AVFMTCTX_NOHEADER)
        return 0;
    for (unsigned i = 0; i < format->nb_streams; i++) {
        const AVCodecParameters *p = format->streams[i]->codecpar;
        if (p->codec_type == AVMEDIA_TYPE_VIDEO)
            return p->width > 0 && (p->extradata_size > 0 || p->codec_id == AV_CODEC_ID_VP8 ||
                                    p->codec_id == AV_CODEC_ID_VP9);
    }
    return 0;
}

static int open_codec(Floor *f, const char *path, int threads) {
    int ret = avformat_open_input(&f->format, path, NULL, NULL);
    if (ret >= 0 && !header_suffices(f->format))
        ret = avformat_find_stream_info(f->format, NULL);
    if (ret < 0)
        return ret;
    const AVCodec *codec = NULL;
    /* The cast bridges FFmpeg 4, where the decoder is not const. */
    f->stream = av_find_best_stream(f->format, AVMEDIA_TYPE_VIDEO, -1, -1, (void *)&codec, 0);
    if (f->stream < 0)
        return f->stream;
    for (unsigned i = 0; i < f->format->nb_streams; i++)
        f->format->streams[i]->discard = (int)i == f->stream ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
    f->codec = avcodec_alloc_context3(codec);
    f->packet = av_packet_alloc();
    f->frame = av_frame_alloc();
    if (!f->codec || !f->packet || !f->frame)
        return AVERROR(ENOMEM);
    if ((ret = avcodec_parameters_to_context(f->codec, f->format->streams[f->stream]->codecpar)) < 0)
        return ret;
    f->codec->thread_count = threads;
    f->codec->pkt_timebase = f->format->streams[f->stream]->time_base;
    return avcodec_open2(f->codec, codec, NULL);
}

int floor_open(Floor **out, const char *path, int threads) {
    av_log_set_level(AV_LOG_ERROR);
    Floor *f = calloc(1, sizeof *f);
    if (!f)
        return AVERROR(ENOMEM);
    int ret = open_codec(f, path, threads);
    if (ret < 0) {
        floor_close(f);
        f = NULL;
    }
    *out = f;
    return ret < 0 ? ret : 0;
}

static int ascending(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int rewind_to(Floor *f, int64_t pts) {
    int ret = av_seek_frame(f->format, f->stream, pts, AVSEEK_FLAG_BACKWARD);
    avcodec_flush_buffers(f->codec);
    f->draining = 0;
    return ret < 0 ? ret : 0;
}

static int add_packet(Floor *f, int *capacity) {
    if (f->frames == *capacity) {
        *capacity = *capacity ? 2 * *capacity : 1024;
        int64_t *pts = realloc(f->pts, *capacity * sizeof *pts);
        if (pts)
            f->pts = pts;
        int64_t *keys = realloc(f->keys, *capacity * sizeof *keys);
        if (keys)
            f->keys = keys;
        if (!pts || !keys)
            return AVERROR(ENOMEM);
    }
    f->exact &= f->packet->pts != AV_NOPTS_VALUE;
    f->pts[f->frames++] = f->packet->pts;
    if (f->packet->flags & AV_PKT_FLAG_KEY)
        f->keys[f->key_count++] = f->packet->pts;
    return 0;
}

/* Reads all packets through its own context, because not every container can rewind. */
int floor_index(Floor *f) {
    AVFormatContext *scan = NULL;
    int capacity = 0, ret = avformat_open_input(&scan, f->format->url, NULL, NULL);
    if (ret >= 0 && !header_suffices(scan))
        ret = avformat_find_stream_info(scan, NULL);
    f->exact = 1;
    while (ret >= 0 && (ret = av_read_frame(scan, f->packet)) >= 0) {
        if (f->packet->stream_index == f->stream && !(f->packet->flags & AV_PKT_FLAG_DISCARD))
            ret = add_packet(f, &capacity);
        av_packet_unref(f->packet);
    }
    avformat_close_input(&scan);
    if (ret != AVERROR_EOF)
        return ret;
    qsort(f->pts, f->frames, sizeof *f->pts, ascending);
    qsort(f->keys, f->key_count, sizeof *f->keys, ascending);
    for (int i = 1; i < f->frames; i++)
        f->exact &= f->pts[i] != f->pts[i - 1];
    f->exact &= f->key_count > 0;
    return f->frames;
}

int floor_exact(const Floor *f) { return f->exact; }

/* Decodes the next frame; before each packet it sets `skip` if the packet's pts is not wanted. */
static int next_frame(Floor *f, const int64_t *wanted, int n) {
    for (;;) {
        int ret = avcodec_receive_frame(f->codec, f->frame);
        if (ret != AVERROR(EAGAIN) || f->draining)
            return ret;
        while ((ret = av_read_frame(f->format, f->packet)) >= 0 && f->packet->stream_index != f->stream)
            av_packet_unref(f->packet);
        if (ret == AVERROR_EOF) {
            f->draining = 1;
            ret = avcodec_send_packet(f->codec, NULL);
        } else if (ret >= 0) {
            int asked = !wanted || bsearch(&f->packet->pts, wanted, n, sizeof *wanted, ascending);
            f->codec->skip_frame = asked ? AVDISCARD_DEFAULT : AVDISCARD_NONREF;
            ret = avcodec_send_packet(f->codec, f->packet);
            av_packet_unref(f->packet);
        }
        if (ret < 0 && ret != AVERROR_INVALIDDATA)
            return ret;
    }
}

/* Decodes n frames from the start (n < 0: all). */
int floor_first(Floor *f, int n) {
    int count = 0, ret = 0;
    while (count != n && (ret = next_frame(f, NULL, 0)) >= 0) {
        count++;
        av_frame_unref(f->frame);
    }
    return ret < 0 && ret != AVERROR_EOF ? ret : count;
}

/* Decodes the frames with these ascending numbers; it seeks when a target is in a later GOP. */
int floor_at(Floor *f, const int *indices, int n) {
    /* Before the first seek the demuxer is at the first key frame. */
    int64_t *wanted = malloc(n * sizeof *wanted), position = f->keys[0];
    if (!wanted)
        return AVERROR(ENOMEM);
    for (int i = 0; i < n; i++)
        wanted[i] = f->pts[indices[i]];
    int count = 0, ret = 0;
    for (int i = 0; i < n && ret >= 0; i++) {
        int k = f->key_count - 1;
        while (k > 0 && f->keys[k] > wanted[i])
            k--;
        /* A transport stream may seek past its target; then an earlier key frame is needed. */
        do {
            if ((f->keys[k] > position || position > wanted[i]) && (ret = rewind_to(f, f->keys[k])) < 0)
                break;
            do {
                ret = next_frame(f, wanted, n);
                if (ret == AVERROR_EOF)
                    position = INT64_MAX;
                else if (ret >= 0)
                    position = f->frame->best_effort_timestamp;
                av_frame_unref(f->frame);
            } while (ret >= 0 && position < wanted[i]);
            if (ret == AVERROR_EOF)
                ret = 0;
        } while (ret >= 0 && position > wanted[i] && --k >= 0);
        count += ret >= 0 && position == wanted[i];
    }
    free(wanted);
    return ret < 0 ? ret : count;
}

const char *floor_version(void) { return av_version_info(); }
