"""The packets of a Matroska or WebM video stream from its element headers, without reading the pictures.

A Matroska file tells the time and the key flag of each block in the few bytes before its payload (RFC 9559, 5.1.3 and
10). Walking from header to header touches under a percent of a big file: see Note [Small reads]. Whatever is unusual
makes `read_matroska` return None, and the caller scans the packets instead: several video tracks, lacing, compressed or
encrypted tracks, chained segments, a file that ends inside a block, a first packet that does not come out as predicted.

Note [Small reads]

Nearly all of the time goes to one read for each block, and of that a tenth at most to fetching the bytes from memory;
the rest is the system call. 64 bytes hold the headers of a cluster and its first block together; 256 took a quarter
longer. A file opened with O_NOATIME spares the kernel the clock at each read, a quarter again; that needs the file's
owner, and is done without for everybody else. A mapped file took twice as long, by one page fault for each block (and
a file that is cut off while it is mapped would end the process).
"""

import os
from fractions import Fraction

from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcmp

from cycodec.core.demux cimport Demuxer
from cycodec.core.packets cimport (
    PACKET_EMPTY,
    PACKET_HIDDEN,
    PACKET_KEY,
    PACKET_SUSPECT,
    PacketRecord,
    PacketTable,
    first_packet_agrees,
    is_hidden_vp8,
    is_hidden_vp9,
)

from cycodec.libav cimport avcodec, avutil


cdef extern from "<unistd.h>" nogil:
    ssize_t pread(int descriptor, void *buffer, size_t count, int64_t offset)


cdef enum:
    EBML = 0x1A45DFA3
    SEGMENT = 0x18538067
    INFO = 0x1549A966
    TIMESTAMP_SCALE = 0x2AD7B1
    TRACKS = 0x1654AE6B
    TRACK_ENTRY = 0xAE
    TRACK_NUMBER = 0xD7
    TRACK_TYPE = 0x83
    CODEC_ID = 0x86
    CODEC_DELAY = 0x56AA
    DEFAULT_DURATION = 0x23E383
    CONTENT_ENCODINGS = 0x6D80
    TRACK_TIMESTAMP_SCALE = 0x23314F
    CLUSTER = 0x1F43B675
    TIMESTAMP = 0xE7
    SIMPLE_BLOCK = 0xA3
    BLOCK_GROUP = 0xA0
    BLOCK = 0xA1
    REFERENCE_BLOCK = 0xFB
    BLOCK_DURATION = 0x9B
    ENCRYPTED_BLOCK = 0xAF
    CHUNK = 64              # bytes of one read
    UNUSUAL = -1

cdef int64_t UNKNOWN = -1
cdef int64_t NOPTS = avutil.AV_NOPTS_VALUE


cdef struct Source:
    const uint8_t *memory   # or NULL, and a file descriptor
    int descriptor
    int64_t size
    int64_t start           # of what the chunk holds
    int length
    uint8_t[CHUNK] chunk


cdef struct Walk:
    int codec_id
    int64_t track           # number of the video track, 0 while it is not known
    int64_t scale           # nanoseconds of one unit
    int64_t default_duration
    int64_t cluster_time
    int num_video
    bint unusual
    bint has_pending        # a block of a group whose references are not known yet
    PacketRecord pending


cdef const uint8_t *look(Source *source, int64_t position, int count) noexcept nogil:
    """`count` bytes at a position, or NULL where the source ends before."""
    if position + count > source.size:
        return NULL
    if source.memory != NULL:
        return source.memory + position
    if position < source.start or position + count > source.start + source.length:
        source.start = position
        source.length = <int> max(pread(source.descriptor, source.chunk, CHUNK, position), 0)
        if count > source.length:
            return NULL
    return source.chunk + (position - source.start)


cdef int read_element(Source *source, int64_t position, int64_t *identifier, int64_t *size) noexcept nogil:
    """An element's identifier and size (UNKNOWN: until its parent ends); the length of its header, 0 at the end."""
    cdef const uint8_t *data = look(source, position, 1)
    cdef int id_length = 1
    cdef int size_length = 1
    cdef int64_t value
    cdef int i
    if data == NULL:
        return 0
    while id_length <= 4 and not data[0] & (0x100 >> id_length):
        id_length += 1
    data = look(source, position, id_length + 1)
    if id_length > 4 or data == NULL:
        return UNUSUAL
    value = 0
    for i in range(id_length):
        value = value << 8 | data[i]
    identifier[0] = value
    while size_length <= 8 and not data[id_length] & (0x100 >> size_length):
        size_length += 1
    data = look(source, position + id_length, size_length)
    if size_length > 8 or data == NULL:
        return UNUSUAL
    value = data[0] & (0xFF >> size_length)
    for i in range(1, size_length):
        value = value << 8 | data[i]
    size[0] = UNKNOWN if value == (<int64_t> 1 << (7 * size_length)) - 1 else value
    return id_length + size_length


cdef int64_t read_unsigned(Source *source, int64_t position, int64_t size) noexcept nogil:
    cdef const uint8_t *data = look(source, position, <int> size) if 0 <= size <= 8 else NULL
    cdef int64_t value = 0
    cdef int i
    if data == NULL:
        return -1
    for i in range(size):
        value = value << 8 | data[i]
    return value


cdef void read_tracks(Source *source, int64_t position, int64_t end, Walk *walk) noexcept nogil:
    """The number and the default duration of the one video track; `unusual` where blocks would need more than that."""
    cdef int64_t identifier, size, entry_end, number, kind, duration
    cdef bint strange
    cdef int header
    while position < end:
        header = read_element(source, position, &identifier, &size)
        if header <= 0 or size == UNKNOWN:
            walk.unusual = True
            return
        position += header
        if identifier != TRACK_ENTRY:
            position += size
            continue
        entry_end = position + size
        number = kind = duration = 0
        strange = False
        while position < entry_end:
            header = read_element(source, position, &identifier, &size)
            if header <= 0 or size == UNKNOWN:
                walk.unusual = True
                return
            position += header
            if identifier == TRACK_NUMBER:
                number = read_unsigned(source, position, size)
            elif identifier == TRACK_TYPE:
                kind = read_unsigned(source, position, size)
            elif identifier == DEFAULT_DURATION:
                duration = read_unsigned(source, position, size)
            elif identifier in (CONTENT_ENCODINGS, TRACK_TIMESTAMP_SCALE, CODEC_DELAY):
                strange = True
            elif identifier == CODEC_ID and size >= 4:
                # blocks of "V_MS/VFW/FOURCC" carry decoding times
                strange = strange or look(source, position, 4) == NULL or memcmp(look(source, position, 4), "V_MS", 4) == 0
            position += size
        if kind == 1:
            walk.num_video += 1
            walk.track = number
            walk.default_duration = duration
            walk.unusual = walk.unusual or strange
    walk.unusual = walk.unusual or walk.num_video != 1


cdef int read_block(Source *source, int64_t position, int64_t size, bint simple, Walk *walk,
                    PacketRecord *record) noexcept nogil:
    """1 and a record where the block is the video track's, 0 where it is another's."""
    cdef const uint8_t *data = look(source, position, 1)
    cdef int64_t track
    cdef int length = 1
    cdef int i, time
    if data == NULL:
        return UNUSUAL
    while length <= 8 and not data[0] & (0x100 >> length):
        length += 1
    if size < length + 3:
        return UNUSUAL
    data = look(source, position, length + 3)
    if length > 8 or data == NULL:
        return UNUSUAL
    track = data[0] & (0xFF >> length)
    for i in range(1, length):
        track = track << 8 | data[i]
    if track != walk.track:
        return 0
    if data[length + 2] & 6:
        return UNUSUAL                                  # laced
    time = data[length] << 8 | data[length + 1]
    record.pts = walk.cluster_time + (time - 65536 if time & 0x8000 else time)
    record.dts = NOPTS
    record.duration = walk.default_duration // walk.scale
    record.pos = position
    record.size = <int> (size - length - 3)
    record.digest = 0
    record.flags = PACKET_KEY if not simple or data[length + 2] & 0x80 else 0
    if record.size == 0:
        record.flags |= PACKET_EMPTY
        return 1
    position += length + 3
    if walk.codec_id == avcodec.AV_CODEC_ID_VP8 or walk.codec_id == avcodec.AV_CODEC_ID_VP9:
        data = look(source, position, 1)
        if data == NULL:
            return UNUSUAL
        if walk.codec_id == avcodec.AV_CODEC_ID_VP8:
            if is_hidden_vp8(data[0]):
                record.flags |= PACKET_HIDDEN
        elif is_hidden_vp9(data[0], 0):
            # the last byte tells a superframe from a frame
            i = data[0]
            data = look(source, position + record.size - 1, 1)
            if data == NULL:
                return UNUSUAL
            if is_hidden_vp9(i, data[0]):
                record.flags |= PACKET_HIDDEN
    elif walk.codec_id == avcodec.AV_CODEC_ID_MPEG4 and record.size <= 19:
        record.flags |= PACKET_SUSPECT
    return 1


cdef int walk_file(Source *source, Walk *walk, PacketTable table) noexcept nogil:
    """Go through the file once; 0, or UNUSUAL."""
    cdef int64_t position = 0
    cdef int64_t identifier, size
    cdef PacketRecord record
    cdef bint begun = False
    cdef int header, code
    while True:
        header = read_element(source, position, &identifier, &size)
        if header < 0:
            return UNUSUAL
        if walk.has_pending and (header == 0 or identifier in (
            SIMPLE_BLOCK, BLOCK_GROUP, CLUSTER, BLOCK
        )):
            walk.has_pending = False
            if table.append(&walk.pending) < 0:
                return UNUSUAL
        if header == 0:
            return 0
        position += header
        if identifier == EBML:
            if begun:
                return UNUSUAL                          # a second file behind the first
            begun = True
        if identifier in (SEGMENT, CLUSTER, BLOCK_GROUP, INFO):
            continue                                    # its children come next
        if size == UNKNOWN or position + size > source.size:
            return UNUSUAL
        if identifier == TIMESTAMP_SCALE:
            walk.scale = read_unsigned(source, position, size)
        elif identifier == TRACKS:
            if walk.track:
                return UNUSUAL
            read_tracks(source, position, position + size, walk)
        elif identifier == TIMESTAMP:
            walk.cluster_time = read_unsigned(source, position, size)
        elif identifier == SIMPLE_BLOCK or identifier == BLOCK:
            code = read_block(source, position, size, identifier == SIMPLE_BLOCK, walk, &record)
            if code < 0:
                return UNUSUAL
            if code and identifier == SIMPLE_BLOCK:
                if table.append(&record) < 0:
                    return UNUSUAL
            elif code:
                walk.pending = record
                walk.has_pending = True
        elif walk.has_pending and identifier == REFERENCE_BLOCK:
            walk.pending.flags &= ~PACKET_KEY
        elif walk.has_pending and identifier == BLOCK_DURATION:
            walk.pending.duration = read_unsigned(source, position, size)
        elif identifier == ENCRYPTED_BLOCK:
            return UNUSUAL
        if walk.unusual or walk.scale <= 0 or walk.cluster_time < 0:
            return UNUSUAL
        position += size


cdef int open_quietly(str path) except -1:
    """A descriptor of a file, whose time of access stays as it is where that is allowed: Note [Small reads]."""
    try:
        return os.open(path, os.O_RDONLY | getattr(os, "O_NOATIME", 0))
    except PermissionError:
        return os.open(path, os.O_RDONLY)


def read_matroska(Demuxer demuxer not None, int stream_index):
    """The packets of the video stream of a freshly opened Matroska file, or None where they must be read.

    Returns
    -------
    PacketTable or None
        Without decoding times and digests. The demuxer still stands at the stream's beginning.
    """
    cdef PacketTable table = PacketTable()
    cdef Source source
    cdef Walk walk
    cdef int code
    if demuxer.format_name != "matroska,webm":
        return None
    source.start = 0
    source.length = 0
    source.memory = demuxer.io.memory.data
    source.size = demuxer.io.memory.size
    source.descriptor = -1
    if source.memory == NULL:
        path = demuxer.io.path
        if path is None:
            return None                                 # a file-like or URL: many small reads would cost more than one long
        source.descriptor = open_quietly(path)
        source.size = os.fstat(source.descriptor).st_size
    walk.codec_id = demuxer.stream(stream_index).codecpar.codec_id
    walk.track = walk.default_duration = walk.cluster_time = 0
    walk.num_video = 0
    walk.scale = 1000000
    walk.unusual = walk.has_pending = False
    try:
        with nogil:
            code = walk_file(&source, &walk, table)
    finally:
        if source.descriptor >= 0:
            os.close(source.descriptor)
    if code < 0 or table.count == 0 or demuxer.time_base(stream_index) != Fraction(walk.scale, 10 ** 9):
        return None
    return table if first_packet_agrees(demuxer, stream_index, table) else None
