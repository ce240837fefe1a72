"""Names and numbers as text. Loads no compiled module, so that `doctor` can use it."""

from __future__ import annotations

from pathlib import PurePath

__all__ = [
    "bit_rate",
    "clock",
    "file_size",
    "frame_rate",
    "joined",
    "name_of",
    "number",
    "plural",
    "seconds_text",
    "stem",
    "unwrapped",
]


def name_of(source: str) -> str:
    """Return the last part of a path or URL."""
    return PurePath(source.split("?")[0] if "://" in source else source).name or source


def stem(source: str) -> str:
    """Return the last part of a path or URL, without its suffix."""
    return PurePath(name_of(source)).stem


def number(value: float, digits: int = 3) -> str:
    """Return a number without superfluous zeros: 25, 23.976."""
    return f"{value:.{digits}f}".rstrip("0").rstrip(".") if digits else f"{value:.0f}"


def plural(count: int, noun: str) -> str:
    """Return a count with its noun: 1 frame, 2 frames."""
    return f"{count} {noun}" + "s" * (count != 1)


def joined(facts: list[str | None]) -> str:
    """Return the known facts, with commas."""
    return ", ".join(fact for fact in facts if fact)


def file_size(size: float) -> str:
    """Bytes in decimal units: 3.29 MB."""
    units = ["bytes", "kB", "MB", "GB"]
    while size >= 1000 and len(units) > 1:
        size /= 1000
        units.pop(0)
    return f"{size:.3g} {units[0]}" if size < 1000 else f"{size:.0f} {units[0]}"


def bit_rate(rate: float) -> str:
    """Bits per second as kb/s or Mb/s."""
    return f"{rate / 1000:.0f} kb/s" if rate < 1e6 else f"{rate / 1e6:.3g} Mb/s"


def clock(seconds: float) -> str:
    """Seconds as m:ss.mmm or h:mm:ss.mmm."""
    sign = "-" if round(seconds * 1000) < 0 else ""
    minutes, milliseconds = divmod(abs(round(seconds * 1000)), 60_000)
    hours, minutes = divmod(minutes, 60)
    rest = f"{milliseconds / 1000:06.3f}"
    return f"{sign}{hours}:{minutes:02d}:{rest}" if hours else f"{sign}{minutes}:{rest}"


def frame_rate(fps: float | None, frames: int | None) -> str | None:
    """Frames per second; None if the rate is unknown, or if there is only one frame."""
    return None if not fps or frames == 1 else f"{number(fps)} fps"


def seconds_text(seconds: float | None) -> str | None:
    """Return a duration in seconds, if it is known."""
    return None if seconds is None else f"{number(seconds)} s"


def unwrapped(error: BaseException | str) -> str:
    """Return the text of an error in one line, or its type if it has no text."""
    return " ".join(str(error).split()) or type(error).__name__
