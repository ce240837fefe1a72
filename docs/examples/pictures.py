"""Draws the results of the examples with matplotlib: frames, samples, and bars."""

import json
import os
import textwrap
import time
from pathlib import Path

import matplotlib.pyplot as plt


def show_frames(frames, titles=(), columns=5):
    """Draw frames [3, H, W] or [1, H, W], such as a batch [N, 3, H, W], beside each other."""
    count = len(frames)
    columns = min(columns, count)
    rows = -(-count // columns)
    height, width = frames[0].shape[1:]
    each = 10 / max(columns, 2)
    size = (each * columns, rows * (each * height / width + 0.35))
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    for axis in axes.flat:
        axis.axis("off")
    for number, (axis, frame) in enumerate(zip(axes.flat, frames, strict=False)):
        axis.imshow(frame.permute(1, 2, 0).cpu().numpy(), cmap="gray")
        if number < len(titles):
            axis.set_title(titles[number], fontsize=9)
    _finish(figure)


def show_strip(batch):
    """Draw the frames of a FrameBatch in a row, above bars as long as they are shown."""
    count = len(batch)
    figure, axes = plt.subplots(2, count, figsize=(10, 2.2), height_ratios=(4, 1), layout="constrained")
    for axis, frame, start in zip(axes[0], batch.data, batch.pts_seconds.tolist(), strict=True):
        axis.axis("off")
        axis.imshow(frame.permute(1, 2, 0).numpy())
        axis.set_title(f"at {start:.2f} s", fontsize=9)
    for axis in axes[1]:
        axis.remove()
    bar = figure.add_subplot(axes[1][0].get_gridspec()[1, :])
    starts, lengths = batch.pts_seconds.tolist(), batch.duration_seconds.tolist()
    colours = ["#3776ab", "#9cc3e6"]
    bar.barh(
        [0] * count, lengths, left=starts, color=[colours[number % 2] for number in range(count)], height=1
    )
    for start, length in zip(starts, lengths, strict=True):
        bar.text(start + length / 2, 0, f"{length:g}", ha="center", va="center", fontsize=8)
    bar.set_yticks([])
    bar.set_xlim(0, starts[-1] + lengths[-1])
    bar.set_xlabel("s", fontsize=9)
    _finish(figure)


def show_results(results):
    """Draw the results of a list, of which some are exceptions: their names in red."""
    figure, axes = plt.subplots(1, len(results), figsize=(10, 1.7), layout="constrained")
    for number, (axis, result) in enumerate(zip(axes, results, strict=True)):
        axis.set_xticks([])
        axis.set_yticks([])
        axis.set_title(f"results[{number}]", fontsize=9)
        if isinstance(result, Exception):
            axis.text(0.5, 0.5, type(result).__name__, ha="center", va="center", fontsize=8, color="#b00020")
            axis.set_aspect(0.75)
        else:
            axis.imshow(result.permute(1, 2, 0).numpy())
    _finish(figure)


def show_samples(samples, rate, start=0.0, titles=("left", "right")):
    """Draw the waveform of samples [num_channels, num_samples], over seconds."""
    figure, axes = plt.subplots(
        len(samples),
        1,
        figsize=(9, 1.3 * len(samples) + 0.4),
        sharex=True,
        squeeze=False,
        layout="constrained",
    )
    for axis, channel, title in zip(axes.flat, samples, titles, strict=False):
        axis.plot([start + number / rate for number in range(len(channel))], channel.numpy(), linewidth=0.4)
        axis.set_ylabel(title)
        axis.set_ylim(-1, 1)
    axes[-1, 0].set_xlabel("time, s")
    _finish(figure)


def show_bars(values, unit):
    """Draw one bar for each entry of a dict; a shorter bar means less of the unit."""
    figure, axis = plt.subplots(figsize=(6.5, 0.45 * len(values) + 0.8), layout="constrained")
    bars = axis.barh(list(values), list(values.values()), color="#3776ab")
    axis.bar_label(bars, fmt="%.3g", padding=4)
    axis.invert_yaxis()
    axis.margins(x=0.12)
    axis.set_xlabel(textwrap.fill(unit, 50))
    axis.spines[["top", "right"]].set_visible(False)
    _finish(figure)


def show_times(title, works):
    """Draw how long functions take, given as a dict from names to functions.

    The documentation shows times that a quiet machine needed, and calls each function once. Run
    anywhere else, the page measures this machine.
    """
    record, recorded = os.environ.get("CYCODEC_RECORD_TIMES"), os.environ.get("CYCODEC_RECORDED_TIMES")
    if recorded:
        for work in works.values():
            work()
        whole = json.loads(Path(recorded).read_text())
        times = {name: whole["times"].get(title, {}).get(name) for name in works}
        if None in times.values():
            raise LookupError(f"{recorded} lacks times of {title!r}: run tools/bench gallery")
        place = f"{whole['machine']['cpu']}, {whole['machine']['cores']} CPUs"
    else:
        times = {name: _milliseconds(work, 15 if record else 3) for name, work in works.items()}
        place = "this machine"
    if record:
        with open(record, "a") as file:
            print(json.dumps({title: times}), file=file)
    show_bars(times, f"{title}: time in ms ({place})")


def _milliseconds(work, rounds):
    """Return the shortest of some times."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(1e3 * (time.perf_counter() - start))
    return min(times)


def _finish(figure):
    """Open a window, where matplotlib has one. The documentation collects the figures itself."""
    if plt.get_backend().lower() != "agg":
        plt.show()
        plt.close(figure)
