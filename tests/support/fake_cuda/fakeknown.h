/* TEST DOUBLE, not NVIDIA's: pictures known by their data. */
#ifndef FAKEKNOWN_H
#define FAKEKNOWN_H

#include <libavutil/frame.h>

/* The decoded picture whose packet holds this data, as a new reference; NULL: it is not known. */
AVFrame *fakeknown_find(const uint8_t *data, size_t size);

#endif
