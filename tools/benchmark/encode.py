"""``tools/bench encode``: writing 300 frames of 1280x720, converting included, and remuxing.

Every library encodes the same RGB frames with the same settings and number of threads. After the
times come the size of each file and its PSNR against the frames, as the ffmpeg command decodes it.
"""

import argparse
import importlib
import json
import math
import re
import subprocess
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

from benchmark import checkouts, turns
from benchmark.checkouts import is_checkout

COUNT, HEIGHT, WIDTH, RATE = 300, 720, 1280, 30
REMUXED_BYTES = 300_000_000
# title -> encoder, options, container
SETTINGS: dict[str, tuple[str, dict[str, str], str]] = {
    "libx264 ultrafast": ("libx264", {"preset": "ultrafast", "crf": "23"}, "mp4"),
    "libx264 medium": ("libx264", {"preset": "medium", "crf": "23"}, "mp4"),
    "libsvtav1 preset 8": ("libsvtav1", {"preset": "8", "crf": "35"}, "mp4"),
    "ffv1": ("ffv1", {}, "mkv"),
    "mjpeg": ("mjpeg", {"qmin": "3", "qmax": "3"}, "mkv"),
}
REMUX = "remux of 300 MB"
NOTES = [
    "- TorchCodec, the ffmpeg command and cycodec use the system's FFmpeg. The packages of PyAV and",
    "  OpenCV bring newer ones, with newer encoders: their SVT-AV1 makes other files at the same preset.",
    "- FFmpeg 8 computes Matroska's CRC-32 with vector instructions. In a remux by FFmpeg 5.1, this",
    "  sum takes a third of the time.",
    "- The PSNR compares RGB frames. Subsampled chroma limits it, even where YUV is lossless.",
    "- OpenCV writes FFV1 in RGB, so its file is larger and lossless.",
]


def pixel_format(encoder: str) -> str:
    return "yuvj420p" if encoder == "mjpeg" else "yuv420p"


class Cycodec:
    def __init__(self, frames: Any, threads: int) -> None:
        self.encoders = importlib.import_module("cycodec.encoders")
        self.frames = importlib.import_module("torch").from_numpy(frames).permute(0, 3, 1, 2)
        self.threads = threads

    def encode(self, encoder: str, options: dict[str, str], path: Path) -> None:
        self.encoders.VideoEncoder(self.frames, frame_rate=RATE).to_file(
            path,
            codec=encoder,
            pixel_format=pixel_format(encoder),
            threads=self.threads,
            extra_options={**options, "colorspace": "smpte170m"},  # the matrix of the others
        )

    def remux(self, source: Path, path: Path) -> None:
        importlib.import_module("cycodec").remux(source, path)


class TorchCodec:
    def __init__(self, frames: Any, threads: int) -> None:
        self.encoders = importlib.import_module("torchcodec.encoders")
        # its frames are planar
        torch = importlib.import_module("torch")
        self.frames = torch.from_numpy(frames).permute(0, 3, 1, 2).contiguous()
        self.threads = threads

    def encode(self, encoder: str, options: dict[str, str], path: Path) -> None:
        extra = {**options, "threads": self.threads}
        self.encoders.VideoEncoder(self.frames, frame_rate=RATE).to_file(
            path, codec=encoder, pixel_format=pixel_format(encoder), extra_options=extra
        )


class PyAV:
    def __init__(self, frames: Any, threads: int) -> None:
        self.av = importlib.import_module("av")
        self.frames, self.threads = frames, threads

    def encode(self, encoder: str, options: dict[str, str], path: Path) -> None:
        with self.av.open(str(path), "w") as container:
            stream = container.add_stream(encoder, rate=Fraction(RATE), options=options)
            stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, pixel_format(encoder)
            stream.codec_context.thread_count = self.threads
            for picture in self.frames:
                container.mux(stream.encode(self.av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode(None))

    def remux(self, source: Path, path: Path) -> None:
        with self.av.open(str(source)) as given, self.av.open(str(path), "w") as made:
            stream = made.add_stream_from_template(given.streams.video[0])
            for packet in given.demux(given.streams.video[0]):
                if packet.dts is not None:
                    packet.stream = stream
                    made.mux(packet)


class OpenCV:
    """VideoWriter takes no options, so only its Motion JPEG can be set like the others'."""

    def __init__(self, frames: Any, threads: int) -> None:
        self.cv2 = importlib.import_module("cv2")
        self.cv2.setNumThreads(threads)
        self.frames = frames

    def encode(self, encoder: str, options: dict[str, str], path: Path) -> None:
        fourcc = {"mjpeg": "MJPG", "ffv1": "FFV1"}.get(encoder)
        if fourcc is None:
            raise LookupError("-")
        code = self.cv2.VideoWriter_fourcc(*fourcc)
        writer = self.cv2.VideoWriter(str(path), self.cv2.CAP_FFMPEG, code, RATE, (WIDTH, HEIGHT))
        if not writer.isOpened():
            raise LookupError("-")
        for picture in self.frames:
            writer.write(self.cv2.cvtColor(picture, self.cv2.COLOR_RGB2BGR))
        writer.release()


class Ffmpeg:
    """The ffmpeg command, which gets the frames through a pipe."""

    def __init__(self, frames: Any, threads: int) -> None:
        self.frames, self.threads = frames, threads
        subprocess.run(["ffmpeg", "-version"], check=True, capture_output=True)

    def encode(self, encoder: str, options: dict[str, str], path: Path) -> None:
        command = ["ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24"]
        command += ["-s", f"{WIDTH}x{HEIGHT}", "-framerate", str(RATE), "-i", "-", "-c:v", encoder]
        command += [word for key, value in options.items() for word in (f"-{key}", value)]
        command += ["-threads", str(self.threads), "-pix_fmt", pixel_format(encoder), str(path)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert process.stdin
        for picture in self.frames:
            process.stdin.write(memoryview(picture))
        process.stdin.close()
        if process.wait():
            raise RuntimeError(f"ffmpeg ended with status {process.returncode}")

    def remux(self, source: Path, path: Path) -> None:
        command = ["ffmpeg", "-v", "error", "-y", "-nostdin", "-i", str(source), "-c", "copy", str(path)]
        subprocess.run(command, check=True)


# name -> class, environment
LIBRARIES = {
    "cycodec": (Cycodec, "cycodec"),
    "torchcodec": (TorchCodec, "torchcodec"),
    "av": (PyAV, "av"),
    "opencv": (OpenCV, "opencv"),
    "ffmpeg": (Ffmpeg, "av"),
}


def make_files(folder: Path) -> None:
    """Makes the raw frames and the file to remux, once."""
    raw = folder / "frames.rgb"
    moving = f"testsrc2=s={WIDTH}x{HEIGHT}:r={RATE},noise=alls=6:allf=t"
    if not raw.exists():
        command = ["ffmpeg", "-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", moving]
        command += ["-frames:v", str(COUNT), "-f", "rawvideo", "-pix_fmt", "rgb24", str(raw)]
        subprocess.run(command, check=True)
    large = folder / "large.mp4"
    if not large.exists():
        command = ["ffmpeg", "-v", "error", "-nostdin", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24"]
        command += ["-s", f"{WIDTH}x{HEIGHT}", "-r", str(RATE), "-stream_loop", "-1", "-i", str(raw)]
        command += ["-c:v", "mpeg4", "-q:v", "1", "-fs", str(REMUXED_BYTES), str(large)]
        subprocess.run(command, check=True)


def read_frames(folder: Path) -> Any:
    numpy = importlib.import_module("numpy")
    data = numpy.fromfile(folder / "frames.rgb", numpy.uint8)
    return data.reshape(COUNT, HEIGHT, WIDTH, 3)


def path_of(folder: Path, library: str, title: str, container: str) -> Path:
    # OpenCV writes Motion JPEG into AVI files only
    suffix = "avi" if library == "opencv" else container
    return folder / f"{library.replace('/', '_')}_{title.replace(' ', '_')}.{suffix}"


def serve(name: str, folder: Path, threads: int) -> None:
    """Answers workloads in the library's own process."""
    library = (Cycodec if is_checkout(name) else LIBRARIES[name][0])(read_frames(folder), threads)
    table: dict[str, Any] = {
        title: partial(library.encode, encoder, options, path_of(folder, name, title, container))
        for title, (encoder, options, container) in SETTINGS.items()
    }
    if hasattr(library, "remux"):
        table[REMUX] = partial(library.remux, folder / "large.mp4", path_of(folder, name, REMUX, "mkv"))
    turns.answer(table)


def quality(folder: Path, library: str, title: str) -> str:
    """Returns the size of a library's file in MB, and its PSNR against the frames in dB."""
    path = path_of(folder, library, title, SETTINGS[title][2])
    if not path.exists():
        return "-"
    command = ["ffmpeg", "-v", "error", "-nostdin", "-i", str(path), "-f", "rawvideo", "-pix_fmt", "rgb24"]
    command += ["-s", f"{WIDTH}x{HEIGHT}", "-r", str(RATE), "-i", str(folder / "frames.rgb")]
    command += ["-lavfi", ";".join([*map(rgb, (0, 1)), "[p0][p1]psnr=stats_file=-"])]
    command += ["-f", "null", "-"]
    done = subprocess.run(command, capture_output=True, text=True)
    errors = [
        float(line.split("mse_avg:")[1].split()[0]) for line in done.stdout.splitlines() if "mse_avg" in line
    ]
    size = f"{path.stat().st_size / 1e6:.2f} MB"
    if not errors:
        return size
    error = sum(errors) / len(errors)
    return f"{size}, {10 * math.log10(255**2 / error):.2f} dB" if error else f"{size}, lossless"


def rgb(place: int) -> str:
    """Returns a filter for numbered RGB frames of an input, since Matroska rounds times."""
    return f"[{place}]settb=1/{RATE},setpts=N,format=gbrp[p{place}]"


def version_of(folder: Path, library: str) -> str:
    """Returns the major version of the libavformat that a library wrote its files with."""
    for title, (_, _, container) in SETTINGS.items():
        path = path_of(folder, library, title, container)
        command = ["ffprobe", "-v", "error", "-show_entries", "format_tags", "-of", "json", str(path)]
        done = subprocess.run(command, capture_output=True, text=True)
        if found := re.search(r"Lavf(\d+)", done.stdout):
            return found[1]
    return "-"


def quality_table(sizes: dict[str, dict[str, str]], folder: Path) -> list[str]:
    """Returns a Markdown table of what `quality` tells, and what explains differences."""
    libraries = list(next(iter(sizes.values())))
    return [
        "Size of each file, its PSNR against the frames, and the major version of libavformat:",
        "",
        f"| | {' | '.join(libraries)} |",
        f"|---|{'---|' * len(libraries)}",
        *(f"| {title} | {' | '.join(cells.values())} |" for title, cells in sizes.items()),
        f"| libavformat | {' | '.join(version_of(folder, library) for library in libraries)} |",
        "",
        *NOTES,
    ]


def milliseconds(title: str, seconds: float) -> str:
    return f"{seconds * 1e3:.0f}" if title == REMUX else f"{seconds * 1e3 / COUNT:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="tools/bench encode", description="Compare libraries on encoding.")
    parser.add_argument("--libraries", nargs="+", choices=LIBRARIES, default=list(LIBRARIES), metavar="NAME")
    parser.add_argument("--settings", nargs="+", choices=SETTINGS, default=list(SETTINGS), metavar="NAME")
    parser.add_argument("--threads", type=int, default=2, help="threads of each encoder (default 2)")
    parser.add_argument(
        "--rounds", type=int, default=5, help="rounds after one that does not count (default 5)"
    )
    parser.add_argument("--dry", action="store_true", help="print the table and write nothing")
    checkouts.add_option(parser)
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    options = parser.parse_args()
    folder = turns.folder_of("encode")
    if options.serve:
        serve(options.serve, folder, options.threads)
        return
    make_files(folder)
    names = dict.fromkeys(["cycodec", *options.libraries])
    others = checkouts.chosen(parser, options.against)
    environments = {name: LIBRARIES[name][1] for name in names} | others
    servers = turns.servers_of("benchmark.encode", environments, ["--threads", options.threads])
    rows = {title: turns.take_turns(servers, title, options.rounds) for title in [*options.settings, REMUX]}
    for server in servers:
        server.close()
    unit = "ms a frame; remux: ms"
    turns.show("encode", unit, rows, milliseconds)
    sizes = {
        title: {name: quality(folder, name, title) for name in environments} for title in options.settings
    }
    print(json.dumps(sizes, indent=1))
    if not (options.dry or others):
        notes = quality_table(sizes, folder)
        turns.keep("encode", "Encoding", unit, rows, milliseconds, notes=notes, has_chart=True, sizes=sizes)


if __name__ == "__main__":
    main()
