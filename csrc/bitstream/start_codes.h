/* Start codes: the bytes 0, 0, 1 before each unit of MPEG-1 to HEVC. */
#ifndef CYCODEC_START_CODES_H
#define CYCODEC_START_CODES_H

#include <stdint.h>

/* Returns where the bytes behind the next start code begin; `size` if there is none. */
int start_codes_next(const uint8_t *data, int position, int size);

/* The same without vector instructions of a certain processor. */
int start_codes_next_plain(const uint8_t *data, int position, int size);

#endif
