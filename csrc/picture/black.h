/* Pictures that stand in for frames that cannot be had. */
#ifndef CYCODEC_BLACK_H
#define CYCODEC_BLACK_H

#include <stdint.h>

#include "picture/target.h"

/* Fill a result with black, which is opaque in RGBA. */
void black_picture(const ConvertTarget *target, uint8_t *out);

#endif
