/* Memory that a converter keeps from picture to picture. */
#ifndef CYCODEC_GROWN_H
#define CYCODEC_GROWN_H

#include <libavutil/mem.h>
#include <stddef.h>

/* Return at least `needed` bytes, or NULL without memory. New memory does not keep the old content.
 * The caller frees it with av_free. */
static inline void *grown(void *memory, size_t *size, size_t needed) {
    if (*size >= needed)
        return memory;
    av_free(memory);
    memory = av_malloc(needed);
    *size = memory ? needed : 0;
    return memory;
}

#endif
