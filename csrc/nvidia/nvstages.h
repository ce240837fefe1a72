/* Resampling behind the conversion on a GPU: the counterpart of convert/stages.h. */
#ifndef CYCODEC_NVSTAGES_H
#define CYCODEC_NVSTAGES_H

#include "nvidia/nvdevice.h"
#include "picture/target.h"

#include "arguments.h"

typedef struct {
    ConvertStage stage;
    int in_width, in_height;
    int x0, y0, needed_rows; /* where the needed part of the input begins, and its number of rows */
    NvAxis across, down;
    NvBlock tables;
} NvStage;

/* The tables of the last picture's stages, and memory for the pictures between them. */
typedef struct {
    NvStage *built;
    int num_built;
    ConvertType type;
    NvBlock strip, picture;
} NvStages;

/* The device's context must be current for all of these. */
void nvstages_free(NvStages *stages);

/* Prepare tables and memory for a target's stages. `picture` is then large enough for the input of
 * the first stage. Tables are only made, and waited for, when stages or sizes change. */
CUresult nvstages_prepare(NvStages *stages, const ConvertTarget *target, CUstream stream);

/* Queue the conversion of a picture from the shown pixel (x, y) on, all stages, and the writing to
 * `out`. */
CUresult nvstages_run(const NvStages *stages, const NvDevice *device, CUstream stream, const NvConvert *picture, int x,
                      int y, const NvOut *out);

/* Return packed pixels without gaps in full precision, which the next stage resamples. */
NvOut nvstages_packed(CUdeviceptr data, int width, ConvertType type);

/* Return the conversion that reads such a picture without change. */
NvConvert nvstages_reading(const NvOut *packed);

#endif
