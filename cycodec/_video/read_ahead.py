"""Loops over frames: recognising them, and how many more frames they will probably read.

Note [Reading on]

Requests that follow each other, frame by frame in a loop or in small batches, form one long read,
whose end is unknown. `ReadAhead` expects it to continue for `Costs.ahead` times its current length.
That number decides whether frame threads are worth decoding the frames since the start of the GOP
again. If the next GOP starts soon, frame threads start there instead.

A request for frame 0 alone probably starts a loop, so that `Costs.beginning` frames are expected to
follow. Frame threads that exist from the beginning have nothing to decode again. They are two at
first, because opening each of them takes time, and as many as allowed from the next GOP on. (An
experiment let frame threads catch up in the background while the loop continued without them: they
took from the loop what they gained.)

Another session cannot take the frame threads away between two requests of a loop, because two loops
side by side would otherwise only take them from each other. Inside a GOP the loop keeps them even
if the budget has no free thread, because decoding the GOP again would take longer.
"""

from __future__ import annotations

from cycodec._video.costs import Costs


class ReadAhead:
    """The requests of one stream so far, as far as they form a loop.

    Parameters
    ----------
    costs : Costs
    """

    def __init__(self, costs: Costs) -> None:
        self.costs = costs
        self.last = -costs.near - 1  # number of the frame that was read last
        self.streak = 0  # length in frames of the loop that ended with it

    def record_cheap_step(self, number: int, pixels: int) -> bool:
        """Record frame `number` and return True if it continues a loop too short to need threads.

        The caller has checked that the frame follows the last one, and that the reader stands
        there.
        """
        costs = self.costs
        if (1 + costs.seek + costs.ahead * self.streak) * pixels >= costs.worth_a_thread:
            return False
        self.streak += 1
        self.last = number
        return True

    def record(
        self, first: int, last: int, begin: int, pixels: int, has_frame_threads: bool
    ) -> tuple[int, bool, bool]:
        """Record a request and return what it says about a loop.

        Parameters
        ----------
        first, last : int
            The first and the last frame of the request in display order.
        begin : int
            First frame of the GOP that holds `first`.
        pixels : int
            Of one frame.
        has_frame_threads : bool
            True if a reader with frame threads exists.

        Returns
        -------
        ahead : int
            The number of frames that will probably be read next.
        begins : bool
            True if the request is probably the first one of a loop.
        is_cheap : bool
            True if a request for one frame needs no threads, wherever the reader stands.
        """
        costs = self.costs
        continues = 0 <= first - self.last <= costs.near and begin <= self.last + 1
        begins = first == last == 0 and not continues and (self.last < 0 or has_frame_threads)
        if continues:
            ahead = costs.ahead * self.streak
            self.streak += last - self.last
        else:
            ahead = costs.beginning if begins else 0
            self.streak = last - first + 1
        self.last = last
        is_cheap = (
            first == last
            and not (has_frame_threads and ahead)
            and (first - begin + 1 + costs.seek + ahead) * pixels < costs.worth_a_thread
        )
        return ahead, begins, is_cheap

    def announce(self, frames: int) -> None:
        """Expect a loop over so many frames, from frame 0 on."""
        self.last = -1
        self.streak = frames // self.costs.ahead
