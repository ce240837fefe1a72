"""Demuxer: an open container whose packets are read."""

from libc.stdint cimport int64_t, uint8_t

from cycodec.core.container.container cimport Container
from cycodec.libav.avcodec cimport AVPacket


cdef enum:
    PALETTE_BYTES = 1024            # AVPALETTE_SIZE


cdef class Demuxer(Container):
    cdef AVPacket *held             # the packet that peek has read
    cdef bint is_holding            # True if the next read returns that packet
    cdef readonly bint probed       # True if avformat_find_stream_info has run
    # The chosen stream if its packets may bring palettes, else -1; and the first palette.
    cdef int stream_with_palette
    cdef bint has_palette
    cdef uint8_t[PALETTE_BYTES] palette
    # True if a later packet brought another palette.
    cdef readonly bint changes_palette
    # True if a packet brought headers of the codec that differ from the container's.
    cdef readonly bint changes_headers
    # True if a packet of that stream was read, and if a seek came after the last one.
    cdef bint has_read
    cdef bint has_moved

    cdef int meet_streams(self) except -1
    cdef int refuse_size(self, int index) except -1
    cdef void shorten_probing(self) noexcept
    cdef int64_t probed_pixels(self, unsigned int index) noexcept nogil
    cdef void recover(self) noexcept
    cdef int read(self, AVPacket *packet, int stream_index) noexcept nogil
    cdef int note_palette(self, AVPacket *packet) noexcept nogil
    cdef void note_headers(self, const AVPacket *packet) noexcept nogil
    cdef void prepare_to_move(self) noexcept nogil
    cdef int peek(self, int stream_index, const AVPacket **packet) noexcept nogil
    cdef void drop(self) noexcept nogil
    cdef int seek(self, int stream_index, int64_t timestamp) noexcept nogil
    cdef int seek_byte(self, int64_t position) noexcept nogil
    cdef list streams_of(self, str media_type)
    cdef int select(self, str media_type, object stream_index, str phrase, str remedy) except -1
