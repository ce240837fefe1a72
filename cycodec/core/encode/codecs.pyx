"""Containers and encoders: which one a name means, and which encoders a container can hold."""

from cycodec.core.compat cimport compat_codec_format, compat_codec_pixel_format

from cycodec.core.error import CodecNotFoundError, FFmpegValueError, UnsupportedError

from cycodec.libav cimport avcodec, avformat, avutil
from cycodec.libav.avcodec cimport AVCodec, AVCodecContext, AVCodecDescriptor, AVCodecID
from cycodec.libav.avformat cimport AVOutputFormat
from cycodec.libav.avutil cimport AVMediaType, AVPixelFormat

cdef dict KINDS = {"video": avutil.AVMEDIA_TYPE_VIDEO, "audio": avutil.AVMEDIA_TYPE_AUDIO}

ANYTHING = "anything"
# Codecs that containers hold for which FFmpeg has no list.
HELD = {
    "mpegts": (
        "mpeg1video", "mpeg2video", "mpeg4", "h264", "hevc", "mp2", "mp3", "aac", "ac3", "eac3", "opus"
    ),
    "mpeg": ("mpeg1video", "mpeg2video", "mp2", "mp3", "ac3"),
    "vob": ("mpeg1video", "mpeg2video", "mp2", "mp3", "ac3"),
    "dvd": ("mpeg1video", "mpeg2video", "mp2", "mp3", "ac3"),
    "ogg": ("theora", "vorbis", "opus", "flac", "speex"),
    "ogv": ("theora", "vorbis", "opus", "flac", "speex"),
    "image2": ANYTHING,
    "image2pipe": ANYTHING,
}

# Pixel formats in which a graphics card's encoder is tried out.
cdef list TRIAL_FORMATS = [b"yuv420p", b"nv12", b"yuvj420p", b"p010le"]


cdef const AVOutputFormat *find_format(str format, str filename) except? NULL:
    """The container with FFmpeg's name, an extension, or of a file name; NULL if none fits."""
    cdef bytes name
    cdef const AVOutputFormat *found = NULL
    if format is not None:
        name = format.encode("utf-8", "surrogateescape")
        found = avformat.av_guess_format(name, NULL, NULL)
        filename = "x." + format.lstrip(".")
    if found == NULL and filename is not None:
        name = filename.encode("utf-8", "surrogateescape")
        found = avformat.av_guess_format(NULL, name, NULL)
    return found


cdef bint holds(const AVOutputFormat *format, AVCodecID codec):
    """True if a container can hold a codec; where FFmpeg has no list, by ours or its defaults."""
    cdef int answer = avformat.avformat_query_codec(format, codec, avcodec.FF_COMPLIANCE_NORMAL)
    if codec == avcodec.AV_CODEC_ID_WRAPPED_AVFRAME:
        return False
    if answer == 1:
        return True
    container = (<bytes> format.name).decode()
    if container == "matroska" and avformat.av_codec_get_tag(format.codec_tag, codec):
        return True             # by its tag in AVI files
    known = HELD.get(container)
    if known is not None:
        return known == ANYTHING or avcodec.avcodec_get_name(codec).decode() in known
    return codec == format.video_codec or codec == format.audio_codec


cdef AVPixelFormat trial_format(const AVCodec *codec) noexcept nogil:
    """The pixel format to try an encoder with, or AV_PIX_FMT_NONE.

    Pictures in a graphics card's memory are left out. FFmpeg 9's encoders by Vulkan take nothing
    else, and crash if they are opened without a card.
    """
    cdef AVPixelFormat chosen = avutil.AV_PIX_FMT_NONE, offered
    cdef int i = 0
    while compat_codec_pixel_format(codec, i) >= 0:
        offered = <AVPixelFormat> compat_codec_pixel_format(codec, i)
        desc = avutil.av_pix_fmt_desc_get(offered)
        i += 1
        if desc == NULL or desc.flags & avutil.AV_PIX_FMT_FLAG_HWACCEL:
            continue
        if is_plain(desc.name):
            return offered
        if chosen == avutil.AV_PIX_FMT_NONE:
            chosen = offered
    return chosen


cdef bint opens(const AVCodec *codec) noexcept nogil:
    """True if an encoder that needs special hardware opens here."""
    cdef AVPixelFormat format = trial_format(codec)
    cdef AVCodecContext *context
    cdef int code
    if format == avutil.AV_PIX_FMT_NONE:
        return False
    context = avcodec.avcodec_alloc_context3(codec)
    if context == NULL:
        return False
    context.width, context.height = 320, 240
    context.time_base.num, context.time_base.den = 1, 30
    context.framerate.num, context.framerate.den = 30, 1
    context.pix_fmt = format
    code = avcodec.avcodec_open2(context, codec, NULL)
    avcodec.avcodec_free_context(&context)
    return code >= 0


cdef bint is_plain(const char *name) noexcept with gil:
    return <bytes> name in TRIAL_FORMATS


cdef bint is_usable(const AVCodec *codec) noexcept nogil:
    """True if an encoder is neither experimental nor in need of hardware that is not here."""
    if codec.capabilities & avcodec.AV_CODEC_CAP_EXPERIMENTAL:
        return False
    if codec.type == avutil.AVMEDIA_TYPE_AUDIO:
        return compat_codec_format(codec, 0) >= 0
    if codec.capabilities & avcodec.AV_CODEC_CAP_HARDWARE or needs_hardware(codec.name):
        return opens(codec)
    return True


cdef bint needs_hardware(const char *name) noexcept with gil:
    return (<bytes> name).decode().endswith(("_omx", "_v4l2m2m", "_vaapi", "_qsv", "_nvenc", "_amf", "_mf", "_vulkan"))


cdef list usable_encoders(const AVOutputFormat *format, AVMediaType kind):
    """The names of the encoders of a kind of media that work here and that a container holds."""
    cdef const AVCodec *codec = NULL
    cdef void *state = NULL
    cdef bint usable
    found = []
    while True:
        codec = avcodec.av_codec_iterate(&state)
        if codec == NULL:
            return sorted(found)
        if not avcodec.av_codec_is_encoder(codec) or codec.type != kind or not holds(format, codec.id):
            continue
        with nogil:
            usable = is_usable(codec)
        if usable:
            found.append((<bytes> codec.name).decode())


cdef const AVCodec *choose_codec(const AVOutputFormat *format, str name, AVMediaType kind, str owner) except NULL:
    """The encoder with a name, the one of a codec, or the container's default.

    Raises
    ------
    CodecNotFoundError
        The FFmpeg in use has no such encoder. The message lists those for the container.
    UnsupportedError
        The container holds no such codec, or the encoder is experimental.
    """
    cdef const AVCodec *codec = NULL
    cdef const AVCodecDescriptor *descriptor
    cdef AVCodecID default = format.audio_codec if kind == avutil.AVMEDIA_TYPE_AUDIO else format.video_codec
    cdef bytes text
    word = "audio" if kind == avutil.AVMEDIA_TYPE_AUDIO else "video"
    container = (<bytes> format.name).decode()
    if name is None:
        if default == avcodec.AV_CODEC_ID_NONE:
            raise UnsupportedError(
                f"{owner}: the container {container} holds no {word} (choose another format)",
                source=owner, operation="find an encoder",
            )
        codec = avcodec.avcodec_find_encoder(default)
        wanted = avcodec.avcodec_get_name(default).decode()
    else:
        text = name.encode()
        wanted = name
        codec = avcodec.avcodec_find_encoder_by_name(text)
        if codec == NULL:
            descriptor = avcodec.avcodec_descriptor_get_by_name(text)
            if descriptor != NULL and descriptor.type == kind:
                codec = avcodec.avcodec_find_encoder(descriptor.id)
    if codec == NULL:
        raise CodecNotFoundError(
            f"{owner}: the FFmpeg in use has no encoder {wanted!r} (the {word} encoders for {container} here are: "
            f"{', '.join(usable_encoders(format, kind)) or 'none'})",
            source=owner, operation="find an encoder",
        )
    if codec.type != kind:
        raise FFmpegValueError(
            f"{owner}: {wanted!r} is no {word} encoder (choose one of "
            f"{', '.join(usable_encoders(format, kind)) or 'none'})",
            source=owner, operation="find an encoder",
        )
    if codec.capabilities & avcodec.AV_CODEC_CAP_EXPERIMENTAL:
        raise UnsupportedError(
            f"{owner}: FFmpeg calls its encoder {(<bytes> codec.name).decode()} experimental (choose another one)",
            source=owner, operation="find an encoder",
        )
    if not holds(format, codec.id):
        raise UnsupportedError(
            f"{owner}: the container {container} holds no {avcodec.avcodec_get_name(codec.id).decode()} "
            f"(its {word} encoders here are: {', '.join(usable_encoders(format, kind)) or 'none'})",
            source=owner, operation="find an encoder",
        )
    return codec


def hardware_encoder(str format, str filename, str suffix not None):
    """The encoder of a graphics card for a container's default codec; None if it does not open."""
    cdef const AVOutputFormat *found = find_format(format, filename)
    cdef const AVCodec *codec
    cdef bint usable
    if found == NULL or found.video_codec == avcodec.AV_CODEC_ID_NONE:
        return None
    name = (<bytes> avcodec.avcodec_get_name(found.video_codec)) + suffix.encode()
    codec = avcodec.avcodec_find_encoder_by_name(name)
    if codec == NULL:
        return None
    with nogil:
        usable = is_usable(codec)
    return name.decode() if usable else None


def picture_codec(str filename not None):
    """The name of the encoder for a picture file's extension; None if there is none."""
    cdef bytes name = filename.encode("utf-8", "surrogateescape")
    cdef const AVOutputFormat *pictures = avformat.av_guess_format(b"image2", NULL, NULL)
    cdef const AVCodec *codec
    if pictures == NULL:
        return None
    codec = avcodec.avcodec_find_encoder(
        avformat.av_guess_codec(pictures, NULL, name, NULL, avutil.AVMEDIA_TYPE_VIDEO)
    )
    return None if codec == NULL else (<bytes> codec.name).decode()


def encoders_for(str format not None, str kind not None):
    """What a container can hold.

    Returns
    -------
    tuple of str, (str or None) and list of str
        FFmpeg's name of the container, the name of its default encoder, and all encoders.
    """
    cdef const AVOutputFormat *found = find_format(format, format)
    cdef const AVCodec *codec = NULL
    if found == NULL:
        raise CodecNotFoundError(
            f"the FFmpeg in use has no container {format!r} (name one such as 'mp4' or 'mkv'; `ffmpeg -muxers` "
            "lists them)", operation="find a container format",
        )
    names = usable_encoders(found, KINDS[kind])
    codec = avcodec.avcodec_find_encoder(found.video_codec if kind == "video" else found.audio_codec)
    default = None if codec == NULL else (<bytes> codec.name).decode()
    return (<bytes> found.name).decode(), default if default in names else None, names
