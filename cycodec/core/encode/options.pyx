"""Options of encoders and muxers: which there are, and setting one with a check of its value."""

import numbers
from fractions import Fraction

from cycodec.core.error import FFmpegValueError

from cycodec.libav cimport avutil
from cycodec.libav.avcodec cimport AVCodecContext
from cycodec.libav.avformat cimport AVFormatContext
from cycodec.libav.avutil cimport AVOption

cdef enum:
    MEDIA = avutil.AV_OPT_FLAG_VIDEO_PARAM | avutil.AV_OPT_FLAG_AUDIO_PARAM
    LARGE = 1 << 30         # from here on, a bound is that of the number's type and tells nothing

# What x264 and x265 accept for options that FFmpeg hands to them as text.
X26X_PRESETS = (
    "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow", "placebo"
)
WORDS = {
    ("libx264", "preset"): X26X_PRESETS,
    ("libx264rgb", "preset"): X26X_PRESETS,
    ("libx265", "preset"): X26X_PRESETS,
    ("libx265", "tune"): ("animation", "fastdecode", "grain", "psnr", "ssim", "zerolatency"),
    ("libx264", "profile"): ("baseline", "main", "high", "high10", "high422", "high444"),
}
# Ranges that the encoders have in fact, where FFmpeg's options declare none or a wider one.
RANGES = {
    ("libx264", "crf"): (0, 51), ("libx264rgb", "crf"): (0, 51), ("libx265", "crf"): (0, 51),
    ("libx264", "qp"): (0, 69), ("libx264rgb", "qp"): (0, 69), ("libx265", "qp"): (0, 51),
}


cdef int media_flag(AVCodecContext *context) noexcept nogil:
    if context.codec.type == avutil.AVMEDIA_TYPE_AUDIO:
        return avutil.AV_OPT_FLAG_AUDIO_PARAM
    return avutil.AV_OPT_FLAG_VIDEO_PARAM


cdef bint applies(const AVOption *option, int media) noexcept nogil:
    """True if an option is one for encoding, and not for another kind of media alone."""
    if option.type == avutil.AV_OPT_TYPE_CONST or option.flags & avutil.AV_OPT_FLAG_READONLY:
        return False
    if not option.flags & avutil.AV_OPT_FLAG_ENCODING_PARAM:
        return False
    return media == 0 or not option.flags & MEDIA or option.flags & media


cdef const AVOption *find(void *holder, str key, int media):
    """An option of a struct that begins with an AVClass, or of its private data; NULL if absent."""
    cdef bytes name = key.encode()
    cdef const AVOption *option = avutil.av_opt_find(holder, name, NULL, 0, avutil.AV_OPT_SEARCH_CHILDREN)
    if option == NULL or not applies(option, media):
        return NULL
    return option


cdef list names(void *holder, int media):
    cdef const AVOption *option = NULL
    found = []
    if holder == NULL:
        return found
    while True:
        option = avutil.av_opt_next(holder, option)
        if option == NULL:
            return found
        if applies(option, media):
            found.append((<bytes> option.name).decode())


cdef list constants(void *holder, const AVOption *option):
    """The names that stand for values of an option."""
    cdef const AVOption *other = NULL
    found = []
    if option.unit == NULL:
        return found
    unit = <bytes> option.unit
    while True:
        other = avutil.av_opt_next(holder, other)
        if other == NULL:
            return found
        if other.type == avutil.AV_OPT_TYPE_CONST and other.unit != NULL and <bytes> other.unit == unit:
            found.append((<bytes> other.name).decode())


def text_of(key, value):
    """An option's value in FFmpeg's notation."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, Fraction):
        return f"{value.numerator}/{value.denominator}"
    if hasattr(type(value), "__index__"):
        return str(value.__index__())
    if isinstance(value, numbers.Real):
        return repr(float(value))
    raise TypeError(f"option {key!r} must be a string, a number or a bool, not {type(value).__name__}")


def within(name, key, value, written, owner):
    """Check a value against what its encoder accepts, where FFmpeg's option does not tell."""
    words = WORDS.get((name, key))
    if words is not None and written not in words:
        refuse(name, key, value, f"one of {', '.join(words)}", owner)
    bounds = RANGES.get((name, key))
    if bounds is None:
        return
    try:
        number = Fraction(written)
    except (ValueError, ZeroDivisionError):
        number = bounds[0] - 1
    if not bounds[0] <= number <= bounds[1]:
        refuse(name, key, value, f"a number from {bounds[0]} to {bounds[1]}", owner)


def refuse(name, key, value, possible, owner):
    raise FFmpegValueError(
        f"{owner}: {key}={value!r} is not valid for {name} (pass {possible})", source=owner, operation="set options"
    )


cdef str possible_values(void *holder, const AVOption *option):
    """What an option accepts, for an error message."""
    words = constants(holder, option)
    if option.type == avutil.AV_OPT_TYPE_FLAGS:
        return f"names joined by '+', of {', '.join(words)}"
    if option.type == avutil.AV_OPT_TYPE_BOOL:
        return "0 or 1"
    number = "a number"
    if option.type in (avutil.AV_OPT_TYPE_INT, avutil.AV_OPT_TYPE_INT64, avutil.AV_OPT_TYPE_UINT64):
        number = "an integer"
    if abs(option.min) < LARGE and abs(option.max) < LARGE:
        number = f"{number} from {option.min:g} to {option.max:g}"
    elif abs(option.min) < LARGE:
        number = f"{number} of {option.min:g} or more"
    elif option.type not in (
        avutil.AV_OPT_TYPE_INT, avutil.AV_OPT_TYPE_INT64, avutil.AV_OPT_TYPE_UINT64, avutil.AV_OPT_TYPE_DOUBLE,
        avutil.AV_OPT_TYPE_FLOAT,
    ):
        number = "another value; `ffmpeg -h full` describes it"
    return f"{number}, or one of {', '.join(words)}" if words else number


cdef bint set_option(void *holder, void *private, str key, object value, str name, int media, str owner) except -1:
    """Set an option and return True, or return False if there is none of that name."""
    cdef const AVOption *option = find(holder, key, media)
    cdef bytes text, label
    cdef int code
    if option == NULL:
        return False
    written = text_of(key, value)
    within(name, key, value, written, owner)
    text, label = written.encode(), key.encode()
    code = avutil.av_opt_set(holder, label, text, avutil.AV_OPT_SEARCH_CHILDREN)
    if code < 0:
        home = private
        if private == NULL or avutil.av_opt_find(private, label, NULL, 0, 0) == NULL:
            home = holder
        refuse(name, key, value, possible_values(<void *> home, option), owner)
    return True


cdef bint set_codec_option(AVCodecContext *context, str key, object value, str owner) except -1:
    cdef void *private = context.priv_data if context.codec.priv_class != NULL else NULL
    name = (<bytes> context.codec.name).decode()
    return set_option(context, private, key, value, name, media_flag(context), owner)


cdef bint set_muxer_option(AVFormatContext *context, str key, object value, str owner) except -1:
    cdef void *private = context.priv_data if context.oformat.priv_class != NULL else NULL
    name = (<bytes> context.oformat.name).decode()
    return set_option(context, private, key, value, name, 0, owner)


cdef bint codec_has_option(AVCodecContext *context, str key) except -1:
    return find(context, key, media_flag(context)) != NULL


cdef list codec_option_names(AVCodecContext *context):
    """The names of an encoder's options, its own ones first."""
    cdef void *private = context.priv_data if context.codec.priv_class != NULL else NULL
    return names(private, media_flag(context)) + names(context, media_flag(context))


cdef list muxer_option_names(AVFormatContext *context):
    """The names of a container's options, its own ones first."""
    cdef void *private = context.priv_data if context.oformat.priv_class != NULL else NULL
    return names(private, 0) + names(context, 0)
