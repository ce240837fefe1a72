/* TEST DOUBLE, not NVIDIA's: pictures that are recognised by their data. */
#ifndef FAKEKNOWN_H
#define FAKEKNOWN_H

#include <libavutil/frame.h>

/* Return a new reference to the decoded picture whose packet holds this data, or NULL if there is
 * none. */
AVFrame *fakeknown_find(const uint8_t *data, size_t size);

#endif
