/* Pixels by a table, where one code of few bits is a whole pixel: Note [Pixels by a table] in
 * pixel_table.c. */
#ifndef CYCODEC_PIXEL_TABLE_H
#define CYCODEC_PIXEL_TABLE_H

#include <libavutil/frame.h>
#include <stdint.h>

#include "convert/scaler.h"
#include "picture/rect.h"
#include "picture/target.h"

/* The last table. All zeros at first. */
typedef struct {
    int known, format, space, range, ragged, even;
    ConvertLayout layout;
    ConvertType type;
    uint8_t palette[1024];
    int is_found;
    int depth;    /* bits of a code */
    void *values; /* the channels of each code */
} PixelTable;

void pixel_table_free(PixelTable *table);

/* Return true if a table gives swscale's pixels for frames like this one, whose size after
 * orientation is width x height. swscale makes them in `pixel_format`. */
int pixel_table_find(PixelTable *table, const AVFrame *like, int width, int height, const ConvertTarget *target,
                     int pixel_format, Scalers *scalers);

/* Convert a part of a frame by the table that was found last, to packed pixels. Return 0 or
 * STRAY_BITS. */
int pixel_table_run(const PixelTable *table, const AVFrame *frame, Rect part, uint8_t *out, ptrdiff_t stride);

#endif
