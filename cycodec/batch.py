"""Frames of many videos, and images, in one call.

    decode_batch([("a.mp4", [0, 10, 20]), ("b.mp4", slice(0, 8)), ("c.mp4", 1.5), ("d.jpg", None)])

Note [Batches allocate per request]

Each result has memory of its own. The memory is pooled, so that one large block would not be
faster: filling 50 results of 2 MB takes 18.8 ms in blocks of their own and 19.3 ms in one block (65
and 58 ms with an empty pool). Slices of one block would keep the whole block alive as long as any
result.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, NoReturn, TypeAlias, overload

from cycodec._image.decoding import decode as decode_image
from cycodec._image.settings import Settings, make_settings
from cycodec._shared import threads, time_keys, torch_adapter
from cycodec._shared.arguments import integer, one_of
from cycodec._shared.missing_names import refuse_name
from cycodec.decoders._video import VideoDecoder
from cycodec.transforms import as_transforms, is_random

if TYPE_CHECKING:
    import numpy as np
    from torch import Generator, Tensor

    from cycodec._shared.results import Frame, FrameBatch
    from cycodec._shared.sources import Source
    from cycodec.transforms import DecoderTransform, Transforms

__all__ = ["decode_batch"]

BatchSource: TypeAlias = "Source | VideoDecoder | Callable[[], Source | VideoDecoder | Tensor]"
BatchKey: TypeAlias = "int | float | slice | Sequence[int] | Sequence[float] | Tensor | np.ndarray | None"


@overload
def decode_batch(
    requests: Iterable[tuple[BatchSource, BatchKey]],
    *,
    transforms: Transforms | None = None,
    num_threads: int | None = None,
    on_error: Literal["raise"] = "raise",
) -> list[Frame | FrameBatch | Tensor]: ...


@overload
def decode_batch(
    requests: Iterable[tuple[BatchSource, BatchKey]],
    *,
    transforms: Transforms | None = None,
    num_threads: int | None = None,
    on_error: Literal["return"],
) -> list[Frame | FrameBatch | Tensor | Exception]: ...


def decode_batch(
    requests: Iterable[tuple[BatchSource, BatchKey]],
    *,
    transforms: Transforms | None = None,
    num_threads: int | None = None,
    on_error: Literal["raise", "return"] = "raise",
) -> Sequence[Any]:
    """Decode frames of many videos, and images, in parallel.

    Requests for the same source share one decoder and are served in turn. Different sources are
    decoded on different threads, without the GIL. All decoders of a process share its budget of
    threads, one for each CPU that it may use.

    Parameters
    ----------
    requests : iterable of (source, key)
        source
            A source for VideoDecoder, which is opened with default options; or a VideoDecoder; or a
            function without arguments that returns either, such as ``partial(VideoDecoder, path,
            num_threads=1)``. The function is called on the thread that decodes.
        key
            Frame numbers (ints) or seconds (floats): one of them, a list, array or tensor of them,
            or a slice. Numbers are those of ``get_frames_at``. A slice of seconds is that of
            ``decoder.t[...]``. None means that the source is an image for ``decode_image``; its
            function may return the decoded image, as ``partial(decode_image, path, size=224)``
            does.
    transforms : iterable of transforms, optional
        For images, and for videos that this call opens. Random crops are drawn from torch's global
        generator, for each image and once for each video, whatever the number of threads.
    num_threads : int, optional
        The largest number of threads for this call, with the calling thread. The budget limits it
        further. The default is the budget, but one thread in workers of a DataLoader.
    on_error : {"raise", "return"}
        "raise" raises the exception of the first request that failed, in the order of the requests.
        "return" serves all requests and puts an exception in the place of a failed result.

    Returns
    -------
    list
        For each request, in order: a Frame for one number or instant; a tensor ``[C, H, W]``, or
        ``[N, C, H, W]`` of an animation, for None; else a FrameBatch.

    Raises
    ------
    TypeError, ValueError
        A request is not a pair, or an option is wrong. `on_error` does not matter here.

    Examples
    --------
    >>> clips = decode_batch([(path, slice(0, 16)) for path in paths])
    >>> torch.stack([clip.data for clip in clips])
    >>> frame, photo = decode_batch([("a.mp4", 5), ("b.jpg", None)], transforms=[Resize(224)])
    """
    one_of("on_error", on_error, ("raise", "return"))
    limit = integer("num_threads", threads.thread_limit(num_threads), least=1)
    batch = _Batch(on_error == "raise", as_transforms(transforms))
    sources: dict[Any, list[_Request]] = {}
    for place, (source, key) in enumerate(map(_pair, requests)):
        sources.setdefault(_identity(source), []).append(_Request(place, source, key))
        batch.results.append(None)
    batch.draw_seeds()
    threads.run([partial(batch.serve, group) for group in sources.values()], limit, batch.cancel)
    if batch.failures and on_error == "raise":
        raise batch.results[min(batch.failures)]
    return batch.results


class _Request(NamedTuple):
    place: int  # of its result in the list of results
    source: BatchSource
    key: BatchKey


class _Batch:
    """The results of one call, which its threads fill."""

    def __init__(self, raising: bool, transforms: tuple[DecoderTransform, ...]) -> None:
        self.results: list[Any] = []
        self.failures: list[int] = []  # the places of failed requests
        self.raising = raising  # True if the call raises the first exception
        self.transforms = transforms
        self.settings: Settings = make_settings("RGB", "uint8", transforms=transforms)  # of images
        self.seeds: list[int] | None = None  # for each request, if boxes are drawn
        self.opened: list[VideoDecoder] = []  # which no other thread can use

    def draw_seeds(self) -> None:
        """Draw a seed for each request, so that threads draw the boxes that one thread would."""
        if is_random(self.transforms):
            self.seeds = torch_adapter.draw_seeds(len(self.results))

    def serve(self, requests: list[_Request]) -> None:
        """Serve the requests for one source: store results or exceptions in their places."""
        source = requests[0].source
        decoder, refusal = None, None
        try:
            for place, _, key in requests:
                if self.raising and self.failures and min(self.failures) < place:
                    return  # the call raises, and returns no result
                try:
                    if key is None:
                        self.results[place] = self._image(source, place)
                        continue
                    if refusal is not None:  # opening failed, and would fail again
                        raise refusal
                    if decoder is None:
                        try:
                            decoder = self._open(source, place)
                            if decoder is not source:
                                self.opened.append(decoder)
                        except Exception as error:
                            refusal = error
                            raise
                    self.results[place] = _decode(decoder, key)
                except Exception as error:
                    self.results[place] = error
                    self.failures.append(place)
        finally:
            if decoder is not None and decoder is not source:
                decoder.close()

    def cancel(self) -> None:
        """End what other threads decode by decoders of this call."""
        for decoder in list(self.opened):
            decoder._session.cancel()

    def _generator(self, place: int) -> Generator | None:
        return None if self.seeds is None else torch_adapter.seeded_generator(self.seeds[place])

    def _open(self, source: Any, place: int) -> VideoDecoder:
        """Return the decoder of a source, with the transforms of this call."""
        opened = source() if callable(source) else source
        if not isinstance(opened, VideoDecoder):
            decoder = VideoDecoder(opened, transforms=self.transforms or None)
            generator = self._generator(place)
            if generator is not None:
                decoder._session.redraw(generator)
            return decoder
        if self.transforms:
            if opened is not source:
                opened.close()
            raise ValueError(
                "transforms of decode_batch are for sources, and a VideoDecoder has its own "
                "(pass them to the decoder, or pass its source)"
            )
        return opened

    def _image(self, source: Any, place: int) -> Tensor:
        """Return the image of a source."""
        if callable(source):
            source = source()
            if torch_adapter.is_tensor(source) and source.ndim > 1:
                return source
        if isinstance(source, VideoDecoder):
            raise TypeError("the key None is for images, and this source is a VideoDecoder (name its frames)")
        return decode_image(source, self.settings, generator=self._generator(place))


def _pair(request: object) -> tuple[Any, Any]:
    """Return a request as a pair of source and key."""
    if not isinstance(request, (tuple, list)) or len(request) != 2:
        raise TypeError(f"a request must be a pair (source, key), got {request!r:.80}")
    return request[0], request[1]


def _identity(source: BatchSource) -> object:
    """Return a key that is equal for sources that are the same path, part of a file, or object."""
    if isinstance(source, tuple) and len(source) == 3 and isinstance(source[0], (str, os.PathLike)):
        return os.fspath(source[0]), *source[1:]
    return os.fspath(source) if isinstance(source, (str, os.PathLike)) else id(source)


def _decode(decoder: VideoDecoder, key: Any) -> Frame | FrameBatch:
    """Return the frames that a key selects, by number or by time."""
    if isinstance(key, slice):
        if any(_is_real(bound) for bound in (key.start, key.stop, key.step)):
            time = time_keys.time_key(key, *decoder._limits())
            if isinstance(time, time_keys.TimeRange):
                empty = time.start == time.stop
                return decoder.get_frames_at([]) if empty else decoder.get_frames_played_in_range(*time)
            key = time
        else:
            key = range(len(decoder))[key]
    if isinstance(key, (list, tuple, range)) or getattr(key, "ndim", 0) > 0:
        by_time = any(map(_is_real, key)) if isinstance(key, (list, tuple)) else _is_real(key)
        return decoder.get_frames_played_at(key) if by_time else decoder.get_frames_at(key)
    return decoder.get_frame_played_at(key) if _is_real(key) else decoder.get_frame_at(key)


def _is_real(value: Any) -> bool:
    """Return True for a float, and for an array or tensor of floats: seconds, not frame numbers."""
    if torch_adapter.is_tensor(value):
        return value.is_floating_point()
    return isinstance(value, float) or getattr(getattr(value, "dtype", None), "kind", "") == "f"


if not TYPE_CHECKING:

    def __getattr__(name: str) -> NoReturn:
        refuse_name(__name__, name)
