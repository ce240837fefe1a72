"""See encoding.pxd."""

from libc.errno cimport EINVAL
from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int64_t, uint8_t

from cycodec.core.encode.audio cimport AudioStreamEncoder
from cycodec.core.encode.muxer cimport Muxer
from cycodec.core.encode.stream_encoder cimport StreamEncoder
from cycodec.core.encode.video cimport INPUT_UINT8, VideoStreamEncoder
from cycodec.core.handles cimport EncoderHandle, MuxerHandle
from cycodec.core.io.sink cimport Sink
from cycodec.libav cimport avutil
from cycodec.libav.avutil cimport AVMediaType


cdef MuxerHandle muxer_open(object destination, str format):
    """Open a container for writing: a path, or a file-like object with ``write``.

    `format` is FFmpeg's name of a container or an extension; None takes the path's extension. The
    file appears under its name with `muxer_finish`.
    """
    cdef str filename = None
    if isinstance(destination, str):
        filename = destination
    return Muxer(Sink(destination), format, filename)


cdef EncoderHandle muxer_add_video(MuxerHandle muxer, int width, int height, int rate_num, int rate_den, str codec,
                                   dict options):
    """Add a video stream; None as codec takes the container's default."""
    return VideoStreamEncoder(<Muxer?> muxer, width, height, (rate_num, rate_den), codec, None, options)


cdef EncoderHandle muxer_add_audio(MuxerHandle muxer, int sample_rate, int num_channels, str codec, dict options):
    """Add an audio stream; None as codec takes the container's default."""
    return AudioStreamEncoder(<Muxer?> muxer, sample_rate, num_channels, sample_rate, num_channels, 0, codec, options)


cdef int muxer_start(MuxerHandle muxer) except -1:
    """Write the header, after all streams were added and their layouts were set."""
    (<object> <Muxer?> muxer).start()
    return 0


cdef int encoder_flush(EncoderHandle encoder) except -1:
    """Encode what a stream's encoder still holds; nothing can be added to it afterwards."""
    (<object> <StreamEncoder?> encoder).flush()
    return 0


cdef int muxer_finish(MuxerHandle muxer) except -1:
    """Write the trailer and make the file appear, after all encoders were flushed.

    A muxer that is freed before leaves nothing.
    """
    cdef Muxer container = <Muxer?> muxer
    container.finish()
    container.sink.commit()
    return 0


cdef int encoder_set_layout(EncoderHandle encoder, int channels, ptrdiff_t channel, ptrdiff_t row,
                            ptrdiff_t column) except -1:
    """Say how uint8 pictures lie in memory, before `muxer_start`.

    `channels` is 1 (gray), 3 (RGB) or 4 (RGBA). The other numbers are the distances in bytes of
    channels, rows and columns.
    """
    cdef VideoStreamEncoder video = <VideoStreamEncoder?> encoder
    video.configure(channels, 8, False)
    video.use_layout((channels, INPUT_UINT8, 8, channel, row, column))
    return 0


cdef bint takes(EncoderHandle encoder, AVMediaType kind) noexcept nogil:
    """Return True if an encoder encodes this kind of media, and was not flushed."""
    return (
        encoder is not None
        and (<StreamEncoder> encoder).codec.type == kind
        and not (<StreamEncoder> encoder).flushed
    )


cdef int encoder_add_picture(EncoderHandle encoder, const uint8_t *picture) noexcept nogil:
    """Encode the next picture, at the stream's frame rate; 0 or AVERROR."""
    if picture == NULL or not takes(encoder, avutil.AVMEDIA_TYPE_VIDEO):
        return avutil.AVERROR(EINVAL)
    if (<VideoStreamEncoder> encoder).layout.width == 0:
        return avutil.AVERROR(EINVAL)       # there is no layout
    return min((<VideoStreamEncoder> encoder).add_picture(picture), 0)


cdef int encoder_add_samples(EncoderHandle encoder, const float *samples, int64_t stride,
                             int64_t count) noexcept nogil:
    """Encode samples in [-1, 1]: rows, one for each channel, `stride` samples apart; 0 or AVERROR.
    """
    if samples == NULL or count < 0 or not takes(encoder, avutil.AVMEDIA_TYPE_AUDIO):
        return avutil.AVERROR(EINVAL)
    return (<AudioStreamEncoder> encoder).add_rows(samples, stride, count)


cdef int encoder_check(EncoderHandle encoder, int code) except -1:
    """Raise the exception for a code below zero of a stream's encoder."""
    return (<StreamEncoder?> encoder).muxer.check(code, "encode")
