#include "image/webp_decode.h"

#ifndef CYCODEC_WITH_WEBP

int webp_is_available(void) {
    return 0;
}
int webp_read(const WebpCoded *coded, Rect region, PixelRows out) {
    (void)coded, (void)region, (void)out;
    return IMAGE_NO_LIBRARY;
}

#else

#include <stdlib.h>

#include <webp/decode.h>

/* Note [Regions of WebP]
 *
 * libwebp interpolates chroma between neighbours, takes the edge of a crop for the edge of the
 * picture, and begins crops at even places. Two more pixels on each side keep all pixels equal to
 * those of the whole picture. */
enum { MARGIN = 2 };

int webp_is_available(void) {
    return 1;
}

static Rect with_margin(Rect region, int width, int height) {
    Rect rect = {region.x0 < MARGIN ? 0 : (region.x0 - MARGIN) & ~1, region.y0 < MARGIN ? 0 : (region.y0 - MARGIN) & ~1,
                 region.x1 + MARGIN > width ? width : region.x1 + MARGIN,
                 region.y1 + MARGIN > height ? height : region.y1 + MARGIN};
    return rect;
}

static int code_of(VP8StatusCode status) {
    switch (status) {
    case VP8_STATUS_OK: return 0;
    case VP8_STATUS_OUT_OF_MEMORY: return IMAGE_NO_MEMORY;
    case VP8_STATUS_UNSUPPORTED_FEATURE: return IMAGE_UNSUPPORTED;
    case VP8_STATUS_SUSPENDED:
    case VP8_STATUS_NOT_ENOUGH_DATA: return IMAGE_TRUNCATED;
    default: return IMAGE_DAMAGED;
    }
}

/* Decode a rectangle, which begins at even places, to packed RGB or RGB and alpha of 8 bits. */
static int decode(WebPDecoderConfig *config, const WebpCoded *coded, Rect rect, PixelRows out) {
    int width = rect.x1 - rect.x0, height = rect.y1 - rect.y0;
    config->options.use_cropping = width != coded->width || height != coded->height;
    config->options.crop_left = rect.x0;
    config->options.crop_top = rect.y0;
    config->options.crop_width = width;
    config->options.crop_height = height;
    config->output.colorspace = out.format.channels == 4 ? MODE_RGBA : MODE_RGB;
    config->output.is_external_memory = 1;
    config->output.u.RGBA.rgba = out.data;
    config->output.u.RGBA.stride = (int)out.stride;
    config->output.u.RGBA.size = (size_t)out.stride * (size_t)height;
    int code = code_of(WebPDecode(coded->data, coded->size, config));
    WebPFreeDecBuffer(&config->output);
    return code;
}

int webp_read(const WebpCoded *coded, Rect region, PixelRows out) {
    WebPDecoderConfig config;
    if (!WebPInitDecoderConfig(&config))
        return IMAGE_NO_LIBRARY; /* the library of another interface is loaded */
    int code = code_of(WebPGetFeatures(coded->data, coded->size, &config.input));
    if (code < 0)
        return code;
    if (config.input.width != coded->width || config.input.height != coded->height)
        return IMAGE_DAMAGED;
    Rect rect = with_margin(region, coded->width, coded->height);
    int is_same = rect.x0 == region.x0 && rect.y0 == region.y0 && rect.x1 == region.x1 && rect.y1 == region.y1;
    if (is_same && out.format.depth == 8 && out.format.channels >= 3)
        return decode(&config, coded, rect, out);
    int channels = out.format.channels % 2 ? 3 : 4;
    PixelRows whole = {NULL, (ptrdiff_t)channels * (rect.x1 - rect.x0), {channels, 8}};
    uint8_t *pixels = whole.data = malloc((size_t)whole.stride * (size_t)(rect.y1 - rect.y0));
    if (!pixels)
        return IMAGE_NO_MEMORY;
    code = decode(&config, coded, rect, whole);
    pixels += (region.y0 - rect.y0) * whole.stride + (ptrdiff_t)channels * (region.x0 - rect.x0);
    for (int y = region.y0; code == 0 && y < region.y1; y++, pixels += whole.stride)
        pixels_convert(out.data + (y - region.y0) * out.stride, out.format, pixels, whole.format,
                       region.x1 - region.x0);
    free(whole.data);
    return code;
}

#endif
