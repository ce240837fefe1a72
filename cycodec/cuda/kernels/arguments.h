/* The arguments of the kernels in convert.cu: plain C, read by the C compiler and by NVRTC
 * alike. */
#ifndef CYCODEC_CUDA_ARGUMENTS_H
#define CYCODEC_CUDA_ARGUMENTS_H

/* Values of ConvertType in csrc/picture/target.h. */
enum { NV_TYPE_UINT8 = 0, NV_TYPE_FLOAT32 = 1, NV_TYPE_FLOAT16 = 2 };

/* The result: packed RGB, or planes. */
typedef struct {
    unsigned long long data;            /* device address */
    long long row_stride, plane_stride; /* values, not bytes */
    int column_stride, type;
} NvOut;

/* How luma and chroma become RGB. The CPU's 8-bit result is swscale's, whose fixed-point arithmetic
 * cuts off up to three levels; the GPU follows it, so that the two give the same bytes. Floats are
 * exact on both. */
enum {
    NV_EXACT = 0,            /* floats */
    NV_SWSCALE_PRODUCTS = 1, /* 4:2:0 of 8 bits: 16-bit products cut to their high half (csrc/kernels/yuv2rgb.c) */
    NV_SWSCALE_TABLES = 2,   /* 4:2:0 of more bits or an odd height: chroma interpolated between rows, all of it rounded
                              * to 8 bits, then a table of luma shifted by chroma */
    NV_SWSCALE_FULL = 3,     /* the same of an odd width: chroma interpolated between columns, too, and 32-bit products;
                              * and 4:4:4, where there is nothing to interpolate */
    NV_RGB = 4               /* the input is packed RGB of the result's type already */
};

/* An axis of csrc/kernels/axis.h in device memory: its spans, three ints each, and its weights,
 * 16-bit integers that sum to 2^shift where samples are uint8, else floats. */
typedef struct {
    unsigned long long spans, weights;
    int length, shift; /* length 0: nothing is resampled */
} NvAxis;

typedef struct {
    /* A picture of luma and chroma, or of RGB, which takes the place of luma. Samples are `bytes`
     * wide and `shift` bits to the left; chroma samples lie `chroma_step` samples apart, one for
     * 2^chroma_x columns and 2^chroma_y rows. */
    unsigned long long luma, chroma_u, chroma_v; /* device addresses */
    long long pitch, chroma_pitch;               /* bytes */
    int bytes, shift, chroma_step, chroma_x, chroma_y;
    int left, top, width, height; /* what is shown of it */
    int orientation;              /* ORIENT_* of csrc/picture/orientation.h */
    int x0, y0, x1, y1;           /* the region of the picture as it is shown, after orientation */
    int arithmetic;               /* NV_EXACT, or one of swscale's */
    float matrix[12];             /* NV_EXACT: rows of R, G, B: factors of luma, u, v, and an offset, to 0 to 255 */
    int fixed[8];                 /* the others: see convert.cu */
    NvAxis chroma_rows;           /* NV_SWSCALE_TABLES and NV_SWSCALE_FULL: from chroma to luma, as they are shown; */
    NvAxis chroma_columns;        /* NV_SWSCALE_FULL */
    NvAxis across;                /* the region is resampled along its width */
    NvOut out;
} NvConvert;

typedef struct {
    /* RGB of type `type`, NV_TYPE_UINT8 or NV_TYPE_FLOAT32, `row_stride` values a row */
    unsigned long long data;
    long long row_stride;
    int type;
    int width, height;
    int out_width, out_height; /* of the whole result */
    int x0, y0, x1, y1;        /* region of the result that is wanted */
    NvOut out;
} NvResize;

/* Rows of packed RGB, NV_TYPE_UINT8 or NV_TYPE_FLOAT32, are resampled along their height. */
typedef struct {
    unsigned long long data;
    long long row_stride; /* values */
    int type;
    int width; /* of the rows, and of the result */
    NvAxis down;
    NvOut out;
} NvResample;

#endif
