"""The readers of one stream: one that always exists, and more for requests that touch several GOPs.

Note [Several GOPs at once]

Frames of different GOPs do not need each other. A request is therefore cut at GOP boundaries, and
readers with a demuxer and a decoder of their own decode its parts side by side, straight into their
slots of the batch. The process's budget limits the number of threads (`_shared.threads`). A part
goes to the reader that stands just before it, if there is one, so that consecutive batches do not
seek. Every further reader costs the memory of one decoder (a few frames) and stays open as long as
the session.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable

from cycodec._shared.threads import claim, run, thread_limit
from cycodec._video import frame_threads
from cycodec._video.costs import DEFAULT_COSTS, Costs
from cycodec._video.gops import Gops, Part
from cycodec._video.opening import ReaderFactory
from cycodec._video.read_ahead import ReadAhead
from cycodec._video.strategy import ALONE, Strategy, Weighed, choose, continue_loop
from cycodec.core.error import TooManyFilesError, is_cancellation
from cycodec.core.video.cpu import CpuBackend
from cycodec.core.video.index import FrameIndex, IndexContradiction
from cycodec.core.video.reader import FrameReader
from cycodec.core.video.request import Request


class Readers:
    """The readers of one open stream.

    Parameters
    ----------
    main : FrameReader
        The reader that always exists.
    factory : ReaderFactory or None
        Opens further readers; None where the source cannot be opened twice.
    limit : int or None
        The user's limit of threads: see `thread_limit`.
    costs : Costs
    """

    def __init__(
        self,
        main: FrameReader,
        factory: ReaderFactory | None,
        limit: int | None,
        costs: Costs = DEFAULT_COSTS,
    ) -> None:
        self.main = main
        self.factory = factory
        self.limit = limit
        self.costs = costs
        self.extra: list[FrameReader] = []  # Note [Several GOPs at once]
        self.threaded: FrameReader | None = None  # Note [One GOP at a time] in frame_threads
        self.num_threads = 0  # frame threads that `threaded` has or had
        self.is_damaged = False  # True if frame threads have met damage
        self.gops: Gops | None = None
        self.read_ahead = ReadAhead(costs)
        self.index_changed()

    def all(self) -> list[FrameReader]:
        """Return all open readers."""
        threaded = self.threaded  # another session may take it away meanwhile
        return [self.main, *self.extra, *([threaded] if threaded is not None else [])]

    def forget(self) -> None:
        """Give up all memory without freeing it: Note [After fork] in core/video/stream.pyx."""
        for reader in self.all():
            reader.forget()
        self.extra = []
        self.threaded = None

    def index_changed(self) -> None:
        """Close the readers that use an older index of the main reader."""
        index = self.main.index
        self.extra = []
        self.threaded = None
        self.gops = None
        # True if requests may use several threads. Identity "order" needs passes from frame 0.
        self.is_divisible = (
            self.factory is not None and self.limit != 1 and index.identity in ("pts", "stamp")
        )

    def read(self, request: Request) -> None:
        """Decode the frames of a request, on one thread or on several."""
        strategy = self._strategy(request) if self.is_divisible and len(request.positions) else ALONE
        if strategy.frame_threads and self._read_threaded(request, strategy):
            return
        if strategy.workers == 1:
            self.main.read(request)
        else:
            self._read_divided(request, strategy)

    def announce_loop(self, frames: int) -> None:
        """Expect a loop over so many frames, from frame 0 on."""
        self.read_ahead.announce(frames)

    def _find_gops(self) -> Gops:
        assert isinstance(self.main.index, FrameIndex)
        self.gops = Gops(self.main.index, self.main.demuxer.size(), self.costs)
        return self.gops

    def _strategy(self, request: Request) -> Strategy:
        """Record a request for `read_ahead`, and return how to read it."""
        positions, pixels = request.positions, request.spec.frame_pixels
        gops, threaded = self.gops or self._find_gops(), self.threaded
        whole = None
        if len(positions) == 1:  # decoder[i] must be quick
            first = last = int(positions[0])
            follows = first == self.read_ahead.last + 1 == self.main.cursor + 1
            if follows and threaded is None and self.read_ahead.record_cheap_step(first, pixels):
                return ALONE
            begin = int(gops.begins[gops.begins.searchsorted(first, "right") - 1])
        else:
            whole = gops.whole(positions)
            first, last, begin = whole.first, whole.last, whole.begin
        ahead, begins, is_cheap = self.read_ahead.record(first, last, begin, pixels, threaded is not None)
        if is_cheap:
            return ALONE
        if threaded is not None and ahead and begin <= threaded.cursor == first - 1 == last - 1:
            return continue_loop(self.num_threads)
        return choose(self._weigh(whole or gops.whole(positions), gops, pixels, ahead, begins))

    def _weigh(self, whole: Part, gops: Gops, pixels: int, ahead: int, begins: bool) -> Weighed:
        index = self.main.index
        assert isinstance(index, FrameIndex)
        threaded = self.threaded  # another session may take it away meanwhile
        return Weighed(
            whole=whole,
            gops=gops,
            pixels=pixels,
            ahead=ahead,
            begins=begins,
            limit=thread_limit(self.limit),
            cursors=[reader.cursor for reader in (self.main, *self.extra)],
            threaded_cursors=[threaded.cursor] if threaded is not None else [],
            may_have_frame_threads=(
                not self.is_damaged
                and not index.confirmed
                and isinstance(self.main.backend, CpuBackend)
                and self.main.backend.allows_frame_threads
            ),
        )

    def cancel(self, is_cancelled: bool = True) -> None:
        """End the read under way, in any thread, by an error; False allows further reads."""
        for reader in self.all():
            reader.cancel(is_cancelled)

    def _read_divided(self, request: Request, strategy: Strategy) -> None:
        """Have several readers decode the parts of a request side by side."""
        assert self.factory is not None
        try:
            while len(self.extra) + 1 < strategy.workers:
                self.extra.append(self.factory.open(self.main))
        except TooManyFilesError:
            pass  # the open readers do all the work
        jobs = _Jobs([self.main, *self.extra], request, strategy.parts, self.cancel)
        try:
            run([jobs.decode_next] * len(strategy.parts), min(strategy.workers, len(self.extra) + 1))
        finally:
            self.cancel(False)
        jobs.raise_first_error()

    def _read_threaded(self, request: Request, strategy: Strategy) -> bool:
        """Have frame threads serve a request; return False if they are not available or have met
        damage.
        """
        assert self.factory is not None
        num_threads, is_under_way = strategy.frame_threads, strategy.is_under_way
        lease = frame_threads.shared
        with claim(num_threads, num_threads if is_under_way else 1) as granted:
            if granted < num_threads or not lease.take(self):
                return False
            try:
                threaded = self.threaded  # no other session can take it away any more
                if threaded is None or (self.num_threads < num_threads and not is_under_way):
                    threaded = self.threaded = self.factory.open(self.main, num_threads)
                    self.num_threads = num_threads
                threaded.read(request)
                self.is_damaged = threaded.met_fault
            except IndexContradiction:
                self.is_damaged = True
            except TooManyFilesError:
                return False
            finally:
                lease.release(self.costs.reserved_seconds if strategy.is_loop else 0)
        if self.is_damaged:
            self.threaded = None
        return not self.is_damaged


class _Jobs:
    """The parts of one request, the readers that are free, and the errors so far."""

    def __init__(
        self, readers: list[FrameReader], request: Request, parts: list[Part], cancel: Callable[[], None]
    ) -> None:
        self.lock = threading.Lock()
        self.cancel = cancel  # ends all reads, because the request has failed
        self.request = request
        self.errors: list[BaseException] = []
        self.free = readers
        self.waiting = list(parts)

    def decode_next(self) -> None:
        """Decode one part, and keep its error for `raise_first_error`."""
        reader, part = self._take()
        try:
            if not self.errors:
                reader.read(self.request.part(part.positions, part.slots))
        except BaseException as error:
            self.errors.append(error)
            self.cancel()
        with self.lock:
            self.free.append(reader)

    def _take(self) -> tuple[FrameReader, Part]:
        """Return a part and a reader for it, if possible the one that stands just before it."""
        with self.lock:
            for (i, reader), (k, part) in itertools.product(enumerate(self.free), enumerate(self.waiting)):
                if 0 <= part.first - reader.cursor <= 1:
                    return self.free.pop(i), self.waiting.pop(k)
            return self.free.pop(0), self.waiting.pop(0)

    def raise_first_error(self) -> None:
        """Raise the first error that is not that of a cancelled read."""
        if self.errors:
            raise next((error for error in self.errors if not is_cancellation(error)), self.errors[0])
