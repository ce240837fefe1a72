/* Resampling behind the conversion on a GPU: the counterpart of convert_stages.h. */
#ifndef CYCODEC_NVSTAGES_H
#define CYCODEC_NVSTAGES_H

#include "nvidia/nvdevice.h"
#include "picture/target.h"

#include "arguments.h"

typedef struct {
    ConvertStage stage;
    int in_width, in_height;
    int x0, y0, needed_rows; /* of the input: where the part that is needed begins, and how high it is */
    NvAxis across, down;
    NvBlock tables;
} NvStage;

/* The tables of the stages that the last picture went through, and memory for what is between them. */
typedef struct {
    NvStage *built;
    int num_built;
    ConvertType type;
    NvBlock strip, picture;
} NvStages;

/* All of these are called with the device's context current. */
void nvstages_free(NvStages *stages);

/* Have tables and memory for a target's stages; then `picture` has room for what goes into the first one. Tables are made
 * anew, and waited for, only when stages or sizes change. */
CUresult nvstages_prepare(NvStages *stages, const ConvertTarget *target, CUstream stream);

/* Queue the conversion of a picture from (x, y) of what is shown on, all stages, and writing to `out`. */
CUresult nvstages_run(const NvStages *stages, const NvDevice *device, CUstream stream, const NvConvert *picture, int x,
                      int y, const NvOut *out);

/* Packed pixels without gaps, in full precision: what conversion leaves to be resampled. */
NvOut nvstages_packed(CUdeviceptr data, int width, ConvertType type);

/* The conversion of such a picture: nothing is done to it. */
NvConvert nvstages_reading(const NvOut *packed);

#endif
