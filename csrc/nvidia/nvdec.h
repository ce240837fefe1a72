/* One video stream on NVIDIA's decoding engine: packets go in, and pictures come out in display
 * order.
 *
 * Any thread may use a session, because it pushes its CUDA context itself, but only one thread at a
 * time.
 */
#ifndef CYCODEC_NVDEC_H
#define CYCODEC_NVDEC_H

#include <stdio.h>

#include "nvidia/nvlayout.h"

/* A decoded picture. */
typedef struct {
    NvLayout layout;
    int64_t pts;
    int64_t duration; /* of its packet; 0 means unknown */
    int progressive, top_field_first, unpaired_field;
    int index;        /* number of the surface; -1 if the picture was saved to `copy` */
    CUdeviceptr copy; /* laid out like a mapped surface */
    size_t pitch;     /* bytes of a row of `copy` */
    int damaged;      /* known after it was mapped */
} NvPicture;

typedef struct NvSession NvSession;

/* The number of pictures that should wait before one is taken. Mapping waits until a picture is
 * decoded, and the engine should have other work meanwhile. NVIDIA's headers advise to map picture
 * N - 4 when N is sent. */
enum { NVDEC_AHEAD = 4 };

/* Fill in what the hardware reports about a codec. Return 0, or -1 with `error`. */
int nvdec_caps(CUcontext context, CUVIDDECODECAPS *caps, char error[NV_ERROR_BYTES]);

/* Open a session. `header` is the sequence header in the form of the stream (Annex B for H.264 and
 * HEVC). Return NULL with `error`. */
NvSession *nvdec_open(CUcontext context, cudaVideoCodec codec, const uint8_t *header, int header_size,
                      char error[NV_ERROR_BYTES]);
void nvdec_close(NvSession *session);

/* Set what H.264 or HEVC cuts off on the left and top of pictures of this size, from the next
 * sequence on. NVDEC's parser only reports the right and the bottom. */
void nvdec_set_crop(NvSession *session, int width, int height, int left, int top);

/* Set whether to skip the pictures of the following packets to which no other picture refers. */
void nvdec_skip_nonref(NvSession *session, int skip);

/* Send a packet. Return 0, NVDEC_DAMAGED if the parser cannot read the data, or NVDEC_FAILED. */
enum { NVDEC_DAMAGED = -1, NVDEC_FAILED = -2 };
int nvdec_send(NvSession *session, const uint8_t *data, size_t size, int64_t pts, int has_pts, int64_t duration);
/* End the packets, so that all pictures come out. */
int nvdec_drain(NvSession *session);
/* Drop all pictures. Decoding can begin at the next packet. */
void nvdec_flush(NvSession *session);

/* Return how many pictures wait. */
int nvdec_waiting(const NvSession *session);

/* Make the next picture the current one and return it, or NULL if none waits. The caller releases
 * it before it sends the next packet, whose picture may be decoded into the same surface. */
NvPicture *nvdec_next(NvSession *session);
void nvdec_release(NvSession *session);
NvPicture *nvdec_current(NvSession *session);

/* Map the current picture for work on `stream`. The caller unmaps it when that work is queued.
 * Return 0 or NVDEC_FAILED. */
int nvdec_map(NvSession *session, CUstream stream, NvSurface *surface);
void nvdec_unmap(NvSession *session, CUstream stream, const NvSurface *surface);

/* Write a line for each callback and each mapped picture of all sessions to a file, or stop with
 * NULL. tools/gpu_check uses it to record what the driver does. */
void nvdec_trace(FILE *file);

/* nvdec_error returns why a call failed. nvdec_is_refused is true if the hardware does not decode
 * such a stream. */
const char *nvdec_error(const NvSession *session);
int nvdec_is_refused(const NvSession *session);

#endif
