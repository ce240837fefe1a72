"""What is known of audio codecs and containers: how packets, frames and times belong together."""

from libc.stdint cimport uint8_t
from libc.string cimport memcmp

from cycodec.libav cimport avcodec


# Formats that store when packets are played, FLAC in its frame headers. For the others, the demuxer
# counts bytes or packets, which tells nothing of holes.
cdef frozenset TIMED_FORMATS = frozenset((
    "asf", "flac", "flv", "gxf", "live_flv", "matroska,webm", "mov,mp4,m4a,3gp,3g2,mj2", "mpeg", "mpegts", "mxf",
    "nut", "ogg", "rm", "wtv",
))

# Formats whose packets are found by their place in the file: they have no timestamps, or a seek
# does not reproduce them.
cdef frozenset PLACED_FORMATS = frozenset(("mp3", "aac", "ac3", "eac3", "dts", "amr", "amrnb", "amrwb", "loas"))

# kilobits per second of AC-3
cdef int[19] DOLBY_RATES = [
    32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640,
]


cdef bint has_overlaps(int codec) noexcept nogil:
    """Return True if the frame after a lost one is damaged, because both overlap."""
    return codec in (
        avcodec.AV_CODEC_ID_AAC, avcodec.AV_CODEC_ID_AAC_LATM, avcodec.AV_CODEC_ID_AC3, avcodec.AV_CODEC_ID_EAC3,
        avcodec.AV_CODEC_ID_MP3, avcodec.AV_CODEC_ID_OPUS, avcodec.AV_CODEC_ID_VORBIS, avcodec.AV_CODEC_ID_WMAV1,
        avcodec.AV_CODEC_ID_WMAV2,
    )


cdef bint gives_frame_per_packet(int codec) noexcept nogil:
    """Return True if each packet gives a frame before its decoder needs the next one."""
    return codec in (
        avcodec.AV_CODEC_ID_AAC, avcodec.AV_CODEC_ID_AAC_LATM, avcodec.AV_CODEC_ID_AC3, avcodec.AV_CODEC_ID_EAC3,
        avcodec.AV_CODEC_ID_MP1, avcodec.AV_CODEC_ID_MP2, avcodec.AV_CODEC_ID_MP3, avcodec.AV_CODEC_ID_OPUS,
        avcodec.AV_CODEC_ID_VORBIS, avcodec.AV_CODEC_ID_ALAC, avcodec.AV_CODEC_ID_DTS, avcodec.AV_CODEC_ID_MLP,
        avcodec.AV_CODEC_ID_TRUEHD,
    )


cdef bint has_fixed_length(int codec) noexcept nogil:
    """Return True if all frames of a sample rate hold as many samples, but for the last one."""
    return codec in (
        avcodec.AV_CODEC_ID_AC3, avcodec.AV_CODEC_ID_MLP, avcodec.AV_CODEC_ID_TRUEHD, avcodec.AV_CODEC_ID_DTS
    )


cdef bint has_checksums(int codec) noexcept nogil:
    """Return True if frames have a checksum that libavcodec looks at if it is asked to."""
    return codec in (avcodec.AV_CODEC_ID_FLAC, avcodec.AV_CODEC_ID_AC3, avcodec.AV_CODEC_ID_EAC3)


cdef bint has_true_table(int codec) noexcept nogil:
    """Return True if the packets that FFmpeg reads from an MP4 file are those of its sample table.

    FFmpeg parses the other codecs. A damaged header then joins packets, or moves the cut between
    them.
    """
    return codec not in (
        avcodec.AV_CODEC_ID_AC3, avcodec.AV_CODEC_ID_EAC3, avcodec.AV_CODEC_ID_MP1, avcodec.AV_CODEC_ID_MP2,
        avcodec.AV_CODEC_ID_MP3,
    )


cdef int dolby_size(const uint8_t *data) noexcept nogil:
    """Return the bytes of a frame of AC-3 or E-AC-3 by its first 6 bytes; 0 if they are damaged."""
    cdef int code, rate
    if data[0] != 0x0B or data[1] != 0x77:
        return 0
    if data[5] >> 3 > 10:
        return 2 * (((data[2] & 7) << 8 | data[3]) + 1)
    code = data[4] & 63
    if code >= 38:
        return 0
    rate = DOLBY_RATES[code >> 1]
    if data[4] >> 6 == 0:
        return 4 * rate
    if data[4] >> 6 == 1:
        return 2 * (rate * 320 // 147 + (code & 1))
    return 6 * rate if data[4] >> 6 == 2 else 0


cdef bint is_whole(int codec, const uint8_t *data, int size) noexcept nogil:
    """Return True if a packet is as long as the headers in it say, or if these are not known.

    FFmpeg's parsers join packets whose headers are damaged; the decoder gives one frame or none.
    """
    cdef int at = 0
    cdef int step = 1
    if codec == avcodec.AV_CODEC_ID_AC3 or codec == avcodec.AV_CODEC_ID_EAC3:
        while step > 0 and at + 6 <= size:
            step = dolby_size(data + at)
            at += step
        return 0 < at == size and (codec == avcodec.AV_CODEC_ID_EAC3 or dolby_size(data) == size)
    if codec == avcodec.AV_CODEC_ID_MLP or codec == avcodec.AV_CODEC_ID_TRUEHD:
        return size >= 4 and 2 * ((data[0] & 15) << 8 | data[1]) == size
    if codec == avcodec.AV_CODEC_ID_DTS and size >= 12 and memcmp(data, b"\x7f\xfe\x80\x01", 4) == 0:
        at = ((data[5] & 3) << 12 | data[6] << 4 | data[7] >> 4) + 1
        return at == size or (at + 4 <= size and memcmp(data + at, b"\x64\x58\x20\x25", 4) == 0)
    return True


cdef bint is_tag(const uint8_t *data) noexcept nogil:
    """Return True if a packet of three bytes or more begins with a tag or a new FLAC file.

    The tags are ID3, APE and Lyrics3.
    """
    return (
        memcmp(data, b"ID3", 3) == 0 or memcmp(data, b"TAG", 3) == 0 or memcmp(data, b"APE", 3) == 0
        or memcmp(data, b"LYR", 3) == 0 or memcmp(data, b"fLa", 3) == 0
    )


cdef bint stores_timestamps(str format_name):
    """Return True if a container format stores when packets are played."""
    return format_name in TIMED_FORMATS


cdef bint is_found_by_place(str format_name):
    """Return True if packets of a container format are found by their place in the file."""
    return format_name in PLACED_FORMATS
