"""The packets of MPEG-4 in AVI files, without reading their pictures.

Note [Walks through AVI files]

A scan of an AVI file copies every byte of it, and runs libavcodec's parser on each packet. Yet an
ordinary file tells as much by its index and by the first and last bytes of each packet. The index
gives the place and the size of each chunk, and the chunk's own header must repeat them. The chunks
must follow each other up to the end of the file without bytes between them that libavformat's
demuxer would search for further chunks. The demuxer then reads the same packets.

A packet must begin with legal headers of one picture: Note [Plain headers] in
bitstream/plain_headers.pyx. The decoder gives one frame for it, whatever follows, because it looks
for a second picture only where user data of DivX say so, and plain headers have none. The first
packet is read by the demuxer, and tells which times and which duration the others have:
libavformat counts the time of decoding by one for each packet, and gives B-pictures the same time
of display. Other pictures have that time only if the stream does not reorder them.

`walk_avi` returns None for everything else, and the caller scans the packets.
"""

from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

from cycodec.core.bitstream.little_endian cimport little32
from cycodec.core.bitstream.mpeg cimport may_be_uncoded_mpeg4, mpeg4_picture_place
from cycodec.core.bitstream.nal cimport NalFormat, unit_format
from cycodec.core.bitstream.plain_headers cimport PlainHeaders, new_plain_headers
from cycodec.core.bitstream.sequence_headers cimport has_sequence_headers, read_sequence_headers
from cycodec.core.compat cimport compat_index_count, compat_index_entry
from cycodec.core.container.demux cimport Demuxer
from cycodec.core.container.limits cimport is_sane_time
from cycodec.core.container.packets cimport (
    DIGEST_HEAD,
    DIGEST_TAIL,
    DIGEST_WORDS,
    PACKET_B,
    PACKET_ENTRY,
    PACKET_KEY,
    PACKET_PLAIN,
    PacketRecord,
    PacketTable,
    digest_words,
)

from cycodec.libav cimport avcodec, avformat, avutil
from cycodec.libav.avcodec cimport AVCodecParserContext, AVPacket
from cycodec.libav.avformat cimport AVStream


cdef enum:
    CHUNK_HEADER = 8            # a tag of four characters and a size
    LONGEST_HEAD = 512          # of a packet that is read
    LEAD = 40                   # bytes before a chunk that are read, too: the end of the last one
    MOST_OTHERS = 16            # chunks between two packets, or before or behind all of them
    MOST_STREAMS = 8
    I_PICTURE = 0               # vop_coding_type
    B_PICTURE = 2


cdef class AviWalk:
    """One walk through a file. See `walk_avi`."""

    cdef Demuxer demuxer
    cdef AVStream *stream
    cdef int stream_index
    cdef int64_t file_size
    cdef PlainHeaders plain
    cdef NalFormat format
    cdef PacketTable table
    # What all packets share with the first one.
    cdef uint8_t[4] tag
    cdef int64_t duration
    cdef bint reorders
    # The numbers of the next chunks of other streams, in their indexes.
    cdef int[MOST_STREAMS] next
    # Bytes of a packet's beginning that are read.
    cdef int head_bytes
    cdef uint8_t[LEAD + CHUNK_HEADER + LONGEST_HEAD] buffer
    # The first bytes of the packet that was described last, and room for its last ones.
    cdef uint64_t[DIGEST_WORDS] words

    cdef bint begins_with(self, const AVPacket *first) noexcept nogil:
        """Return True if the demuxer's first packet is the first one of the index, and ordinary."""
        cdef int64_t timestamp, pos
        cdef int size, flags
        cdef const AVCodecParserContext *parser = avformat.av_stream_get_parser(self.stream)
        if parser == NULL or not parser.flags & avcodec.PARSER_FLAG_COMPLETE_FRAMES:
            return False
        if not compat_index_entry(self.stream, 0, &timestamp, &pos, &size, &flags):
            return False
        if first.pos != pos + CHUNK_HEADER or first.size != size or first.dts != timestamp or first.duration <= 0:
            return False
        if first.flags != avcodec.AV_PKT_FLAG_KEY:
            return False
        self.duration = first.duration
        self.reorders = first.pts == avutil.AV_NOPTS_VALUE
        if not self.reorders and first.pts != first.dts:
            return False
        if self.demuxer.io.read_at(pos, self.tag, 4) != 4 or not self.is_tag_of_video():
            return False
        return self.finds_others_before(pos)

    cdef bint is_tag_of_video(self) noexcept nogil:
        """Return True if the tag is that of the stream's pictures: its number, and "dc" or "db"."""
        return (
            self.tag[0] == c"0" + self.stream_index // 10 and self.tag[1] == c"0" + self.stream_index % 10
            and self.tag[2] == c"d" and (self.tag[3] == c"c" or self.tag[3] == c"b")
        )

    cdef bint walk(self) noexcept nogil:
        """Append all packets to the table; return False if the file is not ordinary."""
        cdef PacketRecord record
        cdef int64_t timestamp, pos
        cdef int64_t first_time = 0
        cdef int64_t end = 0            # of the packet before
        cdef int count = compat_index_count(self.stream)
        cdef int size, flags, i
        for i in range(count):
            if not compat_index_entry(self.stream, i, &timestamp, &pos, &size, &flags):
                return False
            if i == 0:
                first_time = timestamp
            if not is_sane_time(timestamp) or timestamp != first_time + i or self.demuxer.io.watch.is_interrupted():
                return False
            if may_be_uncoded_mpeg4(size) or not 0 <= pos <= self.file_size - CHUNK_HEADER - size:
                return False
            if i and not self.joins(end, pos):
                return False
            if not self.read_chunk(pos, size) or (i and not self.finish(end, pos, &record)):
                return False
            if not self.describe(size, &record):
                return False
            record.dts = timestamp
            record.pts = timestamp if not self.reorders or record.flags & PACKET_B else avutil.AV_NOPTS_VALUE
            record.pos = pos + CHUNK_HEADER
            end = record.pos + size
        if not self.joins(end, self.file_size) or not self.finish(end, -1, &record):
            return False
        return self.has_found_others()

    cdef bint joins(self, int64_t end, int64_t pos) noexcept nogil:
        """Return True if the demuxer finds the chunk at a position, or the end of the file, next
        after a packet. It skips the chunks of audio that stand between, and a few others.

        A byte follows a packet of odd size. Only if it is 0, it cannot begin a tag.
        """
        cdef uint8_t[CHUNK_HEADER] header
        cdef int others = 0
        while end < pos:
            if end & 1:
                if self.demuxer.io.read_at(end, header, 1) != 1 or header[0] != 0:
                    return False
                end += 1
            if end < pos:
                others += 1
                if others > MOST_OTHERS or self.demuxer.io.read_at(end, header, CHUNK_HEADER) != CHUNK_HEADER:
                    return False
                if not self.is_skipped(end, header):
                    return False
                end += CHUNK_HEADER + little32(header + 4)
        return end == pos

    cdef bint is_skipped(self, int64_t pos, const uint8_t *header) noexcept nogil:
        """Return True if the demuxer skips a chunk: padding, the index, and audio, which nobody
        wants.

        The index must list the chunks of audio, too. Otherwise the demuxer may take the file for
        one whose streams are stored apart, and read by a wrong index.
        """
        cdef int64_t timestamp, place
        cdef int number, size, flags
        if memcmp(header, b"JUNK", 4) == 0 or memcmp(header, b"idx1", 4) == 0:
            return True
        number = self.number_of_audio(header)
        if number < 0:
            return False
        if not compat_index_entry(
            self.demuxer.stream(number), self.next[number], &timestamp, &place, &size, &flags
        ) or place != pos:
            return little32(header + 4) == 0    # libavformat leaves out empty chunks
        self.next[number] += 1
        return little32(header + 4) == <unsigned> size

    cdef int number_of_audio(self, const uint8_t *tag) noexcept nogil:
        """Return the number of the stream of audio that a chunk belongs to, or -1."""
        cdef int number = (tag[0] - c"0") * 10 + tag[1] - c"0"
        if not c"0" <= tag[0] <= c"9" or not c"0" <= tag[1] <= c"9" or tag[2] != c"w" or tag[3] != c"b":
            return -1
        return number if <unsigned> number < self.demuxer.ptr.nb_streams and self.is_other(number) else -1

    cdef bint is_other(self, int number) noexcept nogil:
        """Return True if a stream is audio whose packets the demuxer leaves out."""
        return (
            self.demuxer.stream(number).discard == avcodec.AVDISCARD_ALL
            and self.demuxer.stream(number).codecpar.codec_type == avutil.AVMEDIA_TYPE_AUDIO
        )

    cdef bint finds_others_before(self, int64_t first) noexcept nogil:
        """Return True if all other streams are audio, and their chunks before a position are where
        the index says.
        """
        cdef uint8_t[CHUNK_HEADER] header
        cdef int64_t timestamp, place
        cdef int number, size, flags
        if self.demuxer.ptr.nb_streams > MOST_STREAMS:
            return False
        for number in range(<int> self.demuxer.ptr.nb_streams):
            self.next[number] = 0
            if number == self.stream_index:
                continue
            if not self.is_other(number):
                return False
            while compat_index_entry(
                self.demuxer.stream(number), self.next[number], &timestamp, &place, &size, &flags
            ) and place < first:
                if self.next[number] >= MOST_OTHERS or self.demuxer.io.read_at(place, header, CHUNK_HEADER) != (
                    CHUNK_HEADER
                ):
                    return False
                if self.number_of_audio(header) != number or not self.is_skipped(place, header):
                    return False
        return True

    cdef bint has_found_others(self) noexcept nogil:
        """Return True if the walk has met each chunk of the other streams' indexes."""
        cdef int number
        for number in range(<int> self.demuxer.ptr.nb_streams):
            if number != self.stream_index and self.next[number] != compat_index_count(self.demuxer.stream(number)):
                return False
        return True

    cdef bint read_chunk(self, int64_t pos, int size) noexcept nogil:
        """Read a chunk's header, the first bytes behind it, and some before it."""
        cdef int lead = <int> min(pos, <int64_t> LEAD)
        cdef int wanted = lead + CHUNK_HEADER + min(size, self.head_bytes)
        cdef uint8_t *chunk = self.buffer + LEAD
        if self.demuxer.io.read_at(pos - lead, chunk - lead, wanted) != wanted:
            return False
        return memcmp(chunk, self.tag, 4) == 0 and little32(chunk + 4) == <unsigned> size

    cdef bint describe(self, int size, PacketRecord *record) noexcept nogil:
        """Describe the packet whose beginning was read, except its times, its place and its digest.

        Return False if its headers are not plain.
        """
        cdef const uint8_t *head = self.buffer + LEAD + CHUNK_HEADER
        cdef int known = min(size, self.head_bytes)
        cdef int kind
        if not self.plain.accepts(head, size):
            return False
        memset(record, 0, sizeof(PacketRecord))
        memset(self.words, 0, sizeof(self.words))
        memcpy(self.words, head, min(size, <int> sizeof(self.words)))
        read_sequence_headers(&self.format, head, known, &record.headers)
        kind = head[mpeg4_picture_place(head, known) + 1] >> 6
        record.duration = self.duration
        record.size = size
        record.flags = PACKET_PLAIN
        if kind == I_PICTURE:
            record.flags |= PACKET_KEY | PACKET_ENTRY
        elif kind == B_PICTURE:
            record.flags |= PACKET_B
        return True

    cdef bint finish(self, int64_t end, int64_t next_pos, PacketRecord *record) noexcept nogil:
        """Append the packet that was described, which ends at `end`, with its digest.

        The bytes before the chunk at `next_pos` are those that `read_chunk` has read.
        """
        cdef int tail = 8 * DIGEST_TAIL
        cdef uint8_t *last = <uint8_t *> &self.words[DIGEST_HEAD]
        if record.size > <int> sizeof(self.words):
            if next_pos - end <= LEAD - tail and next_pos >= LEAD:
                memcpy(last, self.buffer + LEAD - (next_pos - end) - tail, tail)
            elif self.demuxer.io.read_at(end - tail, last, tail) != tail:
                return False
        record.digest = digest_words(self.words)
        return self.table.append(record) >= 0


def walk_avi(Demuxer demuxer not None, int stream_index):
    """Return the packets of a stream of a freshly opened AVI file: Note [Walks through AVI files].

    Returns
    -------
    PacketTable or None
        What `scan_packets` would find; None if the packets must be scanned. The demuxer is at the
        stream's beginning.
    """
    cdef AVStream *stream = demuxer.stream(stream_index)
    cdef AviWalk walk
    cdef const AVPacket *first
    cdef bint is_right
    if demuxer.format_name != "avi" or stream.codecpar.codec_id != avcodec.AV_CODEC_ID_MPEG4:
        return None
    # a decoder must have accepted the headers in the extradata
    if not demuxer.probed or stream.codecpar.format < 0 or demuxer.has_huge_frames(stream_index):
        return None
    if demuxer.io.size is None or demuxer.io.access.options:
        return None
    walk = AviWalk()
    walk.demuxer, walk.stream, walk.stream_index = demuxer, stream, stream_index
    walk.file_size = demuxer.io.byte_size()
    walk.plain = new_plain_headers(stream.codecpar)
    walk.format = unit_format(stream.codecpar)
    walk.head_bytes = max(walk.plain.reach(), <int> sizeof(walk.words))
    if not walk.plain.is_known or walk.head_bytes > LONGEST_HEAD:
        return None
    walk.table = PacketTable()
    with nogil:
        is_right = demuxer.peek(stream_index, &first) >= 0 and walk.begins_with(first) and walk.walk()
    if not is_right:
        return None
    walk.table.note_first(demuxer, stream_index, first)
    walk.table.has_headers = has_sequence_headers(stream.codecpar.codec_id)
    return walk.table
