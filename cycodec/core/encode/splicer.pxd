"""PacketSplicer: packets of a source, with encoded ones in place of some."""

from libc.stdint cimport int64_t

from cycodec.core.container.demux cimport Demuxer
from cycodec.core.encode.copier cimport PacketCopier
from cycodec.core.encode.recode cimport Packet
from cycodec.core.encode.stream_headers cimport StreamHeaders
from cycodec.libav.avcodec cimport AVCodecParameters, AVPacket


cdef class Splice:
    cdef readonly list head         # packets before those that are copied
    cdef readonly list tail         # packets behind them
    cdef StreamHeaders headers      # what copied key packets need; None: nothing
    cdef bint has_start_codes       # True if packets get start codes in place of lengths
    cdef int64_t begin              # number of the first packet that is copied
    cdef int64_t end                # number of the packet behind the last one
    cdef int64_t floor              # copied packets of earlier times are left out
    cdef Packet first               # packet 0, the first one after the seek
    cdef int64_t seen               # packets of the stream that were read
    cdef int num_head               # packets of the head that are written
    cdef int num_tail               # packets of the tail that are written


cdef class PacketSplicer(PacketCopier):
    cdef dict splices               # stream of the source -> Splice
    cdef int64_t until              # where other streams end, in microseconds
    cdef bint can_trim              # True if the container can leave out samples of a packet
    cdef bint is_matroska           # True if the container drops priming, but no other samples

    cdef int write_made(self, Demuxer demuxer, int stream, Splice splice, int64_t until) except -1
    cdef int64_t decoded_at(self, Demuxer demuxer, AVPacket *packet) noexcept nogil
    cdef int take(self, Demuxer demuxer, AVPacket *packet) except -1
    cdef int take_spliced(self, Demuxer demuxer, AVPacket *packet, Splice splice) except -1
    cdef int64_t dropped_at_begin(self, const AVCodecParameters *parameters) noexcept nogil
    cdef bint fits(self, Demuxer demuxer, AVPacket *packet) noexcept nogil
