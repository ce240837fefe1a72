"""SampleReader: the samples of one audio stream, by position."""

from libc.stdint cimport int64_t

from cycodec.core.audio.index cimport AudioIndex
from cycodec.core.audio.packet_decoder cimport PacketDecoder
from cycodec.core.audio.sample_blocks cimport BlockReader
from cycodec.core.audio.silence cimport Silence
from cycodec.core.audio.timeline cimport Timeline


cdef enum:
    NOTED_FRAMES = 24
    MOST_EARLIER_STARTS = 8     # after them, decoding begins with the first packet


cdef class SampleReader(BlockReader):
    cdef readonly PacketDecoder decoder
    cdef int stated_padding             # samples at the end that the container leaves out
    cdef readonly dict header           # what the container says, as in AudioStreamMetadata
    cdef readonly AudioIndex index      # None: not made yet
    cdef bint numbered                  # True while every FLAC frame says the number it should have
    cdef bint numbers_checked       # True once it is known whether numbers start again
    cdef int64_t next_position          # of the next frame, in input samples
    cdef bint placed                    # True once that position is certain
    cdef int64_t sure_from              # ordinal of the packet whose frame makes it certain
    cdef int64_t known_lost         # ordinal of a lost packet; the decoder had settled before it
    cdef int earlier_starts         # how often this run began anew: Note [Loss before a window]
    cdef readonly int64_t frames_decoded
    cdef int64_t first_pts              # of the stream's first frame

    # The first frames of a run from the start: Note [Aligning] in index.pyx.
    cdef int64_t noted_stamps[NOTED_FRAMES]
    cdef int64_t noted_positions[NOTED_FRAMES]
    cdef int64_t noted_lengths[NOTED_FRAMES]
    cdef int64_t noted_holes[NOTED_FRAMES]      # samples missing before each
    cdef int noted
    cdef Timeline noted_timeline    # after the last of them

    # Holes and damage: Note [Silence].
    cdef readonly bint fill_holes   # True if silence fills them
    cdef bint restarts              # True if timestamps may start again
    cdef bint has_times             # True if the container stores timestamps
    cdef Timeline timeline          # of a run from the start
    cdef bint pending               # True if the decoder's frame waits for the silence before it
    cdef int64_t silence            # samples of silence that are still to come before it
    cdef int64_t hole               # samples missing before the current frame
    cdef int64_t frame_stamp        # packet of the last frame
    cdef bint ended                 # True once the decoder gave its last frame
    cdef Silence zeros
    cdef readonly list damage       # ranges (start, stop) of lost samples, at the decoder's rate
    cdef readonly list holes        # (position, samples) of those that a run from the start passed

    cdef void describe_frame(self) noexcept nogil
    cdef bint knows_format(self) noexcept nogil
    cdef int next_decoded(self) noexcept nogil
    cdef int settle_before_loss(self) noexcept nogil
    cdef int take_losses(self) noexcept nogil
    cdef int lose(self, int64_t ordinal, int64_t pts, int64_t samples) noexcept nogil
    cdef int leave_hole(self, int64_t hole) noexcept nogil
    cdef void place_after_loss(self) noexcept nogil
    cdef void begin_timeline(self) noexcept nogil
    cdef int64_t hole_before_frame(self) noexcept nogil
    cdef int note_range(self, bint lost, int64_t position, int64_t samples) noexcept nogil
    cdef int give_silence(self) noexcept nogil
    cdef bint has_numbers(self) noexcept nogil
    cdef void forget_silence(self) noexcept nogil
    cdef bint can_seek(self) noexcept nogil
    cdef void note_frame(self) noexcept nogil
    cdef int place_frame(self) noexcept nogil
    cdef int begin_from_zero(self) noexcept nogil
    cdef int begin_at_number(self, int64_t position) noexcept nogil
    cdef bint note_first_frames(self) except -1
    cdef AudioIndex make_index(self)
