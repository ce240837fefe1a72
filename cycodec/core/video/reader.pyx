"""The one way from a request for frames to converted frames in the caller's memory.

A request is a sorted list of positions: frame numbers where there is an index, timestamps where there is none
(approximate mode). For each position `reach` either lets the decoder go on or seeks to an anchor, takes frames until the
position comes out, and the backend converts that frame into its slot. What lies between is decoded only as far as other
frames need it, and never converted.
"""

cimport cython
from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int64_t, uint8_t

from cycodec.core.video.codes cimport CONTRADICTION, LOST, SIZE_CHANGED
from cycodec.core.video.index import IndexContradiction
from cycodec.core.video.index cimport Anchor
from cycodec.core.video.picture_spec cimport PictureSpec
from cycodec.core.video.request cimport NOTHING_BEFORE, Request, Slot
from cycodec.core.video.stream cimport FrameStream, describe_facts

from cycodec.libav cimport avutil


cdef int64_t NOPTS = avutil.AV_NOPTS_VALUE

cdef enum:
    MAX_TRIES = 3
    SIGNAL_INTERVAL = 16            # frames between looks at pending signals


class FrameSizeChanged(Exception):
    """The first frame to convert has another size than its PictureSpec was made for."""


@cython.no_gc_clear
cdef class FrameReader(FrameStream):
    """Reads frames of one video stream. Parameters are those of FrameStream."""

    cdef bint is_wanted(self, int64_t number) noexcept nogil:
        """Whether a frame must be decoded for its own sake.

        Note [Frames on the way]: the packets of frames before the last wanted one that nobody wants are sent with
        AVDISCARD_NONREF: the decoder leaves them out if no other frame refers to them. Frames after the last wanted one
        are always decoded, so that the next request can go on from here.
        """
        cdef int place
        if self.num_wanted == 0 or number < 0 or number > self.wanted[self.num_wanted - 1].position:
            return True
        place = self.place_of(number)
        return place < self.num_wanted and self.wanted[place].position == number

    cdef int place_of(self, int64_t number) noexcept nogil:
        """The place of the first wanted frame that is not before a frame."""
        cdef int low = 0
        cdef int high = self.num_wanted
        cdef int middle
        while low < high:
            middle = (low + high) >> 1
            if self.wanted[middle].position < number:
                low = middle + 1
            else:
                high = middle
        return low

    cdef bint is_last_here(self, int64_t number) noexcept nogil:
        """Whether a frame is wanted, and the next one that is wanted belongs to another anchor.

        Note [Hurry]: a GPU decodes while the next packets are parsed, so that its backend holds some pictures back. Whoever
        reads here and there would wait for pictures that nobody wants, which NVDEC decodes one after the other. A request
        that goes on where the one before ended is taken for a loop over the stream.
        """
        cdef int place = self.place_of(number)
        if number < 0 or place >= self.num_wanted or self.wanted[place].position != number:
            return False
        place = self.place_of(number + 1)
        return place == self.num_wanted or (
            self.index.anchor_of(<int> self.wanted[place].position) > self.index.anchor_of(<int> number)
        )

    # -- ways to a position -----------------------------------------------------------------------------------------

    cdef int seek_number(self, int64_t number) noexcept nogil:
        """Decode the first frame from the best anchor of a frame: not past it, or an earlier anchor is taken.

        Note [Anchors are proved]: a key flag is a promise that containers do not always keep. The first frame after a
        seek must be in the index and not past the wanted one; otherwise the anchor is marked bad and the one before is
        tried, and after a few tries the stream is decoded from its beginning.
        """
        cdef int anchor = self.index.anchor_of(<int> number)
        cdef int tries = 0
        cdef int code
        while True:
            while anchor > 0 and self.bad_anchors[anchor]:
                anchor -= 1
            if tries >= MAX_TRIES or self.from_start:
                anchor = 0
            code = self.begin_at(anchor)
            if code == LOST and anchor == 0:
                with gil:
                    try:
                        self.reopen()
                    except BaseException as exception:
                        self.demuxer.io.pending = exception
                        return avutil.AVERROR_EXTERNAL
                self.running = True
                code = 0
            if code == 0:
                code = self.next_frame()
                while code == 0 and self.position < 0 and (anchor > 0 or self.masking):
                    code = self.next_frame()
                if code == 0 and 0 <= self.position <= number:
                    return 0
                if code == 0 or code == avutil.AVERROR_EOF:
                    code = LOST
            if code != LOST:
                return code
            if anchor == 0:
                return CONTRADICTION
            self.bad_anchors[anchor] = True
            tries += 1

    cdef int seek_time(self, int64_t pts) noexcept nogil:
        """Decode a frame that begins at or before an instant, trusting the container's seek."""
        cdef int64_t back = 0
        cdef int code
        while True:
            self.stop()
            self.backend.flush()
            self.seeks += 1
            code = self.demuxer.seek(self.stream_index, pts - back)
            if code < 0 and self.seek_by_byte:
                code = self.demuxer.seek_byte(0)
            if code < 0 and back == 0:
                return code
            self.running = True
            code = self.next_frame()
            if code == 0 and self.frame.best_effort_timestamp <= pts:
                return 0
            if code < 0 and code != avutil.AVERROR_EOF:
                return code
            if back > 512 * self.frame_step:
                return code
            back = 4 * back + 8 * self.frame_step

    cdef bint can_go_on(self, int64_t position) noexcept nogil:
        """Whether decoding on is the way to a position, rather than seeking."""
        cdef const Anchor *anchor
        cdef int number
        if not self.running or position <= self.reached and not (self.has_frame and self.position == position):
            return False
        if self.index is None:
            return self.fresh and position < 64 * self.frame_step or (
                self.reached >= 0 and position - self.reached < 32 * self.frame_step
            )
        number = self.index.anchor_of(<int> position)
        while number > 0 and self.bad_anchors[number]:
            number -= 1
        anchor = &self.index.anchors[number]
        # frames already inside the decoder cost nothing more
        return anchor.first <= self.reached + 2 + self.backend.delay()

    cdef int reach(self, int64_t position) noexcept nogil:
        """Have `frame` hold the frame at a position.

        Where it does not come, the anchor is to blame, or what was left out on the way: both are given up, one after
        the other, before index and decoder are said to contradict each other.

        Note [Unseen faults]: an index from headers cannot know of packets that the decoder makes nothing of. So whatever
        looks wrong on the way (an error, a packet without a picture, a frame out of turn) has the stream decoded from
        its beginning with nothing left out, where frames must come one by one. Damaged frames are concealed by what was
        decoded before them, so that they, too, are only taken from such a pass. Of faults where nobody has been yet
        nothing is known; see `confirm`.
        """
        cdef int code
        cdef int tries = 0
        while True:
            code = self.run_to(position)
            self.from_start = False
            if self.masking or self.index is None:
                return code
            if code == 0 and self.out_of_turn:
                code = CONTRADICTION
            if code == 0 and (self.faults or self.is_damaged()) and (self.started_at > 0 or self.has_skipped):
                self.met_damage = True
                self.from_start = True
                self.skipping = False
                self.stop()
                continue
            if code != CONTRADICTION:
                return code
            if self.started_at > 0:
                self.bad_anchors[self.started_at] = True
                tries += 1
                self.from_start = tries >= MAX_TRIES or self.faults > 0
            elif self.has_skipped:
                self.skipping = False
            else:
                return code
            self.stop()

    cdef int run_to(self, int64_t position) noexcept nogil:
        """Go on, or seek, until a position comes out; CONTRADICTION where it does not."""
        cdef int code
        if self.has_frame and (
            self.position == position
            or (self.index is None and self.frame.best_effort_timestamp <= position <= self.position)
        ):
            return 0
        if self.can_go_on(position):
            code = 0
            if not (self.has_frame and self.position > position):
                code = self.next_frame()
        elif self.index is None:
            code = self.seek_time(position)
        else:
            code = self.seek_number(position)
        while code == 0 and self.position < position:
            if self.position < 0 and self.index is not None and self.started_at == 0 and not self.masking:
                return CONTRADICTION
            code = self.next_frame()
        if self.index is None:
            return code
        if code == avutil.AVERROR_EOF or (code == 0 and self.position != position):
            return CONTRADICTION
        return code

    # -- requests ---------------------------------------------------------------------------------------------------

    cdef int prove_size(self, PictureSpec spec) noexcept nogil:
        """Compare the frame in hand with the size that a spec was made for, until a frame has had it once."""
        if self.frame.width != spec.stored_width or self.frame.height != spec.stored_height:
            return SIZE_CHANGED
        self.size_proved = True
        self.proof = self.facts()
        self.has_proof = True
        return 0

    cdef int convert(self, PictureSpec spec, uint8_t *out) noexcept nogil:
        """Make a picture of the frame in hand."""
        cdef int code = 0
        if not self.size_proved:
            code = self.prove_size(spec)
        if code == 0:
            code = self.backend.convert(self.frame, spec.target, out)
        if code < 0:
            return code
        self.frames_converted += 1
        # a GPU tells of damage when it has converted
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

    cdef int check_signals(self) noexcept nogil:
        with gil:
            try:
                PyErr_CheckSignals()
            except BaseException as exception:
                self.demuxer.io.pending = exception
                return avutil.AVERROR_EXTERNAL
        return 0

    cdef int serve(self, Request request) noexcept nogil:
        """Serve all slots of a request."""
        cdef const Slot *slot
        cdef uint8_t *last = NULL
        cdef int code
        cdef int i
        self.begin_run(not self.running or self.reached < 0)
        for i in range(request.count):
            slot = &request.slots[i]
            if i and slot.position == request.slots[i - 1].position:
                code = self.repeat(request, slot, &request.slots[i - 1])
                if code < 0:
                    return code
                continue
            if i % SIGNAL_INTERVAL == SIGNAL_INTERVAL - 1:
                code = self.check_signals()
                if code < 0:
                    return code
            code = self.fill(request, slot, &last)
            if code < 0:
                return code
        return 0

    cdef int fill(self, Request request, const Slot *slot, uint8_t **last) noexcept nogil:
        """Serve one slot; `last` is the last good picture, if there is one, which stands in for a bad frame."""
        cdef int64_t size = request.spec.picture_bytes
        cdef uint8_t *out = request.out + slot.slot * size
        cdef bint good = True
        cdef int code = self.reach(slot.position)
        if code == CONTRADICTION and request.masking:
            good = False
        elif code < 0:
            return code
        if self.index is not None:
            request.pts[slot.slot] = self.index.pts_values[slot.position]
            request.durations[slot.slot] = self.index.duration_values[slot.position]
        else:
            request.pts[slot.slot] = self.frame.best_effort_timestamp
            request.durations[slot.slot] = self.frame_duration()
        if good:
            code = self.convert(request.spec, out)
            if code < 0:
                return code
            good = not (request.masking and self.is_damaged())
        if good:
            last[0] = out
        else:
            code = self.backend.copy(out, last[0], size) if last[0] != NULL else self.backend.clear(out, size)
            if code < 0:
                return code
        request.valid[slot.slot] = good if last[0] != NULL else NOTHING_BEFORE
        return 0

    def read(self, Request request not None):
        """Decode the frames of a request into the caller's memory.

        Raises
        ------
        FrameSizeChanged
            The first frame to convert has another size than the request's spec was made for.
        IndexContradiction
            The decoder does not give a frame that the index promises, and the request is not masking.
        """
        cdef int code
        self.wanted = request.slots
        self.num_wanted = request.count
        self.masking = request.masking
        with nogil:
            code = self.serve(request)
        self.wanted = NULL
        self.num_wanted = 0
        self.masking = False
        if code < 0:
            self.finish(code)

    def describe_frame(self, int64_t position):
        """Decode, but do not convert, the frame at a position: a dict of its width, height, pixel format and colours."""
        cdef int code
        with nogil:
            self.begin_run(not self.running or self.reached < 0)
            code = self.reach(position)
        self.finish(code)
        return describe_facts(self.facts())

    @property
    def proved_by(self):
        """What `describe_frame` says of the frame that proved the frame size in `read`; None if no frame has."""
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
        return self.demuxer.check(code, "decode")
