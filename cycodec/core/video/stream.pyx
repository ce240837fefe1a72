"""The frames of a video stream in the order in which the decoder gives them, from its beginning or from an anchor.

Note [After fork]

A child process must neither use nor free what libav* owns: decoder threads do not exist there, and the file offset is
shared with the parent. `abandon` forgets it all; the decoder then makes a new reader from source, options and index.
"""

cimport cython
from libc.errno cimport EAGAIN, ENOMEM
from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free

from cycodec.core.compat cimport compat_frame_duration
from cycodec.core.video.backend cimport VideoBackend
from cycodec.core.video.codes cimport BACKEND_FAILED, LOST
from cycodec.core.container.demux cimport Demuxer
from cycodec.core.video.index cimport Anchor, FrameIndex
from cycodec.core.bitstream.nal cimport holds_picture, is_exact_entry, is_in_top_layer, nal_format
from cycodec.core.container.packets cimport digest_packet

from cycodec.libav cimport avcodec, avutil
from cycodec.libav.avcodec cimport AVPacket


cdef int64_t NOPTS = avutil.AV_NOPTS_VALUE


@cython.no_gc_clear
cdef class FrameStream:
    """What FrameReader stands on.

    Parameters
    ----------
    demuxer : Demuxer
    stream_index : int
    backend : VideoBackend
    index : FrameIndex or None
        None: positions are timestamps, and seeking trusts the container.
    fresh : bool
        Nothing was read from the demuxer yet.
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
        self.is_mov = demuxer.format_name.startswith("mov,")
        self.seek_by_byte = demuxer.can_seek_bytes and demuxer.format_name in (
            "mpegts", "mpeg", "h264", "hevc", "m4v", "mpegvideo", "obu", "vc1"
        )
        self.nal = nal_format(demuxer.stream(stream_index).codecpar)
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
        self.turn = 0
        self.faults = 0
        self.out_of_turn = False
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
                if self.position < 0 and self.knows_better():
                    avutil.av_frame_unref(self.frame)
                    continue
                self.outputs += 1
                self.has_frame = True
                self.take_turn()
                self.reached = max(self.reached, self.position)
                return 0
            if code == avutil.AVERROR_EOF or code == avutil.AVERROR(ENOMEM) or code == BACKEND_FAILED:
                return code
            if code != avutil.AVERROR(EAGAIN):
                self.note_fault()
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
        if not self.has_packet:
            self.introduced = self.introduced or self.fresh
            self.fresh = False
            code = self.demuxer.read(self.packet, self.stream_index)
            if code == avutil.AVERROR_EOF or code == avutil.AVERROR_INVALIDDATA:
                # damaged data ends the stream, as it does for the ffmpeg command
                self.draining = True
                # with frame threads, what was wrong with an earlier packet may be said only now
                return self.judge(self.backend.send(NULL))
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
            if self.index is not None:
                self.sent = self.number_of_packet()
                if self.sent >= 0 and not holds_picture(&self.nal, self.packet.data, self.packet.size):
                    self.note_fault()
                self.leave_out(
                    self.can_skip() and not self.is_wanted(self.sent)
                    and is_in_top_layer(&self.nal, self.packet.data, self.packet.size)
                )
                if self.may_hurry and self.is_last_here(self.sent):
                    self.may_hurry = False
                    self.backend.hurry(True)
            code = self.backend.send(self.packet)
        avcodec.av_packet_unref(self.packet)
        return self.judge(code)

    cdef int judge(self, int code) noexcept nogil:
        """What sending a packet came to: an error of the stream is noted and passed over, others are given back."""
        if code == avutil.AVERROR(ENOMEM) or code == BACKEND_FAILED:
            return code
        if code < 0:
            self.note_fault()
        return 0

    cdef bint knows_better(self) noexcept nogil:
        """Whether a frame that is not in the index is none that libavcodec would give."""
        return self.index is not None and not self.index.linear and self.backend.shows_undecodable()

    cdef int64_t number_of_packet(self) noexcept nogil:
        """The frame that the packet in hand should give; -1: none."""
        if self.stamping:
            return self.index.number_of_stamp(self.ordinal - 1)
        return self.index.number_of_pts(self.packet.pts)

    cdef void note_fault(self) noexcept nogil:
        """The decoder cannot make sense of the last packet sent. Pictures shown before the anchor's may be incomplete."""
        self.errors += 1
        if self.index is not None and not self.is_leading(self.sent):
            self.faults += 1
            self.met_fault = True

    cdef bint is_leading(self, int64_t number) noexcept nogil:
        """Whether a frame belongs before the anchor of the last seek."""
        return 0 <= number < self.index.anchors[self.started_at].first

    cdef void take_turn(self) noexcept nogil:
        """Watch that frames come one after the other; see Note [Unseen faults]."""
        if self.index is None or self.index.linear or self.position < 0 or self.is_leading(self.position):
            return
        if self.position <= self.reached or (self.position != self.turn and not self.has_skipped):
            self.out_of_turn = True
        self.turn = self.position + 1

    cdef bint is_wanted(self, int64_t number) noexcept nogil:
        """Whether a frame must be decoded for its own sake; see FrameReader."""
        return True

    cdef bint is_last_here(self, int64_t number) noexcept nogil:
        """Whether nothing is wanted behind a frame, unless by a seek; see FrameReader."""
        return False

    cdef void begin_run(self, bint here) noexcept nogil:
        """Frames come one after the other from now on; `here`: since a seek for the request under way, or none before."""
        self.may_hurry = here and self.backend.holds_back()
        self.backend.hurry(False)

    cdef bint can_skip(self) noexcept nogil:
        """Whether frames may be left out: the index says without doubt which frame each packet gives."""
        return self.skipping and not self.index.linear and not (self.stamping and self.index.confirmed)

    cdef void leave_out(self, bint skip) noexcept nogil:
        """Whether the next packet's frame need not be decoded, if no other one needs it."""
        self.has_skipped = self.has_skipped or skip
        self.backend.skip_nonref(skip)

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
        """Show the decoder the first packet; see Note [First packet] in cpu.pyx."""
        self.introduced = True
        if not self.backend.needs_first_packet() or (not self.fresh and self.rewind() < 0):
            return
        self.fresh = False
        if self.demuxer.read(self.packet, self.stream_index) >= 0:
            self.packets_read += 1
            self.backend.show_first_packet(self.packet)
            avcodec.av_packet_unref(self.packet)

    cdef int begin_at(self, int number) noexcept nogil:
        """Seek so that the next packet sent is an anchor's; LOST where it does not come.

        Note [Seeking in MP4]: FFmpeg from 5.0 on takes the target for a pts and, asked for a key packet's dts, goes to the
        GOP before, all of which is read then. Older versions compare it with dts, so that a pts may lead to a later key
        packet where GOPs are as short as the reorder depth; then the dts is tried.
        """
        cdef const Anchor *anchor = &self.index.anchors[number]
        cdef int code
        self.stop()
        self.backend.flush()
        self.begin_run(True)
        if not self.introduced:
            self.introduce()
        self.seeks += 1
        self.started_at = number
        self.turn = anchor.first
        if number == 0:
            if self.index.stamped or self.index.confirmed or self.met_damage:
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
        elif self.seek_by_pts or anchor.dts == NOPTS:
            code = self.demuxer.seek(self.stream_index, anchor.pts)
        else:
            if self.is_mov and anchor.pts != NOPTS and self.demuxer.seek(self.stream_index, anchor.pts) >= 0:
                code = self.find_packet(number)
                if code != LOST:
                    self.running = code == 0
                    return code
            code = self.demuxer.seek(self.stream_index, anchor.dts)
        if code < 0:
            return LOST
        code = self.find_packet(number)
        self.running = code == 0
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
            if found and number and not is_exact_entry(&self.nal, packet.data, packet.size):
                avcodec.av_packet_unref(packet)
                return LOST
            if found:
                self.has_packet = True
                self.ordinal = anchor.ordinal + 1
                return 0
            avcodec.av_packet_unref(packet)

    cdef bint is_damaged(self) noexcept nogil:
        return self.frame.flags & avutil.AV_FRAME_FLAG_CORRUPT or self.frame.decode_error_flags

    cdef int reopen(self) except -1:
        """The source opened anew, and a decoder that has seen nothing."""
        cdef Demuxer old = self.demuxer
        self.stop()
        demuxer = type(old)(old.io.again())
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

    @property
    def cursor(self):
        """The position of the frame that came out last; -1 at the very beginning, -2 where the next request has to seek."""
        return self.reached if self.running else -2

    cdef FrameFacts facts(self) noexcept nogil:
        """What the frame in hand says of itself."""
        cdef FrameFacts facts
        facts.width = self.frame.width
        facts.height = self.frame.height
        facts.format = self.frame.format
        facts.primaries = self.frame.color_primaries
        facts.space = self.frame.colorspace
        facts.transfer = self.frame.color_trc
        facts.range = self.frame.color_range
        return facts


cdef dict describe_facts(FrameFacts facts):
    """Width, height, pixel format and colours of a frame."""
    from cycodec.core.container.metadata import describe_frame_colour

    return {
        "width": facts.width,
        "height": facts.height,
        **describe_frame_colour(facts.format, facts.primaries, facts.space, facts.transfer, facts.range),
    }
