"""Which samples each packet of an audio stream gives, known without decoding them.

Packets are counted, not timed: a container's timestamps may be rounded to milliseconds, estimated from a bit
rate, or have holes, while the ffmpeg command puts what it decodes end to end. The number of samples of a
packet follows from its header; where it does not, or where the decoder says otherwise, the index is not used
and reading begins at the start.

Note [Aligning]

Priming is trimmed by the decoder, in ways that are its own affair. So the place of the packets is not
computed: the first frames are decoded from the start, counted, and compared with the packets they came from.
If a steady offset appears, it holds for all packets that follow.
"""

from libc.errno cimport ENOMEM
from libc.stdint cimport INT64_MAX, int32_t, int64_t, uint8_t
from libc.stdlib cimport free, realloc
from libc.string cimport memset

from cycodec.core.compat cimport compat_channels, compat_index_count, compat_index_entry, compat_packet_skip
from cycodec.core.container.demux cimport Demuxer
from cycodec.core.bitstream.flac cimport flac_channels, flac_samples
from cycodec.core.container.packets cimport digest_packet

from cycodec.libav cimport avcodec, avformat, avutil
from cycodec.libav.avcodec cimport AVCodecParameters, AVPacket, AVVorbisParseContext
from cycodec.libav.avformat cimport AVStream


cdef int64_t NOPTS = avutil.AV_NOPTS_VALUE

cdef enum:
    STEADY_FRAMES = 4           # so many frames in a row must agree
    RESERVOIR_BYTES = 511       # how far back the main data of an MP3 frame can begin
    MP3_OVERHEAD = 38           # header, CRC and side information of an MP3 frame
    SBR_PACKETS = 64
    LARGEST_PREROLL = 512
    WMA_BIT_RESERVOIR = 2       # a flag of the stream: packets hold several frames, and parts of them


cdef class AudioIndex:
    """The packets of one stream in their order. Made by `index_from_table` or `index_from_scan`."""

    def __cinit__(self):
        self.ratio = 1
        self.uniform = True
        self.untimed = INT64_MAX

    def __dealloc__(self):
        free(self.packets)

    def __len__(self):
        return self.count

    cdef int append(self, const AudioPacket *packet) noexcept nogil:
        cdef int room
        cdef AudioPacket *grown
        if self.count == self.allocated:
            room = max(1024, self.allocated * 2)
            grown = <AudioPacket *> realloc(self.packets, room * sizeof(AudioPacket))
            if grown == NULL:
                return avutil.AVERROR(ENOMEM)
            self.packets = grown
            self.allocated = room
        self.packets[self.count] = packet[0]
        self.count += 1
        return 0

    cdef int64_t scan(self, Demuxer demuxer, int stream_index) except -1:
        """Read every packet from where the demuxer stands."""
        cdef AVStream *stream = demuxer.stream(stream_index)
        cdef AVCodecParameters *parameters = stream.codecpar
        cdef AVVorbisParseContext *vorbis = NULL
        cdef AVPacket *packet = avcodec.av_packet_alloc()
        cdef AudioPacket record
        cdef int code = 0
        cdef int first_form = -1
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
                memset(&record, 0, sizeof(record))
                record.pts = packet.pts
                record.pos = packet.pos
                record.size = packet.size
                record.flags = packet.flags
                record.digest = digest_packet(packet)
                compat_packet_skip(packet, &record.skip, &record.discard)
                record.samples = samples_of(packet, stream, vorbis)
                if self.codec_id == avcodec.AV_CODEC_ID_FLAC and packet.size > 4:
                    # a change of rate or channels would change what a sample position is
                    if first_form < 0:
                        first_form = packet.data[2] & 15 | flac_channels(packet.data[3]) << 4
                    elif first_form != (packet.data[2] & 15 | flac_channels(packet.data[3]) << 4):
                        self.uniform = False
                code = self.append(&record)
                avcodec.av_packet_unref(packet)
            if vorbis != NULL:
                avcodec.av_vorbis_parse_free(&vorbis)
            avcodec.av_packet_free(&packet)
        if code != avutil.AVERROR_EOF and code != avutil.AVERROR_INVALIDDATA:
            demuxer.check(code, "read packet")
        self.judge_order()
        return self.count

    def take_table(self, Demuxer demuxer not None, int stream_index):
        """Fill from the sample table of an MP4 file; False where that does not tell what packets give."""
        cdef AVStream *stream = demuxer.stream(stream_index)
        cdef int entries = compat_index_count(stream)
        cdef AudioPacket record
        cdef int64_t next_timestamp, ticks
        cdef int size, flags, number
        cdef int rate = stream.codecpar.sample_rate
        cdef int fixed = 0
        if entries < STEADY_FRAMES or rate <= 0 or stream.time_base.num != 1:
            return False
        # in samples of the time base: whole ones of the output, or (SBR) of half its rate
        if stream.time_base.den % rate and stream.time_base.den * 2 != rate:
            return False
        ticks = max(1, stream.time_base.den // rate)
        self.codec_id = stream.codecpar.codec_id
        self.from_table = True
        # PCM and codecs of one frame size: durations may be jittered, what comes out is not. FLAC and Opus
        # have no one size: their durations are believed as long as all are alike.
        for number in range(entries):
            memset(&record, 0, sizeof(record))
            if not compat_index_entry(stream, number, &record.pts, &record.pos, &size, &flags):
                return False
            record.size = size
            record.flags = avcodec.AV_PKT_FLAG_DISCARD if flags & avformat.AVINDEX_DISCARD_FRAME else 0
            if number:
                next_timestamp = record.pts - self.packets[number - 1].pts
                fixed = avcodec.av_get_audio_frame_duration2(stream.codecpar, self.packets[number - 1].size)
                if next_timestamp <= 0 or next_timestamp > 1 << 28:
                    return False
                if fixed <= 0:
                    fixed = <int> (next_timestamp // ticks)
                    if next_timestamp % ticks or (number > 1 and fixed != self.packets[number - 2].samples):
                        return False
                self.packets[number - 1].samples = fixed
            if self.append(&record) < 0:
                raise MemoryError()
        # how many samples the last one gives matters to nobody: it is decoded to know where the stream ends
        self.packets[entries - 1].samples = self.packets[entries - 2].samples
        self.judge_order()
        return self.rising_pts

    def judge_order(self):
        """Find out whether a packet is known by its timestamp or its place in the file."""
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

    cdef int64_t expected(self, int number) noexcept nogil:
        """How many samples come out for a packet, where nothing was held over to it."""
        cdef AudioPacket *packet = &self.packets[number]
        cdef int64_t length = <int64_t> packet.samples * self.ratio
        if packet.flags & avcodec.AV_PKT_FLAG_DISCARD:
            return 0
        if 0 < packet.discard <= length:
            length -= packet.discard
        return max(0, length - <int64_t> packet.skip * self.ratio)

    cdef bint align(self, const int64_t *stamps, const int64_t *positions, const int64_t *lengths,
                    int seen) noexcept nogil:
        """Give every packet its place, from frames decoded from the start; see Note [Aligning]."""
        cdef int i, number
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
        for i in range(seen - 1, -1, -1):
            number = <int> stamps[i]
            if not 0 <= number <= stamps[seen - 1] or self.packets[number].samples * self.ratio != lengths[i]:
                break
            if i < seen - 1:
                # frames must follow each other as their packets do
                place = 0
                while number < stamps[i + 1]:
                    place += <int64_t> self.packets[number].samples * self.ratio
                    number += 1
                if positions[i] + place != positions[i + 1]:
                    break
            steady += 1
        if steady < STEADY_FRAMES:
            return False
        self.first_regular = <int> stamps[seen - steady]
        place = positions[seen - steady]
        for number in range(self.first_regular, self.count):
            self.packets[number].start = place
            place += self.expected(number)
        place = positions[seen - steady]
        for number in range(self.first_regular - 1, -1, -1):
            place -= <int64_t> self.packets[number].samples * self.ratio
            self.packets[number].start = place
        self.aligned = True
        return True

    cdef int at(self, int64_t position) noexcept nogil:
        """The last packet that begins at or before a position."""
        cdef int low = self.first_regular
        cdef int high = self.count - 1
        cdef int middle
        while low < high:
            middle = (low + high + 1) >> 1
            if self.packets[middle].start <= position:
                low = middle
            else:
                high = middle - 1
        return low

    cdef int begin_of(self, int number) noexcept nogil:
        """The packet to begin decoding with so that this one comes out right.

        Note [Pre-roll]: what a decoder remembers decides how far back that is. PCM and the lossless codecs
        remember nothing; MP3 the bits of its reservoir, which are counted, and one frame; Vorbis one block.
        The others converge.
        """
        cdef int codec = self.codec_id
        cdef int packets = 0
        cdef int64_t samples = 0
        cdef int64_t have = 0
        cdef int first = number
        if codec == avcodec.AV_CODEC_ID_MP3:
            while first > 0 and have < RESERVOIR_BYTES and number - first < LARGEST_PREROLL:
                first -= 1
                have += max(0, self.packets[first].size - MP3_OVERHEAD)
            return max(0, first - 2)
        if is_independent(codec):
            return number
        if codec == avcodec.AV_CODEC_ID_VORBIS:
            packets = 2
        elif codec == avcodec.AV_CODEC_ID_MP1 or codec == avcodec.AV_CODEC_ID_MP2:
            packets = 4
        elif codec == avcodec.AV_CODEC_ID_AC3 or codec == avcodec.AV_CODEC_ID_EAC3:
            packets = 8
        elif codec == avcodec.AV_CODEC_ID_AAC or codec == avcodec.AV_CODEC_ID_AAC_LATM:
            # spectral band replication waits for a header that comes now and then
            packets = SBR_PACKETS if self.ratio == 2 or self.packets[number].samples >= 2048 else 8
        elif is_wma(codec):
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

    cdef int identify(self, const AVPacket *packet, bint by_pos) noexcept nogil:
        """Which of the packets this one is; -1: none."""
        cdef int low = 0
        cdef int high = self.count - 1
        cdef int middle
        cdef AudioPacket *known
        cdef int64_t value = packet.pos if by_pos else packet.pts
        if value < 0 and (by_pos or value == NOPTS):
            return -1
        while low < high:
            middle = (low + high) >> 1
            if (self.packets[middle].pos if by_pos else self.packets[middle].pts) < value:
                low = middle + 1
            else:
                high = middle
        known = &self.packets[low]
        if (known.pos if by_pos else known.pts) != value or known.size != packet.size:
            return -1
        if known.digest and known.digest != digest_packet(packet):
            return -1
        return low

    def describe(self, int number):
        """One packet as a dict; for tests."""
        return self.packets[number] if 0 <= number < self.count else None


def index_from_table(Demuxer demuxer not None, int stream_index):
    """The AudioIndex of a stream from the sample table of its MP4 file, or None where that does not tell."""
    cdef AudioIndex index = AudioIndex()
    if demuxer.format_name.startswith("mov,") and index.take_table(demuxer, stream_index):
        return index
    return None


def index_from_scan(Demuxer demuxer not None, int stream_index):
    """The AudioIndex of a stream by reading all its packets from a demuxer that has read none."""
    cdef AudioIndex index = AudioIndex()
    index.scan(demuxer, stream_index)
    return index


cdef bint is_independent(int codec) noexcept nogil:
    """Whether every packet decodes to the same samples whatever came before it."""
    return (
        avcodec.AV_CODEC_ID_FIRST_AUDIO <= codec < avcodec.AV_CODEC_ID_ADPCM_IMA_QT
        or codec == avcodec.AV_CODEC_ID_FLAC or codec == avcodec.AV_CODEC_ID_ALAC
        or codec == avcodec.AV_CODEC_ID_TTA or codec == avcodec.AV_CODEC_ID_WAVPACK
        or codec == avcodec.AV_CODEC_ID_ADPCM_IMA_WAV or codec == avcodec.AV_CODEC_ID_ADPCM_MS
    )


cdef bint has_no_anchor(const AVCodecParameters *parameters) noexcept nogil:
    """Whether decoding can only begin with the first packet: predictors that carry on for ever (ADPCM,
    DPCM), noise from a generator that does (AMR-WB, Nellymoser, WMA of few bits).
    """
    cdef int codec = parameters.codec_id
    if codec == avcodec.AV_CODEC_ID_AMR_WB or codec == avcodec.AV_CODEC_ID_NELLYMOSER or wma_makes_noise(parameters):
        return True
    if codec == avcodec.AV_CODEC_ID_ADPCM_IMA_WAV or codec == avcodec.AV_CODEC_ID_ADPCM_MS:
        return False
    if codec == avcodec.AV_CODEC_ID_AMR_NB:
        return False
    return avcodec.AV_CODEC_ID_ADPCM_IMA_QT <= codec < avcodec.AV_CODEC_ID_MP2


cdef int32_t samples_of(const AVPacket *packet, const AVStream *stream,
                        AVVorbisParseContext *vorbis) noexcept nogil:
    """How many samples a packet holds, of the rate in the header; 0: not known."""
    cdef AVCodecParameters *parameters = stream.codecpar
    cdef int samples = 0
    cdef int64_t ticks
    if parameters.codec_id == avcodec.AV_CODEC_ID_OPUS:
        return opus_samples(packet.data, packet.size)
    if parameters.codec_id == avcodec.AV_CODEC_ID_FLAC:
        return flac_samples(packet.data, packet.size)
    if parameters.codec_id == avcodec.AV_CODEC_ID_AMR_NB and packet.size > 0 and packet.data[0] >> 3 & 15 > 7:
        return 0                # silence descriptors and lost frames: FFmpeg decodes nothing for them
    if (parameters.codec_id == avcodec.AV_CODEC_ID_ALAC and parameters.extradata_size >= 36
            and packet.size > 6):
        return alac_samples(packet.data, parameters.extradata)
    if is_wma(parameters.codec_id):
        return wma_samples(packet.data, packet.size, parameters)
    if vorbis != NULL:
        return max(0, avcodec.av_vorbis_parse_frame(vorbis, packet.data, packet.size))
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


cdef int32_t alac_samples(const uint8_t *data, const uint8_t *cookie) noexcept nogil:
    """By the first element's header; frames that are not of the cookie's length say their own."""
    if data[2] >> 4 & 1:
        return (
            (data[2] & 1) << 31 | data[3] << 23 | data[4] << 15 | data[5] << 7 | data[6] >> 1
        )
    return cookie[12] << 24 | cookie[13] << 16 | cookie[14] << 8 | cookie[15]


cdef bint is_wma(int codec) noexcept nogil:
    return codec == avcodec.AV_CODEC_ID_WMAV1 or codec == avcodec.AV_CODEC_ID_WMAV2


cdef bint wma_makes_noise(const AVCodecParameters *parameters) noexcept nogil:
    """Whether a WMA decoder may put noise in place of what was not stored.

    libavcodec decides it by the bits spent on a sample; where its rules are involved, this says yes.
    """
    cdef int channels = compat_channels(parameters)
    cdef int rate = parameters.sample_rate
    cdef double bits
    if not is_wma(parameters.codec_id):
        return False
    if channels < 1 or rate != 44100 and rate != 22050:
        return True
    bits = parameters.bit_rate / <double> (channels * rate) * (1.6 if channels == 2 else 1)
    return bits < (0.62 if rate == 44100 else 1.17)


cdef int32_t wma_samples(const uint8_t *data, int size, const AVCodecParameters *parameters) noexcept nogil:
    """By the superframe's header, which counts the frames that end in it; a first packet gives one frame less."""
    cdef int rate = parameters.sample_rate
    cdef bint first_version = parameters.codec_id == avcodec.AV_CODEC_ID_WMAV1
    cdef int frame = 512 if rate <= 16000 else 1024 if rate <= 22050 or (rate <= 32000 and first_version) else 2048
    cdef int at = 2 if first_version else 4             # of the flags
    if parameters.extradata_size < at + 2 or not parameters.extradata[at] & WMA_BIT_RESERVOIR:
        return frame
    return (data[0] & 15) * frame if size > 0 else 0


cdef int32_t opus_samples(const uint8_t *data, int size) noexcept nogil:
    """By the table-of-contents byte: RFC 6716, section 3.1. At 48 kHz, as FFmpeg decodes Opus."""
    cdef int config, frame, frames
    if size < 1:
        return 0
    config = data[0] >> 3
    if config < 12:
        frame = 2880 if config & 3 == 3 else 480 << (config & 3)
    elif config < 16:
        frame = 480 << (config & 1)
    else:
        frame = 120 << (config & 3)
    frames = data[0] & 3
    if frames == 3:
        frames = data[1] & 63 if size > 1 else 0
    else:
        frames = 1 if frames == 0 else 2
    return frame * frames
