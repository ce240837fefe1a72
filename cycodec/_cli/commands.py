"""The commands of ``cycodec``: info, frames, sheet, index, doctor."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import click
from PIL import Image
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from cycodec._cli.doctor import Finding, can_decode, examine
from cycodec._cli.doctor import as_json as as_json_text
from cycodec._cli.parameter_types import Keys, Seconds, SpreadOptions

# Nothing of the compiled part is imported up here: `doctor` has to run where that cannot be.
if TYPE_CHECKING:
    from cycodec.decoders import VideoDecoder

__all__ = ["cycodec", "draw_sheet", "info_table", "one_line"]

AT_ONCE = 8  # frames decoded by one call: bounds memory, and moves the progress bar

console = Console()
stderr = Console(stderr=True)


# ---- errors and progress ----


def one_line(error: BaseException) -> str:
    """An error as a line for the user; where nobody raised it on purpose, with its type."""
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, ImportError):
        return text if "pip install" in text else f"{text} (`cycodec doctor` says more)"
    expected = (OSError, ValueError, LookupError, NotImplementedError, MemoryError)
    if isinstance(error, expected) or type(error).__module__.startswith("cycodec"):
        return text
    return f"{type(error).__name__}: {text} (unexpected; --traceback shows where)"


@contextmanager
def naming(source: str) -> Iterator[None]:
    """Errors from within say which file they are about."""
    try:
        yield
    except (LookupError, ValueError, TypeError) as error:
        if source in str(error):
            raise
        raise ValueError(f"{source}: {error}") from error


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar on the terminal; yields the function that moves it on."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=stderr, transient=True, disable=not stderr.is_terminal) as bar:
        task = bar.add_task(what, total=total)
        yield lambda count: bar.advance(task, count)


@contextmanager
def opened(source: str, stream: int | None) -> Iterator[VideoDecoder]:
    """An exact decoder, with a word on the terminal while its index is made."""
    from cycodec.decoders import VideoDecoder

    with naming(source):
        with stderr.status(f"reading {source}"):
            decoder = VideoDecoder(source, stream_index=stream, dimension_order="NHWC")
        with decoder:
            yield decoder


# ---- what commands share ----


def common(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options of every command."""
    return click.option(
        "--traceback",
        is_flag=True,
        expose_value=False,
        callback=lambda ctx, param, value: ctx.meta.update(traceback=value),  # main looks at the word itself
        help="Show where an error comes from (for bug reports).",
    )(command)


def with_stream(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--stream",
        type=click.IntRange(min=0),
        metavar="N",
        help="Stream of the file; default: FFmpeg's best video stream.",
    )(command)


def examples(*lines: str) -> str:
    """The end of a command's help: lines that click must not reflow."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def stem(source: str) -> str:
    from cycodec._cli.describe import name_of

    return PurePath(name_of(source)).stem


def chunks(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    return (numbers[i : i + AT_ONCE] for i in range(0, len(numbers), AT_ONCE))


# ---- the commands ----


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=examples(
        "cycodec info clip.mp4",
        "cycodec frames clip.mp4 --at 1.5 2.0 -o frames",
        "cycodec sheet clip.mp4 -o sheet.png",
        "cycodec index clip.mp4 -o clip.idx",
        "cycodec doctor",
    ),
)
@click.version_option(package_name="cycodec", message="%(prog)s %(version)s")
def cycodec() -> None:
    """Look into video and audio files, and take exact frames out of them."""


@cycodec.command(
    short_help="What is in files: container, streams, frames.",
    epilog=examples(
        "cycodec info clip.mp4",
        "cycodec info *.mp4                       go on after a bad file, fail in the end",
        "cycodec info --header big.ts             do not read through the file",
        "cycodec info --json *.mp4 | jq '.[].container.duration_seconds'",
    ),
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list with one object for each file.")
@click.option("--header", is_flag=True, help="Only what the header says: no frame count, no key frames.")
@common
def info(files: tuple[str, ...], as_json: bool, header: bool) -> int:
    """Container, streams and frames of files."""
    from cycodec._cli.describe import describe

    descriptions: list[dict[str, Any]] = []
    failed = False
    with progress("reading", len(files)) as advance:
        for source in files:
            try:
                with naming(source):
                    description = describe(source, header_only=header)
            except Exception as error:
                if click.get_current_context().meta["traceback"]:
                    raise
                description = {"source": source, "error": one_line(error)}
            if as_json:
                descriptions.append(description)
            elif "container" in description:
                console.print(info_table(description))
            if "error" in description:
                failed = True
                click.echo(f"cycodec: {description['error']}", err=True)
            advance(1)
    if as_json:
        click.echo(json.dumps(descriptions, indent=2))
    return int(failed)


def info_table(description: dict[str, Any]) -> Table:
    """A description of _describe as a table of two columns."""
    from cycodec._cli.describe import name_of, rows

    title = Text(name_of(description["source"]), style="bold", overflow="fold")
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", show_header=False, pad_edge=False)
    table.add_column(style="cyan", no_wrap=True)
    table.add_column()
    for label, text in rows(description):
        table.add_row(label, Text(text))
    return table


@cycodec.command(
    short_help="Write exact frames as pictures.",
    cls=SpreadOptions,
    epilog=examples(
        "cycodec frames clip.mp4 --at 1.5 2.0 -o frames        the frames played at these seconds",
        "cycodec frames clip.mp4 --at 1:02.5 -o frames         minutes are fine, too",
        "cycodec frames clip.mp4 --index 0:100:10 -o frames    every tenth of the first hundred",
        "cycodec frames clip.mp4 --index 7 9 -1 -o frames      some frames, the last one among them",
        "cycodec frames clip.mp4 --index :: --format jpg -o frames",
    ),
)
@click.argument("source", metavar="FILE")
@click.option(
    "--at", type=Seconds(), multiple=True, metavar="SECONDS...", help="Frames played at these instants."
)
@click.option(
    "--index",
    "keys",
    type=Keys(),
    multiple=True,
    metavar="INDEX...",
    help="Frames by number or slice, as in NumPy.",
)
@click.option(
    "-o",
    "--output",
    "folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder; default: FILE's name + -frames.",
)
@click.option(
    "--format", "suffix", type=click.Choice(["png", "jpg", "webp"]), default="png", show_default=True
)
@with_stream
@common
def frames(source: str, at: Any, keys: Any, folder: Path | None, suffix: str, stream: int | None) -> None:
    """Write exact frames of FILE as pictures, named by frame number."""
    if not at and not keys:
        raise click.UsageError("say which frames: --at SECONDS... or --index INDEX...")
    folder = folder or Path(f"{stem(source)}-frames")
    with opened(source, stream) as decoder:
        index = decoder.index
        assert index is not None  # an exact decoder has one
        numbers = [index.index_at(seconds) for group in at for seconds in group]
        for key in (key for group in keys for key in group):
            numbers += range(len(decoder))[key] if isinstance(key, slice) else [decoder_number(decoder, key)]
        if not numbers:
            raise IndexError("there is no frame in that range")
        numbers = sorted(set(numbers))
        folder.mkdir(parents=True, exist_ok=True)
        with progress("writing", len(numbers)) as advance:
            for chunk in chunks(numbers):
                batch = decoder.get_frames_at(chunk)
                for number, picture, pts in zip(chunk, batch.data, batch.pts_seconds.tolist(), strict=True):
                    path = folder / f"{stem(source)}_{number:06d}.{suffix}"
                    Image.fromarray(picture.numpy()).save(path, quality=95)
                    click.echo(f"{path}  frame {number}  {pts:.6f} s")
                    advance(1)


def decoder_number(decoder: VideoDecoder, key: int) -> int:
    try:
        return range(len(decoder))[key]
    except IndexError:
        raise IndexError(f"there is no frame {key}; the stream has {len(decoder)} frames") from None


@cycodec.command(
    short_help="Draw a contact sheet with times.",
    epilog=examples(
        "cycodec sheet clip.mp4 -o sheet.png",
        "cycodec sheet clip.mp4 --columns 6 --rows 10 --width 2400 -o sheet.jpg",
    ),
)
@click.argument("source", metavar="FILE")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="PICTURE",
    help="File to write, its suffix says the format; default: FILE's name + -sheet.png.",
)
@click.option(
    "--columns", type=click.IntRange(1, 100), metavar="N", help="Default: as suits the shape of the pictures."
)
@click.option("--rows", type=click.IntRange(1, 1000), metavar="N", help="Default: about 16 pictures in all.")
@click.option(
    "--width", type=click.IntRange(200, 20000), default=1600, show_default=True, help="Pixels at most."
)
@with_stream
@common
def sheet(
    source: str, output: Path | None, columns: int | None, rows: int | None, width: int, stream: int | None
) -> None:
    """A contact sheet: pictures spread over the playing time of FILE, the time under each."""
    output = output or Path(f"{stem(source)}-sheet.png")
    if output.suffix.lower() not in Image.registered_extensions():
        raise click.UsageError(f"{output}: which format? Give it a suffix such as .png or .jpg")
    with opened(source, stream) as decoder:
        picture = draw_sheet(decoder, source, columns=columns, rows=rows, width=width)
    output.parent.mkdir(parents=True, exist_ok=True)
    picture.save(output)
    click.echo(f"{output}  {picture.width} x {picture.height}")


def draw_sheet(
    decoder: VideoDecoder,
    source: str,
    *,
    columns: int | None = None,
    rows: int | None = None,
    width: int = 1600,
) -> Image.Image:
    """The contact sheet of an exact decoder with dimension_order="NHWC"."""
    from cycodec._cli.describe import clock, name_of, video_facts
    from cycodec._cli.sheet import (
        NUM_TILES,
        Layout,
        Tile,
        contact_sheet,
        default_columns,
        display_size,
        sample_positions,
    )

    metadata = decoder.metadata
    assert metadata.width is not None
    assert metadata.height is not None
    size = display_size(metadata.width, metadata.height, metadata.pixel_aspect_ratio, metadata.rotation)
    per_row = columns or default_columns(size)
    numbers = sample_positions(decoder, per_row * (rows or -(-NUM_TILES // per_row)))
    layout = Layout.plan(size, len(numbers), columns, width)
    tiles = []
    with progress("decoding", len(numbers)) as advance:
        for chunk in chunks(numbers):
            batch = decoder.get_frames_at(chunk)
            for number, frame, pts in zip(chunk, batch.data, batch.pts_seconds.tolist(), strict=True):
                # scaled at once, so that no more than a chunk of full frames is held
                picture = Image.fromarray(frame.numpy()).resize(layout.tile, Image.Resampling.LANCZOS)
                tiles.append(Tile(picture, clock(pts), f"#{number}"))
                advance(1)
    return contact_sheet(tiles, layout, name_of(source), video_facts(metadata))


@cycodec.command(
    short_help="Keep a frame index for later use.",
    epilog=examples(
        "cycodec index clip.ts -o clip.idx",
        "cycodec index --confirm damaged.mp4",
        "python -c \"from cycodec.decoders import VideoDecoder; VideoDecoder('clip.ts', index='clip.idx')\"",
    ),
)
@click.argument("source", metavar="FILE")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="INDEX",
    help="File to write; default: FILE's name + .idx.",
)
@click.option(
    "--confirm", is_flag=True, help="Decode FILE once, so that the index is certain even if it is damaged."
)
@with_stream
@common
def index(source: str, output: Path | None, confirm: bool, stream: int | None) -> None:
    """Make the frame index of FILE once and keep it: opening with it reads nothing of the file's content."""
    from cycodec._cli.describe import plural

    output = output or Path(f"{stem(source)}.idx")
    with opened(source, stream) as decoder:
        if confirm:
            with stderr.status("decoding"):
                decoder.confirm()
        made = decoder.index
        assert made is not None  # an exact decoder has one
        output.parent.mkdir(parents=True, exist_ok=True)
        made.save(output)
        summary = f"{plural(len(made), 'frame')}, {plural(len(made.key_frames), 'key frame')}"
    click.echo(f"{output}  {summary}, {output.stat().st_size} bytes")


@cycodec.command(
    short_help="Look whether decoding works here.",
    epilog=examples(
        "cycodec doctor", "cycodec doctor --json", "python -m cycodec doctor        where PATH lacks cycodec"
    ),
)
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
@common
def doctor(as_json: bool) -> int:
    """Look whether everything is there that decoding needs; say what to do where it is not.

    Ends with status 1 if decoding on the CPU cannot work.
    """
    with stderr.status("looking"):
        findings = examine()
    if as_json:
        click.echo(json.dumps(as_json_text(findings), indent=2))
        return int(not can_decode(findings))
    for topic in dict.fromkeys(finding.topic for finding in findings):
        console.print(topic_table(topic, [finding for finding in findings if finding.topic == topic]))
    problems = [finding for finding in findings if finding.status == "problem"]
    if problems:
        click.echo(
            f"cycodec cannot decode here: {problems[0].topic}, {problems[0].name}: {problems[0].detail}"
        )
    else:
        click.echo("cycodec can decode here.")
    return int(bool(problems))


def topic_table(topic: str, findings: list[Finding]) -> Table:
    """The findings of one topic; codecs that are there share a line."""
    marks = {"ok": "[green]ok[/]", "note": "[yellow]note[/]", "problem": "[bold red]problem[/]"}
    title = Text(topic, style="bold")
    table = Table(box=None, title=title, title_justify="left", show_header=False, padding=(0, 2, 0, 0))
    table.add_column(width=7)
    table.add_column(no_wrap=True, min_width=14)
    table.add_column(overflow="fold")
    if topic in ("Decoders", "Encoders"):
        there = [f"{finding.name} ({finding.detail})" for finding in findings if finding.status == "ok"]
        table.add_row(marks["ok"], "available", Text(", ".join(there)))
        findings = [finding for finding in findings if finding.status != "ok"]
    for finding in findings:
        table.add_row(marks[finding.status], finding.name, Text(finding.detail))
        if finding.remedy:
            table.add_row("", "", Text(f"-> {finding.remedy}", style="yellow"))
    return table
