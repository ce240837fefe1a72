"""Containers that are written, from pictures and samples."""

from libc.stddef cimport ptrdiff_t
from libc.stdint cimport int64_t, uint8_t

from cycodec.core.encode.muxer cimport Muxer
from cycodec.core.encode.stream_encoder cimport StreamEncoder


cdef Muxer muxer_open(object destination, str format)
cdef StreamEncoder muxer_add_video(Muxer muxer, int width, int height, int rate_num, int rate_den, str codec,
                                   dict options)
cdef StreamEncoder muxer_add_audio(Muxer muxer, int sample_rate, int num_channels, str codec, dict options)
cdef int muxer_start(Muxer muxer) except -1
cdef int encoder_flush(StreamEncoder encoder) except -1
cdef int muxer_finish(Muxer muxer) except -1
cdef int encoder_set_layout(StreamEncoder encoder, int channels, ptrdiff_t channel, ptrdiff_t row,
                            ptrdiff_t column) except -1
cdef int encoder_add_picture(StreamEncoder encoder, const uint8_t *picture) noexcept nogil
cdef int encoder_add_samples(StreamEncoder encoder, const float *samples, int64_t stride,
                             int64_t count) noexcept nogil
cdef int encoder_check(StreamEncoder encoder, int code) except -1
