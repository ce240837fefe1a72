/* What the functions of this folder return besides 0 and FFmpeg's AVERROR codes. */
#ifndef CYCODEC_IMAGE_RESULT_H
#define CYCODEC_IMAGE_RESULT_H

enum {
    IMAGE_DAMAGED = -1000001,     /* the coded data are damaged */
    IMAGE_TRUNCATED = -1000002,   /* the data end too early */
    IMAGE_UNSUPPORTED = -1000003, /* a variant of the format that is not decoded */
    IMAGE_NO_MEMORY = -1000004,
    IMAGE_NO_LIBRARY = -1000005, /* the build found no library for the format */
};

/* Bytes of a message, with its final zero. */
enum { IMAGE_MESSAGE = 256 };

#endif
