"""Functions that allocate and open libavcodec's decoders, and that raise the errors of both.

Note [Frame threads of APNG]

Each frame of an APNG is drawn on the one before, for whose rows a frame thread waits. libavcodec 59
never tells that thread of rows which a damaged frame lacks, and a file of 200 bytes stops the
process for ever. Decoders of APNG therefore have no frame threads.

Note [Frame threads of WebP]

If the alpha plane of a WebP picture is damaged, libavcodec 59 reports an error for a picture that
it has already announced. A frame thread frees such a picture, and libavcodec ends the process
because the announced picture is absent. Decoders of WebP have no frame threads either.
"""

from libc.stdint cimport int64_t

from cycodec.core cimport error
from cycodec.core.error import CodecNotFoundError, FFmpegValueError

from cycodec.libav cimport avcodec, avutil
from cycodec.libav.avcodec cimport AVCodec, AVCodecContext, AVCodecID, AVCodecParameters
from cycodec.libav.avutil cimport AVRational


cdef bint is_safe_with_frame_threads(AVCodecID codec_id) noexcept nogil:
    """Return False if frame threads may wait for ever or end the process.

    Note [Frame threads of APNG], Note [Frame threads of WebP]
    """
    return codec_id != avcodec.AV_CODEC_ID_APNG and codec_id != avcodec.AV_CODEC_ID_WEBP


cdef AVCodecContext *allocate_decoder(const AVCodec *codec, const AVCodecParameters *parameters, AVRational time_base,
                                      int num_threads, int64_t max_pixels, str source) except NULL:
    """Return a decoder that is not open yet, so that the caller may still change its options.

    The caller owns the context and frees it with avcodec_free_context.

    Parameters
    ----------
    codec : const AVCodec *
        The implementation; NULL raises CodecNotFoundError.
    parameters : const AVCodecParameters *
        What the container says about the stream.
    time_base : AVRational
        The time base of the packets; one that is not positive counts as unknown.
    num_threads : int
        libavcodec's thread count; with 0, FFmpeg decides.
    max_pixels : int64_t
        A decoder refuses larger pictures before it takes memory for them.
    source : str
        The name of the source in errors.
    """
    cdef AVCodecContext *context
    cdef int code
    if codec == NULL:
        name = avcodec.avcodec_get_name(parameters.codec_id).decode()
        raise CodecNotFoundError(
            f"{source}: the FFmpeg in use has no decoder for {name} "
            "(use an FFmpeg built with it; `cycodec doctor` lists what this one has)",
            source=source, operation="open decoder",
        )
    context = avcodec.avcodec_alloc_context3(codec)
    if context == NULL:
        raise MemoryError()
    code = avcodec.avcodec_parameters_to_context(context, parameters)
    if code < 0:
        avcodec.avcodec_free_context(&context)
    error.check(code, "set decoder parameters", source)
    # A time base of zero, which a damaged header may state, would be divided by.
    if time_base.num > 0 and time_base.den > 0:
        context.pkt_timebase = time_base
    context.thread_count = num_threads if is_safe_with_frame_threads(codec.id) else 1
    context.max_pixels = max_pixels
    return context


cdef int set_options(AVCodecContext *context, dict options, str source) except -1:
    """Set the user's options of a decoder that `allocate_decoder` returned."""
    cdef int code
    for name, value in options.items():
        code = avutil.av_opt_set(context, name.encode(), value.encode(), avutil.AV_OPT_SEARCH_CHILDREN)
        if code == avutil.AVERROR_OPTION_NOT_FOUND:
            codec = avcodec.avcodec_get_name(context.codec_id).decode()
            raise FFmpegValueError(
                f"{source}: options: the decoder of {codec} has no option {name!r}",
                source=source, operation="open decoder",
            )
        error.check(code, f"set option {name!r}", source)
    return 0


cdef int open_decoder(AVCodecContext *context, str source) except -1:
    """Open a decoder that `allocate_decoder` returned."""
    cdef int code
    with nogil:
        code = avcodec.avcodec_open2(context, NULL, NULL)
    error.check(code, "open decoder", source)
    return 0
