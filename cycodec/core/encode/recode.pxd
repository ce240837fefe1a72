"""Pictures of a stream that are decoded and encoded again without a change of their format."""

from cycodec.core.container.demux cimport Demuxer
from cycodec.libav.avcodec cimport AVCodecContext, AVPacket
from cycodec.libav.avutil cimport AVFrame


cdef class Packet:
    cdef AVPacket *ptr


cdef class Picture:
    cdef AVFrame *ptr


cdef class PacketReader:
    cdef Demuxer demuxer
    cdef int stream


cdef class PictureDecoder:
    cdef Demuxer demuxer
    cdef AVCodecContext *context
    cdef public bint complains      # True if FFmpeg's log has had a warning or an error


cdef class PictureEncoder:
    cdef Demuxer demuxer
    cdef AVCodecContext *context
    cdef int count                  # pictures that were added
    cdef str name                   # of the encoder

    cdef int open(self, int stream, Picture like, dict options) except -1
    cdef int set_format(self, Picture like) except -1
