"""Containers that are written, from pictures and samples."""

from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int64_t, uint8_t

from cycodec.core.handles cimport EncoderHandle, MuxerHandle


cdef MuxerHandle muxer_open(object destination, str format)
cdef EncoderHandle muxer_add_video(MuxerHandle muxer, int width, int height, int rate_num, int rate_den, str codec,
                                   dict options)
cdef EncoderHandle muxer_add_audio(MuxerHandle muxer, int sample_rate, int num_channels, str codec, dict options)
cdef int muxer_start(MuxerHandle muxer) except -1
cdef int encoder_flush(EncoderHandle encoder) except -1
cdef int muxer_finish(MuxerHandle muxer) except -1
cdef int encoder_set_layout(EncoderHandle encoder, int channels, ptrdiff_t channel, ptrdiff_t row,
                            ptrdiff_t column) except -1
cdef int encoder_add_picture(EncoderHandle encoder, const uint8_t *picture) noexcept nogil
cdef int encoder_add_samples(EncoderHandle encoder, const float *samples, int64_t stride,
                             int64_t count) noexcept nogil
cdef int encoder_check(EncoderHandle encoder, int code) except -1
