/* Which kernels may be used where the processor has them, of all that are here; for tests. The default is all. */
#ifndef CYCODEC_KERNEL_LEVEL_H
#define CYCODEC_KERNEL_LEVEL_H

/* NONE: swscale converts, and what is ours alone is done by plain loops; PLAIN: plain loops do all. */
enum { LEVEL_NONE = -1, LEVEL_PLAIN = 0, LEVEL_AVX2 = 1, LEVEL_NEON = 1, LEVEL_AVX512 = 2 };

void kernel_limit(int level);
int kernel_level(void);

#endif
