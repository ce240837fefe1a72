/* libavcodec's own way to NVDEC: decoders that accept a CUDA device, and FFmpeg's device object. */
#ifndef CYCODEC_NVHWACCEL_H
#define CYCODEC_NVHWACCEL_H

#include <libavcodec/avcodec.h>

/* Return the decoder of a codec that can use NVDEC, or NULL if the FFmpeg in use has none. */
const AVCodec *nvhwaccel_find(enum AVCodecID codec);

/* Return FFmpeg's device object of a CUcontext, which must outlive it, or NULL with an AVERROR in
 * `code`. */
AVBufferRef *nvhwaccel_device(void *context, int *code);

#endif
