#include "nvidia/nvconvert.h"

#include <libavutil/pixdesc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nvidia/nvcpu.h"
#include "picture/orientation.h"
#include "picture/planar.h"

const CpuFunctions *cpu;

/* ---- memory ---- */

/* Let a stream wait for the work of another stream that still uses the memory. */
static CUresult claim(NvScratch *scratch, CUstream stream) {
    CUresult code = CUDA_SUCCESS;
    if (!scratch->used)
        code = nv->cuEventCreate(&scratch->used, NV_EVENT_DISABLE_TIMING);
    else if (scratch->stream != stream)
        code = nv->cuStreamWaitEvent(stream, scratch->used, 0);
    scratch->stream = stream;
    return code;
}

/* Record that all work which uses the memory is queued. */
static CUresult release(NvScratch *scratch, CUresult code) {
    CUresult recorded = nv->cuEventRecord(scratch->used, scratch->stream);
    return code == CUDA_SUCCESS ? recorded : code;
}

void nvconvert_free(const NvDevice *device, NvScratch *scratch) {
    char error[NV_ERROR_BYTES];
    free(scratch->staging);
    if ((scratch->used || scratch->chroma.tables.memory) && nvdevice_enter(device, error) == 0) {
        nvdevice_free(&scratch->rgb);
        nvdevice_free(&scratch->upload);
        nvstages_free(&scratch->stages);
        nvdevice_free(&scratch->chroma.tables);
        if (scratch->used)
            nv->cuEventDestroy(scratch->used);
        nvdevice_leave(CUDA_SUCCESS, "", error);
    }
    memset(scratch, 0, sizeof(*scratch));
}

/* ---- colours ---- */

NvColour nvconvert_colour(const AVFrame *frame) {
    return (NvColour){(int)frame->colorspace, cpu->colour_is_full_range(frame)};
}

/* Make the matrix from stored luma, u and v to R, G and B of 0 to 255 (ITU-T H.273, equations 27 to
 * 53). */
static void fill_matrix(float m[12], const NvColour *colour, int depth) {
    double kr, kb, kg, peak = (double)(1 << depth) - 1, unit = (double)(1 << (depth - 8));
    double luma = colour->full_range ? 255 / peak : 255 / (219 * unit);
    double chroma = colour->full_range ? 255 / peak : 255 / (224 * unit);
    double black = colour->full_range ? 0 : 16 * unit, grey = 128 * unit;
    cpu->colour_luma_weights(colour->space, &kr, &kb);
    kg = 1 - kr - kb;
    const double u[3] = {0, -2 * kb * (1 - kb) / kg, 2 * (1 - kb)}, v[3] = {2 * (1 - kr), -2 * kr * (1 - kr) / kg, 0};
    for (int i = 0; i < 3; i++) {
        m[4 * i] = (float)luma;
        m[4 * i + 1] = (float)(u[i] * chroma);
        m[4 * i + 2] = (float)(v[i] * chroma);
        m[4 * i + 3] = (float)(-luma * black - (u[i] + v[i]) * chroma * grey);
    }
}

/* Set swscale's fixed-point numbers, in the order of convert.cu. */
static void fill_fixed(int fixed[8], const NvColour *colour, int tables, int depth) {
    Yuv2RgbMatrix m;
    cpu->yuv2rgb_matrix(&m, cpu->colour_coefficients(colour->space), colour->full_range);
    fixed[0] = tables ? m.table.luma_scale : m.luma_scale;
    fixed[1] = tables ? m.table.luma_offset : m.luma_offset;
    fixed[2] = tables ? m.table.v_red : m.v_red;
    fixed[3] = tables ? m.table.u_green : m.u_green;
    fixed[4] = tables ? m.table.v_green : m.v_green;
    fixed[5] = tables ? m.table.u_blue : m.u_blue;
    fixed[6] = depth;
}

/* ---- conversion ---- */

static NvOut out_of(const ConvertTarget *target, uint64_t data, int64_t row_stride) {
    NvOut out = {.data = data,
                 .row_stride = row_stride / convert_sample_size(target->type),
                 .plane_stride = 1,
                 .column_stride = 3,
                 .type = (int)target->type};
    if (target->planar) {
        out.plane_stride = out.row_stride * convert_target_height(target);
        out.column_stride = 1;
    }
    return out;
}

/* Make the weights once for each size; width 0 means that only rows are interpolated. Work that
 * still uses the weights of another size is finished first. */
static CUresult prepare_chroma(NvChroma *chroma, int width, int height, CUstream stream) {
    Axis axes[2] = {{0}, {0}};
    CUresult code = NV_OUT_OF_MEMORY;
    if (chroma->width == width && chroma->height == height)
        return CUDA_SUCCESS;
    chroma->height = 0;
    nvdevice_free(&chroma->tables);
    if (cpu->sws_filter_rows(&axes[0], (height + 1) / 2, height) == 0 &&
        (!width || cpu->sws_filter_columns(&axes[1], (width + 1) / 2, width) == 0))
        code = nvaxis_upload(&chroma->tables, axes, &chroma->rows, &chroma->columns, stream);
    cpu->axis_free(&axes[0]);
    cpu->axis_free(&axes[1]);
    if (code == CUDA_SUCCESS) {
        chroma->width = width;
        chroma->height = height;
    }
    return code;
}

/* Choose the arithmetic that the CPU uses for a picture of this size. */
static CUresult choose_arithmetic(NvScratch *scratch, CUstream stream, NvConvert *args, const NvColour *colour,
                                  int depth, int width, int height, ConvertType type) {
    int is_float = type != CONVERT_UINT8, is_repeated = args->chroma_y && depth == 8 && height % 2 == 0;
    CUresult code;
    if (is_repeated)
        args->arithmetic = is_float ? NV_FLOAT_TABLES : NV_SWSCALE_PRODUCTS;
    else if (is_float)
        args->arithmetic = NV_FLOAT;
    else
        args->arithmetic = args->chroma_y && width % 2 == 0 ? NV_SWSCALE_TABLES : NV_SWSCALE_FULL;
    fill_fixed(args->fixed, colour, args->arithmetic == NV_SWSCALE_TABLES || args->arithmetic == NV_FLOAT_TABLES,
               depth);
    if (is_repeated || !args->chroma_y)
        return CUDA_SUCCESS;
    code = prepare_chroma(&scratch->chroma, width % 2 ? width : 0, height, stream);
    args->chroma_rows = scratch->chroma.rows;
    args->chroma_columns = scratch->chroma.columns;
    return code;
}

/* Scale a frame of another size to the size of the whole result, as the CPU does, and write the
 * target's region to `out`. */
static CUresult run_resized(const NvDevice *device, NvScratch *scratch, CUstream stream, NvConvert *args,
                            const ConvertTarget *target, int width, int height, const NvOut *out) {
    NvOut rgb;
    size_t size = (size_t)width * 3 * (size_t)height * (size_t)convert_sample_size(convert_unrounded(target->type));
    CUresult code = nvdevice_grow(&scratch->rgb, size, stream);
    if (code != CUDA_SUCCESS)
        return code;
    rgb = nvstages_packed(scratch->rgb.memory, width, target->type);
    args->x1 = width;
    args->y1 = height;
    args->out = rgb;
    code = nvdevice_launch(device->convert_picture, args, width, height, stream);
    if (code == CUDA_SUCCESS) {
        NvResize resize = {.data = rgb.data,
                           .row_stride = rgb.row_stride,
                           .type = rgb.type,
                           .width = width,
                           .height = height,
                           .out_width = target->width,
                           .out_height = target->height,
                           .x0 = target->x0,
                           .y0 = target->y0,
                           .x1 = target->x1,
                           .y1 = target->y1,
                           .out = *out};
        code =
            nvdevice_launch(device->resize_picture, &resize, target->x1 - target->x0, target->y1 - target->y0, stream);
    }
    return code;
}

/* Convert with scratch memory: to another size, through stages, or both. */
static CUresult run_scratch(const NvDevice *device, NvScratch *scratch, CUstream stream, NvConvert *args,
                            const ConvertTarget *target, int width, int height, const NvOut *out) {
    int resized = width != target->width || height != target->height;
    CUresult code = claim(scratch, stream);
    if (code == CUDA_SUCCESS && target->num_stages)
        code = nvstages_prepare(&scratch->stages, target, stream);
    if (code != CUDA_SUCCESS)
        return code;
    if (!target->num_stages) {
        code = run_resized(device, scratch, stream, args, target, width, height, out);
    } else if (!resized) {
        code = nvstages_run(&scratch->stages, device, stream, args, target->x0, target->y0, out);
    } else {
        NvOut region = nvstages_packed(scratch->stages.picture.memory, target->x1 - target->x0, target->type);
        NvConvert reading = nvstages_reading(&region);
        code = run_resized(device, scratch, stream, args, target, width, height, &region);
        if (code == CUDA_SUCCESS)
            code = nvstages_run(&scratch->stages, device, stream, &reading, 0, 0, out);
    }
    return release(scratch, code);
}

static int run(const NvDevice *device, NvScratch *scratch, CUstream stream, NvConvert *args, const NvColour *colour,
               int depth, const ConvertTarget *target, uint64_t out, int64_t row_stride, char error[NV_ERROR_BYTES]) {
    int turned = target->orientation & ORIENT_TRANSPOSE;
    int width = turned ? args->height : args->width, height = turned ? args->width : args->height;
    NvOut to = out_of(target, out, row_stride);
    CUresult code;
    args->orientation = target->orientation;
    if (nvdevice_enter(device, error) < 0)
        return -1;
    code = choose_arithmetic(scratch, stream, args, colour, depth, width, height, target->type);
    if (code != CUDA_SUCCESS)
        return nvdevice_leave(code, "cannot convert a picture", error);
    if (!target->num_stages && width == target->width && height == target->height) {
        args->x0 = target->x0;
        args->y0 = target->y0;
        args->x1 = target->x1;
        args->y1 = target->y1;
        args->out = to;
        code = nvdevice_launch(device->convert_picture, args, target->x1 - target->x0, target->y1 - target->y0, stream);
    } else {
        code = run_scratch(device, scratch, stream, args, target, width, height, &to);
    }
    return nvdevice_leave(code, "cannot convert a picture", error);
}

/* swscale truncates by up to three levels, and NPP rounds. With this bias no colour differs by more
 * than two levels, and white stays white. */
#define NPP_BIAS 0.49f

/* NPP converts 8-bit 4:2:0 of even height, from even coordinates on, to packed uint8 of the same
 * size and orientation. */
static int npp_suits(const NvDevice *device, const NvLayout *layout, const ConvertTarget *target) {
    int left = layout->left + target->x0, top = layout->top + target->y0;
    return device->npp && layout->format.depth == 8 && layout->format.chroma == cudaVideoChromaFormat_420 &&
           target->type == CONVERT_UINT8 && !target->planar && !target->num_stages && !target->orientation &&
           layout->width == target->width && layout->height == target->height && !(layout->height & 1) && !(left & 1) &&
           !(top & 1) && !((target->x1 - target->x0) & 1) && !((target->y1 - target->y0) & 1);
}

static int run_npp(const NvDevice *device, CUstream stream, const NvSurface *surface, const NvLayout *layout,
                   const NvColour *colour, const ConvertTarget *target, uint64_t out, int64_t row_stride,
                   char error[NV_ERROR_BYTES]) {
    size_t x = (size_t)(layout->left + target->x0), y = (size_t)(layout->top + target->y0);
    const uint8_t *const planes[2] = {(const uint8_t *)(surface->luma + y * surface->pitch + x),
                                      (const uint8_t *)(surface->chroma_u + y / 2 * surface->pitch + x)};
    int pitches[2] = {(int)surface->pitch, (int)surface->pitch}, status;
    NvNppSize size = {target->x1 - target->x0, target->y1 - target->y0};
    NvNppContext context = device->npp_context;
    float matrix[12], twist[3][4];
    float before[3] = {colour->full_range ? 0.0f : -16.0f, -128.0f, -128.0f};
    fill_matrix(matrix, colour, 8);
    for (int i = 0; i < 3; i++)
        matrix[4 * i + 3] -= NPP_BIAS;
    before[0] -= NPP_BIAS / matrix[0];
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 4; j++)
            twist[i][j] = j == 3 && device->npp_adds_first ? before[i] : matrix[4 * i + j];
    context.stream = stream;
    if (nvdevice_enter(device, error) < 0)
        return -1;
    status = device->npp(planes, pitches, (uint8_t *)out, (int)row_stride, size, (const float (*)[4])twist, context);
    nvdevice_leave(CUDA_SUCCESS, "", error);
    if (status)
        snprintf(error, NV_ERROR_BYTES, "NPP cannot convert a picture: NppStatus %d", status);
    return status ? -1 : 0;
}

/* Note [What a twist is]: some versions of NPP add a twist's fourth column to the result, others to
 * the argument. No document says which (TorchCodec's issue 1262; 13.2 adds it to the result). So
 * this function lets NPP convert 100 by the factor 0.5 with 20 added, and looks at the result. */
int nvconvert_try_npp(NvDevice *device, char error[NV_ERROR_BYTES]) {
    enum { SIDE = 16, PICTURE = SIDE * SIDE * 3 / 2, ROW = 3 * SIDE, AFTER = 70, BEFORE = 60 };
    const float twist[3][4] = {{0.5f, 0, 0, 20}, {0.5f, 0, 0, 20}, {0.5f, 0, 0, 20}};
    NvBlock block = {0};
    NvNppSize size = {SIDE, SIDE};
    NvNppContext context = device->npp_context;
    int pitches[2] = {SIDE, SIDE}, status = -1;
    uint8_t result = 0;
    CUresult code;
    context.stream = NULL;
    if (nvdevice_enter(device, error) < 0)
        return -1;
    code = nvdevice_grow(&block, PICTURE + SIDE * ROW, NULL);
    if (code == CUDA_SUCCESS)
        code = nv->cuMemsetD8Async(block.memory, 100, PICTURE, NULL);
    if (code == CUDA_SUCCESS) {
        uint8_t *memory = (uint8_t *)block.memory;
        const uint8_t *const planes[2] = {memory, memory + (ptrdiff_t)SIDE * SIDE};
        status = device->npp(planes, pitches, memory + PICTURE, ROW, size, twist, context);
        code = nv->cuMemcpyDtoH(&result, block.memory + PICTURE, 1); /* waits */
    }
    nvdevice_free(&block);
    if (nvdevice_leave(code, "cannot try NPP", error) < 0)
        return -1;
    device->npp_adds_first = result == BEFORE;
    if (!status && (result == AFTER || result == BEFORE))
        return 0;
    device->npp = NULL;
    snprintf(error, NV_ERROR_BYTES, "NPP gives %d for 0.5 * 100 + 20 (NppStatus %d)", result, status);
    return -1;
}

int nvconvert_surface(const NvDevice *device, NvScratch *scratch, CUstream stream, const NvSurface *surface,
                      const NvLayout *layout, const NvColour *colour, const ConvertTarget *target, uint64_t out,
                      int64_t row_stride, char error[NV_ERROR_BYTES]) {
    int full_chroma = layout->format.chroma == cudaVideoChromaFormat_444;
    NvConvert args;
    if (npp_suits(device, layout, target))
        return run_npp(device, stream, surface, layout, colour, target, out, row_stride, error);
    memset(&args, 0, sizeof(args));
    args.luma = surface->luma;
    args.chroma_u = surface->chroma_u;
    args.chroma_v = surface->chroma_v;
    args.pitch = args.chroma_pitch = (long long)surface->pitch;
    args.bytes = layout->format.depth > 8 ? 2 : 1;
    args.shift = layout->format.depth > 8 ? 16 - layout->format.depth : 0;
    args.chroma_step = full_chroma ? 1 : 2;
    args.chroma_x = args.chroma_y = full_chroma ? 0 : 1;
    args.left = layout->left;
    args.top = layout->top;
    args.width = layout->width;
    args.height = layout->height;
    return run(device, scratch, stream, &args, colour, layout->format.depth, target, out, row_stride, error);
}

int nvconvert_device_frame(const NvDevice *device, NvScratch *scratch, CUstream stream, const AVFrame *frame,
                           int pixel_format, const NvColour *colour, const ConvertTarget *target, uint64_t out,
                           int64_t row_stride, char error[NV_ERROR_BYTES]) {
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get((enum AVPixelFormat)pixel_format);
    NvSurface surface = {(CUdeviceptr)frame->data[0], (CUdeviceptr)frame->data[1], (CUdeviceptr)frame->data[2],
                         (size_t)frame->linesize[0]};
    NvLayout layout = {
        .left = (int)frame->crop_left, .top = (int)frame->crop_top, .width = frame->width, .height = frame->height};
    int code;
    layout.format.depth = desc->comp[0].depth;
    layout.format.chroma = desc->log2_chroma_w ? cudaVideoChromaFormat_420 : cudaVideoChromaFormat_444;
    if (desc->log2_chroma_w) /* u and v are interleaved */
        surface.chroma_v = surface.chroma_u + (layout.format.depth > 8 ? 2 : 1);
    if (nvdevice_enter(device, error) < 0 ||
        nvdevice_leave(nv->cuStreamSynchronize(NULL), "cannot wait for libavcodec", error) < 0)
        return -1;
    code = nvconvert_surface(device, scratch, stream, &surface, &layout, colour, target, out, row_stride, error);
    if (code < 0 || nvdevice_enter(device, error) < 0)
        return -1;
    return nvdevice_leave(nv->cuStreamSynchronize(stream), "cannot convert a picture", error);
}

int nvconvert_knows(int pixel_format) {
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get((enum AVPixelFormat)pixel_format);
    /* for these formats the CPU treats chroma as the kernel does: swscale's 15-bit arithmetic ends
     * at 14 bits */
    return is_planar_yuv(desc) && desc->comp[0].depth >= 8 && desc->comp[0].depth <= 14 &&
           desc->log2_chroma_w == desc->log2_chroma_h && desc->log2_chroma_w <= 1;
}

int nvconvert_frame(const NvDevice *device, NvScratch *scratch, CUstream stream, const AVFrame *frame,
                    const NvColour *colour, const ConvertTarget *target, uint64_t out, int64_t row_stride,
                    char error[NV_ERROR_BYTES]) {
    const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get((enum AVPixelFormat)frame->format);
    int bytes = (desc->comp[0].depth + 7) / 8;
    int widths[3], heights[3], result;
    size_t offsets[4] = {0};
    CUdeviceptr places[3];
    CUresult code;
    NvConvert args;
    for (int i = 0; i < 3; i++) {
        widths[i] = i ? AV_CEIL_RSHIFT(frame->width, desc->log2_chroma_w) : frame->width;
        heights[i] = i ? AV_CEIL_RSHIFT(frame->height, desc->log2_chroma_h) : frame->height;
        offsets[i + 1] = offsets[i] + (size_t)widths[i] * (size_t)heights[i] * (size_t)bytes;
        offsets[i + 1] = (offsets[i + 1] + 255) & ~(size_t)255;
    }
    if (nvdevice_enter(device, error) < 0)
        return -1;
    code = claim(scratch, stream);
    if (scratch->upload.size < offsets[3]) {
        free(scratch->staging);
        scratch->staging = malloc(offsets[3]);
    }
    if (code == CUDA_SUCCESS)
        code = scratch->staging ? nvdevice_grow(&scratch->upload, offsets[3], stream) : NV_OUT_OF_MEMORY;
    for (int i = 0; code == CUDA_SUCCESS && i < 3; i++) {
        size_t row = (size_t)widths[i] * (size_t)bytes;
        for (int y = 0; y < heights[i]; y++)
            memcpy(scratch->staging + offsets[i] + (size_t)y * row, frame->data[i] + (ptrdiff_t)y * frame->linesize[i],
                   row);
        places[i] = scratch->upload.memory + offsets[i];
    }
    if (code == CUDA_SUCCESS) /* returns when pageable memory has been read */
        code = nv->cuMemcpyHtoDAsync(scratch->upload.memory, scratch->staging, offsets[3], stream);
    if (nvdevice_leave(code, "cannot upload a picture", error) < 0)
        return -1;
    memset(&args, 0, sizeof(args));
    args.luma = places[0];
    args.chroma_u = places[1];
    args.chroma_v = places[2];
    args.pitch = (long long)widths[0] * bytes;
    args.chroma_pitch = (long long)widths[1] * bytes;
    args.bytes = bytes;
    args.chroma_step = 1;
    args.chroma_x = desc->log2_chroma_w;
    args.chroma_y = desc->log2_chroma_h;
    args.width = frame->width;
    args.height = frame->height;
    result = run(device, scratch, stream, &args, colour, desc->comp[0].depth, target, out, row_stride, error);
    if (nvdevice_enter(device, error) < 0)
        return -1;
    code = release(scratch, CUDA_SUCCESS);
    return nvdevice_leave(code, "cannot convert a picture", error) < 0 ? -1 : result;
}
