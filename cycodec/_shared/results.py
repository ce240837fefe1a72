"""What decoders return: frames, batches of frames, and audio samples.

This module does not import torch. It checks shapes by ``.ndim`` and ``.shape``, which every tensor
has.

Note [Results in a DataLoader]

torch's ``default_collate`` joins results: frames to a FrameBatch, batches to one with a further
axis, audio samples to an AudioBatch. torch asks a table of functions for that, and the first result
of a process enters its class there. ``pin_memory`` and ``to`` are the methods that DataLoader and
trainers look for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from cycodec._shared import torch_adapter

if TYPE_CHECKING:
    import torch
    from torch import Tensor
    from typing_extensions import Self

__all__ = ["AudioBatch", "AudioSamples", "Frame", "FrameBatch"]


def _shape(tensor: Any) -> str:
    """Type and shape in one word: "uint8[3, 270, 480]"."""
    return f"{str(tensor.dtype).removeprefix('torch.')}{list(tensor.shape)}"


def _check_ndim(owner: str, tensor: Any, ndim: int, axes: str) -> None:
    if tensor.ndim != ndim:
        raise ValueError(f"{owner}.data must be {ndim}-D {axes}, got shape {list(tensor.shape)}")


def _check_leading(
    owner: str, data: Tensor, leading: Sequence[int], per_item: list[tuple[str, Tensor]]
) -> None:
    """Raise ValueError unless every field that holds one value for each item has that shape."""
    for name, tensor in per_item:
        if list(tensor.shape) != list(leading):
            raise ValueError(
                f"{owner}.{name} must have the leading shape {list(leading)} of data with shape "
                f"{list(data.shape)}, got {list(tensor.shape)}"
            )


def _check_bool(owner: str, valid: Tensor | None) -> None:
    if valid is not None and not str(valid.dtype).endswith("bool"):
        raise ValueError(f"{owner}.valid must be a bool tensor, got {valid.dtype}")


def _same(owner: str, what: str, values: list[Any], remedy: str) -> None:
    """Raise ValueError unless all results that are collated have the same value."""
    for value in values:
        if value != values[0]:
            raise ValueError(
                f"{owner} of different {what} cannot be collated: {values[0]} and {value} ({remedy})"
            )


class _Result:
    """Base of the results: moving to a device, pinning, and collating."""

    def __post_init__(self) -> None:
        torch_adapter.teach_collate(type(self), self._joined)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        torch_adapter.teach_collate(type(self), self._joined)

    @staticmethod
    def _joined(results: Sequence[Any]) -> Any:
        """Return one result that holds several, along a new first axis."""
        raise NotImplementedError

    def _with_tensors(self, move: Callable[[Tensor], Tensor]) -> Self:
        """Return the same result with every tensor moved."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]
        moved = {name: move(value) for name, value in values.items() if torch_adapter.is_tensor(value)}
        return replace(self, **moved)  # type: ignore[type-var]

    def to(self, device: str | torch.device, *, non_blocking: bool = False) -> Self:
        """Return the same result with all its tensors on a device.

        Parameters
        ----------
        device : str or torch.device
        non_blocking : bool
            True to return before a copy from pinned memory is done, as ``torch.Tensor.to``.
        """
        return self._with_tensors(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> Self:
        """Return the same result with all its tensors in pinned memory.

        A DataLoader with ``pin_memory=True`` calls this.
        """
        return self._with_tensors(lambda tensor: tensor.pin_memory())


@dataclass(repr=False, eq=False)
class Frame(_Result):
    """One video frame. Unpacks as ``data, pts_seconds, duration_seconds``.

    torch's ``default_collate`` joins frames of one size to a FrameBatch.

    Attributes
    ----------
    data : torch.Tensor
        The picture, ``[C, H, W]`` or ``[H, W, C]`` as the decoder's ``dimension_order`` says. uint8
        in 0..255, or float32 in [0, 1] when the decoder's ``output_dtype`` asks for it.
    pts_seconds : float
        When the frame starts to be shown, in seconds on the stream's own timeline.
    duration_seconds : float
        How long it is shown: over ``[pts_seconds, pts_seconds + duration_seconds)``.

    Raises
    ------
    ValueError
        If data is not 3-D.
    """

    data: Tensor
    pts_seconds: float
    duration_seconds: float

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_ndim("Frame", self.data, 3, "[C, H, W] or [H, W, C]")
        self.pts_seconds = float(self.pts_seconds)
        self.duration_seconds = float(self.duration_seconds)

    def __iter__(self) -> Iterator[Any]:
        return iter((self.data, self.pts_seconds, self.duration_seconds))

    @staticmethod
    def _joined(results: Sequence[Any]) -> FrameBatch:
        return FrameBatch(
            _stacked_pictures("frames", results),
            torch_adapter.seconds_tensor([frame.pts_seconds for frame in results]),
            torch_adapter.seconds_tensor([frame.duration_seconds for frame in results]),
        )

    def __repr__(self) -> str:
        return (
            f"Frame(data={_shape(self.data)}, pts_seconds={self.pts_seconds:.6g}, "
            f"duration_seconds={self.duration_seconds:.6g})"
        )


@dataclass(repr=False, eq=False)
class FrameBatch(_Result):
    """Several video frames. Indexing and iterating give FrameBatch again.

    ``batch[i]`` and ``for frame in batch`` give a FrameBatch of one axis less. That of a single
    frame has ``data`` of ``[C, H, W]`` and 0-d tensors as times, which ``float()`` and ``.item()``
    read. torch's ``default_collate`` joins batches of one shape along a new first axis.

    Attributes
    ----------
    data : torch.Tensor
        The pictures, ``[..., C, H, W]`` or ``[..., H, W, C]``. Clip samplers give two leading axes,
        ``[num_clips, num_frames_per_clip, C, H, W]``; everything else gives one.
    pts_seconds : torch.Tensor
        float64 of the leading shape: when each frame starts to be shown, in seconds.
    duration_seconds : torch.Tensor
        float64 of the leading shape: how long each frame is shown, in seconds.
    valid : torch.Tensor or None
        bool of the leading shape, with the decoder's ``on_error="mask"`` only: False where the
        frame could not be decoded and ``data`` holds a stand-in.

    Raises
    ------
    ValueError
        If data has fewer than 3 axes, or another field is not of the leading shape, or valid is not
        bool.
    """

    data: Tensor
    pts_seconds: Tensor
    duration_seconds: Tensor
    valid: Tensor | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.data.ndim < 3:
            raise ValueError(f"FrameBatch.data must be at least 3-D, got shape {list(self.data.shape)}")
        _check_leading("FrameBatch", self.data, self.data.shape[:-3], self._per_frame())
        _check_bool("FrameBatch", self.valid)

    def _per_frame(self) -> list[tuple[str, Tensor]]:
        """Return the fields that hold one value for each frame, by name."""
        return [
            (name, tensor)
            for name in ("pts_seconds", "duration_seconds", "valid")
            if (tensor := getattr(self, name)) is not None
        ]

    def __len__(self) -> int:
        """Return the length of the first leading axis.

        Raises
        ------
        TypeError
            The batch holds one frame, without a leading axis.
        """
        if self.data.ndim == 3:
            raise TypeError("a FrameBatch of one frame has no len() (its data is [C, H, W] already)")
        return self.data.shape[0]

    def __bool__(self) -> bool:
        """Return True if there is at least one frame."""
        return 0 not in self.data.shape[:-3]

    def __getitem__(self, key: Any) -> FrameBatch:
        """Return the frames at a key of the leading axes.

        Raises
        ------
        IndexError
            The key is out of bounds, or has more items than there are leading axes.
        """
        if self.data.ndim == 3:
            raise IndexError("a FrameBatch of one frame cannot be indexed (index its data)")
        per_frame = {name: tensor[key] for name, tensor in self._per_frame()}
        if isinstance(key, tuple) and any(item is Ellipsis for item in key):
            # An ellipsis stands for leading axes, never for those of the picture.
            key = (*key, *[slice(None)] * 3)
        return FrameBatch(self.data[key], **per_frame)

    def __iter__(self) -> Iterator[FrameBatch]:
        return (self[i] for i in range(len(self)))

    @staticmethod
    def _joined(results: Sequence[Any]) -> FrameBatch:
        data = _stacked_pictures("batches", results)
        names = [{name for name, _ in batch._per_frame()} for batch in results]
        _same("batches", "fields", names, "decode all of them with the same on_error")
        return FrameBatch(
            data,
            **{
                name: torch_adapter.stacked([getattr(batch, name) for batch in results])
                for name, _ in results[0]._per_frame()
            },
        )

    def __repr__(self) -> str:
        parts = [f"{name}={_shape(tensor)}" for name, tensor in [("data", self.data), *self._per_frame()]]
        return f"FrameBatch({', '.join(parts)})"


def _stacked_pictures(what: str, results: Sequence[Any]) -> Tensor:
    """Return the data of frames or batches of one shape, along a new first axis."""
    shapes = [list(result.data.shape) for result in results]
    _same(
        what, "shapes", shapes, "decode with transforms=[Resize(...)], or give the DataLoader collate_fn=list"
    )
    return torch_adapter.stacked([result.data for result in results])


@dataclass(repr=False, eq=False)
class AudioSamples(_Result):
    """A stretch of audio. Unpacks as ``data, pts_seconds, duration_seconds, sample_rate``.

    torch's ``default_collate`` joins samples of one shape and rate to an AudioBatch.

    Attributes
    ----------
    data : torch.Tensor
        float32 ``[num_channels, num_samples]`` in [-1, 1].
    pts_seconds : float
        The time of the first sample, in seconds on the stream's own timeline.
    duration_seconds : float
        ``num_samples / sample_rate``.
    sample_rate : int
        Samples per second of each channel.
    valid : torch.Tensor or None
        bool ``[num_samples]``, with the decoder's ``on_error="mask"`` only: False for samples that
        are damaged in the file, which are silent in ``data``.

    Raises
    ------
    ValueError
        If data is not 2-D, or valid is not a bool tensor of ``[num_samples]``.
    """

    data: Tensor
    pts_seconds: float
    duration_seconds: float
    sample_rate: int
    valid: Tensor | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_ndim("AudioSamples", self.data, 2, "[num_channels, num_samples]")
        self.pts_seconds = float(self.pts_seconds)
        self.duration_seconds = float(self.duration_seconds)
        self.sample_rate = int(self.sample_rate)
        if self.valid is None:
            return
        if list(self.valid.shape) != [self.data.shape[1]] or not str(self.valid.dtype).endswith("bool"):
            raise ValueError(
                f"AudioSamples.valid must be a bool tensor of shape {[self.data.shape[1]]}, got "
                f"{_shape(self.valid)}"
            )

    def __iter__(self) -> Iterator[Any]:
        return iter((self.data, self.pts_seconds, self.duration_seconds, self.sample_rate))

    @staticmethod
    def _joined(results: Sequence[Any]) -> AudioBatch:
        rates = [samples.sample_rate for samples in results]
        _same("audio samples", "rates", rates, "pass sample_rate= to the decoders")
        shapes = [list(samples.data.shape) for samples in results]
        remedy = "cut or pad them to one length, pass num_channels=, or give the DataLoader collate_fn=list"
        _same("audio samples", "shapes", shapes, remedy)
        valid = [samples.valid for samples in results]
        _same(
            "audio samples", "fields", [v is None for v in valid], "decode all of them with the same on_error"
        )
        return AudioBatch(
            torch_adapter.stacked([samples.data for samples in results]),
            torch_adapter.seconds_tensor([samples.pts_seconds for samples in results]),
            torch_adapter.seconds_tensor([samples.duration_seconds for samples in results]),
            rates[0],
            None if valid[0] is None else torch_adapter.stacked(valid),
        )

    def __repr__(self) -> str:
        return (
            f"AudioSamples(data={_shape(self.data)}, pts_seconds={self.pts_seconds:.6g}, "
            f"duration_seconds={self.duration_seconds:.6g}, sample_rate={self.sample_rate})"
        )


@dataclass(repr=False, eq=False)
class AudioBatch(_Result):
    """Several stretches of audio of one length: what ``default_collate`` makes of AudioSamples.

    Attributes
    ----------
    data : torch.Tensor
        float32 ``[num_stretches, num_channels, num_samples]``.
    pts_seconds, duration_seconds : torch.Tensor
        float64 ``[num_stretches]``, in seconds.
    sample_rate : int
        Samples per second of each channel.
    valid : torch.Tensor or None
        bool ``[num_stretches, num_samples]``, with the decoder's ``on_error="mask"`` only.

    Raises
    ------
    ValueError
        If data is not 3-D, or another field does not have the shape above, or valid is not bool.
    """

    data: Tensor
    pts_seconds: Tensor
    duration_seconds: Tensor
    sample_rate: int
    valid: Tensor | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_ndim("AudioBatch", self.data, 3, "[num_stretches, num_channels, num_samples]")
        self.sample_rate = int(self.sample_rate)
        times = [("pts_seconds", self.pts_seconds), ("duration_seconds", self.duration_seconds)]
        _check_leading("AudioBatch", self.data, self.data.shape[:1], times)
        if self.valid is not None and list(self.valid.shape) != [self.data.shape[0], self.data.shape[2]]:
            raise ValueError(
                f"AudioBatch.valid must have the shape {[self.data.shape[0], self.data.shape[2]]}, got "
                f"{list(self.valid.shape)}"
            )
        _check_bool("AudioBatch", self.valid)

    def __len__(self) -> int:
        return self.data.shape[0]

    def __getitem__(self, index: int) -> AudioSamples:
        """One stretch, by number.

        Raises
        ------
        IndexError
            There is no such stretch.
        """
        return AudioSamples(
            self.data[index],
            float(self.pts_seconds[index]),
            float(self.duration_seconds[index]),
            self.sample_rate,
            None if self.valid is None else self.valid[index],
        )

    def __iter__(self) -> Iterator[AudioSamples]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        valid = "" if self.valid is None else f", valid={_shape(self.valid)}"
        return f"AudioBatch(data={_shape(self.data)}, sample_rate={self.sample_rate}{valid})"
