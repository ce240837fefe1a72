"""The one way from a request for frames to converted frames in the caller's memory.

A request is a sorted list of positions: frame numbers where there is an index, timestamps where there is none
(approximate mode). For each position `reach` either lets the decoder go on or seeks to an anchor, takes frames until the
position comes out, and the backend converts that frame into its slot. What lies between is decoded only as far as other
frames need it, and never converted.
"""

cimport cython
from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport free, malloc, qsort

from cycodec.core.video.backend cimport Stage, Target, sample_size
from cycodec.core.video.index import IndexContradiction
from cycodec.core.video.index cimport Anchor
from cycodec.core.video.stream cimport LOST, FrameStream

from cycodec.libav cimport avutil


cdef int64_t NOPTS = avutil.AV_NOPTS_VALUE

cdef enum:
    CONTRADICTION = -0x70000002     # index and decoder do not agree; no AVERROR has this number
    MAX_TRIES = 3
    SIGNAL_INTERVAL = 16            # frames between looks at pending signals
    NOTHING_BEFORE = 2              # in `valid`: not to be had, and no frame before to fill it with

BLACK = NOTHING_BEFORE


cdef int compare_slots(const void *a, const void *b) noexcept nogil:
    cdef const Slot *x = <const Slot *> a
    cdef const Slot *y = <const Slot *> b
    if x.position != y.position:
        return -1 if x.position < y.position else 1
    return -1 if x.slot < y.slot else 1


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

    cdef void begin_request(self) noexcept nogil:
        """Once for `prime` and `fill` together."""
        if not self.primed:
            self.begin_run(not self.running or self.reached < 0)

    cdef int fill(self, int count, const Target *target, uint8_t *out, int64_t frame_stride, int64_t *pts,
                  int64_t *durations, uint8_t *valid) noexcept nogil:
        """Serve the first `count` slots of the request under way."""
        cdef const Slot *slot
        cdef uint8_t *place
        cdef uint8_t *last = NULL
        cdef bint good
        cdef int code
        cdef int i
        self.begin_request()
        self.primed = False
        for i in range(count):
            slot = &self.wanted[i]
            place = out + slot.slot * frame_stride
            if i and slot.position == self.wanted[i - 1].position:
                code = self.backend.copy(place, out + self.wanted[i - 1].slot * frame_stride, frame_stride)
                if code < 0:
                    return code
                pts[slot.slot] = pts[self.wanted[i - 1].slot]
                durations[slot.slot] = durations[self.wanted[i - 1].slot]
                valid[slot.slot] = valid[self.wanted[i - 1].slot]
                continue
            if i % SIGNAL_INTERVAL == SIGNAL_INTERVAL - 1:
                with gil:
                    try:
                        PyErr_CheckSignals()
                    except BaseException as exception:
                        self.demuxer.io.pending = exception
                        return avutil.AVERROR_EXTERNAL
            code = self.reach(slot.position)
            good = True
            if code == CONTRADICTION and self.masking:
                good = False
            elif code < 0:
                return code
            if self.index is not None:
                pts[slot.slot] = self.index.pts_values[slot.position]
                durations[slot.slot] = self.index.duration_values[slot.position]
            else:
                pts[slot.slot] = self.frame.best_effort_timestamp
                durations[slot.slot] = self.frame_duration()
            if good:
                code = self.backend.convert(self.frame, target, place)
                if code < 0:
                    return code
                self.frames_converted += 1
                if self.is_damaged():               # which a GPU tells when it has converted
                    self.frames_damaged += 1
                    good = not self.masking
            if good:
                last = place
            else:
                if last != NULL:
                    code = self.backend.copy(place, last, frame_stride)
                else:
                    code = self.backend.clear(place, frame_stride)
                if code < 0:
                    return code
            valid[slot.slot] = good if good or last != NULL else NOTHING_BEFORE
        return 0

    def read_into(self, positions, size_t out, size_t pts, size_t durations, size_t valid, tuple frame_size, tuple region,
                  int orientation, int type, bint planar=False, tuple stages=(), bint masking=False, places=None):
        """Decode frames into memory of the caller.

        `positions`: frame numbers (timestamps without an index), in any order, with repeats. `out`: address of as many
        pictures of the region, rows of packed RGB without gaps, or with `planar` the planes of R, G and B, one behind the
        other; `pts`, `durations` (int64) and `valid` (uint8): addresses of arrays that are filled in. `frame_size` is
        (width, height) of the whole frame as it is shown, `region` (y0, y1, x0, x1) lies inside; `orientation` and `type`
        as in csrc/convert.h. `stages`: what is done to the region, one after the other, as (height, width, region of it).
        `valid`: 1, or with `masking` 0 for frames that are damaged or cannot be had, which are filled with the last good
        one; 2 where there is none yet, which is black. `places`: which picture of `out` each position goes to.
        """
        cdef int count = len(positions)
        cdef Slot *slots = <Slot *> malloc((count + 1) * sizeof(Slot))
        cdef Stage *kept = <Stage *> malloc((len(stages) + 1) * sizeof(Stage))
        cdef Target target
        cdef int64_t frame_stride
        cdef int code, i, width, height
        cdef bint sorted_already = True
        if slots == NULL or kept == NULL:
            free(slots)
            free(kept)
            raise MemoryError()
        try:
            for i in range(count):
                slots[i].position = positions[i]
                slots[i].slot = i if places is None else places[i]
                if i and slots[i].position < slots[i - 1].position:
                    sorted_already = False
            target.width, target.height = frame_size
            target.y0, target.y1, target.x0, target.x1 = region
            target.orientation = orientation
            target.type = type
            target.planar = planar
            height, width = target.y1 - target.y0, target.x1 - target.x0
            target.num_stages = len(stages)
            target.stages = kept
            for i in range(target.num_stages):
                kept[i].height, kept[i].width, (kept[i].y0, kept[i].y1, kept[i].x0, kept[i].x1) = stages[i]
                height, width = kept[i].y1 - kept[i].y0, kept[i].x1 - kept[i].x0
            target.row_stride = width * (1 if planar else 3) * sample_size(type)
            frame_stride = target.row_stride * height * (3 if planar else 1)
            self.wanted = slots
            self.num_wanted = count
            self.masking = masking
            with nogil:
                if not sorted_already:
                    qsort(slots, count, sizeof(Slot), compare_slots)
                code = self.fill(count, &target, <uint8_t *> out, frame_stride, <int64_t *> pts, <int64_t *> durations,
                                 <uint8_t *> valid)
        finally:
            self.wanted = NULL
            self.num_wanted = 0
            self.masking = False
            free(slots)
            free(kept)
        self.finish(code)

    def prime(self, int64_t position, coming=()):
        """Decode, but do not convert, the frame at a position; it is kept for the request that follows.

        `coming`: positions from there on, in rising order, that it is going to ask for.
        """
        cdef int count = len(coming)
        cdef Slot *slots = <Slot *> malloc((count + 1) * sizeof(Slot))
        cdef int code, i
        if slots == NULL:
            raise MemoryError()
        try:
            slots[0].position = position
            slots[0].slot = 0
            for i in range(count):
                slots[i + 1].position = coming[i]
            self.wanted = slots
            self.num_wanted = count + 1
            with nogil:
                self.begin_request()
                self.primed = True
                code = self.reach(position)
        finally:
            self.wanted = NULL
            self.num_wanted = 0
            free(slots)
        self.finish(code)

    cdef int finish(self, int code) except -1:
        """Raise what went wrong in a request; the next one seeks afresh then."""
        if code >= 0:
            return 0
        self.primed = False
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
