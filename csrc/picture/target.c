#include "picture/target.h"

#include <stdlib.h>
#include <string.h>

ConvertTarget *convert_target_new(int width, int height, const int region[4], int orientation, ConvertLayout layout,
                                  ConvertType type, int planar, int num_stages, const ConvertStage *stages) {
    size_t stages_bytes = (size_t)num_stages * sizeof(*stages);
    ConvertTarget *target = malloc(sizeof(*target) + stages_bytes);
    if (!target)
        return NULL;
    ConvertStage *copy = (ConvertStage *)(target + 1);
    if (num_stages)
        memcpy(copy, stages, stages_bytes);
    *target = (ConvertTarget){.width = width,
                              .height = height,
                              .x0 = region[2],
                              .y0 = region[0],
                              .x1 = region[3],
                              .y1 = region[1],
                              .orientation = orientation,
                              .layout = layout,
                              .type = type,
                              .planar = planar,
                              .num_stages = num_stages,
                              .stages = copy};
    return target;
}

void convert_target_free(ConvertTarget *target) {
    free(target);
}
