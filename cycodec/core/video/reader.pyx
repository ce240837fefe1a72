"""The one way from a request for frames to converted frames in the caller's memory.

A request is a sorted list of positions, which the index defines. For each position, `reach` lets
the decoder go on or seeks, and takes frames until the position comes out; the backend converts that
frame into its slot. Frames between are decoded only if other frames need them, and never converted.
"""

cimport cython
from libc.stdint cimport int64_t, uint8_t

from cycodec.core.container.codes cimport CONTRADICTION, LOST
from cycodec.core.video.codes cimport SIZE_CHANGED
from cycodec.core.video.fault_watch cimport MOST_DAMAGED, VERDICT_BAD_ANCHOR, VERDICT_FINAL, Verdict
from cycodec.core.video.index import IndexContradiction
from cycodec.core.video.picture_spec cimport PictureSpec
from cycodec.core.video.request cimport NOTHING_BEFORE, Request
from cycodec.core.video.stream cimport FRESH, STOPPED, FrameStream, describe_facts
from cycodec.core.video.wanted cimport NOTHING, Slot

from cycodec.libav cimport avutil


class FrameSizeChanged(Exception):
    """The first frame to convert has another size than its PictureSpec was made for."""


@cython.no_gc_clear
cdef class FrameReader(FrameStream):
    """Reads frames of one video stream. Parameters are those of FrameStream."""

    # -- ways to a position ------------------------------------------------------------------------

    cdef int seek_to(self, int64_t position) noexcept nogil:
        """Seek, and decode a first frame at or before the position; see Note [Anchors are proved].
        """
        cdef bint has_retreated = False
        cdef int code
        if self.index.has_known_damage(position) and not self.wanted.masking:
            self.watch.note_known_damage()
        self.seeker.aim(position, self.watch.from_start_only)
        if self.seeker.anchor > 0 and not self.wanted.masking:
            code = self.check_packets_before()
            if code < 0:
                return code
            if code > 0:
                self.stop()
                if self.index.has_known_damage(position):
                    self.watch.note_known_damage()
                    self.seeker.aim(position, True)
        while True:
            code = LOST if self.must_open_again(has_retreated) else self.begin()
            if code == LOST and self.seeker.anchor == 0:
                code = self.renew_decoder(True)
            if code == 0:
                code = self.first_frame()
                if (
                    code == 0 and self.seeker.arrives_before(position, self.position, self.frame)
                    and self.seeker.may_begin_with(self.frame)
                ):
                    return 0
            elif code != LOST:
                return code
            if code < 0 and code != avutil.AVERROR_EOF and code != LOST:
                return code
            if not self.seeker.retreat():
                return CONTRADICTION if self.index.is_exact else code
            has_retreated = True

    cdef int check_packets_before(self) noexcept nogil:
        """Look for packets before the anchor that give no frame: 1 if packets were read, 0 if none
        were, or AVERROR.

        Note [Packets that probing has read]: FFmpeg keeps the packets that it reads to find out
        what the streams are, and gives them to the first pass. It skips other parts of a damaged
        file then than after a seek. The ffmpeg command knows the first pass only, so that the
        packets before an anchor are read in such a pass, and again for frames behind a fault.
        """
        cdef int anchor = self.seeker.anchor
        cdef int code
        if not self.seeker.must_check():
            return 0
        if self.state != FRESH and self.demuxer.probed and self.seeker.checks_from_start():
            code = self.renew_decoder(True)
            if code < 0:
                return code
            self.seeker.anchor = anchor
            self.state = FRESH
        return self.seeker.check_packets_before(self.packet, self.state == FRESH)

    cdef bint must_open_again(self, bint has_retreated) noexcept nogil:
        """Return True if decoding must begin with the source opened again: Notes [Packets that
        probing has read], and [Several sample descriptions] in container/demux.pyx.
        """
        return self.seeker.anchor == 0 and (
            self.must_reopen or self.demuxer.changes_headers
            or (self.demuxer.probed and (has_retreated or self.watch.from_start_only or self.watch.num_bad_anchors > 0))
        )

    cdef int first_frame(self) noexcept nogil:
        """Decode the first frame after a seek that the index has."""
        cdef int code = self.next_frame()
        while code == 0 and self.is_unknown() and (self.seeker.anchor > 0 or self.wanted.masking):
            code = self.next_frame()
        return code

    cdef bint can_go_on(self, int64_t position) noexcept nogil:
        """Return True if decoding on is the way to a position, rather than seeking."""
        if self.state == STOPPED:
            return False
        if self.index.has_known_damage(position) and not self.wanted.masking and not self.goes_on_from_start():
            return False
        if position <= self.reached and not (self.has_frame and self.position == position):
            return False
        return self.seeker.is_near(position, self.reached, self.backend.delay(), self.state == FRESH)

    cdef bint goes_on_from_start(self) noexcept nogil:
        """Return True if the run began with the first packet, and is as if no frame was left out.
        """
        return self.seeker.anchor == 0 and not self.watch.marks and not self.watch.has_skipped

    cdef int reach(self, int64_t position) noexcept nogil:
        """Have `frame` hold the frame at a position; see Note [Unseen faults]."""
        cdef Verdict verdict
        cdef int code
        self.watch.num_bad_anchors = 0
        while True:
            code = self.run_to(position)
            self.watch.from_start_only = False
            if self.wanted.masking or not self.index.is_exact:
                return code
            if code == 0 and self.watch.out_of_turn:
                code = CONTRADICTION
            verdict = self.watch.check(code, self.seeker.anchor > 0)
            if verdict == VERDICT_FINAL:
                if code != CONTRADICTION or self.must_reopen:
                    return code
                self.must_reopen = self.watch.from_start_only = True
            if verdict == VERDICT_BAD_ANCHOR:
                self.seeker.mark_bad()
            self.stop()

    cdef int run_to(self, int64_t position) noexcept nogil:
        """Decode until the frame at a position is output.

        Return CONTRADICTION if an exact index has that frame and the decoder skips it.
        """
        cdef int code = 0
        if self.has_frame and self.index.holds(self.frame, self.position, position):
            return 0
        if not self.can_go_on(position):
            code = self.seek_to(position)
        elif not (self.has_frame and self.position > position):
            code = self.next_frame()
        while code == 0 and self.position < position:
            if self.is_unknown() and self.seeker.anchor == 0 and not self.wanted.masking:
                return CONTRADICTION
            code = self.next_frame()
        if not self.index.is_exact:
            return code
        if code == avutil.AVERROR_EOF or (code == 0 and self.position != position):
            return CONTRADICTION
        return code

    # -- requests ----------------------------------------------------------------------------------

    cdef int prove_size(self, PictureSpec spec) noexcept nogil:
        """Check the current frame's size against the spec.

        After one match, only frame 0 is checked.
        """
        if self.frame.width != spec.stored_width or self.frame.height != spec.stored_height:
            return SIZE_CHANGED
        self.size_proved = True
        self.proof = self.facts()
        self.has_proof = True
        return 0

    cdef int convert(self, PictureSpec spec, uint8_t *out) noexcept nogil:
        """Make a picture of the current frame."""
        cdef int code = 0
        # frame 0 has the last word, whatever an index said of its size
        if not self.size_proved or (self.position == 0 and self.index.is_exact):
            code = self.prove_size(spec)
        if code == 0:
            code = self.backend.convert(self.frame, spec.target, out)
        if code < 0:
            return code
        self.frames_converted += 1
        # A GPU reports damage only after the conversion.
        if self.is_damaged():
            self.frames_damaged += 1
        return 0

    cdef int repeat(self, Request request, const Slot *slot, const Slot *before) noexcept nogil:
        """Serve a slot that wants the same frame as the one before it."""
        cdef int64_t size = request.spec.picture_bytes
        cdef int code = self.backend.copy(request.out + slot.slot * size, request.out + before.slot * size, size)
        request.pts[slot.slot] = request.pts[before.slot]
        request.durations[slot.slot] = request.durations[before.slot]
        request.valid[slot.slot] = request.valid[before.slot]
        return code

    cdef int serve(self, Request request) noexcept nogil:
        """Serve all slots of a request."""
        cdef const Slot *slot
        cdef uint8_t *last = NULL
        cdef int code
        cdef int i
        self.begin_run(self.state == STOPPED or self.reached < 0)
        for i in range(request.wanted.count):
            slot = &request.wanted.slots[i]
            if i and slot.position == request.wanted.slots[i - 1].position:
                code = self.repeat(request, slot, &request.wanted.slots[i - 1])
                if code < 0:
                    return code
                continue
            code = self.fill(request, slot, &last)
            if code < 0:
                return code
        return 0

    cdef int fill(self, Request request, const Slot *slot, uint8_t **last) noexcept nogil:
        """Serve one slot; `last` is the last good picture, if there is one, which stands in for a
        bad frame.
        """
        cdef int64_t size = request.spec.picture_bytes
        cdef uint8_t *out = request.out + slot.slot * size
        cdef bint good = True
        cdef int code = self.reach(slot.position)
        if code == CONTRADICTION and request.wanted.masking:
            good = False
        elif code < 0:
            return code
        request.pts[slot.slot] = self.index.pts_of(slot.position, self.frame)
        request.durations[slot.slot] = self.index.duration_of(slot.position, self.frame, self.seeker.step)
        if good:
            code = self.convert(request.spec, out)
            if code == 0 and request.wanted.masking:
                code = self.look_ahead(self.index.shown_later(self.position))
            if code < 0:
                return code
            good = not (request.wanted.masking and (self.is_damaged() or self.refers_to_damage()))
        if good:
            last[0] = out
        else:
            if last[0] != NULL:
                code = self.backend.copy(out, last[0], size)
            else:
                code = self.backend.make_black(request.spec.target, out)
            if code < 0:
                return code
        request.valid[slot.slot] = good if last[0] != NULL else NOTHING_BEFORE
        return 0

    cdef bint refers_to_damage(self) noexcept nogil:
        """Return True if the current frame may refer to one that is damaged.

        Note [References that are damaged]: all frames since the anchor have come out, so that
        damage before the current frame is known. A frame that is shown later and decoded earlier
        may be damaged, too. With `masking`, such frames are therefore decoded ahead.
        """
        cdef int i
        for i in range(min(self.watch.num_damaged, <int> MOST_DAMAGED)):
            if self.index.may_refer(self.position, self.watch.damaged[i]):
                return True
        return False

    def read(self, Request request not None):
        """Decode the frames of a request into the caller's memory.

        Raises
        ------
        FrameSizeChanged
            The first frame to convert has another size than the request's spec was made for.
        IndexContradiction
            The decoder does not give a frame that the index promises, and the request is not
            masking.
        """
        cdef int code
        self.wanted = request.wanted
        with nogil:
            code = self.serve(request)
        self.wanted = NOTHING
        if code < 0:
            self.finish(code)

    def describe_frame(self, int64_t position):
        """Decode, but do not convert, the frame at a position: a dict of its width, height, pixel
        format and colours.
        """
        cdef int code
        with nogil:
            self.begin_run(self.state == STOPPED or self.reached < 0)
            code = self.reach(position)
        self.finish(code)
        return describe_facts(self.facts())

    def stated_colours(self):
        """Return the colours that the headers state: see `VideoBackend.stated_colours`."""
        return self.backend.stated_colours()

    @property
    def proved_by(self):
        """What `describe_frame` says of the frame that proved the frame size in `read`; None if no
        frame has.
        """
        return describe_facts(self.proof) if self.has_proof else None

    cdef int finish(self, int code) except -1:
        """Raise what went wrong in a request; the next request seeks then."""
        cdef int width = self.frame.width
        cdef int height = self.frame.height
        if code >= 0:
            return 0
        if code == SIZE_CHANGED:
            raise FrameSizeChanged(width, height)
        self.stop()
        self.demuxer.recover()
        failure = self.backend.failure()
        if failure is not None:
            raise failure
        if code == CONTRADICTION and self.demuxer.io.pending is None:
            raise IndexContradiction(
                f"{self.demuxer.io.name}: the decoder did not give the frames that the index promised",
                source=self.demuxer.io.name, operation="decode",
            )
        self.demuxer.check_decoding(self.stream_index, code)
        return 0
