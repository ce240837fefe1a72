"""Encoders: tensors to media files."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING, Any

from cycodec._shared import torch_adapter
from cycodec._shared.arguments import INT32_MAX, integer
from cycodec.core.encode.audio import AudioStreamEncoder, Muxer, inspect
from cycodec.core.io.sink import Sink

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["AudioEncoder"]


class AudioEncoder:
    """Samples, to be written as a file of sound.

    Parameters
    ----------
    samples : torch.Tensor
        float32 ``[num_channels, num_samples]``, or ``[num_samples]`` for one channel, in [-1, 1]. What lies
        beyond is clipped when it is first encoded, with one warning.
    sample_rate : int
        Samples per second of each channel.

    Raises
    ------
    TypeError
        samples is no tensor, or sample_rate no integer.
    ValueError
        samples has another dtype or number of axes, is empty, or holds NaN.
    """

    def __init__(self, samples: Tensor, *, sample_rate: int) -> None:
        if not torch_adapter.is_tensor(samples):
            raise TypeError(f"samples must be a torch.Tensor, not {type(samples).__name__}")
        if samples.dtype is not torch_adapter.as_dtype("float32"):
            raise ValueError(f"samples must be float32 in [-1, 1], not {samples.dtype} (use samples.float())")
        if samples.ndim not in (1, 2):
            raise ValueError(f"samples must be [num_channels, num_samples], got shape {list(samples.shape)}")
        if 0 in samples.shape:
            raise ValueError(f"there is nothing to encode in samples of shape {list(samples.shape)}")
        samples = samples.detach().cpu()
        samples = samples if samples.ndim == 2 else samples[None]
        self._samples = samples if samples.stride(1) == 1 else samples.contiguous()
        self._sample_rate = integer("sample_rate", sample_rate, 1, INT32_MAX)
        rows, count = self._samples.shape
        peak, has_nan = inspect(torch_adapter.pointer(self._samples), rows, self._samples.stride(0), count)
        if has_nan:
            raise ValueError("samples holds NaN, which no sound is (use samples.nan_to_num())")
        self._peak = peak

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
    ) -> None:
        """Write a file; its extension says the format. Nothing is left of it when something goes wrong.

        Parameters
        ----------
        dest : str or pathlib.Path
        bit_rate : int, optional
            Bits per second; None lets the encoder decide. Lossless formats have no use for it.
        num_channels, sample_rate : int, optional
            Of the file; None keeps those of the samples.

        Raises
        ------
        ValueError
            The encoder does not support the sample rate or number of channels; the message lists what it
            does.
        FFmpegError
            FFmpeg has no such format or encoder, or the file cannot be written.
        """
        if not isinstance(dest, (str, os.PathLike)):
            raise TypeError(
                f"dest must be a path, not {type(dest).__name__} (to_file_like writes to file-likes)"
            )
        name = os.fsdecode(os.fspath(dest))
        self._encode(name, None, name, bit_rate, num_channels, sample_rate)

    def to_file_like(
        self,
        file_like: Any,
        format: str,
        *,
        bit_rate: int | None = None,
        num_channels: int | None = None,
        sample_rate: int | None = None,
    ) -> None:
        """Write to an object with ``write(bytes)`` and, for most formats, ``seek(offset, whence)``.

        Parameters
        ----------
        file_like
        format : str
            Such as "wav", "flac", "mp3", "m4a", "opus", "ogg": FFmpeg's name of a format, or a file name
            extension.
        bit_rate, num_channels, sample_rate
            As for to_file, as are the errors.
        """
        if isinstance(file_like, (str, os.PathLike)):
            raise TypeError("file_like must have write(), a path is for to_file")
        self._encode(file_like, format, None, bit_rate, num_channels, sample_rate)

    def to_tensor(
        self,
        format: str,
        *,
        bit_rate: int | None = None,
        num_channels: int | None = None,
        sample_rate: int | None = None,
    ) -> Tensor:
        """The bytes of the file, as a 1-D uint8 tensor.

        Parameters are those of to_file_like, without the file.
        """
        sink = self._encode(None, format, None, bit_rate, num_channels, sample_rate)
        data = torch_adapter.empty((sink.num_bytes,), "uint8")
        sink.copy_to(torch_adapter.pointer(data))
        return data

    def _encode(
        self,
        destination: Any,
        format: str | None,
        filename: str | None,
        bit_rate: int | None,
        num_channels: int | None,
        sample_rate: int | None,
    ) -> Sink:
        if not isinstance(filename if format is None else format, str):
            raise TypeError(f"format must be a string such as 'wav', not {type(format).__name__}")
        channels, count = self._samples.shape
        bits = 0 if bit_rate is None else integer("bit_rate", bit_rate, 1, INT32_MAX)
        rate = self._sample_rate if sample_rate is None else integer("sample_rate", sample_rate, 1, INT32_MAX)
        width = channels if num_channels is None else integer("num_channels", num_channels, 1, INT32_MAX)
        if self._peak > 1.0:
            warnings.warn(
                f"samples reach {self._peak:.4g}: what lies beyond [-1, 1] is clipped",
                UserWarning,
                stacklevel=3,
            )
            self._samples, self._peak = self._samples.clamp(-1.0, 1.0), 1.0
        samples = self._samples
        sink = Sink(destination)
        try:
            muxer = Muxer(sink, format, filename)
            stream = AudioStreamEncoder(muxer, self._sample_rate, channels, rate, width, bits)
            muxer.start()
            stream.add(torch_adapter.pointer(samples), samples.stride(0), count)
            stream.flush()
            muxer.finish()
            sink.commit()
        except BaseException:
            sink.discard()
            raise
        return sink
