"""Makes indexes: from a table of packets, from the frames that a decoder gave, or from ffprobe's
list.
"""

import json

from libc.stdint cimport INT64_MIN, int64_t
from libc.stdlib cimport free, malloc, qsort

from cycodec.core.bitstream.sequence_headers cimport SequenceHeaders, fill_in
from cycodec.core.container.limits cimport is_sane_time, largest_time
from cycodec.core.container.packets cimport (
    PACKET_DISCARD,
    PACKET_EMPTY,
    PACKET_HIDDEN,
    PACKET_KEY,
    PacketRecord,
    PacketTable,
)
from cycodec.core.video.frame_times import choose_times
from cycodec.core.video.index cimport Anchor, FrameIndex
from cycodec.core.video.reorder cimport LARGEST_REORDER

from cycodec.libav cimport avutil


cdef int64_t NOPTS = avutil.AV_NOPTS_VALUE


cdef struct Sortable:
    # the presentation time, or what stands for it
    int64_t value
    int ordinal


cdef int compare(const void *a, const void *b) noexcept nogil:
    cdef const Sortable *x = <const Sortable *> a
    cdef const Sortable *y = <const Sortable *> b
    if x.value != y.value:
        return -1 if x.value < y.value else 1
    return -1 if x.ordinal < y.ordinal else 1


cdef void sort(Sortable *order, int count) noexcept nogil:
    """Sort by insertion, since frames are stored near the place where they are shown; else libc
    sorts.
    """
    cdef Sortable moving
    cdef int64_t steps = 0
    cdef int i, k
    for i in range(1, count):
        k = i
        moving = order[i]
        while k and compare(&moving, &order[k - 1]) < 0:
            order[k] = order[k - 1]
            k -= 1
        order[k] = moving
        steps += i - k
        if steps > 32 * <int64_t> count:
            qsort(order, count, sizeof(Sortable), compare)
            return


def index_from_packets(PacketTable table not None, time_base, *, origin, stamped=False, delayed=False,
                       seconds_per_frame=None, from_start_only=False):
    """Return the index that the packets' timestamps and flags predict; None if they do not suffice.

    They suffice if every packet that gives a frame has a pts of its own. With `delayed` (AVI),
    packets without one are taken for pictures that others refer to. With `from_start_only`, no
    packet but the first is a place where decoding may begin.
    """
    cdef Sortable *order = <Sortable *> malloc((table.count + 1) * sizeof(Sortable))
    cdef FrameIndex index = FrameIndex()
    cdef PacketRecord *record
    cdef int i
    cdef int count = 0
    cdef bint complete = True
    cdef list times = None
    if delayed:
        times = times_by_order(table) if table.has_order else delayed_times(table)
    if order == NULL:
        raise MemoryError()
    try:
        for i in range(table.count):
            record = &table.records[i]
            if record.flags & (PACKET_DISCARD | PACKET_HIDDEN | PACKET_EMPTY):
                continue
            order[count].value = record.pts if times is None else times[i]
            if not is_sane_time(order[count].value):
                complete = False
                break
            order[count].ordinal = i
            count += 1
        if complete and not delayed and has_tangled_runs(table):
            complete = False
        if complete:
            sort(order, count)
            for i in range(1, count):
                if order[i].value == order[i - 1].value or is_out_of_order(table, order[i - 1].ordinal, order[i].ordinal):
                    complete = False
                    break
        if not complete:
            return None
        index.stamped = stamped
        index.from_start_only = from_start_only
        fill(index, table, order, count, time_base, seconds_per_frame)
    finally:
        free(order)
    index.origin = origin
    index.needs_check = True
    return index


cdef bint has_tangled_runs(PacketTable table) except -1:
    """Return True if the packets' times cannot tell in which order their frames come out.

    Note [Edits that go back]: where an edit list goes back, FFmpeg reads packets again, and their
    dts fall. The decoder gives all frames of one such run before those of the next one, whatever
    their times are. A key packet that comes twice with the same pts cannot be told apart by it.
    """
    cdef const PacketRecord *record
    cdef int64_t shown_to = INT64_MIN       # the last time of a frame so far, and in earlier runs
    cdef int64_t earlier_to = INT64_MIN
    cdef int64_t dts = INT64_MIN
    cdef bint falls = False
    cdef int i
    for i in range(table.count):
        record = &table.records[i]
        if record.dts != NOPTS:
            falls = falls or record.dts <= dts
            if record.dts < dts:
                earlier_to = shown_to
            dts = record.dts
        if record.flags & (PACKET_DISCARD | PACKET_HIDDEN | PACKET_EMPTY):
            continue
        if record.pts <= earlier_to and earlier_to != INT64_MIN:
            return True
        shown_to = max(shown_to, record.pts)
    return falls and has_twins(table)


cdef bint has_twins(PacketTable table) except -1:
    """Return True if two packets at which decoding may begin have the same pts."""
    cdef int i
    keys = [table.records[i].pts for i in range(table.count) if i == 0 or table.records[i].flags & PACKET_KEY]
    return len(set(keys)) < len(keys)


cdef bint is_out_of_order(PacketTable table, int before, int after) noexcept nogil:
    """Return True if the bitstream contradicts that one packet is shown right before another one.
    """
    cdef const PacketRecord *first = &table.records[before]
    cdef const PacketRecord *second = &table.records[after]
    if not table.reorders:
        return after < before
    if not table.has_order:
        return False
    return first.order_run > second.order_run or (
        first.order_run == second.order_run and first.order >= second.order
    )


cdef list times_by_order(PacketTable table):
    """Return when the pictures of a stream are shown whose container has no times of display (AVI).

    The times of decoding rise by one frame for each packet. They are dealt out in the order of
    display. None if they do not rise.
    """
    cdef Sortable *shown
    cdef int i
    for i in range(table.count):
        if not is_sane_time(table.records[i].dts) or (i and table.records[i - 1].dts >= table.records[i].dts):
            return None
    shown = <Sortable *> malloc((table.count + 1) * sizeof(Sortable))
    if shown == NULL:
        raise MemoryError()
    for i in range(table.count):
        # the order counts within its run
        shown[i].value = (<int64_t> table.records[i].order_run << 32) + table.records[i].order
        shown[i].ordinal = i
    sort(shown, table.count)
    result = [0] * table.count
    for i in range(table.count):
        result[shown[i].ordinal] = table.records[i].dts
    free(shown)
    return result


def index_from_ordinals(PacketTable table not None, ordinals, time_base, *, seconds_per_frame=None,
                        from_start_only=False):
    """Return the index of the frames that a decoder gave, in that order.

    Each frame is recognised by the ordinal of its packet. If two frames share a packet, or one has
    none, frames are recognised only by their place in a pass from the beginning; with
    `from_start_only`, too. The table must hold a packet if there is a frame.
    """
    cdef int count = len(ordinals)
    cdef Sortable *order = <Sortable *> malloc((count + 1) * sizeof(Sortable))
    cdef FrameIndex index = FrameIndex()
    cdef int i
    if order == NULL:
        raise MemoryError()
    if count and not table.count:
        free(order)
        raise ValueError("there are frames and no packets")
    index.stamped = True
    index.from_start_only = (
        from_start_only or len(set(ordinals)) != count or any(not 0 <= n < table.count for n in ordinals)
    )
    try:
        for i in range(count):
            order[i].ordinal = min(max(ordinals[i], 0), table.count - 1)
        stated = [sane_or_none(table.records[order[i].ordinal].pts) for i in range(count)]
        decoded_at = [sane_or_none(table.records[order[i].ordinal].dts) for i in range(count)]
        times = choose_times(stated, decoded_at, seconds_per_frame / time_base if seconds_per_frame else None)
        for i in range(count):
            order[i].value = times[i]
        index.synthesized = times != stated
        index.shuffled = index.synthesized and times == sorted(time for time in stated if time is not None)
        fill(index, table, order, count, time_base, seconds_per_frame)
    finally:
        free(order)
    index.origin = "decoded"
    index.confirmed = True
    return index


cdef bint is_sane_time_object(object time) except -1:
    """Return True if a Python integer of any size is a time that can be calculated with."""
    return -largest_time() <= time <= largest_time()


cdef object sane_or_none(int64_t time):
    return time if is_sane_time(time) else None


cdef list delayed_times(PacketTable table):
    """Return the presentation times of a stream in which only B-frames have a pts (AVI); None if it
    is not such a stream.

    In MPEG-1, 2 and 4, a picture that others refer to is shown when the next such picture is
    decoded.
    """
    cdef int i
    cdef int64_t following
    cdef const PacketRecord *last
    times = []
    if table.count == 0:
        return None
    last = &table.records[table.count - 1]
    if not is_sane_time(last.dts):
        return None
    following = last.dts + min(max(last.duration, 1), largest_time())
    some_missing = False
    for i in range(table.count - 1, -1, -1):
        if not is_sane_time(table.records[i].dts) or (i and table.records[i - 1].dts >= table.records[i].dts):
            return None
        if table.records[i].pts != NOPTS:
            times.append(table.records[i].pts)
            continue
        some_missing = True
        times.append(following)
        following = table.records[i].dts
    return times[::-1] if some_missing else None


cdef int fill(FrameIndex index, PacketTable table, Sortable *order, int count, time_base, seconds_per_frame) except -1:
    """Fill an index with frames, which (time, ordinal) pairs in display order describe, and with
    the table's anchors.
    """
    cdef int i
    cdef int keys = 0
    cdef int last
    cdef int64_t step
    for i in range(table.count):
        keys += (table.records[i].flags & PACKET_KEY) != 0
    index.num = time_base.numerator
    index.den = time_base.denominator
    index.allocate(count, keys + 1, table.count)
    for i in range(table.count):
        index.numbers[i] = -1
    for i in range(count):
        index.pts_values[i] = order[i].value
        index.ordinals[i] = order[i].ordinal
        index.numbers[order[i].ordinal] = i
    for i in range(count - 1):
        # a gap belongs to the frame before it, so that a frame is played at every instant of the
        # stream
        index.duration_values[i] = index.pts_values[i + 1] - index.pts_values[i]
    if count:
        last = count - 1
        step = table.records[stated_at(index, table, last)].duration
        if step <= 0 and seconds_per_frame:
            step = min(round(seconds_per_frame / (<double> index.num / index.den)), largest_time())
        if step <= 0 and count > 1:
            step = (index.pts_values[last] - index.pts_values[0]) // last
        index.duration_values[last] = min(max(step, 1), largest_time())
    set_reorder(index, table)
    set_anchors(index, table)
    return 0


cdef int stated_at(FrameIndex index, PacketTable table, int number) noexcept:
    """Return the ordinal of the packet that states a frame's time. Where times are shuffled, it
    gives another frame.
    """
    cdef int i
    for i in range(max(0, number - LARGEST_REORDER), number):
        if table.records[index.ordinals[i]].pts == index.pts_values[number]:
            return index.ordinals[i]
    return index.ordinals[number]


cdef int set_reorder(FrameIndex index, PacketTable table) except -1:
    """Find how many frames wait for an earlier one; larger numbers than codecs allow are lies, and
    become the largest.
    """
    cdef int i
    cdef int stored = 0
    for i in range(table.count):
        if index.numbers[i] >= 0:
            index.reorder = min(max(index.reorder, stored - index.numbers[i]), LARGEST_REORDER)
            stored += 1
    return 0


cdef int set_anchors(FrameIndex index, PacketTable table) except -1:
    """Make an anchor of the first packet and of every key packet, each with the first frame that it
    can give.

    A frame that is shown before its key packet (a leading picture of an open GOP) needs the anchor
    before it. A key packet is no anchor if an earlier packet gives a later frame: its timestamps
    cannot be right then. Nor is it one if it is known by its bytes and its place in the file, and
    several edits read it. If the first packet is such a one, no seek leads to it: its anchor has no
    times, and the source is opened again instead.
    """
    cdef int i, first
    cdef int found = 0
    cdef int last_shown = -1
    cdef bint is_repeated
    cdef PacketRecord *record
    cdef Anchor *anchor
    cdef set repeated = repeated_keys(table) if index.stamped else set()
    for i in range(table.count):
        record = &table.records[i]
        if i:
            last_shown = max(last_shown, index.numbers[i - 1])
        if i and not record.flags & PACKET_KEY:
            continue
        first = first_shown(index, table, i) if found else 0
        is_repeated = bool(repeated) and (record.pos, record.size, record.digest) in repeated
        if first < last_shown or (i and is_repeated):
            continue
        if found and (first <= index.anchors[found - 1].first or first >= index.count):
            continue
        anchor = &index.anchors[found]
        anchor.pts = NOPTS if is_repeated else record.pts
        anchor.dts = NOPTS if is_repeated else record.dts
        anchor.first = first
        anchor.ordinal = i
        anchor.pos = record.pos
        if index.stamped:
            anchor.sync_pos = table.records[max(i - 3, 0)].pos
            anchor.size = record.size
            anchor.digest = record.digest
        found += 1
        if index.from_start_only:
            break
    index.num_anchors = found
    index.repeats_headers = table.begins_with_sets
    index.changes_memory = table.memory.changes
    if table.has_headers:
        set_headers(index, table)
    return 0


cdef set repeated_keys(PacketTable table):
    """Return place, size and digest of the key packets that the file is read for more than once."""
    cdef const PacketRecord *record
    cdef int i
    met = set()
    repeated = set()
    for i in range(table.count if goes_back(table) else 0):
        record = &table.records[i]
        if (i == 0 or record.flags & PACKET_KEY) and record.pos >= 0:
            key = record.pos, record.size, record.digest
            (repeated if key in met else met).add(key)
    return repeated


cdef bint goes_back(PacketTable table) noexcept nogil:
    """Return True if a packet lies where an earlier one does, or before it."""
    cdef int64_t pos = -1
    cdef int i
    for i in range(table.count):
        if 0 <= table.records[i].pos <= pos:
            return True
        pos = max(pos, table.records[i].pos)
    return False


cdef int set_headers(FrameIndex index, PacketTable table) except -1:
    """Collect what the packets of each anchor, up to the next one, say of later pictures."""
    cdef SequenceHeaders headers
    cdef int anchor = 0
    cdef int i
    for i in range(table.count):
        if anchor + 1 < index.num_anchors and i == index.anchors[anchor + 1].ordinal:
            anchor += 1
        headers = table.records[i].headers
        index.repeats_headers = index.repeats_headers or (i > 0 and headers.has_sets)
        fill_in(&headers, &index.headers[anchor])
        index.headers[anchor] = headers
    return 0


cdef int first_shown(FrameIndex index, PacketTable table, int ordinal) noexcept:
    """Return the frame of a key packet; if it is not shown (edit lists), the first frame after it.
    """
    cdef int i
    if index.numbers[ordinal] >= 0:
        return index.numbers[ordinal]
    if not index.stamped:
        return index.first_at_or_after(table.records[ordinal].pts)
    for i in range(ordinal + 1, table.count):
        if index.numbers[i] >= 0:
            return index.numbers[i]
    return index.count


def index_from_mappings(frames, time_base):
    """Return the index that ffprobe's frame list describes.

    Parameters
    ----------
    frames : str, bytes or file-like
        JSON with a list ``"frames"`` whose entries hold ``pts`` (or ``pkt_pts``), ``duration`` (or
        ``pkt_duration``) and ``key_frame``, as ``ffprobe -show_frames -of json`` writes them.
    time_base : Fraction
        The time base of the stream.

    Raises
    ------
    TypeError
        `frames` has another type.
    ValueError
        `frames` is not such JSON, a frame lacks its pts or key flag, or a number in it is too
        large.
    """
    cdef FrameIndex index = FrameIndex()
    cdef list rows = rows_of_mappings(frames)
    cdef int i
    cdef int found = 0
    index.num = time_base.numerator
    index.den = time_base.denominator
    index.allocate(len(rows), len(rows), 0)
    for i, (pts, duration, key) in enumerate(rows):
        index.pts_values[i] = pts
        if i + 1 < len(rows):
            duration = rows[i + 1][0] - pts
        elif duration <= 0 and i:
            duration = index.duration_values[i - 1]
        index.duration_values[i] = max(duration, 1)
        if key or i == 0:
            index.anchors[found].pts = pts
            index.anchors[found].dts = NOPTS
            index.anchors[found].pos = -1
            index.anchors[found].first = i
            index.anchors[found].ordinal = -1
            found += 1
    index.num_anchors = found
    index.origin = "mappings"
    return index


cdef list rows_of_mappings(frames):
    """Return (pts, duration, whether it is a key frame) of each frame in ffprobe's JSON, by rising
    pts.
    """
    if hasattr(frames, "read"):
        frames = frames.read()
    if not isinstance(frames, (str, bytes, bytearray)):
        raise TypeError(
            f"custom_frame_mappings must be str, bytes or a file-like object with JSON, not {type(frames).__name__}"
        )
    try:
        entries = json.loads(frames)["frames"]
        rows = sorted(
            (
                int(entry["pts"] if "pts" in entry else entry["pkt_pts"]),
                # ffprobe omits unknown values.
                int(entry.get("duration", entry.get("pkt_duration", 0))),
                bool(int(entry["key_frame"])),
            )
            for entry in entries
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as reason:
        raise ValueError(
            "custom_frame_mappings must be JSON with a list 'frames' of entries with pts, duration and key_frame "
            "(ffprobe -select_streams v:0 -show_entries frame=pts,duration,key_frame -of json FILE); "
            f"this is not: {type(reason).__name__}: {reason}"
        ) from None
    if not rows:
        raise ValueError("custom_frame_mappings holds no frames")
    if any(a[0] == b[0] for a, b in zip(rows, rows[1:])):
        raise ValueError("custom_frame_mappings holds two frames with the same pts")
    if not all(is_sane_time_object(pts) and is_sane_time_object(duration) for pts, duration, _ in rows):
        raise ValueError("custom_frame_mappings holds a pts or a duration that is too large")
    return rows
