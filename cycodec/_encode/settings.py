"""What the user chose for streams and files, checked as far as FFmpeg need not be asked."""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from cycodec._encode.times import as_rate
from cycodec._shared import torch_adapter
from cycodec._shared.arguments import INT32_MAX, integer, optional_integer
from cycodec.core.error import FFmpegTypeError, FFmpegValueError

__all__ = ["AudioSettings", "VideoSettings", "audio_settings", "checked_metadata", "video_settings"]

# The largest width or height that FFmpeg's buffers are made for.
LARGEST_SIDE = 65536
BIT_DEPTHS = (9, 16)


@dataclass(frozen=True)
class VideoSettings:
    """A video stream that is to be written.

    Attributes
    ----------
    height, width : int
        Size of the frames.
    rate : Fraction
        Nominal frame rate.
    codec, pixel_format : str or None
        None lets the container and the encoder decide.
    threads : int
        Threads of the encoder; 0 lets FFmpeg decide.
    bit_depth : int or None
        Bits of uint16 values.
    options : dict
        Options of the encoder or the muxer.
    device : str
        "cpu"; "cuda" for an encoder of the graphics card; "auto" for that if there is one.
    """

    height: int
    width: int
    rate: Fraction
    codec: str | None = None
    pixel_format: str | None = None
    threads: int = 0
    bit_depth: int | None = None
    options: dict[str, Any] = field(default_factory=dict)
    device: str = "cpu"


@dataclass(frozen=True)
class AudioSettings:
    """An audio stream that is to be written.

    Attributes
    ----------
    in_rate, in_channels : int
        Of the samples that are added.
    out_rate, out_channels : int
        Of the stream.
    bit_rate : int
        0 lets the encoder decide.
    codec : str or None
        None lets the container decide.
    options : dict
        Options of the encoder or the muxer.
    """

    in_rate: int
    in_channels: int
    out_rate: int
    out_channels: int
    bit_rate: int = 0
    codec: str | None = None
    options: dict[str, Any] = field(default_factory=dict)


def video_settings(
    height: Any,
    width: Any,
    frame_rate: Any,
    *,
    codec: Any = None,
    pixel_format: Any = None,
    crf: Any = None,
    preset: Any = None,
    bit_rate: Any = None,
    gop: Any = None,
    threads: Any = None,
    bit_depth: Any = None,
    extra_options: Any = None,
    device: Any = None,
) -> VideoSettings:
    """Check the arguments of a video stream.

    Raises
    ------
    TypeError, ValueError
        An argument has the wrong type, is out of range, or is given twice.
    """
    options: dict[str, Any] = {}
    if bit_rate is not None:
        options["b"] = integer("bit_rate", bit_rate, 1, INT32_MAX)
    if gop is not None:
        options["g"] = integer("gop", gop, 0, INT32_MAX)
    if crf is not None:
        if isinstance(crf, bool) or not isinstance(crf, numbers.Real):
            raise FFmpegTypeError(f"crf must be a number, not {type(crf).__name__}")
        options["crf"] = crf
    if preset is not None:
        if isinstance(preset, bool) or not isinstance(preset, (numbers.Integral, str)):
            raise FFmpegTypeError(f"preset must be a string or an integer, not {type(preset).__name__}")
        options["preset"] = str(preset)
    aliases = {"b": "bit_rate", "g": "gop"}
    return VideoSettings(
        integer("height", height, 1, LARGEST_SIDE),
        integer("width", width, 1, LARGEST_SIDE),
        as_rate(frame_rate),
        _name("codec", codec),
        _name("pixel_format", pixel_format),
        0 if threads is None else integer("threads", threads, 0, INT32_MAX),
        optional_integer("bit_depth", bit_depth, *BIT_DEPTHS),
        _merged(options, extra_options, aliases),
        _device(device),
    )


def _device(device: Any) -> str:
    if device is None or (isinstance(device, str) and device == "auto"):
        return "cpu" if device is None else "auto"
    return "cpu" if torch_adapter.cuda_ordinal(device) is None else "cuda"


def audio_settings(
    in_rate: Any,
    in_channels: Any,
    *,
    bit_rate: Any = None,
    out_num_channels: Any = None,
    out_sample_rate: Any = None,
    codec: Any = None,
    extra_options: Any = None,
) -> AudioSettings:
    """Check the arguments of an audio stream.

    Raises
    ------
    TypeError, ValueError
        An argument has the wrong type or is out of range.
    """
    rate = integer("sample_rate", in_rate, 1, INT32_MAX)
    channels = integer("num_channels", in_channels, 1, INT32_MAX)
    return AudioSettings(
        rate,
        channels,
        rate if out_sample_rate is None else integer("out_sample_rate", out_sample_rate, 1, INT32_MAX),
        channels if out_num_channels is None else integer("out_num_channels", out_num_channels, 1, INT32_MAX),
        0 if bit_rate is None else integer("bit_rate", bit_rate, 1, INT32_MAX),
        _name("codec", codec),
        _merged({}, extra_options, {}),
    )


def checked_metadata(metadata: Any) -> dict[str, str]:
    """Tags as a dictionary of strings.

    Raises
    ------
    FFmpegTypeError
        They are no mapping of strings to strings or numbers.
    FFmpegValueError
        A name is empty, or holds a character that no container can store.
    """
    if metadata is None:
        return {}
    if not isinstance(metadata, Mapping):
        raise FFmpegTypeError(f"metadata must be a dictionary of strings, not {type(metadata).__name__}")
    tags = {}
    for key, value in metadata.items():
        if not isinstance(key, str) or isinstance(value, bool) or not isinstance(value, (str, int, float)):
            raise FFmpegTypeError(f"metadata must hold strings, not {key!r}: {value!r}")
        if not key or "\0" in key or "=" in key or "\0" in str(value):
            raise FFmpegValueError(f"metadata cannot store {key!r}: {value!r}")
        tags[key] = str(value)
    return tags


def _name(argument: str, value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise FFmpegTypeError(f"{argument} must be a string, not {type(value).__name__}")
    return str.__str__(value)


def _merged(options: dict[str, Any], extra_options: Any, aliases: dict[str, str]) -> dict[str, Any]:
    if extra_options is None:
        return options
    if not isinstance(extra_options, Mapping):
        raise FFmpegTypeError(f"extra_options must be a dictionary, not {type(extra_options).__name__}")
    for key, value in extra_options.items():
        if not isinstance(key, str) or not key or "\0" in key:
            raise FFmpegTypeError(f"extra_options must have names of options as keys, not {key!r}")
        if key in options:
            argument = aliases.get(key, key)
            raise FFmpegValueError(f"{argument}= and extra_options[{key!r}] say the same (pass one of them)")
        options[key] = value
    return options
