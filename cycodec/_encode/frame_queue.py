"""A bounded queue with a thread that works it off."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from cycodec.core.error import QueueFullError

__all__ = ["FrameQueue"]


class FrameQueue:
    """Items that a thread of its own hands to a function, in order.

    Parameters
    ----------
    capacity : int
        The sum of the weights of the items that may wait.
    on_full : str
        What `put` does if the queue is full: "block" waits, "drop" refuses the item, "raise" raises
        `QueueFullError`.
    work, lose : callable
        Called with an item: `work` in the thread; `lose` for items that are thrown away after an
        error.
    fail : callable
        Called with the exception that `work` raised.
    """

    def __init__(
        self,
        capacity: int,
        on_full: str,
        work: Callable[[Any], None],
        lose: Callable[[Any], None],
        fail: Callable[[BaseException], None],
    ) -> None:
        self._capacity, self._on_full = capacity, on_full
        self._work, self._lose, self._fail = work, lose, fail
        self._items: deque[tuple[Any, int]] = deque()
        self._weight = 0
        self._busy = 0  # items that are being worked on
        self._changed = threading.Condition()
        self._ended = False
        self._failed = False
        self._thread = threading.Thread(target=self._run, name="cycodec-encode", daemon=True)
        self._thread.start()

    @property
    def num_waiting(self) -> int:
        """The number of items that are not done."""
        with self._changed:
            return len(self._items) + self._busy

    def put(self, item: Any, weight: int = 1) -> bool:
        """Add an item. False if it was refused, because the queue is full or its thread has failed.

        Raises
        ------
        QueueFullError
            The queue is full, and `on_full` is "raise".
        """
        with self._changed:
            while self._weight and self._weight + weight > self._capacity and not self._stopped:
                if self._on_full == "drop":
                    return False
                if self._on_full == "raise":
                    raise QueueFullError(
                        f"the queue holds {len(self._items)} frames, and is full (encode faster with another preset, "
                        "raise queue_frames, or pass on_full='drop')"
                    )
                self._changed.wait()
            if self._stopped:
                return False
            self._items.append((item, weight))
            self._weight += weight
            self._changed.notify_all()
            return True

    @property
    def _stopped(self) -> bool:
        return self._ended or self._failed

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._items and not self._ended:
                    self._changed.wait()
                if not self._items:
                    return
                item, weight = self._items.popleft()
                self._busy = 1
            try:
                if self._failed:
                    self._lose(item)
                else:
                    self._work(item)
            except BaseException as error:
                with self._changed:
                    self._failed = True
                self._fail(error)
            finally:
                del item
                with self._changed:
                    self._busy = 0
                    self._weight -= weight
                    self._changed.notify_all()

    def end(self, discard: bool = False) -> None:
        """Wait until all items are done, or throw them away, and end the thread."""
        with self._changed:
            if discard:
                self._failed = True
            self._ended = True
            self._changed.notify_all()
        self._thread.join()
