#include "kernels/yuv2rgb_matrix.h"

static int16_t round16(int64_t value) {
    value = (value + (1 << 15)) >> 16;
    if (value < -0x7FFF)
        return (int16_t)0x8000;
    return value > 0x7FFF ? 0x7FFF : (int16_t)value;
}

/* Return a factor of chroma in steps of luma, as a 16.16 number. */
static int32_t in_steps(int64_t factor, int64_t luma_scale) {
    return (int32_t)((factor * (1 << 16) + (1 << 15)) / luma_scale);
}

void yuv2rgb_matrix(Yuv2RgbMatrix *matrix, const int *coefficients, int full_range) {
    int64_t crv = coefficients[0], cbu = coefficients[1], cgu = -coefficients[2], cgv = -coefficients[3];
    int64_t cy = 1 << 16, oy = 0;
    if (full_range) {
        crv = crv * 224 / 255;
        cbu = cbu * 224 / 255;
        cgu = cgu * 224 / 255;
        cgv = cgv * 224 / 255;
    } else {
        cy = cy * 255 / 219;
        oy = 16 << 16;
    }
    matrix->luma_scale = round16(cy * (1 << 13));
    matrix->luma_offset = round16(oy * (1 << 3));
    matrix->v_red = round16(crv * (1 << 13));
    matrix->u_green = round16(cgu * (1 << 13));
    matrix->v_green = round16(cgv * (1 << 13));
    matrix->u_blue = round16(cbu * (1 << 13));

    matrix->table.luma_scale = (int32_t)cy;
    matrix->table.luma_offset = (int32_t)((full_range ? 384 : 326) * cy - (384 << 16) - oy + (1 << 15));
    matrix->table.v_red = in_steps(crv, cy);
    matrix->table.u_green = in_steps(cgu, cy);
    matrix->table.v_green = in_steps(cgv, cy);
    matrix->table.u_blue = in_steps(cbu, cy);
}
