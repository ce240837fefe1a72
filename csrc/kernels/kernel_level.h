/* The best vector code that kernels may use. By default it is the best that the processor has;
 * tests lower it. */
#ifndef CYCODEC_KERNEL_LEVEL_H
#define CYCODEC_KERNEL_LEVEL_H

/* NONE: swscale converts, and plain loops do only what swscale cannot. PLAIN: plain loops do
 * everything. */
enum { LEVEL_NONE = -1, LEVEL_PLAIN = 0, LEVEL_AVX2 = 1, LEVEL_NEON = 1, LEVEL_AVX512 = 2 };

void kernel_limit(int level);
int kernel_level(void);

#endif
