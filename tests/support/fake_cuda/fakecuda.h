/* TEST DOUBLE, not NVIDIA's. Declarations that the fake libraries share: see __init__.py. */
#ifndef FAKE_CUDA_H
#define FAKE_CUDA_H

#include <stddef.h>
#include <stdint.h>

/* CUresult values that the double returns. */
enum {
    OK = 0,
    INVALID_VALUE = 1,
    OUT_OF_MEMORY = 2,
    NOT_INITIALIZED = 3,
    INVALID_DEVICE = 101,
    INVALID_CONTEXT = 201,
    MAP_FAILED = 205,
    INVALID_HANDLE = 400,
    NOT_FOUND = 500,
    NOT_SUPPORTED = 801,
    UNKNOWN = 999,
};

/* The kinds of objects that are counted; `fake_count` returns how many are alive. */
enum { COUNT_MEMORY, COUNT_BYTES, COUNT_EVENTS, COUNT_STREAMS, COUNT_PARSERS, COUNT_DECODERS, COUNT_MAPPED, COUNT_MODULES, NUM_COUNTS };

void fake_add(int what, int64_t by);
/* Add a line to the log; the arguments are printf's. */
void fake_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Return the error that this call of a function must return, or 0. */
int fake_fails(const char *name);
/* Return INVALID_CONTEXT if the calling thread has no current context, else the result of
 * `fake_fails`. */
int fake_enter(const char *name);
/* Return a setting by its name; see fake_set in fakecuda.c. */
int fake_setting(const char *name);
void *fake_current_context(void);

void *fake_device_alloc(size_t size);
int fake_device_free(void *memory);

#endif
