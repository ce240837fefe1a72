"""Holes in the timestamps of an audio stream.

Note [Holes]

The timestamps of a stream without holes follow from its samples, but they are rounded (to 1 ms in
Matroska, to 1/90000 s in MPEG-TS), they jitter (phones and browsers write steps of 10 to 12 ms),
and they drift against the clock of the samples. A lost packet moves them ahead by its whole length
in one step: 20 ms or more for the usual codecs. So a hole is a step of more than half a packet, of
at least SHORTEST_HOLE and never needing more than TOLERANCE, after which the timestamp is also
ahead of the samples by as much. Smaller steps are filled once they add up to MOST_AHEAD.

Where pages of Ogg are known to be lost, any step is a hole, because timestamps are exact.

Where timestamps go back, samples stay end to end. Timestamps then catch up with them before a new
hole counts. A jump back by LONG_JUMP or more begins a new part of the stream, whose holes count
from its own timestamps. A step of LONGEST_HOLE or more is no hole, but a broken timestamp or
another recording, and also begins a new part. A step of more samples than LONGEST_HOLE has at
HIGHEST_RATE is none either, whatever sample rate a header states.
"""

from libc.stdint cimport int64_t

from cycodec.core.container.limits cimport is_sane_time

from cycodec.libav cimport avutil
from cycodec.libav.avformat cimport AVStream


cdef int64_t NOPTS = avutil.AV_NOPTS_VALUE
cdef int64_t LARGEST_PTS = <int64_t> 1 << 60

cdef enum:
    TOLERANCE_PARTS = 20        # TOLERANCE is 1/20 s: a longer step is a hole whatever packets hold
    SHORTEST_PARTS = 67         # SHORTEST_HOLE is 1/67 s, 15 ms
    AHEAD_PARTS = 5             # MOST_AHEAD is 1/5 s
    LONG_JUMP = 1               # seconds
    LONGEST_HOLE = 3600         # seconds
    HIGHEST_RATE = 768000       # samples per second


cdef int64_t longest_hole(int rate) noexcept nogil:
    return <int64_t> LONGEST_HOLE * min(rate, HIGHEST_RATE)


cdef int64_t place_samples(Timeline *timeline, int64_t pts, int64_t samples) noexcept nogil:
    """Put the samples of a packet on the timeline; return the length of the hole before them."""
    cdef int64_t due, ahead, step, tolerance
    cdef int64_t hole = 0
    if pts != NOPTS and -LARGEST_PTS < pts < LARGEST_PTS and timeline.rate > 0 and timeline.den > 0:
        if not timeline.anchored:
            anchor(timeline, pts)
        due = avutil.av_rescale(pts - timeline.anchor_pts, <int64_t> timeline.num * timeline.rate, timeline.den)
        if not is_sane_time(due) or not is_sane_time(timeline.position):
            return 0
        ahead = due - (timeline.position - timeline.anchor_position)
        step = ahead - timeline.deviation
        tolerance = max(timeline.last_samples, samples)
        if not timeline.loose:
            tolerance = min(tolerance // 2, timeline.rate // TOLERANCE_PARTS)
        tolerance = max(tolerance, timeline.rate // SHORTEST_PARTS)
        tolerance = max(
            tolerance, avutil.av_rescale(2 * <int64_t> timeline.num, timeline.rate, timeline.den) + 1
        )
        if timeline.is_certain:
            tolerance = 0
        timeline.deviation = ahead
        if (step > tolerance or ahead > timeline.rate // AHEAD_PARTS) and ahead > tolerance:
            if ahead < longest_hole(timeline.rate):
                hole = ahead
                timeline.position += hole
            anchor(timeline, pts)
        elif step < -(tolerance if timeline.restarts else <int64_t> LONG_JUMP * timeline.rate):
            anchor(timeline, pts)
        timeline.last_samples = samples
    timeline.position += samples
    return hole


cdef void start_timeline(Timeline *timeline, const AVStream *stream, int rate,
                         bint has_times) noexcept nogil:
    """Begin the timeline of a stream; without `has_times`, the demuxer makes its timestamps up."""
    timeline.rate = rate
    timeline.num = stream.time_base.num
    timeline.den = stream.time_base.den if has_times else 0


cdef void anchor(Timeline *timeline, int64_t pts) noexcept nogil:
    """Let a timestamp belong to the current position."""
    timeline.anchored = True
    timeline.anchor_pts = pts
    timeline.anchor_position = timeline.position
    timeline.deviation = 0
