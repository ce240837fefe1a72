"""Writes the results as tables for the terminal and for Markdown."""

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from benchmark.checkouts import is_checkout
from benchmark.figures import EVEN, FLOOR, is_right
from benchmark.peers import PEERS, peer_class, title_of
from benchmark.workloads import WORKLOADS


def libraries_of(report: dict[str, Any]) -> list[str]:
    """Returns the libraries that took part: the base, other checkouts of cycodec, the peers, the
    floor.
    """
    present = [name for name in report["versions"] if is_checkout(name)]
    present += [name for name in PEERS if name in report["versions"]]
    base = report["settings"]["base"]
    return [base] + [name for name in present if name != base]


def groups_of(report: dict[str, Any]) -> list[tuple[int, str]]:
    """Returns the (threads, cache) settings of a report, in the order of measurement."""
    return list(dict.fromkeys((result["threads"], result["cache"]) for result in report["results"]))


def chart_name(report: dict[str, Any], threads: int, cache: str) -> str:
    """Returns the file of one setting's chart; README shows that of the first setting."""
    return "chart.png" if (threads, cache) == groups_of(report)[0] else f"chart_{threads}_{cache}.png"


def setting_title(threads: int, cache: str) -> str:
    return f"{threads} decode thread{'s' if threads > 1 else ''}, {cache} page cache"


def print_report(report: dict[str, Any], console: Console) -> None:
    """Prints every clip and workload, then the remarks."""
    libraries = libraries_of(report)
    base = libraries[0]
    for threads, cache in groups_of(report):
        table = Table(
            title=f"Times their {title_of(base)} time: {setting_title(threads, cache)}", title_justify="left"
        )
        table.add_column("clip")
        table.add_column("workload")
        table.add_column(title_of(base), justify="right")
        for name in libraries[1:]:
            table.add_column(title_of(name), justify="right")
        last = None
        for result in report["results"]:
            if (result["threads"], result["cache"]) != (threads, cache):
                continue
            if last not in (None, result["clip"]):
                table.add_section()
            clip = result["clip"] if result["clip"] != last else ""
            cells = [_styled(cell(result, name, base), result, name) for name in libraries]
            table.add_row(clip, escape(WORKLOADS[result["workload"]].title), *cells)
            last = result["clip"]
        console.print(table)
    for line in remarks(report):
        console.print(line, markup=False, highlight=False)


def cell(result: dict[str, Any], name: str, base: str) -> str:
    """Returns milliseconds for the base, the wall ratio for others, ``-`` if a library cannot do
    the workload.
    """
    entry = result["libraries"].get(name, {"error": "absent"})
    if "wall" not in entry:
        return "-" if "unsupported" in entry else "error"
    if name == base or base not in result["libraries"] or name not in result["ratios"]:
        return milliseconds(entry["median"]["wall"])
    mark = " !" if not is_right(entry) else " ~" if entry["verdict"].startswith("other") else ""
    return ratio_text(result["ratios"][name]["wall"]) + mark


def ratio_text(ratio: float) -> str:
    """Returns two decimals; two digits below 0.1; no decimals from 100 on."""
    return f"{ratio:.2g}" if ratio < 0.1 else f"{ratio:.0f}" if ratio >= 100 else f"{ratio:.2f}"


def milliseconds(seconds: float) -> str:
    value = 1000 * seconds
    return f"{value:.2f} ms" if value < 10 else f"{value:.0f} ms"


def _styled(text: str, result: dict[str, Any], name: str) -> str:
    ratio = result["ratios"].get(name, {}).get("wall")
    if text.endswith("!") or text == "error":
        return f"[red]{text}[/red]"
    if ratio is None or name == FLOOR:
        return text
    return f"[yellow]{text}[/yellow]" if ratio < EVEN else f"[green]{text}[/green]"


def remarks(report: dict[str, Any]) -> list[str]:
    """Returns lines on wrong frames, errors, absent libraries, and results where the base was not
    the fastest.
    """
    lines = [f"absent: {why}" for why in report["absent"].values()]
    for result in report["results"]:
        where = f"{result['clip']}, {WORKLOADS[result['workload']].title}"
        for name, entry in result["libraries"].items():
            if "error" in entry:
                lines.append(f"error: {title_of(name)} on {where}: {entry['error']}")
            elif "wall" in entry and entry["verdict"] not in ("agrees", "other filter", ""):
                level = (
                    f" (mean difference {entry['difference']:.1f} levels)"
                    if entry["difference"] is not None
                    else ""
                )
                lines.append(f"pixels: {title_of(name)} on {where}: {entry['verdict']}{level}")
    for entry in report["slower"]:
        where = f"{entry['clip']}, {WORKLOADS[entry['workload']].title}"
        setting = setting_title(entry["threads"], entry["cache"])
        cpu = f"CPU {ratio_text(entry['cpu'])}"
        note = peer_class(entry["peer"]).note if entry["workload"] == "open" else ""
        peer = f"{title_of(entry['peer'])} ({note})" if note else title_of(entry["peer"])
        lines.append(f"slower: {peer} took {ratio_text(entry['wall'])} ({cpu}) on {where}, {setting}")
    return list(dict.fromkeys(lines))


def _rounds_text(settings: dict[str, Any]) -> str:
    processes = settings.get("processes", 1)  # older files have no such entry
    rounds = f"{settings['rounds']} rounds"
    return rounds if processes == 1 else f"{rounds} in each of {processes} processes"


def markdown(report: dict[str, Any]) -> str:
    """Returns the report as a page: facts, summary, every figure, remarks."""
    libraries = libraries_of(report)
    base = libraries[0]
    facts, settings = report["machine"], report["settings"]
    lines = [
        "<!-- Written by tools/bench; do not edit. -->",
        "# Benchmark results",
        "",
        f"Measured {report['date']} by `{report['command']}` at commit {facts['commit']}: medians of "
        f"{_rounds_text(settings)}. How it is done and how to repeat it: docs/benchmarks/README.md. "
        "All numbers: [results.json](results.json).",
        "",
        f"- {facts['cpu']}, {facts['cores']} cores{' (virtual machine)' if facts['virtual'] else ''}, "
        f"{', '.join(facts['simd'])}, {facts['memory_gib']} GiB",
        f"- {facts['system']}, kernel {facts['kernel']}, Python {facts['python']}, {facts['ffmpeg']}",
        f"- load average before the run {facts['load_before'][0]}; the run took {report['minutes']} minutes",
    ]
    lines += [
        f"- {title_of(name)}: "
        + ", ".join(f"{key} {value}" for key, value in report["versions"][name].items())
        + f"; {report['idle_rss'][name] / 1e6:.0f} MB after import"
        + (f" ({peer_class(name).note})" if peer_class(name).note else "")
        for name in libraries
    ]
    for threads, cache in groups_of(report):
        title = setting_title(threads, cache)
        lines += [
            "",
            f"## {title}",
            "",
            f"![Peers' times / {title_of(base)}'s]({chart_name(report, threads, cache)})",
            "",
        ]
        lines += _summary_table(report, libraries[1:], threads, cache)
        lines += [
            "",
            f"{title_of(base)}: wall time (CPU time); others: wall time / its wall time (CPU time / its CPU time). Then "
            "the process's peak of resident memory. `!` = not the right frames, `~` = the right frames by another "
            "filter or in other colours, `-` = cannot do it.",
            "",
        ]
        results = [r for r in report["results"] if (r["threads"], r["cache"]) == (threads, cache)]
        for clip in dict.fromkeys(result["clip"] for result in results):
            lines += [f"### {clip}", "", _clip_line(report, clip), ""]
            lines += ["| workload | " + " | ".join(title_of(name) for name in libraries) + " |"]
            lines += ["|---|" + "---:|" * len(libraries)]
            lines += [_row(result, libraries) for result in results if result["clip"] == clip]
            lines += [""]
    lines += ["", "## Remarks", ""] + [f"- {line}" for line in remarks(report) or ["none"]]
    return "\n".join(lines) + "\n"


def _clip_line(report: dict[str, Any], name: str) -> str:
    clip = next(clip for clip in report["clips"] if clip["name"] == name)
    files = f"{len(clip['paths'])} files, each " if len(clip["paths"]) > 1 else ""
    return (
        f"{files}{clip['codec']} {clip['width']}x{clip['height']}, {clip['fps']:g} fps, {clip['seconds']:.1f} s, "
        f"{clip['frames']} frames, {clip['key_frames']} key frames, reorder depth {clip['b_frames']}; "
        f"{clip['bytes'] / 1e6:.1f} MB in all"
    )


def _summary_table(report: dict[str, Any], libraries: list[str], threads: int, cache: str) -> list[str]:
    rows = [s for s in report["summary"] if (s["threads"], s["cache"]) == (threads, cache)]
    lines = [
        "Median over the clips (lowest to highest) of their wall time / cycodec's, wrong answers left out:",
        "",
    ]
    lines += [
        "| workload | " + " | ".join(title_of(name) for name in libraries) + " |",
        "|---|" + "---:|" * len(libraries),
    ]
    for workload in dict.fromkeys(row["workload"] for row in rows):
        found = {row["library"]: row for row in rows if row["workload"] == workload}
        cells = [_spread(found[name]) if name in found else "-" for name in libraries]
        lines.append(f"| {WORKLOADS[workload].title} | " + " | ".join(cells) + " |")
    return lines


def _spread(row: dict[str, Any]) -> str:
    if row["clips"] == 1:
        return ratio_text(row["median"])
    return f"{ratio_text(row['median'])} ({ratio_text(row['low'])} to {ratio_text(row['high'])})"


def _row(result: dict[str, Any], libraries: list[str]) -> str:
    base = libraries[0]
    cells = []
    for name in libraries:
        text = cell(result, name, base)
        entry = result["libraries"].get(name, {})
        if name in result["ratios"]:
            text += f" ({ratio_text(result['ratios'][name]['cpu'])})"
        elif "wall" in entry:
            text += f" ({milliseconds(entry['median']['cpu'])})"
        if "wall" in entry:
            text += f", {entry['peak_rss'] / 1e6:.0f} MB"
        cells.append(text)
    return f"| {WORKLOADS[result['workload']].title} | " + " | ".join(cells) + " |"
