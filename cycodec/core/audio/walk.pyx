"""The packets of MP3 and Ogg files by their headers alone, many times faster than libavformat hands them out.

What comes out must be what a scan gives: beginning and end of the stream are compared with libavformat's packets, and
whatever is irregular between (another format, junk, a hole, a second stream) has the file scanned instead.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memmove, memset

from cycodec.core.audio.index cimport AudioIndex, AudioPacket, opus_samples
from cycodec.core.compat cimport compat_packet_skip
from cycodec.core.container.demux cimport Demuxer

from cycodec.libav cimport avcodec, avformat, avutil
from cycodec.libav.avcodec cimport AVPacket, AVVorbisParseContext
from cycodec.libav.avformat cimport AVIOContext


cdef int64_t NOPTS = avutil.AV_NOPTS_VALUE

cdef enum:
    WINDOW_BYTES = 1 << 20      # read at once
    HEAD_PACKETS = 8            # compared with libavformat's at the beginning ...
    TAIL_PACKETS = 64           # ... and at the end
    OGG_HEADER = 27
    OGG_LARGEST_PAGE = OGG_HEADER + 255 + 255 * 255
    OGG_CONTINUED = 1
    OGG_FIRST_PAGE = 2
    OGG_LAST_PAGE = 4


cdef struct Window:
    # a stretch of the file in memory
    AVIOContext *pb
    uint8_t *data
    int64_t begin               # of the stretch in the file
    int size


cdef uint8_t *look(Window *window, int64_t position, int size) noexcept nogil:
    """`size` bytes of the file from a position on; NULL where there are fewer. Positions only ever grow."""
    cdef int kept, got
    if position + size > window.begin + window.size:
        kept = <int> max(0, window.begin + window.size - position)
        memmove(window.data, window.data + window.size - kept, kept)
        if kept == 0 and position != window.begin + window.size:
            if avformat.avio_seek(window.pb, position, 0) < 0:
                return NULL
        window.begin = position
        window.size = kept
        while window.size < WINDOW_BYTES:
            got = avformat.avio_read(window.pb, window.data + window.size, WINDOW_BYTES - window.size)
            if got <= 0:
                break
            window.size += got
        if window.size < size:
            return NULL
    return window.data + (position - window.begin)


cdef int read_packets(Demuxer demuxer, int stream_index, AVPacket *packet, AudioPacket *out, int most) noexcept nogil:
    """What libavformat says of the next packets; how many there were."""
    cdef int count = 0
    while count < most and demuxer.read(packet, stream_index) >= 0:
        memset(&out[count], 0, sizeof(AudioPacket))
        out[count].pts = packet.pts
        out[count].pos = packet.pos
        out[count].size = packet.size
        out[count].flags = packet.flags
        compat_packet_skip(packet, &out[count].skip, &out[count].discard)
        avcodec.av_packet_unref(packet)
        count += 1
    return count


# -- MPEG audio, layer III: ISO/IEC 11172-3, section 2.4.1.3, and 13818-3 ---------------------------------------------

cdef int[2][15] MP3_KBITS = [
    [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],     # MPEG-1
    [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],         # MPEG-2 and 2.5
]
cdef int[3] MP3_RATES = [44100, 48000, 32000]


cdef int mp3_frame_size(const uint8_t *header, int *samples) noexcept nogil:
    """Bytes of the frame that a header begins; 0: it is no header, or of free format."""
    cdef int version = header[1] >> 3 & 3       # 3: MPEG-1, 2: MPEG-2, 0: MPEG-2.5
    cdef int kbits = header[2] >> 4
    cdef int rate = header[2] >> 2 & 3
    if header[0] != 0xFF or header[1] & 0xE6 != 0xE2 or version == 1 or kbits in (0, 15) or rate == 3:
        return 0
    samples[0] = 1152 if version == 3 else 576
    rate = MP3_RATES[rate] >> (0 if version == 3 else 1 if version == 2 else 2)
    return samples[0] * 125 * MP3_KBITS[0 if version == 3 else 1][kbits] // rate + (header[2] >> 1 & 1)


cdef bint same_mp3_form(const uint8_t *a, const uint8_t *b) noexcept nogil:
    """Whether two headers are of one version, rate and number of channels."""
    return a[1] & 0xFE == b[1] & 0xFE and a[2] & 0x0C == b[2] & 0x0C and (a[3] >= 0xC0) == (b[3] >= 0xC0)


cdef void find_mp3_padding(const uint8_t *before, int size, int samples, int64_t *first, int64_t *last) noexcept nogil:
    """The samples [first, last) that the frame before the first packet, `before`, wants dropped at the end.

    It is that of Xing ("Info" where the bit rate is constant), with LAME's extension, as FFmpeg understands it.
    """
    cdef const uint8_t *tag
    cdef int64_t frames
    cdef int ignored = 0
    cdef int version, mono, at
    first[0] = last[0] = 0
    for at in range(size - 4):
        if mp3_frame_size(before + at, &ignored) != size - at:
            continue
        version = before[at + 1] >> 3 & 3
        mono = before[at + 3] >= 0xC0
        at += 4 + ((17 if mono else 32) if version == 3 else (9 if mono else 17))
        if at + 120 + 24 > size or (memcmp(before + at, b"Xing", 4) and memcmp(before + at, b"Info", 4)):
            return
        tag = before + at + 8
        if not before[at + 7] & 1:
            return              # no number of frames
        frames = <int64_t> tag[0] << 24 | tag[1] << 16 | tag[2] << 8 | tag[3]
        tag += 4 + (4 if before[at + 7] & 2 else 0) + (100 if before[at + 7] & 4 else 0)
        tag += 4 if before[at + 7] & 8 else 0
        if memcmp(tag, b"LAME", 4) and memcmp(tag, b"Lavf", 4) and memcmp(tag, b"Lavc", 4):
            return
        first[0] = frames * samples - ((tag[22] & 15) << 8 | tag[23]) + 528 + 1
        last[0] = frames * samples
        return


cdef bint walk_mp3(AudioIndex index, Demuxer demuxer, int stream_index, Window *window, AVPacket *packet) noexcept nogil:
    cdef AudioPacket[TAIL_PACKETS + 1] known
    cdef AudioPacket record
    cdef AudioPacket *ours
    cdef uint8_t[4] form
    cdef const uint8_t *header
    cdef int64_t place, first, last, end
    cdef int count, i, size
    cdef int samples = 0
    count = read_packets(demuxer, stream_index, packet, known, HEAD_PACKETS)
    if count < HEAD_PACKETS or known[0].pos < 0:
        return False
    place = known[0].pos
    size = <int> min(place, 2048)
    # libavformat leaves a checksum of all that is read running where there is no Xing header
    window.pb.update_checksum = NULL
    header = look(window, place - size, size + 4)
    if header == NULL:
        return False
    memmove(form, header + size, 4)
    mp3_frame_size(form, &samples)
    find_mp3_padding(header, size, samples, &first, &last)
    memset(&record, 0, sizeof(record))
    record.pts = NOPTS
    record.flags = avcodec.AV_PKT_FLAG_KEY
    while True:
        header = look(window, place, 4)
        if header == NULL:
            break
        size = mp3_frame_size(header, &samples)
        if size == 0 or not same_mp3_form(header, form):
            break               # a tag, perhaps: libavformat's last packets will tell
        record.pos = place
        record.size = size
        record.samples = samples
        end = (<int64_t> index.count + 1) * samples
        record.discard = <uint32_t> min(end - first, samples) if last and first <= end and end - samples < last else 0
        if index.append(&record) < 0:
            return False
        place += size
    if index.count < TAIL_PACKETS + HEAD_PACKETS:
        return False
    for i in range(HEAD_PACKETS):
        ours = &index.packets[i]
        if ours.pos != known[i].pos or ours.size != known[i].size:
            return False
        ours.skip = known[i].skip
    ours = &index.packets[index.count - TAIL_PACKETS]
    if demuxer.seek_byte(ours.pos) < 0:
        return False
    count = read_packets(demuxer, stream_index, packet, known, TAIL_PACKETS + 1)
    if count != TAIL_PACKETS:
        return False
    for i in range(TAIL_PACKETS):
        if ours[i].pos != known[i].pos or ours[i].size != known[i].size:
            return False
    return True


# -- Ogg: RFC 3533 ----------------------------------------------------------------------------------------------------

cdef struct OggPacket:
    # the one that is being put together
    int64_t size
    int have                    # of its first bytes
    uint8_t[2] first


cdef bint walk_ogg(AudioIndex index, Demuxer demuxer, int stream_index, Window *window, AVPacket *packet,
                   AVVorbisParseContext *vorbis) noexcept nogil:
    cdef AudioPacket[TAIL_PACKETS + 1] known
    cdef AudioPacket record
    cdef AudioPacket *ours
    cdef OggPacket part
    cdef const uint8_t *page
    cdef const uint8_t *body
    cdef int64_t place = 0
    cdef int64_t pts = 0
    cdef int64_t offset = 0             # of granule positions against the sum of samples, once known
    cdef int64_t granule, shift
    cdef bint has_offset = False
    cdef bint ragged = False            # a page did not fit; only the last one may
    cdef uint32_t serial = 0
    cdef int headers = 2 if vorbis == NULL else 3
    cdef int count, i, segments, size, lacing, heads, found
    heads = read_packets(demuxer, stream_index, packet, known, HEAD_PACKETS)
    if heads < HEAD_PACKETS:
        return False
    memset(&part, 0, sizeof(part))
    memset(&record, 0, sizeof(record))
    record.pos = -1
    record.flags = avcodec.AV_PKT_FLAG_KEY
    while True:
        page = look(window, place, OGG_HEADER)
        if page == NULL:
            break
        segments = page[26]
        page = look(window, place, OGG_HEADER + segments)
        if page == NULL or ragged or memcmp(page, b"OggS", 4) or page[4]:
            return False
        if place == 0:
            serial = little(page + 14)
        elif little(page + 14) != serial or page[5] & OGG_FIRST_PAGE:
            return False
        if (page[5] & OGG_CONTINUED != 0) != (part.size > 0):
            return False
        if page[5] & OGG_LAST_PAGE:
            index.untimed = place       # its granule position says where sound ends, not where packets do
        size = 0
        for i in range(segments):
            size += page[OGG_HEADER + i]
        page = look(window, place, OGG_HEADER + segments + size)
        if page == NULL:
            return False
        body = page + OGG_HEADER + segments
        granule = <int64_t> little(page + 6) | <int64_t> little(page + 10) << 32
        for i in range(segments):
            lacing = page[OGG_HEADER + i]
            part.size += lacing
            while part.have < 2 and part.have < part.size and lacing > 0:
                part.first[part.have] = body[part.have - (part.size - lacing)]
                part.have += 1
            body += lacing
            if lacing == 255:
                continue
            if headers:
                headers -= 1
            else:
                record.size = <int> part.size
                if vorbis != NULL:
                    record.samples = max(0, avcodec.av_vorbis_parse_frame(vorbis, part.first, record.size))
                else:
                    record.samples = opus_samples(part.first, record.size)
                record.pts = pts
                if record.size == 0 or index.append(&record) < 0:
                    return False
                pts += record.samples
            part.size = 0
            part.have = 0
        if granule != -1 and index.count > HEAD_PACKETS:
            if not has_offset:
                offset = granule - pts
                has_offset = True
            ragged = granule - pts != offset
        place += OGG_HEADER + segments + size
    if part.size or index.count < TAIL_PACKETS + HEAD_PACKETS:
        return False
    # libavformat's own timestamps for ours, which began with 0; its first ones may be crooked
    shift = known[HEAD_PACKETS - 1].pts - index.packets[HEAD_PACKETS - 1].pts
    if known[HEAD_PACKETS - 1].pts == NOPTS:
        return False
    for i in range(index.count):
        index.packets[i].pts += shift
    for i in range(HEAD_PACKETS):
        ours = &index.packets[i]
        if ours.size != known[i].size:
            return False
        ours.pts = known[i].pts
        ours.skip = known[i].skip
        ours.discard = known[i].discard
        ours.flags = known[i].flags
    if demuxer.seek(stream_index, index.packets[index.count - TAIL_PACKETS].pts) < 0:
        return False
    found = -1
    while True:
        count = read_packets(demuxer, stream_index, packet, known, 1)
        if count == 0:
            break
        if found < 0:
            found = number_of_pts(index, known[0].pts)
            if found < 0:
                continue        # the rest of a packet that began before
        if found >= index.count:
            return False
        ours = &index.packets[found]
        if ours.pts != known[0].pts or ours.size != known[0].size:
            return False
        ours.skip = known[0].skip
        ours.discard = known[0].discard
        ours.flags = known[0].flags
        found += 1
    return found == index.count


cdef uint32_t little(const uint8_t *data) noexcept nogil:
    return data[0] | data[1] << 8 | data[2] << 16 | <uint32_t> data[3] << 24


cdef int number_of_pts(AudioIndex index, int64_t pts) noexcept nogil:
    cdef int low = 0
    cdef int high = index.count - 1
    cdef int middle
    while low < high:
        middle = (low + high) >> 1
        if index.packets[middle].pts < pts:
            low = middle + 1
        else:
            high = middle
    return low if index.packets[low].pts == pts else -1


def index_from_walk(Demuxer demuxer not None, int stream_index):
    """The AudioIndex of a stream from the headers of its packets, by a demuxer that has read none; None where that fails.

    The demuxer has been moved about afterwards.
    """
    cdef AudioIndex index = AudioIndex()
    cdef avcodec.AVCodecParameters *parameters = demuxer.stream(stream_index).codecpar
    cdef AVPacket *packet
    cdef AVVorbisParseContext *vorbis = NULL
    cdef Window window
    cdef bint good = False
    cdef bint mp3 = demuxer.format_name == "mp3" and parameters.codec_id == avcodec.AV_CODEC_ID_MP3
    cdef bint ogg = demuxer.format_name == "ogg" and (
        parameters.codec_id == avcodec.AV_CODEC_ID_OPUS or parameters.codec_id == avcodec.AV_CODEC_ID_VORBIS
    )
    if not (mp3 or ogg) or not demuxer.can_seek_bytes:
        return None
    packet = avcodec.av_packet_alloc()
    window.data = <uint8_t *> malloc(WINDOW_BYTES)
    window.begin = -1
    window.size = 0
    window.pb = demuxer.ptr.pb
    index.codec_id = parameters.codec_id
    if packet == NULL or window.data == NULL:
        avcodec.av_packet_free(&packet)
        free(window.data)
        raise MemoryError()
    try:
        with nogil:
            if parameters.codec_id == avcodec.AV_CODEC_ID_VORBIS:
                vorbis = avcodec.av_vorbis_parse_init(parameters.extradata, parameters.extradata_size)
            if mp3:
                good = walk_mp3(index, demuxer, stream_index, &window, packet)
            elif vorbis != NULL or parameters.codec_id == avcodec.AV_CODEC_ID_OPUS:
                good = walk_ogg(index, demuxer, stream_index, &window, packet, vorbis)
    finally:
        if vorbis != NULL:
            avcodec.av_vorbis_parse_free(&vorbis)
        avcodec.av_packet_free(&packet)
        free(window.data)
    demuxer.io.check(0, "read")
    if not good:
        return None
    index.judge_order()
    return index
