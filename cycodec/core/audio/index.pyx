"""Which samples each packet of an audio stream gives, known without decoding them.

Packets are counted, not timed: a container's timestamps may be rounded to milliseconds, estimated
from a bit rate, or have holes, while the ffmpeg command puts what it decodes end to end. The number
of samples of a packet follows from its header. Where it does not, or where the decoder disagrees,
the index is not used and reading begins at the start.

Note [Aligning]

Each decoder trims priming samples in its own way, so this module does not compute the place of
packets. The reader decodes the first frames from the start, counts them, and compares them with the
packets they came from. A steady offset between both holds for all packets that follow.

Note [Pre-roll]

What a decoder remembers decides how many packets it needs before its output is right. PCM and the
lossless codecs remember nothing; MP3 remembers the bits of its reservoir, which are counted, and
one frame; Vorbis remembers one block. The other codecs converge.
"""

from libc.errno cimport ENOMEM
from libc.stdint cimport INT64_MAX, int32_t, int64_t, uint8_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcmp, memcpy, memset, strcmp

from cycodec.core.audio.codec_traits cimport has_true_table, is_whole
from cycodec.core.audio.ogg_pages cimport PAGE_JOINED, OggChain, chain_of
from cycodec.core.audio.timeline cimport Timeline, place_samples
from cycodec.core.bitstream.flac cimport flac_form, flac_samples
from cycodec.core.bitstream.sound cimport (
    alac_samples, amr_nb_is_silent, is_no_mp3, opus_samples, same_mp3_form, wma_makes_noise, wma_samples,
)
from cycodec.core.compat cimport compat_channels, compat_index_count, compat_index_entry, compat_packet_skip
from cycodec.core.container.demux cimport Demuxer
from cycodec.core.container.limits cimport is_sane_time
from cycodec.core.container.packets cimport digest_packet
from cycodec.core.search cimport first_above, first_at_least

from cycodec.libav cimport avcodec, avformat, avutil
from cycodec.libav.avcodec cimport AVCodecParameters, AVPacket, AVVorbisParseContext
from cycodec.libav.avformat cimport AVStream


cdef int64_t NOPTS = avutil.AV_NOPTS_VALUE

cdef enum:
    STEADY_FRAMES = 4           # frames in a row that must agree
    RESERVOIR_BYTES = 511       # how far back the main data of an MP3 frame can begin
    MP3_OVERHEAD = 38           # bytes of an MP3 frame's header, CRC and side information
    SBR_PACKETS = 64            # spectral band replication waits for a header that comes this often
    LARGEST_PREROLL = 512       # packets
    LONGEST_TICKS = 1 << 28     # a packet that lasts longer is an error of its sample table


cdef class AudioIndex:
    """The packets of one stream in file order.

    `index_from_table`, `index_from_scan` and `walk.index_from_walk` make indices.
    """

    def __cinit__(self):
        self.ratio = 1
        self.uniform = True
        self.untimed_from = INT64_MAX

    def __dealloc__(self):
        free(self.packets)

    def __len__(self):
        return self.count

    # -- making an index -------------------------------------------------------------------------

    cdef int append(self, const AudioPacket *packet) noexcept nogil:
        cdef int capacity
        cdef AudioPacket *grown
        if self.count == self.allocated:
            capacity = max(1024, self.allocated * 2)
            grown = <AudioPacket *> realloc(self.packets, capacity * sizeof(AudioPacket))
            if grown == NULL:
                return avutil.AVERROR(ENOMEM)
            self.packets = grown
            self.allocated = capacity
        self.packets[self.count] = packet[0]
        self.count += 1
        return 0

    cdef int scan(self, Demuxer demuxer, int stream_index) except -1:
        """Read every packet that follows in the demuxer."""
        cdef AVStream *stream = demuxer.stream(stream_index)
        cdef AVCodecParameters *parameters = stream.codecpar
        cdef AVVorbisParseContext *vorbis = NULL
        cdef AVPacket *packet = avcodec.av_packet_alloc()
        cdef AudioPacket record
        cdef int code = 0
        cdef int form = -1
        cdef uint8_t[4] mp3_header
        cdef bint has_mp3_header = False
        cdef bint has_junk = False
        cdef bint is_adts = demuxer.format_name == "aac"
        cdef bint is_flac = demuxer.format_name == "flac"
        cdef int64_t due = INT64_MAX
        cdef OggChain pages = chain_of(demuxer, stream_index)
        if packet == NULL:
            raise MemoryError()
        self.codec_id = parameters.codec_id
        with nogil:
            if self.codec_id == avcodec.AV_CODEC_ID_VORBIS and parameters.extradata_size > 0:
                vorbis = avcodec.av_vorbis_parse_init(parameters.extradata, parameters.extradata_size)
            while code >= 0:
                code = demuxer.read(packet, stream_index)
                if code < 0:
                    break
                if pages is not None:
                    pages.follow(demuxer.ptr.pb, packet)
                describe_packet(&record, packet)
                record.loss = pages.loss if pages is not None else 0
                record.digest = digest_packet(packet)
                record.samples = samples_of(packet, stream, vorbis)
                if record.loss & PAGE_JOINED or (vorbis != NULL and self.differs(&record)):
                    has_junk = True
                if record.samples > 0:
                    self.uniform = self.uniform and not has_junk
                elif self.count > 0 and is_damaged(self.codec_id, packet):
                    has_junk = True     # and may hold frames, unless it is the end
                if not is_whole(self.codec_id, packet.data, packet.size):
                    has_junk = True
                if is_adts and not has_adts_sync(packet):
                    self.uniform = False        # damage, which may hold any number of frames
                if self.codec_id == avcodec.AV_CODEC_ID_FLAC and packet.size > 4:
                    # positions count samples of one rate; a change of it makes them ambiguous
                    if form < 0:
                        form = flac_form(packet.data)
                    elif form != flac_form(packet.data):
                        self.uniform = False
                if self.codec_id == avcodec.AV_CODEC_ID_MP3 and record.samples > 0 and packet.data[0] == 0xFF:
                    # a damaged header states another rate, or other channels
                    if not has_mp3_header:
                        memcpy(mp3_header, packet.data, 4)
                    elif not same_mp3_form(mp3_header, packet.data):
                        self.uniform = False
                    has_mp3_header = True
                if is_flac and record.pts != NOPTS:
                    # a packet before it may hold several frames: Note [Joined frames]
                    self.uniform = self.uniform and record.pts <= due
                    due = record.pts + record.samples
                code = self.append(&record)
                avcodec.av_packet_unref(packet)
            if vorbis != NULL:
                avcodec.av_vorbis_parse_free(&vorbis)
            avcodec.av_packet_free(&packet)
        if code != avutil.AVERROR_EOF and code != avutil.AVERROR_INVALIDDATA:
            demuxer.check(code, "read packet")
        self.find_order()
        return 0

    cdef bint differs(self, const AudioPacket *record) noexcept nogil:
        """Return True if blocks of Vorbis on both sides of a loss may differ in size, so that the
        decoder gives another number of samples.
        """
        cdef int i
        if record.loss:
            for i in range(max(0, self.count - 2), self.count):
                if self.packets[i].samples != record.samples:
                    return True
        return False

    def take_table(self, Demuxer demuxer not None, int stream_index):
        """Fill the index from the sample table of an MP4 file.

        Return False if the table does not say how many samples each packet gives.
        """
        cdef AVStream *stream = demuxer.stream(stream_index)
        cdef int entries = compat_index_count(stream)
        cdef AudioPacket record
        cdef int64_t ticks
        cdef int size, flags, number
        cdef int rate = stream.codecpar.sample_rate
        if entries < STEADY_FRAMES or rate <= 0 or stream.time_base.num != 1:
            return False
        # ticks of the time base must be whole samples of the output, or (SBR) of half its rate
        if stream.time_base.den % rate and stream.time_base.den * 2 != rate:
            return False
        ticks = max(1, stream.time_base.den // rate)
        self.codec_id = stream.codecpar.codec_id
        self.from_table = True
        for number in range(entries):
            memset(&record, 0, sizeof(record))
            if not compat_index_entry(stream, number, &record.pts, &record.pos, &size, &flags):
                return False
            record.size = size
            record.flags = avcodec.AV_PKT_FLAG_DISCARD if flags & avformat.AVINDEX_DISCARD_FRAME else 0
            if number and not self.set_samples(number - 1, record.pts, ticks, stream.codecpar):
                return False
            if self.append(&record) < 0:
                raise MemoryError()
        # the length of the last packet is never used: counting samples decodes it
        self.packets[entries - 1].samples = self.packets[entries - 2].samples
        self.find_order()
        return self.rising_pts

    cdef bint set_samples(self, int number, int64_t next_pts, int64_t ticks,
                          AVCodecParameters *parameters) noexcept nogil:
        """Set the samples of a packet of a sample table; return False if its length is not certain.

        PCM and codecs with one frame size may have jittered durations; what they decode to is not.
        FLAC and Opus have no fixed frame size: their durations count if all are equal.
        """
        cdef AudioPacket *packet = &self.packets[number]
        cdef int64_t duration
        if not is_sane_time(next_pts) or not is_sane_time(packet.pts):
            return False
        duration = next_pts - packet.pts
        if duration <= 0 or duration > LONGEST_TICKS:
            return False
        packet.samples = avcodec.av_get_audio_frame_duration2(parameters, packet.size)
        if packet.samples <= 0:
            packet.samples = <int32_t> (duration // ticks)
            if duration % ticks or (number > 0 and packet.samples != self.packets[number - 1].samples):
                return False
        return True

    def find_order(self):
        """Find out whether a timestamp or a place in the file names a packet."""
        cdef int i
        self.rising_pts = self.count > 0 and self.packets[0].pts != NOPTS
        self.rising_pos = self.count > 0 and self.packets[0].pos >= 0
        for i in range(1, self.count):
            if self.packets[i].pts == NOPTS or self.packets[i].pts <= self.packets[i - 1].pts:
                self.rising_pts = False
            if self.packets[i].pos <= self.packets[i - 1].pos:
                self.rising_pos = False
            if not self.rising_pts and not self.rising_pos:
                break

    # -- samples ---------------------------------------------------------------------------------

    cdef int64_t samples_out(self, int number) noexcept nogil:
        """Return how many samples a packet gives, if the decoder holds none of them back."""
        cdef AudioPacket *packet = &self.packets[number]
        cdef int64_t length = <int64_t> packet.samples * self.ratio
        if packet.flags & avcodec.AV_PKT_FLAG_DISCARD:
            return 0
        if 0 < packet.discard <= length:
            length -= packet.discard
        return max(0, length - <int64_t> packet.skip * self.ratio)

    cdef bint align(self, const int64_t *stamps, const int64_t *positions, const int64_t *lengths,
                    int seen, const Timeline *timeline, bint fill_holes) noexcept nogil:
        """Set the `start` of every packet; see Note [Aligning].

        `seen` frames were decoded from the start. For each, the arrays hold the number of its
        packet, its position and its number of samples. `timeline` is that after the last of them.
        """
        cdef Timeline line = timeline[0]
        cdef int64_t length
        cdef int number
        cdef int steady = 0
        cdef int64_t place
        self.aligned = False
        if not self.uniform or seen < STEADY_FRAMES:
            return False
        number = <int> stamps[seen - 1]
        if not 0 <= number < self.count or self.packets[number].samples <= 0:
            return False
        self.ratio = <int> (lengths[seen - 1] // self.packets[number].samples)
        if self.ratio < 1 or self.ratio > 2:
            return False
        while steady < seen and self.agrees(stamps, positions, lengths, seen - 1 - steady, seen):
            steady += 1
        if steady < STEADY_FRAMES:
            return False
        self.first_regular = <int> stamps[seen - steady]
        place = positions[seen - steady]
        for number in range(self.first_regular, self.count):
            length = self.samples_out(number)
            if number > stamps[seen - 1] and length > 0:
                line.is_certain = self.packets[number].loss != 0
                self.packets[number].hole = place_samples(&line, self.packets[number].pts, length)
                if fill_holes:
                    place += self.packets[number].hole
            self.packets[number].start = place
            place += length
        place = positions[seen - steady]
        for number in range(self.first_regular - 1, -1, -1):
            place -= <int64_t> self.packets[number].samples * self.ratio
            self.packets[number].start = place
        self.aligned = True
        return True

    cdef int64_t hole_before(self, int number) noexcept nogil:
        return self.packets[number].hole

    def describe_holes(self, int64_t behind):
        """Return the holes before packets with numbers above `behind`, as (position, samples)."""
        return [
            (self.packets[i - 1].start + self.samples_out(i - 1), self.packets[i].hole)
            for i in range(behind + 1, self.count) if self.packets[i].hole
        ]

    cdef bint agrees(self, const int64_t *stamps, const int64_t *positions, const int64_t *lengths, int i,
                     int seen) noexcept nogil:
        """Return True if frame i is as long as its packet, and the next one follows as its packet
        does.
        """
        cdef int number = <int> stamps[i]
        cdef int64_t between = 0
        if not 0 <= number <= stamps[seen - 1] or self.packets[number].samples * self.ratio != lengths[i]:
            return False
        if i == seen - 1:
            return True
        while number < stamps[i + 1]:
            between += <int64_t> self.packets[number].samples * self.ratio
            number += 1
        return positions[i] + between == positions[i + 1]

    # -- finding packets -------------------------------------------------------------------------

    cdef int number_at(self, int64_t position) noexcept nogil:
        """Return the number of the last packet that begins at or before a position."""
        cdef int first = self.first_regular
        cdef int above = first_above(
            &self.packets[first].start, sizeof(AudioPacket), self.count - first, position
        )
        return first + max(above - 1, 0)

    cdef int number_of_pts(self, int64_t pts) noexcept nogil:
        """Return the number of the packet with a timestamp; -1 if there is none."""
        cdef int number = first_at_least(&self.packets.pts, sizeof(AudioPacket), self.count, pts)
        return number if number < self.count and self.packets[number].pts == pts else -1

    cdef int number_of_pos(self, int64_t pos) noexcept nogil:
        """Return the number of the packet that begins at a place in the file; -1 if there is none.
        """
        cdef int number = first_at_least(&self.packets.pos, sizeof(AudioPacket), self.count, pos)
        return number if number < self.count and self.packets[number].pos == pos else -1

    cdef int number_of(self, const AVPacket *packet, bint by_pos) noexcept nogil:
        """Return the number of a packet that libavformat read; -1 if the index does not hold it."""
        cdef AudioPacket *known
        cdef int number = -1
        if by_pos and packet.pos >= 0:
            number = self.number_of_pos(packet.pos)
        elif not by_pos and packet.pts != NOPTS:
            number = self.number_of_pts(packet.pts)
        if number < 0:
            return -1
        known = &self.packets[number]
        if known.size != packet.size or (known.digest and known.digest != digest_packet(packet)):
            return -1
        return number

    cdef bint fits(self, int64_t number, const AVPacket *packet) noexcept nogil:
        """Return True if a packet that libavformat read may be that with a number."""
        return not 0 <= number < self.count or self.packets[number].size == packet.size

    cdef int preroll_start(self, int number) noexcept nogil:
        """Return where to begin so that packet `number` decodes right: Note [Pre-roll]."""
        cdef int codec = self.codec_id
        cdef int packets = 0        # decode at least so many before it,
        cdef int64_t samples = 0    # and at least so many samples
        cdef int64_t have = 0
        cdef int first = number
        if codec == avcodec.AV_CODEC_ID_MP3:
            # two frames before it overlap with it, and the first of them needs its reservoir
            first = max(0, number - 2)
            while first > 0 and have < RESERVOIR_BYTES and number - first < LARGEST_PREROLL:
                first -= 1
                have += max(0, self.packets[first].size - MP3_OVERHEAD)
            return max(0, first - 1)
        if is_independent(codec):
            return number
        if codec == avcodec.AV_CODEC_ID_VORBIS:
            packets = 2
        elif codec == avcodec.AV_CODEC_ID_MP1 or codec == avcodec.AV_CODEC_ID_MP2:
            packets = 4
        elif codec == avcodec.AV_CODEC_ID_AC3 or codec == avcodec.AV_CODEC_ID_EAC3:
            packets = 8
        elif codec == avcodec.AV_CODEC_ID_AAC or codec == avcodec.AV_CODEC_ID_AAC_LATM:
            packets = SBR_PACKETS if self.ratio == 2 or self.packets[number].samples >= 2048 else 8
        elif wma_version(codec):
            packets = 3
        elif codec == avcodec.AV_CODEC_ID_AMR_NB:
            packets = 64
        else:
            packets = 16
            samples = 24000
        while first > 0 and number - first < LARGEST_PREROLL and (number - first < packets or have < samples):
            first -= 1
            have += self.packets[first].samples
        return first

    def describe(self, int number):
        """One packet as a dict; for tests."""
        return self.packets[number] if 0 <= number < self.count else None


def index_from_table(Demuxer demuxer not None, int stream_index):
    """Return the AudioIndex of a stream from the sample table of an MP4 file, or None if it is no
    use.
    """
    cdef AudioIndex index = AudioIndex()
    if not has_true_table(demuxer.stream(stream_index).codecpar.codec_id):
        return None
    if demuxer.format_name.startswith("mov,") and index.take_table(demuxer, stream_index):
        return index
    return None


def index_from_scan(Demuxer demuxer not None, int stream_index):
    """Return the AudioIndex of a stream, made by reading all packets. The demuxer must have read
    none.
    """
    cdef AudioIndex index = AudioIndex()
    index.scan(demuxer, stream_index)
    return index


cdef void describe_packet(AudioPacket *record, const AVPacket *packet) noexcept nogil:
    """Fill a record with what libavformat says of a packet; samples and digest stay 0."""
    memset(record, 0, sizeof(AudioPacket))
    record.pts = packet.pts
    record.pos = packet.pos
    record.size = packet.size
    record.flags = packet.flags
    compat_packet_skip(packet, &record.skip, &record.discard)


# -- codecs ----------------------------------------------------------------------------------------

cdef bint is_independent(int codec) noexcept nogil:
    """Return True if every packet decodes to the same samples, whatever came before it."""
    return (
        avcodec.AV_CODEC_ID_FIRST_AUDIO <= codec < avcodec.AV_CODEC_ID_ADPCM_IMA_QT
        or codec == avcodec.AV_CODEC_ID_FLAC or codec == avcodec.AV_CODEC_ID_ALAC
        or codec == avcodec.AV_CODEC_ID_TTA or codec == avcodec.AV_CODEC_ID_WAVPACK
        or codec == avcodec.AV_CODEC_ID_ADPCM_IMA_WAV or codec == avcodec.AV_CODEC_ID_ADPCM_MS
    )


cdef bint is_dvd_pcm(int codec) noexcept nogil:
    return strcmp(avcodec.avcodec_get_name(<avcodec.AVCodecID> codec), b"pcm_dvd") == 0


cdef bint has_no_anchor(const AVCodecParameters *parameters) noexcept nogil:
    """Return True if decoding can only begin with the first packet.

    Some decoders have predictors that never forget (ADPCM, DPCM, DFPWM); others take noise from a
    generator that runs on (AMR-WB, Nellymoser, WMA of low bit rates). That of DVD's PCM keeps the
    bytes of a sample that its packet does not hold whole.
    """
    cdef int codec = parameters.codec_id
    if is_dvd_pcm(codec):
        return True
    if codec == avcodec.AV_CODEC_ID_AMR_WB or codec == avcodec.AV_CODEC_ID_NELLYMOSER:
        return True
    # not every version has a number for it
    if strcmp(avcodec.avcodec_get_name(parameters.codec_id), b"dfpwm") == 0:
        return True
    if wma_version(codec) and wma_makes_noise(
        compat_channels(parameters), parameters.sample_rate, parameters.bit_rate
    ):
        return True
    if codec == avcodec.AV_CODEC_ID_ADPCM_IMA_WAV or codec == avcodec.AV_CODEC_ID_ADPCM_MS:
        return False
    if codec == avcodec.AV_CODEC_ID_AMR_NB:
        return False
    return avcodec.AV_CODEC_ID_ADPCM_IMA_QT <= codec < avcodec.AV_CODEC_ID_MP2


cdef bint has_loose_timestamps(const AVCodecParameters *parameters) noexcept nogil:
    """Return True if packets do not begin with a frame, so that timestamps may be off by a packet.
    """
    return wma_version(parameters.codec_id) != 0


cdef int wma_version(int codec) noexcept nogil:
    """1 or 2; 0 for other codecs."""
    return 1 if codec == avcodec.AV_CODEC_ID_WMAV1 else 2 if codec == avcodec.AV_CODEC_ID_WMAV2 else 0


cdef int32_t samples_of(const AVPacket *packet, const AVStream *stream,
                        AVVorbisParseContext *vorbis) noexcept nogil:
    """Return how many samples a packet holds, at the header's sample rate; 0 if that is not known.
    """
    cdef AVCodecParameters *parameters = stream.codecpar
    cdef int codec = parameters.codec_id
    if codec == avcodec.AV_CODEC_ID_OPUS:
        return opus_samples(packet.data, packet.size)
    if codec == avcodec.AV_CODEC_ID_FLAC:
        return flac_samples(packet.data, packet.size)
    if codec == avcodec.AV_CODEC_ID_AMR_NB and packet.size > 0 and amr_nb_is_silent(packet.data[0]):
        return 0
    if codec == avcodec.AV_CODEC_ID_ALAC and parameters.extradata_size >= 36 and packet.size > 6:
        return alac_samples(packet.data, parameters.extradata)
    if wma_version(codec):
        return wma_samples(packet.data, packet.size, wma_version(codec), parameters.sample_rate,
                           parameters.extradata, parameters.extradata_size)
    if codec == avcodec.AV_CODEC_ID_MP3 and is_no_mp3(packet.data, packet.size):
        return 0
    if vorbis != NULL:
        return max(0, avcodec.av_vorbis_parse_frame(vorbis, packet.data, packet.size))
    if is_dvd_pcm(codec):
        return 0                # samples are spread over two packets
    return samples_by_duration(packet, stream)


cdef bint has_adts_sync(const AVPacket *packet) noexcept nogil:
    """Return True if a packet of an ADTS stream begins as its frames do."""
    return packet.size >= 2 and packet.data[0] == 0xFF and packet.data[1] & 0xF6 == 0xF0


cdef bint is_damaged(int codec, const AVPacket *packet) noexcept nogil:
    """Return True if a packet without samples may be a damaged frame."""
    if codec == avcodec.AV_CODEC_ID_FLAC:
        return packet.size > 0
    return codec == avcodec.AV_CODEC_ID_MP3 and packet.size >= 3 and not (
        memcmp(packet.data, b"ID3", 3) == 0 or memcmp(packet.data, b"TAG", 3) == 0 or memcmp(packet.data, b"APE", 3) == 0
    )


cdef int32_t samples_by_duration(const AVPacket *packet, const AVStream *stream) noexcept nogil:
    """Return how many samples a packet holds by its duration or its size; 0 if that is not known.
    """
    cdef AVCodecParameters *parameters = stream.codecpar
    cdef int samples
    cdef int64_t ticks
    if stream.time_base.num == 1 and parameters.sample_rate > 0 and packet.duration > 0:
        # a time base of samples is exact
        if stream.time_base.den % parameters.sample_rate == 0:
            ticks = stream.time_base.den // parameters.sample_rate
            if packet.duration % ticks == 0:
                return <int32_t> (packet.duration // ticks)
        elif stream.time_base.den * 2 == parameters.sample_rate:
            return <int32_t> packet.duration
    samples = avcodec.av_get_audio_frame_duration2(parameters, packet.size)
    if samples <= 0 and packet.duration > 0:
        samples = <int> avutil.av_rescale(
            packet.duration * parameters.sample_rate, stream.time_base.num, stream.time_base.den
        )
    return max(samples, 0)
