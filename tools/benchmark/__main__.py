"""``tools/bench`` measures, and writes tables, JSON, Markdown and a chart."""

import argparse
import datetime
import json
import shlex
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from benchmark import chart, checkouts, clips, environments, figures, machine, report, runner
from benchmark.paths import DOCS, ROOT, shared_media
from benchmark.peers import PEERS
from benchmark.workloads import WORKLOADS

QUICK_CLIPS = ["gen_h264_720p_20s", "gen_vp9_360p_10s", clips.SHORT_NAME]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tools/bench",
        description="Compare cycodec with its peers on this machine.",
        epilog="example: tools/bench --workloads open uniform10 --clips 720p --rounds 9 --out /tmp/bench",
    )
    parser.add_argument(
        "--workloads",
        nargs="+",
        choices=WORKLOADS,
        default=list(WORKLOADS),
        metavar="NAME",
        help=f"some of: {', '.join(WORKLOADS)}",
    )
    parser.add_argument(
        "--clips", nargs="+", metavar="WORD", help="clips whose name contains one of these words"
    )
    parser.add_argument(
        "--libraries",
        nargs="+",
        choices=PEERS,
        default=list(PEERS),
        metavar="NAME",
        help=f"some of: {', '.join(PEERS)} (the base always takes part)",
    )
    parser.add_argument(
        "--rounds", type=int, default=7, help="rounds after the warm-up round (default %(default)s)"
    )
    parser.add_argument(
        "--processes",
        type=int,
        default=1,
        help="processes of each library, one after another, each with these rounds (default %(default)s)",
    )
    parser.add_argument(
        "--threads", type=int, nargs="+", default=[1], help="decode threads of every library (default 1)"
    )
    parser.add_argument(
        "--cache", nargs="+", choices=["warm", "cold"], default=["warm"], help="page cache (default warm)"
    )
    parser.add_argument(
        "--base",
        choices=[*PEERS, "against"],
        default=figures.BASE,
        help="library the others are divided by; 'against' is the one of --against",
    )
    checkouts.add_option(parser)
    parser.add_argument(
        "--out", type=Path, help="folder of the results (default docs/benchmarks, none for --quick)"
    )
    parser.add_argument(
        "--quick", action="store_true", help="2 rounds on three clips, nothing written without --out"
    )
    options = parser.parse_args()
    options.checkouts = checkouts.chosen(parser, options.against)
    if options.base == "against":
        if options.against is None:
            parser.error("--base against needs --against PATH")
        (options.base,) = options.checkouts
    # The folders of the results and of the other checkout do not matter to a reader.
    places = ("--out", str(options.out), "--against", str(options.against))
    words = [word for word in sys.argv[1:] if word not in places]
    options.command = shlex.join(["tools/bench", *words])
    if options.quick:
        options.rounds = 2
        options.clips = options.clips or QUICK_CLIPS
    elif options.out is None and options.against is None:
        options.out = DOCS
    if min(options.rounds, options.processes, *options.threads) < 1:
        parser.error("--rounds, --processes and --threads must be at least 1")
    return options


def main() -> int:
    options = arguments()
    console = Console(width=None if sys.stdout.isatty() else 160)
    libraries = [options.base] + [name for name in options.libraries if name != options.base]
    pythons: dict[str, Path] = {}
    absent: dict[str, str] = {}
    found: dict[str, Any]
    with console.status("setting up") as status:
        # A log shows the progress as lines, because it cannot show a spinner.
        def progress(text: str) -> None:
            if console.is_terminal:
                status.update(escape(text))
            else:
                console.print(text, markup=False)

        for name in libraries:
            if name in options.checkouts:
                continue
            status.update(f"setting up {name} (once)")
            try:
                pythons[name] = environments.interpreter(name)
            except environments.InstallError as error:
                absent[name] = str(error)
        pythons |= {name: checkouts.interpreter(path) for name, path in options.checkouts.items()}
        status.update("making clips (once)")
        measured = clips.gather(options.clips)
        if not measured:
            console.print(f"no clip is named like {options.clips}")
            return 2
        start = time.monotonic()
        found = {"machine": machine.facts(), "versions": {}, "idle_rss": {}, "absent": absent, "results": []}
        for threads in options.threads:
            for cache in options.cache:
                part = runner.run(
                    measured,
                    options.workloads,
                    pythons,
                    rounds=options.rounds,
                    processes=options.processes,
                    threads=threads,
                    cache=cache,
                    base=options.base,
                    checkouts=options.checkouts,
                    progress=progress,
                )
                for key in ("versions", "idle_rss", "absent"):
                    found[key].update(part[key])
                found["results"] += part["results"]
    found["minutes"] = round((time.monotonic() - start) / 60, 1)
    whole = assemble(found, measured, options)
    report.print_report(whole, console)
    if options.out:
        write(whole, options.out, list(options.checkouts.values()))
        console.print(f"written to {options.out}: results.json, results.md, chart.png", soft_wrap=True)
    return 0


def assemble(
    found: dict[str, Any], measured: list[clips.Clip], options: argparse.Namespace
) -> dict[str, Any]:
    """Returns the whole report as the JSON file holds it."""
    settings = {
        "rounds": options.rounds,
        "processes": options.processes,
        "threads": options.threads,
        "cache": options.cache,
        "base": options.base,
    }
    return {
        "format": 1,
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "command": options.command,
        "settings": settings,
        **found,
        "clips": [{**asdict(clip), "paths": [Path(path).name for path in clip.paths]} for clip in measured],
        "summary": figures.summary(found["results"]),
        "slower": figures.slower_than_best(found["results"]),
    }


def as_json(whole: dict[str, Any]) -> str:
    """Returns JSON with one line for each list entry, so that diffs show what changed."""

    def lines(value: Any) -> str:
        if not isinstance(value, list):
            return json.dumps(value)
        return "[\n " + ",\n ".join(json.dumps(entry) for entry in value) + "\n]" if value else "[]"

    return "{\n" + ",\n".join(f"{json.dumps(key)}: {lines(value)}" for key, value in whole.items()) + "\n}\n"


def write(whole: dict[str, Any], folder: Path, others: list[Path]) -> None:
    """Writes the results, without the names of this machine's folders that messages may hold."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (("results.json", as_json(whole)), ("results.md", report.markdown(whole))):
        for place in (ROOT, shared_media(), *others):
            text = text.replace(f"{place}/", "")
        (folder / name).write_text(text)
    for threads, cache in report.groups_of(whole):
        chart.draw(whole, folder / report.chart_name(whole, threads, cache), threads, cache)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except RuntimeError as error:
        sys.exit(f"tools/bench: {error}")
