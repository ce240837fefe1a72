"""What a container's header says about itself and its streams."""

from cycodec.libav.avformat cimport AVFormatContext, AVStream
from cycodec.libav.avutil cimport AVRational


cdef object fraction(AVRational value)
cdef str media_type(const AVStream *stream)
cdef str codec_name(const AVStream *stream)
cdef bint is_attached_picture(const AVStream *stream)
cdef object frame_rate(const AVStream *stream)
cdef dict container_info(const AVFormatContext *container)
cdef dict stream_info(const AVFormatContext *container, int index)
cdef bint is_cropped(const AVStream *stream)
cdef object rotation(const AVStream *stream)
cdef tuple display_matrix(const AVStream *stream)
cdef dict colour_names(int primaries, int space, int transfer, int colour_range)
