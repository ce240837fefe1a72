/* TEST DOUBLE, not NVIDIA's: the one function of libnppicc.so that cycodec calls.
 *
 * It adds the fourth column of the twist to the result, as version 13.2 does. With the setting
 * "adds_first" it adds the column to the argument, as another version is said to do. A pixel's
 * chroma is that of the sample that covers it.
 */
#include <stdint.h>

#include "fakecuda.h"

#include "../../../csrc/third_party/nvcodec/dynlink_cuda.h"

typedef struct {
    int width, height;
} Size;

typedef struct {
    CUstream stream;
    int device, multiprocessors, threads_per_multiprocessor, threads_per_block;
    size_t shared_memory;
    int capability_major, capability_minor;
    unsigned flags;
    int reserved;
} Context;

__attribute__((visibility("default"))) int
nppiNV12ToRGB_8u_ColorTwist32f_P2C3R_Ctx(const uint8_t *const planes[2], int pitches[2], uint8_t *rgb, int row, Size size,
                                         const float twist[3][4], Context context) {
    int code = fake_enter("npp"), first = fake_setting("adds_first");
    if (code)
        return -code;
    if (context.capability_major != 9 || context.multiprocessors < 1 || size.width % 2 || size.height % 2)
        return -1;
    fake_say("npp %dx%d", size.width, size.height);
    for (int y = 0; y < size.height; y++)
        for (int x = 0; x < size.width; x++) {
            const uint8_t *chroma = planes[1] + y / 2 * pitches[1] + x / 2 * 2;
            float in[3] = {planes[0][y * pitches[0] + x], chroma[0], chroma[1]};
            for (int i = 0; i < 3 && first; i++)
                in[i] += twist[i][3];
            for (int i = 0; i < 3; i++) {
                float value = twist[i][0] * in[0] + twist[i][1] * in[1] + twist[i][2] * in[2];
                value += first ? 0 : twist[i][3];
                rgb[y * row + 3 * x + i] = value < 0 ? 0 : value > 255 ? 255 : (uint8_t)(value + 0.5f);
            }
        }
    return 0;
}
