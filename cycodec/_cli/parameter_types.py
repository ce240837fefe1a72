"""Parameter types of the command line: frame numbers, instants, and options with several values."""

from __future__ import annotations

import re
from typing import Any

import click

__all__ = ["Instant", "Keys", "Seconds", "Size", "SpreadOptions"]


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
    """An instant: 90, 90.5, 1:30.5 or 0:01:30.5, or several with commas."""

    name = "seconds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[float]:
        instants = []
        for part in value.split(","):
            match = re.fullmatch(r"\s*(-?)(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d*)?|\.\d+)\s*", part)
            if match is None:
                self.fail(f"{part!r} is not a time such as 90.5 or 1:30.5", param, ctx)
            hours, minutes, seconds = (float(group or 0) for group in match.groups()[1:])
            instants.append((hours * 3600 + minutes * 60 + seconds) * (-1 if match[1] else 1))
        return instants


class Instant(Seconds):
    """One instant."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        instants = super().convert(value, param, ctx)
        if len(instants) != 1 or instants[0] < 0:
            self.fail(f"{value!r} is not one time of 0 or more", param, ctx)
        return instants[0]


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


class SpreadOptions(click.Command):
    """A command whose list options take several words: ``--at 1 2`` means ``--at 1 --at 2``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        names = {name for p in self.params if isinstance(p.type, (Keys, Seconds)) for name in p.opts}
        spread: list[str] = []
        option = None
        for word in args:
            if word in names:
                option = word
                spread.append(word)
            elif option and re.fullmatch(r"-?[\d:][\d:.,-]*|-?\.\d+", word):
                spread += [word] if spread[-1] == option else [option, word]
            else:
                option = None
                spread.append(word)
        return super().parse_args(ctx, spread)
