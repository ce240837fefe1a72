"""PictureParser reads the headers of coded pictures with libavcodec's parsers, without decoding."""

from libc.stdint cimport uint8_t

from cycodec.core.bitstream.nal cimport NalFormat
from cycodec.libav.avcodec cimport AVCodecContext, AVCodecParameters, AVCodecParserContext, AVPacket


cdef enum Entry:
    # Decoding cannot begin at this picture.
    ENTRY_NO
    # Decoding can begin at this picture.
    ENTRY_YES
    # The headers do not tell; the decoder may.
    ENTRY_UNKNOWN


cdef struct PictureHeader:
    Entry entry
    # True if the packet holds a single field of a frame.
    bint is_field
    # AVPictureType; AV_PICTURE_TYPE_NONE if the headers do not tell.
    int type
    # The picture order count, if `has_order` of the parser is True.
    int order


cdef class PictureParser:
    cdef AVCodecParameters *parameters
    # NULL until the first packet of a run.
    cdef AVCodecParserContext *parser
    cdef AVCodecContext *context
    cdef NalFormat nal
    # A packet that was shortened, and the size of its memory.
    cdef uint8_t *head
    cdef unsigned head_capacity
    # True if no parser for the codec could be opened.
    cdef bint is_missing
    # True if the codec stores pictures in another order than that of display.
    cdef readonly bint reorders
    # True if each picture decodes on its own.
    cdef readonly bint is_intra_only
    # True if the decoder gives a picture that no other one refers to as soon as it is decoded.
    cdef readonly bint shows_unreferenced
    # True if headers tell the order of display.
    cdef readonly bint has_order

    cdef void restart(self) noexcept nogil
    cdef bint open(self) noexcept nogil
    cdef void describe(self, const AVCodecParserContext *parser, PictureHeader *header) noexcept nogil
    cdef int shorten(self, const AVPacket *packet, const uint8_t **data) noexcept nogil
    cdef void read(self, const AVPacket *packet, PictureHeader *header) noexcept nogil
    cdef void abandon(self) noexcept


cdef PictureParser new_picture_parser(const AVCodecParameters *parameters, str source)
