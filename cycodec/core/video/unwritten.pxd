"""Marks in new picture buffers, which tell whether a decoder has written a picture whole."""

from libc.stdint cimport uint8_t

from cycodec.libav.avcodec cimport AVCodecContext
from cycodec.libav.avutil cimport AVBufferRef, AVFrame


cdef enum:
    # Pictures that wait for their check: those of the last packet, and one that may get a second
    # field.
    MOST_WAITING = 8
    MOST_PLANES = 4


cdef struct MarkedPlane:
    # NULL if there is no such plane, or none with marks.
    AVBufferRef *buffer
    uint8_t *data
    int linesize
    # Of its rows, in bytes, and their number.
    int width
    int height


cdef struct Waiting:
    MarkedPlane planes[MOST_PLANES]


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
