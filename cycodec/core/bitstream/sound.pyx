"""What the bytes of audio packets say, without a decoder: lengths of Opus, ALAC, WMA and MP3."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.string cimport memcmp


cdef enum:
    WMA_BIT_RESERVOIR = 2       # a flag of the stream: packets hold several frames or parts of them
    ALAC_LONGEST = 1 << 16      # samples of a packet; encoders write 4096
    XING_HAS_FRAMES = 1
    XING_HAS_BYTES = 2
    XING_HAS_TOC = 4
    XING_HAS_QUALITY = 8
    XING_LARGEST = 120 + 24     # bytes of a Xing header with LAME's extension
    MP3_DECODER_DELAY = 528 + 1     # samples by which a decoder of layer III is late


cdef int32_t opus_samples(const uint8_t *data, int size) noexcept nogil:
    """Return the samples of an Opus packet at 48 kHz, by its first byte (RFC 6716, section 3.1)."""
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


cdef int32_t alac_samples(const uint8_t *data, const uint8_t *cookie) noexcept nogil:
    """Return the samples of an ALAC packet, by the header of its first element.

    A frame whose length is not that of the `cookie` (the codec's extradata) stores its own length.
    The result is 0 for a length that cannot be right.
    """
    cdef uint32_t length
    if data[2] >> 4 & 1:
        length = <uint32_t> (data[2] & 1) << 31 | data[3] << 23 | data[4] << 15 | data[5] << 7 | data[6] >> 1
    else:
        length = <uint32_t> cookie[12] << 24 | cookie[13] << 16 | cookie[14] << 8 | cookie[15]
    return <int32_t> length if length <= ALAC_LONGEST else 0


cdef bint amr_nb_is_silent(int first) noexcept nogil:
    """Return True if the first byte begins a silence descriptor or a lost frame, which FFmpeg
    skips.
    """
    return first >> 3 & 15 > 7


# -- Windows Media Audio, versions 1 and 2 ---------------------------------------------------------

cdef int32_t wma_samples(const uint8_t *data, int size, int version, int rate, const uint8_t *extradata,
                         int extradata_size) noexcept nogil:
    """Return the samples of a WMA packet. Its header counts the frames that end in it.

    The first packet of a stream gives one frame less.
    """
    cdef int frame = 512 if rate <= 16000 else 1024 if rate <= 22050 or (rate <= 32000 and version == 1) else 2048
    cdef int at = 2 if version == 1 else 4              # place of the flags
    if extradata_size < at + 2 or not extradata[at] & WMA_BIT_RESERVOIR:
        return frame
    return (data[0] & 15) * frame if size > 0 else 0


cdef bint wma_makes_noise(int channels, int rate, int64_t bit_rate) noexcept nogil:
    """Return True if a WMA decoder may put noise in place of what was not stored.

    libavcodec decides it by the bits spent on a sample. Where its rules are involved, this function
    returns True.
    """
    cdef double bits
    if channels < 1 or rate != 44100 and rate != 22050:
        return True
    bits = bit_rate / <double> (channels * rate) * (1.6 if channels == 2 else 1)
    return bits < (0.62 if rate == 44100 else 1.17)


# -- MPEG audio, layer III: ISO/IEC 11172-3, section 2.4.1.3, and 13818-3 --------------------------

cdef int[2][15] MP3_KBITS = [
    [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],     # MPEG-1
    [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],         # MPEG-2 and 2.5
]
cdef int[3] MP3_RATES = [44100, 48000, 32000]


cdef bint read_mp3_header(const uint8_t *header, Mp3Frame *frame) noexcept nogil:
    """Return True, and fill `frame`, if four bytes are a header, but not of a free format."""
    cdef int version = header[1] >> 3 & 3       # 3: MPEG-1, 2: MPEG-2, 0: MPEG-2.5
    cdef int kbits = header[2] >> 4
    cdef int rate = header[2] >> 2 & 3
    if header[0] != 0xFF or header[1] & 0xE6 != 0xE2 or version == 1 or kbits in (0, 15) or rate == 3:
        return False
    frame.samples = 1152 if version == 3 else 576
    rate = MP3_RATES[rate] >> (0 if version == 3 else 1 if version == 2 else 2)
    kbits = MP3_KBITS[0 if version == 3 else 1][kbits]
    frame.size = frame.samples * 125 * kbits // rate + (header[2] >> 1 & 1)
    return frame.size > 0


cdef bint same_mp3_form(const uint8_t *a, const uint8_t *b) noexcept nogil:
    """Return True if two headers are of one version, sample rate and number of channels."""
    return a[1] & 0xFE == b[1] & 0xFE and a[2] & 0x0C == b[2] & 0x0C and (a[3] >= 0xC0) == (b[3] >= 0xC0)


cdef SampleRange mp3_padding(const uint8_t *before, int size, int samples) noexcept nogil:
    """Return the samples at the end of an MP3 stream that its first frame says are padding.

    `before` is what precedes the first packet, and `samples` the length of a frame. The padding is
    in a Xing header ("Info" where the bit rate is constant) with LAME's extension. It is read as
    FFmpeg reads it.
    """
    cdef SampleRange padding
    cdef Mp3Frame frame
    cdef const uint8_t *tag
    cdef int64_t frames
    cdef int version, mono, flags, at
    padding.first = padding.last = 0
    for at in range(size - 4):
        if not read_mp3_header(before + at, &frame) or frame.size != size - at:
            continue
        version = before[at + 1] >> 3 & 3
        mono = before[at + 3] >= 0xC0
        at += 4 + ((17 if mono else 32) if version == 3 else (9 if mono else 17))
        if at + XING_LARGEST > size or (memcmp(before + at, b"Xing", 4) and memcmp(before + at, b"Info", 4)):
            return padding
        flags = before[at + 7]
        tag = before + at + 8
        if not flags & XING_HAS_FRAMES:
            return padding
        frames = <int64_t> tag[0] << 24 | tag[1] << 16 | tag[2] << 8 | tag[3]
        tag += 4 + (4 if flags & XING_HAS_BYTES else 0) + (100 if flags & XING_HAS_TOC else 0)
        tag += 4 if flags & XING_HAS_QUALITY else 0
        if memcmp(tag, b"LAME", 4) and memcmp(tag, b"Lavf", 4) and memcmp(tag, b"Lavc", 4):
            return padding
        padding.first = frames * samples - ((tag[22] & 15) << 8 | tag[23]) + MP3_DECODER_DELAY
        padding.last = frames * samples
        return padding
    return padding


cdef bint is_info_frame(const uint8_t *data, int size) noexcept nogil:
    """Return True if the frame at an MP3 header describes the file, and holds no audio."""
    cdef int at = 4 + (0 if data[1] & 1 else 2)
    if data[1] >> 3 & 3 == 3:
        at += 17 if data[3] >= 0xC0 else 32
    else:
        at += 9 if data[3] >= 0xC0 else 17
    return at + 4 <= size and (memcmp(data + at, b"Xing", 4) == 0 or memcmp(data + at, b"Info", 4) == 0)


cdef bint mp3_main_data(const uint8_t *data, int size, int *begin, int *length) noexcept nogil:
    """Read where the main data of a frame begins, and how many bytes of it the frame holds.

    `begin` is the number of bytes before the frame (ISO/IEC 11172-3, 2.4.1.7). Return False if the
    packet begins no frame.
    """
    cdef Mp3Frame frame
    cdef int side
    if size < 8 or not read_mp3_header(data, &frame):
        return False
    side = 4 + (0 if data[1] & 1 else 2)        # behind the header and its checksum
    if data[1] >> 3 & 3 == 3:
        begin[0] = data[side] << 1 | data[side + 1] >> 7
        side += 17 if data[3] >= 0xC0 else 32
    else:
        begin[0] = data[side]
        side += 9 if data[3] >= 0xC0 else 17
    length[0] = max(0, frame.size - side)
    return True


cdef bint is_no_mp3(const uint8_t *data, int size) noexcept nogil:
    """Return True if a packet does not begin with an MP3 frame.

    libavcodec refuses such a packet, which may be a tag or junk.
    """
    cdef int at = 0
    while at < size and data[at] == 0:
        at += 1         # libavcodec skips zeros
    return at + 4 > size or data[at] != 0xFF or data[at + 1] & 0xE0 != 0xE0
