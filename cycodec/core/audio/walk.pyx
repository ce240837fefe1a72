"""The packets of MP3 and Ogg files by their headers alone, much faster than by libavformat.

The result must equal that of a scan. So the beginning and the end of the stream are compared with
libavformat's packets. If anything between them is irregular (another format, junk, a hole, a second
stream), the walk fails and the caller scans the file.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memcpy, memmove, memset

from cycodec.core.audio.index cimport AudioIndex, AudioPacket, describe_packet
from cycodec.core.audio.ogg_pages cimport is_right_page
from cycodec.core.bitstream.little_endian cimport little32, little64
from cycodec.core.bitstream.sound cimport (
    Mp3Frame,
    SampleRange,
    mp3_padding,
    opus_samples,
    read_mp3_header,
    same_mp3_form,
)
from cycodec.core.container.demux cimport Demuxer
from cycodec.core.container.limits cimport is_sane_time

from cycodec.libav cimport avcodec, avformat, avutil
from cycodec.libav.avcodec cimport AVCodecParameters, AVPacket, AVVorbisParseContext
from cycodec.libav.avformat cimport AVIOContext


cdef int64_t NOPTS = avutil.AV_NOPTS_VALUE

cdef enum:
    WINDOW_BYTES = 1 << 20      # read from the file in one piece
    HEAD_PACKETS = 8            # compared with libavformat's at the beginning of the stream
    TAIL_PACKETS = 64           # compared with libavformat's at its end
    XING_REACH = 2048           # bytes before the first packet that may hold a Xing header
    OGG_HEADER = 27             # bytes of a page before its table of segments
    OGG_CONTINUED = 1
    OGG_FIRST_PAGE = 2
    OGG_LAST_PAGE = 4


cdef class Walk:
    """The packets of a stream are found by a subclass, which overrides `run`."""

    cdef AudioIndex index
    cdef Demuxer demuxer
    cdef int stream_index
    cdef AVPacket *packet
    cdef AudioPacket[TAIL_PACKETS + 1] known    # packets as libavformat reads them
    cdef AVIOContext *pb
    cdef uint8_t *window                        # a piece of the file in memory
    cdef int64_t window_begin                   # its place in the file
    cdef int window_size

    def __cinit__(self, Demuxer demuxer not None, int stream_index):
        self.index = AudioIndex()
        self.index.codec_id = demuxer.stream(stream_index).codecpar.codec_id
        self.demuxer = demuxer
        self.stream_index = stream_index
        self.pb = demuxer.ptr.pb
        self.window_begin = -1
        self.window = <uint8_t *> malloc(WINDOW_BYTES)
        self.packet = avcodec.av_packet_alloc()
        if self.packet == NULL or self.window == NULL:
            raise MemoryError()

    def __dealloc__(self):
        avcodec.av_packet_free(&self.packet)
        free(self.window)

    cdef bint run(self) noexcept nogil:
        """Fill the index; return False if the stream is irregular."""
        return False

    cdef uint8_t *look(self, int64_t position, int size) noexcept nogil:
        """`size` bytes from a place in the file, NULL if there are fewer. Places never go back."""
        cdef int kept, got
        if position + size > self.window_begin + self.window_size:
            if self.demuxer.io.watch.is_interrupted():
                return NULL
            kept = <int> max(0, self.window_begin + self.window_size - position)
            memmove(self.window, self.window + self.window_size - kept, kept)
            if kept == 0 and position != self.window_begin + self.window_size:
                if avformat.avio_seek(self.pb, position, 0) < 0:
                    return NULL
            self.window_begin = position
            self.window_size = kept
            while self.window_size < WINDOW_BYTES:
                got = avformat.avio_read(
                    self.pb, self.window + self.window_size, WINDOW_BYTES - self.window_size
                )
                if got <= 0:
                    break
                self.window_size += got
            if self.window_size < size:
                return NULL
        return self.window + (position - self.window_begin)

    cdef int read_known(self, int most) noexcept nogil:
        """Let libavformat read the next packets into `known`; return how many there were."""
        cdef int count = 0
        while count < most and self.demuxer.read(self.packet, self.stream_index) >= 0:
            describe_packet(&self.known[count], self.packet)
            avcodec.av_packet_unref(self.packet)
            count += 1
        return count


cdef class Mp3Walk(Walk):
    """A walk over the frames of an MP3 file."""

    cdef bint run(self) noexcept nogil:
        if self.read_known(HEAD_PACKETS) < HEAD_PACKETS or self.known[0].pos < 0:
            return False
        # without a Xing header libavformat computes a checksum of all that is read
        self.pb.update_checksum = NULL
        return self.add_frames(self.known[0].pos) and self.check_head() and self.check_tail()

    cdef bint add_frames(self, int64_t place) noexcept nogil:
        """Add all frames from a place in the file on."""
        cdef AudioPacket record
        cdef SampleRange padding
        cdef Mp3Frame frame
        cdef uint8_t[4] form
        cdef const uint8_t *header
        cdef int64_t end
        cdef int before = <int> min(place, XING_REACH)
        header = self.look(place - before, before + 4)
        if header == NULL:
            return False
        memcpy(form, header + before, 4)
        memset(&frame, 0, sizeof(frame))
        read_mp3_header(form, &frame)
        padding = mp3_padding(header, before, frame.samples)
        memset(&record, 0, sizeof(record))
        record.pts = NOPTS
        record.flags = avcodec.AV_PKT_FLAG_KEY
        while True:
            header = self.look(place, 4)
            if header == NULL or not read_mp3_header(header, &frame) or not same_mp3_form(header, form):
                # check_tail tells the end from a tag. Earlier padding belongs to joined files.
                return not padding.last or <int64_t> self.index.count * frame.samples <= padding.last
            record.pos = place
            record.size = frame.size
            record.samples = frame.samples
            end = (<int64_t> self.index.count + 1) * frame.samples
            record.discard = 0
            if padding.last and padding.first <= end and end - frame.samples < padding.last:
                record.discard = <uint32_t> min(end - padding.first, frame.samples)
            if self.index.append(&record) < 0:
                return False
            place += frame.size

    cdef bint check_head(self) noexcept nogil:
        """Compare the first packets with those in `known`, and take over how they are trimmed."""
        cdef AudioPacket *ours = self.index.packets
        cdef int i
        if self.index.count < TAIL_PACKETS + HEAD_PACKETS:
            return False
        for i in range(HEAD_PACKETS):
            if ours[i].pos != self.known[i].pos or ours[i].size != self.known[i].size:
                return False
            ours[i].skip = self.known[i].skip
        return True

    cdef bint check_tail(self) noexcept nogil:
        """Let libavformat read the last packets, and compare them."""
        cdef AudioPacket *ours = &self.index.packets[self.index.count - TAIL_PACKETS]
        cdef int i
        if self.demuxer.seek_byte(ours.pos) < 0 or self.read_known(TAIL_PACKETS + 1) != TAIL_PACKETS:
            return False
        for i in range(TAIL_PACKETS):
            if ours[i].pos != self.known[i].pos or ours[i].size != self.known[i].size:
                return False
        return True


cdef struct OggPage:
    # RFC 3533, section 6
    const uint8_t *lacing       # the table of segments: the size of each
    const uint8_t *body
    int num_segments
    int size                    # bytes of the whole page
    int flags
    uint32_t serial             # number of its stream
    uint32_t sequence           # number of the page
    int64_t granule             # position at its end; -1: no packet ends in it


cdef struct OggPacket:
    # a packet that is being put together from segments
    int64_t size
    int have                    # how many of its first bytes are in `first`
    uint8_t[2] first


cdef class OggWalk(Walk):
    """A walk over the pages of an Ogg file that holds one stream of Opus or Vorbis."""

    cdef AVVorbisParseContext *vorbis   # NULL for Opus
    cdef OggPacket part
    cdef int headers                    # packets that are still to come before those with samples
    cdef int64_t pts                    # of the next packet, counted from 0
    cdef int64_t offset                 # of granule positions against the sum of samples
    cdef bint has_offset                # True once `offset` is known
    cdef bint ragged                    # True after a page whose granule position does not fit

    def __cinit__(self, Demuxer demuxer not None, int stream_index):
        cdef AVCodecParameters *parameters = demuxer.stream(stream_index).codecpar
        self.headers = 2
        if parameters.codec_id == avcodec.AV_CODEC_ID_VORBIS:
            self.headers = 3
            self.vorbis = avcodec.av_vorbis_parse_init(parameters.extradata, parameters.extradata_size)

    def __dealloc__(self):
        if self.vorbis != NULL:
            avcodec.av_vorbis_parse_free(&self.vorbis)

    cdef bint run(self) noexcept nogil:
        if self.vorbis == NULL and self.headers == 3:
            return False        # libavcodec does not understand the stream's headers
        if self.read_known(HEAD_PACKETS) < HEAD_PACKETS:
            return False
        return self.add_pages() and self.check_head() and self.check_tail()

    cdef bint add_pages(self) noexcept nogil:
        """Add the packets of all pages."""
        cdef OggPage page
        cdef int64_t place = 0
        cdef uint32_t serial = 0
        cdef uint32_t sequence = 0
        while self.look(place, OGG_HEADER) != NULL:
            # a page that does not fit must be the last one
            if self.ragged or not self.read_page(place, &page):
                return False
            if place == 0:
                serial = page.serial
            elif page.serial != serial or page.flags & OGG_FIRST_PAGE or page.sequence != <uint32_t> (sequence + 1):
                return False
            sequence = page.sequence
            if (page.flags & OGG_CONTINUED != 0) != (self.part.size > 0):
                return False
            if page.flags & OGG_LAST_PAGE:
                # its granule position says where the audio ends, not where its packets do
                self.index.untimed_from = place
            if not self.add_packets(&page):
                return False
            if page.granule != -1 and not is_sane_time(page.granule):
                return False
            if page.granule != -1 and self.index.count > HEAD_PACKETS:
                if not self.has_offset:
                    self.offset = page.granule - self.pts
                    self.has_offset = True
                self.ragged = page.granule - self.pts != self.offset
            place += page.size
        return self.part.size == 0

    cdef bint read_page(self, int64_t place, OggPage *page) noexcept nogil:
        """Read the page that begins at a place in the file; return False if there is none."""
        cdef const uint8_t *data = self.look(place, OGG_HEADER)
        cdef int i, segments
        if data == NULL or memcmp(data, b"OggS", 4) or data[4]:
            return False
        segments = data[26]
        data = self.look(place, OGG_HEADER + segments)
        if data == NULL:
            return False
        page.num_segments = segments
        page.size = OGG_HEADER + segments
        for i in range(segments):
            page.size += data[OGG_HEADER + i]
        data = self.look(place, page.size)
        if data == NULL:
            return False
        page.lacing = data + OGG_HEADER
        page.body = data + OGG_HEADER + segments
        page.flags = data[5]
        page.granule = <int64_t> little64(data + 6)
        page.serial = little32(data + 14)
        page.sequence = little32(data + 18)
        return is_right_page(data, page.size)

    cdef bint add_packets(self, const OggPage *page) noexcept nogil:
        """Add the packets that end in a page, and keep the beginning of one that does not."""
        cdef OggPacket *part = &self.part
        cdef const uint8_t *body = page.body
        cdef int i, lacing
        for i in range(page.num_segments):
            lacing = page.lacing[i]
            part.size += lacing
            while part.have < 2 and part.have < part.size and lacing > 0:
                part.first[part.have] = body[part.have - (part.size - lacing)]
                part.have += 1
            body += lacing
            if lacing == 255:
                continue        # the packet continues in the next segment
            if self.headers:
                self.headers -= 1
            elif not self.add_packet(part):
                return False
            part.size = 0
            part.have = 0
        return True

    cdef bint add_packet(self, const OggPacket *part) noexcept nogil:
        cdef AudioPacket record
        memset(&record, 0, sizeof(record))
        record.pos = -1
        record.flags = avcodec.AV_PKT_FLAG_KEY
        record.size = <int> part.size
        record.pts = self.pts
        if self.vorbis != NULL:
            record.samples = max(0, avcodec.av_vorbis_parse_frame(self.vorbis, part.first, record.size))
        else:
            record.samples = opus_samples(part.first, record.size)
        self.pts += record.samples
        return record.size > 0 and self.index.append(&record) >= 0

    cdef bint check_head(self) noexcept nogil:
        """Compare the first packets with those in `known`, and take over their timestamps."""
        cdef AudioPacket *ours = self.index.packets
        cdef int64_t shift
        cdef int i
        if self.index.count < TAIL_PACKETS + HEAD_PACKETS or not is_sane_time(self.known[HEAD_PACKETS - 1].pts):
            return False
        # ours began with 0; libavformat's very first ones may be irregular
        shift = self.known[HEAD_PACKETS - 1].pts - ours[HEAD_PACKETS - 1].pts
        for i in range(self.index.count):
            ours[i].pts += shift
        for i in range(HEAD_PACKETS):
            ours[i].pts = self.known[i].pts
            if not take_trimming(&ours[i], &self.known[i]):
                return False
        return True

    cdef bint check_tail(self) noexcept nogil:
        """Let libavformat read the last packets, and compare them."""
        cdef AudioPacket *known = self.known
        cdef int number = -1
        if self.demuxer.seek(self.stream_index, self.index.packets[self.index.count - TAIL_PACKETS].pts) < 0:
            return False
        while self.read_known(1) == 1:
            if number < 0:
                number = self.index.number_of_pts(known.pts)
                if number < 0:
                    continue    # the rest of a packet that began before
            if number >= self.index.count or self.index.packets[number].pts != known.pts:
                return False
            if not take_trimming(&self.index.packets[number], known):
                return False
            number += 1
        return number == self.index.count


cdef bint take_trimming(AudioPacket *ours, const AudioPacket *known) noexcept nogil:
    """Take over flags and trimming of libavformat's packet; return False if sizes differ."""
    ours.skip = known.skip
    ours.discard = known.discard
    ours.flags = known.flags
    return ours.size == known.size


def index_from_walk(Demuxer demuxer not None, int stream_index):
    """Return the AudioIndex of a stream from the headers of its packets, or None if that is not
    possible.

    The demuxer must have read no packet before. Afterwards its place in the file is undefined.
    """
    cdef Walk walk
    cdef bint good
    cdef int codec_id = demuxer.stream(stream_index).codecpar.codec_id
    if not demuxer.can_seek_bytes:
        return None
    if demuxer.format_name == "mp3" and codec_id == avcodec.AV_CODEC_ID_MP3:
        walk = Mp3Walk(demuxer, stream_index)
    elif demuxer.format_name == "ogg" and codec_id in (avcodec.AV_CODEC_ID_OPUS, avcodec.AV_CODEC_ID_VORBIS):
        walk = OggWalk(demuxer, stream_index)
    else:
        return None
    with nogil:
        good = walk.run()
    demuxer.check(0, "read")
    if not good:
        return None
    walk.index.find_order()
    return walk.index
