#include "image/canvas.h"

#include <stdlib.h>
#include <string.h>

int canvas_init(Canvas *canvas, int width, int height) {
    *canvas = (Canvas){.width = width, .height = height};
    canvas->pixels = calloc((size_t)width * height, 4);
    return canvas->pixels ? 0 : -1;
}

void canvas_free(Canvas *canvas) {
    free(canvas->pixels);
    free(canvas->saved);
    canvas->pixels = canvas->saved = NULL;
}

static uint8_t *pixel_at(uint8_t *pixels, const Canvas *canvas, int x, int y) {
    return pixels + 4 * ((size_t)y * canvas->width + x);
}

int canvas_begin(Canvas *canvas, Rect rect, int disposal) {
    const Rect *last = &canvas->last;
    size_t last_row = 4 * (size_t)(last->x1 - last->x0), row = 4 * (size_t)(rect.x1 - rect.x0);
    for (int y = last->y0; y < last->y1; y++) {
        uint8_t *at = pixel_at(canvas->pixels, canvas, last->x0, y);
        if (canvas->disposal == CANVAS_CLEAR)
            memset(at, 0, last_row);
        else if (canvas->disposal == CANVAS_RESTORE)
            memcpy(at, pixel_at(canvas->saved, canvas, last->x0, y), last_row);
    }
    canvas->last = rect;
    canvas->disposal = disposal;
    if (disposal != CANVAS_RESTORE)
        return 0;
    if (!canvas->saved && !(canvas->saved = malloc((size_t)canvas->width * canvas->height * 4)))
        return -1;
    for (int y = rect.y0; y < rect.y1; y++)
        memcpy(pixel_at(canvas->saved, canvas, rect.x0, y), pixel_at(canvas->pixels, canvas, rect.x0, y), row);
    return 0;
}

static void blend(uint8_t *to, const uint8_t *from) {
    uint32_t alpha = from[3];
    if (alpha == 255 || to[3] == 0) {
        if (alpha)
            memcpy(to, from, 4);
    } else if (alpha) {
        uint32_t below = to[3] * (256 - alpha) >> 8, sum = alpha + below, scale = (1u << 24) / sum;
        for (int c = 0; c < 3; c++)
            to[c] = (uint8_t)((from[c] * alpha + to[c] * below) * scale >> 24);
        to[3] = (uint8_t)sum;
    }
}

void canvas_draw(Canvas *canvas, const uint8_t *pixels, int is_blended) {
    const Rect *rect = &canvas->last;
    size_t row = 4 * (size_t)(rect->x1 - rect->x0);
    for (int y = rect->y0; y < rect->y1; y++, pixels += row) {
        uint8_t *to = pixel_at(canvas->pixels, canvas, rect->x0, y);
        if (!is_blended)
            memcpy(to, pixels, row);
        else
            for (size_t x = 0; x < row; x += 4)
                blend(to + x, pixels + x);
    }
}
