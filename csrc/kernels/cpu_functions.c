#include "kernels/cpu_functions.h"

const CpuFunctions cpu_functions = {
#define X(name) name,
    CPU_FUNCTIONS(X)
#undef X
};
