#include "image/gif_decode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    HEADER = 13, /* signature and logical screen */
    IMAGE = 9,   /* a descriptor behind its separator */
    MAX_CODE = 4096,
    MAX_FRAMES = 1 << 20, /* a file with more frames only costs memory */
    CONTROL = 0xF9,       /* the extension before a frame */
    APPLICATION = 0xFF,
};

static int short_at(const uint8_t *at) {
    return at[0] | at[1] << 8;
}

static int complain(GifImage *gif, int code, const char *text) {
    snprintf(gif->message, sizeof(gif->message), "%s", text);
    return code;
}

/* Return the place behind a chain of sub-blocks, or 0 if the data end before. */
static size_t behind_blocks(const GifImage *gif, size_t place) {
    while (place < gif->size) {
        size_t size = gif->data[place];
        place += size + 1;
        if (size == 0)
            return place;
    }
    return 0;
}

static int add_frame(GifImage *gif, const GifFrame *frame) {
    if ((gif->num_frames & (gif->num_frames - 1)) == 0) {
        size_t room = gif->num_frames ? 2 * (size_t)gif->num_frames : 1;
        GifFrame *frames = room > MAX_FRAMES ? NULL : realloc(gif->frames, room * sizeof(*frames));
        if (!frames)
            return IMAGE_NO_MEMORY;
        gif->frames = frames;
    }
    gif->frames[gif->num_frames++] = *frame;
    return 0;
}

/* Read an extension, from its label on. */
static void read_extension(GifImage *gif, size_t place, GifFrame *next) {
    static const char netscape[] = "NETSCAPE2.0";
    const uint8_t *at = gif->data + place;
    size_t left = gif->size - place;
    if (at[0] == CONTROL && left >= 6 && at[1] >= 4) {
        int disposal = at[2] >> 2 & 7;
        next->disposal = disposal == 2 ? CANVAS_CLEAR : disposal == 3 ? CANVAS_RESTORE : CANVAS_KEEP;
        next->delay = short_at(at + 3);
        next->clear = at[2] & 1 ? at[5] : -1;
    } else if (at[0] == APPLICATION && left >= 17 && at[1] == 11 && memcmp(at + 2, netscape, 11) == 0 && at[13] == 3 &&
               at[14] == 1) {
        gif->plays = short_at(at + 15);
        gif->plays += gif->plays != 0; /* the file counts repetitions */
    }
}

/* Read an image descriptor and find the end of its data. Return that place, 0 if the data end, or
 * set `code`. */
static size_t read_image(GifImage *gif, size_t place, GifFrame *frame, const uint8_t *global, int colours, int *code) {
    if (gif->size - place < IMAGE)
        return 0;
    const uint8_t *at = gif->data + place;
    frame->x = short_at(at);
    frame->y = short_at(at + 2);
    frame->width = short_at(at + 4);
    frame->height = short_at(at + 6);
    frame->is_interlaced = at[8] >> 6 & 1;
    frame->palette = global;
    frame->colours = colours;
    place += IMAGE;
    if (at[8] & 0x80) {
        frame->palette = gif->data + place;
        frame->colours = 2 << (at[8] & 7);
        place += 3 * (size_t)frame->colours;
    }
    if (place >= gif->size)
        return 0;
    frame->place = place;
    *code = add_frame(gif, frame);
    return behind_blocks(gif, place + 1);
}

/* Find the frames, from a place on. Return 0 or a code. */
static int find_frames(GifImage *gif, size_t place, const uint8_t *global, int colours) {
    static const GifFrame plain = {.clear = -1};
    const uint8_t *data = gif->data;
    GifFrame next = plain;
    int code = 0, is_announced = 0; /* true if a frame must follow */
    while (place && place < gif->size && code == 0 && data[place] != ';') {
        if (data[place] == '!') {
            is_announced |= place + 1 >= gif->size || data[place + 1] == CONTROL;
            if (place + 2 < gif->size)
                read_extension(gif, place + 1, &next);
            place = behind_blocks(gif, place + 2);
        } else if (data[place] == ',') {
            int before = gif->num_frames;
            place = read_image(gif, place + 1, &next, global, colours, &code);
            is_announced = gif->num_frames == before;
            next = plain;
        } else {
            place++; /* other decoders skip stray bytes, too */
        }
    }
    gif->is_cut = place == 0 || place >= gif->size;
    if (code == 0 && gif->num_frames > 0 && gif->is_cut && is_announced)
        return complain(gif, IMAGE_TRUNCATED, "the data end before the picture of a frame");
    return code;
}

int gif_open(GifImage *gif, const uint8_t *data, size_t size) {
    memset(gif, 0, sizeof(*gif));
    gif->data = data;
    gif->size = size;
    gif->plays = 1;
    if (size < 6 || memcmp(data, "GIF8", 4) != 0)
        return complain(gif, IMAGE_DAMAGED, "the signature is missing");
    if (size < HEADER)
        return complain(gif, IMAGE_TRUNCATED, "the data end in the header");
    gif->width = short_at(data + 6);
    gif->height = short_at(data + 8);
    int colours = data[10] & 0x80 ? 2 << (data[10] & 7) : 0;
    const uint8_t *global = colours ? data + HEADER : NULL;
    int code = find_frames(gif, HEADER + 3 * (size_t)colours, global, colours);
    if (code)
        return code;
    if (gif->num_frames == 0)
        return complain(gif, gif->is_cut ? IMAGE_TRUNCATED : IMAGE_DAMAGED, "there is no image in it");
    if (gif->width == 0 || gif->height == 0) {
        gif->width = gif->frames[0].x + gif->frames[0].width;
        gif->height = gif->frames[0].y + gif->frames[0].height;
    }
    if (gif->width == 0 || gif->height == 0)
        return complain(gif, IMAGE_DAMAGED, "the header has an impossible size");
    return 0;
}

void gif_close(GifImage *gif) {
    free(gif->frames);
    gif->frames = NULL;
}

/* ---- LZW ------------------------------------------------------------------------------------- */

/* The bits of a chain of sub-blocks. */
typedef struct {
    const GifImage *gif;
    size_t place; /* of the next byte */
    int left;     /* bytes of the sub-block */
    uint32_t bits;
    int count, is_over;
} CodeReader;

static int next_code(CodeReader *reader, int size) {
    while (reader->count < size) {
        if (reader->left == 0) {
            if (reader->place >= reader->gif->size || reader->gif->data[reader->place] == 0) {
                reader->is_over = 1;
                return -1;
            }
            reader->left = reader->gif->data[reader->place++];
        }
        if (reader->place >= reader->gif->size) {
            reader->is_over = 1;
            return -1;
        }
        reader->bits |= (uint32_t)reader->gif->data[reader->place++] << reader->count;
        reader->count += 8;
        reader->left--;
    }
    int code = (int)(reader->bits & ((1u << size) - 1));
    reader->bits >>= size;
    reader->count -= size;
    return code;
}

typedef struct {
    uint16_t before[MAX_CODE]; /* the string of a code without its last value */
    uint16_t length[MAX_CODE];
    uint8_t last[MAX_CODE], first[MAX_CODE];
} Strings;

/* Decode `total` palette entries. Return how many there are, or -1 if a code is impossible. */
static ptrdiff_t decode_strings(Strings *strings, CodeReader *reader, int root, uint8_t *out, ptrdiff_t total) {
    const int clear = 1 << root, end = clear + 1;
    int size = root + 1, next = end + 1, old = -1;
    ptrdiff_t made = 0;
    for (int i = 0; i < clear; i++) {
        strings->length[i] = 1;
        strings->first[i] = strings->last[i] = (uint8_t)i;
    }
    while (made < total) {
        int code = next_code(reader, size);
        if (code < 0 || code == end)
            break;
        if (code == clear) {
            size = root + 1;
            next = end + 1;
            old = -1;
            continue;
        }
        if (code > next || (code == next && old < 0) || (old < 0 && code > clear))
            return -1;
        if (old >= 0 && next < MAX_CODE) {
            strings->before[next] = (uint16_t)old;
            strings->length[next] = (uint16_t)(strings->length[old] + 1);
            strings->first[next] = strings->first[old];
            strings->last[next] = strings->first[code == next ? old : code];
            next++;
            if (next == 1 << size && size < 12)
                size++;
        } else if (code >= next) {
            return -1;
        }
        ptrdiff_t length = strings->length[code], place = made + length - 1;
        for (int at = code; place >= made; place--, at = strings->before[at])
            if (place < total)
                out[place] = strings->last[at];
        made += length;
        old = code;
    }
    return made < total ? made : total;
}

/* Return the row of the picture that is stored as the i-th. */
static int interlaced_row(int i, int height) {
    static const uint8_t first[4] = {0, 4, 2, 1}, step[4] = {8, 8, 4, 2};
    for (int p = 0; p < 4; p++) {
        int rows = height > first[p] ? (height - first[p] + step[p] - 1) / step[p] : 0;
        if (i < rows)
            return first[p] + i * step[p];
        i -= rows;
    }
    return height - 1;
}

/* Draw entries onto the canvas, as far as they lie on it. */
static void draw(const GifFrame *frame, const uint8_t *entries, Canvas *canvas) {
    for (int i = 0; i < frame->height; i++) {
        int y = frame->y + (frame->is_interlaced ? interlaced_row(i, frame->height) : i);
        if (y >= canvas->height)
            continue;
        const uint8_t *entry = entries + (ptrdiff_t)i * frame->width;
        uint8_t *to = canvas->pixels + 4 * ((size_t)y * canvas->width + frame->x);
        for (int x = frame->x; x < frame->x + frame->width && x < canvas->width; x++, entry++, to += 4) {
            int is_clear = *entry == frame->clear;
            if (is_clear && to[3])
                continue;
            /* without alpha, a transparent pixel has the colour that the palette gives it */
            memcpy(to, frame->palette + 3 * (*entry < frame->colours ? *entry : 0), 3);
            to[3] = is_clear ? 0 : 255;
        }
    }
}

int gif_draw(GifImage *gif, int number, Canvas *canvas) {
    const GifFrame *frame = &gif->frames[number];
    int right = frame->x + frame->width, bottom = frame->y + frame->height;
    Rect rect = {frame->x, frame->y, right < canvas->width ? right : canvas->width,
                 bottom < canvas->height ? bottom : canvas->height};
    if (rect.x1 <= rect.x0 || rect.y1 <= rect.y0)
        rect = (Rect){0, 0, 0, 0};
    int root = gif->data[frame->place];
    if (!frame->palette || frame->palette + 3 * (size_t)frame->colours > gif->data + gif->size)
        return complain(gif, IMAGE_DAMAGED, "a frame has no palette");
    if (root < 1 || root > 11)
        return complain(gif, IMAGE_DAMAGED, "a frame has an impossible code size");
    ptrdiff_t total = (ptrdiff_t)frame->width * frame->height;
    Strings *strings = malloc(sizeof(*strings));
    uint8_t *entries = malloc(total ? (size_t)total : 1);
    int code = IMAGE_NO_MEMORY;
    if (strings && entries && canvas_begin(canvas, rect, frame->disposal) == 0) {
        CodeReader reader = {.gif = gif, .place = frame->place + 1};
        ptrdiff_t made = decode_strings(strings, &reader, root, entries, total);
        if (made == total) {
            draw(frame, entries, canvas);
            code = 0;
        } else if (made >= 0 && reader.is_over) {
            code = complain(gif, IMAGE_TRUNCATED, "the data of a frame end too early");
        } else {
            code = complain(gif, IMAGE_DAMAGED, "the data of a frame are damaged");
        }
    }
    free(strings);
    free(entries);
    return code;
}
