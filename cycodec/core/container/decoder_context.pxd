"""libavcodec's decoders: how they are allocated and opened."""

from libc.stdint cimport int64_t

from cycodec.libav.avcodec cimport AVCodec, AVCodecContext, AVCodecID, AVCodecParameters
from cycodec.libav.avutil cimport AVRational


cdef bint is_safe_with_frame_threads(AVCodecID codec_id) noexcept nogil
cdef AVCodecContext *allocate_decoder(const AVCodec *codec, const AVCodecParameters *parameters, AVRational time_base,
                                      int num_threads, int64_t max_pixels, str source) except NULL
cdef int open_decoder(AVCodecContext *context, str source) except -1
cdef int set_options(AVCodecContext *context, dict options, str source) except -1
