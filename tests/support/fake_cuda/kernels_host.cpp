/* TEST DOUBLE, not NVIDIA's: compiles cycodec/cuda/kernels/convert.cu for the host and runs the
 * threads of a kernel one after the other. */
#include <math.h>
#include <string.h>

#define __device__
#define __global__
#define FMA(a, b, c) fmaf(a, b, c)
#define RINT(a) ((int)lrintf(a))
#define CLAMP(a, low, high) fminf(fmaxf(a, low), high)

struct Three {
    unsigned x, y, z;
};
static thread_local Three blockIdx, blockDim, threadIdx, gridDim;

#include "convert.cu"

template <typename Arguments>
static void run(void (*kernel)(Arguments), void **parameters, const unsigned grid[3], const unsigned block[3]) {
    Arguments arguments;
    memcpy(&arguments, parameters[0], sizeof(arguments));
    blockDim = {block[0], block[1], block[2]};
    gridDim = {grid[0], grid[1], grid[2]};
    for (blockIdx.y = 0; blockIdx.y < grid[1]; blockIdx.y++)
        for (blockIdx.x = 0; blockIdx.x < grid[0]; blockIdx.x++)
            for (threadIdx.y = 0; threadIdx.y < block[1]; threadIdx.y++)
                for (threadIdx.x = 0; threadIdx.x < block[0]; threadIdx.x++)
                    kernel(arguments);
}

extern "C" int fake_kernel(const char *name, void **parameters, const unsigned grid[3], const unsigned block[3]) {
    if (!strcmp(name, "convert_picture"))
        run(convert_picture, parameters, grid, block);
    else if (!strcmp(name, "resize_picture"))
        run(resize_picture, parameters, grid, block);
    else if (!strcmp(name, "resample_rows"))
        run(resample_rows, parameters, grid, block);
    else
        return 0;
    return 1;
}
