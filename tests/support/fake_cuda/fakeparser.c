/* TEST DOUBLE, not NVIDIA's: the parser of libnvcuvid.so.1, with FFmpeg's software decoders inside.
 * See fakecuvid.c. */
#include <libavcodec/avcodec.h>
#include <libavutil/pixdesc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "fakepicture.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
__thread int fakeparser_active;

Picture *fakepicture_new(void) {
    Picture *picture = calloc(1, sizeof(*picture));
    picture->references = 1;
    return picture;
}

Picture *fakepicture_hold(Picture *picture) {
    pthread_mutex_lock(&lock);
    if (picture)
        picture->references++;
    pthread_mutex_unlock(&lock);
    return picture;
}

void fakepicture_release(Picture **place) {
    Picture *picture = *place;
    int left = 1;
    *place = NULL;
    pthread_mutex_lock(&lock);
    if (picture)
        left = --picture->references;
    pthread_mutex_unlock(&lock);
    if (!left) {
        av_frame_free(&picture->frame);
        free(picture);
    }
}

static enum AVCodecID codec_id(cudaVideoCodec codec) {
    switch (codec) {
    case cudaVideoCodec_MPEG1: return AV_CODEC_ID_MPEG1VIDEO;
    case cudaVideoCodec_MPEG2: return AV_CODEC_ID_MPEG2VIDEO;
    case cudaVideoCodec_MPEG4: return AV_CODEC_ID_MPEG4;
    case cudaVideoCodec_H264: return AV_CODEC_ID_H264;
    case cudaVideoCodec_HEVC: return AV_CODEC_ID_HEVC;
    case cudaVideoCodec_VP8: return AV_CODEC_ID_VP8;
    case cudaVideoCodec_VP9: return AV_CODEC_ID_VP9;
    case cudaVideoCodec_AV1: return AV_CODEC_ID_AV1;
    default: return AV_CODEC_ID_NONE;
    }
}

typedef struct {
    CUVIDPARSERPARAMS params;
    AVCodecContext *codec;
    AVCodecParserContext *scout; /* tells the size before a picture is decoded */
    AVPacket *packet;
    AVFrame *frame;
    uint8_t *held; /* data without a picture, or of a picture whose end is not known yet */
    size_t held_size;
    int held_has_picture;
    CUvideotimestamp held_timestamp;

    CUVIDEOFORMAT format;
    int has_format;
    int surfaces;
    Picture *slots[SLOTS];
    int busy[SLOTS]; /* true if the picture is decoded and not displayed yet */
    int64_t used[SLOTS];
    int64_t clock, next_id;
    int64_t timestamps[SLOTS]; /* timestamps of pictures that are not displayed yet */
} Parser;

static int open_codec(Parser *p) {
    const AVCodec *codec = avcodec_find_decoder(codec_id(p->params.CodecType));
    if (p->params.CodecType == cudaVideoCodec_AV1)
        codec = avcodec_find_decoder_by_name("libdav1d");
    p->codec = codec ? avcodec_alloc_context3(codec) : NULL;
    if (!p->codec)
        return -1;
    p->codec->thread_count = 1;
    p->codec->apply_cropping = 0;
    p->codec->flags |= AV_CODEC_FLAG_OUTPUT_CORRUPT;
    /* The driver also shows pictures that cannot be decoded. */
    p->codec->flags2 |= AV_CODEC_FLAG2_SHOW_ALL;
    if (p->params.CodecType == cudaVideoCodec_AV1)
        p->codec->flags |= AV_CODEC_FLAG_LOW_DELAY;
    return avcodec_open2(p->codec, codec, NULL);
}

EXPORT CUresult cuvidCreateVideoParser(CUvideoparser *handle, CUVIDPARSERPARAMS *params) {
    Parser *p;
    int code = fake_fails("cuvidCreateVideoParser");
    if (code)
        return RESULT(code);
    if (codec_id(params->CodecType) == AV_CODEC_ID_NONE || !params->pfnSequenceCallback ||
        !params->pfnDecodePicture || params->ulMaxNumDecodeSurfaces < 1)
        return RESULT(INVALID_VALUE);
    p = calloc(1, sizeof(*p));
    p->params = *params;
    p->packet = av_packet_alloc();
    p->frame = av_frame_alloc();
    p->scout = av_parser_init(codec_id(params->CodecType));
    if (p->scout)
        p->scout->flags |= PARSER_FLAG_COMPLETE_FRAMES;
    if (open_codec(p) < 0)
        return RESULT(NOT_SUPPORTED);
    fake_add(COUNT_PARSERS, 1);
    fake_say("parser codec=%d", params->CodecType);
    *handle = (CUvideoparser)p;
    return RESULT(OK);
}

EXPORT CUresult cuvidDestroyVideoParser(CUvideoparser handle) {
    Parser *p = (Parser *)handle;
    avcodec_free_context(&p->codec);
    av_packet_free(&p->packet);
    av_frame_free(&p->frame);
    if (p->scout)
        av_parser_close(p->scout);
    for (int i = 0; i < SLOTS; i++)
        fakepicture_release(&p->slots[i]);
    free(p->held);
    free(p);
    fake_add(COUNT_PARSERS, -1);
    return RESULT(OK);
}

/* True if the unit behind a start code belongs to a picture. */
static int is_slice(cudaVideoCodec codec, const uint8_t *unit) {
    switch (codec) {
    case cudaVideoCodec_H264: return (unit[3] & 31) == 1 || (unit[3] & 31) == 5;
    case cudaVideoCodec_HEVC: return (unit[3] >> 1 & 63) < 32;
    case cudaVideoCodec_MPEG4: return unit[3] == 0xB6;
    default: return unit[3] == 0;
    }
}

/* Return the position of the first start code of a picture, or `size` if there is none. */
static unsigned first_slice(cudaVideoCodec codec, const uint8_t *data, size_t size) {
    if (codec == cudaVideoCodec_VP8 || codec == cudaVideoCodec_VP9 || codec == cudaVideoCodec_AV1)
        return 0;
    for (size_t i = 0; i + 5 < size; i++)
        if (!data[i] && !data[i + 1] && data[i + 2] == 1 && is_slice(codec, data + i))
            return (unsigned)i;
    return (unsigned)size;
}

/* Return what the driver reports for a picture that others refer to. For VP9 it reports nothing,
 * and for HEVC nothing useful. */
static int is_reference(cudaVideoCodec codec, const uint8_t *unit) {
    switch (codec) {
    case cudaVideoCodec_H264: return (unit[3] & 0x60) != 0;
    case cudaVideoCodec_MPEG1:
    case cudaVideoCodec_MPEG2: return (unit[5] >> 3 & 7) != 3; /* B */
    case cudaVideoCodec_MPEG4: return unit[4] >> 6 != 2;
    case cudaVideoCodec_VP9: return 0;
    default: return 1;
    }
}

/* True if the data holds a picture, and not only parameters. */
static int has_picture(cudaVideoCodec codec, const uint8_t *data, size_t size) {
    if (codec == cudaVideoCodec_VP8 || codec == cudaVideoCodec_VP9)
        return size > 0;
    /* For AV1, look for OBU_FRAME_HEADER (3) and OBU_FRAME (6) among the units. */
    if (codec == cudaVideoCodec_AV1)
        for (size_t i = 0; i + 1 < size;) {
            int type = data[i] >> 3 & 15, has_size = data[i] & 2;
            size_t head = 1 + (data[i] >> 2 & 1), length = 0, shift = 0;
            if (type == 3 || type == 6)
                return 1;
            if (!has_size)
                return 0;
            do {
                length |= (size_t)(data[i + head] & 127) << shift;
                shift += 7;
            } while (data[i + head++] & 128 && i + head < size);
            i += head + length;
        }
    return codec != cudaVideoCodec_AV1 && first_slice(codec, data, size) < size;
}

/* Return how many surfaces a stream needs. For HEVC this is an estimate, because libavcodec does
 * not report how many pictures a stream keeps. */
static int needed_surfaces(const Parser *p) {
    int needed;
    switch (p->params.CodecType) {
    case cudaVideoCodec_H264: needed = p->codec->refs + 1; break;
    case cudaVideoCodec_HEVC:
    case cudaVideoCodec_VP8: needed = 8; break;
    case cudaVideoCodec_VP9:
    case cudaVideoCodec_AV1: needed = 9; break;
    default: needed = 4;
    }
    return needed < SLOTS - 4 ? needed : SLOTS - 4;
}

/* The driver rounds sizes up to whole blocks, except for VP9 and for the width of MPEG-2. */
static unsigned told_width(cudaVideoCodec codec, int coded, int shown) {
    int as_is = codec == cudaVideoCodec_VP9 || codec == cudaVideoCodec_MPEG2;
    return as_is ? (unsigned)shown : ((unsigned)coded + 15) & ~15u;
}

static unsigned told_height(cudaVideoCodec codec, int coded, int shown) {
    return codec == cudaVideoCodec_VP9 ? (unsigned)shown : ((unsigned)coded + 15) & ~15u;
}

/* Call the sequence callback; return 0 if the client refuses the format. A header that comes again
 * causes a call for an equal format, too. */
static int tell_format(Parser *p, int coded_width, int coded_height, int width, int height,
                       enum AVPixelFormat pixel_format) {
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(pixel_format);
    /* libavcodec reports these offsets with a frame, which is too late. */
    int left = fake_setting("left"), top = fake_setting("top");
    CUVIDEOFORMAT f;
    int answer;
    memset(&f, 0, sizeof(f));
    f.codec = p->params.CodecType;
    f.progressive_sequence = 1;
    f.bit_depth_luma_minus8 = f.bit_depth_chroma_minus8 = (unsigned char)(desc->comp[0].depth - 8);
    f.chroma_format = desc->nb_components < 3  ? cudaVideoChromaFormat_Monochrome
                      : desc->log2_chroma_h    ? cudaVideoChromaFormat_420
                      : desc->log2_chroma_w    ? cudaVideoChromaFormat_422
                                               : cudaVideoChromaFormat_444;
    f.coded_width = told_width(f.codec, coded_width, width);
    f.coded_height = told_height(f.codec, coded_height, height);
    /* the driver reports the lower right corner only, and omits `left` and `top` */
    f.display_area.right = left + width;
    f.display_area.bottom = top + height;
    f.min_num_decode_surfaces = (unsigned char)needed_surfaces(p);
    f.video_signal_description.video_full_range_flag = p->codec->color_range == AVCOL_RANGE_JPEG;
    f.video_signal_description.color_primaries = (unsigned char)p->codec->color_primaries;
    f.video_signal_description.transfer_characteristics = (unsigned char)p->codec->color_trc;
    f.video_signal_description.matrix_coefficients = (unsigned char)p->codec->colorspace;
    if (f.codec == cudaVideoCodec_MPEG4) /* the driver ignores what the stream says */
        f.video_signal_description.matrix_coefficients = 1;
    if (f.codec == cudaVideoCodec_VP8 || f.codec == cudaVideoCodec_VP9 || f.codec == cudaVideoCodec_MPEG2)
        f.video_signal_description.matrix_coefficients = 0;
    fake_say("sequence %ux%u display=%d,%d,%d,%d depth=%d surfaces=%d", f.coded_width, f.coded_height, left, top,
             left + width, top + height, desc->comp[0].depth, f.min_num_decode_surfaces);
    answer = p->params.pfnSequenceCallback(p->params.pUserData, &f);
    if (!answer)
        return 0;
    p->surfaces = answer > 1 ? answer : (int)p->params.ulMaxNumDecodeSurfaces;
    p->format = f;
    p->has_format = 1;
    return 1;
}

/* The driver returns timestamps in rising order, whichever pictures they belong to. */
static int64_t take_timestamp(Parser *p, int slot) {
    int first = slot;
    int64_t timestamp;
    for (int i = 0; i < SLOTS; i++)
        if (p->busy[i] && p->timestamps[i] < p->timestamps[first])
            first = i;
    timestamp = p->timestamps[first];
    p->timestamps[first] = p->timestamps[slot];
    return timestamp;
}

static int display(Parser *p, int slot) {
    CUVIDPARSERDISPINFO shown;
    memset(&shown, 0, sizeof(shown));
    shown.picture_index = slot;
    shown.progressive_frame = 1;
    shown.timestamp = take_timestamp(p, slot);
    p->busy[slot] = 0;
    p->used[slot] = ++p->clock;
    fake_say("display %d", slot);
    return !p->params.pfnDisplayPicture || p->params.pfnDisplayPicture(p->params.pUserData, &shown);
}

/* Display the frames that the software decoder has ready. */
static int display_ready(Parser *p) {
    while (avcodec_receive_frame(p->codec, p->frame) == 0) {
        int slot = 0;
        while (slot < SLOTS && (!p->slots[slot] || p->slots[slot]->id != p->frame->pts || !p->busy[slot]))
            slot++;
        /* Without a slot, the picture was flushed, or the frame is the second one of a packet. */
        if (slot == SLOTS) {
            av_frame_unref(p->frame);
            continue;
        }
        int wanted = fake_setting("damage");
        p->slots[slot]->damaged = p->frame->decode_error_flags || p->frame->flags & AV_FRAME_FLAG_CORRUPT ||
                                  p->slots[slot]->id < wanted;
        p->slots[slot]->frame = av_frame_clone(p->frame);
        av_frame_unref(p->frame);
        if (p->slots[slot]->id + 1 == fake_setting("swallow")) {
            p->busy[slot] = 0;
            continue;
        }
        if (!display(p, slot))
            return 0;
    }
    return 1;
}

/* Display all pictures inside, as at the end of the stream, and start the decoder again. */
static int drain(Parser *p) {
    int good;
    avcodec_send_packet(p->codec, NULL);
    good = display_ready(p);
    avcodec_flush_buffers(p->codec);
    memset(p->busy, 0, sizeof(p->busy));
    return good;
}

static int free_slot(Parser *p) {
    int best = -1, greedy = fake_setting("greedy");
    for (int i = 0; i < p->surfaces && i < SLOTS; i++)
        if (!p->busy[i] && (best < 0 || (greedy ? p->used[i] > p->used[best] : p->used[i] < p->used[best])))
            best = i;
    if (best < 0) /* hidden pictures are never displayed: overwrite the oldest of them */
        for (int i = 0; i < p->surfaces && i < SLOTS; i++)
            if (best < 0 || p->used[i] < p->used[best])
                best = i;
    return best;
}

/* Return true if the headers in a packet announce another size than before. */
static int scout_finds_change(Parser *p, const uint8_t *data, size_t size) {
    uint8_t *out;
    int out_size;
    if (!p->scout || p->params.CodecType == cudaVideoCodec_VP8 || p->params.CodecType == cudaVideoCodec_VP9)
        return 0;
    av_parser_parse2(p->scout, p->codec, &out, &out_size, data, (int)size, 0, 0, 0);
    return p->has_format && p->scout->coded_width > 0 &&
           (told_width(p->params.CodecType, p->scout->coded_width, p->scout->width) != p->format.coded_width ||
            told_height(p->params.CodecType, p->scout->coded_height, p->scout->height) != p->format.coded_height);
}

/* Put a new picture into a free slot and return the slot. */
static int place_picture(Parser *p, int64_t id, CUvideotimestamp timestamp) {
    int slot = free_slot(p);
    Picture *picture = fakepicture_new();
    picture->index = slot;
    picture->id = id;
    p->timestamps[slot] = timestamp;
    fakepicture_release(&p->slots[slot]);
    p->slots[slot] = picture;
    p->busy[slot] = 1;
    p->used[slot] = ++p->clock;
    return slot;
}

/* Call the application's decode callback for the picture in a slot. */
static int request_decoding(Parser *p, int slot, const uint8_t *data, size_t size) {
    CUVIDPICPARAMS params;
    unsigned slice = first_slice(p->params.CodecType, data, size);
    int good;
    memset(&params, 0, sizeof(params));
    params.PicWidthInMbs = (int)p->format.coded_width / 16;
    params.FrameHeightInMbs = (int)p->format.coded_height / 16;
    params.CurrPicIdx = slot;
    params.nBitstreamDataLen = (unsigned)size;
    params.pBitstreamData = (uint8_t *)data;
    memcpy(params.Reserved, &p->slots[slot], sizeof(p->slots[slot]));
    params.nNumSlices = 1;
    params.pSliceDataOffsets = &slice;
    params.ref_pic_flag = is_reference(p->params.CodecType, data + slice);
    if (p->params.CodecType == cudaVideoCodec_MPEG1 || p->params.CodecType == cudaVideoCodec_MPEG2)
        params.CodecSpecific.mpeg2.picture_coding_type = data[slice + 5] >> 3 & 7;
    if (p->params.CodecType == cudaVideoCodec_MPEG4)
        params.CodecSpecific.mpeg4.vop_coding_type = data[slice + 4] >> 6;
    fakeparser_active++;
    good = p->params.pfnDecodePicture(p->params.pUserData, &params);
    fakeparser_active--;
    return good;
}

static int decode(Parser *p, const uint8_t *data, size_t size, CUvideotimestamp timestamp) {
    AVCodecContext *c = p->codec;
    int code, width, height, coded_width, coded_height;
    int64_t id = p->next_id++;
    if (scout_finds_change(p, data, size) && !drain(p))
        return 0;
    if (av_new_packet(p->packet, (int)size) < 0)
        return 0;
    memcpy(p->packet->data, data, size);
    p->packet->pts = id;
    code = avcodec_send_packet(c, p->packet);
    av_packet_unref(p->packet);
    if (code < 0)
        return 1; /* data that cannot be parsed gives no picture */
    /* The size of the frames to come. The decoder crops only if it is asked to, so the coded size
     * is known. */
    width = c->width;
    height = c->height;
    coded_width = c->coded_width > width ? c->coded_width : width;
    coded_height = c->coded_height > height ? c->coded_height : height;
    if (width <= 0 || c->pix_fmt == AV_PIX_FMT_NONE)
        return 1;
    if (told_width(p->params.CodecType, coded_width, width) != p->format.coded_width ||
        told_height(p->params.CodecType, coded_height, height) != p->format.coded_height)
        p->has_format = 0;
    if (!p->has_format) {
        if (!tell_format(p, coded_width, coded_height, width, height, c->pix_fmt))
            return 0;
    }
    if (!request_decoding(p, place_picture(p, id, timestamp), data, size))
        return 0;
    return display_ready(p);
}

static void keep(Parser *p, const uint8_t *data, size_t size) {
    p->held = realloc(p->held, p->held_size + size + AV_INPUT_BUFFER_PADDING_SIZE);
    memcpy(p->held + p->held_size, data, size);
    p->held_size += size;
}

static int decode_held(Parser *p) {
    int good = 1;
    if (p->held_has_picture)
        good = decode(p, p->held, p->held_size, p->held_timestamp);
    if (p->held_has_picture)
        p->held_size = 0;
    p->held_has_picture = 0;
    return good;
}

EXPORT CUresult cuvidParseVideoData(CUvideoparser handle, CUVIDSOURCEDATAPACKET *packet) {
    Parser *p = (Parser *)handle;
    int good = 1, at_once = packet->flags & CUVID_PKT_ENDOFPICTURE || p->params.CodecType == cudaVideoCodec_AV1;
    int code = fake_enter("cuvidParseVideoData");
    if (code)
        return RESULT(code);
    fake_say("parse size=%d flags=%d", (int)packet->payload_size, (int)packet->flags);
    if (packet->payload_size) {
        good = decode_held(p);
        keep(p, packet->payload, packet->payload_size);
        if (good && has_picture(p->params.CodecType, p->held, p->held_size)) {
            p->held_has_picture = 1;
            p->held_timestamp = packet->flags & CUVID_PKT_TIMESTAMP ? packet->timestamp : 0;
            if (at_once)
                good = decode_held(p);
        }
    }
    if (good && packet->flags & CUVID_PKT_ENDOFSTREAM) {
        good = decode_held(p) && drain(p);
        p->held_size = 0;
        /* the next header causes a sequence callback again */
        p->has_format = 0;
        if (good && packet->flags & CUVID_PKT_NOTIFY_EOS)
            good = p->params.pfnDisplayPicture(p->params.pUserData, NULL);
    }
    return RESULT(good ? OK : UNKNOWN);
}

