/* libavcodec's own way to NVDEC: decoders that take a CUDA device, and what they call a device. */
#ifndef CYCODEC_NVHWACCEL_H
#define CYCODEC_NVHWACCEL_H

#include <libavcodec/avcodec.h>

/* The decoder of a codec that can leave its work to NVDEC; NULL: the FFmpeg in use has none. */
const AVCodec *nvhwaccel_find(enum AVCodecID codec);

/* FFmpeg's name for a CUcontext, which must outlive it. NULL with an AVERROR in `code`. */
AVBufferRef *nvhwaccel_device(void *context, int *code);

#endif
