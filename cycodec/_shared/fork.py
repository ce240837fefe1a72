"""Detects forks: the one place that asks Python to be called in a forked process.

A forked process inherits open streams and locks, but not the threads that use them. Modules with
such state register a callback that replaces the state. Objects remember `fork.generation` and
compare it later.
"""

from __future__ import annotations

import os
from collections.abc import Callable

__all__ = ["generation", "on_child"]

# Number of forks between the first process and this one. It is cheaper to read than the process id.
# Read it as `fork.generation`: a name that is imported from here would keep the old number.
generation = 0

_callbacks: list[Callable[[], None]] = []


def on_child(callback: Callable[[], None]) -> Callable[[], None]:
    """Call a function at the start of each forked process. May be used as a decorator."""
    _callbacks.append(callback)
    return callback


def _after_fork() -> None:
    global generation
    generation += 1
    for callback in _callbacks:
        callback()


if hasattr(os, "register_at_fork"):  # Windows has no forks
    os.register_at_fork(after_in_child=_after_fork)
