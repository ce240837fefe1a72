/* What NVDEC's parser tells of sequences and pictures, in our words: how surfaces are made up, what is shown of them, and
 * which pictures others refer to.
 */
#ifndef CYCODEC_NVLAYOUT_H
#define CYCODEC_NVLAYOUT_H

#include "nvidia/nvcache.h"

/* What the stream says of its pictures. */
typedef struct {
    NvFormat format;
    int left, top, width, height; /* what is shown of the coded picture */
    int full_range;
    int matrix; /* code of ISO/IEC 23091-2; 2 means unspecified */
} NvLayout;

/* A picture in device memory, pitch-linear. */
typedef struct {
    CUdeviceptr luma, chroma_u, chroma_v;
    size_t pitch;
} NvSurface;

/* What is cut off on the left and above of pictures of a size; see nvdec_set_crop. */
typedef struct {
    int width, height, left, top;
} NvCrop;

/* Of a new sequence; `format.surfaces` is what the stream needs. */
void nvlayout_of(NvLayout *layout, const CUVIDEOFORMAT *video, CUcontext context, const NvCrop *crop);

/* Whether pictures are decoded in whole blocks of 16, which the parser does not take into account; such a size. */
int nvlayout_is_mpeg(cudaVideoCodec codec);
int nvlayout_whole_blocks(int size);

/* Whether no other picture refers to one. Only where that is sure: of VP9 the parser does not tell. */
int nvlayout_is_nonref(cudaVideoCodec codec, const CUVIDPICPARAMS *picture);

/* The planes of a mapped surface, and how many rows of `pitch` bytes it has. */
void nvlayout_planes(NvSurface *surface, CUdeviceptr base, size_t pitch, const NvFormat *format);
size_t nvlayout_rows(const NvFormat *format);

#endif
