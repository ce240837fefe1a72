"""Draws charts for README and docs: a row per workload, a dot per library, 1.0 is cycodec."""

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from benchmark.figures import BASE, FLOOR
from benchmark.peers import title_of
from benchmark.report import libraries_of, setting_title
from benchmark.workloads import WORKLOADS

# Colour-blind readers can distinguish Okabe and Ito's colours; the shapes differ in print.
STYLES = {
    "cycodec": ("#000000", "o"),
    "torchcodec": ("#D55E00", "o"),
    "av": ("#0072B2", "s"),
    "decord": ("#009E73", "D"),
    "opencv": ("#CC79A7", "^"),
    "spdl": ("#E69F00", "v"),
    "pillow": ("#0072B2", "s"),
    "simplejpeg": ("#009E73", "D"),
    "ffmpeg": ("#E69F00", "v"),
    "floor": ("#888888", "|"),
}
# another checkout of cycodec
CHECKOUT_STYLE = ("#56B4E9", "P")
TICKS = (0.001, 0.01, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500)


def draw(report: dict[str, Any], path: Path, threads: int, cache: str) -> None:
    """Writes the chart of one setting as PNG: medians over the clips, lines from the lowest to the
    highest.
    """
    rows = [s for s in report["summary"] if (s["threads"], s["cache"]) == (threads, cache)]
    workloads = [name for name in WORKLOADS if any(row["workload"] == name for row in rows)]
    base, *libraries = libraries_of(report)
    libraries = [name for name in libraries if any(row["library"] == name for row in rows)]
    figure, axes = plt.subplots(figsize=(9, 1.5 + 0.56 * len(workloads)), dpi=160, layout="constrained")
    for name in libraries:
        colour, marker = STYLES.get(name, CHECKOUT_STYLE)
        # Each library has its own height within a row, so that lines do not cover one another.
        shift = 0.7 * ((libraries.index(name) + 0.5) / len(libraries) - 0.5)
        mine = [row for row in rows if row["library"] == name]
        y = [workloads.index(row["workload"]) + shift for row in mine]
        axes.hlines(
            y, [r["low"] for r in mine], [r["high"] for r in mine], color=colour, alpha=0.35, linewidth=2.5
        )
        size = 60 if name == FLOOR else 34
        axes.scatter(
            [r["median"] for r in mine],
            y,
            color=colour,
            marker=marker,
            s=size,
            label=title_of(name),
            zorder=3,
        )
    axes.axvline(1, color=STYLES.get(base, CHECKOUT_STYLE)[0], linewidth=1.4, zorder=2)
    for i in range(1, len(workloads), 2):
        axes.axhspan(i - 0.5, i + 0.5, color="#f3f3f3", zorder=0)
    names = [WORKLOADS[name].title for name in workloads]
    _axes(axes, names, min(row["low"] for row in rows), max(row["high"] for row in rows))
    clips = len({result["clip"] for result in report["results"]})
    axes.set_xlabel(
        f"time / {title_of(base)}'s time (log scale): right of the line {title_of(base)} is faster"
    )
    figure.suptitle(
        f"{title_of(base)} and its peers: {setting_title(threads, cache)}, median and range over {clips} clips",
        fontsize=11,
    )
    figure.legend(
        loc="outside lower center", ncols=len(libraries), frameon=False, fontsize=9, handletextpad=0.3
    )
    figure.savefig(path)
    plt.close(figure)


def draw_rows(title: str, rows: dict[str, dict[str, Any]], path: Path) -> None:
    """Writes the chart of a benchmark whose libraries take turns as PNG.

    `rows` holds the ``{"ratio": number}`` of each library for each workload.
    """
    libraries = list(
        dict.fromkeys(
            name
            for cells in rows.values()
            for name, cell in cells.items()
            if name != BASE and "ratio" in cell
        )
    )
    figure, axes = plt.subplots(figsize=(9, 1.5 + 0.4 * len(rows)), dpi=160, layout="constrained")
    ratios: list[float] = []
    for library in libraries:
        colour, marker = STYLES.get(library, CHECKOUT_STYLE)
        dots = [
            (cells[library]["ratio"], place)
            for place, cells in enumerate(rows.values())
            if "ratio" in cells.get(library, {})
        ]
        ratios += (ratio for ratio, _ in dots)
        x, y = zip(*dots, strict=True)
        axes.scatter(x, y, color=colour, marker=marker, s=40, label=title_of(library), zorder=3)
    axes.axvline(1, color=STYLES[BASE][0], linewidth=1.4, zorder=2)
    for place in range(1, len(rows), 2):
        axes.axhspan(place - 0.5, place + 0.5, color="#f3f3f3", zorder=0)
    _axes(axes, list(rows), min(ratios), max(ratios))
    axes.set_xlabel(
        f"time / {title_of(BASE)}'s time (log scale): right of the line {title_of(BASE)} is faster"
    )
    figure.suptitle(title, fontsize=11)
    figure.legend(
        loc="outside lower center", ncols=len(libraries), frameon=False, fontsize=9, handletextpad=0.3
    )
    figure.savefig(path)
    plt.close(figure)


def _axes(axes: Any, names: list[str], low: float, high: float) -> None:
    axes.set_xscale("log")
    axes.set_xlim(min(0.7, 0.9 * low), max(2.2, 1.15 * high))
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_yticks(range(len(names)), names, fontsize=9)
    axes.xaxis.set_major_locator(FixedLocator(TICKS))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}x"))
    axes.tick_params(left=False)
    axes.grid(axis="x", color="#dddddd", linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
