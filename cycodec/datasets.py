"""Clips of many videos for training: a map-style dataset, and the order in which a DataLoader walks through it.

    clips = VideoClips(paths, partial(clips_at_random_indices, num_clips=2, num_frames_per_clip=8), [Resize((224, 224))])
    order = clips.order()
    loader = DataLoader(clips, batch_size=8, sampler=order, num_workers=4, persistent_workers=True)
    for epoch in range(order.epoch, 10):
        order.set_epoch(epoch)
        for batch in loader:
            batch["data"]  # [8, 2, 8, 3, 224, 224]

Note [Where chance comes from]

An order yields pairs (epoch, number), and everything random about a sample is drawn from a generator that seed, epoch and
number make. So what comes out does not depend on workers, ranks, restarts, or on what was decoded before; and workers
that outlive an epoch need not be told that a new one has begun.
"""

from __future__ import annotations

import inspect
import os
import threading
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from cycodec._shared import fork, torch_adapter
from cycodec._shared.arguments import integer, one_of
from cycodec.core.error import FFmpegError
from cycodec.decoders._video import VideoDecoder
from cycodec.transforms import as_transforms

if TYPE_CHECKING:
    from cycodec._shared.results import FrameBatch

__all__ = ["ClipOrder", "VideoClips"]

MAX_SUBSTITUTES = 100  # bad videos in a row, after which the storage rather than a file is to blame


class VideoClips:
    """The clips that a sampler takes of each of many videos: a map-style dataset for ``torch.utils.data.DataLoader``.

    ``clips[number]`` and ``clips[epoch, number]`` are a dict of a sample, which DataLoader can batch and pin. Random
    samplers and random crops give another sample in each epoch, and the same one whenever seed, epoch and number are
    the same. It may be pickled (where its sources can be), forked, and used by threads; each process opens decoders of
    its own.

    Parameters
    ----------
    paths : sequence of str, path, bytes, tensor or callable
        The videos: what VideoDecoder takes, or functions without arguments that open it in the process that decodes,
        such as ``fsspec.open(url).open``. File-likes themselves cannot be sent to other processes.
    sampler : callable
        One of ``cycodec.samplers``, or a partial of one that fixes its options; or any function of a decoder that gives
        a FrameBatch. Where it has a parameter ``generator``, it gets one (and has to use it to be reproducible).
    transforms : list of transforms, optional
        As for VideoDecoder; they should give frames of one size if samples are to be batched. Random crops are drawn
        anew for each sample.
    seed : int
    max_open : int
        How many decoders each process keeps open. More are of use only if a process meets the same video again soon.
    on_error : {"raise", "skip"}
        What happens to a video that cannot be read (FFmpegError or OSError): "raise", or "skip": the sample of the
        next video that can be read stands in its place, with a warning, so that batches and epochs keep their sizes.
    decoder_options : dict, optional
        Further keyword arguments of VideoDecoder.
    """

    def __init__(
        self,
        paths: Sequence[Any],
        sampler: Callable[..., FrameBatch],
        transforms: Sequence[Any] | None = None,
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
        """Number of videos, each of which is one sample."""
        return len(self.paths)

    def __getitem__(self, key: int | tuple[int, int]) -> dict[str, Any]:
        """The sample of one video.

        Parameters
        ----------
        key : number or (epoch, number)
            A number alone is of epoch 0.

        Returns
        -------
        dict
            The FrameBatch of the sampler as ``"data"`` (of a sampler of this package ``[num_clips,
            num_frames_per_clip, C, H, W]``), ``"pts_seconds"``, ``"duration_seconds"`` (float64) and, with
            ``decoder_options={"on_error": "mask"}``, ``"valid"``; and ``"video"``, the number of the video in `paths`.

        Raises
        ------
        IndexError
            There is no video of this number.
        FFmpegError, OSError
            The video cannot be read (`on_error` "raise"), or none of many in a row ("skip").
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
        """The samples of epoch 0 in order."""
        return (self[number] for number in range(len(self)))

    def _sample(self, epoch: int, number: int) -> dict[str, Any]:
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
        """What the sampler gives, with chance from a seed."""
        session = decoder._session
        while True:
            generator = torch_adapter.seeded_generator(int(seed.generate_state(1, np.uint64)[0]))
            if self.transforms:
                session.redraw(generator)
            drawn = session._pipeline
            batch = self.sampler(decoder, **({"generator": generator} if self._takes_generator else {}))
            if session._pipeline is drawn:
                return batch
            # the header was wrong about the size of the frames, and crops were drawn again without the seed

    def order(
        self,
        *,
        shuffle: bool = True,
        drop_last: bool = False,
        rank: int | None = None,
        world_size: int | None = None,
    ) -> ClipOrder:
        """The order in which a DataLoader walks through the videos (its ``sampler``); see ClipOrder."""
        return ClipOrder(
            len(self), seed=self.seed, shuffle=shuffle, drop_last=drop_last, rank=rank, world_size=world_size
        )

    def close(self) -> None:
        """Close the decoders that this process keeps open; the dataset stays usable."""
        self._open.close()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_open"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._open = _OpenDecoders()

    def __repr__(self) -> str:
        return f"VideoClips({len(self)} videos, seed={self.seed})"


class ClipOrder:
    """Pairs (epoch, number) in the order of an epoch: a ``sampler`` for DataLoader that can be saved and resumed.

    The order depends on seed and epoch alone. Ranks take turns in it, so all of them together go through each epoch
    once, and a run can be resumed with another number of ranks.

    Parameters
    ----------
    count : int
        Number of videos.
    seed : int
    shuffle : bool
        False: by number.
    drop_last : bool
        What happens where ranks cannot all get the same number of videos: leave out the last ones, or (False) begin
        the epoch's order again to fill up.
    rank, world_size : int, optional
        By default those of torch.distributed where it is initialised, else 0 and 1.
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
        self._begin = 0  # where in the epoch the next iteration begins, counting the samples of all ranks
        self._base = 0  # where the last one began
        self._given = 0  # how many it has given to this rank

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch of the next iteration. The epoch of a loaded state goes on where it was left."""
        epoch = integer("epoch", epoch, least=0)
        if epoch != self.epoch:
            self.epoch = epoch
            self._begin = self._base = self._given = 0

    def numbers(self, epoch: int) -> np.ndarray:
        """The whole epoch's order, of all ranks: an int64 array of the numbers of videos."""
        if not self.shuffle:
            return np.arange(self.count)
        # RandomState, because NumPy promises that its streams never change
        random = np.random.RandomState(np.random.MT19937(np.random.SeedSequence([self.seed, epoch])))
        return random.permutation(self.count).astype(np.int64)

    def __len__(self) -> int:
        """How many samples the next iteration gives to this rank."""
        left = self.count - self._begin
        return max(0, left // self.world_size if self.drop_last else -(-left // self.world_size))

    def __iter__(self) -> Iterator[tuple[int, int]]:
        epoch, length = self.epoch, len(self)
        numbers = self.numbers(epoch)
        self._base, self._begin, self._given = self._begin, 0, 0
        for k in range(length):
            place = self._base + k * self.world_size + self.rank
            self._given = k + 1
            yield epoch, int(numbers[place % self.count])

    def state_dict(self, num_done: int | None = None) -> dict[str, int]:
        """Where training is, to be saved with a model.

        Parameters
        ----------
        num_done : int, optional
            How many samples of the running iteration this rank has trained on: steps times batch size. DataLoader's
            workers read ahead, so without it the state is right for ``num_workers=0`` only: it counts what was given
            to the DataLoader.
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
        """Go on from where a state was saved; the number of ranks may be another one.

        Raises
        ------
        ValueError
            The state is of an order of other videos, seed or shuffling.
        """
        mine = self.state_dict()
        for name in ("count", "seed", "shuffle"):
            if state[name] != mine[name]:
                raise ValueError(
                    f"the state is of an order with {name}={state[name]}, this one has {mine[name]}"
                )
        self.epoch = integer("epoch", state["epoch"], least=0)
        self._begin = self._base = integer("num_done", state["num_done"], least=0)
        self._given = 0

    def __repr__(self) -> str:
        return f"ClipOrder({self.count} videos, epoch {self.epoch}, rank {self.rank} of {self.world_size})"


class _OpenDecoders:
    """Decoders that a process keeps for the next sample of the same video, those least recently used leave first."""

    def __init__(self) -> None:
        self._start_anew()

    def _start_anew(self) -> None:
        self.process = fork.generation
        self.lock = threading.Lock()
        self.decoders: OrderedDict[int, VideoDecoder] = OrderedDict()

    def take(self, number: int) -> VideoDecoder | None:
        """The decoder of a video, for the caller alone until it is kept again."""
        if self.process != fork.generation:
            self._start_anew()  # what a parent opened before it forked belongs to the parent
        with self.lock:
            return self.decoders.pop(number, None)

    def keep(self, number: int, decoder: VideoDecoder, limit: int) -> None:
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
