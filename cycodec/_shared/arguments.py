"""Checks of arguments. They return the checked value, or raise an error that names the argument."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from cycodec._shared.argument_errors import ArgumentError

if TYPE_CHECKING:
    from torch import dtype

__all__ = [
    "INT32_MAX",
    "as_integer",
    "dtype_name",
    "integer",
    "kind_of",
    "one_of",
    "optional_integer",
    "thread_counts",
]

# The largest value of a C int, the type that FFmpeg uses for most numbers.
INT32_MAX = (1 << 31) - 1

DTYPE_NAMES = ("uint8", "float32", "float16", "auto")


def as_integer(value: object) -> int | None:
    """Return the int of anything that has ``__index__``, or None; no kind of bool counts as an
    integer.
    """
    is_bool = isinstance(value, bool) or str(getattr(value, "dtype", "")).endswith("bool")
    if is_bool or not hasattr(type(value), "__index__"):
        return None
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:  # an array of floats, or of several numbers
        return None


def integer(name: str, value: object, least: int | None = None, most: int | None = None) -> int:
    """Return an integer argument within bounds.

    Raises
    ------
    TypeError
        The value is not an integer. No kind of bool is one.
    ArgumentError
        (a ValueError and a RuntimeError) The value is below `least` or above `most`.
    """
    number = as_integer(value)
    if number is None:
        raise TypeError(f"{name} must be an integer, not {kind_of(value)}")
    if least is not None and number < least:
        raise ArgumentError(
            f"{name} must be {'positive' if least == 1 else f'{least} or more'}, not {number}"
        )
    if most is not None and number > most:
        raise ArgumentError(f"{name} must be {most} at most, not {number}")
    return number


def optional_integer(
    name: str, value: object, least: int | None = None, most: int | None = None
) -> int | None:
    """Return an integer argument, as `integer` checks it, or None."""
    return None if value is None else integer(name, value, least, most)


def one_of(name: str, value: object, allowed: tuple[str, ...]) -> None:
    """Check an argument that must be one of several words.

    Raises
    ------
    ValueError
        The value is not among the words.
    """
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}, not {value!r}")


def thread_counts(num_ffmpeg_threads: object, num_threads: object) -> tuple[int, int | None]:
    """Return the numbers of libavcodec's own threads, and of the threads that one request may use.

    Returns
    -------
    tuple of int and (int or None)
        None stands for the process's budget of threads.

    Raises
    ------
    TypeError, ValueError
        An argument is not a number of threads, or both ask for threads.
    """
    ffmpeg_threads = integer("num_ffmpeg_threads", num_ffmpeg_threads, most=INT32_MAX)
    if ffmpeg_threads < 0:
        raise ArgumentError(f"num_ffmpeg_threads must be 0 (FFmpeg decides) or more, not {ffmpeg_threads}")
    if num_threads is None:
        return ffmpeg_threads, None if ffmpeg_threads == 1 else 1
    if ffmpeg_threads != 1:
        raise ValueError("num_ffmpeg_threads and num_threads exclude each other: pass one of them")
    return 1, integer("num_threads", num_threads, least=1)


def dtype_name(output_dtype: dtype | str | None) -> str:
    """Return the name "uint8", "float32", "float16" or "auto" of an output dtype; None stands for
    uint8.

    Raises
    ------
    ValueError
        Decoders do not return this dtype.
    """
    name = "uint8" if output_dtype is None else str(output_dtype).removeprefix("torch.")
    if name not in DTYPE_NAMES:
        raise ValueError(
            f'output_dtype must be torch.uint8, torch.float32, torch.float16 or "auto", not {output_dtype!r}'
        )
    return name


def kind_of(value: Any) -> str:
    """Return the type of a value, and the dtype of an array or tensor, for error messages."""
    kind = type(value).__name__
    return f"{kind} of dtype {value.dtype}" if hasattr(value, "dtype") else kind
