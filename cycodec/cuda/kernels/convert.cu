/* From decoded pictures to RGB tensors, and from one size to another.
 *
 * Two compilers read this file: NVRTC makes a kernel for the GPU, and in the tests g++ makes a
 * function of the host (tests/support/fake_cuda). It therefore only includes two headers of
 * cycodec. Three operations have different names in the two compilers: FMA, RINT (to nearest, ties
 * to even) and CLAMP.
 */
#include "arguments.h"
#include "half.h"

#ifdef __CUDACC_RTC__
#define FMA(a, b, c) fmaf(a, b, c)
#define RINT(a) __float2int_rn(a)
#define CLAMP(a, low, high) fminf(fmaxf(a, low), high)
#endif

/* Store a value of 0 to 255: as a whole number for uint8, as 0 to 1 for floats. */
__device__ static float finished(int type, float value) {
    if (type == NV_TYPE_UINT8)
        return (float)RINT(CLAMP(value, 0.0f, 255.0f));
    return CLAMP(value * (1.0f / 255.0f), 0.0f, 1.0f);
}

__device__ static void store(const NvOut *out, int row, int column, const float rgb[3]) {
    long long place = row * out->row_stride + (long long)column * out->column_stride;
    int plane;
    for (plane = 0; plane < 3; plane++, place += out->plane_stride) {
        if (out->type == NV_TYPE_UINT8)
            ((unsigned char *)out->data)[place] = (unsigned char)rgb[plane];
        else if (out->type == NV_TYPE_FLOAT32)
            ((float *)out->data)[place] = rgb[plane];
        else
            ((unsigned short *)out->data)[place] = to_half(rgb[plane]);
    }
}

/* Read three values of packed RGB. */
__device__ static void load(unsigned long long data, int type, long long place, float rgb[3]) {
    int plane;
    for (plane = 0; plane < 3; plane++)
        rgb[plane] = type == NV_TYPE_UINT8 ? (float)((const unsigned char *)data)[place + plane]
                                           : ((const float *)data)[place + plane];
}

__device__ static float sample(unsigned long long plane, long long pitch, int row, int column, int bytes, int shift) {
    const unsigned char *line = (const unsigned char *)plane + row * pitch;
    if (bytes == 1)
        return (float)line[column];
    return (float)(((const unsigned short *)line)[column] >> shift);
}

/* Return where a sample of a turned plane is stored: coordinates are mirrored first, then
 * transposed. */
__device__ static void turn_back(int orientation, int width, int height, int *x, int *y) {
    if (orientation & 1)
        *x = (orientation & 4 ? height : width) - 1 - *x;
    if (orientation & 2)
        *y = (orientation & 4 ? width : height) - 1 - *y;
    if (orientation & 4) {
        int swap = *x;
        *x = *y;
        *y = swap;
    }
}

/* Read luma and chroma at coordinates of the turned planes. */
__device__ static float luma(const NvConvert *a, int x, int y) {
    turn_back(a->orientation, a->width, a->height, &x, &y);
    return sample(a->luma, a->pitch, a->top + y, a->left + x, a->bytes, a->shift);
}

__device__ static float chroma(const NvConvert *a, unsigned long long plane, int x, int y) {
    int width = (a->width + a->chroma_x) >> a->chroma_x, height = (a->height + a->chroma_y) >> a->chroma_y;
    turn_back(a->orientation, width, height, &x, &y);
    return sample(plane, a->chroma_pitch, (a->top >> a->chroma_y) + y, ((a->left >> a->chroma_x) + x) * a->chroma_step,
                  a->bytes, a->shift);
}

__device__ static int high(int a, int b) {
    return (a * b) >> 16;
}

__device__ static int limit(int value, int low, int top) {
    return value < low ? low : value > top ? top : value;
}

/* NV_SWSCALE_PRODUCTS. `fixed` holds luma's scale and offset, then the factors v_red, u_green,
 * v_green and u_blue. */
__device__ static void products(const NvConvert *a, int x, int y, int rgb[3]) {
    const int *f = a->fixed;
    int l = high(((int)luma(a, x, y) << 3) - f[1], f[0]);
    int u = ((int)chroma(a, a->chroma_u, x >> 1, y >> 1) << 3) - 1024;
    int v = ((int)chroma(a, a->chroma_v, x >> 1, y >> 1) << 3) - 1024;
    rgb[0] = l + high(v, f[2]);
    rgb[1] = l + limit(high(u, f[3]) + high(v, f[4]), -32768, 32767);
    rgb[2] = l + high(u, f[5]);
}

/* Return chroma in 15 or 19 bits at a column of luma. */
__device__ static int chroma_of_row(const NvConvert *a, unsigned long long plane, int x, int row, int bits) {
    const int *span;
    const short *weights;
    int depth = a->fixed[6], most = (1 << bits) - 1, sum = 0, k;
    if (!a->chroma_columns.length)
        return (int)chroma(a, plane, x >> 1, row) << (bits - depth);
    span = (const int *)a->chroma_columns.spans + 3 * x;
    weights = (const short *)a->chroma_columns.weights + span[2];
    for (k = 0; k < span[1]; k++)
        sum += weights[k] * (int)chroma(a, plane, span[0] + k, row);
    return limit(sum >> (a->chroma_columns.shift + depth - bits), -most - 1, most);
}

/* Return chroma at a column of luma, interpolated between its rows, in 12 more bits. A sum of 31
 * bits may wrap, as in swscale; what is subtracted from it undoes that. */
__device__ static int smooth_chroma(const NvConvert *a, unsigned long long plane, int x, int y, int bits) {
    const int *span;
    const short *weights;
    unsigned sum = 0;
    int k;
    if (!a->chroma_rows.length) /* 4:4:4 needs no interpolation */
        return (int)((unsigned)chroma(a, plane, x, y) << (bits + 12 - a->fixed[6]));
    span = (const int *)a->chroma_rows.spans + 3 * y;
    weights = (const short *)a->chroma_rows.weights + span[2];
    for (k = 0; k < span[1]; k++)
        sum += (unsigned)weights[k] * (unsigned)chroma_of_row(a, plane, x, span[0] + k, bits);
    return (int)sum;
}

/* Look up luma's and chroma's 8 bits in the tables. */
__device__ static void look_up(const int *f, int l, int u, int v, int rgb[3]) {
    int plane;
    rgb[0] = l - (f[2] >> 9) + ((v * f[2]) >> 16);
    rgb[1] = l - (f[3] >> 9) + ((u * f[3]) >> 16) - (f[4] >> 9) + ((v * f[4]) >> 16);
    rgb[2] = l - (f[5] >> 9) + ((u * f[5]) >> 16);
    for (plane = 0; plane < 3; plane++)
        rgb[plane] = (f[1] + f[0] * rgb[plane]) >> 16;
}

/* NV_SWSCALE_TABLES. `fixed` holds the same as 16.16 numbers, with chroma's factors in steps of
 * luma, and then the depth. */
__device__ static void tables(const NvConvert *a, int x, int y, int rgb[3]) {
    const int *f = a->fixed;
    int l = ((int)luma(a, x, y) + (1 << (f[6] - 8) >> 1)) >> (f[6] - 8);
    int u = limit((smooth_chroma(a, a->chroma_u, x, y, 15) + (1 << 18)) >> 19, 0, 255);
    int v = limit((smooth_chroma(a, a->chroma_v, x, y, 15) + (1 << 18)) >> 19, 0, 255);
    look_up(f, l, u, v, rgb);
}

/* NV_SWSCALE_FULL. `fixed` holds the numbers of NV_SWSCALE_PRODUCTS, and then the depth. Luma and
 * chroma have 17 bits. Sums are unsigned because far outside of the gamut they exceed 2^31 and
 * become black, as in swscale. */
__device__ static void full(const NvConvert *a, int x, int y, int rgb[3]) {
    const int *f = a->fixed;
    unsigned l = (unsigned)((((int)luma(a, x, y) << (17 - f[6])) - (f[1] << 6)) * f[0] + (1 << 21));
    unsigned u = (unsigned)((smooth_chroma(a, a->chroma_u, x, y, 15) - (128 << 19) + (1 << 9)) >> 10);
    unsigned v = (unsigned)((smooth_chroma(a, a->chroma_v, x, y, 15) - (128 << 19) + (1 << 9)) >> 10);
    rgb[0] = (int)(l + v * (unsigned)f[2]) >> 22;
    rgb[1] = (int)(l + u * (unsigned)f[3] + v * (unsigned)f[4]) >> 22;
    rgb[2] = (int)(l + u * (unsigned)f[5]) >> 22;
}

/* NV_FLOAT_TABLES, with the numbers of NV_SWSCALE_TABLES. Chroma is repeated. */
__device__ static void float_tables(const NvConvert *a, int x, int y, int rgb[3]) {
    look_up(a->fixed, (int)luma(a, x, y), (int)chroma(a, a->chroma_u, x >> 1, y >> 1),
            (int)chroma(a, a->chroma_v, x >> 1, y >> 1), rgb);
}

/* NV_FLOAT, with the numbers of NV_SWSCALE_FULL: luma and chroma have 17 bits, the result has 16.
 * Sums may wrap. 2^29 is subtracted before and added after, as in new versions of swscale. */
__device__ static void wide(const NvConvert *a, int x, int y, int rgb[3]) {
    const int *f = a->fixed;
    unsigned l = (unsigned)((((int)luma(a, x, y) << (17 - f[6])) - (f[1] << 6)) * f[0] + (1 << 13) - (1 << 29));
    unsigned u = (unsigned)((int)((unsigned)smooth_chroma(a, a->chroma_u, x, y, 19) - (1u << 30)) >> 14);
    unsigned v = (unsigned)((int)((unsigned)smooth_chroma(a, a->chroma_v, x, y, 19) - (1u << 30)) >> 14);
    rgb[0] = ((int)(l + v * (unsigned)f[2]) >> 14) + (1 << 15);
    rgb[1] = ((int)(l + u * (unsigned)f[3] + v * (unsigned)f[4]) >> 14) + (1 << 15);
    rgb[2] = ((int)(l + u * (unsigned)f[5]) >> 14) + (1 << 15);
}

/* Return one pixel of the turned picture as RGB. */
__device__ static void pixel(const NvConvert *a, int x, int y, float rgb[3]) {
    int plane, whole[3];
    if (a->arithmetic == NV_RGB) {
        load(a->luma, a->out.type, y * (a->pitch / a->bytes) + 3 * x, rgb);
        return;
    }
    if (a->arithmetic == NV_FLOAT || a->arithmetic == NV_FLOAT_TABLES) {
        int most = a->arithmetic == NV_FLOAT ? 65535 : 255;
        if (a->arithmetic == NV_FLOAT)
            wide(a, x, y, whole);
        else
            float_tables(a, x, y, whole);
        for (plane = 0; plane < 3; plane++)
            rgb[plane] = (float)limit(whole[plane], 0, most) / (float)most;
        return;
    }
    if (a->arithmetic == NV_SWSCALE_PRODUCTS)
        products(a, x, y, whole);
    else if (a->arithmetic == NV_SWSCALE_TABLES)
        tables(a, x, y, whole);
    else
        full(a, x, y, whole);
    for (plane = 0; plane < 3; plane++)
        rgb[plane] = finished(a->out.type, (float)limit(whole[plane], 0, 255));
}

/* ---- resampling, as csrc/resample does it ---- */

typedef struct {
    float floats[3];
    int whole[3];
} Sum;

__device__ static void begin(Sum *sum, const NvAxis *axis) {
    int plane;
    for (plane = 0; plane < 3; plane++) {
        sum->floats[plane] = 0.0f;
        sum->whole[plane] = 1 << axis->shift >> 1;
    }
}

/* Return a weight by its number. */
__device__ static void add(Sum *sum, const NvAxis *axis, int type, int number, const float rgb[3]) {
    int plane;
    for (plane = 0; plane < 3; plane++) {
        if (type == NV_TYPE_UINT8)
            sum->whole[plane] += ((const short *)axis->weights)[number] * (int)rgb[plane];
        else
            sum->floats[plane] = FMA(((const float *)axis->weights)[number], rgb[plane], sum->floats[plane]);
    }
}

__device__ static void end(const Sum *sum, const NvAxis *axis, int type, float rgb[3]) {
    int plane;
    for (plane = 0; plane < 3; plane++)
        rgb[plane] =
            type == NV_TYPE_UINT8 ? (float)limit(sum->whole[plane] >> axis->shift, 0, 255) : sum->floats[plane];
}

/* Each thread converts one pixel, or all pixels that one pixel of a resampled row needs. */
extern "C" __global__ void convert_picture(NvConvert a) {
    int column = (int)(blockIdx.x * blockDim.x + threadIdx.x), row = (int)(blockIdx.y * blockDim.y + threadIdx.y), k;
    const int *span;
    float rgb[3];
    Sum sum;
    if (column >= (a.across.length ? a.across.length : a.x1 - a.x0) || row >= a.y1 - a.y0)
        return;
    if (a.across.length) {
        span = (const int *)a.across.spans + 3 * column;
        begin(&sum, &a.across);
        for (k = 0; k < span[1]; k++) {
            pixel(&a, a.x0 + span[0] + k, a.y0 + row, rgb);
            add(&sum, &a.across, a.out.type, span[2] + k, rgb);
        }
        end(&sum, &a.across, a.out.type, rgb);
    } else {
        pixel(&a, a.x0 + column, a.y0 + row, rgb);
    }
    store(&a.out, row, column, rgb);
}

extern "C" __global__ void resample_rows(NvResample a) {
    int column = (int)(blockIdx.x * blockDim.x + threadIdx.x), row = (int)(blockIdx.y * blockDim.y + threadIdx.y), k;
    const int *span;
    float rgb[3];
    Sum sum;
    if (column >= a.width || row >= a.down.length)
        return;
    span = (const int *)a.down.spans + 3 * row;
    begin(&sum, &a.down);
    for (k = 0; k < span[1]; k++) {
        load(a.data, a.type, (span[0] + k) * a.row_stride + 3 * column, rgb);
        add(&sum, &a.down, a.type, span[2] + k, rgb);
    }
    end(&sum, &a.down, a.type, rgb);
    store(&a.out, row, column, rgb);
}

/* ---- frames whose size differs from the result's ---- */

/* Return swscale's cubic, (0, 0.6). */
__device__ static float weight(float distance) {
    float d = distance < 0 ? -distance : distance;
    if (d < 1.0f)
        return FMA(FMA(1.4f, d, -2.4f) * d, d, 1.0f);
    if (d < 2.0f)
        return FMA(FMA(FMA(-0.6f, d, 3.0f), d, -4.8f), d, 2.4f);
    return 0.0f;
}

/* Find the pixels [*first, *last) that one pixel of the result needs, and its centre among them. */
__device__ static float support(int place, int size, int out_size, float *reach, int *first, int *last) {
    float scale = (float)size / (float)out_size, centre = ((float)place + 0.5f) * scale;
    float wide = scale > 1.0f ? scale : 1.0f, radius = 2.0f * wide;
    *reach = 1.0f / wide;
    *first = (int)(centre - radius + 0.5f);
    *last = (int)(centre + radius + 0.5f);
    if (*first < 0 || centre - radius + 0.5f < 0.0f)
        *first = 0;
    if (*last > size)
        *last = size;
    return centre;
}

/* As in swscale, each pixel of the result is the mean of the pixels that it covers, weighted by a
 * filter that is stretched to cover them (antialiasing). */
extern "C" __global__ void resize_picture(NvResize a) {
    int column = (int)(blockIdx.x * blockDim.x + threadIdx.x), row = (int)(blockIdx.y * blockDim.y + threadIdx.y);
    int x, y, x_first, x_last, y_first, y_last, plane;
    float x_centre, y_centre, x_reach, y_reach, total = 0.0f, rgb[3], sum[3] = {0.0f, 0.0f, 0.0f};
    if (a.x0 + column >= a.x1 || a.y0 + row >= a.y1)
        return;
    x_centre = support(a.x0 + column, a.width, a.out_width, &x_reach, &x_first, &x_last);
    y_centre = support(a.y0 + row, a.height, a.out_height, &y_reach, &y_first, &y_last);
    for (y = y_first; y < y_last; y++) {
        float down = weight(((float)y + 0.5f - y_centre) * y_reach);
        for (x = x_first; x < x_last; x++) {
            float w = down * weight(((float)x + 0.5f - x_centre) * x_reach);
            total += w;
            load(a.data, a.type, y * a.row_stride + 3 * x, rgb);
            for (plane = 0; plane < 3; plane++)
                sum[plane] = FMA(w, rgb[plane], sum[plane]);
        }
    }
    for (plane = 0; plane < 3; plane++)
        rgb[plane] = finished(a.out.type, (a.type == NV_TYPE_UINT8 ? 1.0f : 255.0f) * (sum[plane] / total));
    store(&a.out, row, column, rgb);
}
