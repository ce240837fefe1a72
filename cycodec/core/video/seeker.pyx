"""Where packets come from: a seeker reads them one by one, and finds an earlier place where
decoding can begin.
"""

from libc.errno cimport ENOMEM
from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from cycodec.core.bitstream.nal cimport unit_format, is_exact_entry
from cycodec.core.bitstream.picture_parser cimport ENTRY_NO, ENTRY_UNKNOWN, PictureHeader, new_picture_parser
from cycodec.core.bitstream.sequence_headers cimport (
    SequenceHeaders,
    fill_in,
    has_sequence_headers,
    headers_of_extradata,
    keeps_colours,
    read_sequence_headers,
    tells_all,
)
from cycodec.core.compat cimport compat_frame_is_key
from cycodec.core.container.codes cimport LOST
from cycodec.core.container.demux cimport Demuxer
from cycodec.core.container.limits cimport largest_time
from cycodec.core.container.packets cimport digest_packet
from cycodec.core.video.codes cimport NO_ENTRY
from cycodec.core.video.earlier_packets cimport new_earlier_packets
from cycodec.core.video.fault_watch cimport MAX_TRIES
from cycodec.core.video.index cimport Anchor, FrameIndex
from cycodec.core.video.stream_index cimport StreamIndex

from cycodec.libav cimport avcodec, avutil
from cycodec.libav.avcodec cimport AVCodecParameters, AVPacket
from cycodec.libav.avutil cimport AVFrame


cdef int64_t NOPTS = avutil.AV_NOPTS_VALUE

cdef enum:
    # Without an index: distances in frames up to which decoding on is cheaper than seeking.
    NEAR_THE_BEGINNING = 64
    NEAR = 32
    # Without an index: a seek goes back at most about this many frames before an instant.
    FARTHEST_BACK = 512
    # Packets that are read only to learn their headers, for the whole stream.
    MOST_RECALLED = 64
    # Packets behind an anchor among which pictures that are shown before it are looked for.
    MOST_AFTER = 64

# Containers in which seeking by byte is exact, while their timestamps are made up.
cdef frozenset BYTE_FORMATS = frozenset(("mpegts", "mpeg", "h264", "hevc", "m4v", "mpegvideo", "obu", "vc1"))


cdef class Seeker:
    """The packets of one stream. The base class cannot seek; see AnchorSeeker and
    TimeSeeker.

    Parameters
    ----------
    demuxer : Demuxer
    stream_index : int
    """

    def __cinit__(self, Demuxer demuxer not None, int stream_index, *arguments):
        self.demuxer = demuxer
        self.stream_index = stream_index
        self.nal = unit_format(demuxer.stream(stream_index).codecpar)
        self.reads_headers = has_sequence_headers(self.nal.codec_id)
        self.remembers = self.nal.codec_id in (avcodec.AV_CODEC_ID_DIRAC, avcodec.AV_CODEC_ID_AMV)
        name = demuxer.format_name
        if demuxer.can_seek_bytes and name in BYTE_FORMATS:
            self.way = SEEK_BY_BYTE
        elif name == "matroska,webm":
            self.way = SEEK_BY_PTS
        elif name.startswith("mov,"):
            self.way = SEEK_BY_PTS_OR_DTS
        else:
            self.way = SEEK_BY_DTS
        rate = demuxer.stream(stream_index).avg_frame_rate
        base = demuxer.stream(stream_index).time_base
        if rate.num > 0 and base.num > 0:
            self.step = avutil.av_rescale(rate.den, base.den, <int64_t> rate.num * base.num)
        # Distances in time are multiples of a step, and a frame rate may be a lie.
        self.step = min(max(self.step, 1), largest_time() >> 12)

    cdef int read(self, AVPacket *packet) noexcept nogil:
        """Read the next packet of the stream."""
        cdef int code = self.demuxer.read(packet, self.stream_index)
        if code >= 0:
            self.packets_read += 1
            self.ordinal += 1
        return code

    cdef int rewind(self) noexcept nogil:
        """Go to the first packet of the stream; below 0 if that is not possible."""
        self.ordinal = 0
        return self.demuxer.seek_byte(0) if self.way == SEEK_BY_BYTE else -1

    cdef void aim(self, int64_t position, bint from_start) noexcept nogil:
        """Choose where `seek` goes for a position; the beginning of the stream with `from_start`.
        """
        pass

    cdef int seek(self, AVPacket *packet) noexcept nogil:
        """Go to the place that was chosen last. Where the first packet had to be found, `packet`
        holds it.

        LOST if the packet does not come.
        """
        return avutil.AVERROR_BUG

    cdef bint arrives_before(self, int64_t position, int64_t came_out, const AVFrame *frame) noexcept nogil:
        """Return True if the first frame after a seek, which came out at a position, lets decoding
        reach another one.
        """
        return False

    cdef bint retreat(self) noexcept nogil:
        """Choose an earlier place than the last one; False if there is none."""
        return False

    cdef void mark_bad(self) noexcept nogil:
        """Never go to the anchor of the last seek again."""
        pass

    cdef bint may_begin_with(self, const AVFrame *frame) noexcept nogil:
        """Return True if the first frame after a seek can have been decoded without the frames
        before it.
        """
        return True

    cdef void abandon(self) noexcept:
        """Forget what is owned without freeing it; see Note [After fork]."""
        pass

    cdef bint must_check(self) noexcept nogil:
        """Return True if packets before the anchor were not checked and can be."""
        return False

    cdef bint checks_from_start(self) noexcept nogil:
        """Return True if that check begins with the first packet of the stream."""
        return False

    cdef int check_packets_before(self, AVPacket *packet, bint is_at_start) noexcept nogil:
        """Look for packets before the anchor that give no frame; the index remembers them.

        `is_at_start` is True if the demuxer gives the stream's first packet next. Return 1 if
        packets were read, or AVERROR.
        """
        return 1

    cdef bint must_begin_anew(self) noexcept nogil:
        """Return True if the decoder keeps something over a flush that changes its pictures."""
        return self.remembers

    cdef bint is_near(self, int64_t position, int64_t reached, int delay, bint is_fresh) noexcept nogil:
        """Return True if decoding on from `reached` costs less than a seek; `delay` frames are
        inside the decoder.
        """
        return False

    cdef int anchor_of(self, int64_t number) noexcept nogil:
        """Return the anchor that a frame needs."""
        return 0

    cdef int64_t first_number(self) noexcept nogil:
        """Return the first frame that the anchor of the last seek promises."""
        return 0

    cdef int leading(self) noexcept nogil:
        """Return how many pictures follow that anchor's packet and are shown before it."""
        return 0

    cdef int read_headers_before(self, AVPacket *packet, HeadersBefore *before) noexcept nogil:
        """Find what packets before the anchor's, which `packet` holds, say of its pictures."""
        memset(before, 0, sizeof(HeadersBefore))
        return 0

    cdef int fetch(self, int anchor, AVPacket *packet) noexcept nogil:
        """Read the packet of any anchor; the next packet read is not the one of the last seek."""
        return avutil.AVERROR_BUG

    cdef void note_sent(self, const AVPacket *packet) noexcept nogil:
        """Note a packet that the decoder receives; with NULL, that the decoder is new."""
        cdef SequenceHeaders headers
        if packet == NULL:
            self.met_sets = False
        elif self.reads_headers and not self.met_sets and self.ordinal > 1:
            read_sequence_headers(&self.nal, packet.data, packet.size, &headers)
            self.met_sets = headers.has_sets


cdef class AnchorSeeker(Seeker):
    """Seeks to the anchors of an index, and recognises their packets.

    Note [Anchors are proved]: a key flag is a promise that containers do not always keep. The
    headers of an anchor's packet must say that decoding can begin there. Where no parser reads
    them, the decoder must say that the first frame is a key frame; where it does not tell either,
    the stream is decoded from its beginning. The first frame after a seek must be in the index and
    not past the wanted one. Otherwise the anchor is marked bad, and the one before it is tried;
    after a few tries the stream is decoded from its beginning.

    Note [Decoders that remember]: each picture of VC-2 is a key frame, but libavcodec's decoder
    keeps coefficients of earlier pictures in its buffers, also over a flush, and they show where a
    picture has none. The decoder of AMV leaves the rest of a damaged picture as its buffer was. The
    frames of both are those of a pass from the beginning by a new decoder. So are those of other
    codecs where packets differ in what decoders remember; see Note [What decoders remember] in
    bitstream/sequence_headers.pyx.

    Parameters
    ----------
    demuxer : Demuxer
    stream_index : int
    index : FrameIndex
    """

    def __cinit__(self, Demuxer demuxer not None, int stream_index, FrameIndex index not None):
        self.index = index
        cdef AVCodecParameters *parameters = demuxer.stream(stream_index).codecpar
        if self.reads_headers:
            self.extradata = headers_of_extradata(
                parameters.codec_id, (<const char *> parameters.extradata)[:parameters.extradata_size]
            )
            self.extradata.has_sets = False     # the sets of packets are meant
        self.parser = new_picture_parser(demuxer.stream(stream_index).codecpar, demuxer.io.name)
        self.bad_anchors = <uint8_t *> calloc(index.num_anchors + 1, 1)
        if self.bad_anchors == NULL:
            raise MemoryError()

    def __dealloc__(self):
        free(self.bad_anchors)

    cdef int anchor_of(self, int64_t number) noexcept nogil:
        return self.index.anchor_of(<int> number)

    cdef int64_t first_number(self) noexcept nogil:
        return self.index.anchors[self.anchor].first

    cdef int leading(self) noexcept nogil:
        return self.index.leading_pictures(self.anchor)

    cdef bint must_begin_anew(self) noexcept nogil:
        if self.demuxer.changes_headers:
            self.index.changes_memory = True
        return self.remembers or self.index.changes_memory

    cdef int usable(self, int anchor) noexcept nogil:
        """Return the last anchor up to this one that decoding may start from."""
        if self.must_begin_anew():
            return 0
        while anchor > 0 and self.bad_anchors[anchor]:
            anchor -= 1
        return anchor

    cdef void aim(self, int64_t position, bint from_start) noexcept nogil:
        self.tries = 0
        self.anchor = 0 if from_start else self.usable(self.index.anchor_of(<int> position))

    cdef bint retreat(self) noexcept nogil:
        if self.anchor == 0:
            return False
        self.mark_bad()
        self.tries += 1
        self.anchor = 0 if self.tries >= MAX_TRIES else self.usable(self.anchor)
        return True

    cdef void mark_bad(self) noexcept nogil:
        if self.anchor > 0:
            self.bad_anchors[self.anchor] = True

    cdef bint arrives_before(self, int64_t position, int64_t came_out, const AVFrame *frame) noexcept nogil:
        return 0 <= came_out <= position

    cdef bint is_near(self, int64_t position, int64_t reached, int delay, bint is_fresh) noexcept nogil:
        # frames that are already inside the decoder cost nothing more
        return self.index.anchors[self.usable(self.index.anchor_of(<int> position))].first <= reached + 2 + delay

    cdef int rewind(self) noexcept nogil:
        cdef const Anchor *anchor = &self.index.anchors[0]
        self.ordinal = 0
        if self.way == SEEK_BY_BYTE:
            return self.demuxer.seek_byte(0)
        if self.way != SEEK_BY_PTS and anchor.dts != NOPTS:
            return self.demuxer.seek(self.stream_index, anchor.dts)
        if anchor.pts != NOPTS:
            return self.demuxer.seek(self.stream_index, anchor.pts)
        return -1

    cdef void abandon(self) noexcept:
        self.parser.abandon()
        if self.earlier is not None:
            self.earlier.abandon()

    cdef int seek(self, AVPacket *packet) noexcept nogil:
        """Go to an anchor, whose packet `packet` holds then; to an earlier one if decoding cannot
        begin there.
        """
        cdef int code = self.seek_to_entry(packet)
        while code == NO_ENTRY:
            self.mark_bad()
            self.anchor = self.usable(self.anchor)
            code = self.seek_to_entry(packet)
        return code

    cdef int seek_to_entry(self, AVPacket *packet) noexcept nogil:
        """Go to the anchor; NO_ENTRY if decoding cannot begin there.

        Note [Seeking in MP4]: FFmpeg from 5.0 on takes the target for a pts. If it receives a key
        packet's dts, it seeks to the previous GOP, and the reader must read all of that GOP. Older
        versions compare the target with dts, so that a pts may lead to a later key packet where
        GOPs are as short as the reorder depth; then the dts is tried.
        """
        cdef const Anchor *anchor = &self.index.anchors[self.anchor]
        cdef int code
        self.seeks += 1
        if self.anchor > 0 and self.way == SEEK_BY_PTS_OR_DTS and anchor.dts != NOPTS and anchor.pts != NOPTS:
            if self.demuxer.seek(self.stream_index, anchor.pts) >= 0:
                code = self.find_packet(packet)
                if code != LOST:
                    return code
        if self.seek_to_anchor(packet) < 0:
            return LOST
        return self.find_packet(packet)

    cdef int seek_to_anchor(self, AVPacket *packet) noexcept nogil:
        """Move the demuxer to where an anchor's packet comes soon."""
        cdef const Anchor *anchor = &self.index.anchors[self.anchor]
        if self.anchor == 0:
            return self.rewind()
        if self.way == SEEK_BY_BYTE and self.index.stamped:
            return self.demuxer.seek_byte(anchor.sync_pos)
        if self.way == SEEK_BY_PTS or anchor.dts == NOPTS:
            return self.demuxer.seek(self.stream_index, anchor.pts)
        return self.demuxer.seek(self.stream_index, anchor.dts)

    cdef int read_headers_before(self, AVPacket *packet, HeadersBefore *before) noexcept nogil:
        """Find what packets before the anchor's say of its pictures.

        Note [Headers of earlier packets]: H.264, MPEG-2 and MPEG-4 need not repeat the colours in
        each sequence header. Decoders keep those that were told last, also over a seek. A frame has
        the colours that a decoder knows which began with the first packet. If an anchor's own
        packet does not tell them, the headers of the anchors before it must be known. A scan reads
        them. Where the index comes from the container's headers, the packets of at most
        `MOST_RECALLED` anchors are read for it, and of none if the source is a URL; beyond these,
        colours are taken to be as in the header. An anchor without parameter sets needs those that
        stand in an earlier packet, or else those of the extradata.
        """
        cdef SequenceHeaders *headers
        cdef int anchor = self.anchor
        cdef bint has_sets
        cdef int code
        memset(before, 0, sizeof(HeadersBefore))
        if not self.reads_headers:
            return 0
        read_sequence_headers(&self.nal, packet.data, packet.size, &before.told)
        has_sets = before.told.has_sets
        if not has_sets and not self.met_sets and not self.index.repeats_headers:
            before.told = self.extradata
            return 0
        while anchor > 0 and not (before.told.has_sets and self.knows_colours(before)):
            anchor -= 1
            code = self.recall(anchor, packet, before)
            if code < 0:
                return code
            headers = &self.index.headers[anchor]
            if before.told.has_sets or not headers.has_sets:
                fill_in(&before.headers, headers)
            else:
                before.told = headers[0]
                before.anchor_of_sets = anchor
                # JPEG has no extradata, in which other codecs repeat the first packet's sets
                before.fetches_sets = anchor > 0 or self.nal.codec_id == avcodec.AV_CODEC_ID_MJPEG
        if not before.told.has_sets:
            before.told = self.extradata
        elif not self.index.headers[0].has_sets:
            fill_in(&before.headers, &self.extradata)
        before.needs_sets = not has_sets and (self.met_sets or before.fetches_sets)
        return 0

    cdef bint knows_colours(self, const HeadersBefore *before) noexcept nogil:
        cdef SequenceHeaders both = before.told
        fill_in(&both, &before.headers)
        return not keeps_colours(self.nal.codec_id) or tells_all(self.nal.codec_id, &both)

    cdef int recall(self, int anchor, AVPacket *packet, HeadersBefore *before) noexcept nogil:
        """Read the headers of an anchor's packet into the index, unless they are known or too many
        were read.
        """
        cdef SequenceHeaders *headers = &self.index.headers[anchor]
        cdef int code
        if headers.is_known or self.index.headers_read >= MOST_RECALLED or self.demuxer.io.watch.state.timeout:
            return 0
        self.index.headers_read += 1
        avcodec.av_packet_unref(packet)
        before.has_moved = True
        code = self.fetch(anchor, packet)
        if code == 0:
            read_sequence_headers(&self.nal, packet.data, packet.size, headers)
            if anchor > 0 and headers.has_sets:
                self.index.repeats_headers = True
        return 0 if code == LOST or code == NO_ENTRY else code

    cdef bint must_check(self) noexcept nogil:
        if not self.index.needs_check or self.anchor <= self.index.checked_anchor or self.demuxer.io.watch.state.timeout:
            return False
        if self.earlier is None:
            with gil:
                try:
                    self.earlier = new_earlier_packets(
                        self.demuxer, self.stream_index, self.index.stamped, self.index.confirmed
                    )
                except BaseException as exception:
                    self.demuxer.io.pending = exception
                    return True
        return self.earlier.can_check(self.index.anchors, &self.index.anchors[self.anchor])

    cdef bint checks_from_start(self) noexcept nogil:
        return self.index.checked_anchor == 0

    cdef int check_packets_before(self, AVPacket *packet, bint is_at_start) noexcept nogil:
        """Look for packets before the anchor that give no frame; the index remembers them. See Note
        [Packets before the anchor] in earlier_packets.pyx.
        """
        # other readers of the index may check further anchors meanwhile
        cdef int checked = self.index.checked_anchor
        cdef const Anchor *end = &self.index.anchors[self.anchor]
        cdef int here = self.anchor
        cdef int code
        if self.earlier is None:
            return avutil.AVERROR_EXTERNAL
        self.anchor = checked
        code = 0 if is_at_start and checked == 0 else self.seek_to_anchor(packet)
        # a place that the demuxer cannot go to says nothing of the packets
        if code >= 0:
            code = self.check_packets(packet, &self.index.anchors[checked], end)
        elif not self.is_broken_off(code):
            code = LOST
        self.anchor = here
        self.index.changes_memory |= self.earlier.memory.changes or self.demuxer.changes_headers
        if code < 0 and self.is_broken_off(code):
            return code             # the next request checks the packets
        if code == LOST or code == avutil.AVERROR_EOF or code == avutil.AVERROR_INVALIDDATA:
            self.index.note_doubt_from(end.first)
            code = 0
        if code >= 0:
            self.index.checked_anchor = max(self.index.checked_anchor, here)
        return 1 if code >= 0 else code

    cdef bint is_broken_off(self, int code) noexcept nogil:
        """Return True if something outside of the file ended a check, which says nothing of its
        packets: Ctrl-C, an exception of a file-like object, or a lack of memory.
        """
        return code == avutil.AVERROR_EXIT or code == avutil.AVERROR(ENOMEM) or self.demuxer.io.has_failed()

    cdef int check_packets(self, AVPacket *packet, const Anchor *begin, const Anchor *end) noexcept nogil:
        """Read the packets from one anchor to another one; LOST if one of them is wrong.

        Pictures that follow the second anchor and are shown before it count, too.
        """
        cdef int32_t ordinal = -1
        cdef int leading = -1       # of those, how many must still come; -1 before that anchor
        cdef bint is_refused = False
        cdef int64_t number
        cdef int code
        while ordinal <= end.ordinal + (MOST_AFTER if leading > 0 else 0):
            code = self.read(packet)
            if code < 0:
                return code
            if ordinal < 0 and self.is_anchor(packet, begin):
                ordinal = begin.ordinal
                self.earlier.restart(begin.first, self.leading())
            if ordinal < 0 and self.is_past(packet, begin):
                break
            if leading < 0 and self.is_anchor(packet, end):
                if ordinal != end.ordinal:
                    break
                leading = self.index.leading_pictures(<int> (end - self.index.anchors))
                # the headers of an anchor may drop the frames before it
                is_refused = self.earlier.refuses_anchor(packet, leading == 0) or is_refused
            if ordinal >= 0 and leading != 0:
                number = self.index.number_of_packet(packet, ordinal)
                leading -= leading > 0 and 0 <= number < end.first
                # a decoder that begins here leaves out what is shown before its first picture
                is_refused = self.earlier.refuses(packet, number, begin.ordinal > 0 and number < begin.first) or is_refused
            if ordinal >= 0:
                ordinal += 1
            avcodec.av_packet_unref(packet)
            if leading == 0:
                return LOST if is_refused or self.earlier.lacks_pictures() else 0
        avcodec.av_packet_unref(packet)
        return LOST

    cdef int fetch(self, int anchor, AVPacket *packet) noexcept nogil:
        cdef int here = self.anchor
        cdef int code
        self.anchor = anchor
        code = self.seek_to_entry(packet)
        self.anchor = here
        return code

    cdef int find_packet(self, AVPacket *packet) noexcept nogil:
        """Read up to the packet of the anchor, and keep it in `packet`."""
        cdef const Anchor *anchor = &self.index.anchors[self.anchor]
        cdef bint is_last
        cdef int code
        while True:
            code = self.read(packet)
            if code == avutil.AVERROR_EOF or code == avutil.AVERROR_INVALIDDATA:
                return LOST
            if code < 0:
                return code
            if self.is_anchor(packet, anchor):
                # on the way, the demuxer may have met another sample description
                if self.anchor > 0 and (self.must_begin_anew() or not self.is_entry(packet)):
                    avcodec.av_packet_unref(packet)
                    return NO_ENTRY
                self.ordinal = anchor.ordinal + 1
                return 0
            is_last = self.anchor == 0 or self.is_past(packet, anchor)
            avcodec.av_packet_unref(packet)
            if is_last:
                return LOST

    cdef bint is_entry(self, const AVPacket *packet) noexcept nogil:
        """Return True if the headers of a packet allow decoding to begin with it."""
        cdef PictureHeader header
        self.parser.restart()
        self.parser.read(packet, &header)
        self.needs_key_frame = header.entry == ENTRY_UNKNOWN
        return header.entry != ENTRY_NO and is_exact_entry(&self.nal, packet.data, packet.size)

    cdef bint may_begin_with(self, const AVFrame *frame) noexcept nogil:
        if self.anchor == 0:
            return True
        # decoders that do not know key frames leave the type of the picture alone
        if self.needs_key_frame:
            return compat_frame_is_key(frame) and frame.pict_type == avutil.AV_PICTURE_TYPE_I
        # a damaged packet may hold a second picture
        return compat_frame_is_key(frame) or frame.pict_type not in (
            avutil.AV_PICTURE_TYPE_P, avutil.AV_PICTURE_TYPE_B
        )

    cdef bint is_anchor(self, const AVPacket *packet, const Anchor *anchor) noexcept nogil:
        """Return True if a packet is the one of an anchor."""
        if self.index.stamped:
            return (
                packet.size == anchor.size and (packet.pos == anchor.pos or packet.pos < 0)
                and digest_packet(packet) == anchor.digest
                # packets with the same bytes are told apart by their positions only
                and (packet.pos >= 0 or self.index.is_only(anchor))
            )
        return packet.pts == anchor.pts and (
            anchor == self.index.anchors or packet.flags & avcodec.AV_PKT_FLAG_KEY
        )

    cdef bint is_past(self, const AVPacket *packet, const Anchor *anchor) noexcept nogil:
        """Return True if the packet of an anchor cannot come any more after this one."""
        if self.index.stamped:
            return packet.pos > anchor.pos and anchor.pos >= 0
        return packet.flags & avcodec.AV_PKT_FLAG_KEY and packet.pts > anchor.pts


cdef class TimeSeeker(Seeker):
    """Seeks by time, and trusts the container."""

    cdef void aim(self, int64_t position, bint from_start) noexcept nogil:
        self.instant = position
        self.back = 0

    cdef int seek(self, AVPacket *packet) noexcept nogil:
        cdef int code
        self.seeks += 1
        code = self.demuxer.seek(self.stream_index, self.instant - self.back)
        if code < 0 and self.way == SEEK_BY_BYTE:
            code = self.demuxer.seek_byte(0)
        # a second seek that fails leaves the demuxer where the first one led
        return code if code < 0 and self.back == 0 else 0

    cdef bint arrives_before(self, int64_t position, int64_t came_out, const AVFrame *frame) noexcept nogil:
        return frame.best_effort_timestamp <= position

    cdef bint retreat(self) noexcept nogil:
        if self.back > FARTHEST_BACK * self.step:
            return False
        self.back = 4 * self.back + 8 * self.step
        return True

    cdef bint is_near(self, int64_t position, int64_t reached, int delay, bint is_fresh) noexcept nogil:
        return is_fresh and position < NEAR_THE_BEGINNING * self.step or (
            reached >= 0 and position - reached < NEAR * self.step
        )


cdef Seeker new_seeker(Demuxer demuxer, int stream_index, StreamIndex index):
    """Return the seeker for a stream: by the anchors of an exact index, else by time."""
    if index.is_exact:
        return AnchorSeeker(demuxer, stream_index, index)
    return TimeSeeker(demuxer, stream_index)
