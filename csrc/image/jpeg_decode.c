/* Note [Damage in JPEG files]
 *
 * libjpeg conceals damage and only warns. A tensor with a gray lower half looks like any other, so
 * warnings that mean lost picture data are errors here. Warnings about what does not change the
 * picture (odd versions of markers, bytes between segments) are not. A file that ends without its
 * end marker, but holds all rows, is whole.
 *
 * A file of several scans may also be cut off between two of them, of which libjpeg says nothing.
 * Every component must have had a scan, and in a progressive file without end marker the scans must
 * have brought each coefficient to its last bit. Encoders may leave bits out, so that a file with
 * end marker need not have them.
 *
 * Note [Rows that stay in the cache]
 *
 * libjpeg-turbo's AVX2 code writes a row that begins at a multiple of 32 bytes past the caches.
 * Large pictures gain from that. Pictures that fit into the caches lose 2 to 3 % of the time, even
 * if one row in eight is such a row. libjpeg therefore gets another line for these rows, at an odd
 * address, and the line is copied. Lines that are read again always have odd addresses.
 */
#include "image/jpeg_decode.h"

#ifdef CYCODEC_WITH_JPEG
#include <stdio.h>

#include <jpeglib.h>
#ifndef LIBJPEG_TURBO_VERSION /* another libjpeg has not all functions, and other pixels */
#undef CYCODEC_WITH_JPEG
#endif
#endif

#ifndef CYCODEC_WITH_JPEG

struct JpegReader {
    int unused;
};

int jpeg_is_available(void) {
    return 0;
}
JpegReader *jpeg_reader_alloc(void) {
    return NULL;
}
void jpeg_reader_free(JpegReader *reader) {
    (void)reader;
}
int jpeg_reader_open(JpegReader *reader, const uint8_t *data, size_t size, JpegInfo *info) {
    (void)reader, (void)data, (void)size, (void)info;
    return IMAGE_NO_LIBRARY;
}
int jpeg_reader_read(JpegReader *reader, const JpegRequest *request, PixelRows out) {
    (void)reader, (void)request, (void)out;
    return IMAGE_NO_LIBRARY;
}
const char *jpeg_reader_message(const JpegReader *reader) {
    (void)reader;
    return "";
}

#else

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <jerror.h>

enum {
    BATCH = 16,                   /* rows of one call */
    MAX_SCANS = 1000,             /* a small progressive file with more scans only costs time */
    STREAMED_ROW = 32,            /* bytes; Note [Rows that stay in the cache] */
    CACHED_PICTURE = 1024 * 1024, /* bytes of the largest picture whose rows stay in the cache */
};

struct JpegReader {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    jmp_buf on_error;
    int code;     /* of the last error */
    int is_ended; /* true if more data were wanted than there are */
    char message[IMAGE_MESSAGE > JMSG_LENGTH_MAX ? IMAGE_MESSAGE : JMSG_LENGTH_MAX];
};

static JpegReader *reader_of(j_common_ptr jpeg) {
    return (JpegReader *)jpeg->client_data;
}

static void fail(j_common_ptr jpeg) {
    JpegReader *reader = reader_of(jpeg);
    jpeg->err->format_message(jpeg, reader->message);
    switch (jpeg->err->msg_code) {
    case JERR_OUT_OF_MEMORY: reader->code = IMAGE_NO_MEMORY; break;
    case JERR_SOF_UNSUPPORTED:
    case JERR_BAD_PRECISION:
    case JERR_CONVERSION_NOTIMPL:
#if JPEG_LIB_VERSION < 70 /* later versions always have arithmetic coding */
    case JERR_ARITH_NOTIMPL:
#endif
    case JERR_NOTIMPL:
    case JERR_NOT_COMPILED: reader->code = IMAGE_UNSUPPORTED; break;
    default: reader->code = reader->is_ended ? IMAGE_TRUNCATED : IMAGE_DAMAGED;
    }
    longjmp(reader->on_error, 1);
}

static void warn(j_common_ptr jpeg, int level) {
    if (level >= 0)
        return;
    switch (jpeg->err->msg_code) {
    case JWRN_ARITH_BAD_CODE:
    case JWRN_BOGUS_PROGRESSION:
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_JPEG_EOF:
    case JWRN_MUST_RESYNC:
    case JWRN_NOT_SEQUENTIAL: fail(jpeg);
    }
}

static void say_nothing(j_common_ptr jpeg) {
    (void)jpeg;
}

/* ---- the source ------------------------------------------------------------------------------ */

static void do_nothing(j_decompress_ptr jpeg) {
    (void)jpeg;
}

/* libjpeg reads ahead, so the end of the data is an error only if a row needs more. An end marker
 * tells libjpeg, which warns if it misses data. */
static boolean fill(j_decompress_ptr jpeg) {
    static const JOCTET end[2] = {0xFF, JPEG_EOI};
    reader_of((j_common_ptr)jpeg)->is_ended = 1;
    jpeg->src->next_input_byte = end;
    jpeg->src->bytes_in_buffer = sizeof(end);
    return TRUE;
}

static void skip(j_decompress_ptr jpeg, long count) {
    if (count <= 0)
        return;
    if ((size_t)count > jpeg->src->bytes_in_buffer) {
        fill(jpeg);
        return;
    }
    jpeg->src->next_input_byte += count;
    jpeg->src->bytes_in_buffer -= count;
}

static void watch_scans(j_common_ptr jpeg) {
    if (jpeg->is_decompressor && ((j_decompress_ptr)jpeg)->input_scan_number > MAX_SCANS) {
        JpegReader *reader = reader_of(jpeg);
        reader->code = IMAGE_DAMAGED;
        snprintf(reader->message, sizeof(reader->message), "more than %d scans", MAX_SCANS);
        longjmp(reader->on_error, 1);
    }
}

/* ---- readers --------------------------------------------------------------------------------- */

int jpeg_is_available(void) {
    return 1;
}

JpegReader *jpeg_reader_alloc(void) {
    JpegReader *reader = calloc(1, sizeof(*reader));
    if (!reader)
        return NULL;
    reader->jpeg.err = jpeg_std_error(&reader->errors);
    reader->errors.error_exit = fail;
    reader->errors.emit_message = warn;
    reader->errors.output_message = say_nothing;
    reader->source.init_source = do_nothing;
    reader->source.fill_input_buffer = fill;
    reader->source.skip_input_data = skip;
    reader->source.resync_to_restart = jpeg_resync_to_restart;
    reader->source.term_source = do_nothing;
    reader->progress.progress_monitor = watch_scans;
    reader->jpeg.client_data = reader;
    if (setjmp(reader->on_error)) {
        jpeg_reader_free(reader);
        return NULL;
    }
    jpeg_create_decompress(&reader->jpeg);
    reader->jpeg.client_data = reader;
    reader->jpeg.src = &reader->source;
    reader->jpeg.progress = &reader->progress;
    return reader;
}

void jpeg_reader_free(JpegReader *reader) {
    if (!reader)
        return;
    if (reader->jpeg.mem)
        jpeg_destroy_decompress(&reader->jpeg);
    free(reader);
}

const char *jpeg_reader_message(const JpegReader *reader) {
    return reader->message;
}

static void find_exif(const struct jpeg_decompress_struct *jpeg, JpegInfo *info) {
    static const char name[6] = "Exif\0";
    for (const struct jpeg_marker_struct *marker = jpeg->marker_list; marker; marker = marker->next)
        if (marker->marker == JPEG_APP0 + 1 && marker->data_length > sizeof(name) &&
            memcmp(marker->data, name, sizeof(name)) == 0) {
            info->exif = marker->data + sizeof(name);
            info->exif_size = marker->data_length - sizeof(name);
            info->orientation = exif_orientation(info->exif, info->exif_size);
            return;
        }
}

int jpeg_reader_open(JpegReader *reader, const uint8_t *data, size_t size, JpegInfo *info) {
    struct jpeg_decompress_struct *jpeg = &reader->jpeg;
    memset(info, 0, sizeof(*info));
    reader->code = reader->is_ended = 0;
    if (setjmp(reader->on_error)) {
        jpeg_abort_decompress(jpeg);
        return reader->code;
    }
    reader->source.next_input_byte = data;
    reader->source.bytes_in_buffer = size;
    jpeg_save_markers(jpeg, JPEG_APP0 + 1, 0xFFFF);
    jpeg_read_header(jpeg, TRUE);
    info->width = (int)jpeg->image_width;
    info->height = (int)jpeg->image_height;
    info->components = jpeg->num_components;
    info->is_progressive = jpeg->progressive_mode;
    find_exif(jpeg, info);
    if (info->components != 1 && info->components != 3 && info->components != 4) {
        snprintf(reader->message, sizeof(reader->message), "it has %d components", info->components);
        return IMAGE_UNSUPPORTED;
    }
    return 0;
}

/* Choose what libjpeg gives, and return its format. */
static PixelFormat choose_output(struct jpeg_decompress_struct *jpeg, const JpegRequest *request, PixelFormat out) {
    if (jpeg->num_components == 4) {
        jpeg->out_color_space = JCS_CMYK;
        return (PixelFormat){request->wants_ink ? 4 : 3, 8};
    }
    /* libjpeg gives the luma alone, without the work for chroma */
    if (jpeg->num_components == 1 || out.channels < 3) {
        jpeg->out_color_space = JCS_GRAYSCALE;
        return (PixelFormat){1, 8};
    }
    jpeg->out_color_space = out.channels == 4 && out.depth == 8 ? JCS_EXT_RGBA : JCS_RGB;
    return (PixelFormat){jpeg->out_color_space == JCS_RGB ? 3 : 4, 8};
}

/* Note [Regions of JPEG]
 *
 * Chroma is upsampled from its neighbours, and libjpeg takes the edge of a crop for the edge of the
 * picture. One more unit (MCU) on both sides keeps all pixels equal to those of the whole picture.
 * Returns the first column that libjpeg gives. */
static int crop_columns(struct jpeg_decompress_struct *jpeg, const Rect *region) {
    int unit = jpeg->max_h_samp_factor * DCTSIZE;
    int first = region->x0 - unit > 0 ? region->x0 - unit : 0;
    int last = region->x1 + unit < (int)jpeg->output_width ? region->x1 + unit : (int)jpeg->output_width;
    JDIMENSION x = (JDIMENSION)first, width = (JDIMENSION)(last - first);
    if (first == 0 && last == (int)jpeg->output_width)
        return 0;
    jpeg_crop_scanline(jpeg, &x, &width);
    return (int)x;
}

static void write_row(const JpegReader *reader, uint8_t *row, PixelFormat format, const JpegRequest *request,
                      uint8_t *rgb, PixelRows out, int y, int skipped) {
    int width = request->region.x1 - request->region.x0, is_ink = reader->jpeg.out_color_space == JCS_CMYK;
    const uint8_t *from = row + (ptrdiff_t)skipped * (is_ink ? 4 : format.channels);
    if (is_ink && request->wants_ink) {
        for (ptrdiff_t i = 0; i < 4 * (ptrdiff_t)width; i++) /* in files, 0 is full ink */
            rgb[i] = 255 - from[i];
        from = rgb;
    } else if (is_ink) {
        pixels_from_cmyk(rgb, from, width);
        from = rgb;
    }
    pixels_convert(out.data + y * out.stride, out.format, from, format, width);
}

/* Return 0, or the code of a file whose scans are not all there; Note [Damage in JPEG files]. */
static int check_scans(JpegReader *reader) {
    struct jpeg_decompress_struct *jpeg = &reader->jpeg;
    int is_whole = 1;
    if (!jpeg_has_multiple_scans(jpeg))
        return 0;
    for (int c = 0; c < jpeg->num_components; c++) {
        const jpeg_component_info *component = &jpeg->comp_info[c];
        if (!component->component_needed)
            continue;
        if (!component->quant_table) /* which its first scan sets */
            is_whole = 0;
        for (int i = 0; reader->is_ended && jpeg->coef_bits && i < DCTSIZE2; i++)
            if (jpeg->coef_bits[c][i] != 0)
                is_whole = 0;
    }
    if (is_whole)
        return 0;
    snprintf(reader->message, sizeof(reader->message), "scans are missing");
    return reader->is_ended ? IMAGE_TRUNCATED : IMAGE_DAMAGED;
}

/* Return true if libjpeg may write to a row of the result; Note [Rows that stay in the cache]. */
static int may_write(const PixelRows *out, int rows, const uint8_t *row) {
    return (uintptr_t)row % STREAMED_ROW != 0 || rows * out->stride > CACHED_PICTURE;
}

/* Read the rows of the region, by way of `lines` where libjpeg must not write to the result.
 * There is one more line than a batch has, for CMYK. */
static void read_rows(JpegReader *reader, const JpegRequest *request, PixelFormat format, PixelRows out, int skipped,
                      uint8_t *lines, size_t line) {
    struct jpeg_decompress_struct *jpeg = &reader->jpeg;
    int rows = request->region.y1 - request->region.y0;
    int is_direct = format.channels == out.format.channels && out.format.depth == 8 &&
                    jpeg->out_color_space != JCS_CMYK &&
                    (int)jpeg->output_width == request->region.x1 - request->region.x0;
    if (request->region.y0 > 0)
        jpeg_skip_scanlines(jpeg, (JDIMENSION)request->region.y0);
    for (int y = 0; y < rows;) {
        JSAMPROW pointers[BATCH];
        uint8_t *first = out.data + y * out.stride;
        int wanted = rows - y < BATCH ? rows - y : BATCH;
        for (int i = 0; i < wanted; i++) {
            uint8_t *row = first + i * out.stride;
            pointers[i] = is_direct && may_write(&out, rows, row) ? row : lines + i * line;
        }
        int got = (int)jpeg_read_scanlines(jpeg, pointers, (JDIMENSION)wanted);
        for (int i = 0; i < got; i++)
            if (pointers[i] != first + i * out.stride)
                write_row(reader, pointers[i], format, request, lines + BATCH * line, out, y + i, skipped);
        y += got;
    }
}

int jpeg_reader_read(JpegReader *reader, const JpegRequest *request, PixelRows out) {
    struct jpeg_decompress_struct *jpeg = &reader->jpeg;
    uint8_t *volatile lines = NULL;
    if (setjmp(reader->on_error)) {
        jpeg_abort_decompress(jpeg);
        free(lines);
        return reader->code;
    }
    PixelFormat format = choose_output(jpeg, request, out.format);
    jpeg->scale_num = 1;
    jpeg->scale_denom = (unsigned)request->reduction;
    jpeg->dct_method = JDCT_ISLOW;
    jpeg_start_decompress(jpeg);
    int code = check_scans(reader);
    if (code < 0) {
        jpeg_abort_decompress(jpeg);
        return code;
    }
    int skipped = request->region.x0 - crop_columns(jpeg, &request->region);
    size_t line = (size_t)jpeg->output_width * 4; /* a multiple of 4, so that each address is odd */
    if (!(lines = malloc(line * (BATCH + 1) + 1))) {
        jpeg_abort_decompress(jpeg);
        return IMAGE_NO_MEMORY;
    }
    read_rows(reader, request, format, out, skipped, lines + 1, line);
    jpeg_abort_decompress(jpeg); /* what follows the last row does not matter */
    free(lines);
    return 0;
}

#endif
