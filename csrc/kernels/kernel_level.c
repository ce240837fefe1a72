#include "kernels/kernel_level.h"

static int allowed = LEVEL_AVX512;

void kernel_limit(int level) {
    allowed = level;
}

int kernel_level(void) {
    return allowed;
}
