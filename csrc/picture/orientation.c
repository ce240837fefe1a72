#include "picture/orientation.h"

#include <libavutil/display.h>
#include <math.h>

int orientation_from_matrix(const int32_t *matrix) {
    if (!matrix)
        return 0;
    double angle = av_display_rotation_get(matrix);
    if (isnan(angle))
        return 0;
    /* the clockwise angle by which a player turns the picture, in [0, 360) */
    double theta = -round(angle);
    theta -= 360 * floor(theta / 360 + 0.9 / 360);
    if (fabs(theta - 90) < 1)
        return ORIENT_TRANSPOSE | (matrix[3] > 0 ? 0 : ORIENT_MIRROR_X);
    if (fabs(theta - 180) < 1)
        return (matrix[0] < 0 ? ORIENT_MIRROR_X : 0) | (matrix[4] < 0 ? ORIENT_MIRROR_Y : 0);
    if (fabs(theta - 270) < 1)
        return ORIENT_TRANSPOSE | ORIENT_MIRROR_Y | (matrix[3] < 0 ? ORIENT_MIRROR_X : 0);
    if (fabs(theta) < 1)
        return matrix[4] < 0 ? ORIENT_MIRROR_Y : 0;
    return 0; /* any other angle is left to the caller, who finds it in metadata.rotation */
}
