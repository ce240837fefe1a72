"""PacketCopier: packets of a container that go into another one as they are."""

from libc.stdint cimport int64_t

from cycodec.core.container.demux cimport Demuxer
from cycodec.core.encode.muxer cimport Muxer
from cycodec.libav.avcodec cimport AVPacket
from cycodec.libav.avutil cimport AVRational


cdef struct HeldPacket:
    AVPacket *packet
    int64_t begin           # its pts in microseconds


cdef class PacketCopier:
    cdef readonly Muxer muxer
    cdef int *places                # stream of a source -> stream of the muxer, or -1
    cdef int num_places             # number of streams of the source
    cdef int guide                  # stream whose key frames decide; -1: none
    cdef readonly list kinds        # what the muxer's streams hold, to compare further sources
    cdef HeldPacket *held           # packets that wait for the decision about them
    cdef int num_held
    cdef int max_held               # size of the allocation
    cdef int64_t *last_dts          # of each stream of the muxer, in its time base
    cdef int64_t seen               # end of the guide's packets that were read, in microseconds
    cdef int64_t offset             # microseconds to add to times
    cdef readonly int64_t first     # time of the first frame of the guide, in microseconds
    cdef readonly int64_t end       # end of the copied packets in the new file, in microseconds
    cdef readonly int64_t num_packets   # packets that were copied
    cdef bint is_refused            # true if the muxer refused the last packet
    cdef int owner                  # the process that made this object

    cdef int place(self, Demuxer demuxer, list streams) except -1
    cdef int write(self, Demuxer demuxer, AVPacket *packet) noexcept nogil
    cdef int hold(self, AVPacket *packet, int64_t begin) noexcept nogil
    cdef int release(self, Demuxer demuxer) noexcept nogil
    cdef void forget(self, int stream) noexcept nogil
    cdef int check(self, Demuxer demuxer, int code) except -1
    cdef int step(self, Demuxer demuxer, AVPacket *packet, int64_t start, int64_t stop, int *state) noexcept nogil


cdef AVRational MICROSECONDS
cdef int go_before(Demuxer demuxer, int stream, int64_t begin, bint from_start) noexcept nogil
