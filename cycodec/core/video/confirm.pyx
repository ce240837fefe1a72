"""Checks an index against the decoder, or finds the frames by decoding, if the packets leave doubt
about them.
"""

from libc.stdint cimport int64_t

from cycodec.core.video.index cimport FrameIndex
from cycodec.core.video.stream cimport FrameStream
from cycodec.core.video.stream_index cimport StreamIndex

from cycodec.libav cimport avutil


def confirm(FrameStream reader not None):
    """Return True if the decoder gives the first and the last frames that the reader's index
    promises.
    """
    cdef FrameIndex index = reader.index
    cdef int last = index.num_anchors - 1
    cdef int code
    if not index.count:
        return False
    reader.reopen()
    if not gives(reader, 0, index.anchors[1].first if last else index.count, last == 0):
        return False
    while last > 0:
        reader.seeker.anchor = last
        with nogil:
            code = reader.begin()
        if code == 0:
            return gives(reader, index.anchors[last].first, index.count, True)
        last -= 1
    return False


cdef bint gives(FrameStream reader, int first, int end, bint to_the_end) except -1:
    """Return True if the frames from `first` to `end` - 1 come out next, in order; earlier frames
    may precede them.
    """
    cdef int expected = -1
    cdef int code
    while expected < end or to_the_end:
        with nogil:
            code = reader.next_frame()
        if code == avutil.AVERROR_EOF:
            break
        reader.demuxer.check_decoding(reader.stream_index, code)
        if reader.position < 0 or (expected < 0 and reader.position > first):
            return False
        if expected >= 0 and reader.position != expected:
            return False
        expected = <int> reader.position + 1
    return expected >= end and (not to_the_end or expected == end)


def decode_ordinals(FrameStream reader not None):
    """Decode the whole stream; return the ordinal of the packet of each frame, or -1 for a frame
    without a packet, a list of the frames that are damaged or follow a packet that is, a list of
    the ordinals of packets whose frames may be damaged though they come out later, and the size of
    the first frame.

    Afterwards the reader has an index that knows no frames in advance, and the caller must set
    another.
    """
    cdef int code
    cdef int64_t errors = reader.watch.errors
    ordinals = []
    damaged = []
    suspects = []
    size = (0, 0)
    reader.set_index(StreamIndex(stamped=True))
    try:
        reader.reopen()
        reader.backend.mark_pictures(True)
        while True:
            with nogil:
                code = reader.next_frame()
            if reader.watch.errors != errors or (code == 0 and reader.is_damaged()):
                damaged.append(len(ordinals))
                suspects.append(reader.seeker.ordinal - 1)
                errors = reader.watch.errors
            if code == avutil.AVERROR_EOF:
                return ordinals, damaged, suspects, size
            reader.demuxer.check_decoding(reader.stream_index, code)
            if not ordinals:
                size = (reader.frame.width, reader.frame.height)
            ordinals.append(reader.frame.pts if reader.frame.pts != avutil.AV_NOPTS_VALUE else -1)
    finally:
        reader.stop()
