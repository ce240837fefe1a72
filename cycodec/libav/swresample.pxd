"""libswresample: declarations only."""

from libc.stdint cimport int64_t


cdef extern from "libswresample/swresample.h" nogil:
    struct SwrContext:
        pass
    unsigned swresample_version()
    int swr_init(SwrContext *s)
    void swr_free(SwrContext **s)
    int swr_get_out_samples(SwrContext *s, int in_samples)
    int64_t swr_get_delay(SwrContext *s, int64_t base)
