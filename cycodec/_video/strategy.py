"""How a request is read: by one reader, by several side by side, or by one with frame threads."""

from __future__ import annotations

from typing import NamedTuple

from cycodec._video.gops import Gops, Part


class Strategy(NamedTuple):
    """How a request is read.

    Attributes
    ----------
    frame_threads : int
        Frame threads of one decoder that reads the whole request; 0 for none. If they are not
        available, the rest of the strategy applies.
    parts : list of Part
        What several readers decode side by side, in the order in which they start.
    workers : int
        The number of these readers; 1 if the first reader serves the whole request.
    is_under_way : bool
        True if the frame threads stand in the GOP of the first frame, and not after that frame.
    is_loop : bool
        True if the next request will probably follow soon.
    """

    frame_threads: int
    parts: list[Part]
    workers: int
    is_under_way: bool = False
    is_loop: bool = False


ALONE = Strategy(0, [], 1)


def continue_loop(frame_threads: int) -> Strategy:
    """Return how to read the next frame of a loop that has frame threads in this GOP.

    The loop keeps them whatever they cost: Note [Reading on] in `read_ahead`.
    """
    return Strategy(frame_threads, [], 1, is_under_way=True, is_loop=True)


class Weighed(NamedTuple):
    """A request, and everything that its strategy depends on.

    Attributes
    ----------
    whole : Part
    gops : Gops
    pixels : int
        Of one frame.
    ahead : int
        Frames that will probably be read next: Note [Reading on] in `read_ahead`.
    begins : bool
        True if the request is probably the first one of a loop.
    limit : int
        The largest number of threads.
    cursors : list of int
        The number of the frame that each reader with one thread has decoded last.
    threaded_cursors : list of int
        The same of the reader with frame threads; empty if there is none.
    may_have_frame_threads : bool
    """

    whole: Part
    gops: Gops
    pixels: int
    ahead: int
    begins: bool
    limit: int
    cursors: list[int]
    threaded_cursors: list[int]
    may_have_frame_threads: bool


def choose(request: Weighed) -> Strategy:
    """Return the cheapest way to read a request."""
    whole, gops, pixels, limit = request.whole, request.gops, request.pixels, request.limit
    costs = gops.costs
    alone = gops.cost(whole, request.cursors) + request.ahead
    if limit < 2 or alone * pixels < costs.worth_a_thread:
        return ALONE
    parts = gops.parts(whole, limit, pixels)
    workers = min(limit, len(parts))
    divided = alone
    if workers > 1:
        each = [gops.cost(part, request.cursors) for part in parts]
        divided = max(sum(each) / workers, *each)
        divided += costs.reader / pixels * (len(request.cursors) < workers)
    threads = min(limit, costs.max_frame_threads, 2 if request.begins else limit)
    if not (
        threads > 1
        and request.may_have_frame_threads
        and cost_with_frame_threads(request, threads) < divided
        and not (request.ahead and should_wait_for_next_gop(request, threads))
    ):
        threads = 0
    is_under_way = any(whole.begin <= cursor <= whole.first for cursor in request.threaded_cursors)
    return Strategy(threads, parts, workers, is_under_way, is_loop=request.ahead > 0)


def cost_with_frame_threads(request: Weighed, threads: int) -> float:
    """Return what a request costs with so many frame threads, in frames that one thread decodes."""
    gops, costs = request.gops, request.gops.costs
    frames, seeks = gops.left(request.whole, request.threaded_cursors)
    frames += request.ahead  # frames that are left out are handed over, too
    # a loop may end any time, so that frames on the way count in full
    if request.ahead:
        cost = frames + costs.seek * seeks
    else:
        cost = gops.cost(request.whole, request.threaded_cursors)
    cost = cost * costs.frame_threads / threads + frames * costs.hand_over / request.pixels
    # frame threads fill up and run empty with each seek
    return cost + threads * seeks + (0 if request.threaded_cursors else costs.reader / request.pixels)


def should_wait_for_next_gop(request: Weighed, threads: int) -> bool:
    """Return True if a loop should get frame threads with the next GOP, where they decode no frame
    again.

    `request.cursors` begins with the reader that serves the loop until then.
    """
    whole, gops, costs = request.whole, request.gops, request.gops.costs
    again = gops.left(whole, request.threaded_cursors)[0] - gops.left(whole, request.cursors[:1])[0]
    gain = 1 - costs.frame_threads / threads - costs.hand_over / request.pixels
    return (gops.end(whole.last) - whole.last) * gain < again * (1 - gain)
