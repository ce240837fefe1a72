"""Runs the workers: one measures at a time, in an order that reverses every second round."""

import contextlib
import json
import os
import re
import selectors
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from benchmark.clips import Clip
from benchmark.figures import BASE, add_ratios, verdict
from benchmark.paths import ROOT, SCRATCH
from benchmark.workloads import WORKLOADS, Case, case_for

TIMEOUT_S = 60
# Short work is repeated within a round until it takes about this long.
ROUND_S = 0.05
MOST_REPEATS = 50
# What a worker measures in each round.
FIGURES = ("wall", "cpu", "open", "rss_before", "rss_peak")


class Worker:
    """The process of one library. It starts at the first request, and again after a crash or a
    hang.

    Parameters
    ----------
    library : str
        Name of the library.
    python : Path or str
        Its interpreter.
    threads : int
        Decode threads.
    checkout : Path, optional
        Folder that cycodec has to come from.
    """

    def __init__(self, library: str, python: Path | str, threads: int, checkout: Path | None = None) -> None:
        self.library, self.threads, self.checkout = library, threads, checkout
        self.command = [str(python), "-m", "benchmark.worker", library, str(threads)]
        if checkout is not None:
            self.command.append(str(checkout))
        self.process: subprocess.Popen[bytes] | None = None
        self.log = SCRATCH / (re.sub(r"[^\w.+-]+", "_", library) + ".log")
        self.versions: dict[str, str] = {}
        self.idle_rss = 0

    def start(self) -> None:
        """Starts the process; raises RuntimeError with the library's message if it cannot be
        imported.
        """
        path = [str(ROOT / "tools"), *([str(self.checkout)] if self.checkout else [])]
        threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), str(self.threads))
        environment = {**os.environ, **threads, "PYTHONPATH": os.pathsep.join(path)}
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                env=environment,
                cwd=self.checkout,  # `python -m` searches this folder first
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        hello = self._answer(self.process)
        if "error" in hello:
            self.stop()
            raise RuntimeError(f"{self.library}: {hello['error']}")
        self.versions, self.idle_rss = hello["versions"], hello["rss"]

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Returns the worker's answer; after a crash or a hang it holds ``error``."""
        if self.process is None:
            self.start()
        process = self.process
        assert process is not None
        # If the worker has died, the end of its output shows it.
        with contextlib.suppress(BrokenPipeError):
            _pipe(process.stdin).write(json.dumps(request).encode() + b"\n")
            _pipe(process.stdin).flush()
        return self._answer(process)

    def _answer(self, process: subprocess.Popen[bytes]) -> dict[str, Any]:
        with selectors.DefaultSelector() as selector:
            selector.register(_pipe(process.stdout), selectors.EVENT_READ)
            line = _pipe(process.stdout).readline() if selector.select(TIMEOUT_S) else None
        if line:
            return json.loads(line)
        if line is None:
            process.kill()
        self.stop()
        what = (
            f"gave no answer in {TIMEOUT_S} s" if line is None else f"died with status {process.returncode}"
        )
        return {"error": f"the worker {what}; see {self.log.relative_to(ROOT)}"}

    def stop(self) -> None:
        process, self.process = self.process, None
        if process is not None:
            with contextlib.suppress(BrokenPipeError):
                _pipe(process.stdin).close()
            process.wait()
            _pipe(process.stdout).close()


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None  # all workers are started with pipes
    return stream


def run(
    clips: list[Clip],
    workloads: list[str],
    pythons: Mapping[str, Path | str],
    *,
    rounds: int = 7,
    processes: int = 1,
    threads: int = 1,
    cache: str = "warm",
    base: str = BASE,
    checkouts: Mapping[str, Path] | None = None,
    progress: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Measures every workload on every clip with every library.

    Parameters
    ----------
    clips : list of Clip
    workloads : list of str
        Keys of `WORKLOADS`.
    pythons : mapping
        library -> interpreter; the base first makes its pixels the reference.
    rounds : int
        Rounds after the warm-up one, in each process.
    processes : int
        Processes of each library, one after another. Where blocks of memory lie differs from one
        process to the next, and short work takes up to 10 % more or less for it.
    threads : int
        Decode threads of every library.
    cache : str
        ``"warm"``, or ``"cold"``: the clip is dropped from the page cache before each measurement.
    base : str
        Library that the others are compared with.
    checkouts : mapping, optional
        Name -> folder of each other checkout of cycodec that takes part; `pythons` names it, too.
    progress : callable
        Is called with a text that says what is being measured.

    Returns
    -------
    dict
        ``versions`` and ``idle_rss`` (library -> versions, bytes after import), ``absent`` (library
        -> why) and ``results``.

    Raises
    ------
    RuntimeError
        When the base itself cannot be imported.
    """
    workers, absent = _start_workers(pythons, threads, base, {BASE: ROOT, **(checkouts or {})})
    pairs = [(clip, name, case) for clip in clips for name in workloads if (case := case_for(name, clip))]
    found: list[dict[str, Any]] = [{} for _ in pairs]
    for turn in range(processes):
        try:
            for number, (clip, name, case) in enumerate(pairs):
                step = f"{turn * len(pairs) + number + 1}/{processes * len(pairs)}"
                progress(f"{step} {clip.name}: {WORKLOADS[name].title}")
                _join(found[number], _measure(workers, case, rounds, cache, base))
        finally:
            for worker in workers.values():
                worker.stop()
    results = []
    for (clip, name, case), libraries in zip(pairs, found, strict=True):
        result = {"clip": clip.name, "workload": name, "threads": threads, "cache": cache}
        result |= {"kept": case.keep, "libraries": libraries}
        add_ratios(result, base)
        results.append(result)
    return {
        "versions": {name: worker.versions for name, worker in workers.items()},
        "idle_rss": {name: worker.idle_rss for name, worker in workers.items()},
        "absent": absent,
        "results": results,
    }


def _join(all_rounds: dict[str, Any], entries: dict[str, dict[str, Any]]) -> None:
    """Adds the rounds of one process to those of the processes before it. An error is kept: a
    library that failed once has no figures.
    """
    for name, entry in entries.items():
        before = all_rounds.setdefault(name, entry)
        if before is entry or "wall" not in before:
            continue
        if "wall" not in entry:
            all_rounds[name] = entry
            continue
        for key in FIGURES:
            before[key] += entry[key]


def _start_workers(
    pythons: Mapping[str, Path | str], threads: int, base: str, folders: Mapping[str, Path]
) -> tuple[dict[str, Worker], dict[str, str]]:
    """Starts a worker for each library, the base first; also returns why a library is absent."""
    workers: dict[str, Worker] = {}
    absent: dict[str, str] = {}
    for library in sorted(pythons, key=lambda name: name != base):
        worker = Worker(library, pythons[library], threads, folders.get(library))
        try:
            worker.start()
            workers[library] = worker
        except RuntimeError as error:
            absent[library] = str(error)
            if library == base:
                raise
    return workers, absent


def _measure(
    workers: Mapping[str, Worker], case: Case, rounds: int, cache: str, base: str
) -> dict[str, dict[str, Any]]:
    entries, repeats = _warm_up(workers, case, base)
    for number in range(rounds):
        order = [name for name in workers if name in repeats]
        for name in reversed(order) if number % 2 else order:
            if cache == "cold":
                drop_from_cache(case.paths)
                repeats[name] = 1
            answer = workers[name].ask({"case": asdict(case), "repeats": repeats[name]})
            if "wall" not in answer:
                entries[name] = {"error": answer.get("error", "no answer")}
                del repeats[name]
                continue
            for key in FIGURES:
                entries[name].setdefault(key, []).append(round(answer[key], 7))
    return entries


def _warm_up(
    workers: Mapping[str, Worker], case: Case, base: str
) -> tuple[dict[str, dict[str, Any]], dict[str, int]]:
    """Runs each library once, checks its frames, and chooses its number of repetitions."""
    entries: dict[str, dict[str, Any]] = {}
    repeats: dict[str, int] = {}
    with tempfile.TemporaryDirectory(prefix="cycodec-bench-") as folder:
        for name, worker in workers.items():
            answer = worker.ask({"case": asdict(case), "repeats": 1, "save": f"{folder}/{name}.npy"})
            if "wall" not in answer:
                entries[name] = {key: answer[key] for key in ("unsupported", "error") if key in answer}
                continue
            checked = check_result(
                case, answer["frames"], Path(folder, f"{name}.npy"), Path(folder, f"{base}.npy")
            )
            entries[name] = {"frames": answer["frames"], "first_call": answer["wall"], **checked}
            once = answer["wall"] + answer["open"]
            repeats[name] = max(1, min(MOST_REPEATS, int(ROUND_S / max(once, 1e-6))))
    return entries, repeats


def check_result(case: Case, frames: int, samples: Path, reference: Path) -> dict[str, Any]:
    """Compares a library's answer with the request: number of frames, then the base's pixels."""
    expected = len(case.indices) * len(case.paths)
    if frames != expected:
        return {"difference": None, "verdict": f"{frames} of {expected} frames"}
    if not (samples.is_file() and reference.is_file()):
        return {"difference": None, "verdict": ""}
    import numpy

    scaled = WORKLOADS[case.workload].size is not None
    return verdict(numpy.load(samples), numpy.load(reference), scaled)


def drop_from_cache(paths: list[str]) -> None:
    """Drops these files from the page cache, so that the next read comes from the disk."""
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)
