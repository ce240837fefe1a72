#include "convert/turn.h"

#include <string.h>

#define TILE 16

/* Vectors of sixteen bytes, and their halves interleaved. All processors of both kinds have these
 * instructions. */
#if defined(__x86_64__)
#include <emmintrin.h>
typedef __m128i Bytes;
#define LOAD(from) _mm_loadu_si128((const __m128i *)(from))
#define STORE(to, bytes) _mm_storeu_si128((__m128i *)(to), bytes)
#define ZIP_LOW(a, b) _mm_unpacklo_epi8(a, b)
#define ZIP_HIGH(a, b) _mm_unpackhi_epi8(a, b)
#define HAVE_VECTORS 1

static inline Bytes reversed(Bytes a) {
    a = _mm_or_si128(_mm_slli_epi16(a, 8), _mm_srli_epi16(a, 8));
    a = _mm_shufflehi_epi16(_mm_shufflelo_epi16(a, 0x1B), 0x1B);
    return _mm_shuffle_epi32(a, 0x4E);
}
#elif defined(__aarch64__)
#include <arm_neon.h>
typedef uint8x16_t Bytes;
#define LOAD(from) vld1q_u8(from)
#define STORE(to, bytes) vst1q_u8(to, bytes)
#define ZIP_LOW(a, b) vzip1q_u8(a, b)
#define ZIP_HIGH(a, b) vzip2q_u8(a, b)
#define HAVE_VECTORS 1

static inline Bytes reversed(Bytes a) {
    a = vrev64q_u8(a);
    return vextq_u8(a, a, 8);
}
#endif

#if HAVE_VECTORS
/* Transpose TILE x TILE bytes by interleaving the first half of the rows with the second half, four
 * times. */
static void transpose_tile(uint8_t *out, ptrdiff_t out_step, const uint8_t *in, ptrdiff_t in_step) {
    Bytes a[TILE], b[TILE];
    for (int i = 0; i < TILE; i++)
        a[i] = LOAD(in + i * in_step);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < TILE / 2; i++) {
            b[2 * i] = ZIP_LOW(a[i], a[i + TILE / 2]);
            b[2 * i + 1] = ZIP_HIGH(a[i], a[i + TILE / 2]);
        }
        for (int i = 0; i < TILE / 2; i++) {
            a[2 * i] = ZIP_LOW(b[i], b[i + TILE / 2]);
            a[2 * i + 1] = ZIP_HIGH(b[i], b[i + TILE / 2]);
        }
    }
    for (int i = 0; i < TILE; i++)
        STORE(out + i * out_step, a[i]);
}
#endif

/* Copy a row backwards; `in` is its last byte. */
static void mirror_row(uint8_t *out, const uint8_t *in, int width) {
    int x = 0;
#if HAVE_VECTORS
    for (; x + TILE <= width; x += TILE)
        STORE(out + x, reversed(LOAD(in - x - (TILE - 1))));
#endif
    for (; x < width; x++)
        out[x] = in[-x];
}

/* Copy pixels one by one, which lie `step_x` bytes apart in a row, with `step_y` bytes from row to
 * row. */
static void copy_pixels(uint8_t *out, ptrdiff_t out_stride, const uint8_t *in, ptrdiff_t step_x, ptrdiff_t step_y,
                        int size, int width, int height) {
    for (int y = 0; y < height; y++) {
        const uint8_t *from = in + y * step_y;
        uint8_t *to = out + y * out_stride;
        for (int x = 0; x < width; x++, from += step_x, to += size)
            switch (size) {
            case 1: *to = *from; break;
            case 2: memcpy(to, from, 2); break;
            case 4: memcpy(to, from, 4); break;
            default: memcpy(to, from, size);
            }
    }
}

static int least(int a, int b) {
    return a < b ? a : b;
}

void turn_plane(uint8_t *out, ptrdiff_t out_stride, const uint8_t *in, ptrdiff_t in_stride, int size, Rect rect,
                int width, int height, int orientation) {
    int transposed = orientation & ORIENT_TRANSPOSE;
    /* the address in the source is an affine function of the coordinates of the result */
    ptrdiff_t step_x = transposed ? in_stride : size, step_y = transposed ? size : in_stride;
    if (orientation & ORIENT_MIRROR_X) {
        in += (width - 1) * step_x;
        step_x = -step_x;
    }
    if (orientation & ORIENT_MIRROR_Y) {
        in += (height - 1) * step_y;
        step_y = -step_y;
    }
    in += rect.x0 * step_x + rect.y0 * step_y;
    int columns = rect.x1 - rect.x0, rows = rect.y1 - rect.y0;
    if (!transposed && (step_x == size || size == 1)) {
        for (int y = 0; y < rows; y++)
            if (step_x > 0)
                memcpy(out + y * out_stride, in + y * step_y, (size_t)columns * (size_t)size);
            else
                mirror_row(out + y * out_stride, in + y * step_y, columns);
        return;
    }
    /* tiles keep a transposed walk inside the cache */
    for (int top = 0; top < rows; top += TILE)
        for (int left = 0; left < columns; left += TILE) {
            int tile_rows = least(TILE, rows - top), tile_columns = least(TILE, columns - left);
            const uint8_t *from = in + top * step_y + left * step_x;
            uint8_t *to = out + top * out_stride + left * size;
#if HAVE_VECTORS
            if (transposed && size == 1 && tile_rows == TILE && tile_columns == TILE) {
                if (step_y > 0)
                    transpose_tile(to, out_stride, from, step_x);
                else /* a source row holds the column of the tile backwards */
                    transpose_tile(to + (TILE - 1) * out_stride, -out_stride, from - (TILE - 1), step_x);
                continue;
            }
#endif
            copy_pixels(to, out_stride, from, step_x, step_y, size, tile_columns, tile_rows);
        }
}
