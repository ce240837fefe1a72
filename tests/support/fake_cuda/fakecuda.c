/* TEST DOUBLE, not NVIDIA's: a libcuda.so.1 that runs on the host. Device memory is host memory,
 * and queued work is done before the call returns.
 *
 * It is as strict as the driver: calls need a current context, handles are checked, and all live
 * objects are counted. It does not model time, so a test cannot notice a missing wait by its
 * result. The log shows the order of calls instead.
 */
#define _GNU_SOURCE
#include "fakecuda.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))
typedef int CUresult;
typedef unsigned long long CUdeviceptr;

enum { MAX_DEVICES = 4, STACK = 32, MAX_FAILURES = 16, MAX_SETTINGS = 16 };

typedef struct {
    int ordinal;
    int retained;
} Context;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Context contexts[MAX_DEVICES];
static int initialised;
static __thread Context *stack[STACK];
static __thread int depth;
static int64_t counts[NUM_COUNTS];

/* ---- control: the tests call these functions by ctypes ---- */

static struct {
    char name[64];
    int nth, code;
} failures[MAX_FAILURES];
static struct {
    char name[64];
    int value;
} settings[MAX_SETTINGS];
static char *text;
static size_t text_size, text_space;

/* Make the nth call of `name` from now on return `code`; 1 is the next call. With 0, no call fails.
 * With a negative number, every call fails. */
EXPORT void fake_fail(const char *name, int nth, int code) {
    pthread_mutex_lock(&lock);
    for (int i = 0; i < MAX_FAILURES; i++)
        if (!failures[i].name[0] || !strcmp(failures[i].name, name)) {
            snprintf(failures[i].name, sizeof(failures[i].name), "%s", name);
            failures[i].nth = nth;
            failures[i].code = code;
            break;
        }
    pthread_mutex_unlock(&lock);
}

/* Change a setting. The settings and their defaults are:
 *
 * - devices (1), driver_version (13000).
 * - av1 (0): with 1, the hardware decodes AV1.
 * - greedy (0): with 1, the parser reuses surfaces as soon as it can.
 * - damage (0): the number of pictures of each parser that report an error.
 * - swallow (0): the number of the picture that is never displayed, counted from 1.
 * - left, top (0): columns and rows that the shown picture omits from the coded one.
 * - log (0): with 1, calls are logged.
 */
EXPORT void fake_set(const char *name, int value) {
    pthread_mutex_lock(&lock);
    for (int i = 0; i < MAX_SETTINGS; i++)
        if (!settings[i].name[0] || !strcmp(settings[i].name, name)) {
            snprintf(settings[i].name, sizeof(settings[i].name), "%s", name);
            settings[i].value = value;
            break;
        }
    pthread_mutex_unlock(&lock);
}

EXPORT int fake_setting(const char *name) {
    static const struct {
        const char *name;
        int value;
    } defaults[] = {{"devices", 1}, {"driver_version", 13000}};
    int value = 0;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < sizeof(defaults) / sizeof(*defaults); i++)
        if (!strcmp(defaults[i].name, name))
            value = defaults[i].value;
    for (int i = 0; i < MAX_SETTINGS; i++)
        if (!strcmp(settings[i].name, name))
            value = settings[i].value;
    pthread_mutex_unlock(&lock);
    return value;
}

/* Restore the state after loading, except for live objects. */
EXPORT void fake_reset(void) {
    pthread_mutex_lock(&lock);
    memset(failures, 0, sizeof(failures));
    memset(settings, 0, sizeof(settings));
    text_size = 0;
    pthread_mutex_unlock(&lock);
}

EXPORT int64_t fake_count(int what) {
    return counts[what];
}

/* Return the log and empty it. The caller does not free it. */
EXPORT const char *fake_log(void) {
    static char *given;
    pthread_mutex_lock(&lock);
    free(given);
    given = strndup(text ? text : "", text_size);
    text_size = 0;
    pthread_mutex_unlock(&lock);
    return given;
}

EXPORT void fake_say(const char *format, ...) {
    va_list arguments;
    char line[256];
    int size;
    if (!fake_setting("log"))
        return;
    va_start(arguments, format);
    size = vsnprintf(line, sizeof(line) - 1, format, arguments);
    va_end(arguments);
    line[size++] = '\n';
    pthread_mutex_lock(&lock);
    if (text_size + (size_t)size > text_space) {
        text_space = 2 * (text_space + (size_t)size);
        text = realloc(text, text_space);
    }
    memcpy(text + text_size, line, (size_t)size);
    text_size += (size_t)size;
    pthread_mutex_unlock(&lock);
}

EXPORT void fake_add(int what, int64_t by) {
    __atomic_add_fetch(&counts[what], by, __ATOMIC_SEQ_CST);
}

EXPORT int fake_fails(const char *name) {
    int code = 0;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < MAX_FAILURES; i++)
        if (!strcmp(failures[i].name, name) && failures[i].nth)
            if (failures[i].nth < 0 || --failures[i].nth == 0)
                code = failures[i].code;
    pthread_mutex_unlock(&lock);
    return code;
}

EXPORT void *fake_current_context(void) {
    return depth ? stack[depth - 1] : NULL;
}

EXPORT int fake_enter(const char *name) {
    if (!initialised)
        return NOT_INITIALIZED;
    if (!depth)
        return INVALID_CONTEXT;
    return fake_fails(name);
}

#define ENTER(name)                                                                                                    \
    do {                                                                                                               \
        int code_ = fake_enter(name);                                                                                  \
        if (code_)                                                                                                     \
            return code_;                                                                                              \
    } while (0)

/* ---- start, devices, contexts ---- */

EXPORT CUresult cuInit(unsigned flags) {
    int code = fake_fails("cuInit");
    if (code)
        return code;
    initialised = 1;
    for (int i = 0; i < MAX_DEVICES; i++)
        contexts[i].ordinal = i;
    return flags ? INVALID_VALUE : OK;
}

EXPORT CUresult cuDriverGetVersion(int *version) {
    *version = fake_setting("driver_version");
    return OK;
}

EXPORT CUresult cuDeviceGetCount(int *count) {
    *count = fake_setting("devices");
    return initialised ? OK : NOT_INITIALIZED;
}

EXPORT CUresult cuDeviceGet(int *device, int ordinal) {
    if (ordinal < 0 || ordinal >= fake_setting("devices"))
        return INVALID_DEVICE;
    *device = ordinal;
    return OK;
}

EXPORT CUresult cuDeviceGetName(char *name, int size, int device) {
    snprintf(name, (size_t)size, "fake GPU %d (test double)", device);
    return OK;
}

EXPORT CUresult cuDeviceGetAttribute(int *value, int attribute, int device) {
    (void)device;
    /* the numbers of the attributes mean: threads of a block, its shared memory, alignment of
     * textures, multiprocessors, threads of a multiprocessor, and compute capability (9.0) */
    *value = attribute == 1    ? 1024
             : attribute == 8  ? 49152
             : attribute == 14 ? 512
             : attribute == 16 ? 132
             : attribute == 39 ? 2048
             : attribute == 75 ? 9
                               : 0;
    return OK;
}

EXPORT CUresult cuDevicePrimaryCtxRetain(void **context, int device) {
    int code = fake_fails("cuDevicePrimaryCtxRetain");
    if (code)
        return code;
    contexts[device].retained++;
    *context = &contexts[device];
    return OK;
}

EXPORT CUresult cuDevicePrimaryCtxRelease_v2(int device) {
    return --contexts[device].retained < 0 ? INVALID_CONTEXT : OK;
}

EXPORT CUresult cuCtxPushCurrent_v2(void *context) {
    Context *c = context;
    if (!initialised || c < contexts || c >= contexts + MAX_DEVICES || !c->retained || depth == STACK)
        return INVALID_CONTEXT;
    stack[depth++] = c;
    return OK;
}

EXPORT CUresult cuCtxPopCurrent_v2(void **context) {
    if (!depth)
        return INVALID_CONTEXT;
    depth--;
    if (context)
        *context = stack[depth];
    return OK;
}

EXPORT CUresult cuCtxGetCurrent(void **context) {
    *context = fake_current_context();
    return OK;
}

/* NVRTC asks for the driver's internal tables and calls what it finds. The double has none. */
EXPORT CUresult cuGetExportTable(const void **table, const void *uuid) {
    (void)uuid;
    *table = NULL;
    return NOT_FOUND;
}

/* ---- memory ---- */

typedef struct Block {
    struct Block *next;
    void *memory;
    size_t size;
} Block;
static Block *blocks;

EXPORT void *fake_device_alloc(size_t size) {
    Block *block = malloc(sizeof(*block));
    if (!block || posix_memalign(&block->memory, 512, size ? size : 1))
        return NULL;
    memset(block->memory, 0xEE, size);
    block->size = size;
    pthread_mutex_lock(&lock);
    block->next = blocks;
    blocks = block;
    pthread_mutex_unlock(&lock);
    fake_add(COUNT_MEMORY, 1);
    fake_add(COUNT_BYTES, (int64_t)size);
    return block->memory;
}

EXPORT int fake_device_free(void *memory) {
    Block **place, *block = NULL;
    pthread_mutex_lock(&lock);
    for (place = &blocks; *place; place = &(*place)->next)
        if ((*place)->memory == memory) {
            block = *place;
            *place = block->next;
            break;
        }
    pthread_mutex_unlock(&lock);
    if (!block)
        return INVALID_VALUE;
    memset(memory, 0xDD, block->size); /* code that reads freed memory finds this pattern */
    fake_add(COUNT_MEMORY, -1);
    fake_add(COUNT_BYTES, -(int64_t)block->size);
    free(memory);
    free(block);
    return OK;
}

EXPORT CUresult cuMemAlloc_v2(CUdeviceptr *address, size_t size) {
    ENTER("cuMemAlloc");
    *address = (CUdeviceptr)fake_device_alloc(size);
    return *address ? OK : OUT_OF_MEMORY;
}

EXPORT CUresult cuMemFree_v2(CUdeviceptr address) {
    ENTER("cuMemFree");
    return fake_device_free((void *)address);
}

EXPORT CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, size_t size, void *stream) {
    ENTER("cuMemcpyDtoDAsync");
    fake_say("copy stream=%d", stream != NULL);
    memmove((void *)to, (const void *)from, size);
    return OK;
}

EXPORT CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void *from, size_t size, void *stream) {
    ENTER("cuMemcpyHtoDAsync");
    fake_say("upload stream=%d", stream != NULL);
    memcpy((void *)to, from, size);
    return OK;
}

EXPORT CUresult cuMemcpyHtoD_v2(CUdeviceptr to, const void *from, size_t size) {
    ENTER("cuMemcpyHtoD");
    memcpy((void *)to, from, size);
    return OK;
}

EXPORT CUresult cuMemcpyDtoH_v2(void *to, CUdeviceptr from, size_t size) {
    ENTER("cuMemcpyDtoH");
    memcpy(to, (const void *)from, size);
    return OK;
}

EXPORT CUresult cuMemsetD8Async(CUdeviceptr to, unsigned char value, size_t size, void *stream) {
    ENTER("cuMemsetD8Async");
    fake_say("clear stream=%d", stream != NULL);
    memset((void *)to, value, size);
    return OK;
}

/* ---- streams and events ---- */

typedef struct {
    int magic, number;
} Handle;
enum { STREAM = 0x57, EVENT = 0xE7 };

static int is_stream(const void *stream) {
    return !stream || ((const Handle *)stream)->magic == STREAM;
}

static int number_of(const void *handle) {
    return handle ? ((const Handle *)handle)->number : 0;
}

static CUresult make(void **handle, int magic, int count) {
    static int numbers;
    Handle *made = malloc(sizeof(*made));
    made->magic = magic;
    made->number = __atomic_add_fetch(&numbers, 1, __ATOMIC_SEQ_CST);
    *handle = made;
    fake_add(count, 1);
    return OK;
}

static CUresult unmake(void *handle, int magic, int count) {
    Handle *made = handle;
    if (!made || made->magic != magic)
        return INVALID_HANDLE;
    made->magic = 0;
    free(made);
    fake_add(count, -1);
    return OK;
}

EXPORT CUresult cuStreamCreate(void **stream, unsigned flags) {
    (void)flags;
    ENTER("cuStreamCreate");
    return make(stream, STREAM, COUNT_STREAMS);
}

EXPORT CUresult cuStreamDestroy_v2(void *stream) {
    ENTER("cuStreamDestroy");
    return unmake(stream, STREAM, COUNT_STREAMS);
}

EXPORT CUresult cuStreamSynchronize(void *stream) {
    ENTER("cuStreamSynchronize");
    fake_say("synchronise stream=%d", number_of(stream));
    return is_stream(stream) ? OK : INVALID_HANDLE;
}

EXPORT CUresult cuStreamWaitEvent(void *stream, void *event, unsigned flags) {
    (void)flags;
    ENTER("cuStreamWaitEvent");
    if (!is_stream(stream) || ((Handle *)event)->magic != EVENT)
        return INVALID_HANDLE;
    fake_say("wait stream=%d event=%d", number_of(stream), number_of(event));
    return OK;
}

EXPORT CUresult cuEventCreate(void **event, unsigned flags) {
    (void)flags;
    ENTER("cuEventCreate");
    return make(event, EVENT, COUNT_EVENTS);
}

EXPORT CUresult cuEventDestroy_v2(void *event) {
    ENTER("cuEventDestroy");
    return unmake(event, EVENT, COUNT_EVENTS);
}

EXPORT CUresult cuEventRecord(void *event, void *stream) {
    ENTER("cuEventRecord");
    if (!is_stream(stream) || ((Handle *)event)->magic != EVENT)
        return INVALID_HANDLE;
    fake_say("record stream=%d event=%d", number_of(stream), number_of(event));
    return OK;
}

EXPORT CUresult cuEventSynchronize(void *event) {
    ENTER("cuEventSynchronize");
    return ((Handle *)event)->magic == EVENT ? OK : INVALID_HANDLE;
}

/* ---- kernels ---- */

/* Run a kernel of kernels_host.cpp, which compiles the kernels' source for the host. Return 0 if
 * there is none of that name. */
int fake_kernel(const char *name, void **parameters, const unsigned grid[3], const unsigned block[3]);

static const char *const kernel_names[] = {"convert_picture", "resize_picture", "resample_rows"};

EXPORT CUresult cuModuleLoadData(void **module, const void *image) {
    ENTER("cuModuleLoadData");
    if (!image)
        return INVALID_VALUE;
    *module = (void *)kernel_names;
    fake_add(COUNT_MODULES, 1);
    return OK;
}

EXPORT CUresult cuModuleGetFunction(void **function, void *module, const char *name) {
    ENTER("cuModuleGetFunction");
    (void)module;
    for (size_t i = 0; i < sizeof(kernel_names) / sizeof(*kernel_names); i++)
        if (!strcmp(kernel_names[i], name)) {
            *function = (void *)kernel_names[i];
            return OK;
        }
    return NOT_FOUND;
}

EXPORT CUresult cuLaunchKernel(void *function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                               unsigned block_y, unsigned block_z, unsigned shared, void *stream, void **parameters,
                               void **extra) {
    const unsigned grid[3] = {grid_x, grid_y, grid_z}, block[3] = {block_x, block_y, block_z};
    (void)shared;
    ENTER("cuLaunchKernel");
    if (!grid_x || !grid_y || !grid_z || block_x * block_y * block_z > 1024 || extra || !is_stream(stream))
        return INVALID_VALUE;
    fake_say("launch %s stream=%d", (const char *)function, number_of(stream));
    return fake_kernel(function, parameters, grid, block) ? OK : INVALID_HANDLE;
}

/* ---- names ---- */

EXPORT CUresult cuGetErrorName(CUresult code, const char **name) {
    static const struct {
        int code;
        const char *name;
    } names[] = {
        {OK, "CUDA_SUCCESS"},
        {INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE"},
        {OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY"},
        {NOT_INITIALIZED, "CUDA_ERROR_NOT_INITIALIZED"},
        {INVALID_DEVICE, "CUDA_ERROR_INVALID_DEVICE"},
        {INVALID_CONTEXT, "CUDA_ERROR_INVALID_CONTEXT"},
        {MAP_FAILED, "CUDA_ERROR_MAP_FAILED"},
        {INVALID_HANDLE, "CUDA_ERROR_INVALID_HANDLE"},
        {NOT_FOUND, "CUDA_ERROR_NOT_FOUND"},
        {NOT_SUPPORTED, "CUDA_ERROR_NOT_SUPPORTED"},
        {UNKNOWN, "CUDA_ERROR_UNKNOWN"},
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (names[i].code == code) {
            *name = names[i].name;
            return OK;
        }
    *name = NULL;
    return INVALID_VALUE;
}

EXPORT CUresult cuGetErrorString(CUresult code, const char **name) {
    return cuGetErrorName(code, name);
}

/* Find the newest version of a function: the highest _vN that the double has. */
EXPORT CUresult cuGetProcAddress_v2(const char *symbol, void **function, int version, uint64_t flags, int *status) {
    static void *self;
    char name[128];
    Dl_info info;
    (void)version;
    (void)flags;
    if (!self && dladdr((void *)cuGetProcAddress_v2, &info))
        self = dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD);
    *function = NULL;
    for (int i = 4; i >= 1 && !*function; i--) {
        snprintf(name, sizeof(name), i > 1 ? "%s_v%d" : "%s", symbol, i);
        *function = dlsym(self, name);
    }
    if (status)
        *status = *function ? 0 : 1;
    return *function ? OK : NOT_FOUND;
}

EXPORT CUresult cuGetProcAddress(const char *symbol, void **function, int version, uint64_t flags) {
    return cuGetProcAddress_v2(symbol, function, version, flags, NULL);
}
