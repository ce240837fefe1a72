#include "image/image_encode.h"

#ifdef CYCODEC_WITH_JPEG
#include <stdio.h>

#include <jpeglib.h>
#ifndef LIBJPEG_TURBO_VERSION /* another libjpeg has not all functions */
#undef CYCODEC_WITH_JPEG
#endif
#endif

#ifndef CYCODEC_WITH_JPEG

int jpeg_encode(const ImageToEncode *image, const JpegSettings *settings, EncodedImage *out) {
    (void)image, (void)settings, (void)out;
    return IMAGE_NO_LIBRARY;
}

#else

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <jerror.h>

enum {
    BATCH = 16,        /* rows of one call */
    MAX_MARKER = 65533 /* bytes of a marker's content */
};

typedef struct {
    struct jpeg_error_mgr errors;
    jmp_buf on_error;
    int code;
    EncodedImage *out;
} Failure;

static void fail(j_common_ptr jpeg) {
    Failure *failure = (Failure *)jpeg->err;
    char text[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, text);
    snprintf(failure->out->message, sizeof(failure->out->message), "%s", text);
    failure->code = jpeg->err->msg_code == JERR_OUT_OF_MEMORY ? IMAGE_NO_MEMORY : IMAGE_UNSUPPORTED;
    longjmp(failure->on_error, 1);
}

static void say_nothing(j_common_ptr jpeg) {
    (void)jpeg;
}

static void write_exif(struct jpeg_compress_struct *jpeg, const ImageToEncode *image) {
    static const char name[6] = "Exif\0";
    jpeg_write_m_header(jpeg, JPEG_APP0 + 1, (unsigned)(sizeof(name) + image->exif_size));
    for (size_t i = 0; i < sizeof(name); i++)
        jpeg_write_m_byte(jpeg, name[i]);
    for (size_t i = 0; i < image->exif_size; i++)
        jpeg_write_m_byte(jpeg, image->exif[i]);
}

int jpeg_encode(const ImageToEncode *image, const JpegSettings *settings, EncodedImage *out) {
    struct jpeg_compress_struct jpeg;
    Failure failure = {.out = out};
    unsigned char *data = NULL;
    unsigned long size = 0;
    if (image->exif_size > MAX_MARKER - 6) {
        snprintf(out->message, sizeof(out->message), "its Exif block has more than %d bytes", MAX_MARKER - 6);
        return IMAGE_UNSUPPORTED;
    }
    memset(&jpeg, 0, sizeof(jpeg));
    jpeg.err = jpeg_std_error(&failure.errors);
    failure.errors.error_exit = fail;
    failure.errors.output_message = say_nothing;
    if (setjmp(failure.on_error)) {
        jpeg_destroy_compress(&jpeg);
        free(data);
        return failure.code;
    }
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &data, &size);
    jpeg.image_width = (JDIMENSION)image->width;
    jpeg.image_height = (JDIMENSION)image->height;
    jpeg.input_components = image->channels;
    jpeg.in_color_space = image->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, settings->quality, TRUE);
    if (image->channels == 3) {
        jpeg.comp_info[0].h_samp_factor = settings->across;
        jpeg.comp_info[0].v_samp_factor = settings->down;
    }
    jpeg.optimize_coding = settings->is_optimized;
    if (settings->is_progressive)
        jpeg_simple_progression(&jpeg);
    jpeg_start_compress(&jpeg, TRUE);
    if (image->exif_size)
        write_exif(&jpeg, image);
    if (image->icc_size)
        jpeg_write_icc_profile(&jpeg, image->icc, (unsigned)image->icc_size);
    while (jpeg.next_scanline < jpeg.image_height) {
        JSAMPROW rows[BATCH];
        JDIMENSION left = jpeg.image_height - jpeg.next_scanline, count = left < BATCH ? left : BATCH;
        for (JDIMENSION i = 0; i < count; i++)
            rows[i] = (JSAMPROW)image->pixels + (ptrdiff_t)(jpeg.next_scanline + i) * image->stride;
        jpeg_write_scanlines(&jpeg, rows, count);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    out->data = data;
    out->size = size;
    return 0;
}

#endif
