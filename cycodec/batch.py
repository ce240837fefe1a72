"""Frames of many videos at once: ``decode_batch([("a.mp4", [0, 10, 20]), ("b.mp4", slice(0, 8)), ("c.mp4", 1.5)])``.

Note [Batches allocate per request]

Results do not share one allocation. Batch memory is pooled, so that one block costs what many do (measured: 50 results
of 2 MB take 18.8 ms to fill in blocks of their own, 19.3 ms in one; with an empty pool 65 and 58 ms), and slices of one
block would keep all of it alive for as long as one result is.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from cycodec._shared import threads, time_keys, torch_adapter
from cycodec._shared.arguments import integer, one_of
from cycodec.decoders._video import VideoDecoder

if TYPE_CHECKING:
    from cycodec._shared.results import Frame, FrameBatch

__all__ = ["decode_batch"]


def decode_batch(
    requests: Iterable[tuple[Any, Any]],
    *,
    num_threads: int | None = None,
    on_error: Literal["raise", "return"] = "raise",
) -> list[Any]:
    """Decode frames of many videos side by side.

    Requests of the same source share one decoder and are served one after the other; different sources are decoded on
    different threads, without the GIL. All decoders of a process together keep to its budget of threads, one for each
    CPU that it may use.

    Parameters
    ----------
    requests : iterable of (source, key)
        source
            What a VideoDecoder takes, opened with its defaults; or a VideoDecoder; or a function without arguments that
            gives either and is called on the thread that decodes: ``partial(VideoDecoder, path, transforms=...)``.
        key
            Frame numbers or seconds, told apart as ints and floats: one, a list (or array, or tensor) of them, or a
            slice. Numbers are those of ``get_frames_at``; a slice of seconds is that of ``decoder.t[...]``.
    num_threads : int, optional
        At most so many threads for this call, the calling one included, and never more than the budget.
    on_error : {"raise", "return"}
        "raise": the exception of the first request that failed, in the order of the requests. "return": the exception
        stands in the place of the result; the other requests are served.

    Returns
    -------
    list
        For each request, in order: a Frame for one number or instant, else a FrameBatch.

    Raises
    ------
    TypeError, ValueError
        A request is not a pair, or an option is wrong; whatever `on_error` says.

    Examples
    --------
    >>> clips = decode_batch([(path, slice(0, 16)) for path in paths])
    >>> torch.stack([clip.data for clip in clips])
    """
    one_of("on_error", on_error, ("raise", "return"))
    limit = threads.budget() if num_threads is None else integer("num_threads", num_threads, least=1)
    batch = _Batch(on_error == "raise")
    sources: dict[Any, list[_Request]] = {}
    for place, (source, key) in enumerate(map(_pair, requests)):
        sources.setdefault(_identity(source), []).append(_Request(place, source, key))
        batch.results.append(None)
    threads.run([partial(batch.serve, group) for group in sources.values()], limit)
    if batch.failures and on_error == "raise":
        raise batch.results[min(batch.failures)]
    return batch.results


class _Request(NamedTuple):
    place: int
    source: Any
    key: Any


class _Batch:
    """What the threads of one call share."""

    def __init__(self, raising: bool) -> None:
        self.results: list[Any] = []
        self.failures: list[int] = []  # places
        self.raising = raising

    def serve(self, requests: list[_Request]) -> None:
        """Put what the requests of one source give, frames or exceptions, into its places."""
        source = requests[0].source
        decoder = None
        try:
            for place, _, key in requests:
                if self.raising and self.failures and min(self.failures) < place:
                    return  # nobody will see the result
                try:
                    if decoder is None:
                        opened = source() if callable(source) else source
                        decoder = opened if isinstance(opened, VideoDecoder) else VideoDecoder(opened)
                    self.results[place] = _decode(decoder, key)
                except Exception as error:
                    self._fail(place, error)
                    if decoder is None:  # nor would it open for the other requests
                        for request in requests:
                            self._fail(request.place, error)
                        return
        finally:
            if decoder is not None and decoder is not source:
                decoder.close()

    def _fail(self, place: int, error: Exception) -> None:
        self.results[place] = error
        self.failures.append(place)


def _pair(request: Any) -> tuple[Any, Any]:
    if not isinstance(request, (tuple, list)) or len(request) != 2:
        raise TypeError(f"a request must be a pair (source, key), got {request!r:.80}")
    return request[0], request[1]


def _identity(source: Any) -> Any:
    """Equal for sources that are the same file or object."""
    return os.fspath(source) if isinstance(source, (str, os.PathLike)) else id(source)


def _decode(decoder: VideoDecoder, key: Any) -> Frame | FrameBatch:
    """The frames at a key, by number or by time."""
    if isinstance(key, slice):
        if any(_is_real(bound) for bound in (key.start, key.stop, key.step)):
            place = time_keys.time_key(key, *decoder._limits())
            if isinstance(place, time_keys.TimeRange):
                empty = place.start == place.stop
                return decoder.get_frames_at([]) if empty else decoder.get_frames_played_in_range(*place)
            key = place
        else:
            key = range(len(decoder))[key]
    if isinstance(key, (list, tuple, range)) or getattr(key, "ndim", 0) > 0:
        by_time = any(map(_is_real, key)) if isinstance(key, (list, tuple)) else _is_real(key)
        return decoder.get_frames_played_at(key) if by_time else decoder.get_frames_at(key)
    return decoder.get_frame_played_at(key) if _is_real(key) else decoder.get_frame_at(key)


def _is_real(value: Any) -> bool:
    """Whether this is a float, or an array or tensor of floats: seconds rather than frame numbers."""
    if torch_adapter.is_tensor(value):
        return value.is_floating_point()
    return isinstance(value, float) or getattr(getattr(value, "dtype", None), "kind", "") == "f"
