"""Finding the frame of a .flac file that holds a sample, by bisection over frame headers.

FFmpeg bisects, too, and reads ten frames at every step to be sure of each. This module reads
headers only. The caller makes sure of the result: the frame found must decode with the number that
its header says.

Note [Joined frames]

The parser of .flac files leaves a frame whose header is damaged in the packet before, and may join
that with further frames. The parser of FFmpeg 9 also joins any damaged frame with those behind it.
The decoder refuses such a packet, or the part of it that follows its good frames. What begins with
the next good header is then cut off and decoded as a packet of its own. The number in that header,
or in that of the next packet, tells how many samples were lost. At the end of the file the parser
returns frames of a joined packet again, which are dropped. So the same samples are lost with every
FFmpeg.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport free, malloc
from libc.string cimport memchr, memcpy

from cycodec.core.container.codes cimport LOST
from cycodec.core.bitstream.flac cimport (
    FLAC_FORM_BYTES,
    FLAC_LONGEST_HEADER,
    FlacHeader,
    flac_form,
    flac_samples,
    read_flac_header,
)
from cycodec.core.container.demux cimport Demuxer

from cycodec.libav cimport avcodec, avformat
from cycodec.libav.avcodec cimport AVPacket
from cycodec.libav.avformat cimport AVIOContext, AVStream


cdef enum:
    CHUNK_BYTES = 1 << 16       # read at every step
    MOST_STEPS = 40
    NUM_PROBES = 16             # places in the file whose frame numbers must rise
    NEAR_FRAMES = 2             # decoding so many frames is faster than another step


cdef struct FlacPlace:
    int64_t first_sample        # number of a frame's first sample
    int64_t position            # of the frame's first byte in the file


cdef void note_flac_start(FlacStart *start, const AVPacket *packet) noexcept nogil:
    """Remember the first packet of a stream."""
    if packet.size > FLAC_FORM_BYTES:
        memcpy(start.form, packet.data, FLAC_FORM_BYTES)
        start.position = packet.pos
        start.samples = flac_samples(packet.data, packet.size)


cdef bint has_flac_form(const AVPacket *packet, const FlacStart *start) noexcept nogil:
    """Return True if a packet has the sample rate and number of channels of the stream's first
    frame.
    """
    return packet.size >= FLAC_FORM_BYTES and flac_form(packet.data) == flac_form(start.form)


cdef int read_flac_at(Demuxer demuxer, int stream_index, const FlacStart *start, int64_t wanted,
                      AVPacket *packet) noexcept nogil:
    """Read the packet that holds a sample, or one shortly before it; 0 or AVERROR.

    libavformat seeks if the frame found here is none.
    """
    cdef FlacPlace place
    cdef int64_t total = demuxer.stream(stream_index).duration
    cdef int code = LOST
    if bisect(demuxer.ptr.pb, start, total, wanted, &place):
        code = demuxer.seek_byte(place.position)
        if code >= 0:
            avcodec.av_packet_unref(packet)
            code = demuxer.read(packet, stream_index)
        if code >= 0 and packet.pts != place.first_sample:
            code = LOST
    if code < 0:
        code = demuxer.seek(stream_index, wanted)
        if code >= 0:
            avcodec.av_packet_unref(packet)
            code = demuxer.read(packet, stream_index)
    return code


cdef bint is_one_flac(Demuxer demuxer, int stream_index, const FlacStart *start) noexcept nogil:
    """Return True if frame numbers rise over the whole file and end where its header says.

    In files that were joined, numbers start again. The place in the file is the same afterwards.
    """
    cdef AVIOContext *pb = demuxer.ptr.pb
    cdef int64_t total = demuxer.stream(stream_index).duration
    cdef int64_t size = avformat.avio_size(pb)
    cdef int64_t here = avformat.avio_seek(pb, 0, 1)
    cdef uint8_t *data = <uint8_t *> malloc(CHUNK_BYTES)
    cdef int64_t before = -1
    cdef int64_t number = 0
    cdef int64_t place
    cdef int got, i
    cdef bint good = data != NULL and here >= 0 and start.samples > 0
    for i in range(1, NUM_PROBES + 1):
        if not good:
            break
        place = start.position + (size - start.position) * i // NUM_PROBES - (CHUNK_BYTES if i == NUM_PROBES else 0)
        if avformat.avio_seek(pb, max(place, start.position), 0) < 0:
            good = False
            break
        got = read_chunk(pb, data)
        number = last_number(data, got, start)
        if number >= 0:
            good = number >= before
            before = number
    if good and total > 0:
        good = number < total      # a file that was cut off ends before
    free(data)
    if here >= 0 and avformat.avio_seek(pb, here, 0) < 0:
        return False
    return good


cdef int find_flac_header(const uint8_t *data, int size, int at, const FlacStart *start,
                          FlacHeader *header) noexcept nogil:
    """Return where the first frame at or behind a place begins in `data`; -1 if none does.

    Nothing behind `size` is read, so that a header must end FLAC_LONGEST_HEADER bytes before it.
    """
    cdef int end = size - FLAC_LONGEST_HEADER
    cdef const uint8_t *found
    while at < end:
        found = <const uint8_t *> memchr(data + at, 0xFF, end - at)
        if found == NULL:
            return -1
        at = <int> (found - data)
        if read_flac_header(found, start.form, start.samples, header):
            return at
        at += 1
    return -1


cdef bint cut_joined_flac(AVPacket *packet, const FlacStart *start, int64_t behind) noexcept nogil:
    """Cut off the frames of a packet before the first one whose number is above `behind`.

    Return False if the packet holds no such frame behind its first one.
    """
    cdef FlacHeader header
    cdef int at = 0
    if start.samples <= 0:
        return False
    header.first_sample = behind
    while at >= 0 and header.first_sample <= behind:
        # libavcodec's padding is longer than a header
        at = find_flac_header(packet.data, packet.size + FLAC_LONGEST_HEADER, at + 1, start, &header)
    if at < 0:
        return False
    packet.data += at
    packet.size -= at
    packet.pos += at if packet.pos >= 0 else 0
    packet.pts = header.first_sample
    packet.duration = header.samples
    return True


cdef int64_t flac_number(const AVPacket *packet, const FlacStart *start) noexcept nogil:
    """Return the number of a packet's first sample by its header; -1 if that is damaged."""
    cdef FlacHeader header
    if start.samples > 0 and find_flac_header(
        packet.data, packet.size + FLAC_LONGEST_HEADER, 0, start, &header
    ) == 0:
        return header.first_sample
    return -1


cdef int64_t last_number(const uint8_t *data, int size, const FlacStart *start) noexcept nogil:
    """Return the first sample of the last frame that begins in a chunk; -1 if there is none."""
    cdef FlacHeader header
    cdef int64_t number = -1
    cdef int at = find_flac_header(data, size, 0, start, &header)
    while at >= 0:
        number = header.first_sample
        at = find_flac_header(data, size, at + 1, start, &header)
    return number


cdef bint bisect(AVIOContext *pb, const FlacStart *start, int64_t total, int64_t wanted,
                 FlacPlace *found) noexcept nogil:
    """Find the frame that holds a sample, or one shortly before it; False if that is impossible.

    `total` is the number of samples that the stream's header promises.
    """
    cdef uint8_t *data
    cdef FlacPlace high
    cdef int64_t guess
    cdef int size, step
    high.position = avformat.avio_size(pb)
    high.first_sample = total
    found.first_sample = 0
    found.position = start.position
    if start.samples <= 0 or high.position <= start.position or not 0 <= wanted < total:
        return False
    data = <uint8_t *> malloc(CHUNK_BYTES)
    if data == NULL:
        return False
    for step in range(MOST_STEPS):
        if found.first_sample + NEAR_FRAMES * start.samples > wanted:
            break
        if high.position <= found.position + 1 or high.first_sample <= found.first_sample:
            break
        guess = guess_position(found, &high, start.samples, wanted, step)
        if avformat.avio_seek(pb, guess, 0) < 0:
            break
        size = read_chunk(pb, data)
        if not narrow(data, size, guess, start, wanted, found, &high):
            high.position = guess
    free(data)
    return True


cdef int64_t guess_position(const FlacPlace *low, const FlacPlace *high, int32_t block_size, int64_t wanted,
                            int step) noexcept nogil:
    """Return where to look next for the frame with a sample."""
    cdef int64_t frame_bytes, guess
    if step % 3 == 2:
        # frame sizes are uneven (silence takes next to no bytes): halve the distance now and then
        guess = low.position + (high.position - low.position) // 2
    else:
        # where the frame is if all frames have the same size, and one frame earlier
        frame_bytes = <int64_t> (
            (high.position - low.position) / <double> (high.first_sample - low.first_sample) * block_size
        )
        guess = low.position + (wanted - low.first_sample) // block_size * frame_bytes - frame_bytes
    return min(max(guess, low.position + 1), high.position - 1)


cdef int read_chunk(AVIOContext *pb, uint8_t *data) noexcept nogil:
    """Read up to CHUNK_BYTES bytes; return how many there were."""
    cdef int size = 0
    cdef int got
    while size < CHUNK_BYTES:
        got = avformat.avio_read(pb, data + size, CHUNK_BYTES - size)
        if got <= 0:
            break
        size += got
    return size


cdef bint narrow(const uint8_t *data, int size, int64_t position, const FlacStart *start, int64_t wanted,
                 FlacPlace *low, FlacPlace *high) noexcept nogil:
    """Move `low` and `high` to the frames that begin in a chunk; return False if there are none.

    `position` is the place of the chunk in the file.
    """
    cdef FlacHeader header
    cdef bint seen = False
    cdef int at = find_flac_header(data, size, 0, start, &header)
    while at >= 0:
        if low.first_sample < header.first_sample < high.first_sample:
            seen = True
            if header.first_sample > wanted:
                high.position = position + at
                high.first_sample = header.first_sample
                return True
            low.position = position + at
            low.first_sample = header.first_sample
        at = find_flac_header(data, size, at + 1, start, &header)
    return seen


cdef bint has_numbered_packets(Demuxer demuxer, int stream_index):
    """Return True if timestamps are the numbers of samples that headers of FLAC frames hold."""
    cdef AVStream *stream = demuxer.stream(stream_index)
    return (
        demuxer.format_name == "flac" and stream.codecpar.codec_id == avcodec.AV_CODEC_ID_FLAC
        and stream.time_base.num == 1 and stream.time_base.den == stream.codecpar.sample_rate
    )
