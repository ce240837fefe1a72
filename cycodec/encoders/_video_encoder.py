"""VideoEncoder: frames to a file in one call."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from cycodec._encode.destination import Destination, as_path
from cycodec._encode.pictures import Pictures, as_pictures
from cycodec._encode.times import as_rate
from cycodec._shared import torch_adapter
from cycodec.core.error import FFmpegTypeError, FFmpegValueError
from cycodec.encoders._encoder import Encoder

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["VideoEncoder"]

# The arguments of `Encoder.add_video` that each method takes, too.
STREAM_ARGUMENTS = (
    "codec", "pixel_format", "crf", "preset", "extra_options", "bit_rate", "gop", "threads", "bit_depth"
)  # fmt: skip


def _stream_arguments(given: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a stream among all those of a method."""
    return {name: given[name] for name in STREAM_ARGUMENTS}


class VideoEncoder:
    """Frames, to be written as a video file.

    Parameters
    ----------
    frames : torch.Tensor, numpy.ndarray, or an iterable of them
        ``[N, C, H, W]``, or ``[C, H, W]`` for one frame; an iterable, such as a generator, gives
        the frames one after the other and can be encoded once. The memory order may be NCHW or
        NHWC; neither is copied. C is 1 (gray), 3 (RGB) or 4 (RGBA). uint8, uint16, or floats in
        [0, 1].
    frame_rate : float, Fraction or str
        Frames a second, exactly if it is a fraction: ``Fraction(30000, 1001)`` or ``"30000/1001"``.

    Raises
    ------
    TypeError
        `frames` is no tensor and no iterable of tensors, or `frame_rate` is no number.
    ValueError
        `frames` has another number of axes or channels, another dtype, or no frames; or
        `frame_rate` is not positive.
    """

    def __init__(
        self, frames: Tensor | np.ndarray | Iterable[Any], *, frame_rate: float | Fraction | str
    ) -> None:
        self._rate = as_rate(frame_rate)
        self._pictures: Pictures | None = None
        self._iterator: Iterator[Any] | None = None
        if torch_adapter.is_tensor(frames) or isinstance(frames, np.ndarray):
            self._pictures = as_pictures(frames)
            if not len(self._pictures) or not self._pictures.width or not self._pictures.height:
                raise FFmpegValueError(f"there is nothing to encode in frames of shape {list(frames.shape)}")
        elif isinstance(frames, (str, bytes, bytearray, memoryview, dict)) or not isinstance(
            frames, Iterable
        ):
            as_pictures(frames)  # raises
        else:
            self._iterator = iter(frames)

    def __repr__(self) -> str:
        if self._pictures is None:
            return f"VideoEncoder(an iterator at {self._rate} fps)"
        p = self._pictures
        return f"VideoEncoder({len(p)} frames of {p.channels}x{p.height}x{p.width} at {self._rate} fps)"

    def to_file(
        self,
        dest: str | os.PathLike[str],
        *,
        codec: str | None = None,
        pixel_format: str | None = None,
        crf: float | None = None,
        preset: str | int | None = None,
        extra_options: dict[str, Any] | None = None,
        bit_rate: int | None = None,
        gop: int | None = None,
        threads: int | None = None,
        bit_depth: int | None = None,
        metadata: dict[str, str] | None = None,
        faststart: bool = False,
    ) -> None:
        """Write a file whose extension names the container.

        The file appears, or replaces an older one, when it is complete; a failure leaves nothing
        behind.

        Parameters
        ----------
        dest : str or os.PathLike
            Path of the file. With a number, such as "frames/%05d.png", it names the files of a
            folder of pictures, from 0.
        codec, pixel_format, crf, preset, extra_options, bit_rate, gop, threads, bit_depth
            As for `Encoder.add_video`.
        metadata, faststart
            As for `Encoder.open_file`.

        Raises
        ------
        TypeError, ValueError
            An argument has the wrong type, or is not valid for the encoder or the container. The
            message names what is.
        CodecNotFoundError, UnsupportedError
            FFmpeg has no such container or encoder, or one does not fit the other.
        FileNotFoundError, IsADirectoryError
            The directory of `dest` does not exist, or `dest` is a directory.
        FFmpegError
            The encoder failed, or the file cannot be written.
        """
        stream = _stream_arguments(locals())
        path = as_path(dest)
        self._encode(lambda e: e.open_file(path, metadata=metadata, faststart=faststart), stream)

    def to_file_like(
        self,
        file_like: Any,
        format: str,
        *,
        codec: str | None = None,
        pixel_format: str | None = None,
        crf: float | None = None,
        preset: str | int | None = None,
        extra_options: dict[str, Any] | None = None,
        bit_rate: int | None = None,
        gop: int | None = None,
        threads: int | None = None,
        bit_depth: int | None = None,
        metadata: dict[str, str] | None = None,
        faststart: bool = False,
    ) -> None:
        """Write to a file-like object.

        Parameters
        ----------
        file_like : object
            It has ``write(bytes)`` and, for some containers, ``seek(offset, whence)``. Without
            seek, MP4 is written in fragments.
        format : str
            FFmpeg's name of a container, or an extension, such as "mp4", "mkv" or "ts".
        codec, pixel_format, crf, preset, extra_options, bit_rate, gop, threads, bit_depth
            As for `Encoder.add_video`.
        metadata, faststart
            As for `Encoder.open_file`.

        Raises
        ------
        TypeError
            `file_like` has no ``write``.
        ValueError, FFmpegError
            As for `to_file`.
        """
        stream = _stream_arguments(locals())
        if isinstance(file_like, (str, os.PathLike)):
            raise FFmpegTypeError("file_like must have write(), a path is for to_file")

        def opened(encoder: Encoder) -> Any:
            return encoder.open_file_like(file_like, format=format, metadata=metadata, faststart=faststart)

        self._encode(opened, stream)

    def to_tensor(
        self,
        format: str,
        *,
        codec: str | None = None,
        pixel_format: str | None = None,
        crf: float | None = None,
        preset: str | int | None = None,
        extra_options: dict[str, Any] | None = None,
        bit_rate: int | None = None,
        gop: int | None = None,
        threads: int | None = None,
        bit_depth: int | None = None,
        metadata: dict[str, str] | None = None,
        faststart: bool = False,
    ) -> Tensor:
        """The bytes of the file.

        Parameters
        ----------
        format : str
            As for `to_file_like`.
        codec, pixel_format, crf, preset, extra_options, bit_rate, gop, threads, bit_depth
            As for `Encoder.add_video`.
        metadata, faststart
            As for `Encoder.open_file`.

        Returns
        -------
        torch.Tensor
            uint8 ``[num_bytes]``, on the CPU.

        Raises
        ------
        TypeError, ValueError, FFmpegError
            As for `to_file`.
        """
        stream = _stream_arguments(locals())
        kept: list[Destination] = []

        def opened(encoder: Encoder) -> Any:
            def destination(number: int) -> Destination:
                kept.append(Destination(None, format, faststart))
                return kept[-1]

            encoder._open(destination, metadata, faststart, None)
            return encoder

        if not isinstance(format, str):
            raise FFmpegTypeError(f"format must be a string such as 'mp4', not {type(format).__name__}")
        self._encode(opened, stream)
        return kept[0].tensor()

    def _encode(self, opened: Any, stream: dict[str, Any]) -> None:
        """Encode to a destination that `opened` opens for an encoder."""
        frames: Any = None if self._pictures is None else self._pictures.tensor
        first, rest = self._pictures, frames
        if first is None:
            assert self._iterator is not None
            for item in self._iterator:
                first = as_pictures(item, bit_depth=stream["bit_depth"])
                rest = chain([item], self._iterator)
                break
            if first is None:
                raise FFmpegValueError(
                    "there is nothing to encode: the iterator gives no frames (is it used up?)"
                )
        device = "auto" if first.tensor.device.type == "cuda" else None
        encoder = Encoder()
        video = encoder.add_video(
            height=first.height, width=first.width, frame_rate=self._rate, device=device, **stream
        )
        with opened(encoder):
            video.add_frames(rest)
