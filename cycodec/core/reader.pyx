"""The one way from a request for frames to converted frames in the caller's memory.

A request is a sorted list of positions: frame numbers where there is an index, timestamps where there is none
(approximate mode). For each position `reach` either lets the decoder go on or seeks to an anchor, takes frames until the
position comes out, and the backend converts that frame into its slot. What lies between is decoded only as far as other
frames need it, and never converted.

Note [After fork]

A child process must neither use nor free what libav* owns: decoder threads do not exist there, and the file offset is
shared with the parent. `abandon` forgets it all; the decoder then makes a new reader from source, options and index.
"""

cimport cython
from cpython.exc cimport PyErr_CheckSignals
from libc.errno cimport EAGAIN, ENOMEM
from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport calloc, free, malloc, qsort
from libc.string cimport memcpy, memset

from cycodec.core.backend cimport Target, VideoBackend
from cycodec.core.demux cimport Demuxer
from cycodec.core.error import FFmpegError
from cycodec.core.index cimport Anchor, FrameIndex
from cycodec.core.packets cimport digest_packet

from cycodec.libav cimport avcodec, avutil
from cycodec.libav.avcodec cimport AVPacket
from cycodec.libav.avutil cimport AVFrame


cdef extern from "compat.h" nogil:
    int64_t compat_frame_duration(const AVFrame *frame)


cdef int64_t NOPTS = avutil.AV_NOPTS_VALUE

# Results of nogil steps that are no AVERROR. Outside libav's range of codes.
cdef enum:
    LOST = -0x70000001              # the anchor's packet did not come
    CONTRADICTION = -0x70000002     # index and decoder do not agree
    MAX_TRIES = 3
    SIGNAL_INTERVAL = 16            # frames between looks at pending signals


class IndexContradiction(FFmpegError):
    """The decoder did not give the frames that the index promised."""


cdef int compare_slots(const void *a, const void *b) noexcept nogil:
    cdef const Slot *x = <const Slot *> a
    cdef const Slot *y = <const Slot *> b
    if x.position != y.position:
        return -1 if x.position < y.position else 1
    return -1 if x.slot < y.slot else 1


@cython.no_gc_clear
cdef class FrameReader:
    """Reads frames of one video stream.

    Parameters
    ----------
    demuxer : Demuxer
    stream_index : int
    backend : VideoBackend
    index : FrameIndex or None
        None: positions are timestamps, and seeking trusts the container.
    """

    def __cinit__(self, Demuxer demuxer not None, int stream_index, VideoBackend backend not None,
                  FrameIndex index=None, bint fresh=False):
        self.demuxer = demuxer
        self.stream_index = stream_index
        self.backend = backend
        self.packet = avcodec.av_packet_alloc()
        self.frame = avutil.av_frame_alloc()
        if self.packet == NULL or self.frame == NULL:
            raise MemoryError()
        self.fresh = fresh
        self.running = fresh
        self.skipping = True
        self.reached = -1
        self.seek_by_pts = demuxer.format_name == "matroska,webm"
        self.seek_by_byte = demuxer.can_seek_bytes and demuxer.format_name in (
            "mpegts", "mpeg", "h264", "hevc", "m4v", "mpegvideo", "obu", "vc1"
        )
        rate = demuxer.stream(stream_index).avg_frame_rate
        base = demuxer.stream(stream_index).time_base
        if rate.num > 0 and base.num > 0:
            self.frame_step = avutil.av_rescale(rate.den, base.den, <int64_t> rate.num * base.num)
        self.frame_step = max(self.frame_step, 1)
        self.set_index(index)

    def set_index(self, FrameIndex index):
        """Use another index from now on."""
        free(self.bad_anchors)
        self.bad_anchors = NULL
        self.index = index
        self.stamping = index is not None and index.stamped
        if index is not None:
            self.bad_anchors = <uint8_t *> calloc(index.num_anchors + 1, 1)
            if self.bad_anchors == NULL:
                raise MemoryError()
        if not self.fresh:
            self.stop()

    def __dealloc__(self):
        avcodec.av_packet_free(&self.packet)
        avutil.av_frame_free(&self.frame)
        free(self.bad_anchors)

    cdef void abandon(self) noexcept:
        self.packet = NULL
        self.frame = NULL
        self.backend.abandon()
        self.demuxer.abandon()

    def forget(self):
        """Own nothing any more, and free nothing: Note [After fork]."""
        self.abandon()

    # -- frames in the order in which they come ---------------------------------------------------------------------

    cdef void stop(self) noexcept nogil:
        """Drop what is under way; the next frame needs a seek."""
        avcodec.av_packet_unref(self.packet)
        avutil.av_frame_unref(self.frame)
        self.has_packet = False
        self.has_frame = False
        self.running = False
        self.draining = False
        self.reached = -1
        self.outputs = 0
        self.has_skipped = False

    cdef int next_frame(self) noexcept nogil:
        """Decode the next frame into `frame`; AVERROR_EOF after the last one.

        What the decoder cannot make sense of is passed over, as the ffmpeg command does it; whether a frame is missing
        then is for `reach` to see.
        """
        cdef int code
        self.has_frame = False
        avutil.av_frame_unref(self.frame)
        while True:
            code = self.backend.receive(self.frame)
            if code == 0:
                self.frames_decoded += 1
                self.position = self.position_of_frame()
                self.outputs += 1
                self.has_frame = True
                self.reached = max(self.reached, self.position)
                return 0
            if code == avutil.AVERROR_EOF or code == avutil.AVERROR(ENOMEM):
                return code
            if code != avutil.AVERROR(EAGAIN):
                self.errors += 1
            elif self.draining:
                return avutil.AVERROR_EOF
            if self.draining:
                continue
            code = self.send_next()
            if code < 0:
                return code

    cdef int send_next(self) noexcept nogil:
        """Give the decoder one packet, or tell it that there are no more."""
        cdef int code
        cdef bint skip
        if not self.has_packet:
            self.introduced = self.introduced or self.fresh
            self.fresh = False
            code = self.demuxer.read(self.packet, self.stream_index)
            if code == avutil.AVERROR_EOF or code == avutil.AVERROR_INVALIDDATA:
                # damaged data ends the stream, as it does for the ffmpeg command
                self.draining = True
                return self.backend.send(NULL)
            if code < 0:
                return code
            self.packets_read += 1
            self.ordinal += 1
        self.has_packet = False
        code = 0
        if self.packet.size > 0:
            if self.stamping:
                self.packet.pts = self.ordinal - 1
                self.packet.dts = NOPTS
            else:
                skip = self.skipping and not self.is_wanted(self.packet.pts)
                self.has_skipped = self.has_skipped or skip
                self.backend.skip_nonref(skip)
            code = self.backend.send(self.packet)
        avcodec.av_packet_unref(self.packet)
        if code == avutil.AVERROR(ENOMEM):
            return code
        if code < 0:
            self.errors += 1
        return 0

    cdef bint is_wanted(self, int64_t pts) noexcept nogil:
        """Whether the frame of a packet must be decoded for its own sake.

        Note [Frames on the way]: the packets of frames before the last wanted one that nobody wants are sent with
        AVDISCARD_NONREF: the decoder leaves them out if no other frame refers to them. Frames after the last wanted one
        are always decoded, so that the next request can go on from here.
        """
        cdef int low = 0
        cdef int high = self.num_wanted
        cdef int middle
        cdef int64_t number
        if self.index is None or self.num_wanted == 0 or pts == NOPTS:
            return True
        number = self.index.number_of_pts(pts)
        if number < 0 or number > self.wanted[self.num_wanted - 1].position:
            return True
        while low < high:
            middle = (low + high) >> 1
            if self.wanted[middle].position < number:
                low = middle + 1
            else:
                high = middle
        return low < self.num_wanted and self.wanted[low].position == number

    cdef int64_t position_of_frame(self) noexcept nogil:
        cdef int64_t begin
        if self.index is None:
            if self.stamping:
                return self.frame.pts
            # a frame stands for the last instant at which it is played
            begin = self.frame.best_effort_timestamp
            if begin == NOPTS:
                return self.reached + self.frame_step
            return begin + max(self.frame_duration(), 1) - 1
        if self.index.linear:
            return self.outputs
        if self.index.stamped:
            return self.index.number_of_stamp(self.frame.pts)
        return self.index.number_of_pts(self.frame.pts)

    cdef int64_t frame_duration(self) noexcept nogil:
        cdef int64_t duration = compat_frame_duration(self.frame)
        return duration if duration > 0 else self.frame_step

    # -- seeking ----------------------------------------------------------------------------------------------------

    cdef int rewind(self) noexcept nogil:
        """To the first packet of the stream."""
        cdef const Anchor *anchor = &self.index.anchors[0] if self.index is not None else NULL
        cdef int code = -1
        if self.seek_by_byte:
            code = self.demuxer.seek_byte(0)
        elif anchor != NULL and not self.seek_by_pts and anchor.dts != NOPTS:
            code = self.demuxer.seek(self.stream_index, anchor.dts)
        elif anchor != NULL and anchor.pts != NOPTS:
            code = self.demuxer.seek(self.stream_index, anchor.pts)
        self.ordinal = 0
        return code

    cdef void introduce(self) noexcept nogil:
        """Show the decoder the first packet; see Note [First packet] in backend.pyx."""
        self.introduced = True
        if not self.backend.needs_introduction() or (not self.fresh and self.rewind() < 0):
            return
        self.fresh = False
        if self.demuxer.read(self.packet, self.stream_index) >= 0:
            self.packets_read += 1
            self.backend.introduce(self.packet)
            avcodec.av_packet_unref(self.packet)

    cdef int begin_at(self, int number) noexcept nogil:
        """Seek so that the next packet sent is an anchor's; LOST where it does not come."""
        cdef const Anchor *anchor = &self.index.anchors[number]
        cdef int code
        self.stop()
        self.backend.flush()
        if not self.introduced:
            self.introduce()
        self.seeks += 1
        self.started_at = number
        if number == 0:
            if self.index.stamped or self.index.confirmed:
                # damage is concealed with what the decoder's buffers hold: only a new one gives the same twice
                with gil:
                    try:
                        self.backend.reopen()
                    except BaseException as exception:
                        self.demuxer.io.pending = exception
                        return avutil.AVERROR_EXTERNAL
            code = self.rewind()
        elif self.seek_by_byte and self.stamping:
            code = self.demuxer.seek_byte(anchor.sync_pos)
        else:
            code = self.demuxer.seek(
                self.stream_index, anchor.pts if self.seek_by_pts or anchor.dts == NOPTS else anchor.dts
            )
        if code < 0:
            return LOST
        code = self.find_packet(number)
        if code == 0:
            self.running = True
        return code

    cdef int find_packet(self, int number) noexcept nogil:
        """Read up to an anchor's packet, and hold it."""
        cdef const Anchor *anchor = &self.index.anchors[number]
        cdef AVPacket *packet = self.packet
        cdef int code
        cdef bint found
        while True:
            code = self.demuxer.read(packet, self.stream_index)
            if code < 0:
                return LOST if code == avutil.AVERROR_EOF or code == avutil.AVERROR_INVALIDDATA else code
            self.packets_read += 1
            if self.stamping:
                found = (
                    packet.size == anchor.size and (packet.pos == anchor.pos or packet.pos < 0)
                    and digest_packet(packet) == anchor.digest
                )
                if not found and (number == 0 or (packet.pos > anchor.pos and anchor.pos >= 0)):
                    return LOST
            else:
                found = packet.pts == anchor.pts and (number == 0 or packet.flags & avcodec.AV_PKT_FLAG_KEY)
                if not found and (
                    number == 0 or (packet.flags & avcodec.AV_PKT_FLAG_KEY and packet.pts > anchor.pts)
                ):
                    return LOST
            if found:
                self.has_packet = True
                self.ordinal = anchor.ordinal + 1
                return 0
            avcodec.av_packet_unref(packet)

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
            if tries >= MAX_TRIES:
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
        """
        cdef int code
        while True:
            code = self.run_to(position)
            if code != CONTRADICTION or self.masking:
                return code
            if self.started_at > 0:
                self.bad_anchors[self.started_at] = True
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

    cdef int fill(self, const Target *target, uint8_t *out, int64_t frame_stride, int64_t *pts, int64_t *durations,
                  uint8_t *valid) noexcept nogil:
        """Serve the request under way."""
        cdef const Slot *slot
        cdef uint8_t *place
        cdef uint8_t *last = NULL
        cdef bint good
        cdef int code
        cdef int i
        for i in range(self.num_wanted):
            slot = &self.wanted[i]
            place = out + slot.slot * frame_stride
            if i and slot.position == self.wanted[i - 1].position:
                memcpy(place, out + self.wanted[i - 1].slot * frame_stride, frame_stride)
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
                if self.frame.flags & avutil.AV_FRAME_FLAG_CORRUPT or self.frame.decode_error_flags:
                    self.frames_damaged += 1
                    good = False
                last = place
            elif last != NULL:
                memcpy(place, last, frame_stride)
            else:
                memset(place, 0, frame_stride)
            valid[slot.slot] = good
        return 0

    def read_into(self, positions, size_t out, size_t pts, size_t durations, size_t valid, tuple frame_size, tuple region,
                  int orientation, int type, bint masking=False, places=None):
        """Decode frames into memory of the caller.

        Parameters
        ----------
        positions : sequence of int
            Frame numbers (timestamps without an index), in any order, with repeats.
        out : address
            Of ``len(positions)`` pictures of the region, each rows of packed RGB without gaps.
        pts, durations, valid : address
            Of int64, int64 and uint8 arrays of that length, which are filled in.
        frame_size : (width, height)
            Of the whole frame, as it is shown.
        region : (y0, y1, x0, x1)
            Half-open, inside the frame.
        orientation, type : int
            See csrc/convert.h.
        masking : bool
            Fill frames that cannot be had with the last good one (or black) instead of stopping.
        places : sequence of int, optional
            Which picture of `out` each position goes to; in order where it is left out.
        """
        cdef int count = len(positions)
        cdef Slot *slots = <Slot *> malloc((count + 1) * sizeof(Slot))
        cdef Target target
        cdef int64_t frame_stride
        cdef int code, i
        cdef bint sorted_already = True
        if slots == NULL:
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
            target.row_stride = (target.x1 - target.x0) * 3 * (4 if type else 1)
            frame_stride = target.row_stride * (target.y1 - target.y0)
            self.wanted = slots
            self.num_wanted = count
            self.masking = masking
            with nogil:
                if not sorted_already:
                    qsort(slots, count, sizeof(Slot), compare_slots)
                code = self.fill(&target, <uint8_t *> out, frame_stride, <int64_t *> pts, <int64_t *> durations,
                                 <uint8_t *> valid)
        finally:
            self.wanted = NULL
            self.num_wanted = 0
            self.masking = False
            free(slots)
        self.finish(code)

    def prime(self, int64_t position):
        """Decode, but do not convert, the frame at a position; it is kept for the request that follows."""
        cdef int code
        cdef Slot slot
        slot.position = position
        slot.slot = 0
        self.wanted = &slot
        self.num_wanted = 1
        with nogil:
            code = self.reach(position)
        self.wanted = NULL
        self.num_wanted = 0
        self.finish(code)

    cdef int finish(self, int code) except -1:
        """Raise what went wrong in a request; the next one seeks afresh then."""
        if code >= 0:
            return 0
        self.stop()
        self.demuxer.recover()
        if code == CONTRADICTION and self.demuxer.io.pending is None:
            raise IndexContradiction(
                f"{self.demuxer.io.name}: the decoder did not give the frames that the index promised",
                source=self.demuxer.io.name, operation="decode",
            )
        return self.demuxer.check(code, "decode")

    @property
    def cursor(self):
        """The position of the frame that came out last; -1 at the very beginning, -2 where the next request has to seek."""
        return self.reached if self.running else -2

    @property
    def frame_info(self):
        """The frame that was decoded last, as a dict: width, height, pixel format and colour; None if there is none."""
        if not self.has_frame:
            return None
        from cycodec.core.demux import describe_frame_colour

        return {
            "width": self.frame.width,
            "height": self.frame.height,
            **describe_frame_colour(self.frame.format, self.frame.color_primaries, self.frame.colorspace,
                                    self.frame.color_trc, self.frame.color_range),
        }

    # -- where the index is in doubt --------------------------------------------------------------------------------

    cdef int reopen(self) except -1:
        """The source opened anew, and a decoder that has seen nothing."""
        cdef Demuxer old = self.demuxer
        self.stop()
        demuxer = type(old)(type(old.io)(old.io.origin, old.io.name))
        if old.probed:
            demuxer.probe()
        demuxer.keep_only(self.stream_index)
        self.demuxer = demuxer
        self.backend.reopen()
        self.ordinal = 0
        self.started_at = 0
        self.introduced = True
        self.running = True
        return 0

    def confirm(self):
        """Whether the decoder gives the first and the last frames that the index promises."""
        cdef FrameIndex index = self.index
        cdef int last
        if not index.count:
            return False
        last = index.num_anchors - 1
        self.reopen()
        if not self.confirm_run(0, index.anchors[1].first if last else index.count, last == 0):
            return False
        while last > 0:
            with nogil:
                code = self.begin_at(last)
            if code == 0:
                return self.confirm_run(index.anchors[last].first, index.count, True)
            last -= 1
        return False

    cdef bint confirm_run(self, int first, int end, bint to_the_end) except -1:
        """Whether the frames first ... end - 1 come out one after the other from here (earlier ones may come before)."""
        cdef int expected = -1
        cdef int code
        while expected < end or to_the_end:
            with nogil:
                code = self.next_frame()
            if code == avutil.AVERROR_EOF:
                break
            self.demuxer.check(code, "decode")
            if self.position < 0 or (expected < 0 and self.position > first):
                return False
            if expected >= 0 and self.position != expected:
                return False
            expected = <int> self.position + 1
        return expected >= end and (not to_the_end or expected == end)

    def decode_ordinals(self):
        """Decode the whole stream: for each frame that comes out, the ordinal of its packet (-1: it has none)."""
        cdef int code
        ordinals = []
        self.set_index(None)
        self.stamping = True
        try:
            self.reopen()
            while True:
                with nogil:
                    code = self.next_frame()
                if code == avutil.AVERROR_EOF:
                    return ordinals
                self.demuxer.check(code, "decode")
                ordinals.append(self.frame.pts if self.frame.pts != NOPTS else -1)
                if len(ordinals) % SIGNAL_INTERVAL == 0:
                    PyErr_CheckSignals()
        finally:
            self.stamping = False
            self.stop()
