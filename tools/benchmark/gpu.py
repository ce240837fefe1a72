"""Measures decoding on a GPU: throughput with and without conversion, and common workloads beside
peers.

tools/gpu_check runs it. ``--fake`` uses the tests' double of NVIDIA's driver, which shows only that
the code works; the figures then say so.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import platform
import random
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmark import traces

ROOT = Path(__file__).resolve().parent.parent.parent

CLIPS = (
    "h264_bframes_1080p60_bbb_2s_aac51.mp4",
    "h264_bench_camera_768x432_139s.mp4",
    "hevc_bframes_480p.mp4",
    "vp9_bbb_180p_10s.webm",
)
FRAMES, MANY = 100, 50  # of a workload: frames, and clips; few for the double, which takes its time
LENGTHS: dict[str, int] = {}  # frames of each clip
SESSIONS = (1, 2, 4, 7, 8, 14)


def use_double() -> None:
    """Makes ``device="cuda"`` use the tests' double."""
    sys.path.insert(0, str(ROOT / "tests" / "support"))
    import fake_cuda

    fake_cuda.load()
    fake_cuda.stand_in()


def synchronise(fake: bool) -> None:
    import torch

    if not fake:
        torch.cuda.synchronize()


# -- libraries -------------------------------------------------------------------------------------


class Cycodec:
    name = "cycodec"

    def open(self, path: Path) -> Any:
        from cycodec.decoders import VideoDecoder

        return VideoDecoder(path, device="cuda")

    def resized(self, path: Path, numbers: range) -> Any:
        from cycodec.decoders import VideoDecoder
        from cycodec.transforms import Resize

        return VideoDecoder(path, device="cuda", transforms=[Resize((256, 256))])[list(numbers)]

    def frames(self, decoder: Any, numbers: list[int]) -> Any:
        return decoder[numbers]

    def frame(self, decoder: Any, number: int) -> Any:
        return decoder[number]

    def count(self, decoder: Any) -> int:
        return len(decoder)

    def close(self, decoder: Any) -> None:
        decoder.close()


class TorchCodec:
    name = "torchcodec"

    def open(self, path: Path) -> Any:
        from torchcodec.decoders import VideoDecoder, set_cuda_backend

        with set_cuda_backend("beta"):
            return VideoDecoder(str(path), device="cuda")

    def resized(self, path: Path, numbers: range) -> Any:
        """torch resizes on the GPU, because TorchCodec's own transforms run on the CPU."""
        import torch

        frames = self.frames(self.open(path), list(numbers)).float()
        small = torch.nn.functional.interpolate(frames, (256, 256), mode="bilinear", antialias=True)
        return small.round().clamp(0, 255).to(torch.uint8)

    def frames(self, decoder: Any, numbers: list[int]) -> Any:
        return decoder.get_frames_at(numbers).data

    def frame(self, decoder: Any, number: int) -> Any:
        return decoder[number]

    def count(self, decoder: Any) -> int:
        return len(decoder)

    def close(self, decoder: Any) -> None:
        del decoder


class PyNvVideoCodec:
    name = "PyNvVideoCodec"

    def open(self, path: Path) -> Any:
        import PyNvVideoCodec as nvc

        return nvc.SimpleDecoder(
            str(path), gpu_id=0, use_device_memory=True, output_color_type=nvc.OutputColorType.RGB
        )

    def frames(self, decoder: Any, numbers: list[int]) -> Any:
        import torch

        return torch.stack([torch.from_dlpack(frame) for frame in decoder.get_batch_frames_by_index(numbers)])

    def frame(self, decoder: Any, number: int) -> Any:
        import torch

        return torch.from_dlpack(decoder[number]).clone()  # the library reuses its memory

    def count(self, decoder: Any) -> int:
        return len(decoder)

    def close(self, decoder: Any) -> None:
        del decoder


def libraries() -> list[Any]:
    """Returns the libraries that can be imported."""
    return [
        library()
        for library in (Cycodec, TorchCodec, PyNvVideoCodec)
        if importlib.util.find_spec(library.name) is not None
    ]


# -- workloads -------------------------------------------------------------------------------------


def open_and_first(library: Any, path: Path) -> int:
    decoder = library.open(path)
    library.frames(decoder, [0])
    library.close(decoder)
    return 1


def first_hundred(library: Any, path: Path) -> int:
    decoder = library.open(path)
    count = min(FRAMES, library.count(decoder))
    library.frames(decoder, list(range(count)))
    library.close(decoder)
    return count


def ten_random(library: Any, path: Path) -> int:
    decoder = library.open(path)
    library.frames(decoder, random.Random(0).sample(range(library.count(decoder)), 10))
    library.close(decoder)
    return 10


def a_loop(library: Any, path: Path) -> int:
    """Runs ``for i in range(100): decoder[i]``."""
    decoder = library.open(path)
    count = min(FRAMES, library.count(decoder))
    for number in range(count):
        library.frame(decoder, number)
    library.close(decoder)
    return count


def resized_hundred(library: Any, path: Path) -> int:
    count = min(FRAMES, LENGTHS[path.name])
    library.resized(path, range(count))
    return count


def many_clips(library: Any, path: Path) -> int:
    """Ten threads decode 50 clips of 10 frames."""
    numbers = iter(range(MANY))
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            decoder = library.open(path)
            start = random.Random(number).randrange(max(1, library.count(decoder) - 10))
            library.frames(decoder, list(range(start, min(start + 10, library.count(decoder)))))
            library.close(decoder)

    in_threads([work] * 10)
    return 10 * MANY


WORKLOADS: dict[str, Callable[[Any, Path], int]] = {
    "open + 1 frame": open_and_first,
    "first 100 frames": first_hundred,
    "first 100 frames, one by one": a_loop,
    "first 100 frames at 256x256": resized_hundred,
    "10 random frames": ten_random,
    "50 clips x 10 frames, 10 threads": many_clips,
}


def in_threads(jobs: Iterable[Callable[[], None]]) -> None:
    errors: list[BaseException] = []

    def guarded(job: Callable[[], None]) -> None:
        try:
            job()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def plateau(path: Path, sessions: int, converted: bool, fake: bool) -> float:
    """Returns the frames per second of several parallel decoders of one file, with or without
    conversion.
    """
    from cycodec.decoders import VideoDecoder, empty_nvdec_cache

    empty_nvdec_cache()  # the driver assigns decoders to its engines when they are created
    decoders = [VideoDecoder(path, device="cuda") for _ in range(sessions)]
    for decoder in decoders:
        decoder[0]
    count = min(len(decoders[0]), 24 if fake else 600)

    def work(decoder: Any) -> None:
        if converted:
            for first in range(0, count, 60):
                decoder[first : min(first + 60, count)]
        else:
            session = decoder._session
            session.serve(lambda: [session.reader.describe_frame(number) for number in range(count)])

    synchronise(fake)
    before = [d.counters.frames_decoded for d in decoders]
    start = time.perf_counter()
    in_threads([lambda d=d: work(d) for d in decoders])
    synchronise(fake)
    seconds = time.perf_counter() - start
    return sum(d.counters.frames_decoded - b for d, b in zip(decoders, before, strict=True)) / seconds


def apart(folder: Path, frames: int) -> list[dict[str, Any]]:
    """Returns how far each library's frames are from the CPU's, which equal ffmpeg's, in levels of
    255.
    """
    from cycodec.decoders import VideoDecoder

    rows = []
    for name in CLIPS:
        expected = VideoDecoder(folder / name)[:frames]
        row: dict[str, Any] = {"clip": name}
        for library in libraries():
            decoder = library.open(folder / name)
            ours = library.frames(decoder, list(range(frames))).cpu().int()
            library.close(decoder)
            if ours.shape[1] != 3:  # PyNvVideoCodec's frames are [N, height, width, 3]
                ours = ours.permute(0, 3, 1, 2)
            difference = (ours - expected.int()).abs()
            row[library.name] = [int(difference.max()), round(float(difference.float().mean()), 4)]
        rows.append(row)
        print("levels apart from the CPU:", row, flush=True)
    return rows


def measure(folder: Path, rounds: int, fake: bool) -> dict[str, Any]:
    """Returns all figures: medians of alternating rounds, in milliseconds and frames per second."""
    result: dict[str, Any] = {"workloads": [], "sessions": [], "apart": apart(folder, 4 if fake else 20)}
    for name in CLIPS:
        path = folder / name
        LENGTHS[name] = Cycodec().count(Cycodec().open(path))
        for workload, run in WORKLOADS.items():
            times: dict[str, list[float]] = {}
            for number in range(rounds + 1):
                for library in libraries():
                    if run is resized_hundred and not hasattr(library, "resized"):
                        continue
                    synchronise(fake)
                    start = time.perf_counter()
                    frames = run(library, path)
                    synchronise(fake)
                    if number:  # the first round warms up
                        times.setdefault(library.name, []).append(time.perf_counter() - start)
            row = {"clip": name, "workload": workload, "frames": frames}
            row["milliseconds"] = {k: round(1000 * statistics.median(v), 2) for k, v in times.items()}
            result["workloads"].append(row)
            print(name, workload, row["milliseconds"], flush=True)
    for name in CLIPS[:2]:
        for sessions in SESSIONS:
            row = {"clip": name, "sessions": sessions}
            for label, converted in (("decoded", False), ("converted", True)):
                row[f"frames_per_second_{label}"] = round(plateau(folder / name, sessions, converted, fake))
            result["sessions"].append(row)
            print(row, flush=True)
    return result


def facts(fake: bool) -> dict[str, Any]:
    import torch

    import cycodec

    known: dict[str, Any] = {
        "test_double": fake,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "ffmpeg": cycodec.ffmpeg_versions()["ffmpeg"],
    }
    if not fake:
        from cycodec.cuda import driver

        known["gpu"] = torch.cuda.get_device_name(0)
        known |= {library.name: metadata.version(library.name) for library in libraries()[1:]}
        known["driver"] = driver.call(
            "cannot ask for the driver's version", driver.bindings().cuDriverGetVersion()
        )
    return known


def trace(folder: Path, out: Path, about: str) -> bool:
    """Records the calls of the driver's parser for each clip; returns False if they differ from the
    golden ones.
    """
    text = traces.record(folder.iterdir(), about)
    out.write_text(text)
    print(f"{out.name}: {len(traces.clips(text))} clips, {len(text.splitlines())} lines", flush=True)
    differences = traces.compare(traces.GOLDEN.read_text(), text)
    print(f"{len(differences)} clips differ from the golden recording", *differences, sep="\n", flush=True)
    return not differences


def write_report(results: dict[str, Any], path: Path) -> None:
    """Writes tables of times with the ratio to cycodec's, of throughput, and of differences in
    colour.
    """
    title = "# Figures of the test double: they say nothing" if results["test_double"] else "# On a GPU"
    facts = {k: v for k, v in results.items() if not isinstance(v, (list, bool))}
    lines = [
        title,
        "",
        "Made by `tools/gpu_check`: " + ", ".join(f"{k} {v}" for k, v in facts.items()) + ".",
        "",
    ]
    lines += [
        "Medians of alternating rounds, everything warm. A ratio above 1: cycodec is faster.",
        "PyNvVideoCodec makes a hardware decoder for each video; the other two keep those that are done.",
        "",
    ]
    found = {name for row in results["workloads"] for name in row["milliseconds"]}
    peers = [library.name for library in (TorchCodec, PyNvVideoCodec) if library.name in found]
    lines += [
        f"| clip | workload | cycodec, ms | {' | '.join(f'{n}, ms | ratio' for n in peers)} |",
        "|---" * (3 + 2 * len(peers)) + "|",
    ]
    for row in results["workloads"]:
        own = row["milliseconds"]["cycodec"]
        cells = [str(own)]
        for name in peers:
            value = row["milliseconds"].get(name)
            cells += ["", ""] if value is None else [str(value), f"{value / own:.2f}"]
        lines.append(f"| {row['clip']} | {row['workload']} | {' | '.join(cells)} |")
    lines += ["", "Several decoders in parallel, one thread each:", ""]
    lines += ["| clip | sessions | decoded, frames/s | converted, frames/s |", "|---|---|---|---|"]
    lines += [
        f"| {r['clip']} | {r['sessions']} | {r['frames_per_second_decoded']} | {r['frames_per_second_converted']} |"
        for r in results["sessions"]
    ]
    names = ["cycodec", *peers]
    lines += ["", "Levels of 255 apart from the CPU's frames, the largest and the mean:", ""]
    lines += [f"| clip | {' | '.join(names)} |", "|---" * (1 + len(names)) + "|"]
    for row in results["apart"]:
        cells = [f"{row[name][0]}, {row[name][1]:g}" if name in row else "" for name in names]
        lines.append(f"| {row['clip']} | {' | '.join(cells)} |")
    path.write_text("\n".join(lines) + "\n")


def draw(results: dict[str, Any], path: Path) -> None:
    """Draws the chart for docs: medians of the ratios to cycodec's time, lines from lowest to
    highest, log scale.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    from benchmark.chart import STYLES

    colours = {"torchcodec": STYLES["torchcodec"][0], "PyNvVideoCodec": "#0072B2"}
    workloads = list(dict.fromkeys(row["workload"] for row in results["workloads"]))
    figure, axes = plt.subplots(figsize=(9, 1.6 + 0.62 * len(workloads)), dpi=160, layout="constrained")
    for number, (name, colour) in enumerate(colours.items()):
        shift = 0.36 * (number - 0.5)
        for i, workload in enumerate(workloads):
            rows = [row["milliseconds"] for row in results["workloads"] if row["workload"] == workload]
            ratios = [row[name] / row["cycodec"] for row in rows if name in row]
            if not ratios:
                continue
            axes.hlines(i + shift, min(ratios), max(ratios), color=colour, alpha=0.35, linewidth=2.5)
            label = name if i == 0 else None
            axes.scatter([statistics.median(ratios)], [i + shift], color=colour, s=36, label=label, zorder=3)
    axes.axvline(1, color="#000000", linewidth=1.4)
    axes.set_xscale("log")
    ticks = [0.5, 1, 2, 5, 10, 20, 50]
    axes.set_xticks(ticks, [f"{tick:g}x" for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.set_yticks(range(len(workloads)), workloads, fontsize=9)
    axes.set_ylim(len(workloads) - 0.5, -0.5)
    axes.grid(axis="x", color="#dddddd", linewidth=0.8)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.set_xlabel("time / cycodec's time (log scale): right of the line cycodec is faster")
    clips = len({row["clip"] for row in results["workloads"]})
    figure.suptitle(
        f"On {results.get('gpu', 'the test double')}: median and range over {clips} clips", fontsize=11
    )
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    figure.savefig(path)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="where the clips are")
    parser.add_argument("--out", type=Path, required=True, help="folder for figures and traces")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--fake", action="store_true")
    options = parser.parse_args()
    if options.fake:
        global FRAMES, MANY
        FRAMES, MANY, options.rounds = 5, 3, 1
        use_double()
    options.out.mkdir(parents=True, exist_ok=True)
    known = facts(options.fake)
    about = ", ".join(f"{name} {value}" for name, value in known.items())
    alike = trace(options.folder, options.out / "traces.txt", about)
    results = {**known, **measure(options.folder, options.rounds, options.fake)}
    (options.out / "gpu.json").write_text(json.dumps(results, indent=1) + "\n")
    write_report(results, options.out / "gpu.md")
    if importlib.util.find_spec("matplotlib"):
        draw(results, options.out / "gpu.png")
    if options.fake and not alike:  # another GPU may differ, but the double must not
        sys.exit("the double does not do what a GPU did")


if __name__ == "__main__":
    main()
