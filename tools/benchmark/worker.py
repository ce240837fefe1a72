"""The process of one library: reads requests from the runner as JSON lines, measures, answers.

Run as ``python -m benchmark.worker LIBRARY THREADS [CHECKOUT]`` with the library's interpreter. It
blocks on its standard input while another library measures. cycodec must come from CHECKOUT, where
one is given.
"""

import gc
import json
import os
import resource
import sys
import time
import traceback
from dataclasses import dataclass, field
from typing import Any

from benchmark.checkouts import assert_imported_from
from benchmark.peer import Peer, Unsupported
from benchmark.peers import peer_class
from benchmark.workloads import CHANNELS, WORKLOADS, Case

SAMPLES = 12
SAMPLE_WIDTH = 160


def main() -> None:
    library, threads = sys.argv[1], int(sys.argv[2])
    # A library's own output must not reach the pipe: answers go to a copy of stdout, and stdout
    # becomes stderr.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    try:
        limit_torch(threads)
        if len(sys.argv) > 3:
            assert_imported_from(sys.argv[3])
        peer = peer_class(library)(threads)
        _say(answers, {"versions": peer.versions(), "rss": reset_peak_rss()})
    except Exception as error:
        _say(answers, {"error": f"{type(error).__name__}: {error}"})
        return
    for line in sys.stdin:
        _say(answers, answer(peer, json.loads(line)))


def limit_torch(threads: int) -> None:
    """Gives torch's operations as many threads as the decoder, if this interpreter has torch."""
    try:
        import torch
    except ModuleNotFoundError:
        return
    torch.set_num_threads(threads)


def answer(peer: Peer, request: dict[str, Any]) -> dict[str, Any]:
    try:
        return measure(peer, Case(**request["case"]), request["repeats"], request.get("save"))
    except Unsupported as reason:
        return {"unsupported": str(reason)}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}", "trace": traceback.format_exc()}


def measure(peer: Peer, case: Case, repeats: int, save: str | None = None) -> dict[str, Any]:
    """Measures the time of one workload per repetition, and its memory.

    Parameters
    ----------
    peer : Peer
        The library.
    case : Case
        The request.
    repeats : int
        Number of repetitions; short work needs many for a stable time.
    save : str, optional
        Write samples of the pixels to this ``.npy`` file; the times are then useless.

    Returns
    -------
    dict
        ``wall``, ``cpu``, ``open`` in seconds, ``rss_before`` and ``rss_peak`` in bytes, ``frames``
        counted.
    """
    workload = WORKLOADS[case.workload]
    wall = cpu = opening = 0.0
    gc.collect()
    rss_before = reset_peak_rss()
    for _ in range(repeats):
        reader = None
        if not workload.opens:
            start = time.perf_counter()
            reader = open_reader(peer, case)
            peer.prepare(reader)
            opening += time.perf_counter() - start
        layout = "NCHW" if workload.planar and peer.layout else peer.layout
        seen = Seen(case, layout, workload.planar, workload.dtype, sample=save is not None)
        cpu_start, wall_start = time.process_time(), time.perf_counter()
        # Each yielded frame is dropped immediately; a batch lives until the clock has stopped.
        result = workload.run(peer, reader, case)
        if hasattr(result, "__next__"):
            seen.consume(result)
        wall += time.perf_counter() - wall_start
        cpu += time.process_time() - cpu_start
        if result is not None and not hasattr(result, "__next__"):
            seen.batch(result)
        if reader is not None:
            peer.close(reader)
        del result, reader
    if save:
        seen.write(save)
    return {
        "wall": wall / repeats,
        "cpu": cpu / repeats,
        "open": opening / repeats,
        "rss_before": rss_before,
        "rss_peak": peak_rss(),
        "frames": seen.count,
    }


def open_reader(peer: Peer, case: Case) -> Any:
    """Returns a reader for a workload on a single clip."""
    if WORKLOADS[case.workload].planar:
        return peer.open_planar(case.paths[0])
    if WORKLOADS[case.workload].output != "rgb":
        return peer.open_output(case.paths[0], WORKLOADS[case.workload].output)
    if WORKLOADS[case.workload].dtype == "float32":
        return peer.open_floats(case.paths[0])
    if WORKLOADS[case.workload].size is None:
        return peer.open(case.paths[0])
    return peer.open_resized(case.paths[0], case.height, case.width)


@dataclass
class Seen:
    """Counts the frames that a library returns, checks their form, and keeps small samples."""

    case: Case
    layout: str
    planar: bool
    dtype: str
    sample: bool
    count: int = 0
    samples: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        total = len(self.case.indices) * len(self.case.paths)
        step = max(1, (total - 1) / (SAMPLES - 1)) if total > 1 else 1
        self.positions = {round(i * step) for i in range(min(total, SAMPLES))} if self.sample else set()

    def consume(self, frames: Any) -> None:
        for i, frame in enumerate(frames):
            self.count += 1
            if i == 0 or i in self.positions:
                self._look(i, frame)

    def batch(self, frames: Any) -> None:
        self.count = len(frames)
        for i in sorted({0, *self.positions}):
            if i < self.count:
                self._look(i, frames[i])

    def _look(self, i: int, frame: Any) -> None:
        if not self.layout:
            return
        channels = CHANNELS[WORKLOADS[self.case.workload].output]
        shape = (
            (channels, self.case.height, self.case.width)
            if self.layout == "NCHW"
            else (self.case.height, self.case.width, channels)
        )
        kind = str(frame.dtype).removeprefix("torch.")
        if tuple(frame.shape) != shape or kind != self.dtype:
            raise ValueError(f"frame {i} is {kind} {tuple(frame.shape)}, not {self.dtype} {shape}")
        pixels = frame.numpy() if hasattr(frame, "numpy") else frame
        if self.planar and not pixels.flags.c_contiguous:
            raise ValueError(f"frame {i} is not contiguous")
        if i in self.positions:
            step = max(1, self.case.width // SAMPLE_WIDTH)
            pixels = pixels.transpose(1, 2, 0) if self.layout == "NCHW" else pixels
            pixels = pixels[::step, ::step]
            self.samples.append(
                (pixels * 255).round().astype("uint8") if kind == "float32" else pixels.copy()
            )

    def write(self, path: str) -> None:
        if self.layout and self.samples:
            import numpy

            numpy.save(path, numpy.stack(self.samples))


def reset_peak_rss() -> int:
    """Resets the peak of memory (on Linux); returns the bytes resident now."""
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        pass
    return _status("VmRSS") or peak_rss()


def peak_rss() -> int:
    """Returns the largest resident size since `reset_peak_rss`, or of the process's life if not on
    Linux.
    """
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return _status("VmHWM") or (peak if sys.platform == "darwin" else peak * 1024)


def _status(name: str) -> int:
    try:
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith(name))
    except OSError:
        return 0


def _say(answers: Any, message: dict[str, Any]) -> None:
    answers.write(json.dumps(message) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
