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

Note [Walked from several places]

Where each block is, only the one before it tells. But the Cues, at the end of most files, name clusters all over the file,
so that a long walk is divided among threads that begin at such clusters. Cues are not always right: who begins at the
front must come out exactly where the next one began, and so on, or all of it is walked once more, by one.
"""

import bisect
import os
from fractions import Fraction

from cpython.bytes cimport PyBytes_AS_STRING
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcmp

from cycodec.core.bitstream.mpeg cimport may_be_uncoded_mpeg4
from cycodec.core.bitstream.vpx cimport is_hidden_vp8, is_hidden_vp9
from cycodec.core.container.demux cimport Demuxer
from cycodec.core.container.packets cimport (
    PACKET_EMPTY,
    PACKET_HIDDEN,
    PACKET_KEY,
    PACKET_SUSPECT,
    PacketRecord,
    PacketTable,
    first_packet_agrees,
)

from cycodec.libav cimport avcodec, avutil


cdef extern from "<unistd.h>" nogil:
    ssize_t pread(int descriptor, void *buffer, size_t count, int64_t offset)


cdef enum:
    EBML = 0x1A45DFA3
    SEGMENT = 0x18538067
    SEEK_HEAD = 0x114D9B74
    SEEK = 0x4DBB
    SEEK_ID = 0x53AB
    SEEK_POSITION = 0x53AC
    CUES = 0x1C53BB6B
    CUE_POINT = 0xBB
    CUE_TRACK_POSITIONS = 0xB7
    CUE_CLUSTER_POSITION = 0xF1
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
    MAX_CUES = 1 << 22      # bytes
    UNUSUAL = -1

# From this many bytes of clusters on, more than one thread walks.
WORTH_A_THREAD = 1 << 24

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
    int64_t cluster_time    # -1: not known yet
    int64_t segment         # where the segment's elements begin: places in the file are counted from there
    int64_t sought          # the identifier that the next place is of
    int64_t cues            # where they are, or 0
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
    if data == NULL or walk.cluster_time < 0:
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


cdef int64_t walk_elements(Source *source, Walk *walk, PacketTable table, int64_t position, int64_t end,
                           bint head) noexcept nogil:
    """Go through the elements up to `end`; with `head`, up to the first cluster. Returns where that is, or UNUSUAL."""
    cdef int64_t identifier, size
    cdef PacketRecord record
    cdef int header, code
    cdef bint begun = not head
    while True:
        header = 0
        if position < end:
            header = read_element(source, position, &identifier, &size)
            if header <= 0:
                return UNUSUAL
        if walk.has_pending and (header == 0 or identifier in (
            SIMPLE_BLOCK, BLOCK_GROUP, CLUSTER, BLOCK
        )):
            walk.has_pending = False
            if table.append(&walk.pending) < 0:
                return UNUSUAL
        if header == 0 or head and identifier == CLUSTER:
            return position
        position += header
        if identifier == EBML:
            if begun:
                return UNUSUAL                          # a second file behind the first
            begun = True
        if identifier == SEGMENT:
            walk.segment = position
        if identifier in (SEGMENT, CLUSTER, BLOCK_GROUP, INFO, SEEK_HEAD, SEEK):
            continue                                    # its children come next
        if size == UNKNOWN or position + size > source.size:
            return UNUSUAL
        if identifier in (TIMESTAMP_SCALE, TRACKS) and not head:
            return UNUSUAL                              # blocks came before
        if identifier == TIMESTAMP_SCALE:
            walk.scale = read_unsigned(source, position, size)
        elif identifier == TRACKS:
            if walk.track:
                return UNUSUAL
            read_tracks(source, position, position + size, walk)
        elif identifier == SEEK_ID:
            walk.sought = read_unsigned(source, position, size)
        elif identifier == SEEK_POSITION and walk.sought == CUES:
            walk.cues = walk.segment + read_unsigned(source, position, size)
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
        if walk.unusual or walk.scale <= 0:
            return UNUSUAL
        position += size


cdef list read_cues(Source *source, Walk *walk):
    """Where clusters begin, as the Cues tell it; empty where there are none to be made sense of."""
    cdef Source cues
    cdef int64_t identifier, size
    cdef int64_t position = walk.cues
    cdef int header
    if not 0 < position < source.size:
        return []
    header = read_element(source, position, &identifier, &size)
    if header <= 0 or identifier != CUES or not 0 < size <= MAX_CUES:
        return []
    data = os.pread(source.descriptor, size, position + header)
    cues.memory = <const uint8_t *> PyBytes_AS_STRING(data)
    cues.size = len(data)
    places = set()
    position = 0
    while True:
        header = read_element(&cues, position, &identifier, &size)
        if header <= 0 or size < 0:
            return sorted(places)
        position += header
        if identifier == CUE_CLUSTER_POSITION:
            places.add(walk.segment + read_unsigned(&cues, position, size))
        if identifier not in (CUE_POINT, CUE_TRACK_POSITIONS):
            position += size


cdef class Stretch:
    """A part of the file, from cluster to cluster, and the packets that it has."""

    cdef Source source
    cdef Walk state
    cdef PacketTable table
    cdef int64_t begin, end
    cdef int64_t reached

    def walk(self):
        with nogil:
            self.reached = walk_elements(&self.source, &self.state, self.table, self.begin, self.end, False)


cdef PacketTable walk_stretches(Source *source, Walk *state, list edges, run):
    """The packets between each two edges, one after the other; None where something is unusual, or edges are wrong."""
    cdef Stretch stretch
    cdef PacketTable table
    cdef list stretches = []
    for begin, end in zip(edges, edges[1:]):
        stretch = Stretch()
        stretch.source = source[0]
        stretch.state = state[0]
        stretch.table = PacketTable()
        stretch.begin = begin
        stretch.end = end
        stretches.append(stretch)
    if len(stretches) > 1:
        run([stretch.walk for stretch in stretches], len(stretches))
    else:
        stretches[0].walk()
    table = None
    for stretch in stretches:
        if stretch.reached != stretch.end:
            return None
        if table is None:
            table = stretch.table
        else:
            table.extend(stretch.table)
    return table


cdef int open_quietly(str path) except -1:
    """A descriptor of a file, whose time of access stays as it is where that is allowed: Note [Small reads]."""
    try:
        return os.open(path, os.O_RDONLY | getattr(os, "O_NOATIME", 0))
    except PermissionError:
        return os.open(path, os.O_RDONLY)


def read_matroska(Demuxer demuxer not None, int stream_index, run=None, int threads=1):
    """The packets of the video stream of a freshly opened Matroska file, or None where they must be read.

    Parameters
    ----------
    demuxer : Demuxer
    stream_index : int
    run : callable, optional
        ``run(jobs, threads)`` does a list of jobs, on so many threads at most.
    threads : int

    Returns
    -------
    PacketTable or None
        Without decoding times and digests. The demuxer still stands at the stream's beginning.
    """
    cdef PacketTable table = PacketTable()
    cdef Source source
    cdef Walk state
    cdef int64_t first
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
    state.codec_id = demuxer.stream(stream_index).codecpar.codec_id
    state.track = state.default_duration = state.segment = state.sought = state.cues = 0
    state.cluster_time = -1
    state.num_video = 0
    state.scale = 1000000
    state.unusual = state.has_pending = False
    try:
        with nogil:
            first = walk_elements(&source, &state, table, 0, source.size, True)
        if first < 0 or not state.track:
            return None
        table = None
        if threads > 1 and source.memory == NULL and source.size - first >= WORTH_A_THREAD:
            places = read_cues(&source, &state)
            shares = [bisect.bisect(places, first + (source.size - first) * i // threads) for i in range(1, threads)]
            inner = sorted({places[i] for i in shares if i < len(places) and first < places[i] < source.size})
            if inner:
                table = walk_stretches(&source, &state, [first, *inner, source.size], run)
        if table is None:
            table = walk_stretches(&source, &state, [first, source.size], run)
    finally:
        if source.descriptor >= 0:
            os.close(source.descriptor)
    if table is None or table.count == 0 or demuxer.time_base(stream_index) != Fraction(state.scale, 10 ** 9):
        return None
    return table if first_packet_agrees(demuxer, stream_index, table) else None
