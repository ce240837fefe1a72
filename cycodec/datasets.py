"""Clips of many videos for training: a map-style dataset, and a sampler for its DataLoader.

    clips = VideoClips(paths, partial(clips_at_random_indices, num_clips=2, num_frames_per_clip=8),
    [Resize((224, 224))]) order = clips.order() loader = DataLoader(clips, batch_size=8,
    sampler=order, num_workers=4, persistent_workers=True) for epoch in range(order.epoch, 10):
        order.set_epoch(epoch)
        for batch in loader:
            batch["data"]  # [8, 2, 8, 3, 224, 224]

Note [Reproducible randomness]

A ClipOrder yields pairs (epoch, number). Everything random about a sample is drawn from a generator
that is seeded with seed, epoch and number. Therefore samples do not depend on workers, ranks,
restarts or earlier samples. Persistent workers learn of a new epoch from the pairs.
"""

from __future__ import annotations

import inspect
import os
import threading
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NoReturn

import numpy as np

from cycodec._shared import fork, torch_adapter
from cycodec._shared.arguments import integer, one_of
from cycodec._shared.missing_names import refuse_name
from cycodec.core.error import FFmpegError
from cycodec.decoders._video import VideoDecoder
from cycodec.transforms import Transforms, as_transforms

if TYPE_CHECKING:
    from cycodec._shared.results import FrameBatch
    from cycodec._shared.sources import Source

__all__ = ["ClipOrder", "VideoClips"]

# After this many bad videos in a row the storage is the likely cause, not the files.
MAX_SUBSTITUTES = 100


class VideoClips:
    """Clips of many videos: a map-style dataset for ``torch.utils.data.DataLoader``.

    ``clips[number]`` and ``clips[epoch, number]`` return one sample as a dict, which DataLoader can
    batch and pin. Random samplers and random crops return other samples in each epoch. The same
    seed, epoch and number give the same sample. A dataset can be pickled (if its sources can be),
    forked, and shared by threads. Each process opens its own decoders.

    Parameters
    ----------
    paths : sequence of str, path, bytes, tensor, tuple or callable
        The videos: sources for VideoDecoder, such as parts of tar files ``(path, offset, length)``,
        or functions without arguments that return a source in the process that decodes, such as
        ``fsspec.open(url).open``.
    sampler : callable
        A function of ``cycodec.samplers``, or a partial of one that fixes its options, or any
        function that takes a decoder and returns a FrameBatch. If it has a parameter ``generator``,
        the dataset passes one, which it must use to be reproducible.
    transforms : list of transforms, optional
        As for VideoDecoder. All frames must get the same size if samples are batched. Random crops
        are drawn for each sample.
    seed : int
    max_open : int
        The number of decoders that each process keeps open, for the next sample of the same video.
    on_error : {"raise", "skip"}
        What happens if a video cannot be read (FFmpegError or OSError). "raise" raises the error.
        "skip" warns, and returns the sample of the next readable video, so that batches and epochs
        keep their sizes.
    decoder_options : dict, optional
        Further keyword arguments of VideoDecoder.

    Raises
    ------
    TypeError, ValueError
        An argument is of the wrong type or has a value that is not allowed.
    """

    def __init__(
        self,
        paths: Sequence[Source | Callable[[], Source]],
        sampler: Callable[..., FrameBatch],
        transforms: Transforms | None = None,
        *,
        seed: int = 0,
        max_open: int = 8,
        on_error: Literal["raise", "skip"] = "raise",
        decoder_options: Mapping[str, Any] | None = None,
    ) -> None:
        if isinstance(paths, (str, bytes, os.PathLike)):
            raise TypeError(f"paths must be a list of videos, not one {type(paths).__name__}")
        if not callable(sampler):
            raise TypeError(f"sampler must be a function of a decoder, not {type(sampler).__name__}")
        one_of("on_error", on_error, ("raise", "skip"))
        self.paths = list(paths)
        self.sampler = sampler
        self.transforms = as_transforms(transforms)
        self.seed = integer("seed", seed, least=0)
        self.max_open = integer("max_open", max_open, least=0)
        self.on_error = on_error
        self.decoder_options = dict(decoder_options or {})
        if not self.paths:
            raise ValueError("there are no videos: paths is empty")
        self._takes_generator = "generator" in inspect.signature(sampler).parameters
        self._open = _OpenDecoders()

    def __len__(self) -> int:
        """Return the number of videos. Each video is one sample."""
        return len(self.paths)

    def __getitem__(self, key: int | tuple[int, int]) -> dict[str, Any]:
        """Return the sample of one video.

        Parameters
        ----------
        key : number or (epoch, number)
            A number alone means epoch 0.

        Returns
        -------
        dict
            The fields of the sampler's FrameBatch: ``"data"`` (``[num_clips, num_frames_per_clip,
            C, H, W]`` from the samplers of this package), ``"pts_seconds"``, ``"duration_seconds"``
            (float64) and, with ``decoder_options={"on_error": "mask"}``, ``"valid"``. ``"video"``
            is the number of the video in `paths`.

        Raises
        ------
        IndexError
            There is no video with this number.
        FFmpegError, OSError
            The video cannot be read and `on_error` is "raise", or many videos in a row cannot be
            read.
        """
        epoch, number = key if isinstance(key, tuple) else (0, key)
        epoch, number = integer("epoch", epoch, least=0), integer("number", number)
        count = len(self.paths)
        if not -count <= number < count:
            raise IndexError(f"there is no video {number}: the dataset has {count}")
        tries = min(count, MAX_SUBSTITUTES) if self.on_error == "skip" else 1
        for substitute in range(number, number + tries):
            try:
                return self._sample(epoch, substitute % count)
            except (FFmpegError, OSError) as error:
                if substitute == number + tries - 1:
                    raise
                warnings.warn(f"video {substitute % count} is skipped: {error}", stacklevel=2)
        raise AssertionError

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Return the samples of epoch 0, in order."""
        return (self[number] for number in range(len(self)))

    def _sample(self, epoch: int, number: int) -> dict[str, Any]:
        """Return the sample of one video, or the error of reading it."""
        decoder = self._open.take(number)
        if decoder is None:
            path = self.paths[number]
            source = path() if callable(path) else path
            decoder = VideoDecoder(source, transforms=self.transforms, **self.decoder_options)
        try:
            batch = self._clips(decoder, np.random.SeedSequence([self.seed, epoch, number]))
        except BaseException:
            decoder.close()
            raise
        self._open.keep(number, decoder, self.max_open)
        sample = {
            "data": batch.data,
            "pts_seconds": batch.pts_seconds,
            "duration_seconds": batch.duration_seconds,
            "video": number,
        }
        if batch.valid is not None:
            sample["valid"] = batch.valid
        return sample

    def _clips(self, decoder: VideoDecoder, seed: np.random.SeedSequence) -> FrameBatch:
        """Return the sampler's clips, with all randomness from a seed."""
        session = decoder._session
        while True:
            generator = torch_adapter.seeded_generator(int(seed.generate_state(1, np.uint64)[0]))
            if self.transforms:
                session.redraw(generator)
            drawn = session.pictures.pipeline
            batch = self.sampler(decoder, **({"generator": generator} if self._takes_generator else {}))
            if session.pictures.pipeline is drawn:
                return batch
            # The header named a wrong frame size, so that the session drew the crops again, without
            # the seed.

    def order(
        self,
        *,
        shuffle: bool = True,
        drop_last: bool = False,
        rank: int | None = None,
        world_size: int | None = None,
    ) -> ClipOrder:
        """Return a ``sampler`` for a DataLoader; see `ClipOrder` for the arguments."""
        return ClipOrder(
            len(self), seed=self.seed, shuffle=shuffle, drop_last=drop_last, rank=rank, world_size=world_size
        )

    def close(self) -> None:
        """Close the decoders that this process keeps open. The dataset stays usable."""
        self._open.close()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_open"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._open = _OpenDecoders()

    def __repr__(self) -> str:
        return f"VideoClips({len(self)} videos, seed={self.seed})"


class ClipOrder:
    """Pairs (epoch, number): a ``sampler`` for DataLoader that can be saved and resumed.

    The order depends on seed and epoch alone. The ranks take its pairs in turn. Together they go
    through each epoch once, and a run can be resumed with another number of ranks.

    Parameters
    ----------
    count : int
        Number of videos.
    seed : int
    shuffle : bool
        False keeps the videos in the order of their numbers.
    drop_last : bool
        What happens if the videos cannot be divided evenly among the ranks. True leaves out the
        last videos. False repeats the first videos of the epoch.
    rank, world_size : int, optional
        By default those of torch.distributed if it is initialised, else 0 and 1.

    Raises
    ------
    TypeError, ValueError
        An argument is of the wrong type or has a value that is not allowed.
    """

    def __init__(
        self,
        count: int,
        *,
        seed: int = 0,
        shuffle: bool = True,
        drop_last: bool = False,
        rank: int | None = None,
        world_size: int | None = None,
    ) -> None:
        if (rank is None) != (world_size is None):
            raise ValueError("rank and world_size belong together: give both or neither")
        if rank is None or world_size is None:
            rank, world_size = torch_adapter.place_in_group()
        self.count = integer("count", count, least=1)
        self.seed = integer("seed", seed, least=0)
        self.shuffle = bool(shuffle)
        self.drop_last = bool(drop_last)
        self.world_size = integer("world_size", world_size, least=1)
        self.rank = integer("rank", rank, least=0)
        if self.rank >= self.world_size:
            raise ValueError(f"rank {rank} is outside a group of {world_size}")
        self.epoch = 0
        # These count the samples of all ranks since the beginning of the epoch.
        self._begin = 0  # where the next iteration begins
        self._base = 0  # where the last iteration began
        # Number of samples that the last iteration has yielded to this rank.
        self._given = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch of the next iteration.

        The epoch of a loaded state continues where it was saved.

        Parameters
        ----------
        epoch : int
            From 0.
        """
        epoch = integer("epoch", epoch, least=0)
        if epoch != self.epoch:
            self.epoch = epoch
            self._begin = self._base = self._given = 0

    def numbers(self, epoch: int) -> np.ndarray:
        """Return the order of a whole epoch for all ranks: video numbers as an int64 array.

        Parameters
        ----------
        epoch : int
            From 0.
        """
        if not self.shuffle:
            return np.arange(self.count)
        # NumPy promises that the streams of RandomState never change.
        random = np.random.RandomState(np.random.MT19937(np.random.SeedSequence([self.seed, epoch])))
        return random.permutation(self.count).astype(np.int64)

    def __len__(self) -> int:
        """Return the number of samples that the next iteration yields to this rank."""
        left = self.count - self._begin
        return max(0, left // self.world_size if self.drop_last else -(-left // self.world_size))

    def __iter__(self) -> Iterator[tuple[int, int]]:
        epoch, length = self.epoch, len(self)
        numbers = self.numbers(epoch)
        self._base, self._begin, self._given = self._begin, 0, 0
        for k in range(length):
            turn = self._base + k * self.world_size + self.rank
            self._given = k + 1
            yield epoch, int(numbers[turn % self.count])

    def state_dict(self, num_done: int | None = None) -> dict[str, int]:
        """Return the progress of training, to be saved with a model.

        Parameters
        ----------
        num_done : int, optional
            Number of samples of the current iteration that this rank has trained on: steps times
            batch size. By default, all samples that the DataLoader has taken count. That is right
            for ``num_workers=0`` only, because workers read ahead.
        """
        done = self._given if num_done is None else integer("num_done", num_done, least=0)
        return {
            "epoch": self.epoch,
            "num_done": min(self._base + done * self.world_size, self.count),
            "count": self.count,
            "seed": self.seed,
            "shuffle": int(self.shuffle),
        }

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Continue where a state was saved. The number of ranks may differ.

        Parameters
        ----------
        state : dict
            What `state_dict` returned.

        Raises
        ------
        ValueError
            The state belongs to another number of videos, another seed or another shuffling.
        """
        mine = self.state_dict()
        for name in ("count", "seed", "shuffle"):
            if state[name] != mine[name]:
                raise ValueError(
                    f"the state was saved with {name}={state[name]}, but this order has {name}={mine[name]} "
                    "(make the order with the same arguments)"
                )
        self.epoch = integer("epoch", state["epoch"], least=0)
        self._begin = self._base = integer("num_done", state["num_done"], least=0)
        self._given = 0

    def __repr__(self) -> str:
        return f"ClipOrder({self.count} videos, epoch {self.epoch}, rank {self.rank} of {self.world_size})"


class _OpenDecoders:
    """The open decoders of a process. Surplus ones are closed, least recently used first."""

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self.process = fork.generation
        self.lock = threading.Lock()
        self.decoders: OrderedDict[int, VideoDecoder] = OrderedDict()

    def take(self, number: int) -> VideoDecoder | None:
        """Take the decoder of a video out, for the caller alone; None if there is none."""
        if self.process != fork.generation:
            self._reset()  # the decoders belong to the parent process
        with self.lock:
            return self.decoders.pop(number, None)

    def keep(self, number: int, decoder: VideoDecoder, limit: int) -> None:
        """Put a decoder in, and close those beyond the limit."""
        with self.lock:
            before = self.decoders.pop(number, None)
            self.decoders[number] = decoder
            surplus = [] if before is None else [before]
            while len(self.decoders) > limit:
                surplus.append(self.decoders.popitem(last=False)[1])
        for old in surplus:
            old.close()

    def close(self) -> None:
        with self.lock:
            decoders = list(self.decoders.values())
            self.decoders.clear()
        for decoder in decoders:
            decoder.close()


if not TYPE_CHECKING:

    def __getattr__(name: str) -> NoReturn:
        refuse_name(__name__, name)
