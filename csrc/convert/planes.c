#include "convert/planes.h"

#define SPLIT(Sample)                                                                                                  \
    do {                                                                                                               \
        const Sample *from = (const Sample *)row;                                                                      \
        Sample *first = (Sample *)out, *second = (Sample *)(out + plane_stride),                                       \
               *third = (Sample *)(out + 2 * plane_stride), *fourth = (Sample *)(out + 3 * plane_stride);              \
        for (int x = 0; x < width; x++) {                                                                              \
            first[x] = from[channels * x];                                                                             \
            second[x] = from[channels * x + 1];                                                                        \
            third[x] = from[channels * x + 2];                                                                         \
        }                                                                                                              \
        for (int x = 0; channels == 4 && x < width; x++)                                                               \
            fourth[x] = from[4 * x + 3];                                                                               \
    } while (0)

void split_planes(uint8_t *out, ptrdiff_t out_stride, const uint8_t *in, ptrdiff_t in_stride, int width, int height,
                  int channels, int sample_size) {
    ptrdiff_t plane_stride = out_stride * height;
    for (int y = 0; y < height; y++, out += out_stride) {
        const uint8_t *row = in + y * in_stride;
        switch (sample_size) {
        case 1: SPLIT(uint8_t); break;
        case 2: SPLIT(uint16_t); break;
        default: SPLIT(float);
        }
    }
}
