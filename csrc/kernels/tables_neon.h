/* Sixteen pixels by YUV2RGB_TABLES (Note [Two arithmetics] in yuv2rgb.c), for the kernels of
 * NEON. */
#ifndef CYCODEC_TABLES_NEON_H
#define CYCODEC_TABLES_NEON_H

#include <arm_neon.h>
#include <stddef.h>

#include "kernels/rgb_layout.h"
#include "kernels/yuv2rgb_matrix.h"

/* Luma has only two pairs of scale and offset, one for each colour range, and 16-bit arithmetic
 * suffices for both. Add the offset, in 32nds of a step, to 32 times the index. Multiply by scale /
 * 8, double, keep the high half, and divide by 8. The tests check that every index gives the exact
 * result. */
typedef struct {
    int32_t v_red, u_green, v_green, u_blue;
    int16_t scale;
    int16x8_t offset_r, offset_g, offset_b;
} TablesNeon;

static inline TablesNeon tables_neon(const Yuv2RgbMatrix *m) {
    const int offset = m->table.luma_offset * 32 / m->table.luma_scale;
    return (TablesNeon){
        m->table.v_red,
        m->table.u_green,
        m->table.v_green,
        m->table.u_blue,
        (int16_t)(m->table.luma_scale >> 3),
        vdupq_n_s16((int16_t)(offset - 32 * (m->table.v_red >> 9))),
        vdupq_n_s16((int16_t)(offset - 32 * ((m->table.u_green >> 9) + (m->table.v_green >> 9)))),
        vdupq_n_s16((int16_t)(offset - 32 * (m->table.u_blue >> 9))),
    };
}

/* Return chroma * scale >> 16. Products have 32 bits; with 16 bits, some matrices would be off by a
 * step. */
static inline int16x8_t high_neon(int16x8_t chroma, int32_t scale) {
    int32x4_t low = vmulq_n_s32(vmovl_s16(vget_low_s16(chroma)), scale);
    int32x4_t high = vmulq_n_s32(vmovl_high_s16(chroma), scale);
    return vshrn_high_n_s32(vshrn_n_s32(low, 16), high, 16);
}

/* `low` and `high` hold 32 times the luma of eight pixels each. */
static inline uint8x16x3_t pixels_neon(const TablesNeon *t, int16x8_t low, int16x8_t high, uint8x8_t u, uint8x8_t v) {
    int16x8_t cb = vreinterpretq_s16_u16(vmovl_u8(u)), cr = vreinterpretq_s16_u16(vmovl_u8(v));
    int16x8_t red = high_neon(cr, t->v_red), blue = high_neon(cb, t->u_blue);
    int16x8_t green = vaddq_s16(high_neon(cb, t->u_green), high_neon(cr, t->v_green));
    red = vaddq_s16(vshlq_n_s16(red, 5), t->offset_r);
    green = vaddq_s16(vshlq_n_s16(green, 5), t->offset_g);
    blue = vaddq_s16(vshlq_n_s16(blue, 5), t->offset_b);
#define LOOK_UP(index) vqdmulhq_n_s16(index, t->scale)
#define JOIN(c)                                                                                                        \
    vqshrun_high_n_s16(vqshrun_n_s16(LOOK_UP(vaddq_s16(low, vzip1q_s16(c, c))), 3),                                    \
                       LOOK_UP(vaddq_s16(high, vzip2q_s16(c, c))), 3)
    return (uint8x16x3_t){{JOIN(red), JOIN(green), JOIN(blue)}};
#undef JOIN
#undef LOOK_UP
}

static inline void store_neon(uint8_t *rgb, RgbLayout layout, int x, uint8x16x3_t pixels) {
    const uint8x16x4_t opaque = {{pixels.val[0], pixels.val[1], pixels.val[2], vdupq_n_u8(255)}};
    if (layout.plane_stride)
        for (int i = 0; i < 3; i++)
            vst1q_u8(rgb + i * layout.plane_stride + x, pixels.val[i]);
    else if (layout.is_opaque)
        vst4q_u8(rgb + 4 * x, opaque);
    else
        vst3q_u8(rgb + 3 * x, pixels);
}

#endif
