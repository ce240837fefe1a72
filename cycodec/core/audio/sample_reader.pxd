"""SampleReader: the samples of one audio stream, by position."""

from libc.stdint cimport int64_t

from cycodec.core.audio.index cimport AudioIndex
from cycodec.core.audio.packet_decoder cimport PacketDecoder
from cycodec.core.audio.sample_blocks cimport BlockReader


cdef enum:
    NOTED_FRAMES = 24


cdef class SampleReader(BlockReader):
    cdef readonly PacketDecoder decoder
    cdef readonly dict header           # what the container says, as in AudioStreamMetadata
    cdef readonly AudioIndex index      # None: not made yet
    cdef bint numbered                  # True while every FLAC frame says the number it should have
    cdef int64_t next_position          # of the next frame, in input samples
    cdef bint placed                    # True once that position is certain
    cdef int64_t sure_from              # ordinal of the packet whose frame makes it certain
    cdef readonly int64_t frames_decoded
    cdef int64_t first_pts              # of the stream's first frame

    # The first frames of a run from the start: Note [Aligning] in index.pyx.
    cdef int64_t noted_stamps[NOTED_FRAMES]
    cdef int64_t noted_positions[NOTED_FRAMES]
    cdef int64_t noted_lengths[NOTED_FRAMES]
    cdef int noted

    cdef bint can_seek(self) noexcept nogil
    cdef void note_frame(self) noexcept nogil
    cdef int place_frame(self) noexcept nogil
    cdef int begin_from_zero(self) noexcept nogil
    cdef int begin_at_number(self, int64_t position) noexcept nogil
    cdef bint note_first_frames(self) except -1
    cdef AudioIndex make_index(self)
