"""What decoders return: frames, batches of frames, and audio samples.

This module does not import torch. It checks shapes by ``.ndim`` and ``.shape``, which every tensor
has.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["AudioSamples", "Frame", "FrameBatch"]


def _shape(tensor: Any) -> str:
    """Type and shape in one word: "uint8[3, 270, 480]"."""
    return f"{str(tensor.dtype).removeprefix('torch.')}{list(tensor.shape)}"


def _check_ndim(owner: str, tensor: Any, ndim: int, axes: str) -> None:
    if tensor.ndim != ndim:
        raise ValueError(f"{owner}.data must be {ndim}-D {axes}, got shape {list(tensor.shape)}")


@dataclass(repr=False, eq=False)
class Frame:
    """One video frame. Unpacks as ``data, pts_seconds, duration_seconds``.

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
        _check_ndim("Frame", self.data, 3, "[C, H, W] or [H, W, C]")
        self.pts_seconds = float(self.pts_seconds)
        self.duration_seconds = float(self.duration_seconds)

    def __iter__(self) -> Iterator[Any]:
        return iter((self.data, self.pts_seconds, self.duration_seconds))

    def __repr__(self) -> str:
        return (
            f"Frame(data={_shape(self.data)}, pts_seconds={self.pts_seconds:.6g}, "
            f"duration_seconds={self.duration_seconds:.6g})"
        )


@dataclass(repr=False, eq=False)
class FrameBatch:
    """Several video frames. ``batch[i]`` is a Frame, and ``batch[i:j]`` is a FrameBatch.

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
        if self.data.ndim < 3:
            raise ValueError(f"FrameBatch.data must be at least 3-D, got shape {list(self.data.shape)}")
        leading = list(self.data.shape[:-3])
        for name, tensor in self._per_frame():
            if list(tensor.shape) != leading:
                raise ValueError(
                    f"FrameBatch.{name} must have the leading shape {leading} of data with shape "
                    f"{list(self.data.shape)}, got {list(tensor.shape)}"
                )
        if self.valid is not None and not str(self.valid.dtype).endswith("bool"):
            raise ValueError(f"FrameBatch.valid must be a bool tensor, got {self.valid.dtype}")

    def _per_frame(self) -> list[tuple[str, Tensor]]:
        """The fields that hold one value for each frame, by name."""
        return [
            (name, tensor)
            for name in ("pts_seconds", "duration_seconds", "valid")
            if (tensor := getattr(self, name)) is not None
        ]

    def __len__(self) -> int:
        if self.data.ndim == 3:
            raise TypeError("a FrameBatch without a leading axis has no len()")
        return self.data.shape[0]

    def __getitem__(self, key: Any) -> Frame | FrameBatch:
        """The frames at a key of the leading axes: a Frame where one is left, else a FrameBatch."""
        per_frame = {name: tensor[key] for name, tensor in self._per_frame()}
        if isinstance(key, tuple) and any(item is Ellipsis for item in key):
            # An ellipsis stands for leading axes, never for those of the picture.
            key = (*key, *[slice(None)] * 3)
        data = self.data[key]
        if data.ndim == 3:
            return Frame(data, float(per_frame["pts_seconds"]), float(per_frame["duration_seconds"]))
        return FrameBatch(data, **per_frame)

    def __iter__(self) -> Iterator[Frame | FrameBatch]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        parts = [f"{name}={_shape(tensor)}" for name, tensor in [("data", self.data), *self._per_frame()]]
        return f"FrameBatch({', '.join(parts)})"


@dataclass(repr=False, eq=False)
class AudioSamples:
    """A stretch of audio. Unpacks as ``data, pts_seconds, duration_seconds, sample_rate``.

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

    def __repr__(self) -> str:
        return (
            f"AudioSamples(data={_shape(self.data)}, pts_seconds={self.pts_seconds:.6g}, "
            f"duration_seconds={self.duration_seconds:.6g}, sample_rate={self.sample_rate})"
        )
