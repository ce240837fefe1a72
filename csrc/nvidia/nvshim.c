#include "nvidia/nvshim.h"

#include <dlfcn.h>
#include <stdio.h>

static void describe(char error[NV_ERROR_BYTES], const char *what, CUresult code) {
    const char *name = NULL;
    if (nv->cuGetErrorName && nv->cuGetErrorName(code, &name) == CUDA_SUCCESS && name)
        snprintf(error, NV_ERROR_BYTES, "%s: %s (%d)", what, name, (int)code);
    else
        snprintf(error, NV_ERROR_BYTES, "%s: CUDA error %d", what, (int)code);
}

static NvFunctions functions = {.describe = describe};
NvFunctions *nv = &functions;

int nvshim_open_cuvid(char error[NV_ERROR_BYTES]) {
    static void *library;
    if (!library) {
        library = dlopen("libnvcuvid.so.1", RTLD_NOW | RTLD_LOCAL);
        if (!library) {
            snprintf(error, NV_ERROR_BYTES, "%s", dlerror());
            return -1;
        }
    }
#define X(name)                                                                                                        \
    nv->name = (t##name *)dlsym(library, #name);                                                                       \
    if (!nv->name) {                                                                                                   \
        snprintf(error, NV_ERROR_BYTES, "libnvcuvid.so.1 has no %s (the driver is too old)", #name);                   \
        return -1;                                                                                                     \
    }
    NVSHIM_CUVID_FUNCTIONS(X)
#undef X
    return 0;
}

const char *nvshim_driver_name(int number) {
    static const char *const names[] = {
#define X(name, type) #name,
        NVSHIM_DRIVER_FUNCTIONS(X)
#undef X
            NULL};
    return names[number];
}

void nvshim_set_driver_function(int number, size_t address) {
    void **const places[] = {
#define X(name, type) (void **)&nv->name,
        NVSHIM_DRIVER_FUNCTIONS(X)
#undef X
    };
    *places[number] = (void *)address;
}
