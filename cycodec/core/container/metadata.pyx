"""Metadata of a container and its streams, under the names of cycodec's metadata classes."""

from fractions import Fraction

from libc.math cimport isnan
from libc.stdint cimport int32_t, int64_t

from cycodec.core.compat cimport (
    CompatCrop,
    compat_channels,
    compat_cropped,
    compat_stream_crop,
    compat_stream_display_matrix,
)

from cycodec.libav cimport avcodec, avformat, avutil
from cycodec.libav.avcodec cimport AVCodecParameters
from cycodec.libav.avformat cimport AVChapter, AVFormatContext, AVStream


cdef enum:
    VARYING_RATE = 400 * 0x3FFFF    # bits per second


cdef object fraction(avutil.AVRational value):
    """Return a rational number as a Fraction; None for 0 and for numbers without a denominator."""
    return Fraction(value.num, value.den) if value.num and value.den else None


cdef str media_type(const AVStream *stream):
    cdef const char *name = avutil.av_get_media_type_string(stream.codecpar.codec_type)
    return name.decode() if name != NULL else "unknown"


cdef str codec_name(const AVStream *stream):
    return avcodec.avcodec_get_name(stream.codecpar.codec_id).decode()


cdef bint is_attached_picture(const AVStream *stream):
    return stream.disposition & avformat.AV_DISPOSITION_ATTACHED_PIC


cdef object frame_rate(const AVStream *stream):
    return fraction(stream.avg_frame_rate) or fraction(stream.r_frame_rate)


cdef dict container_info(const AVFormatContext *container):
    return {
        "format": container.iformat.name.decode(),
        "duration_seconds_from_header": container_duration(container),
        "bit_rate": float(container.bit_rate) if container.bit_rate > 0 else None,
        "tags": tags(container.metadata),
        "chapters": [chapter_info(container.chapters[i]) for i in range(container.nb_chapters)],
    }


cdef dict chapter_info(const AVChapter *chapter):
    cdef double base = avutil.av_q2d(chapter.time_base)
    cdef int64_t unknown = avutil.AV_NOPTS_VALUE
    return {
        "begin_seconds": chapter.start * base if chapter.start != unknown else None,
        "end_seconds": chapter.end * base if chapter.end != unknown else None,
        "tags": tags(chapter.metadata),
    }


cdef object container_duration(const AVFormatContext *container):
    """Return the duration of the container in seconds, or None."""
    if container.duration <= 0:         # AV_NOPTS_VALUE is negative, too
        return None
    return container.duration / <double> avutil.AV_TIME_BASE


cdef dict stream_info(const AVFormatContext *container, int index):
    cdef AVStream *stream = container.streams[index]
    cdef AVCodecParameters *parameters = stream.codecpar
    cdef double base = avutil.av_q2d(stream.time_base)
    info = {
        "media_type": media_type(stream),
        "codec": codec_name(stream),
        "stream_index": index,
        "duration_seconds_from_header": (
            stream.duration * base if stream.duration > 0 else container_duration(container)
        ),
        "begin_stream_seconds_from_header": (
            stream.start_time * base if stream.start_time != avutil.AV_NOPTS_VALUE else None
        ),
        "bit_rate": stream_rate(parameters),
        "tags": tags(stream.metadata),
    }
    if parameters.codec_type == avutil.AVMEDIA_TYPE_VIDEO:
        info.update(video_info(stream))
    elif parameters.codec_type == avutil.AVMEDIA_TYPE_AUDIO:
        info.update(
            sample_rate=parameters.sample_rate or None,
            num_channels=compat_channels(parameters) or None,
            sample_format=sample_format_name(parameters.format),
        )
    return info


cdef object stream_rate(const AVCodecParameters *parameters):
    """Return the bits per second of a stream that its header states, or None.

    A sequence header of MPEG-1 or MPEG-2 has ones in all bits of the rate if it varies (ISO/IEC
    11172-2, 2.4.3.2). FFmpeg takes them for a number.
    """
    if parameters.bit_rate <= 0 or (
        parameters.bit_rate == VARYING_RATE
        and parameters.codec_id in (avcodec.AV_CODEC_ID_MPEG1VIDEO, avcodec.AV_CODEC_ID_MPEG2VIDEO)
    ):
        return None
    return float(parameters.bit_rate)


cdef dict video_info(const AVStream *stream):
    cdef AVCodecParameters *parameters = stream.codecpar
    cdef avutil.AVRational aspect = stream.sample_aspect_ratio
    if aspect.num <= 0:
        aspect = parameters.sample_aspect_ratio
    rate = None if is_attached_picture(stream) else frame_rate(stream)
    width, height = cropped_size(stream)
    return {
        "width": width or None,
        "height": height or None,
        "num_frames_from_header": stream.nb_frames or None,
        "average_fps_from_header": float(rate) if rate else None,
        "pixel_aspect_ratio": fraction(aspect),
        "rotation": rotation(stream),
        "pixel_format": pixel_format_name(parameters.format),
        **colour_names(parameters.color_primaries, parameters.color_space, parameters.color_trc,
                       parameters.color_range),
    }


cdef bint is_cropped(const AVStream *stream):
    cdef CompatCrop crop
    return compat_stream_crop(stream, &crop)


cdef tuple cropped_size(const AVStream *stream):
    """Return the stored width and height, less what the container cuts off. Cuts that leave nothing
    are ignored, and decoding reports them.
    """
    cdef AVCodecParameters *parameters = stream.codecpar
    cdef const avutil.AVPixFmtDescriptor *desc = avutil.av_pix_fmt_desc_get(<avutil.AVPixelFormat> parameters.format)
    cdef CompatCrop crop
    cdef int width, height
    if not compat_stream_crop(stream, &crop):
        return parameters.width, parameters.height
    width = compat_cropped(parameters.width, crop.left, crop.right, desc.log2_chroma_w if desc != NULL else 0)
    height = compat_cropped(parameters.height, crop.top, crop.bottom, desc.log2_chroma_h if desc != NULL else 0)
    return (width, height) if width > 0 and height > 0 else (parameters.width, parameters.height)


cdef object rotation(const AVStream *stream):
    """Return the counter-clockwise angle by which to turn pictures, or None if unknown.

    The angle is in degrees, in (-180, 180].
    """
    cdef int32_t values[9]
    cdef double angle
    if not compat_stream_display_matrix(stream, values):
        return None
    angle = avutil.av_display_rotation_get(values)
    return None if isnan(angle) else angle


cdef tuple display_matrix(const AVStream *stream):
    cdef int32_t values[9]
    if not compat_stream_display_matrix(stream, values):
        return None
    return tuple(values[i] for i in range(9))


cdef str pixel_format_name(int pixel_format):
    cdef const char *name = avutil.av_get_pix_fmt_name(<avutil.AVPixelFormat> pixel_format)
    return name.decode() if name != NULL else None


cdef str sample_format_name(int sample_format):
    cdef const char *name = avutil.av_get_sample_fmt_name(<avutil.AVSampleFormat> sample_format)
    return name.decode() if name != NULL else None


cdef str known(const char *name):
    """Return the name of a colour property; None if FFmpeg does not know the property."""
    if name == NULL:
        return None
    text = name.decode()
    return None if text in ("unknown", "unspecified", "reserved") else text


cdef dict colour_names(int primaries, int space, int transfer, int colour_range):
    return {
        "color_primaries": known(avutil.av_color_primaries_name(primaries)),
        "color_space": known(avutil.av_color_space_name(space)),
        "color_transfer_characteristic": known(avutil.av_color_transfer_name(transfer)),
        "color_range": known(avutil.av_color_range_name(colour_range)),
    }


def describe_frame_colour(int pixel_format, int primaries, int space, int transfer, int colour_range):
    """Return a dict of the names of the pixel format and colour properties, as in `stream_info`."""
    return {
        "pixel_format": pixel_format_name(pixel_format),
        **colour_names(primaries, space, transfer, colour_range),
    }


cdef dict tags(const avutil.AVDictionary *dictionary):
    cdef avutil.AVDictionaryEntry *entry = NULL
    result = {}
    while True:
        entry = avutil.av_dict_get(dictionary, b"", entry, avutil.AV_DICT_IGNORE_SUFFIX)
        if entry == NULL:
            return result
        result[entry.key.decode("utf-8", "replace")] = entry.value.decode("utf-8", "replace")
