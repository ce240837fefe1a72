/* TEST DOUBLE, not NVIDIA's. What the two fake libraries share: see __init__.py. */
#ifndef FAKE_CUDA_H
#define FAKE_CUDA_H

#include <stddef.h>
#include <stdint.h>

/* CUresult values that are used here. */
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

/* What is counted; `fake_count` gives the number that is alive now. */
enum { COUNT_MEMORY, COUNT_BYTES, COUNT_EVENTS, COUNT_STREAMS, COUNT_PARSERS, COUNT_DECODERS, COUNT_MAPPED, COUNT_MODULES, NUM_COUNTS };

void fake_add(int what, int64_t by);
/* A line for the log; printf's arguments. */
void fake_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The error that a call of this name has to give now; 0: none. */
int fake_fails(const char *name);
/* INVALID_CONTEXT unless the calling thread has a current context, or what `fake_fails` says. */
int fake_enter(const char *name);
/* A setting by name; see fake_set in fakecuda.c. */
int fake_setting(const char *name);
void *fake_current_context(void);

void *fake_device_alloc(size_t size);
int fake_device_free(void *memory);

#endif
