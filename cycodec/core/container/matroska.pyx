"""Read the packets of a Matroska or WebM video stream from its headers, without the pictures.

A Matroska file stores the time and the key flag of each block in the few bytes before its payload
(RFC 9559, 5.1.3 and 10). A walk from header to header reads less than one percent of a big file:
Note [Small reads].

`read_matroska` returns None for an unusual file, and the caller scans the packets instead. Unusual
are several video tracks, lacing, compressed or encrypted tracks, chained segments, a file that ends
inside a block, and a first packet that differs from the table.

Note [Small reads]

Nearly all of the time is spent on one read for each block. At most a tenth of that is the copying
of bytes from memory; the rest is the system call. 64 bytes hold the headers of a cluster and its
first block together; reads of 256 bytes took a quarter longer. With O_NOATIME the kernel need not
store the time of each read, which saves another quarter. Only the owner of a file may open it so;
for other users the decoder's own descriptor is used. A mapped file took twice as long, because each
block causes a page fault. A mapped file that is cut off meanwhile would also end the process.

Note [Walked from several places]

Only the block before it tells where a block begins. But the Cues, at the end of most files, name
clusters all over the file, so that several threads may walk, each from another cluster. Cues may be
wrong: each thread must end exactly where the next one began. Otherwise one thread walks the whole
file again.
"""

import bisect
import os
from fractions import Fraction

from cpython.bytes cimport PyBytes_AS_STRING
from libc.limits cimport INT_MAX
from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memcmp

from cycodec.core.bitstream.mpeg cimport may_be_uncoded_mpeg4
from cycodec.core.bitstream.vpx cimport is_hidden_vp8, is_hidden_vp9
from cycodec.core.container.demux cimport Demuxer
from cycodec.core.container.ebml cimport (
    UNKNOWN_SIZE,
    UNUSUAL,
    ByteSource,
    look,
    number_length,
    read_element,
    read_unsigned,
)
from cycodec.core.container.limits cimport is_sane_time
from cycodec.core.container.packets cimport (
    PACKET_EMPTY,
    PACKET_HIDDEN,
    PACKET_KEY,
    PACKET_SUSPECT,
    PacketRecord,
    PacketTable,
    first_packet_agrees,
)
from cycodec.core.io.byte_store cimport ByteStore, MemoryBytes
from cycodec.core.io.local_file cimport LocalFile

from cycodec.libav cimport avcodec, avutil


# identifiers of elements
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

cdef enum:
    VIDEO_TRACK = 1             # TrackType
    LACING = 6                  # flags of a block
    KEY_BLOCK = 0x80            # flag of a simple block
    LARGEST_CUES = 1 << 22      # bytes

# From this many bytes of clusters on, more than one thread walks.
WORTH_A_THREAD = 1 << 24

cdef int64_t NOPTS = avutil.AV_NOPTS_VALUE


cdef struct Walk:
    int codec_id
    int64_t track               # number of the video track; 0 before it is known
    int64_t scale               # nanoseconds of one unit of time
    int64_t default_duration    # nanoseconds
    int64_t cluster_time        # -1 before it is known
    # The elements of the segment begin here, and the file counts positions from here.
    int64_t segment
    int64_t sought              # identifier of the element whose SeekPosition comes next
    int64_t cues                # position of the Cues; 0 if there are none
    int num_video               # number of video tracks
    bint has_pending            # True while the references of a block in a group are not known yet
    PacketRecord pending        # the block whose references are not known yet


# -- tracks ----------------------------------------------------------------------------------------


cdef int read_track_entry(ByteSource *source, int64_t position, int64_t end, Walk *walk) noexcept nogil:
    """Read a track.

    Return UNUSUAL if it is cut off, or if its blocks need more than this module reads.
    """
    cdef int64_t identifier, size
    cdef int64_t number = 0
    cdef int64_t kind = 0
    cdef int64_t duration = 0
    cdef bint is_strange = False
    cdef const uint8_t *codec
    cdef int header
    while position < end:
        header = read_element(source, position, &identifier, &size)
        if header <= 0 or size == UNKNOWN_SIZE:
            return UNUSUAL
        position += header
        if identifier == TRACK_NUMBER:
            number = read_unsigned(source, position, size)
        elif identifier == TRACK_TYPE:
            kind = read_unsigned(source, position, size)
        elif identifier == DEFAULT_DURATION:
            duration = read_unsigned(source, position, size)
        elif identifier in (CONTENT_ENCODINGS, TRACK_TIMESTAMP_SCALE, CODEC_DELAY):
            is_strange = True
        elif identifier == CODEC_ID and size >= 4:
            # blocks of "V_MS/VFW/FOURCC" store decoding times
            codec = look(source, position, 4)
            is_strange = is_strange or codec == NULL or memcmp(codec, "V_MS", 4) == 0
        position += size
    if position > end:
        return UNUSUAL
    if kind != VIDEO_TRACK:
        return 0
    walk.num_video += 1
    walk.track = number
    walk.default_duration = duration
    return UNUSUAL if is_strange else 0


cdef int read_tracks(ByteSource *source, int64_t position, int64_t end, Walk *walk) noexcept nogil:
    """Read the number and the default duration of the video track.

    Return UNUSUAL unless there is exactly one.
    """
    cdef int64_t identifier, size
    cdef int header
    while position < end:
        header = read_element(source, position, &identifier, &size)
        if header <= 0 or size == UNKNOWN_SIZE:
            return UNUSUAL
        position += header
        if identifier == TRACK_ENTRY and read_track_entry(source, position, position + size, walk) < 0:
            return UNUSUAL
        position += size
    return 0 if walk.num_video == 1 else UNUSUAL


# -- blocks ----------------------------------------------------------------------------------------


cdef int read_payload(ByteSource *source, int64_t position, int codec_id, PacketRecord *record) noexcept nogil:
    """Set the flags that the size or the ends of a payload tell; return 0 or UNUSUAL."""
    cdef const uint8_t *data
    cdef int first
    if record.size == 0:
        record.flags |= PACKET_EMPTY
    elif codec_id == avcodec.AV_CODEC_ID_MPEG4:
        if may_be_uncoded_mpeg4(record.size):
            record.flags |= PACKET_SUSPECT
    elif codec_id == avcodec.AV_CODEC_ID_VP8:
        data = look(source, position, 1)
        if data == NULL:
            return UNUSUAL
        if is_hidden_vp8(data[0]):
            record.flags |= PACKET_HIDDEN
    elif codec_id == avcodec.AV_CODEC_ID_VP9:
        data = look(source, position, 1)
        if data == NULL:
            return UNUSUAL
        first = data[0]
        if is_hidden_vp9(first, 0):
            # Read the last byte, which tells a superframe from a frame, if the first is ambiguous.
            data = look(source, position + record.size - 1, 1)
            if data == NULL:
                return UNUSUAL
            if is_hidden_vp9(first, data[0]):
                record.flags |= PACKET_HIDDEN
    return 0


cdef int read_block(ByteSource *source, int64_t position, int64_t size, bint is_simple, Walk *walk,
                    PacketRecord *record) noexcept nogil:
    """Describe a block of the video track and return 1.

    Return 0 for a block of another track, and UNUSUAL for an unusual block.
    """
    cdef const uint8_t *data = look(source, position, 1)
    cdef int64_t track
    cdef int length, time, flags, i
    if data == NULL or walk.cluster_time < 0:
        return UNUSUAL
    length = number_length(data[0], 8)
    if length > 8 or size < length + 3:
        return UNUSUAL
    data = look(source, position, length + 3)
    if data == NULL:
        return UNUSUAL
    track = data[0] & (0xFF >> length)
    for i in range(1, length):
        track = track << 8 | data[i]
    if track != walk.track:
        return 0
    flags = data[length + 2]
    if flags & LACING:
        return UNUSUAL
    time = data[length] << 8 | data[length + 1]
    if not is_sane_time(walk.cluster_time) or not is_sane_time(walk.default_duration) or size > INT_MAX:
        return UNUSUAL
    record.pts = walk.cluster_time + (time - 65536 if time & 0x8000 else time)
    record.dts = NOPTS
    record.duration = walk.default_duration // walk.scale
    record.pos = position
    record.size = <int> (size - length - 3)
    record.digest = 0
    record.flags = PACKET_KEY if not is_simple or flags & KEY_BLOCK else 0
    return UNUSUAL if read_payload(source, position + length + 3, walk.codec_id, record) < 0 else 1


# -- the walk --------------------------------------------------------------------------------------


cdef int take_block(ByteSource *source, Walk *walk, PacketTable table, bint is_simple, int64_t position,
                    int64_t size) noexcept nogil:
    """Append a simple block, or keep a group's block until its references are known.

    Return 0 or UNUSUAL.
    """
    cdef PacketRecord record
    cdef int code = read_block(source, position, size, is_simple, walk, &record)
    if code <= 0:
        return code
    if is_simple:
        return 0 if table.append(&record) >= 0 else UNUSUAL
    walk.pending = record
    walk.has_pending = True
    return 0


cdef int take_element(ByteSource *source, Walk *walk, PacketTable table, int64_t identifier, int64_t position,
                      int64_t size, bint in_head) noexcept nogil:
    """Take in the payload of an element without children that matter; return 0 or UNUSUAL.

    `in_head` is True before the first cluster. Behind it, blocks may have been read without the
    element's value.
    """
    cdef int code = 0
    if identifier == SIMPLE_BLOCK or identifier == BLOCK:
        code = take_block(source, walk, table, identifier == SIMPLE_BLOCK, position, size)
    elif identifier == TIMESTAMP:
        walk.cluster_time = read_unsigned(source, position, size)
    elif identifier == REFERENCE_BLOCK:
        if walk.has_pending:
            walk.pending.flags &= ~PACKET_KEY
    elif identifier == BLOCK_DURATION:
        if walk.has_pending:
            walk.pending.duration = read_unsigned(source, position, size)
            if not is_sane_time(walk.pending.duration):
                return UNUSUAL
    elif identifier == TIMESTAMP_SCALE:
        if not in_head:
            return UNUSUAL
        walk.scale = read_unsigned(source, position, size)
    elif identifier == TRACKS:
        if not in_head or walk.track:
            return UNUSUAL
        code = read_tracks(source, position, position + size, walk)
    elif identifier == SEEK_ID:
        walk.sought = read_unsigned(source, position, size)
    elif identifier == SEEK_POSITION:
        if walk.sought == CUES:
            walk.cues = position_in_segment(source, walk, position, size)
    elif identifier == ENCRYPTED_BLOCK:
        return UNUSUAL
    return UNUSUAL if walk.scale <= 0 else code


cdef int64_t position_in_segment(ByteSource *source, Walk *walk, int64_t position, int64_t size) noexcept nogil:
    """Return the file position for an element's position in the segment; 0 if it is not valid."""
    cdef int64_t value = read_unsigned(source, position, size)
    return walk.segment + value if is_sane_time(value) and value >= 0 else 0


cdef int finish_group(Walk *walk, PacketTable table, bint is_end, int64_t identifier) noexcept nogil:
    """Append a group's block if the group ends before the element with this identifier.

    Return 0 or UNUSUAL.
    """
    if walk.has_pending and (is_end or identifier in (SIMPLE_BLOCK, BLOCK_GROUP, CLUSTER, BLOCK)):
        walk.has_pending = False
        return 0 if table.append(&walk.pending) >= 0 else UNUSUAL
    return 0


cdef int64_t walk_elements(ByteSource *source, Walk *walk, PacketTable table, int64_t position, int64_t end,
                           bint in_head) noexcept nogil:
    """Walk the elements up to `end`, or with `in_head` up to the first cluster.

    Return the position where the walk ended, or UNUSUAL.
    """
    cdef int64_t identifier = 0
    cdef int64_t size = 0
    cdef int header
    cdef bint has_begun = not in_head
    while True:
        header = 0
        if position < end:
            header = read_element(source, position, &identifier, &size)
            if header <= 0:
                return UNUSUAL
        if finish_group(walk, table, header == 0, identifier) < 0:
            return UNUSUAL
        if header == 0 or in_head and identifier == CLUSTER:
            return position
        position += header
        if identifier == EBML:
            if has_begun:
                return UNUSUAL                          # a second file behind the first
            has_begun = True
        if identifier == SEGMENT:
            walk.segment = position
        if identifier in (SEGMENT, CLUSTER, BLOCK_GROUP, INFO, SEEK_HEAD, SEEK):
            continue                                    # its children come next
        if size == UNKNOWN_SIZE or position + size > source.size:
            return UNUSUAL
        if take_element(source, walk, table, identifier, position, size, in_head) < 0:
            return UNUSUAL
        position += size


cdef list read_cues(ByteSource *source, Walk *walk):
    """Return the sorted positions of the clusters in the Cues.

    Return an empty list if the Cues cannot be read.
    """
    cdef ByteSource cues
    cdef int64_t identifier, size
    cdef int64_t position = walk.cues
    cdef int header
    if not 0 < position < source.size:
        return []
    header = read_element(source, position, &identifier, &size)
    if header <= 0 or identifier != CUES or not 0 < size <= LARGEST_CUES:
        return []
    data = os.pread(source.descriptor, size, source.base + position + header)
    cues.memory = <const uint8_t *> PyBytes_AS_STRING(data)
    cues.size = len(data)
    positions = set()
    position = 0
    while True:
        header = read_element(&cues, position, &identifier, &size)
        if header <= 0 or size < 0:
            return sorted(positions)
        position += header
        if identifier == CUE_CLUSTER_POSITION:
            positions.add(position_in_segment(&cues, walk, position, size))
        if identifier not in (CUE_POINT, CUE_TRACK_POSITIONS):
            position += size


cdef class Stretch:
    """A part of the file from cluster to cluster, and its packets."""

    cdef ByteSource source
    cdef Walk state
    cdef PacketTable table
    cdef int64_t begin, end
    cdef int64_t reached        # where the walk ended

    def walk(self):
        with nogil:
            self.reached = walk_elements(&self.source, &self.state, self.table, self.begin, self.end, False)


cdef PacketTable walk_stretches(ByteSource *source, Walk *state, list edges, run):
    """Return the packets between all edges, in order.

    Return None if something is unusual, or if no cluster begins at an edge.
    """
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


cdef list choose_edges(ByteSource *source, Walk *state, int64_t first, int threads):
    """Return where each thread's stretch begins, from the first cluster to the end of the file."""
    if threads < 2 or source.memory != NULL or source.size - first < WORTH_A_THREAD:
        return [first, source.size]
    positions = read_cues(source, state)
    shares = [bisect.bisect(positions, first + (source.size - first) * i // threads) for i in range(1, threads)]
    inner = {positions[i] for i in shares if i < len(positions) and first < positions[i] < source.size}
    return [first, *sorted(inner), source.size]


# -- the file --------------------------------------------------------------------------------------


cdef int open_quietly(LocalFile file) except -1:
    """Return a descriptor whose reads do not change the access time of a file: Note [Small reads].

    Return the file's own descriptor if that is not allowed.
    """
    cdef int descriptor
    flags = getattr(os, "O_NOATIME", 0)
    if flags and file.path is not None:
        try:
            descriptor = os.open(file.path, os.O_RDONLY | flags)
        except OSError:
            return file.descriptor
        if os.path.sameopenfile(descriptor, file.descriptor):
            return descriptor
        os.close(descriptor)
    return file.descriptor


cdef void close_quiet(ByteSource *source, Demuxer demuxer) except *:
    """Close what `open_quietly` has opened."""
    cdef ByteStore store = demuxer.io.store
    if isinstance(store, LocalFile) and source.descriptor not in (-1, (<LocalFile> store).descriptor):
        os.close(source.descriptor)


cdef bint open_source(ByteSource *source, Demuxer demuxer) except -1:
    """Make the source of a demuxer readable here.

    Return False for file-like objects and URLs, which read small pieces slowly.
    """
    cdef ByteStore store = demuxer.io.store
    source.start = 0
    source.length = 0
    source.memory = NULL
    source.base = 0
    source.descriptor = -1
    if isinstance(store, MemoryBytes):
        source.memory = (<MemoryBytes> store).data + demuxer.io.place.base
    elif isinstance(store, LocalFile):
        source.base = demuxer.io.place.base
        source.descriptor = open_quietly(store)
    else:
        return False
    source.size = demuxer.io.byte_size()
    return True


cdef void begin_walk(Walk *state, int codec_id) noexcept nogil:
    state.codec_id = codec_id
    state.track = state.default_duration = state.segment = state.sought = state.cues = 0
    state.cluster_time = -1
    state.num_video = 0
    state.scale = 1000000
    state.has_pending = False


def read_matroska(Demuxer demuxer not None, int stream_index, run=None, int threads=1):
    """Return the packets of the video stream of a freshly opened Matroska file.

    Parameters
    ----------
    demuxer : Demuxer
    stream_index : int
    run : callable, optional
        ``run(jobs, threads)`` does a list of jobs on at most so many threads.
    threads : int
        How many threads may walk.

    Returns
    -------
    PacketTable or None
        A table without decoding times and digests; None if the packets must be scanned. The demuxer
        is at the stream's beginning.
    """
    cdef PacketTable table = PacketTable()
    cdef ByteSource source
    cdef Walk state
    cdef int64_t first
    if demuxer.format_name != "matroska,webm" or not open_source(&source, demuxer):
        return None
    begin_walk(&state, demuxer.stream(stream_index).codecpar.codec_id)
    try:
        with nogil:
            first = walk_elements(&source, &state, table, 0, source.size, True)
        if first < 0 or not state.track:
            return None
        edges = choose_edges(&source, &state, first, threads)
        table = walk_stretches(&source, &state, edges, run)
        if table is None and len(edges) > 2:
            table = walk_stretches(&source, &state, [first, source.size], run)
    finally:
        close_quiet(&source, demuxer)
    if table is None or table.count == 0 or demuxer.time_base(stream_index) != Fraction(state.scale, 10 ** 9):
        return None
    return table if first_packet_agrees(demuxer, stream_index, table) else None
