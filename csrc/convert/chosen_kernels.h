/* The kernels that trials have chosen, for all decoders of the process: a trial takes longer than
 * converting a small picture. Any thread may call these functions. */
#ifndef CYCODEC_CONVERT_CHOSEN_KERNELS_H
#define CYCODEC_CONVERT_CHOSEN_KERNELS_H

#include <stdint.h>

/* What the outcome of a trial depends on. */
typedef struct {
    int first, end; /* the candidates */
    int format, space, range;
    int ragged, is_odd, even; /* the width is not divisible by 16, nor by 2; the height by 2 */
    int is_float, has_alpha;
    int level; /* of kernels/kernel_level.h */
} Trial;

/* Return a number that stands for a trial, or 0 if its fields are outside the usual ranges. */
uint64_t trial_key(const Trial *trial);

/* Return the kernel that was chosen, or -1 if that is not known. */
int chosen_kernel(uint64_t key);
void remember_kernel(uint64_t key, int kernel);

#endif
