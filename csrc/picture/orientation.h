/* The eight orientations of a picture. */
#ifndef CYCODEC_ORIENTATION_H
#define CYCODEC_ORIENTATION_H

#include <stdint.h>

/* out(x, y) = in(x', y'): the picture is transposed first, then mirrored. */
enum { ORIENT_MIRROR_X = 1, ORIENT_MIRROR_Y = 2, ORIENT_TRANSPOSE = 4 };

/* Return the orientation that FFmpeg's autorotation gives to a display matrix of nine integers, or
 * 0 for NULL. */
int orientation_from_matrix(const int32_t *matrix);

#endif
