/* Pictures whose chroma is filtered along rows before the conversion: odd widths, 4:1:1, 4:1:0. */
#ifndef CYCODEC_CONVERT_WIDE_H
#define CYCODEC_CONVERT_WIDE_H

#include <libavutil/frame.h>
#include <libavutil/pixdesc.h>
#include <stddef.h>
#include <stdint.h>

#include "convert/frame_rows.h"
#include "kernels/wide_rows.h"
#include "picture/target.h"

/* The filters of the last picture, and rows of chroma. All zeros at first. */
typedef struct {
    WideColumns columns;
    Axis down;
    int chroma_width, out_width, chroma_height, height; /* what they were made for */
    int32_t *memory;
    size_t memory_size;
    int kept[2][KEPT_ROWS]; /* which rows the memory holds */
} Wide;

void wide_free(Wide *wide);

/* True if swscale filters the columns of chroma of pictures of a format and width. */
int wide_is_needed(const AVPixFmtDescriptor *desc, int width);

/* True if wide_run can convert such pictures, if they need it. */
int wide_is_possible(const AVPixFmtDescriptor *desc, int width, int height);

/* Convert rows y0 to y1 of a frame that shows row `top` and the following ones of a picture of
 * `height` rows. Return 0, STRAY_BITS or AVERROR. */
int wide_run(Wide *wide, FrameRows *rows, FloatArithmetic arithmetic, const AVFrame *frame, int y0, int y1, int top,
             int height, uint8_t *rgb, ptrdiff_t stride, RgbLayout layout, ConvertType type);

#endif
