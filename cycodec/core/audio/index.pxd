"""AudioIndex: the packets of an audio stream, and which samples each one gives."""

from libc.stdint cimport int32_t, int64_t, uint32_t

from cycodec.core.audio.timeline cimport Timeline
from cycodec.core.container.demux cimport Demuxer
from cycodec.libav.avcodec cimport AVCodecParameters, AVPacket


cdef struct AudioPacket:
    int64_t pts
    int64_t pos             # of its first byte in the file
    int64_t start           # position of its first sample once the index is aligned; may be below 0
    int32_t samples         # that it decodes to before any are trimmed, at the header's sample rate
    int32_t size            # bytes
    uint32_t digest         # of its bytes; 0: not known
    uint32_t skip           # samples that the container trims at its beginning
    uint32_t discard        # samples that the container trims at its end
    int32_t flags           # AV_PKT_FLAG_*
    int64_t hole            # samples that are missing before it, by its timestamp
    int32_t loss            # PageLoss of an Ogg packet


cdef class AudioIndex:
    cdef AudioPacket *packets
    cdef readonly int count
    cdef int allocated
    cdef int codec_id
    cdef readonly bint from_table   # True if made from a sample table, which knows no trimming
    cdef readonly bint aligned      # True once every packet has its `start`
    cdef readonly bint uniform      # True if all packets have one sample rate and channel count
    cdef int ratio                  # decoded samples for each one that the header promises (SBR: 2)
    cdef int first_regular          # number of the first packet whose `start` is certain
    cdef bint rising_pts            # True if timestamps rise, so that one names a packet
    cdef bint rising_pos            # True if places in the file rise, so that one names a packet
    cdef int64_t untimed_from       # place in the file whose timestamps are wrong after a seek

    cdef int append(self, const AudioPacket *packet) noexcept nogil
    cdef int scan(self, Demuxer demuxer, int stream_index) except -1
    cdef bint differs(self, const AudioPacket *record) noexcept nogil
    cdef bint set_samples(self, int number, int64_t next_pts, int64_t ticks,
                          AVCodecParameters *parameters) noexcept nogil
    cdef int number_of_pts(self, int64_t pts) noexcept nogil
    cdef int number_of_pos(self, int64_t pos) noexcept nogil
    cdef int number_of(self, const AVPacket *packet, bint by_pos) noexcept nogil
    cdef bint fits(self, int64_t number, const AVPacket *packet) noexcept nogil
    cdef int number_at(self, int64_t position) noexcept nogil
    cdef int64_t samples_out(self, int number) noexcept nogil
    cdef int preroll_start(self, int number) noexcept nogil
    cdef bint align(self, const int64_t *stamps, const int64_t *positions, const int64_t *lengths,
                    int seen, const Timeline *timeline, bint fill_holes) noexcept nogil
    cdef int64_t hole_before(self, int number) noexcept nogil
    cdef bint agrees(self, const int64_t *stamps, const int64_t *positions, const int64_t *lengths, int i,
                     int seen) noexcept nogil


cdef void describe_packet(AudioPacket *record, const AVPacket *packet) noexcept nogil
cdef bint has_loose_timestamps(const AVCodecParameters *parameters) noexcept nogil
cdef bint has_no_anchor(const AVCodecParameters *parameters) noexcept nogil
