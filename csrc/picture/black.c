#include "picture/black.h"

#include <string.h>

/* Set every `step`th value of a type. */
static void fill(uint8_t *out, size_t count, size_t step, ConvertType type, double value) {
    const uint16_t halves[] = {0, 0x3800, 0x3C00}; /* 0, 0.5 and 1 */
    for (size_t i = 0; i < count; i += step)
        switch (type) {
        case CONVERT_UINT8: out[i] = (uint8_t)(value * 255 + 0.5); break;
        case CONVERT_FLOAT32: ((float *)out)[i] = (float)value; break;
        default: ((uint16_t *)out)[i] = halves[(int)(value * 2)];
        }
}

void black_picture(const ConvertTarget *target, uint8_t *out) {
    size_t channels = (size_t)convert_channels(target->layout), size = (size_t)convert_sample_size(target->type),
           bytes = convert_target_picture_bytes(target), pixels = bytes / channels / size;
    size_t next = target->planar ? pixels * size : size; /* bytes from one channel to the next */
    size_t count = target->planar ? pixels : pixels * channels, step = target->planar ? 1 : channels;
    memset(out, 0, bytes);
    if (target->layout == LAYOUT_RGBA)
        fill(out + 3 * next, target->planar ? count : count - 3, step, target->type, 1);
    if (target->layout == LAYOUT_YUV)
        for (size_t i = 1; i < 3; i++)
            fill(out + i * next, target->planar ? count : count - i, step, target->type, 0.5);
}
