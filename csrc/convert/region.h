/* Rectangles of decoded frames: which one a region of the result needs, and how to address or turn
 * it. */
#ifndef CYCODEC_REGION_H
#define CYCODEC_REGION_H

#include <libavutil/frame.h>
#include <libavutil/pixdesc.h>

#include "picture/rect.h"

/* True if moving the plane pointers addresses a rectangle of a frame of this format. */
int region_is_addressable(const AVPixFmtDescriptor *desc);

/* True if the planes themselves can be turned: transposing must keep the subsampling. */
int region_is_turnable(const AVPixFmtDescriptor *desc, int orientation);

/* Return the rectangle of a width x height frame that is converted to get `want`: Note [Regions].
 * `per_pixel`: each pixel only needs the samples that cover it. */
Rect region_needed(const AVPixFmtDescriptor *desc, int width, int height, Rect want, int per_pixel);

/* Let `out` show the rectangle of `in`. `out` only borrows the planes. */
void region_borrow(AVFrame *out, const AVFrame *in, const AVPixFmtDescriptor *desc, Rect rect);

/* Copy the rectangle of `in` to `out`, turned, where `rect` consists of whole chroma samples and is
 * in coordinates of the turned frame. `out` gets new memory if its size or format differs. Return 0
 * or AVERROR. */
int region_turn(AVFrame *out, const AVFrame *in, const AVPixFmtDescriptor *desc, Rect rect, int orientation);

#endif
