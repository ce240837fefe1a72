/* The entry point of the conversion: from a decoded frame in any pixel format to a picture in the
 * caller's memory. */
#ifndef CYCODEC_CONVERT_H
#define CYCODEC_CONVERT_H

#include <libavutil/frame.h>
#include <stddef.h>
#include <stdint.h>

#include "picture/target.h"

typedef struct Converter Converter;

/* Return NULL without memory. */
Converter *converter_alloc(void);
void converter_free(Converter *converter);

/* Convert a frame to rows of pixels, or of one plane, `row_stride` bytes apart. Return 0 or
 * AVERROR. */
int converter_run(Converter *converter, const AVFrame *frame, const ConvertTarget *target, uint8_t *out,
                  ptrdiff_t row_stride);

/* For tests: return the Kernel of kernel_choice.h that was found last. */
int converter_kernel(const Converter *converter);

#endif
