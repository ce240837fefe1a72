/* The samples of YUV frames as they were decoded, one of each channel for each pixel. */
#ifndef CYCODEC_CONVERT_YUV_H
#define CYCODEC_CONVERT_YUV_H

#include <libavutil/frame.h>
#include <libavutil/pixdesc.h>
#include <stddef.h>
#include <stdint.h>

#include "convert/scaler.h"
#include "picture/target.h"

/* What is kept from picture to picture. All zeros at first. */
typedef struct {
    AVFrame *fitted; /* a frame that was scaled to the target's size */
    uint8_t *picture;
    size_t picture_size;
    void *lines; /* unpacked rows of the channels */
    size_t lines_size;
} Yuv;

void yuv_free(Yuv *yuv);

/* Return the bits of a sample, or 0 for a format that has no luma or that is not supported. Gray
 * has luma. */
int yuv_depth(const AVPixFmtDescriptor *desc);

/* Write the target's region in packed pixels of Y, U and V. Chroma samples are repeated. Floats are
 * samples divided by the largest one of their depth. Gray gets the middle value as chroma. Return 0
 * or AVERROR; AVERROR(ENOSYS) stands for a format whose samples the target's type cannot hold. */
int yuv_run(Yuv *yuv, Scalers *scalers, const AVFrame *frame, const ConvertTarget *target, uint8_t *out,
            ptrdiff_t stride);

#endif
