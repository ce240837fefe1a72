#include "nvidia/nvlayout.h"

#include <string.h>

int nvlayout_is_mpeg(cudaVideoCodec codec) {
    return codec == cudaVideoCodec_MPEG1 || codec == cudaVideoCodec_MPEG2 || codec == cudaVideoCodec_MPEG4;
}

int nvlayout_whole_blocks(int size) {
    return (size + 15) & ~15;
}

void nvlayout_of(NvLayout *layout, const CUVIDEOFORMAT *video, CUcontext context, const NvCrop *crop) {
    NvFormat *f = &layout->format;
    memset(layout, 0, sizeof(*layout));
    f->context = context;
    f->codec = video->codec;
    f->chroma = video->chroma_format;
    f->depth = 8 + video->bit_depth_luma_minus8;
    f->width = (int)video->coded_width;
    f->height = (int)video->coded_height;
    if (nvlayout_is_mpeg(f->codec)) { /* the parser gives the width as the stream has it */
        f->width = nvlayout_whole_blocks(f->width);
        f->height = nvlayout_whole_blocks(f->height);
    }
    f->surfaces = video->min_num_decode_surfaces;
    layout->left = video->display_area.left;
    layout->top = video->display_area.top;
    layout->width = video->display_area.right - video->display_area.left;
    layout->height = video->display_area.bottom - video->display_area.top;
    if (f->width == crop->width && f->height == crop->height && !layout->left && !layout->top) {
        layout->left = crop->left;
        layout->top = crop->top;
        layout->width -= layout->left;
        layout->height -= layout->top;
    }
    layout->full_range = video->video_signal_description.video_full_range_flag;
    layout->matrix = video->video_signal_description.matrix_coefficients;
}

int nvlayout_is_nonref(cudaVideoCodec codec, const CUVIDPICPARAMS *picture) {
    if (picture->field_pic_flag)
        return 0; /* the other field may refer to this one */
    switch (codec) {
    case cudaVideoCodec_H264: return !picture->ref_pic_flag; /* nal_ref_idc */
    case cudaVideoCodec_MPEG1:
    case cudaVideoCodec_MPEG2: return picture->CodecSpecific.mpeg2.picture_coding_type == 3; /* B */
    case cudaVideoCodec_MPEG4: return picture->CodecSpecific.mpeg4.vop_coding_type == 2;
    case cudaVideoCodec_HEVC: {
        /* sub-layer non-reference pictures: even types below 16 (ITU-T H.265, table 7-1), behind a
         * start code */
        const uint8_t *data = picture->pBitstreamData, *end = data + picture->nBitstreamDataLen;
        if (picture->nNumSlices && picture->pSliceDataOffsets)
            data += picture->pSliceDataOffsets[0];
        while (data + 3 < end && !data[0])
            data++;
        return data + 2 < end && data[0] == 1 && (data[1] >> 1 & 63) < 16 && !(data[1] >> 1 & 1);
    }
    default: return 0;
    }
}

static size_t luma_rows(const NvFormat *f) {
    return ((size_t)f->height + 1) & ~(size_t)1;
}

size_t nvlayout_rows(const NvFormat *f) {
    size_t luma = luma_rows(f);
    return f->chroma == cudaVideoChromaFormat_444 ? 3 * luma : luma + luma / 2;
}

void nvlayout_planes(NvSurface *surface, CUdeviceptr base, size_t pitch, const NvFormat *f) {
    size_t rows = luma_rows(f);
    surface->pitch = pitch;
    surface->luma = base;
    surface->chroma_u = base + rows * pitch;
    if (f->chroma == cudaVideoChromaFormat_444)
        surface->chroma_v = surface->chroma_u + rows * pitch;
    else
        surface->chroma_v = surface->chroma_u + (f->depth > 8 ? 2 : 1);
}
