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


cdef bint has_overlaps(int codec) noexcept nogil:
    """Return True if the frame after a lost one is damaged, because both overlap."""
    return (
        codec == avcodec.AV_CODEC_ID_AAC or codec == avcodec.AV_CODEC_ID_AAC_LATM
        or codec == avcodec.AV_CODEC_ID_AC3 or codec == avcodec.AV_CODEC_ID_EAC3
        or codec == avcodec.AV_CODEC_ID_MP3 or codec == avcodec.AV_CODEC_ID_OPUS
        or codec == avcodec.AV_CODEC_ID_VORBIS or codec == avcodec.AV_CODEC_ID_WMAV1
        or codec == avcodec.AV_CODEC_ID_WMAV2
    )


cdef bint gives_frame_per_packet(int codec) noexcept nogil:
    """Return True if each packet gives a frame before its decoder needs the next one."""
    return (
        codec == avcodec.AV_CODEC_ID_AAC or codec == avcodec.AV_CODEC_ID_AAC_LATM
        or codec == avcodec.AV_CODEC_ID_AC3 or codec == avcodec.AV_CODEC_ID_EAC3
        or codec == avcodec.AV_CODEC_ID_MP1 or codec == avcodec.AV_CODEC_ID_MP2
        or codec == avcodec.AV_CODEC_ID_MP3 or codec == avcodec.AV_CODEC_ID_OPUS
        or codec == avcodec.AV_CODEC_ID_VORBIS or codec == avcodec.AV_CODEC_ID_ALAC
        or codec == avcodec.AV_CODEC_ID_DTS or codec == avcodec.AV_CODEC_ID_MLP
        or codec == avcodec.AV_CODEC_ID_TRUEHD
    )


cdef bint has_fixed_length(int codec) noexcept nogil:
    """Return True if all frames of a sample rate hold as many samples, but for the last one."""
    return (
        codec == avcodec.AV_CODEC_ID_AC3 or codec == avcodec.AV_CODEC_ID_MLP
        or codec == avcodec.AV_CODEC_ID_TRUEHD or codec == avcodec.AV_CODEC_ID_DTS
    )


cdef bint has_true_table(int codec) noexcept nogil:
    """Return True if the packets that FFmpeg reads from an MP4 file are those of its sample table.

    FFmpeg parses the other codecs. A damaged header then joins packets, or moves the cut between
    them.
    """
    return not (
        codec == avcodec.AV_CODEC_ID_AC3 or codec == avcodec.AV_CODEC_ID_EAC3
        or codec == avcodec.AV_CODEC_ID_MP1 or codec == avcodec.AV_CODEC_ID_MP2
        or codec == avcodec.AV_CODEC_ID_MP3
    )


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
