/* Gray from luma by a table: Note [Gray by a table] in luma_table.c. */
#ifndef CYCODEC_LUMA_TABLE_H
#define CYCODEC_LUMA_TABLE_H

#include <libavutil/frame.h>
#include <stddef.h>
#include <stdint.h>

#include "convert/scaler.h"
#include "picture/rect.h"
#include "picture/target.h"

/* The last table. All zeros at first. */
typedef struct {
    int known, format, space, range, ragged, even;
    ConvertType type;
    int is_found;
    int is_copy;   /* true if the bytes of luma are the result */
    int is_scaled; /* true if full_range_row gives the result */
    int depth;     /* bits of a sample of luma */
    void *values;
} LumaTable;

void luma_table_free(LumaTable *table);

/* Return true if a table gives swscale's gray of `type` for frames like this one, whose size after
 * orientation is width x height. `scalers` give swscale's values. */
int luma_table_find(LumaTable *table, const AVFrame *like, int width, int height, ConvertType type, Scalers *scalers);

/* Convert a part of a frame by the table that was found last. Return 0 or STRAY_BITS. */
int luma_table_run(const LumaTable *table, const AVFrame *frame, Rect part, uint8_t *out, ptrdiff_t stride);

#endif
