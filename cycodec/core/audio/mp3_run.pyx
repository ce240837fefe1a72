"""What was lost between two frames of an MP3 stream.

Note [Runs]

FFmpeg's parser gives every byte of a file to some packet. Where the header of a frame is damaged,
it needs a few good headers until it finds frames again; what it passes makes packets that begin no
frame. Such a run of packets holds tags of joined files, which are no audio, and frames. Whole
frames at its end lead from header to header to the next packet. What comes before them is counted
by the average size of frames, and holds at least one.

The frames after a run may need bytes of it: MP3 frames take bits from a reservoir that the frames
before them have left, and each frame overlaps with the one before.
"""

from libc.errno cimport ENOMEM
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcmp, memcpy

from cycodec.core.bitstream.sound cimport (
    Mp3Frame, is_info_frame, mp3_main_data, mp3_padding, read_mp3_header, same_mp3_form,
)
from cycodec.core.container.demux cimport Demuxer

from cycodec.libav cimport avutil


cdef enum:
    MOST_BYTES = 1 << 22        # of a run that are looked at
    OVERLAP = 576 + 512         # samples of the transform, and of the filter bank behind it
    PADDING_BYTES = 2048        # before the first frame; they hold a Xing header
    WEIGHT = 16                 # frames over which the average is taken


cdef class Mp3Run:
    """Counts the frames of an MP3 stream that is read from its first packet."""

    def __cinit__(self):
        self.restart()

    def __dealloc__(self):
        free(self.data)

    cdef void restart(self) noexcept nogil:
        """Begin with the first packet of the stream."""
        self.size = 0
        self.frames = 0
        self.average = 0
        self.refilled = -1
        self.overlapping = 0

    cdef int add(self, const AVPacket *packet) noexcept nogil:
        """Add a packet that begins no frame; 0 or AVERROR."""
        cdef uint8_t *grown
        cdef int capacity
        if self.frames == 0 or self.size + packet.size > MOST_BYTES:
            return 0        # junk before the first frame takes no time
        if self.size + packet.size > self.capacity:
            capacity = 2 * (self.size + packet.size)
            grown = <uint8_t *> realloc(self.data, capacity)
            if grown == NULL:
                return avutil.AVERROR(ENOMEM)
            self.data = grown
            self.capacity = capacity
        memcpy(self.data + self.size, packet.data, packet.size)
        self.size += packet.size
        return 0

    cdef int64_t pass_frame(self, const AVPacket *packet) noexcept nogil:
        """Count a packet that begins a frame; return how many frames were lost before it."""
        cdef int64_t lost = self.lost_frames(packet.data) if self.size > 0 else 0
        self.size = 0
        self.frames += lost + 1
        self.average += (packet.size - self.average) / min(self.frames, <int64_t> WEIGHT)
        if lost:
            self.refilled = 0
            self.overlapping = OVERLAP
        return lost

    cdef bint is_damaged(self, const AVPacket *packet) noexcept nogil:
        """Return True if a frame cannot be right, because frames before it were lost."""
        cdef int begin, length
        cdef Mp3Frame frame
        cdef bint damaged = self.overlapping > 0
        if damaged and read_mp3_header(packet.data, &frame):
            self.overlapping -= frame.samples
        if self.refilled >= 0 and mp3_main_data(packet.data, packet.size, &begin, &length):
            if begin > self.refilled:
                damaged = True
                self.overlapping = OVERLAP
                self.refilled += length
            else:
                self.refilled = -1
        return damaged

    def read_padding(self, Demuxer demuxer not None, int64_t first_pos, int samples):
        """Read what stands before the first frame about the padding at the end of the stream.

        `first_pos` is the place of that frame in the file; frames hold so many samples.
        """
        cdef int64_t here = demuxer.byte_position()
        cdef bytes before
        self.knows_padding = True
        start = max(0, first_pos - PADDING_BYTES)
        before = demuxer.read_bytes(start, first_pos - start)
        demuxer.go_to_byte(here)
        self.padding = mp3_padding(before, len(before), samples)

    cdef uint32_t padding_in(self, int64_t samples) noexcept nogil:
        """Return how much of the frame that was passed last is padding; it holds `samples`."""
        cdef int64_t end = self.frames * samples
        if self.padding.last and self.padding.first <= end and end - samples < self.padding.last:
            return <uint32_t> min(end - self.padding.first, samples)
        return 0

    cdef int64_t lost_frames(self, const uint8_t *next_header) noexcept nogil:
        """Return how many frames the run holds: Note [Runs]."""
        cdef int begin = skip_tags(self.data, self.size)
        cdef int at, place
        cdef int64_t whole
        cdef bint is_chain
        cdef Mp3Frame frame
        for at in range(begin, self.size - 3):
            place = at
            whole = 0
            is_chain = False
            while (
                place + 4 <= self.size and same_mp3_form(self.data + place, next_header)
                and read_mp3_header(self.data + place, &frame)
            ):
                whole += not is_info_frame(self.data + place, self.size - place)
                place += frame.size
                is_chain = True
            if is_chain and place == self.size:
                break
        else:
            at = self.size
            whole = 0
        if at == begin or self.average <= 0:
            return whole
        return whole + max(<int64_t> 1, <int64_t> ((at - begin) / self.average + 0.5))


cdef int skip_tags(const uint8_t *data, int size) noexcept nogil:
    """Return where the tags at the beginning of a run end."""
    cdef int at = 0
    cdef int64_t length
    while True:
        if at + 10 <= size and memcmp(data + at, b"ID3", 3) == 0:
            length = 10 + (
                <int64_t> data[at + 6] << 21 | data[at + 7] << 14 | data[at + 8] << 7 | data[at + 9]
            )
        elif at + 32 <= size and memcmp(data + at, b"APETAGEX", 8) == 0:
            length = 32 + (
                <int64_t> data[at + 15] << 24 | data[at + 14] << 16 | data[at + 13] << 8 | data[at + 12]
            )
        elif at + 3 <= size and memcmp(data + at, b"TAG", 3) == 0:
            length = 128
        else:
            return at
        at = <int> min(at + length, <int64_t> size)
