/* What NVDEC's parser reports about sequences and pictures: the format of surfaces, the part that
 * is shown, and which pictures others refer to.
 */
#ifndef CYCODEC_NVLAYOUT_H
#define CYCODEC_NVLAYOUT_H

#include "nvidia/nvcache.h"

/* The properties of a stream's pictures. */
typedef struct {
    NvFormat format;
    int left, top, width, height; /* the shown part of the coded picture */
    int full_range;
    int matrix; /* code of ISO/IEC 23091-2; 2 means unspecified */
} NvLayout;

/* A picture in device memory, pitch-linear. */
typedef struct {
    CUdeviceptr luma, chroma_u, chroma_v;
    size_t pitch;
} NvSurface;

/* What is cut off on the left and top of pictures of a size: see nvdec_set_crop. */
typedef struct {
    int width, height, left, top;
} NvCrop;

/* Fill in the layout of a new sequence. `format.surfaces` is the number that the stream needs. */
void nvlayout_of(NvLayout *layout, const CUVIDEOFORMAT *video, CUcontext context, const NvCrop *crop);

/* nvlayout_is_mpeg is true if a codec decodes whole blocks of 16 pixels, which the parser ignores.
 * The second function rounds a size up to them. */
int nvlayout_is_mpeg(cudaVideoCodec codec);
int nvlayout_whole_blocks(int size);

/* True if certainly no other picture refers to this one. The parser does not report it for VP9. */
int nvlayout_is_nonref(cudaVideoCodec codec, const CUVIDPICPARAMS *picture);

/* Set the planes of a mapped surface; return how many rows of `pitch` bytes it has. */
void nvlayout_planes(NvSurface *surface, CUdeviceptr base, size_t pitch, const NvFormat *format);
size_t nvlayout_rows(const NvFormat *format);

#endif
