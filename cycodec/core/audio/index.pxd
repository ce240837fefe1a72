"""AudioIndex: the packets of an audio stream, and which samples each one gives."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from cycodec.core.container.demux cimport Demuxer
from cycodec.libav.avcodec cimport AVCodecParameters, AVPacket


cdef struct AudioPacket:
    int64_t pts
    int64_t pos
    int64_t start           # output position of its first sample (may be before 0), once aligned
    int32_t samples         # what it decodes to, before anything is skipped; in units of the header's rate
    int32_t size
    uint32_t digest         # 0: not known
    uint32_t skip           # samples that the container wants dropped at its beginning
    uint32_t discard        # ... and at its end
    int32_t flags


cdef class AudioIndex:
    cdef AudioPacket *packets
    cdef readonly int count
    cdef int allocated
    cdef int codec_id
    cdef readonly bint from_table   # made from the container's sample table: side data are not known
    cdef readonly bint aligned
    cdef readonly bint uniform      # whether all packets are of one sample rate and channel count
    cdef int ratio                  # decoded samples for each sample that the header promises (SBR: 2)
    cdef int first_regular          # the first packet whose samples' place is sure
    cdef bint rising_pts, rising_pos
    cdef int64_t untimed            # from this place in the file on, timestamps after a seek are made up

    cdef int append(self, const AudioPacket *packet) noexcept nogil
    cdef int64_t scan(self, Demuxer demuxer, int stream_index) except -1
    cdef int identify(self, const AVPacket *packet, bint by_pos) noexcept nogil
    cdef int at(self, int64_t position) noexcept nogil
    cdef int64_t expected(self, int number) noexcept nogil
    cdef int begin_of(self, int number) noexcept nogil
    cdef bint align(self, const int64_t *stamps, const int64_t *positions, const int64_t *lengths,
                    int seen) noexcept nogil


cdef bint has_no_anchor(const AVCodecParameters *parameters) noexcept nogil
cdef int32_t opus_samples(const uint8_t *data, int size) noexcept nogil
