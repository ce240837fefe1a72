/* Pictures in the caller's memory to frames for an encoder: RGB or gray to the pixel format, matrix
 * and colour range of the frame. */
#ifndef CYCODEC_FILL_FRAME_H
#define CYCODEC_FILL_FRAME_H

#include <libavutil/frame.h>
#include <stddef.h>
#include <stdint.h>

/* Types of the input's values. Floats span 0 to 1, integers 0 to 2^bits - 1. */
enum { INPUT_UINT8, INPUT_UINT16, INPUT_FLOAT };

/* What a conversion found in the input; flags of the value that fill_frame returns. */
enum { FOUND_NAN = 1, FOUND_OUTSIDE = 2 };

/* How pictures lie in memory. */
typedef struct {
    int width, height;
    int channels;                   /* 1: gray; 3: red, green, blue; 4: with alpha */
    int type;                       /* INPUT_UINT8, INPUT_UINT16 or INPUT_FLOAT */
    int bits;                       /* bits of an integer value */
    ptrdiff_t channel, row, column; /* distances in bytes */
} InputLayout;

typedef struct FrameFiller FrameFiller;

/* Return 1 if fill_frame can write a pixel format itself. */
int fills_format(int format);

/* Allocate what is needed for frames of one format, AVColorSpace and AVColorRange; NULL without
 * memory. */
FrameFiller *filler_new(const InputLayout *layout, int format, int space, int range);
void filler_free(FrameFiller *filler);

/* Convert a picture. Return flags of what was found. */
int fill_frame(FrameFiller *filler, const uint8_t *picture, AVFrame *frame);

/* Choose plain (0) or the best (1) vector code; for tests. */
void filler_limit(int level);

#endif
