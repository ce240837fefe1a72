/* TEST DOUBLE, not NVIDIA's: pictures for libavcodec's hwaccel.
 *
 * libavcodec's hwaccel parses by itself and gives the driver slices, with parameters in place of
 * headers. No software decoder accepts that. So the test names the file beforehand. This module
 * decodes its pictures and recognises them by the bytes of their slices.
 */
#define _GNU_SOURCE
#include "fakeknown.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

enum { START_CODE = 3, KEY_BYTES = 96 };

typedef struct {
    AVPacket *packet;
    AVFrame *frame;
} Known;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Known *known;
static int count, cursor; /* pictures with the same bytes are returned in their order */

EXPORT void fake_forget(void) {
    pthread_mutex_lock(&lock);
    for (int i = 0; i < count; i++) {
        av_packet_free(&known[i].packet);
        av_frame_free(&known[i].frame);
    }
    free(known);
    known = NULL;
    count = cursor = 0;
    pthread_mutex_unlock(&lock);
}

static void take(AVCodecContext *codec, AVFrame *frame) {
    while (avcodec_receive_frame(codec, frame) == 0) {
        if (frame->pts >= 0 && frame->pts < count && !known[frame->pts].frame)
            known[frame->pts].frame = av_frame_clone(frame);
        av_frame_unref(frame);
    }
}

/* Decode a file's video. Return 0 or a negative number. */
EXPORT int fake_know(const char *path) {
    AVFormatContext *format = NULL;
    AVCodecContext *codec = NULL;
    const AVCodec *decoder = NULL;
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();
    int stream, code = -1;
    fake_forget();
    if (avformat_open_input(&format, path, NULL, NULL) < 0 || avformat_find_stream_info(format, NULL) < 0)
        goto end;
    stream = av_find_best_stream(format, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0);
    if (stream < 0)
        goto end;
    decoder = avcodec_find_decoder(format->streams[stream]->codecpar->codec_id);
    codec = avcodec_alloc_context3(decoder);
    avcodec_parameters_to_context(codec, format->streams[stream]->codecpar);
    codec->thread_count = 1;
    codec->apply_cropping = 0;
    if (avcodec_open2(codec, decoder, NULL) < 0)
        goto end;
    while (av_read_frame(format, packet) >= 0) {
        if (packet->stream_index == stream) {
            known = realloc(known, (size_t)(count + 1) * sizeof(*known));
            known[count] = (Known){av_packet_clone(packet), NULL};
            packet->pts = count++;
            avcodec_send_packet(codec, packet);
            take(codec, frame);
        }
        av_packet_unref(packet);
    }
    avcodec_send_packet(codec, NULL);
    take(codec, frame);
    code = 0;
end:
    avcodec_free_context(&codec);
    avformat_close_input(&format);
    av_packet_free(&packet);
    av_frame_free(&frame);
    return code;
}

AVFrame *fakeknown_find(const uint8_t *data, size_t size) {
    AVFrame *found = NULL;
    size_t skip = size > START_CODE ? START_CODE : 0;
    const uint8_t *key = data + skip;
    size_t length = size - skip < KEY_BYTES ? size - skip : KEY_BYTES;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < count && !found; i++) {
        int place = (cursor + i) % count;
        if (known[place].frame && memmem(known[place].packet->data, (size_t)known[place].packet->size, key, length)) {
            found = av_frame_clone(known[place].frame);
            cursor = place;
        }
    }
    pthread_mutex_unlock(&lock);
    return found;
}
