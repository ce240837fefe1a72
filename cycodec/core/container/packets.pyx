"""The packets of a stream: their times, sizes and flags, as a scan of the file finds them."""

from libc.errno cimport ENOMEM
from libc.limits cimport INT_MAX
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memset

from cycodec.core.bitstream.jpeg cimport read_jpeg_size
from cycodec.core.bitstream.mpeg cimport holds_one_mpeg2_frame, holds_one_mpeg4_picture, may_be_uncoded_mpeg4
from cycodec.core.bitstream.nal cimport (
    NalFormat, begins_at_entry, count_pictures, is_exact_entry, nal_format, unit_format,
)
from cycodec.core.bitstream.sps cimport Sps, read_sps
from cycodec.core.bitstream.sps import may_have_fields, sets_in_extradata
from cycodec.core.bitstream.vp9_header cimport read_vp9_size
from cycodec.core.bitstream.vpx cimport is_hidden_vp8, is_hidden_vp9, is_key_vp8, is_key_vp9, read_vp8_size
from cycodec.core.bitstream.picture_parser cimport ENTRY_NO, ENTRY_YES, PictureHeader, PictureParser, new_picture_parser
from cycodec.core.bitstream.sequence_headers cimport (
    SequenceHeaders, has_sequence_headers, note_memory, read_sequence_headers
)
from cycodec.core.container.demux cimport Demuxer
from cycodec.core.container.header_check cimport HeaderCheck, new_header_check

from cycodec.libav cimport avcodec, avformat, avutil
from cycodec.libav.avcodec cimport AVCodecParameters, AVCodecParserContext, AVPacket
from cycodec.libav.avformat cimport AVStream


cdef uint32_t digest_packet(const AVPacket *packet) noexcept nogil:
    """Return a hash of a packet's first and last bytes, in the manner of FNV-1a.

    Together with size and position, it recognises a packet after a seek.
    """
    cdef uint64_t[DIGEST_WORDS] words
    if packet.size > DIGEST_WORDS * 8:
        memcpy(words, packet.data, DIGEST_HEAD * 8)
        memcpy(&words[DIGEST_HEAD], packet.data + packet.size - DIGEST_TAIL * 8, DIGEST_TAIL * 8)
    else:
        memset(words, 0, sizeof(words))
        if packet.size > 0:
            memcpy(words, packet.data, packet.size)
    return digest_words(words)


cdef uint32_t digest_words(const uint64_t *words) noexcept nogil:
    """Return the digest of a packet's first and last bytes, or of all its bytes and zeros."""
    cdef uint64_t value = <uint64_t> 0xCBF29CE484222325U
    cdef int i
    for i in range(DIGEST_WORDS):
        value = (value ^ words[i]) * <uint64_t> 0x100000001B3
        value ^= value >> 29
    return <uint32_t> (value ^ value >> 32)


cdef bint holds_one_picture(
    const NalFormat *format, const AVPacket *packet, bint is_split, bint *is_entry, bint *is_b
) noexcept nogil:
    """Return whether a packet holds one picture; False if that is not certain.

    `is_entry` becomes True if decoding may begin at that picture, and `is_b` if it is a B-picture
    of MPEG-1, 2 or 4. `is_split` is True if the demuxer's parser has split the stream into
    pictures.
    """
    cdef int codec_id = format.codec_id
    if codec_id == avcodec.AV_CODEC_ID_H264 or codec_id == avcodec.AV_CODEC_ID_HEVC:
        return count_pictures(format, packet.data, packet.size, is_split, is_entry) == 1
    if codec_id == avcodec.AV_CODEC_ID_MPEG1VIDEO or codec_id == avcodec.AV_CODEC_ID_MPEG2VIDEO:
        return holds_one_mpeg2_frame(packet.data, packet.size, is_split, is_entry, is_b)
    if codec_id == avcodec.AV_CODEC_ID_MPEG4:
        return holds_one_mpeg4_picture(packet.data, packet.size, is_entry, is_b)
    return False


cdef bint begins_with_key(const NalFormat *format, const AVPacket *packet) noexcept nogil:
    """Return True if a packet begins with a picture that decodes on its own.

    The first bytes tell it without a parser; False if they do not.
    """
    cdef int codec_id = format.codec_id
    cdef const avcodec.AVCodecDescriptor *descriptor
    if packet.size == 0:
        return False
    if codec_id == avcodec.AV_CODEC_ID_H264 or codec_id == avcodec.AV_CODEC_ID_HEVC:
        return begins_at_entry(format, packet.data, packet.size)
    if codec_id == avcodec.AV_CODEC_ID_VP8:
        return is_key_vp8(packet.data[0])
    if codec_id == avcodec.AV_CODEC_ID_VP9:
        return is_key_vp9(packet.data[0])
    descriptor = avcodec.avcodec_descriptor_get(<avcodec.AVCodecID> codec_id)
    return descriptor != NULL and descriptor.props & avcodec.AV_CODEC_PROP_INTRA_ONLY != 0


cdef void record_packet(
    PacketRecord *record, const AVPacket *packet, const NalFormat *format, bint closely, bint is_split
) noexcept nogil:
    """Describe a packet; with `closely`, look for the pictures in it: see `holds_one_picture`."""
    cdef bint is_entry = False
    cdef int codec_id = format.codec_id
    cdef bint is_b = False
    record.pts = packet.pts
    record.dts = packet.dts
    record.duration = packet.duration
    record.pos = packet.pos
    record.size = packet.size
    record.digest = digest_packet(packet)
    record.flags = 0
    if packet.flags & avcodec.AV_PKT_FLAG_KEY:
        record.flags |= PACKET_KEY
    if packet.flags & avcodec.AV_PKT_FLAG_DISCARD:
        record.flags |= PACKET_DISCARD
    if packet.flags & avcodec.AV_PKT_FLAG_CORRUPT:
        record.flags |= PACKET_SUSPECT
    if packet.size == 0:
        record.flags |= PACKET_EMPTY
    elif codec_id == avcodec.AV_CODEC_ID_VP8:
        if is_hidden_vp8(packet.data[0]):
            record.flags |= PACKET_HIDDEN
    elif codec_id == avcodec.AV_CODEC_ID_VP9:
        if is_hidden_vp9(packet.data[0], packet.data[packet.size - 1]):
            record.flags |= PACKET_HIDDEN
    elif codec_id == avcodec.AV_CODEC_ID_MPEG4:
        if may_be_uncoded_mpeg4(packet.size):
            record.flags |= PACKET_SUSPECT
    if closely and holds_one_picture(format, packet, is_split, &is_entry, &is_b):
        record.flags |= PACKET_PLAIN
        if is_b:
            record.flags |= PACKET_B
        if is_entry:
            record.flags |= PACKET_ENTRY


cdef class PacketTable:
    """The packets of one stream, in the order in which they are stored."""

    def __dealloc__(self):
        free(self.records)

    def __len__(self):
        return self.count

    @property
    def begins_decodable(self):
        """True if decoding may begin with the first packet, by its flag and its headers, and no
        frame is shown before it.
        """
        cdef int i
        if self.count == 0 or not self.records[0].flags & PACKET_KEY or not self.begins_with_entry:
            return False
        for i in range(1, self.count):
            if self.records[i].pts < self.records[0].pts and not self.records[i].flags & PACKET_DISCARD:
                return False
            if self.has_order and self.records[i].order_run == 0 and self.records[i].order < self.records[0].order:
                return False
        return self.count == 1 or not self.records[1].flags & PACKET_B

    @property
    def has_suspects(self):
        """True if only the decoder can tell which packets give a frame."""
        cdef int i
        for i in range(self.count):
            if self.records[i].flags & PACKET_SUSPECT:
                return True
        return False

    def is_plain(self, bint timeless=False):
        """Return True if every packet holds one timed picture and decoding may begin at the first.

        Only a close scan can find that.

        Parameters
        ----------
        timeless : bool
            True if the container stores the order of packets and no times (AVI), so that some times
            may be missing.
        """
        cdef int i
        if self.count == 0 or not self.records[0].flags & PACKET_ENTRY or not self.begins_decodable:
            return False
        for i in range(self.count):
            if not self.records[i].flags & PACKET_PLAIN or self.records[i].flags & PACKET_SUSPECT:
                return False
        if timeless:
            times = [self.records[i].pts for i in range(self.count) if self.records[i].pts != avutil.AV_NOPTS_VALUE]
            return len(set(times)) == len(times)
        # `index_from_packets` refuses equal times
        for i in range(self.count):
            if self.records[i].pts == avutil.AV_NOPTS_VALUE:
                return False
        return True

    @property
    def has_hidden(self):
        """True if an edit list hides packets."""
        cdef int i
        for i in range(self.count):
            if self.records[i].flags & PACKET_DISCARD:
                return True
        return False

    def learn_codec(self, Demuxer demuxer not None, int stream_index):
        """Find out what the codec of the table's stream means for the order of its pictures."""
        cdef int codec_id = demuxer.stream(stream_index).codecpar.codec_id
        cdef const avcodec.AVCodecDescriptor *descriptor = avcodec.avcodec_descriptor_get(<avcodec.AVCodecID> codec_id)
        self.reorders = descriptor == NULL or descriptor.props & avcodec.AV_CODEC_PROP_REORDER != 0
        # libavcodec drops hidden frames for decoders of its older kind only, which these are
        self.may_show_hidden = codec_id not in (
            avcodec.AV_CODEC_ID_H264, avcodec.AV_CODEC_ID_HEVC, avcodec.AV_CODEC_ID_MPEG1VIDEO,
            avcodec.AV_CODEC_ID_MPEG2VIDEO, avcodec.AV_CODEC_ID_MPEG4, avcodec.AV_CODEC_ID_VP8, avcodec.AV_CODEC_ID_VP9,
        )
        # by name, because FFmpeg 9 has no v410 and takes it for raw video
        if avcodec.avcodec_get_name(<avcodec.AVCodecID> codec_id) in (b"rawvideo", b"v210", b"v410", b"r210"):
            self.suspect_other_sizes()

    def take_durations(self, PacketTable other):
        """Take the packets' durations from another table, unless it is None or has other packets.
        """
        cdef int i
        if other is None or other.count != self.count:
            return
        for i in range(self.count):
            self.records[i].duration = other.records[i].duration

    cdef void suspect_other_sizes(self) noexcept:
        """Suspect packets of another size than the first one's, where all pictures have one size.

        A decoder refuses a packet that is too short for the picture.
        """
        cdef int i
        for i in range(1, self.count):
            if self.records[i].size != self.records[0].size and not self.records[i].flags & PACKET_EMPTY:
                self.records[i].flags |= PACKET_SUSPECT

    def rows(self):
        """Return (pts, dts, pos, size, flags) of each packet, for tests and tools."""
        return [
            (self.records[i].pts, self.records[i].dts, self.records[i].pos, self.records[i].size, self.records[i].flags)
            for i in range(self.count)
        ]

    def orders(self):
        """Return (run, picture order count) of each packet that has them, for tests."""
        return [(self.records[i].order_run, self.records[i].order) for i in range(self.count if self.has_order else 0)]

    cdef int extend(self, PacketTable other) except -1:
        """Append another table's packets."""
        cdef PacketRecord *grown
        if other.count == 0:
            return 0
        if other.count > INT_MAX - self.count:
            raise MemoryError()
        grown = <PacketRecord *> realloc(self.records, (self.count + other.count) * sizeof(PacketRecord))
        if grown == NULL:
            raise MemoryError()
        memcpy(grown + self.count, other.records, other.count * sizeof(PacketRecord))
        self.records = grown
        self.count += other.count
        self.capacity = self.count
        return 0

    cdef int note_first(self, Demuxer demuxer, int stream_index, const AVPacket *packet) except -1:
        """Read the headers of the stream's first packet."""
        cdef AVCodecParameters *parameters = demuxer.stream(stream_index).codecpar
        cdef NalFormat format = nal_format(parameters)
        cdef PictureHeader header
        cdef SequenceHeaders headers
        cdef PictureParser parser
        cdef bint is_entry = begins_with_key(&format, packet)
        read_sequence_headers(&format, packet.data, packet.size, &headers)
        self.begins_with_sets = headers.has_sets
        # sets in the packet may state another size than those in the header; JPEG has only these
        is_known = self.note_first_size(parameters, &format, packet) and (
            not headers.has_sets or parameters.codec_id == avcodec.AV_CODEC_ID_MJPEG
        )
        if self.may_have_fields or not (is_entry and is_known):
            parser = new_picture_parser(parameters, demuxer.io.name)
            parser.read(packet, &header)
            is_entry = header.entry == ENTRY_YES
            self.begins_with_field = header.is_field
            if not is_known and parser.parser != NULL:
                self.first_width, self.first_height = parser.parser.width, parser.parser.height
        self.begins_with_entry = is_entry and is_exact_entry(&format, packet.data, packet.size)
        return 0

    cdef bint note_first_size(self, const AVCodecParameters *parameters, const NalFormat *format,
                              const AVPacket *packet) except -1:
        """Note the size of the first picture, and whether pictures may be fields, without a parser.

        Return False if a parser must find the size: the stream has several sets of parameters.
        """
        cdef Sps sps
        cdef int codec_id = format.codec_id
        if codec_id == avcodec.AV_CODEC_ID_H264:
            units = sets_in_extradata((<const char *> parameters.extradata)[:parameters.extradata_size])
            self.may_have_fields = not units or may_have_fields(units[0])
            if len(units) != 1:
                return False
            unit = <bytes> units[0]
            if not read_sps(<const uint8_t *> (<const char *> unit), <int> len(unit), &sps):
                return False
            self.first_width, self.first_height = sps.width - sps.left - sps.right, sps.height - sps.top - sps.bottom
            return True
        if codec_id == avcodec.AV_CODEC_ID_HEVC:
            self.first_width, self.first_height = format.width, format.height
            return format.num_sets == 1
        if codec_id == avcodec.AV_CODEC_ID_VP9:
            read_vp9_size(packet.data, packet.size, &self.first_width, &self.first_height)
            return True
        if codec_id == avcodec.AV_CODEC_ID_VP8:
            read_vp8_size(packet.data, packet.size, &self.first_width, &self.first_height)
            return True
        if codec_id == avcodec.AV_CODEC_ID_MJPEG:
            read_jpeg_size(packet.data, packet.size, &self.first_width, &self.first_height)
            return True
        return begins_with_key(format, packet)

    cdef int append(self, const PacketRecord *record) noexcept nogil:
        cdef PacketRecord *grown
        cdef int capacity
        if self.count == self.capacity:
            if self.capacity > INT_MAX // 2:
                return avutil.AVERROR(ENOMEM)
            capacity = 2 * self.capacity if self.capacity else 512
            grown = <PacketRecord *> realloc(self.records, capacity * sizeof(PacketRecord))
            if grown == NULL:
                return avutil.AVERROR(ENOMEM)
            self.records = grown
            self.capacity = capacity
        self.records[self.count] = record[0]
        self.count += 1
        return 0

    cdef void record_order(self, HeaderCheck check, PictureParser parser, const AVCodecParserContext *other,
                           const AVPacket *packet, PacketRecord *record) noexcept nogil:
        """Read the position of a picture in display order.

        The order count begins again at IDR pictures, which follow all earlier ones.

        Note [The demuxer's parser]: the check counts the order of H.264's plain packets. Where
        packets are whole pictures, the demuxer's own parser, which is `other`, has read the headers
        of a packet, which its position proves. Reading them again would take a tenth of the time of
        opening transport streams, AVI and FLV. All count alike, since they began with the same
        packet. A parser of ours reads what nobody else has read. If it has missed packets, it
        counts right from the next IDR picture of H.264 on.
        """
        cdef PictureHeader header
        cdef const PacketRecord *before = &self.records[self.count - 1] if self.count else NULL
        if check.knows_order():
            self.has_missed = True
            header.order = check.plain.order
            header.is_field = False
            header.entry = ENTRY_YES if check.plain.is_idr else ENTRY_NO
            if check.plain.has_recovery and before != NULL and header.order <= before.order:
                record.flags &= ~PACKET_PLAIN       # so that a decoder must confirm the index
        elif other != NULL and other.flags & avcodec.PARSER_FLAG_COMPLETE_FRAMES and 0 <= packet.pos == other.pos:
            self.has_missed = True
            parser.describe(other, &header)
        else:
            parser.read(packet, &header)
            if self.has_missed and parser.nal.codec_id == avcodec.AV_CODEC_ID_H264 and (
                begins_at_entry(&parser.nal, packet.data, packet.size)
            ):
                self.has_missed = False
            if self.has_missed:
                record.flags &= ~PACKET_PLAIN
        record.order = header.order
        record.order_run = before.order_run if before != NULL else 0
        if header.is_field:
            record.flags &= ~PACKET_PLAIN
        if before != NULL and header.entry == ENTRY_YES and header.order <= before.order:
            record.order_run += 1

    cdef int scan(self, Demuxer demuxer, int stream_index, bint closely, bint asks_all) except -1:
        """Append every packet of the stream, from the demuxer's position to the end."""
        cdef AVPacket *packet = avcodec.av_packet_alloc()
        cdef PacketRecord record
        cdef const AVStream *stream = demuxer.stream(stream_index)
        cdef NalFormat format = unit_format(stream.codecpar)
        cdef PictureParser parser = new_picture_parser(stream.codecpar, demuxer.io.name)
        cdef HeaderCheck check = new_header_check(
            demuxer, stream_index, demuxer.probed and stream.codecpar.format >= 0 and not asks_all
        )
        cdef const AVCodecParserContext *other
        cdef bint is_split
        cdef int code
        if packet == NULL:
            raise MemoryError()
        self.has_order = closely and parser.has_order
        self.has_headers = has_sequence_headers(format.codec_id)
        try:
            with nogil:
                while True:
                    code = demuxer.read(packet, stream_index)
                    if code < 0:
                        break
                    if self.count == 0:
                        with gil:
                            self.note_first(demuxer, stream_index, packet)
                    other = avformat.av_stream_get_parser(stream)
                    is_split = other != NULL and not other.flags & avcodec.PARSER_FLAG_COMPLETE_FRAMES
                    record_packet(&record, packet, &format, closely, is_split)
                    note_memory(&self.memory, format.codec_id, packet.data, packet.size)
                    if self.has_headers:
                        read_sequence_headers(&format, packet.data, packet.size, &record.headers)
                    if check.refuses(packet, record.flags & PACKET_PLAIN) and not packet.flags & avcodec.AV_PKT_FLAG_DISCARD:
                        record.flags |= PACKET_SUSPECT
                    self.memory.changes |= check.shape.changes_chroma or demuxer.changes_headers
                    if self.has_order:
                        self.record_order(check, parser, other, packet, &record)
                    avcodec.av_packet_unref(packet)
                    code = self.append(&record)
                    if code < 0:
                        break
        finally:
            avcodec.av_packet_free(&packet)
        # at damaged data the stream ends, as it does for the ffmpeg command
        if code == avutil.AVERROR_EOF or code == avutil.AVERROR_INVALIDDATA:
            code = 0
        demuxer.check(code, "read packets")
        return 0


def scan_packets(Demuxer demuxer not None, int stream_index, bint closely=False, bint asks_all=False):
    """Return the packets of a stream, from the demuxer's position to the end, as a PacketTable.

    Parameters
    ----------
    demuxer : Demuxer
    stream_index : int
    closely : bool
        Look for the pictures in the packets, so that `PacketTable.is_plain` may be True.
    asks_all : bool
        Ask a decoder about all packets, for tests: Note [Plain headers] in bitstream/plain_headers.
    """
    cdef PacketTable table = PacketTable()
    table.scan(demuxer, stream_index, closely, asks_all)
    return table


cdef bint first_packet_agrees(Demuxer demuxer, int stream_index, PacketTable table) except -1:
    """Return whether the stream's first packet is the one that a table from headers promises, and
    let the table know its headers.

    The demuxer keeps the packet for its next read.
    """
    cdef const AVPacket *packet
    cdef const PacketRecord *first = &table.records[0]
    cdef int code
    with nogil:
        code = demuxer.peek(stream_index, &packet)
    if code >= 0:
        table.note_first(demuxer, stream_index, packet)
    return (
        code >= 0 and packet.pts == first.pts and packet.size == first.size
        and (packet.dts == first.dts or first.dts == avutil.AV_NOPTS_VALUE)
        and bool(packet.flags & avcodec.AV_PKT_FLAG_KEY) == bool(first.flags & PACKET_KEY)
        and bool(packet.flags & avcodec.AV_PKT_FLAG_DISCARD) == bool(first.flags & PACKET_DISCARD)
    )
