/* Rows of samples in the form that the conversion kernels read: one channel, as bytes or as words
 * that use their low bits. */
#ifndef CYCODEC_UNPACK_ROWS_H
#define CYCODEC_UNPACK_ROWS_H

#include <stdint.h>

/* Return all bits that are set in a row of words. */
uint16_t or_words(const uint16_t *row, int count);

/* Copy every `step`th byte, from the first one on, to bytes or to words. */
void take_bytes(uint8_t *out, const uint8_t *in, int step, int count);
void widen_bytes(uint16_t *out, const uint8_t *in, int step, int count);

/* Copy every `step`th word, from the first one on, shifted to the right. */
void take_words(uint16_t *out, const uint16_t *in, int step, int shift, int count);

#endif
