"""The frames of a video stream in the order in which the decoder gives them, from its beginning or
from an anchor.

Note [After fork]

A child process must neither use nor free what libav* owns: decoder threads do not exist there, and
the file offset is shared with the parent. `abandon` forgets it all; the decoder then makes a new
reader from source, options and index.
"""

cimport cython
from libc.errno cimport EAGAIN, ENOMEM
from libc.stdint cimport int64_t

from cycodec.core.bitstream.nal cimport holds_picture, is_in_top_layer, is_unreferenced, nal_format
from cycodec.core.bitstream.picture_parser cimport new_picture_parser
from cycodec.core.container.demux cimport Demuxer
from cycodec.core.container.header_check cimport new_header_check
from cycodec.core.video.backend cimport VideoBackend
from cycodec.core.video.codes cimport BACKEND_FAILED
from cycodec.core.video.unwritten cimport MARK_ALL, MARK_LAST, MARK_NONE
from cycodec.core.video.fault_watch cimport FaultWatch
from cycodec.core.video.order_watch cimport new_order_watch
from cycodec.core.video.seeker cimport HeadersBefore, Seeker, new_seeker
from cycodec.core.video.stream_index cimport StreamIndex
from cycodec.core.video.wanted cimport NOTHING

from cycodec.libav cimport avcodec, avutil
from cycodec.libav.avutil cimport AVFrame


cdef enum:
    # More packets than a decoder with frame threads holds.
    MAX_DRAIN_ERRORS = 256


@cython.no_gc_clear
cdef class FrameStream(ReaderHandle):
    """The base of FrameReader: it decodes frame by frame.

    Parameters
    ----------
    demuxer : Demuxer
    stream_index : int
    backend : VideoBackend
    index : StreamIndex
        The base class knows frames by the times that the decoder gives them.
    fresh : bool
        True if nothing was read from the demuxer yet.
    """

    def __cinit__(self, Demuxer demuxer not None, int stream_index, VideoBackend backend not None,
                  StreamIndex index not None, bint fresh=False):
        self.demuxer = demuxer
        self.stream_index = stream_index
        self.backend = backend
        self.watch = FaultWatch()
        self.order = new_order_watch(
            new_picture_parser(demuxer.stream(stream_index).codecpar, demuxer.io.name), not index.stamped
        )
        self.wanted = NOTHING
        self.packet = avcodec.av_packet_alloc()
        self.frame = avutil.av_frame_alloc()
        if self.packet == NULL or self.frame == NULL:
            raise MemoryError()
        self.nal = nal_format(demuxer.stream(stream_index).codecpar)
        self.state = FRESH if fresh else STOPPED
        self.reached = self.decoded_to = -1
        self.set_index(index)

    def set_index(self, StreamIndex index not None):
        """Use another index from now on."""
        cdef Seeker seeker = new_seeker(self.demuxer, self.stream_index, index)
        if self.seeker is not None:
            seeker.seeks = self.seeker.seeks
            seeker.packets_read = self.seeker.packets_read
            seeker.met_sets = self.seeker.met_sets
            seeker.ordinal = self.seeker.ordinal
        self.seeker = seeker
        self.index = index
        self.proves_order = index.is_exact and not index.is_decoded()
        self.order.goes_by_pts = not index.stamped
        self.choose_marks()
        if self.state != FRESH:
            self.stop()
        self.order.restart(0, 0)

    def __dealloc__(self):
        cdef int i
        avcodec.av_packet_free(&self.packet)
        avutil.av_frame_free(&self.frame)
        for i in range(MOST_AHEAD):
            avutil.av_frame_free(&self.ahead[i])

    cdef void abandon(self) noexcept:
        cdef int i
        self.packet = NULL
        self.frame = NULL
        for i in range(MOST_AHEAD):
            self.ahead[i] = NULL
        self.num_ahead = 0
        self.backend.abandon()
        self.demuxer.abandon()
        self.order.abandon()
        if self.unseen is not None:
            self.unseen.abandon()
        self.seeker.abandon()

    def forget(self):
        """Forget all native objects without freeing them: Note [After fork]."""
        self.abandon()

    def cancel(self, bint is_cancelled):
        """End the operation under way, in any thread, by an error; False allows further ones."""
        self.demuxer.io.watch.state.is_cancelled = is_cancelled

    # -- frames in the order in which they come ----------------------------------------------------

    cdef void stop(self) noexcept nogil:
        """Drop packets and frames; the next frame needs a seek."""
        avcodec.av_packet_unref(self.packet)
        avutil.av_frame_unref(self.frame)
        self.state = STOPPED
        self.has_frame = False
        self.reached = self.decoded_to = -1
        self.outputs = 0
        while self.num_ahead:
            self.num_ahead -= 1
            avutil.av_frame_unref(self.ahead[self.num_ahead])
        self.watch.restart(0)

    cdef int next_frame(self) noexcept nogil:
        """Take the next frame into `frame`; AVERROR_EOF after the last one."""
        cdef AVFrame *first
        cdef int i
        if self.num_ahead == 0:
            return self.decode_frame()
        avutil.av_frame_unref(self.frame)
        first = self.ahead[0]
        self.num_ahead -= 1
        avutil.av_frame_move_ref(self.frame, first)
        self.position = self.ahead_positions[0]
        for i in range(self.num_ahead):
            self.ahead[i] = self.ahead[i + 1]
            self.ahead_positions[i] = self.ahead_positions[i + 1]
        self.ahead[self.num_ahead] = first
        self.has_frame = True
        self.reached = max(self.reached, self.position)
        return 0

    cdef int look_ahead(self, int count) noexcept nogil:
        """Decode up to `count` frames after the current one, which stays the current one."""
        cdef AVFrame *current = self.frame
        cdef int64_t position = self.position
        cdef int64_t reached = self.reached
        cdef int code = 0
        while code == 0 and self.num_ahead < min(count, <int> MOST_AHEAD):
            if self.ahead[self.num_ahead] == NULL:
                self.ahead[self.num_ahead] = avutil.av_frame_alloc()
                if self.ahead[self.num_ahead] == NULL:
                    code = avutil.AVERROR(ENOMEM)
                    break
            self.frame = self.ahead[self.num_ahead]
            code = self.decode_frame()
            if code == 0:
                self.ahead_positions[self.num_ahead] = self.position
                self.num_ahead += 1
        self.frame = current
        self.position = position
        self.reached = reached
        self.has_frame = True
        return 0 if code == avutil.AVERROR_EOF else code

    cdef int decode_frame(self) noexcept nogil:
        """Decode the next frame into `frame`; AVERROR_EOF after the last one.

        The loop goes on after packets that the decoder rejects or that give no frame, as the ffmpeg
        command does. `reach` notices if a frame is missing.
        """
        cdef int code
        self.has_frame = False
        avutil.av_frame_unref(self.frame)
        while True:
            code = self.backend.receive(self.frame)
            if self.backend.has_made_up() and self.sent != self.seeker.first_number():
                # pictures that refer to what precedes the anchor are left out, not concealed
                self.watch.note_error(self.index.is_exact)
                self.watch.note_damage(self.sent)
            if code == 0:
                self.frames_decoded += 1
                self.position = self.index.position_of_frame(self.frame, self.outputs, self.decoded_to, self.seeker.step)
                if self.must_drop():
                    avutil.av_frame_unref(self.frame)
                    continue
                self.outputs += 1
                self.has_frame = True
                if self.is_damaged():
                    # frames shown before the anchor's lack references that no later frame uses
                    self.watch.has_damage = self.watch.has_damage or not self.is_leading(self.position)
                    self.watch.note_damage(self.position)
                if self.index.is_exact and not self.index.from_start_only and not self.is_unknown() and (
                    not self.is_leading(self.position)
                ):
                    self.watch.note_frame(self.position, self.decoded_to)
                    if self.proves_order and not self.order.may_give(self.position):
                        self.watch.out_of_turn = True
                elif self.is_unknown() and self.decoded_to >= 0:
                    # a frame that the index lacks, behind one that it has
                    self.watch.out_of_turn = True
                self.reached = self.decoded_to = max(self.decoded_to, self.position)
                return 0
            if code == avutil.AVERROR_EOF or code == avutil.AVERROR(ENOMEM) or code == BACKEND_FAILED:
                return code
            if code != avutil.AVERROR(EAGAIN):
                self.note_error()
            elif self.state == DRAINING:
                return avutil.AVERROR_EOF
            if self.state == DRAINING:
                # With frame threads, FFmpeg 7.1 and later may return the same error without end.
                if self.drain_errors == MAX_DRAIN_ERRORS:
                    return avutil.AVERROR_EOF
                self.drain_errors += 1
                continue
            code = self.send_next()
            if code < 0:
                return code

    cdef int send_next(self) noexcept nogil:
        """Give the decoder one packet, or tell it that no more follow."""
        cdef int code
        if self.state == FRESH or (self.state == HOLDING and self.seeker.anchor == 0):
            self.knows_first_packet = True
        if self.state != HOLDING:
            code = self.seeker.read(self.packet)
            if code == avutil.AVERROR_EOF or code == avutil.AVERROR_INVALIDDATA:
                # damaged data ends the stream, as it does for the ffmpeg command
                self.state = DRAINING
                self.drain_errors = 0
                # decoders with frame threads may report only now what was wrong with an earlier
                # packet
                return self.check_result(self.backend.send(NULL))
            if code < 0:
                return code
        self.state = RUNNING
        code = self.send_packet() if self.packet.size > 0 else 0
        avcodec.av_packet_unref(self.packet)
        return self.check_result(code)

    cdef int send_packet(self) noexcept nogil:
        """Give the decoder the current packet, which holds data."""
        cdef int64_t ordinal = self.seeker.ordinal - 1
        cdef bint skip
        self.sent = self.index.number_of_packet(self.packet, ordinal)
        self.seeker.note_sent(self.packet)
        if self.index.stamped:
            self.packet.pts = ordinal
            self.packet.dts = avutil.AV_NOPTS_VALUE
        if not self.index.is_exact:
            return self.backend.send(self.packet)
        if self.proves_order:
            self.order.allows_fields = self.index.is_confirmed()
            self.order.note_packet(self.packet, self.sent)
        if self.sent >= 0 and not holds_picture(&self.nal, self.packet.data, self.packet.size):
            self.note_error()
        # every packet that could be left out is checked, also one whose frame is wanted
        skip = self.can_skip() and not self.is_refused_unseen() and not self.wanted.needs(self.sent)
        if skip or self.wanted.masking:
            skip = is_in_top_layer(&self.nal, self.packet.data, self.packet.size) and self.note_references(skip)
        self.backend.skip_nonref(skip)
        if self.may_hurry and self.is_last_here(self.sent):
            self.may_hurry = False
            self.backend.hurry(True)
        if self.seeker.first_number() > 0 and 0 <= self.sent <= self.seeker.first_number():
            self.backend.choose_marks(MARK_NONE if self.is_leading(self.sent) else MARK_LAST)
        else:
            self.backend.choose_marks(MARK_ALL)
        return self.backend.send(self.packet)

    cdef bint is_refused_unseen(self) noexcept nogil:
        """Return True if the decoder might give no frame for the current packet.

        Note [Packets that are left out]: a decoder that is told to leave out a picture does not say
        whether it would give a frame. The headers are checked as those of packets before the anchor
        are: Note [Refused packets] in container/header_check.pyx. The decoder receives a packet
        that is refused, and if no frame comes, the next one is out of turn.
        """
        if self.index.stamped or not self.proves_order:
            return False
        # other codecs need the headers of all packets, and most of those need no decoder
        if self.nal.codec_id == avcodec.AV_CODEC_ID_HEVC and self.wanted.needs(self.sent):
            return False
        if self.unseen is None:
            with gil:
                try:
                    # the reader's own decoder tells what is wrong with the headers in the extradata
                    self.unseen = new_header_check(self.demuxer, self.stream_index, True)
                except BaseException as exception:
                    self.demuxer.io.pending = exception
                    return True
        return self.unseen.refuses(self.packet)

    cdef bint note_references(self, bint skip) noexcept nogil:
        """Note whether other frames may refer to the one of the current packet, and return `skip`.
        """
        cdef bint is_lone = is_unreferenced(&self.nal, self.packet.data, self.packet.size)
        if skip and is_lone and self.order.may_leave_out():
            self.watch.note_left_out(self.sent)
        if is_lone and (self.nal.length >= 0 or self.order.type == avutil.AV_PICTURE_TYPE_B):
            self.watch.note_lone(self.sent)
        return skip

    cdef int check_result(self, int code) noexcept nogil:
        """Note and pass over an error of the stream that sending a packet met; return any other
        error.
        """
        if code == avutil.AVERROR(ENOMEM) or code == BACKEND_FAILED:
            return code
        if code < 0:
            self.note_error()
        return 0

    cdef bint is_unknown(self) noexcept nogil:
        """Return True if an exact index does not have the current frame."""
        return self.index.is_exact and self.position < 0

    cdef bint must_drop(self) noexcept nogil:
        """Return True if the backend gave a picture that libavcodec would have kept back."""
        return self.is_unknown() and not self.index.from_start_only and self.backend.shows_undecodable()

    cdef void note_error(self) noexcept nogil:
        """Note that the decoder rejected the last packet or gave no frame for it.

        Pictures that are shown before the anchor's do not count, because they may be incomplete.
        """
        self.watch.note_error(self.index.is_exact and not self.is_leading(self.sent))
        self.watch.note_damage(self.sent)

    cdef bint is_leading(self, int64_t number) noexcept nogil:
        """Return True if a frame belongs before the anchor of the last seek."""
        return 0 <= number < self.seeker.first_number()

    cdef bint is_last_here(self, int64_t number) noexcept nogil:
        """Return True if a frame is wanted, and the next wanted frame belongs to another anchor.

        Note [Hurry]: a GPU decodes while the next packets are parsed, so that its backend holds
        some pictures back. A request that reads here and there would wait for pictures that it does
        not want, which NVDEC decodes one after the other. A request that continues where the one
        before ended is taken for a loop over the stream.
        """
        cdef int first
        if number < 0 or not self.wanted.holds(number):
            return False
        first = self.wanted.first_from(number + 1)
        return first == self.wanted.count or (
            self.seeker.anchor_of(self.wanted.slots[first].position) > self.seeker.anchor_of(number)
        )

    cdef void begin_run(self, bint is_new) noexcept nogil:
        """Begin to decode frames one after the other; `is_new` if a seek came before, or nothing at
        all.
        """
        self.may_hurry = is_new and self.backend.holds_back()
        self.backend.hurry(False)

    cdef bint can_skip(self) noexcept nogil:
        """Return True if the index says without doubt which frame each packet gives, so that frames
        may be left out.
        """
        if not self.watch.may_skip or self.index.from_start_only:
            return False
        if self.index.stamped and self.index.is_confirmed():
            return False
        return self.order.parser.has_order or self.order.parser.shows_unreferenced

    cdef bint is_damaged(self) noexcept nogil:
        """Return True if the current frame was damaged, so that the decoder concealed a part of it.
        """
        return self.frame.flags & avutil.AV_FRAME_FLAG_CORRUPT or self.frame.decode_error_flags

    # -- seeking -----------------------------------------------------------------------------------

    cdef void show_first_packet(self, bint is_fresh) noexcept nogil:
        """Show the decoder the stream's first packet; see Note [First packet] in cpu.pyx."""
        self.knows_first_packet = True
        if not self.backend.needs_first_packet() or (not is_fresh and self.seeker.rewind() < 0):
            return
        if self.seeker.read(self.packet) >= 0:
            self.backend.show_first_packet(self.packet)
            avcodec.av_packet_unref(self.packet)

    cdef int begin(self) noexcept nogil:
        """Seek to the seeker's anchor.

        The next packet sent is the anchor's. Return LOST if that packet is not found.
        """
        cdef bint is_fresh = self.state == FRESH
        cdef int code
        self.stop()
        self.backend.flush()
        if self.index.is_exact:
            self.begin_run(True)
            if self.seeker.anchor > 0 and not (self.knows_first_packet and self.backend.knows_padding()):
                self.show_first_packet(is_fresh)
        code = self.seeker.seek(self.packet)
        if self.index.is_exact:
            self.watch.restart(self.seeker.first_number())
            self.order.restart(self.seeker.first_number(), self.seeker.leading())
            if self.unseen is not None:
                self.unseen.restart()
            if code == 0:
                code = self.prepare_decoder()
        if code == 0:
            self.state = HOLDING if self.index.is_exact else RUNNING
        return code

    cdef int prepare_decoder(self) noexcept nogil:
        """Have the decoder know what earlier packets say of the pictures from the anchor on, whose
        packet is the current one; see Note [Headers of earlier packets] in seeker.pyx.
        """
        cdef HeadersBefore before
        cdef int code = self.seeker.read_headers_before(self.packet, &before)
        if code < 0:
            return code
        # The decoder conceals damage with what its buffers hold: only a new one gives the same
        # result twice.
        self.choose_marks()
        if (
            not self.backend.expect(&before.told, &before.headers) or before.needs_sets
            or (self.begins_again() and not self.backend.is_as_new())
        ):
            code = self.renew_decoder(False)
            if code == 0 and self.seeker.anchor > 0 and self.backend.needs_first_packet():
                before.has_moved = True
                avcodec.av_packet_unref(self.packet)
                self.show_first_packet(False)
        if code == 0 and before.fetches_sets:
            before.has_moved = True
            avcodec.av_packet_unref(self.packet)
            code = self.seeker.fetch(before.anchor_of_sets, self.packet)
            if code == 0:
                self.backend.send(self.packet)
                self.backend.flush()
        if code == 0 and before.has_moved:
            avcodec.av_packet_unref(self.packet)
            code = self.seeker.seek(self.packet)
        return code

    cdef void choose_marks(self) noexcept nogil:
        """Let new buffers have marks, except where damage must look as in a pass from the
        beginning; see Note [Unwritten pixels] in unwritten.pyx.
        """
        self.watch.marks = self.index.is_exact and (self.seeker.anchor > 0 or not self.watch.met_damage)
        self.backend.mark_pictures(self.watch.marks)

    cdef bint begins_again(self) noexcept nogil:
        """Return True if the pass that begins needs a decoder that has seen nothing."""
        return self.seeker.anchor == 0 and (
            self.index.stamped or self.index.is_confirmed() or self.watch.met_damage
            or self.seeker.must_begin_anew()
        )

    cdef int renew_decoder(self, bint with_source) noexcept nogil:
        """Replace the decoder by one that has seen nothing, and with `with_source` open the source
        again.
        """
        self.seeker.note_sent(NULL)
        with gil:
            try:
                if with_source:
                    self.reopen()
                else:
                    self.backend.reopen()
            except BaseException as exception:
                self.demuxer.io.pending = exception
                return avutil.AVERROR_EXTERNAL
        return 0

    cdef int reopen(self) except -1:
        """Open the source again, with a decoder that has seen nothing."""
        cdef Demuxer old = self.demuxer
        old.settle()        # the exception of a file-like object must not be lost with its demuxer
        self.stop()
        demuxer = type(old)(old.io.again())
        if old.probed:
            demuxer.probe()
        demuxer.keep_only(self.stream_index)
        self.demuxer = demuxer
        self.seeker.demuxer = demuxer
        self.seeker.ordinal = 0
        self.seeker.anchor = 0
        self.seeker.note_sent(NULL)
        self.backend.expect(NULL, NULL)
        self.choose_marks()
        self.backend.reopen()
        self.order.restart(0, 0)
        self.knows_first_packet = True
        self.state = RUNNING
        return 0

    # -- facts -------------------------------------------------------------------------------------

    @property
    def cursor(self):
        """The position of the frame that came out last; -1 at the very beginning; -2 if the next
        request must seek.
        """
        return -2 if self.state == STOPPED else self.reached

    @property
    def skipping(self):
        """True if frames that are not wanted may be left out."""
        return self.watch.may_skip

    @skipping.setter
    def skipping(self, bint skipping):
        self.watch.may_skip = skipping

    @property
    def seeks(self):
        """How many seeks the reader has made."""
        return self.seeker.seeks

    @property
    def packets_read(self):
        """How many packets of the stream the reader has read."""
        return self.seeker.packets_read

    @property
    def met_fault(self):
        """True if the decoder rejected a packet, or gave no frame for it, and the index promises
        its frame.
        """
        return self.watch.met_fault

    cdef FrameFacts facts(self) noexcept nogil:
        """Return the size, the format and the colours of the current frame."""
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
