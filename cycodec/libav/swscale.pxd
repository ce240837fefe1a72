"""libswscale: declarations only. csrc/convert/scaler.c calls the conversions of decoding."""

from libc.stdint cimport uint8_t


cdef extern from "libswscale/swscale.h" nogil:
    enum:
        SWS_BICUBIC
        SWS_ACCURATE_RND
        SWS_FULL_CHR_H_INP
    struct SwsContext:
        pass
    unsigned swscale_version()
    SwsContext *sws_alloc_context()
    int sws_init_context(SwsContext *context, void *src_filter, void *dst_filter)
    void sws_freeContext(SwsContext *context)
    const int *sws_getCoefficients(int colorspace)
    int sws_setColorspaceDetails(SwsContext *context, const int *inv_table, int src_range, const int *table,
                                 int dst_range, int brightness, int contrast, int saturation)
    int sws_scale(SwsContext *context, const uint8_t **src, const int *src_stride, int src_y, int src_height,
                  uint8_t **dst, const int *dst_stride)
