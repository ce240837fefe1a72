/* Rows of samples to packed YUV of floats in [0, 1]. All levels give the same bits. */
#ifndef CYCODEC_FLOAT_YUV_H
#define CYCODEC_FLOAT_YUV_H

#include <stdint.h>

/* How the rows hold their samples, and what becomes of them. */
typedef struct {
    int depth;  /* bits of a sample; higher bits of a word do not count */
    int deep;   /* true if rows hold words, else bytes */
    int paired; /* true if each chroma sample serves two columns */
    int half;   /* true if the result is float16, rounded to nearest, ties to even; else float32 */
} FloatYuvKind;

/* Write `width` packed pixels. Each sample is divided by the largest one of its depth. */
void float_yuv_row(void *out, const void *const rows[3], int width, FloatYuvKind kind);

#endif
