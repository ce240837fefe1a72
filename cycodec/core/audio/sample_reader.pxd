"""SampleReader: one audio stream, decoded by libavcodec."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from cycodec.core.audio.index cimport AudioIndex
from cycodec.core.container.demux cimport Demuxer
from cycodec.core.bitstream.flac cimport FLAC_FORM_BYTES
from cycodec.core.audio.sample_blocks cimport BlockReader
from cycodec.libav.avcodec cimport AVCodecContext, AVPacket
from cycodec.libav.avutil cimport AVFrame


cdef enum:
    NOTED_FRAMES = 24


cdef class SampleReader(BlockReader):
    cdef readonly Demuxer demuxer
    cdef readonly int stream_index
    cdef readonly AudioIndex index
    cdef object opener              # makes a demuxer that has read nothing yet
    cdef object failure             # raised inside nogil code, for finish to raise
    cdef bint fresh                 # nothing was read from the demuxer yet
    cdef bint by_pos                # packets are sought and known by their place in the file
    cdef bint telling               # every frame so far said the number of its first sample
    cdef uint8_t[FLAC_FORM_BYTES] form      # then: the first one's header, place and length
    cdef int64_t first_position
    cdef int32_t first_samples

    cdef AVCodecContext *ctx
    cdef AVPacket *packet
    cdef AVFrame *frame
    cdef bint has_packet
    cdef bint finished              # the decoder was told that there are no more packets
    cdef int64_t ordinal            # of the next packet
    cdef int64_t stamp              # ordinal of the packet that the frame came from
    cdef bint from_start            # decoding began with the first packet
    cdef bint placed                # whether the next frame's position is known
    cdef int64_t next_position      # then: that position
    cdef int64_t sure_from          # packets before this ordinal are decoded for the decoder's sake only
    cdef int drain_errors

    # the first frames of a run from the start: Note [Aligning] in audioindex.pyx
    cdef int64_t noted_stamps[NOTED_FRAMES]
    cdef int64_t noted_positions[NOTED_FRAMES]
    cdef int64_t noted_lengths[NOTED_FRAMES]
    cdef int noted
    cdef uint32_t first_skip
    cdef uint32_t last_discard
    cdef int64_t first_pts

    cdef readonly int64_t packets_read
    cdef readonly int64_t frames_decoded
    cdef readonly int64_t errors

    cdef int open_decoder(self) except -1
    cdef int reopen(self) except -1
    cdef int send_next(self) noexcept nogil
    cdef int next_frame(self) noexcept nogil
    cdef int check_place(self) noexcept nogil
    cdef int from_zero(self) noexcept nogil
    cdef int find_packet(self, int number) noexcept nogil
    cdef int begin_by_pts(self, int64_t position) noexcept nogil
