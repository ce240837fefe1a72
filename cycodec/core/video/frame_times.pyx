"""When frames are shown whose stated times are missing or contradict their order.

Note [Shuffled times]

An index that is made without decoding sorts the stated times. A decoder may show pictures in
another order. Times must not depend on whether that has been seen, because a new decoder has not
seen it. So stated times that are in a wrong order among neighbours are sorted here, too. A time
that is far from its place is wrong, and is not sorted.
"""

from bisect import bisect_left

from libc.stdint cimport int64_t

from cycodec.core.container.limits cimport largest_time
from cycodec.core.video.reorder cimport LARGEST_REORDER


def choose_times(list stated not None, list decoded_at not None, units_per_frame=None):
    """Return presentation times of frames in the order of display.

    Known times that rise are kept, and shuffled ones are sorted. A frame whose time is unknown, or
    does not fit between those of its neighbours, gets a time between them, which equals another one
    if the time base cannot tell them apart. If few times are known, or stated times fall (joined
    files), the dts in rising order are used, which a container without pts (AVI) raises by one step
    for each frame. Otherwise the frame rate gives the times.

    Parameters
    ----------
    stated : list of int or None
        The pts of each frame's packet in units of the time base; None if it is not known.
    decoded_at : list of int or None
        The same of the dts.
    units_per_frame : Fraction, optional
        How long a frame lasts by the header, in units of the time base.
    """
    cdef int count = len(stated)
    known = longest_rise({i: time for i, time in enumerate(stated) if time is not None})
    if len(known) == count:
        return stated
    if are_shuffled(stated):
        return sorted(stated)
    step = max(1, min(round(units_per_frame), largest_time() // count)) if units_per_frame else 1
    decoding = sorted({time for time in decoded_at if time is not None})
    times = None
    if 2 * len(known) > min(count, 4):
        times = filled_in(known, stated, decoded_at, step)
        if falls(stated) and any(a == b for a, b in zip(times, times[1:])):
            times = None
    if times is None and len(decoding) == count:
        shift = next(iter(known.values())) - decoding[next(iter(known))] if known else 0
        times = [time + shift for time in decoding]
    if times is None or not all(-largest_time() <= time <= largest_time() for time in times):
        begin = next(iter((*known.values(), *decoding)), 0)
        begin = min(begin, largest_time() - count * step)
        times = [begin + i * step for i in range(count)]
    return times


cdef bint are_shuffled(list stated) except -1:
    """Return True if times are complete, and in a wrong order among neighbours only."""
    if None in stated or len(set(stated)) < len(stated):
        return False
    places = {time: i for i, time in enumerate(sorted(stated))}
    return all(abs(places[time] - i) <= LARGEST_REORDER for i, time in enumerate(stated))


cdef dict longest_rise(dict known):
    """Return as many entries as possible whose values rise with their keys."""
    tails = []
    ends = []
    before = {}
    for number, time in known.items():
        place = bisect_left(tails, time)
        before[number] = ends[place - 1] if place else None
        if place == len(tails):
            tails.append(time)
            ends.append(number)
        else:
            tails[place] = time
            ends[place] = number
    number = ends[-1] if ends else None
    kept = []
    while number is not None:
        kept.append(number)
        number = before[number]
    return {number: known[number] for number in reversed(kept)}


cdef bint falls(list stated) except -1:
    """Return True if a stated time is earlier than the one before it."""
    known = [time for time in stated if time is not None]
    return any(a > b for a, b in zip(known, known[1:]))


cdef list filled_in(dict known, list stated, list decoded_at, int64_t step):
    """Return all times; `stated` and `decoded_at` are the pts and dts of the frames, or None."""
    numbers = list(known)
    first, last = numbers[0], numbers[-1]
    count = len(stated)
    # a time that is stated and not kept is no later than its neighbour
    times = [known[first] - (0 if stated[i] is not None else (first - i) * step) for i in range(first)]
    for a, b in zip(numbers, numbers[1:]):
        times.append(known[a])
        times += times_between(known[a], known[b], decoded_at[a + 1:b], step)
    times.append(known[last])
    return times + [known[last] + (0 if stated[i] is not None else (i - last) * step) for i in range(last + 1, count)]


cdef list times_between(object begin, object end, list decoded_at, int64_t step):
    """Return times of frames between two known ones: their dts if these rise between them, else at
    even distances. A hole that is longer than the frames belongs to the last of them.
    """
    count = len(decoded_at)
    bounds = [begin, *decoded_at, end]
    if None not in bounds and all(a < b for a, b in zip(bounds, bounds[1:])):
        return decoded_at
    end = min(end, begin + (count + 1) * step) if step > 1 else end
    return [begin + (end - begin) * i // (count + 1) for i in range(1, count + 1)]
