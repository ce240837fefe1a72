/* swscale with the settings of the ffmpeg command's scale filter. */
#ifndef CYCODEC_SCALER_H
#define CYCODEC_SCALER_H

#include <libavutil/frame.h>
#include <stdint.h>

enum { NUM_SCALERS = 4 };

typedef struct {
    int width, height, format;             /* size and format of the input */
    int out_width, out_height, out_format; /* size and format of the output */
    int space, range;                      /* the input frame's own values */
} ScalerKey;

typedef struct {
    ScalerKey key;
    struct SwsContext *sws;
    unsigned used; /* time of the last use, counted by `clock` */
} Scaler;

/* The contexts that were used last. All zeros at first. */
typedef struct {
    Scaler scalers[NUM_SCALERS];
    unsigned clock;
} Scalers;

void scalers_free(Scalers *scalers);

/* Scale a whole frame to the size of another one, which has the same format and owns memory. Return
 * 0 or AVERROR. */
int scalers_fit(Scalers *scalers, const AVFrame *frame, AVFrame *out);

/* Convert a whole frame to packed pixels of a size and format. Return 0 or AVERROR. */
int scalers_run(Scalers *scalers, const AVFrame *frame, int width, int height, int format, uint8_t *out, int stride);

#endif
