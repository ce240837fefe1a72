"""What a reader needs from a device: a decoder, a converter, and functions for the memory of
pictures.
"""

from libc.stdint cimport uint8_t
from libc.string cimport memcpy

from cycodec.core.bitstream.sequence_headers cimport SequenceHeaders
from cycodec.core.video.unwritten cimport MarkedPictures

from cycodec.libav cimport avutil
from cycodec.libav.avcodec cimport AVPacket
from cycodec.libav.avutil cimport AVFrame


cdef class VideoBackend:
    """A decoder of one stream and a converter of its frames; the methods of this class do nothing.

    CpuBackend, NvdecBackend, UploadBackend and HwaccelBackend derive from it.
    """

    cdef int send(self, const AVPacket *packet) noexcept nogil:
        """Give the decoder a packet; NULL says that no more follow."""
        return avutil.AVERROR_BUG

    cdef int receive(self, AVFrame *frame) noexcept nogil:
        """Take the next frame; AVERROR(EAGAIN) if the decoder needs another packet first."""
        return avutil.AVERROR_BUG

    cdef void flush(self) noexcept nogil:
        """Forget all packets and frames inside the decoder; a packet from another place follows."""
        pass

    cdef int skip_nonref(self, bint skip) noexcept nogil:
        """Let the decoder leave out frames that no other frame refers to, from the next packet on.
        """
        return 0

    cdef bint needs_first_packet(self) noexcept nogil:
        """Return True if the decoder must see the headers of the stream's first packet before any
        other packet.
        """
        return False

    cdef bint knows_padding(self) noexcept nogil:
        """Return False if the decoder must see the first packet, again, to judge later ones."""
        return True

    cdef void show_first_packet(self, const AVPacket *packet) noexcept nogil:
        """Let the decoder read a packet's headers without decoding its picture."""
        pass

    cdef void mark_pictures(self, bint marks) noexcept nogil:
        """Call frames damaged that the decoder has not written whole, or do not; see Note
        [Unwritten pixels] in unwritten.pyx.
        """
        pass

    cdef bint expect(self, const SequenceHeaders *told, const SequenceHeaders *before) noexcept nogil:
        """Say which colours the next picture must have that its own headers do not tell.

        `told` are the headers that the decoder reads with the picture, `before` the earlier ones.
        With NULL, the container's colours are expected. Return False if the decoder must be renewed
        for them.
        """
        return True

    cdef bint is_as_new(self) noexcept nogil:
        """Return True if the decoder has received no packet, and renewing it would change nothing.
        """
        return False

    cdef int convert(self, AVFrame *frame, const void *target, uint8_t *out) noexcept nogil:
        """Convert a frame to a picture; `target` is a ConvertTarget of csrc/picture/target.h."""
        return avutil.AVERROR_BUG

    cdef int copy(self, uint8_t *to, const uint8_t *source, size_t size) noexcept nogil:
        """Copy bytes from one place in the caller's memory to another."""
        memcpy(to, source, size)
        return 0

    cdef int make_black(self, const void *target, uint8_t *out) noexcept nogil:
        """Write a black picture; `target` is a ConvertTarget of csrc/picture/target.h."""
        return avutil.AVERROR_BUG

    def stated_colours(self):
        """Return the colours that pictures carry, by their names in `stream_info`; None if this
        decoder does not know them before the first picture.
        """
        return None

    cdef object failure(self):
        """Return the exception that BACKEND_FAILED stands for, or None."""
        return None

    cdef int delay(self) noexcept nogil:
        """Return how many frames may be inside the decoder."""
        return 0

    cdef bint holds_back(self) noexcept nogil:
        """Return True if the decoder keeps frames inside so that it stays busy, unless `hurry`
        forbids that.
        """
        return False

    cdef void hurry(self, bint hurry) noexcept nogil:
        """Give frames out as soon as they are decoded, or do not."""
        pass

    cdef bint shows_undecodable(self) noexcept nogil:
        """Return True if pictures come out that refer to others from before the stream's beginning.

        libavcodec keeps such pictures back.
        """
        return False

    cdef int reopen(self) except -1:
        """Replace the decoder by one that has seen nothing."""
        return 0

    cdef void abandon(self) noexcept:
        """Forget what is owned without freeing it: see Note [After fork] in stream.pyx."""
        pass

    cdef bint has_made_up(self) noexcept nogil:
        """Return True, once, if the decoder has made up a reference for the packet that was sent
        last; see Note [References that are made up] in unwritten.pyx.
        """
        return False

    cdef void choose_marks(self, MarkedPictures chosen) noexcept nogil:
        """Say which pictures of the next packet get marks: see Note [Unwritten pixels]."""
        pass
