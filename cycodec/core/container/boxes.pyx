"""The boxes that MP4 and MOV files are made of: ISO/IEC 14496-12, 4.2.

Boxes that are cut off raise struct.error or IndexError, which the callers take for an unusual file.
"""

import struct

from libc.stdint cimport int64_t

from cycodec.core.container.demux cimport Demuxer
from cycodec.core.container.limits cimport largest_time

from cycodec.libav cimport avformat


def has_boxes(Demuxer demuxer not None):
    """Return whether a demuxer's source is an MP4 or MOV file that can seek."""
    cdef avformat.AVIOContext *pb = demuxer.ptr.pb
    return (
        demuxer.format_name == "mov,mp4,m4a,3gp,3g2,mj2" and pb != NULL
        and bool(pb.seekable & avformat.AVIO_SEEKABLE_NORMAL)
    )


def top_boxes(Demuxer demuxer not None):
    """Yield (kind, position, header length, length) of the outermost boxes.

    The last box may be cut off.

    The caller restores the position of the source.
    """
    cdef int64_t position = 0
    cdef int64_t file_size = demuxer.byte_size()
    while True:
        head = demuxer.read_bytes(position, 16)
        if len(head) < 8:
            return
        length, kind = struct.unpack_from(">I4s", head)
        header = 8
        if length == 1 and len(head) == 16:
            (length,) = struct.unpack_from(">Q", head, 8)
            header = 16
        if length == 0:
            length = file_size - position           # the last box goes on to the end of the file
        if length < header:
            return
        if length > largest_time() - position:
            raise struct.error(f"a box of {length} bytes")
        yield kind, position, header, length
        position += length


def child_boxes(data, begin, end):
    """Yield (kind, begin, end) of the payload of each box in data[begin:end]."""
    while begin + 8 <= end:
        length, kind = struct.unpack_from(">I4s", data, begin)
        header = 8
        if length == 1:
            (length,) = struct.unpack_from(">Q", data, begin + 8)
            header = 16
        elif length == 0:
            length = end - begin
        if length < header or begin + length > end:
            return
        yield kind, begin + header, begin + length
        begin += length


def find_box(data, begin, end, *path):
    """Return (begin, end) of the payload of the first box at the end of a path, or None."""
    for name in path:
        for kind, child_begin, child_end in child_boxes(data, begin, end):
            if kind == name:
                begin, end = child_begin, child_end
                break
        else:
            return None
    return begin, end


def find_track(moov, track_id):
    """Return (begin, end) of the `trak` box with a track id in the payload of `moov`, or None."""
    for kind, begin, end in child_boxes(moov, 0, len(moov)):
        header = find_box(moov, begin, end, b"tkhd") if kind == b"trak" else None
        if header is None:
            continue
        # version 1 has 64-bit times before the track id
        (number,) = struct.unpack_from(">I", moov, header[0] + (20 if moov[header[0]] == 1 else 12))
        if number == track_id:
            return begin, end
    return None
