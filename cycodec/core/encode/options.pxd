"""Options of encoders and muxers, each checked before it is set."""

from cycodec.libav.avcodec cimport AVCodecContext
from cycodec.libav.avformat cimport AVFormatContext


cdef bint set_codec_option(AVCodecContext *context, str key, object value, str owner) except -1
cdef bint set_muxer_option(AVFormatContext *context, str key, object value, str owner) except -1
cdef bint codec_has_option(AVCodecContext *context, str key) except -1
cdef list codec_option_names(AVCodecContext *context)
cdef list muxer_option_names(AVFormatContext *context)
