"""Encoders: tensors to media files."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING, Any, Protocol

from cycodec._encode.destination import Destination
from cycodec._encode.output import Output
from cycodec._encode.samples import planar_samples
from cycodec._encode.settings import AudioSettings
from cycodec._shared import torch_adapter
from cycodec._shared.argument_errors import NoTensorError
from cycodec._shared.arguments import INT32_MAX, integer

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["AudioEncoder"]


class WritableFile(Protocol):
    """An object that `AudioEncoder.to_file_like` writes to."""

    def write(self, data: bytes, /) -> Any: ...


class AudioEncoder:
    """Audio samples, to be written as a file.

    Parameters
    ----------
    samples : torch.Tensor
        float32 or float64 ``[num_channels, num_samples]``, or ``[num_samples]`` for one channel, in
        [-1, 1]. The first encoding clips values outside that range and warns once. int16 and int32
        are scaled to that range, as PCM is.
    sample_rate : int
        Samples per second of each channel.

    Raises
    ------
    TypeError
        `samples` is no tensor, or `sample_rate` is no integer.
    ValueError
        `samples` has another dtype or number of axes, is empty, or holds NaN; or `sample_rate` is
        not positive.
    """

    def __init__(self, samples: Tensor, *, sample_rate: int) -> None:
        if not torch_adapter.is_tensor(samples):
            raise NoTensorError(f"samples must be a torch.Tensor, not {type(samples).__name__}")
        floats = torch_adapter.float_samples(samples)
        if floats is None:
            raise ValueError(
                f"samples must be float32 or float64 in [-1, 1], int16 or int32, not {samples.dtype} "
                "(scale them to [-1, 1] as float32)"
            )
        samples = floats
        if samples.ndim not in (1, 2):
            raise ValueError(f"samples must be [num_channels, num_samples], got shape {list(samples.shape)}")
        if 0 in samples.shape:
            raise ValueError(f"there is nothing to encode in samples of shape {list(samples.shape)}")
        self._samples, self._peak = planar_samples(samples if samples.ndim == 2 else samples[None])
        self._sample_rate = integer("sample_rate", sample_rate, 1, INT32_MAX)

    def __repr__(self) -> str:
        channels, count = self._samples.shape
        return f"AudioEncoder({channels} channels, {count} samples at {self._sample_rate} Hz)"

    def to_file(
        self,
        dest: str | os.PathLike[str],
        *,
        bit_rate: int | None = None,
        num_channels: int | None = None,
        sample_rate: int | None = None,
        codec: str | None = None,
    ) -> None:
        """Write a file whose extension names the format.

        The file appears, or replaces an older one, when it is complete; a failure leaves nothing
        behind.

        Parameters
        ----------
        dest : str or os.PathLike
            Path or URL of the file.
        bit_rate : int, optional
            Bits per second. None lets the encoder decide; lossless formats ignore it.
        num_channels : int, optional
            Number of channels of the file. None keeps that of the samples.
        sample_rate : int, optional
            Samples per second of the file. None keeps that of the samples.
        codec : str, optional
            Name of an encoder ("libopus") or of a codec ("opus"). None takes the container's
            default.

        Raises
        ------
        TypeError
            `dest` is no path, or another argument is no integer.
        ValueError
            The encoder does not support the bit rate, sample rate or number of channels. The
            message lists the supported ones.
        FileNotFoundError, IsADirectoryError
            The directory of `dest` does not exist, or `dest` is a directory.
        FFmpegError
            FFmpeg has no such format or encoder, or the file cannot be written.
        """
        if not isinstance(dest, (str, os.PathLike)):
            raise TypeError(
                f"dest must be a path, not {type(dest).__name__} (to_file_like writes to file-likes)"
            )
        name = str.__str__(os.fsdecode(os.fspath(dest)))  # np.str_ is a str, too
        self._encode(name, None, bit_rate, num_channels, sample_rate, codec)

    def to_file_like(
        self,
        file_like: WritableFile,
        format: str,
        *,
        bit_rate: int | None = None,
        num_channels: int | None = None,
        sample_rate: int | None = None,
        codec: str | None = None,
    ) -> None:
        """Write to a file-like object.

        Parameters
        ----------
        file_like : object
            It has ``write(bytes)`` and, for most formats, ``seek(offset, whence)``.
        format : str
            FFmpeg's name of a format, or a file name extension, such as "wav", "flac", "mp3" or
            "m4a".
        bit_rate, num_channels, sample_rate, codec
            As for `to_file`.

        Raises
        ------
        TypeError
            `file_like` has no ``write``, or another argument has the wrong type.
        ValueError
            The encoder does not support the bit rate, sample rate or number of channels.
        FFmpegError
            FFmpeg has no such format or encoder, or the format needs to seek and `file_like`
            cannot.
        """
        if isinstance(file_like, (str, os.PathLike)):
            raise TypeError("file_like must have write(), a path is for to_file")
        self._encode(file_like, format, bit_rate, num_channels, sample_rate, codec)

    def to_tensor(
        self,
        format: str,
        *,
        bit_rate: int | None = None,
        num_channels: int | None = None,
        sample_rate: int | None = None,
        codec: str | None = None,
    ) -> Tensor:
        """The bytes of the file.

        Parameters
        ----------
        format : str
            As for `to_file_like`.
        bit_rate, num_channels, sample_rate, codec
            As for `to_file`.

        Returns
        -------
        torch.Tensor
            uint8 ``[num_bytes]``.

        Raises
        ------
        TypeError, ValueError, FFmpegError
            As for `to_file_like`.
        """
        return self._encode(None, format, bit_rate, num_channels, sample_rate, codec).tensor()

    def _encode(
        self,
        destination: Any,
        format: str | None,
        bit_rate: int | None,
        num_channels: int | None,
        sample_rate: int | None,
        codec: str | None,
    ) -> Destination:
        """Encode to a destination; `format` None takes the extension of a path."""
        if not isinstance(destination if format is None else format, str):
            raise TypeError(f"format must be a string such as 'wav', not {type(format).__name__}")
        if codec is not None and not isinstance(codec, str):
            raise TypeError(f"codec must be a string, not {type(codec).__name__}")
        channels, count = self._samples.shape
        settings = AudioSettings(
            self._sample_rate,
            channels,
            self._sample_rate if sample_rate is None else integer("sample_rate", sample_rate, 1, INT32_MAX),
            channels if num_channels is None else integer("num_channels", num_channels, 1, INT32_MAX),
            0 if bit_rate is None else integer("bit_rate", bit_rate, 1, INT32_MAX),
            codec,
        )
        if self._peak > 1.0:
            warnings.warn(
                f"samples reach {self._peak:.4g}: values outside [-1, 1] are clipped",
                UserWarning,
                stacklevel=3,
            )
            self._samples, self._peak = self._samples.clamp(-1.0, 1.0), 1.0
        samples = self._samples
        target = Destination(destination, format)
        output = Output(target, [settings], {})
        try:
            output.encoders[0].add(torch_adapter.pointer(samples), samples.stride(0), count)
            output.flush(0)
        except BaseException:
            output.discard()
            raise
        return target
