"""The number of threads that a process may decode on, and the pool that lends them.

Note [Thread budget]

The budget is the number of CPUs that the process may use, or the environment variable
CYCODEC_NUM_THREADS. A request that decodes on several threads claims them here and returns them
later. The sum of all claims stays within the budget. The calling thread is always granted, so that
no request waits for threads and no deadlock is possible. Where no other thread is free, the calling
thread does all the work. A forked process starts without claims and with a new pool.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from cycodec._shared import fork, torch_adapter
from cycodec._shared.arguments import integer, optional_integer

__all__ = ["budget", "claim", "claimed", "run", "set_budget", "thread_limit"]

MAX_POOL = 1024  # The pool starts threads when they are claimed. The budget limits their number.

_lock = threading.Lock()
_claimed = 0
_chosen: int | None = None
_pool: ThreadPoolExecutor | None = None
_thread = threading.local()  # its attribute `counted` is True if this thread is part of a claim


@fork.on_child
def _start_anew() -> None:
    """A forked process has no threads: neither the pool's, nor those that hold locks and claims."""
    global _lock, _claimed, _pool, _thread
    _lock, _claimed, _pool, _thread = threading.Lock(), 0, None, threading.local()


def budget() -> int:
    """Return the number of threads that all decoders of this process may use together.

    The default is the number of CPUs that the process may run on.
    """
    if _chosen is not None:
        return _chosen
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def set_budget(count: int | None) -> None:
    """Choose the budget. None restores the default.

    Raises
    ------
    ValueError
        The budget is less than 1.
    """
    global _chosen
    _chosen = optional_integer("the budget of threads", count, least=1)


def thread_limit(num_threads: int | None) -> int:
    """Return how many threads a request may use at most.

    `num_threads` is the user's limit. None stands for the process's budget, but one thread in
    DataLoader workers.
    """
    if num_threads is not None:
        return num_threads
    return 1 if torch_adapter.in_worker() else budget()


def claimed() -> int:
    """Return the number of threads that are claimed now."""
    return _claimed


@contextmanager
def claim(wanted: int, least: int = 1) -> Iterator[int]:
    """Claim threads for a block of work. The block gets their number, with the calling thread.

    Parameters
    ----------
    wanted : int
        The largest number of threads.
    least : int
        The smallest number. These are granted even beyond the budget, for work that already uses
        them.
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


def run(
    jobs: Iterable[Callable[[], None]], limit: int, on_failure: Callable[[], None] = lambda: None
) -> None:
    """Do jobs on the calling thread and on up to `limit` - 1 free threads of the pool.

    Jobs begin in their order. More threads join when others become free. A job should not raise. If
    one does, no further job begins, and this function raises the exception. If that happens on the
    calling thread, as by Ctrl-C, `on_failure` is called and may end the jobs of the other threads.
    """
    team = _Team(jobs, limit)
    with claim(1):
        try:
            team.work()
        except BaseException:
            on_failure()
            raise
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
        """Do jobs until none is left."""
        while True:
            try:
                job = self.jobs.pop()
            except IndexError:
                return
            self.recruit()
            job()

    def recruit(self) -> None:
        """Add a thread if there is work for it and one is free."""
        global _claimed, _pool
        with self.lock, _lock:
            if not self.jobs or len(self.helpers) + 1 >= self.limit or _claimed >= budget():
                return
            _pool = _pool or ThreadPoolExecutor(MAX_POOL, thread_name_prefix="cycodec")
            self.helpers.append(_pool.submit(self.help))
            _claimed += 1

    def help(self) -> None:
        """Do the work of a thread of the pool."""
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
        """Begin no more jobs, and wait for those that run."""
        self.jobs.clear()
        for helper in self.helpers:
            helper.result()


def _budget_of_environment() -> int | None:
    """Return the value of the environment variable CYCODEC_NUM_THREADS."""
    text = os.environ.get("CYCODEC_NUM_THREADS")
    if text is None:
        return None
    try:
        return integer("CYCODEC_NUM_THREADS", int(text), least=1)
    except ValueError:
        raise ValueError(
            f"the environment variable CYCODEC_NUM_THREADS must be a positive integer, not {text!r} "
            "(unset it to use all CPUs)"
        ) from None


set_budget(_budget_of_environment())
