/* The arguments of the kernels in convert.cu, in plain C, which both the C compiler and NVRTC
 * read. */
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

/* How luma and chroma become RGB. The CPU's result is swscale's, whose fixed-point arithmetic cuts
 * off up to three levels. The GPU follows it, so that both give the same values. */
enum {
    /* For floats: the integers of RGB48, divided by the largest (Note [RGB48] in
     * csrc/kernels/float_rows.c). NV_FLOAT_TABLES is for 4:2:0 of 8 bits and even height, NV_FLOAT
     * for the rest. */
    NV_FLOAT = 0,
    NV_FLOAT_TABLES = 1,
    /* For 4:2:0 of 8 bits: 16-bit products cut to their high half (csrc/kernels/yuv2rgb.c). */
    NV_SWSCALE_PRODUCTS = 2,
    /* For 4:2:0 of more bits or of odd height. Chroma is interpolated between rows, all samples are
     * rounded to 8 bits, and chroma moves the index into a table of luma. */
    NV_SWSCALE_TABLES = 3,
    /* For 4:4:4, and for 4:2:0 of odd width, whose chroma is also interpolated between columns.
     * Products have 32 bits. */
    NV_SWSCALE_FULL = 4,
    NV_RGB = 5 /* the input is packed RGB of the result's type already */
};

/* An axis of csrc/kernels/axis.h in device memory: its spans, three ints each, and its weights.
 * Weights are 16-bit integers that sum to 2^shift if samples are uint8, else floats. */
typedef struct {
    unsigned long long spans, weights;
    int length, shift; /* nothing is resampled if length is 0 */
} NvAxis;

typedef struct {
    /* A picture of luma and chroma, or of RGB, which takes the place of luma. Samples are `bytes`
     * wide and stored `shift` bits to the left. Chroma samples lie `chroma_step` samples apart;
     * each serves 2^chroma_x columns and 2^chroma_y rows. */
    unsigned long long luma, chroma_u, chroma_v; /* device addresses */
    long long pitch, chroma_pitch;               /* bytes */
    int bytes, shift, chroma_step, chroma_x, chroma_y;
    int left, top, width, height; /* the shown part of the picture */
    int orientation;              /* ORIENT_* of csrc/picture/orientation.h */
    int x0, y0, x1, y1;           /* the region of the picture as it is shown, after orientation */
    int arithmetic;
    int fixed[8];          /* the numbers of the arithmetic: see convert.cu */
    NvAxis chroma_rows;    /* chroma rows to luma rows as shown, if they are interpolated */
    NvAxis chroma_columns; /* the same for columns */
    NvAxis across;         /* weights along the width, if the region is resampled */
    NvOut out;
} NvConvert;

typedef struct {
    /* RGB of NV_TYPE_UINT8 or NV_TYPE_FLOAT32, with `row_stride` values in a row */
    unsigned long long data;
    long long row_stride;
    int type;
    int width, height;
    int out_width, out_height; /* of the whole result */
    int x0, y0, x1, y1;        /* region of the result that is wanted */
    NvOut out;
} NvResize;

/* Rows of packed RGB of NV_TYPE_UINT8 or NV_TYPE_FLOAT32, resampled along their height. */
typedef struct {
    unsigned long long data;
    long long row_stride; /* values */
    int type;
    int width; /* of the rows, and of the result */
    NvAxis down;
    NvOut out;
} NvResample;

#endif
