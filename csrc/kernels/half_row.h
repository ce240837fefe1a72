/* Rows of float32 to rows of float16. */
#ifndef CYCODEC_HALF_ROW_H
#define CYCODEC_HALF_ROW_H

#include <stdint.h>

/* Round values in [0, 1] to the nearest float16, ties to even. */
void half_row(uint16_t *out, const float *in, int count);

#endif
