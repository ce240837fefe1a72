/* The best vector code that may be used, for tests. By default, all that the processor has. */
#ifndef CYCODEC_KERNEL_LEVEL_H
#define CYCODEC_KERNEL_LEVEL_H

/* NONE: swscale converts, and plain loops do what only we do. PLAIN: plain loops do everything. */
enum { LEVEL_NONE = -1, LEVEL_PLAIN = 0, LEVEL_AVX2 = 1, LEVEL_NEON = 1, LEVEL_AVX512 = 2 };

void kernel_limit(int level);
int kernel_level(void);

#endif
