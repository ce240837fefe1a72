"""The readers of one stream: one that is always there, and more of them for requests that touch several GOPs.

Note [Several GOPs at once]

Frames of different GOPs do not need each other, so a request is cut at GOP boundaries and its parts are decoded side by
side, by readers with a demuxer and a decoder of their own, straight into their slots of the batch. How many threads that
takes is the process's budget to say (`threads`). A part goes to the reader that stands just before it, if there is one,
so that batches read one after the other do not seek. Every further reader costs the memory of one decoder (a few frames)
and stays open as long as the session.

Note [One GOP at a time]

A long read inside one GOP cannot be divided. There a reader whose decoder runs FFmpeg's frame threads serves it, if the
threads are to be had for its time. Such threads stay alive between requests, so one session of the process at most has
them: who wants them next takes them away from whoever is not using them just then. What they make of a damaged stream
depends on which thread is first, so that such a decoder is strict, and a stream that it finds damaged is read without.
FFmpeg before 5.0 cannot be strict there; it has none.

Note [Reading on]

Requests that follow each other, frame by frame in a loop or in small batches, are one long read, whose end nobody knows.
It is taken to go on for AHEAD times as many frames as it has had, which is what decides whether frame threads are worth
having the frames since the GOP's beginning decoded again; where the next GOP begins soon, they are had from there on.
Whoever reads the first frame alone is expected to read on, for BEGINNING frames: threads that are there from the beginning
have nothing to decode again. They are two at first, since opening each of them takes time, and all there are with the
next GOP. (Frame threads that catch up in the background, while the loop goes on without them, were tried: they
take from it what they bring.)

Nobody takes the threads away from such a reader between two of its requests (two loops side by side would else do nothing
but take them from each other), and inside a GOP it goes on with them even where the budget has none free: the way back
would be longer.
"""

from __future__ import annotations

import itertools
import threading
import time
import weakref
from typing import Protocol

from cycodec._shared import fork, torch_adapter
from cycodec._shared.threads import budget, claim, run
from cycodec._video.gops import SEEK_COST, Gops, Part
from cycodec.core.video.backend import CpuBackend, has_strict_frame_threads
from cycodec.core.video.index import IndexContradiction
from cycodec.core.video.reader import FrameReader
from cycodec.core.video.request import Request


class Make(Protocol):
    """Opens another reader of the same stream and index, whose decoder has so many threads."""

    def __call__(self, num_threads: int = 1, /) -> FrameReader: ...


# Below this many pixels to decode a second thread gains nothing: about two frames of 1080p.
WORTH_A_THREAD = 4_000_000
READER_COST = 600_000  # pixels: opening another reader
MAX_FRAME_THREADS = 8 if has_strict_frame_threads() else 1
FRAME_THREADS_COST = 1.1  # what n frame threads take for a frame is this n-th part, and the pixels of
HAND_OVER_COST = 65_000  # handing it from thread to thread
AHEAD = 4  # Note [Reading on]
BEGINNING = 32  # Note [Reading on]
NEAR = 32  # frames that may be left out between two requests of one long read
RESERVED_SECONDS = 0.2  # for which frame threads wait for the next request of a long read


def thread_limit(chosen: int | None) -> int:
    """How many threads a request may use at most; None: the process's budget, but one in DataLoader workers."""
    if chosen is not None:
        return chosen
    return 1 if torch_adapter.in_worker() else budget()


class Readers:
    """The readers of one open stream.

    Parameters
    ----------
    main : FrameReader
        Serves whatever is not worth more.
    limit : int or None
        See `thread_limit`.
    """

    def __init__(self, main: FrameReader, limit: int | None) -> None:
        self.main = main
        self.limit = limit
        self.more: list[FrameReader] = []
        self.threaded: FrameReader | None = None  # Note [One GOP at a time]
        self.num_threads = 0  # that it has
        self.is_damaged = False  # as they have seen
        self.gops: Gops | None = None
        self.last = -NEAR - 1  # position that was read last
        self.streak = 0  # frames of the long read that it ended; Note [Reading on]

    def all(self) -> list[FrameReader]:
        return [self.main, *self.more, *([self.threaded] if self.threaded is not None else [])]

    def forget(self) -> None:
        """Own nothing any more, and free nothing: Note [After fork] in core/stream.pyx."""
        for reader in self.all():
            reader.forget()
        self.more = []
        self.threaded = None

    def index_changed(self) -> None:
        """Drop what an older index had part in."""
        self.more = []
        self.threaded = None
        self.gops = None

    def read(self, request: Request, make: Make | None) -> None:
        """Have frames decoded, on one thread or on several.

        Parameters
        ----------
        request : Request
        make : Make or None
            None where the source cannot be opened twice.
        """
        positions = request.positions
        pixels = request.spec.frame_pixels
        if make is None or self.limit == 1 or not len(positions) or not self._is_divisible():
            self.main.read(request)
            return
        if len(positions) == 1 and self._is_next_of_few(int(positions[0]), pixels):
            self.main.read(request)
            return
        if self.gops is None:
            assert self.main.index is not None
            self.gops = Gops(self.main.index, self.main.demuxer.size())
        whole = self.gops.whole(positions)
        ahead, begins = self._follow(whole)
        threaded = self.threaded
        if (
            # the next frame of a loop: nothing has to be weighed
            ahead
            and threaded is not None
            and whole.begin <= threaded.cursor == whole.first - 1 == whole.last - 1
            and self._read_threaded(request, whole, make, self.num_threads, True)
        ):
            return
        cursors = self._cursors()
        alone = self.gops.cost(whole, cursors) + ahead
        limit = thread_limit(self.limit) if alone * pixels >= WORTH_A_THREAD else 1
        if limit < 2:
            self.main.read(request)
            return
        parts = self.gops.parts(whole, limit, pixels)
        workers = min(limit, len(parts))
        otherwise = alone
        if workers > 1:
            costs = [self.gops.cost(part, cursors) for part in parts]
            otherwise = max(sum(costs) / workers, *costs)
            otherwise += READER_COST / pixels * (len(cursors) < workers)
        threads = min(limit, MAX_FRAME_THREADS, 2 if begins else limit)
        if (
            threads > 1
            and self._may_have_frame_threads()
            and self._cost_threaded(whole, ahead, threads, pixels) < otherwise
            and not (ahead and self._may_wait(whole, threads, pixels))
            and self._read_threaded(request, whole, make, threads, ahead > 0)
        ):
            return
        if workers == 1:
            self.main.read(request)
            return
        while len(self.more) + 1 < workers:
            self.more.append(make())
        jobs = _Jobs([self.main, *self.more], parts, request)
        run([jobs.next] * len(parts), workers)
        jobs.finish()

    # -- what a request costs ---------------------------------------------------------------------------------------

    def _is_divisible(self) -> bool:
        """Whether the index says which frames need each other."""
        index = self.main.index
        return index is not None and index.identity != "order"

    def _is_next_of_few(self, position: int, pixels: int) -> bool:
        """Whether this is the next frame of a loop of so little work that nothing needs to be weighed; it is remembered."""
        if not position == self.last + 1 == self.main.cursor + 1 or self.threaded is not None:
            return False
        if (1 + SEEK_COST + AHEAD * self.streak) * pixels >= WORTH_A_THREAD:
            return False
        self.streak += 1
        self.last = position
        return True

    def _follow(self, whole: Part) -> tuple[int, bool]:
        """Remember a request: (frames that are to be expected behind it, whether it may begin a loop); Note [Reading on]."""
        first, last = whole.first, whole.last
        goes_on = 0 <= first - self.last <= NEAR and whole.begin <= self.last + 1
        begins = first == last == 0 and not goes_on and (self.last < 0 or self.threaded is not None)
        ahead = AHEAD * self.streak if goes_on else BEGINNING if begins else 0
        self.streak = self.streak + last - self.last if goes_on else last - first + 1
        self.last = last
        return ahead, begins

    def expect(self, frames: int) -> None:
        """A loop over frames was announced, from the first one on."""
        self.last = -1
        self.streak = frames // AHEAD

    def _cost_threaded(self, whole: Part, ahead: int, threads: int, pixels: int) -> float:
        """What the request takes by frame threads, in the time of frames decoded by one."""
        assert self.gops is not None
        cursors = self._cursors_threaded()
        frames, seeks = self.gops.left(whole, cursors)
        frames += ahead  # to be handed over, those that are left out as well
        # in a long read, which may end any time, what would be decoded again counts in full
        cost = frames + SEEK_COST * seeks if ahead else self.gops.cost(whole, cursors)
        cost = cost * FRAME_THREADS_COST / threads + frames * HAND_OVER_COST / pixels
        # they fill up and run empty with each seek
        return cost + threads * seeks + (0 if cursors else READER_COST / pixels)

    def _may_wait(self, whole: Part, threads: int, pixels: int) -> bool:
        """Whether a long read better gets frame threads with the next GOP, where no frame is decoded again for them."""
        assert self.gops is not None
        left = self.gops.left(whole, self._cursors_threaded())[0]
        again = left - self.gops.left(whole, [self.main.cursor])[0]
        gain = 1 - FRAME_THREADS_COST / threads - HAND_OVER_COST / pixels
        return (self.gops.next_begin(whole.last) - whole.last) * gain < again * (1 - gain)

    def _cursors(self) -> list[int]:
        """Where the readers with one thread stand."""
        return [reader.cursor for reader in (self.main, *self.more)]

    def _cursors_threaded(self) -> list[int]:
        threaded = self.threaded  # which another session may take away
        return [threaded.cursor] if threaded is not None else []

    def _may_have_frame_threads(self) -> bool:
        index = self.main.index
        assert index is not None
        return not self.is_damaged and not index.confirmed and isinstance(self.main.backend, CpuBackend)

    # -- readers ----------------------------------------------------------------------------------------------------

    def _read_threaded(
        self, request: Request, whole: Part, make: Make, threads: int, reading_on: bool
    ) -> bool:
        """Have frame threads serve a request; False if they are not to be had."""
        threaded = self.threaded
        under_way = threaded is not None and whole.begin <= threaded.cursor <= whole.first
        with claim(threads, threads if under_way else 1) as granted:
            if granted < threads or not _frame_threads.take(self):
                return False
            try:
                threaded = self.threaded  # nobody takes it away any more
                if threaded is None or (self.num_threads < threads and not under_way):
                    threaded = self.threaded = make(threads)
                    self.num_threads = threads
                threaded.read(request)
                self.is_damaged = threaded.met_fault
            except IndexContradiction:
                self.is_damaged = True
            finally:
                _frame_threads.leave(RESERVED_SECONDS if reading_on else 0)
        if self.is_damaged:
            self.threaded = None
        return not self.is_damaged


class _FrameThreads:
    """Who has the process's frame threads."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.owner: weakref.ref[Readers] | None = None
        self.busy = False
        self.reserved_until = 0.0

    def take(self, readers: Readers) -> bool:
        """Let `readers` have them for a request; False while another one uses them, or is about to."""
        with self.lock:
            if self.busy:
                return False
            owner = self.owner() if self.owner is not None else None
            if owner is not None and owner is not readers:
                if time.monotonic() < self.reserved_until:
                    return False
                owner.threaded = None
            self.owner = weakref.ref(readers)
            self.busy = True
            return True

    def leave(self, reserved_seconds: float) -> None:
        """The request is done; its reader keeps them for some time."""
        with self.lock:
            self.busy = False
            self.reserved_until = time.monotonic() + reserved_seconds


_frame_threads = _FrameThreads()


@fork.on_child
def _start_anew() -> None:
    """A forked process has none of its parent's threads."""
    global _frame_threads
    _frame_threads = _FrameThreads()


class _Jobs:
    """The parts of one request under way, and what went wrong with them."""

    def __init__(self, readers: list[FrameReader], parts: list[Part], request: Request) -> None:
        self.lock = threading.Lock()
        self.request = request
        self.errors: list[BaseException] = []
        self.free = readers
        self.todo = parts

    def next(self) -> None:
        """Decode a part; errors are kept for `finish`."""
        reader, part = self._take()
        try:
            if not self.errors:
                reader.read(self.request.part(part.positions, part.places))
        except BaseException as error:
            self.errors.append(error)
        with self.lock:
            self.free.append(reader)

    def _take(self) -> tuple[FrameReader, Part]:
        """A part and who reads it: the one that stands just before it, if there is one."""
        with self.lock:
            for (i, reader), (k, part) in itertools.product(enumerate(self.free), enumerate(self.todo)):
                if 0 <= part.first - reader.cursor <= 1:
                    return self.free.pop(i), self.todo.pop(k)
            return self.free.pop(0), self.todo.pop(0)

    def finish(self) -> None:
        if self.errors:
            raise self.errors[0]
