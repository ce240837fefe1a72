#include "nvidia/nvstages.h"

#include <libavutil/common.h>
#include <stdlib.h>
#include <string.h>

#include "nvidia/nvaxis.h"
#include "nvidia/nvcpu.h"

static size_t picture_bytes(int width, int height, ConvertType type) {
    return (size_t)width * 3 * (size_t)convert_sample_size(convert_unrounded(type)) * (size_t)height;
}

static void drop_built(NvStages *s) {
    for (int i = 0; i < s->num_built; i++)
        nvdevice_free(&s->built[i].tables);
    free(s->built);
    s->built = NULL;
    s->num_built = 0;
}

void nvstages_free(NvStages *s) {
    drop_built(s);
    nvdevice_free(&s->strip);
    nvdevice_free(&s->picture);
}

NvOut nvstages_packed(CUdeviceptr data, int width, ConvertType type) {
    return (NvOut){.data = data,
                   .row_stride = 3 * (long long)width,
                   .plane_stride = 1,
                   .column_stride = 3,
                   .type = (int)convert_unrounded(type)};
}

NvConvert nvstages_reading(const NvOut *packed) {
    int bytes = convert_sample_size((ConvertType)packed->type);
    return (NvConvert){.luma = packed->data, .pitch = packed->row_stride * bytes, .bytes = bytes, .arithmetic = NV_RGB};
}

/* ---- tables ---------------------------------------------------------------------------------- */

static CUresult build_stage(NvStage *s, ConvertType type, CUstream stream) {
    Axis axes[2] = {{0}, {0}};
    CUresult code = NV_OUT_OF_MEMORY;
    int fixed = type == CONVERT_UINT8;
    s->x0 = cpu->axis_init(&axes[0], s->in_width, s->stage.width, s->stage.x0, s->stage.x1, fixed);
    s->y0 = cpu->axis_init(&axes[1], s->in_height, s->stage.height, s->stage.y0, s->stage.y1, fixed);
    s->needed_rows = axes[1].extent;
    if (s->x0 >= 0 && s->y0 >= 0)
        code = nvaxis_upload(&s->tables, axes, &s->across, &s->down, stream);
    cpu->axis_free(&axes[0]);
    cpu->axis_free(&axes[1]);
    return code;
}

static int is_built(const NvStages *s, const ConvertTarget *target) {
    if (s->num_built != target->num_stages || s->type != target->type ||
        s->built[0].in_width != target->x1 - target->x0 || s->built[0].in_height != target->y1 - target->y0)
        return 0;
    for (int i = 0; i < s->num_built; i++)
        if (memcmp(&s->built[i].stage, &target->stages[i], sizeof(ConvertStage)))
            return 0;
    return 1;
}

CUresult nvstages_prepare(NvStages *s, const ConvertTarget *target, CUstream stream) {
    int width = target->x1 - target->x0, height = target->y1 - target->y0;
    size_t strip = 0, picture = 0;
    CUresult code = CUDA_SUCCESS;
    if (is_built(s, target))
        return code;
    drop_built(s);
    s->built = calloc((size_t)target->num_stages, sizeof(*s->built));
    if (!s->built)
        return NV_OUT_OF_MEMORY;
    s->type = target->type;
    for (int i = 0; code == CUDA_SUCCESS && i < target->num_stages; i++) {
        NvStage *built = &s->built[i];
        s->num_built = i + 1;
        built->stage = target->stages[i];
        built->in_width = width;
        built->in_height = height;
        picture = FFMAX(picture, picture_bytes(width, height, s->type));
        width = built->stage.x1 - built->stage.x0;
        height = built->stage.y1 - built->stage.y0;
        code = build_stage(built, s->type, stream);
        strip = FFMAX(strip, picture_bytes(width, built->needed_rows, s->type));
    }
    if (code == CUDA_SUCCESS)
        code = nvdevice_grow(&s->strip, strip, stream);
    if (code == CUDA_SUCCESS)
        code = nvdevice_grow(&s->picture, picture, stream);
    if (code != CUDA_SUCCESS)
        drop_built(s);
    return code;
}

/* ---- pictures -------------------------------------------------------------------------------- */

CUresult nvstages_run(const NvStages *s, const NvDevice *device, CUstream stream, const NvConvert *picture, int x,
                      int y, const NvOut *out) {
    NvConvert convert = *picture;
    CUresult code = CUDA_SUCCESS;
    for (int i = 0; code == CUDA_SUCCESS && i < s->num_built; i++) {
        const NvStage *stage = &s->built[i];
        int width = stage->across.length;
        NvOut strip = nvstages_packed(s->strip.memory, width, s->type),
              result = nvstages_packed(s->picture.memory, width, s->type);
        NvResample resample = {.data = strip.data,
                               .row_stride = strip.row_stride,
                               .type = strip.type,
                               .width = width,
                               .down = stage->down,
                               .out = i + 1 < s->num_built ? result : *out};
        convert.x0 = x + stage->x0;
        convert.y0 = y + stage->y0;
        convert.y1 = convert.y0 + stage->needed_rows;
        convert.across = stage->across;
        convert.out = strip;
        code = nvdevice_launch(device->convert_picture, &convert, width, stage->needed_rows, stream);
        if (code == CUDA_SUCCESS)
            code = nvdevice_launch(device->resample_rows, &resample, width, stage->down.length, stream);
        convert = nvstages_reading(&result);
        x = y = 0;
    }
    return code;
}
