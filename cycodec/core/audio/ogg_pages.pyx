"""The chain of pages in an Ogg file (RFC 3533, section 6).

Note [Lost pages]

Pages have numbers and checksums. FFmpeg leaves out a page whose checksum is wrong, does not look at
the numbers, and gives the packets of the page after a lost one the timestamps of the lost one. It
joins the parts of a packet around a lost page. So each packet is compared with the table of
segments in its page, and the page with the number of the page before. After a loss, the granule
position of the page, less the samples of its packets, tells where they belong. In the last page of
a stream it tells where the audio ends, which may be earlier than the last packet does.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memcpy

from cycodec.core.audio.flac_seek cimport flac_number, note_flac_start
from cycodec.core.bitstream.little_endian cimport little32, little64
from cycodec.core.bitstream.sound cimport opus_samples
from cycodec.core.container.demux cimport Demuxer
from cycodec.core.container.limits cimport is_sane_time

from cycodec.libav cimport avcodec, avformat, avutil
from cycodec.libav.avcodec cimport AVCodecParameters, AVPacket
from cycodec.libav.avformat cimport AVIOContext


cdef int64_t NOPTS = avutil.AV_NOPTS_VALUE

cdef enum:
    HEADER = 27                 # bytes before the table of segments
    CHECKSUM = 22               # where the checksum begins
    LARGEST_PAGE = HEADER + 255 + 255 * 255
    MOST_PAGES = 4096           # of other streams in between
    MOST_PARTS = 256            # pages that one packet reaches over
    LARGEST_STEP = 1 << 30
    SEEK_SET = 0
    SEEK_CUR = 1
    CONTINUED = 1               # flags of a page
    FIRST_PAGE = 2
    LAST_PAGE = 4


cdef class OggChain:
    """Follows the packets of one stream in the order in which FFmpeg reads them."""

    def __dealloc__(self):
        if self.vorbis != NULL:
            avcodec.av_vorbis_parse_free(&self.vorbis)
        if self.ahead != NULL:
            avcodec.av_vorbis_parse_free(&self.ahead)
        free(self.body)

    cdef void restart(self) noexcept nogil:
        """Follow from any packet on, after a seek."""
        self.known = False
        self.due = NOPTS
        self.loss = 0

    cdef void follow(self, AVIOContext *pb, AVPacket *packet) noexcept nogil:
        """Set `loss` for a packet, and correct its timestamp."""
        cdef int64_t here
        cdef bint is_new = not self.known or packet.pos != self.page.place
        self.loss = 0
        if packet.pos < 0 or packet.size <= 0:
            return
        self.samples = packet.duration
        if self.codec_id == avcodec.AV_CODEC_ID_OPUS:
            self.samples = opus_samples(packet.data, packet.size)
        elif self.vorbis != NULL:
            # the decoder overlaps a packet with the last one before a loss
            self.samples = avcodec.av_vorbis_parse_frame(self.vorbis, packet.data, packet.size)
        here = avformat.avio_seek(pb, 0, SEEK_CUR)
        if is_new:
            self.turn(pb, packet)
        if self.known and not self.is_whole(pb, packet.size):
            self.loss |= PAGE_JOINED
        if avformat.avio_seek(pb, 0, SEEK_CUR) != here:
            avformat.avio_seek(pb, here, SEEK_SET)
        if self.unsure:
            self.loss |= PAGE_UNSURE
        if self.due != NOPTS:
            packet.pts = self.due
            self.due += max(<int64_t> 0, self.samples)

    cdef void turn(self, AVIOContext *pb, const AVPacket *packet) noexcept nogil:
        """Go on to the page that a packet begins in."""
        cdef OggHeader next
        cdef bint follows
        cdef uint32_t step
        self.due = NOPTS
        self.unsure = False
        if not read_header(pb, packet.pos, &next):
            self.known = False
            return
        follows = self.known and next.serial == self.page.serial and not next.flags & FIRST_PAGE
        step = next.sequence - self.last_sequence
        if follows and step > 1 and step < LARGEST_STEP:
            self.loss = PAGE_DAMAGED if self.has_refused(pb, next.place) else PAGE_CUT
        self.page = next
        self.known = True
        self.segment = 0
        if next.flags & CONTINUED:      # the end of an earlier packet
            while self.segment < next.num_segments and next.lacing[self.segment] == 255:
                self.segment += 1
            self.segment += 1
        if self.codec_id == avcodec.AV_CODEC_ID_FLAC and self.flac_start.samples == 0:
            self.begin_flac(pb, packet)
        elif self.loss:
            self.find_place(pb, packet)
        elif follows and step == 1 and packet.pts != NOPTS and self.last_granule != -1:
            self.offset = packet.pts - self.last_granule

    cdef void begin_flac(self, AVIOContext *pb, const AVPacket *packet) noexcept nogil:
        """Find out where the first packet belongs, which FFmpeg takes for the stream's first."""
        cdef OggHeader last
        cdef int64_t start
        cdef int64_t samples = self.samples_to_granule(pb, packet, &last)
        cdef int64_t number
        note_flac_start(&self.flac_start, packet)
        number = flac_number(packet, &self.flac_start)
        self.flac_offset = 0
        if samples < 0 or number < 0 or last.flags & LAST_PAGE or not is_sane_time(last.granule):
            return
        start = last.granule - samples
        self.flac_offset = start - number
        if packet.pts != NOPTS and start > packet.pts:
            self.due = start

    cdef void find_place(self, AVIOContext *pb, const AVPacket *packet) noexcept nogil:
        """Find out where the first packet of a page after lost ones belongs."""
        cdef int64_t start = NOPTS
        cdef int64_t samples
        cdef OggHeader last
        if self.codec_id == avcodec.AV_CODEC_ID_FLAC:
            start = flac_number(packet, &self.flac_start)
            start = start + self.flac_offset if start >= 0 else NOPTS
        else:
            samples = self.samples_to_granule(pb, packet, &last)
            if samples >= 0 and packet.pts != NOPTS and is_sane_time(last.granule):
                start = last.granule + self.offset - samples
                if last.flags & LAST_PAGE and self.codec_id == avcodec.AV_CODEC_ID_OPUS and self.samples > 0:
                    # packets have one length, and the last one may be trimmed
                    start += (packet.pts - start) % self.samples
                self.unsure = last.flags & LAST_PAGE and self.loss & PAGE_DAMAGED
        if start == NOPTS or packet.pts == NOPTS:
            self.unsure = self.loss & PAGE_DAMAGED
        elif start > packet.pts:
            self.due = start
        elif self.loss == PAGE_CUT:
            self.loss = 0       # pages have wrong numbers
        if self.codec_id == avcodec.AV_CODEC_ID_OPUS and self.loss == PAGE_DAMAGED:
            self.unsure = True      # its decoder forgets a loss slowly

    cdef int64_t samples_to_granule(self, AVIOContext *pb, const AVPacket *packet,
                                    OggHeader *last) noexcept nogil:
        """Count the samples from the current page's first packet on to where a page tells a
        position; -1 if that is not known. `last` becomes that page.
        """
        cdef uint8_t[2] first
        cdef int size = 0
        cdef int have = 0
        cdef int lacing, i, at, segment, _
        cdef int64_t total = 0
        cdef int64_t samples
        cdef bint is_first = True
        last[0] = self.page
        segment = self.segment
        for _ in range(MOST_PARTS):
            at = HEADER + last.num_segments
            if not self.read_body(pb, last):
                return -1
            for i in range(last.num_segments):
                lacing = last.lacing[i]
                if i >= segment:
                    size += lacing
                    while have < 2 and have < size and lacing > 0:
                        first[have] = self.body[at + have - (size - lacing)]
                        have += 1
                at += lacing
                if i < segment or lacing == 255:
                    continue
                if size > 0:
                    samples = self.samples_of(first, size, packet if is_first else NULL)
                    if samples < 0:
                        samples = packet.duration
                    if samples <= 0:
                        return -1
                    total += samples
                is_first = False
                size = 0
                have = 0
            if last.granule != -1:
                return total
            segment = 0
            if not next_page(pb, last):
                return -1
        return -1

    cdef int64_t samples_of(self, const uint8_t *data, int size, const AVPacket *first) noexcept nogil:
        """Return how many samples a packet gives by its first two bytes; -1 if these do not tell.

        `first` is the packet if it is the first one, and else NULL.
        """
        cdef int64_t samples
        if self.codec_id == avcodec.AV_CODEC_ID_OPUS:
            return opus_samples(data, size)
        if self.vorbis == NULL or self.ahead == NULL:
            return -1
        samples = avcodec.av_vorbis_parse_frame(self.ahead, data, size)
        return samples if first == NULL else self.samples

    cdef bint is_whole(self, AVIOContext *pb, int size) noexcept nogil:
        """Go on behind a packet; return False if it has another size than its segments."""
        cdef int64_t whole = 0
        cdef int lacing = 255
        while lacing == 255 and self.segment < self.page.num_segments:
            lacing = self.page.lacing[self.segment]
            whole += lacing
            self.segment += 1
            if whole == 0:
                lacing = 255        # FFmpeg leaves out empty packets
        self.last_sequence = self.page.sequence
        self.last_end = self.page.place + self.page.size
        self.last_granule = self.page.granule
        if lacing == 255 and not self.follow_parts(pb, &whole):
            return False
        if whole == size:
            return True
        self.last_sequence = self.page.sequence
        self.last_end = self.page.place + self.page.size
        return False

    cdef bint follow_parts(self, AVIOContext *pb, int64_t *whole) noexcept nogil:
        """Add the size of a packet's parts in later pages; return False if there are none."""
        cdef OggHeader part = self.page
        cdef int i, _
        for _ in range(MOST_PARTS):
            if not next_page(pb, &part) or not part.flags & CONTINUED or not self.read_body(pb, &part):
                return False
            if not is_right_page(self.body, <int> part.size):
                return False        # FFmpeg has joined other parts, perhaps of the same size
            for i in range(part.num_segments):
                whole[0] += part.lacing[i]
                if part.lacing[i] < 255:
                    self.last_sequence = part.sequence
                    self.last_end = part.place + part.size
                    self.last_granule = part.granule
                    return True
        return False

    cdef bint read_body(self, AVIOContext *pb, const OggHeader *page) noexcept nogil:
        """Read a whole page into `body`; return False if it is not there."""
        if self.body == NULL:
            self.body = <uint8_t *> malloc(LARGEST_PAGE)
        return (
            self.body != NULL and avformat.avio_seek(pb, page.place, SEEK_SET) >= 0
            and avformat.avio_read(pb, self.body, <int> page.size) == page.size
        )

    cdef bint has_refused(self, AVIOContext *pb, int64_t place) noexcept nogil:
        """Return True if there is more than pages of other streams before a place in the file."""
        cdef OggHeader page
        cdef int64_t at = self.last_end
        cdef int _
        for _ in range(MOST_PAGES):
            if at >= place:
                return at > place
            if not read_header(pb, at, &page) or page.serial == self.page.serial:
                return True
            at += page.size
        return False


cdef OggChain chain_of(Demuxer demuxer, int stream_index):
    """Return the OggChain of a stream, or None if its container is another one."""
    cdef OggChain chain
    cdef AVCodecParameters *parameters = demuxer.stream(stream_index).codecpar
    if demuxer.format_name != "ogg":
        return None
    chain = OggChain()
    chain.due = NOPTS
    chain.codec_id = parameters.codec_id
    if parameters.codec_id == avcodec.AV_CODEC_ID_OPUS:
        chain.offset = -parameters.initial_padding
    if parameters.codec_id == avcodec.AV_CODEC_ID_VORBIS and parameters.extradata_size > 0:
        chain.vorbis = avcodec.av_vorbis_parse_init(parameters.extradata, parameters.extradata_size)
        chain.ahead = avcodec.av_vorbis_parse_init(parameters.extradata, parameters.extradata_size)
    return chain


cdef bint read_header(AVIOContext *pb, int64_t place, OggHeader *page) noexcept nogil:
    """Read the header of the page at a place in the file; return False if there is none."""
    cdef uint8_t[HEADER] data
    cdef int i
    if avformat.avio_seek(pb, place, SEEK_SET) < 0 or avformat.avio_read(pb, data, HEADER) < HEADER:
        return False
    if memcmp(data, b"OggS", 4) != 0 or data[4] != 0:
        return False
    page.place = place
    page.flags = data[5]
    page.granule = <int64_t> little64(data + 6)
    page.serial = little32(data + 14)
    page.sequence = little32(data + 18)
    page.num_segments = data[26]
    if avformat.avio_read(pb, page.lacing, page.num_segments) < page.num_segments:
        return False
    page.size = HEADER + page.num_segments
    for i in range(page.num_segments):
        page.size += page.lacing[i]
    return True


cdef bint next_page(AVIOContext *pb, OggHeader *page) noexcept nogil:
    """Go on to the next page of the stream; return False if it does not follow."""
    cdef OggHeader next
    cdef int64_t at = page.place + page.size
    cdef int _
    for _ in range(MOST_PAGES):
        if not read_header(pb, at, &next):
            return False
        if next.serial == page.serial:
            if next.sequence != <uint32_t> (page.sequence + 1):
                return False
            page[0] = next
            return True
        at += next.size
    return False


cdef bint is_right_page(const uint8_t *data, int size) noexcept nogil:
    """Return True if the checksum of a whole page is right."""
    cdef const avutil.AVCRC *table = avutil.av_crc_get_table(avutil.AV_CRC_32_IEEE)
    cdef uint8_t[HEADER] header
    cdef uint32_t sum
    memcpy(header, data, HEADER)
    header[CHECKSUM] = header[CHECKSUM + 1] = header[CHECKSUM + 2] = header[CHECKSUM + 3] = 0
    sum = avutil.av_crc(table, 0, header, HEADER)
    sum = avutil.av_crc(table, sum, data + HEADER, size - HEADER)
    # av_crc keeps the sum of this polynomial with its bytes swapped
    return (
        data[CHECKSUM] == sum >> 24 and data[CHECKSUM + 1] == (sum >> 16 & 255)
        and data[CHECKSUM + 2] == (sum >> 8 & 255) and data[CHECKSUM + 3] == (sum & 255)
    )
