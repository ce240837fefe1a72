"""Marks in new picture buffers, which tell whether a decoder has written a picture whole."""

from cycodec.libav.avcodec cimport AVCodecContext
from cycodec.libav.avutil cimport AVBufferRef, AVFrame


cdef enum:
    # Pictures that wait for their check: those of the last packet, and one that may get a second
    # field.
    MOST_WAITING = 8


cdef struct Waiting:
    AVBufferRef *buffer
    int linesize
    int format
    int width
    int height


cdef enum MarkedPictures:
    MARK_ALL
    MARK_LAST               # the one that the decoder asks for last
    MARK_NONE


cdef struct Marks:
    # True if new buffers get marks.
    bint is_on
    # Which pictures of the packet that was sent last get marks.
    MarkedPictures chosen
    Waiting waiting[MOST_WAITING]
    int count
    # The buffers that the decoder has asked for since the last packet was sent.
    int requests


cdef bint may_mark(const AVCodecContext *context) noexcept nogil
cdef void mark_buffers(AVCodecContext *context, Marks *marks) noexcept nogil
cdef bint finds_marks(Marks *marks, const AVFrame *frame) noexcept nogil
cdef void forget_marks(Marks *marks) noexcept nogil
