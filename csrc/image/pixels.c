#include "image/pixels.h"

#include <string.h>

#include "picture/orientation.h"

/* The compiler makes one loop for each pair of formats, because all calls pass constants. */
#define INLINE static inline __attribute__((always_inline))

INLINE unsigned load(const uint8_t *in, ptrdiff_t i, int depth) {
    return depth == 8 ? in[i] : ((const uint16_t *)in)[i];
}

INLINE void store(uint8_t *out, ptrdiff_t i, unsigned value, int to, int from) {
    if (to == 8)
        out[i] = (uint8_t)(from == 8 ? value : value >> 8);
    else
        ((uint16_t *)out)[i] = (uint16_t)(from == 16 ? value : value * 257);
}

INLINE unsigned gray_of(unsigned red, unsigned green, unsigned blue) {
    return (2989 * red + 5870 * green + 1140 * blue + 5000) / 10000;
}

INLINE void convert(uint8_t *restrict out, int oc, int to, const uint8_t *restrict in, int ic, int from, int width) {
    const unsigned opaque = from == 8 ? 255 : 65535;
    for (ptrdiff_t x = 0; x < width; x++) {
        unsigned red = load(in, x * ic, from), green = red, blue = red, alpha = opaque;
        if (ic >= 3) {
            green = load(in, x * ic + 1, from);
            blue = load(in, x * ic + 2, from);
        }
        if (ic == 2 || ic == 4)
            alpha = load(in, x * ic + ic - 1, from);
        if (oc < 3) {
            store(out, x * oc, ic < 3 ? red : gray_of(red, green, blue), to, from);
        } else {
            store(out, x * oc, red, to, from);
            store(out, x * oc + 1, green, to, from);
            store(out, x * oc + 2, blue, to, from);
        }
        if (oc == 2 || oc == 4)
            store(out, x * oc + oc - 1, alpha, to, from);
    }
}

#define TO(oc, ic, to, from)                                                                                           \
    case oc: convert(out, oc, to, in, ic, from, width); break;
#define FROM(ic, to, from)                                                                                             \
    case ic:                                                                                                           \
        switch (channels) { TO(1, ic, to, from) TO(2, ic, to, from) TO(3, ic, to, from) TO(4, ic, to, from) }          \
        break;
#define DEPTHS(name, to, from)                                                                                         \
    static void name(uint8_t *out, int channels, const uint8_t *in, int in_channels, int width) {                      \
        switch (in_channels) { FROM(1, to, from) FROM(2, to, from) FROM(3, to, from) FROM(4, to, from) }               \
    }

DEPTHS(convert_8_8, 8, 8)
DEPTHS(convert_16_8, 16, 8)
DEPTHS(convert_8_16, 8, 16)
DEPTHS(convert_16_16, 16, 16)

void pixels_convert(uint8_t *out, PixelFormat to, const uint8_t *in, PixelFormat from, int width) {
    if (to.channels == from.channels && to.depth == from.depth)
        memcpy(out, in, (size_t)width * pixel_bytes(to));
    else if (to.depth == 8)
        (from.depth == 8 ? convert_8_8 : convert_8_16)(out, to.channels, in, from.channels, width);
    else
        (from.depth == 8 ? convert_16_8 : convert_16_16)(out, to.channels, in, from.channels, width);
}

void pixels_from_cmyk(uint8_t *out, const uint8_t *in, int width) {
    for (ptrdiff_t x = 0; x < width; x++) {
        int black = in[4 * x + 3];
        for (int c = 0; c < 3; c++) {
            int ink = (255 - in[4 * x + c]) * black + 128;
            out[3 * x + c] = (uint8_t)(black - (((ink >> 8) + ink) >> 8));
        }
    }
}

INLINE void orient(uint8_t *out, ptrdiff_t out_stride, const uint8_t *in, ptrdiff_t right, ptrdiff_t down, int width,
                   int height, int size) {
    enum { TILE = 32 }; /* pixels; a tile of a transposed picture stays in the cache */
    for (int y0 = 0; y0 < height; y0 += TILE)
        for (int x0 = 0; x0 < width; x0 += TILE)
            for (int y = y0; y < height && y < y0 + TILE; y++) {
                const uint8_t *from = in + y * down + x0 * right;
                uint8_t *to = out + y * out_stride + (ptrdiff_t)x0 * size;
                for (int x = x0; x < width && x < x0 + TILE; x++, from += right, to += size)
                    memcpy(to, from, size);
            }
}

void pixels_orient(uint8_t *out, ptrdiff_t out_stride, const uint8_t *in, ptrdiff_t in_stride, int width, int height,
                   int pixel_size, int orientation) {
    int turned = (orientation & ORIENT_TRANSPOSE) != 0;
    int out_width = turned ? height : width, out_height = turned ? width : height;
    ptrdiff_t right = turned ? in_stride : pixel_size, down = turned ? pixel_size : in_stride;
    if (orientation & ORIENT_MIRROR_X) {
        in += (out_width - 1) * right;
        right = -right;
    }
    if (orientation & ORIENT_MIRROR_Y) {
        in += (out_height - 1) * down;
        down = -down;
    }
    switch (pixel_size) {
    case 1: orient(out, out_stride, in, right, down, out_width, out_height, 1); break;
    case 2: orient(out, out_stride, in, right, down, out_width, out_height, 2); break;
    case 3: orient(out, out_stride, in, right, down, out_width, out_height, 3); break;
    case 4: orient(out, out_stride, in, right, down, out_width, out_height, 4); break;
    case 6: orient(out, out_stride, in, right, down, out_width, out_height, 6); break;
    case 8: orient(out, out_stride, in, right, down, out_width, out_height, 8); break;
    }
}

static unsigned tiff_number(const uint8_t *at, int bytes, int is_big) {
    unsigned value = 0;
    for (int i = 0; i < bytes; i++)
        value |= (unsigned)at[i] << 8 * (is_big ? bytes - 1 - i : i);
    return value;
}

int exif_orientation(const uint8_t *exif, size_t size) {
    /* The values 1 to 8 of the tag. */
    static const uint8_t orientations[9] = {0,
                                            0,
                                            ORIENT_MIRROR_X,
                                            ORIENT_MIRROR_X | ORIENT_MIRROR_Y,
                                            ORIENT_MIRROR_Y,
                                            ORIENT_TRANSPOSE,
                                            ORIENT_TRANSPOSE | ORIENT_MIRROR_X,
                                            ORIENT_TRANSPOSE | ORIENT_MIRROR_X | ORIENT_MIRROR_Y,
                                            ORIENT_TRANSPOSE | ORIENT_MIRROR_Y};
    enum { ORIENTATION = 0x112, SHORT = 3, LONG = 4, ENTRY = 12 };
    if (size < 8 || (memcmp(exif, "II", 2) != 0 && memcmp(exif, "MM", 2) != 0))
        return 0;
    int is_big = exif[0] == 'M';
    size_t place = tiff_number(exif + 4, 4, is_big);
    if (tiff_number(exif + 2, 2, is_big) != 42 || place > size - 2)
        return 0;
    unsigned count = tiff_number(exif + place, 2, is_big);
    place += 2;
    for (; count > 0 && place + ENTRY <= size; count--, place += ENTRY) {
        if (tiff_number(exif + place, 2, is_big) != ORIENTATION)
            continue;
        unsigned type = tiff_number(exif + place + 2, 2, is_big);
        unsigned value = type == SHORT  ? tiff_number(exif + place + 8, 2, is_big)
                         : type == LONG ? tiff_number(exif + place + 8, 4, is_big)
                                        : 0;
        return value <= 8 ? orientations[value] : 0;
    }
    return 0;
}
