/* Note [Chroma of still images]
 *
 * The ffmpeg command repeats chroma samples, as cycodec does for videos. Decoders of AVIF and HEIC
 * images interpolate them between their centres, which shows at the edges of saturated colours. So
 * images are converted from interpolated chroma, with the matrix and range of videos.
 */
#include "image/chroma.h"

#define INLINE static inline __attribute__((always_inline))

INLINE int sample(const uint8_t *row, int x, int is_deep) {
    return is_deep ? ((const uint16_t *)row)[x] : row[x];
}

INLINE void set(uint8_t *row, int x, int value, int is_deep) {
    if (is_deep)
        ((uint16_t *)row)[x] = (uint16_t)value;
    else
        row[x] = (uint8_t)value;
}

/* One row between the rows `near`, which weighs three times as much, and `far`. */
INLINE void row(uint8_t *out, const uint8_t *near, const uint8_t *far, int width, int is_deep) {
    int last = (width + 1) / 2 - 1;
    for (int x = 0; x <= last; x++) {
        int before = x > 0 ? x - 1 : 0, after = x < last ? x + 1 : last;
        int here = 3 * sample(near, x, is_deep) + sample(far, x, is_deep);
        int left = 3 * sample(near, before, is_deep) + sample(far, before, is_deep);
        int right = 3 * sample(near, after, is_deep) + sample(far, after, is_deep);
        set(out, 2 * x, (3 * here + left + 8) >> 4, is_deep);
        if (2 * x + 1 < width)
            set(out, 2 * x + 1, (3 * here + right + 8) >> 4, is_deep);
    }
}

void chroma_upsample(uint8_t *out, ptrdiff_t stride, const ChromaPlane *plane, int width, int height, int is_deep,
                     int is_halved_down) {
    for (int y = 0; y < height; y++, out += stride) {
        int near = y, far = y;
        if (is_halved_down) {
            near = y / 2;
            far = y % 2 ? near + 1 : near - 1;
            far = far < 0 ? 0 : far >= plane->rows ? plane->rows - 1 : far;
        }
        const uint8_t *from = plane->data + near * plane->stride, *other = plane->data + far * plane->stride;
        if (is_deep)
            row(out, from, other, width, 1);
        else
            row(out, from, other, width, 0);
    }
}
