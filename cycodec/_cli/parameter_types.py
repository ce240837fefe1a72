"""Parameter types of the command line: sources, frame numbers, instants and sizes."""

from __future__ import annotations

import re
from typing import Any

import click

from cycodec._cli import standard_input

__all__ = ["Instant", "Keys", "Seconds", "Size", "SourceFile"]


class SourceFile(click.ParamType):
    """A path or URL; ``-`` is standard input."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value != "-":
            return str(value)
        try:
            return standard_input.as_path()
        except ValueError as error:
            self.fail(str(error), param, ctx)


class Keys(click.ParamType):
    """Frame numbers and slices as in NumPy: 5, -1, 0:100:10, or several with commas."""

    name = "index"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> list[int | slice]:
        keys: list[int | slice] = []
        for part in value.split(","):
            match = re.fullmatch(r"\s*(-?\d*)(:?)(-?\d*)(:?)(-?\d*)\s*", part)
            numbers = (
                [None]
                if match is None
                else [int(n) if n not in ("", "-") else None for n in match.group(1, 3, 5)]
            )
            if match is None or "-" in match.group(1, 3, 5) or numbers[-1] == 0:
                self.fail(f"{part!r} is neither a frame number nor a slice such as 0:100:10", param, ctx)
            elif match[2]:
                keys.append(slice(*numbers))
            elif numbers[0] is None:
                self.fail("the list has an empty item", param, ctx)
            else:
                keys.append(numbers[0])
        return keys


class Seconds(click.ParamType):
    """An instant: 90, 90.5, 1:30.5 or 0:01:30.5."""

    name = "seconds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        match = re.fullmatch(r"\s*(-?)(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d*)?|\.\d+)\s*", str(value))
        if match is None:
            comma = "; a point separates the decimals, not a comma" if "," in str(value) else ""
            self.fail(f"{value!r} is not a time such as 90.5 or 1:30.5{comma}", param, ctx)
        hours, minutes, seconds = (float(group or 0) for group in match.groups()[1:])
        return (hours * 3600 + minutes * 60 + seconds) * (-1 if match[1] else 1)


class Instant(Seconds):
    """An instant that is not negative."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        seconds = super().convert(value, param, ctx)
        if seconds < 0:
            self.fail(f"{value!r} is not a time of 0 or more", param, ctx)
        return seconds


class Size(click.ParamType):
    """Width and height: 1280x720."""

    name = "size"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        match = re.fullmatch(r"\s*(\d+)\s*[xX]\s*(\d+)\s*", value)
        if match is None or int(match[1]) == 0 or int(match[2]) == 0:
            self.fail(f"{value!r} is not a size such as 1280x720", param, ctx)
        return int(match[1]), int(match[2])
