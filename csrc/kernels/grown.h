/* Memory that is kept from picture to picture. */
#ifndef CYCODEC_GROWN_H
#define CYCODEC_GROWN_H

#include <libavutil/mem.h>
#include <stddef.h>

/* At least `needed` bytes, whose content is not kept when they are new ones; to be freed with av_free. NULL: there are
 * none. */
static inline void *grown(void *memory, size_t *size, size_t needed) {
    if (*size >= needed)
        return memory;
    av_free(memory);
    memory = av_malloc(needed);
    *size = memory ? needed : 0;
    return memory;
}

#endif
