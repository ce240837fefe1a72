"""Which encoder a name or a container means."""

from cycodec.libav.avcodec cimport AVCodec
from cycodec.libav.avformat cimport AVOutputFormat
from cycodec.libav.avutil cimport AVMediaType


cdef const AVOutputFormat *find_format(str format, str filename) except? NULL
cdef const AVCodec *choose_codec(const AVOutputFormat *format, str name, AVMediaType kind, str owner) except NULL
