/* The rows of a frame in the form that kernels read: one channel each, bytes or low words. */
#ifndef CYCODEC_FRAME_ROWS_H
#define CYCODEC_FRAME_ROWS_H

#include <libavutil/frame.h>
#include <libavutil/pixdesc.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/rgb2yuv.h"

/* The result of a conversion that met bits above the depth of the samples: Note [Stray bits] in
 * frame_rows.c. It is neither 0 nor an AVERROR. */
enum { STRAY_BITS = 1 };

/* Chroma rows that are kept at a time, more than the taps of a filter. */
enum { KEPT_ROWS = 8 };

/* All zeros at first. */
typedef struct {
    const AVFrame *frame;
    const AVPixFmtDescriptor *desc;
    int depth;      /* bits of a sample in the rows */
    int is_words;   /* true if rows hold words, else bytes */
    int has_strays; /* true if a row that was asked for has bits above its depth */
    int drop;       /* lowest bits that are left out */
    int is_rgb;     /* true if rows are made of RGB */
    int words_of;   /* the row of which red, green and blue are kept, or -1 */
    Rgb2Yuv rgb2yuv;
    int checked[3]; /* rows of a channel before this one are known to have no stray bits */
    int kept[3][KEPT_ROWS];
    uint8_t *memory; /* unpacked rows: KEPT_ROWS of each channel, then red, green and blue */
    size_t memory_size, pitch;
} FrameRows;

void frame_rows_free(FrameRows *rows);

/* True if rows can be made of frames of a format: YUV or gray of 8 to 16 bits, each sample of which
 * is in a byte or a little-endian word of its own. Chroma may be halved or quartered. */
int has_frame_rows(const AVPixFmtDescriptor *desc);

/* True if rows of Y, U and V can be made of frames of a format: RGB of 8 bits. Their samples have
 * 14 bits, as swscale makes them for its general path. */
int has_rgb_rows(const AVPixFmtDescriptor *desc);

/* True if rows of samples are read where they are. */
int are_rows_in_place(const AVPixFmtDescriptor *desc);

/* Begin a frame. Samples of more than `most_bits` bits lose their lowest ones. Rows hold words if
 * `is_words` or if there are more than 8 bits. Return 0 or AVERROR. */
int frame_rows_begin(FrameRows *rows, const AVFrame *frame, int most_bits, int is_words);

/* Return a row of channel 0, 1 or 2. The last KEPT_ROWS rows of chroma stay valid, and the last row
 * of luma. */
const void *frame_row(FrameRows *rows, int channel, int y);

#endif
