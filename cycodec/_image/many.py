"""Several images side by side in threads."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from cycodec._image.decoding import decode
from cycodec._image.settings import Settings
from cycodec._shared import threads, torch_adapter
from cycodec._shared.arguments import integer, one_of
from cycodec.transforms import is_random

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["decode_any"]


def is_many(sources: Any) -> bool:
    """Return True for a list of sources, and for a tuple that is no part of a file."""
    if isinstance(sources, tuple):
        is_part = len(sources) == 3 and isinstance(sources[0], (str, os.PathLike))
        return not (is_part and not isinstance(sources[1], (str, bytes, os.PathLike)))
    return isinstance(sources, list)


def decode_all(
    sources: list[Any], settings: Settings, wanted: str | None, num_threads: int | None, on_error: str
) -> list[Any]:
    """Decode images on the threads of the process's budget.

    Parameters
    ----------
    sources : list of Source
    settings : Settings
    wanted : str, optional
        The only format that is allowed.
    num_threads : int, optional
        The largest number of threads, with the calling one. By default the budget, but one thread
        in workers of a DataLoader.
    on_error : {"raise", "return"}

    Returns
    -------
    list
        A tensor for each source, or with "return" the exception of one that failed.
    """
    one_of("on_error", on_error, ("raise", "return"))
    limit = integer("num_threads", threads.thread_limit(num_threads), least=1)
    results: list[Any] = [None] * len(sources)
    seeds = _seeds(settings, len(sources))
    failed: list[int] = []

    def serve(place: int) -> None:
        if on_error == "raise" and failed and min(failed) < place:
            return
        generator = None if seeds is None else torch_adapter.seeded_generator(seeds[place])
        try:
            results[place] = decode(sources[place], settings, wanted, generator)
        except Exception as error:
            results[place] = error
            failed.append(place)

    jobs: list[Callable[[], None]] = [partial(serve, place) for place in range(len(sources))]
    threads.run(jobs, limit)
    if failed and on_error == "raise":
        raise results[min(failed)]
    return results


def _seeds(settings: Settings, count: int) -> list[int] | None:
    """Return a seed for each image if boxes are drawn, so that threads draw what one would."""
    if is_random(settings.steps):
        return torch_adapter.draw_seeds(count)
    return None


def decode_any(
    sources: Any,
    settings: Settings,
    wanted: str | None = None,
    num_threads: int | None = None,
    on_error: str = "raise",
) -> Tensor | list[Any]:
    """Decode one image, or a list of them."""
    if is_many(sources):
        return decode_all(list(sources), settings, wanted, num_threads, on_error)
    return decode(sources, settings, wanted)
