"""Limits on what a source may cost: pixels of a frame, bytes of a result, bytes of a temporary
file, seconds of waiting.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, replace
from typing import Any

from cycodec._shared.arguments import integer
from cycodec.core.error import LimitError

__all__ = ["Limits", "check_result", "current", "get_limits", "set_limits"]

# 16384 x 16384: a header that says more is damaged or hostile.
MAX_PIXELS = 1 << 28
TIMEOUT = 30.0
MAX_SPOOL_BYTES = 1 << 32

INT64_MAX = (1 << 63) - 1


@dataclass(frozen=True)
class Limits:
    """The limits of a process: see ``set_limits``.

    Attributes
    ----------
    max_pixels : int
        The largest number of pixels of a frame, as it is stored.
    max_result_bytes : int
        The largest number of bytes of one returned tensor.
    timeout : float
        Seconds that a URL may take to answer; infinity waits for ever.
    max_spool_bytes : int
        The largest number of bytes of a source that cannot seek, which are kept in a temporary
        file.
    """

    max_pixels: int
    max_result_bytes: int
    timeout: float
    max_spool_bytes: int = MAX_SPOOL_BYTES


def check_pixels(value: object) -> int:
    return integer("max_pixels", value, 1, INT64_MAX)


def check_bytes(value: object) -> int:
    return integer("max_result_bytes", value, 1, INT64_MAX)


def check_spool(value: object) -> int:
    return integer("max_spool_bytes", value, 1, INT64_MAX)


def check_timeout(value: Any) -> float:
    """Return a timeout in seconds.

    Raises
    ------
    TypeError, ValueError
        The value is not a number, or not above 0.
    """
    if isinstance(value, (str, bytes, bool)):
        raise TypeError(f"timeout must be a number of seconds, not {type(value).__name__}")
    try:
        seconds = float(value)
    except TypeError:
        raise TypeError(f"timeout must be a number of seconds, not {type(value).__name__}") from None
    if not seconds > 0:
        raise ValueError(f"timeout must be above 0 seconds (math.inf waits for ever), not {value!r}")
    return seconds


def half_of_memory() -> int:
    """Return half of the machine's memory in bytes, but at least 1 GiB."""
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        memory = 16 << 30
    return max(memory // 2, 1 << 30)


def from_environment() -> Limits:
    """Return the limits that the environment sets, or the defaults.

    Raises
    ------
    ValueError
        A variable holds no number, or one out of bounds.
    """
    limits = Limits(MAX_PIXELS, half_of_memory(), TIMEOUT)
    readers: dict[str, tuple[str, Any, Any]] = {
        "CYCODEC_MAX_PIXELS": ("max_pixels", int, check_pixels),
        "CYCODEC_MAX_RESULT_BYTES": ("max_result_bytes", int, check_bytes),
        "CYCODEC_TIMEOUT": ("timeout", float, check_timeout),
        "CYCODEC_MAX_SPOOL_BYTES": ("max_spool_bytes", int, check_spool),
    }
    for variable, (name, kind, check) in readers.items():
        text = os.environ.get(variable, "")
        if not text:
            continue
        try:
            limits = replace(limits, **{name: check(kind(text))})
        except ValueError as error:
            raise ValueError(f"the environment variable {variable} is {text!r}: {error}") from None
    return limits


_limits: Limits | None = None


def get_limits() -> Limits:
    """Return the limits of this process.

    Returns
    -------
    Limits
        With the attributes ``max_pixels``, ``max_result_bytes``, ``timeout`` and
        ``max_spool_bytes``.
    """
    global _limits
    if _limits is None:
        _limits = from_environment()
    return _limits


def set_limits(
    *,
    max_pixels: int | None = None,
    max_result_bytes: int | None = None,
    timeout: float | None = None,
    max_spool_bytes: int | None = None,
) -> Limits:
    """Set the limits of this process for decoders that are made from now on.

    A decoder's own arguments of the same names go before them. A decoder keeps its limits when it
    is pickled or used in a forked process.

    Parameters
    ----------
    max_pixels : int, optional
        The largest number of pixels of a frame. The default is 2**28, or the environment variable
        CYCODEC_MAX_PIXELS.
    max_result_bytes : int, optional
        The largest number of bytes of one returned tensor. The default is half of the machine's
        memory, or the environment variable CYCODEC_MAX_RESULT_BYTES.
    timeout : float, optional
        Seconds that a URL may take to answer; ``math.inf`` waits for ever. The default is 30, or
        the environment variable CYCODEC_TIMEOUT.
    max_spool_bytes : int, optional
        The largest number of bytes of a source that cannot seek, which are kept in a temporary
        file: a pipe, a member of a tar stream, a URL whose server sends no parts of a file. The
        default is 2**32, or the environment variable CYCODEC_MAX_SPOOL_BYTES.

    Returns
    -------
    Limits
        The limits before, so that ``set_limits(**dataclasses.asdict(old))`` restores them.

    Raises
    ------
    TypeError, ValueError
        A value is not a number, or not above 0.
    """
    global _limits
    before = get_limits()
    _limits = current(max_pixels, max_result_bytes, timeout, max_spool_bytes)
    return before


def current(
    max_pixels: int | None = None,
    max_result_bytes: int | None = None,
    timeout: float | None = None,
    max_spool_bytes: int | None = None,
) -> Limits:
    """Return a decoder's limits: its arguments, or the process's limits where those are None."""
    limits = get_limits()
    if max_pixels is not None:
        limits = replace(limits, max_pixels=check_pixels(max_pixels))
    if max_result_bytes is not None:
        limits = replace(limits, max_result_bytes=check_bytes(max_result_bytes))
    if timeout is not None:
        limits = replace(limits, timeout=check_timeout(timeout))
    if max_spool_bytes is not None:
        limits = replace(limits, max_spool_bytes=check_spool(max_spool_bytes))
    return limits


def timeout_of(limits: Limits) -> float:
    """Return the timeout as compiled code takes it: 0 waits for ever."""
    return limits.timeout if math.isfinite(limits.timeout) and limits.timeout < 1e9 else 0.0


def check_result(size: int, most: int, name: str) -> None:
    """Raise LimitError if a result of so many bytes is larger than a decoder may return.

    Parameters
    ----------
    size : int
        Bytes of the result.
    most : int
        The decoder's ``max_result_bytes``.
    name : str
        The name of the source in errors.
    """
    if size > most:
        raise LimitError(
            f"{name}: the result would take {size} bytes, more than max_result_bytes allows, {most} "
            "(ask for less at a time, pass a larger max_result_bytes, or call cycodec.set_limits)",
            source=name,
            operation="decode",
        )
