"""How many threads a process may decode on, and the pool that lends them.

Note [Thread budget]

The budget is the number of CPUs that the process may use, or the environment variable CYCODEC_NUM_THREADS. Whoever
decodes on more than the thread that asks for it claims threads here and gives them back; the sum of claims stays within
the budget. The asking thread itself is always granted, so nothing waits for threads and nothing can lock up: where none
is free, work is done one after the other on the thread that wants it. A process that was forked starts with nothing
claimed and a pool of its own.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from cycodec._shared import fork

__all__ = ["budget", "claim", "claimed", "run", "set_budget"]

MAX_POOL = 1024  # the pool starts threads when they are claimed, the budget is what limits them

_lock = threading.Lock()
_claimed = 0
_chosen: int | None = None
_pool: ThreadPoolExecutor | None = None
_thread = threading.local()  # .counted: this thread is part of a claim already


@fork.on_child
def _start_anew() -> None:
    """Locks and claims of other threads, and the pool's threads, do not exist in a forked process."""
    global _lock, _claimed, _pool, _thread
    _lock, _claimed, _pool, _thread = threading.Lock(), 0, None, threading.local()


def budget() -> int:
    """Threads that all decoders of this process together may use: one for each CPU it may run on, unless chosen."""
    if _chosen is not None:
        return _chosen
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def set_budget(count: int | None) -> None:
    """Choose the budget; None goes back to the number of CPUs."""
    global _chosen
    if count is not None and count < 1:
        raise ValueError(f"a budget of threads must be 1 or more, not {count}")
    _chosen = count


def claimed() -> int:
    """Threads that are claimed now."""
    return _claimed


@contextmanager
def claim(wanted: int, least: int = 1) -> Iterator[int]:
    """Lend threads for a block of work: the number of them, the caller's own included.

    Parameters
    ----------
    wanted : int
        At most so many.
    least : int
        At least so many, whether they are free or not: for threads that cannot be done without any more.
    """
    global _claimed
    own = 0 if getattr(_thread, "counted", False) else 1
    with _lock:
        extra = max(least - 1, min(wanted - 1, budget() - _claimed - own))
        _claimed += own + extra
    before, _thread.counted = not own, True
    try:
        yield 1 + extra
    finally:
        _thread.counted = before
        with _lock:
            _claimed -= own + extra


def run(jobs: Iterable[Callable[[], None]], limit: int) -> None:
    """Do jobs on the calling thread and on up to `limit` - 1 threads of the pool, as many as are free.

    They are begun in their order, and the number of threads grows as others give theirs back. A job must keep what it
    raises to itself; where one does raise, no further job begins, and the exception comes from here.
    """
    team = _Team(jobs, limit)
    with claim(1):
        try:
            team.work()
        finally:
            team.stop()


class _Team:
    """The threads that share a list of jobs."""

    def __init__(self, jobs: Iterable[Callable[[], None]], limit: int) -> None:
        self.jobs = list(jobs)[::-1]
        self.limit = limit
        self.helpers: list[Future[None]] = []
        self.lock = threading.Lock()

    def work(self) -> None:
        """Do jobs until there are none left."""
        while True:
            try:
                job = self.jobs.pop()
            except IndexError:
                return
            self.recruit()
            job()

    def recruit(self) -> None:
        """Have one more thread help if there is work for it and one is free."""
        global _claimed, _pool
        with self.lock, _lock:
            if not self.jobs or len(self.helpers) + 1 >= self.limit or _claimed >= budget():
                return
            _pool = _pool or ThreadPoolExecutor(MAX_POOL, thread_name_prefix="cycodec")
            self.helpers.append(_pool.submit(self.help))
            _claimed += 1

    def help(self) -> None:
        global _claimed
        _thread.counted = True
        try:
            self.work()
        except BaseException:
            self.jobs.clear()
            raise
        finally:
            _thread.counted = False
            with _lock:
                _claimed -= 1

    def stop(self) -> None:
        """Begin no more jobs and wait for those under way."""
        self.jobs.clear()
        for helper in self.helpers:
            helper.result()


if "CYCODEC_NUM_THREADS" in os.environ:
    set_budget(int(os.environ["CYCODEC_NUM_THREADS"]))
