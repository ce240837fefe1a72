/* One video stream on NVIDIA's decoding engine: packets go in, pictures come out in display order.
 *
 * Not safe for several threads at once; a session pushes its CUDA context itself, so that any thread may use it.
 */
#ifndef CYCODEC_NVDEC_H
#define CYCODEC_NVDEC_H

#include <stdio.h>

#include "nvidia/nvlayout.h"

/* A picture on its way out. */
typedef struct {
    NvLayout layout;
    int64_t pts;
    int64_t duration; /* of its packet; 0: unknown */
    int progressive, top_field_first, unpaired_field;
    int index;        /* of its surface; -1: it was saved to `copy`, because the surface is needed */
    CUdeviceptr copy; /* as a mapped surface, `pitch` bytes a row */
    size_t pitch;
    int damaged; /* known after it was mapped */
} NvPicture;

typedef struct NvSession NvSession;

/* Pictures that should wait before one is taken. Mapping waits for the picture's decoding, and the engine should have others
 * to do meanwhile: NVIDIA's headers map picture N - 4 when N is sent. */
enum { NVDEC_AHEAD = 4 };

/* What the hardware answers about a codec; asked once for each device. -1 with `error`: it could not be asked. */
int nvdec_caps(CUcontext context, CUVIDDECODECAPS *caps, char error[NV_ERROR_BYTES]);

/* `header` is the sequence header as it stands in the stream (Annex B for H.264 and HEVC). NULL: out of memory. */
NvSession *nvdec_open(CUcontext context, cudaVideoCodec codec, const uint8_t *header, int header_size,
                      char error[NV_ERROR_BYTES]);
void nvdec_close(NvSession *session);

/* What H.264 or HEVC cuts off on the left and above, of pictures of this size, from the next sequence on: NVDEC's parser
 * tells of the right and below alone. */
void nvdec_set_crop(NvSession *session, int width, int height, int left, int top);

/* Whether the pictures of the packets that follow need not be decoded where no other one refers to them; such pictures
 * do not come out. */
void nvdec_skip_nonref(NvSession *session, int skip);

/* 0, NVDEC_DAMAGED where the parser makes nothing of the data, or NVDEC_FAILED. */
enum { NVDEC_DAMAGED = -1, NVDEC_FAILED = -2 };
int nvdec_send(NvSession *session, const uint8_t *data, size_t size, int64_t pts, int has_pts, int64_t duration);
/* No more packets: what waits comes out. */
int nvdec_drain(NvSession *session);
/* Forget what is under way; the next packet is one that decoding can begin with. */
void nvdec_flush(NvSession *session);

/* How many pictures wait to be taken. */
int nvdec_waiting(const NvSession *session);

/* The next picture becomes the current one, NULL if there is none yet. It is to be released before the next packet is sent,
 * whose picture may be decoded into its surface. */
NvPicture *nvdec_next(NvSession *session);
void nvdec_release(NvSession *session);
NvPicture *nvdec_current(NvSession *session);

/* The current picture in memory, for work on `stream`; to be unmapped when that work is queued. 0 or NVDEC_FAILED. */
int nvdec_map(NvSession *session, CUstream stream, NvSurface *surface);
void nvdec_unmap(NvSession *session, CUstream stream, const NvSurface *surface);

/* Write a line for each callback and each picture that is mapped, of all sessions from now on; NULL: no more. For
 * tools/gpu_check: what the driver really does. */
void nvdec_trace(FILE *file);

/* Why a call failed; whether it is that the hardware does not decode such a stream, whatever it has said before. */
const char *nvdec_error(const NvSession *session);
int nvdec_is_refused(const NvSession *session);

#endif
