"""Raw pictures of few bits per pixel whose packet does not hold all rows."""

from cycodec.libav.avcodec cimport AVCodecParameters
from cycodec.libav.avutil cimport AVFrame


cdef bint clears_missing_rows(const AVCodecParameters *parameters, AVFrame *frame, int size) noexcept nogil
