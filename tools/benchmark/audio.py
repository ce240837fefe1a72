"""``tools/bench audio``: the workloads, and the best correct use of each library for them.

The ffmpeg command makes the files. A workload is a method of a library's class; a library that
lacks the method has no figure.
"""

import argparse
import importlib
import io
import random
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

from benchmark import checkouts, turns
from benchmark.checkouts import is_checkout

SECONDS = 120
SMALL_FILES = 1000
NOISE = f"anoisesrc=a=0.2:c=pink:r=44100:d={SECONDS},aformat=channel_layouts=stereo"
FILES = {
    "music.wav": ["-c:a", "pcm_s16le"],
    "music.flac": ["-c:a", "flac"],
    "music.mp3": ["-c:a", "libmp3lame", "-b:a", "128k"],
    "music.m4a": ["-c:a", "aac", "-b:a", "128k"],
    "music.opus": ["-ar", "48000", "-c:a", "libopus", "-b:a", "96k"],
    "small.wav": ["-ar", "16000", "-ac", "1", "-t", "1", "-c:a", "pcm_s16le"],
}
LONG = 3 * 3600
# ffmpeg copies the packets of music.mp3 and music.m4a. FLAC numbers its packets and Opus trims the
# last one, so ffmpeg encodes those streams again, which takes some minutes.
FILES |= {"long.mp3": ["-c", "copy"], "long.m4a": ["-c", "copy"]}
FILES |= {"long.flac": FILES["music.flac"], "long.opus": FILES["music.opus"]}


class Cycodec:
    def __init__(self) -> None:
        self.decoder = importlib.import_module("cycodec.decoders").AudioDecoder

    def whole(self, path: str) -> Any:
        return self.decoder(path).get_all_samples().data

    def windows(self, path: str, starts: list[float], seconds: int = 1) -> Any:
        decoder = self.decoder(path)
        return [decoder.get_samples_played_in_range(start, start + seconds).data for start in starts]

    def small(self, data: bytes) -> Any:
        return self.decoder(data).get_all_samples().data

    def resampled(self, path: str) -> Any:
        return self.decoder(path, sample_rate=16000).get_all_samples().data


class TorchCodec(Cycodec):
    def __init__(self) -> None:
        self.decoder = importlib.import_module("torchcodec.decoders").AudioDecoder


class SoundFile:
    def __init__(self) -> None:
        self.soundfile = importlib.import_module("soundfile")
        self.torch = importlib.import_module("torch")

    def read(self, source: Any, **more: Any) -> Any:
        data, _ = self.soundfile.read(source, dtype="float32", always_2d=True, **more)
        return self.torch.from_numpy(data.T)

    def whole(self, path: str) -> Any:
        return self.read(path)

    def windows(self, path: str, starts: list[float], seconds: int = 1) -> Any:
        with self.soundfile.SoundFile(path) as file:
            found = []
            for start in starts:
                file.seek(round(start * file.samplerate))
                data = file.read(seconds * file.samplerate, dtype="float32", always_2d=True)
                found.append(self.torch.from_numpy(data.T))
            return found

    def small(self, data: bytes) -> Any:
        return self.read(io.BytesIO(data))


class PyAV:
    def __init__(self) -> None:
        self.av = importlib.import_module("av")
        self.numpy = importlib.import_module("numpy")
        self.torch = importlib.import_module("torch")

    def whole(self, path: Any, **to: Any) -> Any:
        with self.av.open(path) as container:
            rate = to.get("rate") or container.streams.audio[0].rate
            resampler = self.av.AudioResampler(format="fltp", rate=rate)
            parts = [
                out.to_ndarray() for frame in container.decode(audio=0) for out in resampler.resample(frame)
            ]
            parts += [out.to_ndarray() for out in resampler.resample(None)]
        return self.torch.from_numpy(self.numpy.concatenate(parts, 1))

    def small(self, data: bytes) -> Any:
        return self.whole(io.BytesIO(data))

    def resampled(self, path: str) -> Any:
        return self.whole(path, rate=16000)


class Ffmpeg:
    """The ffmpeg command with its output in a pipe; the time includes its start."""

    def __init__(self) -> None:
        self.numpy = importlib.import_module("numpy")
        self.torch = importlib.import_module("torch")
        subprocess.run(["ffmpeg", "-version"], check=True, capture_output=True)

    def whole(self, path: str, *options: str) -> Any:
        command = ["ffmpeg", "-v", "error", "-nostdin", "-i", path, *options, "-f", "f32le", "-"]
        data = bytearray(subprocess.run(command, check=True, capture_output=True).stdout)
        return self.torch.from_numpy(self.numpy.frombuffer(data, self.numpy.float32).reshape(-1, 2).T)

    def resampled(self, path: str) -> Any:
        return self.whole(path, "-ar", "16000")


# name -> class, environment
LIBRARIES = {
    "cycodec": (Cycodec, "cycodec"),
    "torchcodec": (TorchCodec, "torchcodec"),
    "soundfile": (SoundFile, "soundfile"),
    "av": (PyAV, "av+torch"),
    "ffmpeg": (Ffmpeg, "soundfile"),
}


def make_files(folder: Path) -> None:
    """Encodes noise in every format, once."""
    source = folder / "source.flac"
    for name, options in [(source.name, ["-c:a", "flac"]), *FILES.items()]:
        if (folder / name).exists():
            continue
        given = ["-f", "lavfi", "-i", NOISE] if name == source.name else ["-i", str(source)]
        if name.startswith("long"):
            music = name.replace("long", "music") if "copy" in options else source.name
            given = ["-stream_loop", str(LONG // SECONDS - 1), "-i", str(folder / music)]
        command = ["ffmpeg", "-v", "error", "-nostdin", "-y", *given, *options, str(folder / name)]
        subprocess.run(command, check=True)


def workloads(folder: Path) -> dict[str, tuple[str, tuple[Any, ...]]]:
    """Returns title -> (method, arguments)."""
    chosen = random.Random(1)
    starts = [chosen.uniform(1, SECONDS - 2) for _ in range(20)]
    music = [name for name in FILES if name.startswith("music")]
    table: dict[str, tuple[str, tuple[Any, ...]]] = {}
    for name in music:
        table[f"all of {name} ({SECONDS} s)"] = ("whole", (str(folder / name),))
    for name in music:
        table[f"20 windows of 1 s in {name}, opening included"] = ("windows", (str(folder / name), starts))
    for name in FILES:
        if name.startswith("long"):
            title = f"the last 10 s of 3 hours in {name}, opening included"
            table[title] = ("windows", (str(folder / name), [LONG - 10.5], 10))
    table[f"{SMALL_FILES} WAV files of 1 s from bytes"] = ("small", ((folder / "small.wav").read_bytes(),))
    for name in ("music.wav", "music.flac"):
        table[f"all of {name} to 16 kHz"] = ("resampled", (str(folder / name),))
    return table


def work(library: Any, method: str, arguments: tuple[Any, ...]) -> None:
    """Runs one round of a workload."""
    for _ in range(SMALL_FILES if method == "small" else 1):
        getattr(library, method)(*arguments)


def serve(name: str, folder: Path) -> None:
    """Answers workloads in the library's own process."""
    library = Cycodec() if is_checkout(name) else LIBRARIES[name][0]()
    if name != "ffmpeg":
        importlib.import_module("torch").set_num_threads(1)
    turns.answer(
        {
            title: partial(work, library, method, arguments)
            for title, (method, arguments) in workloads(folder).items()
            if hasattr(library, method)
        }
    )


def milliseconds(_: str, seconds: float) -> str:
    return f"{seconds * 1e3:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="tools/bench audio", description="Compare libraries on audio.")
    parser.add_argument("--libraries", nargs="+", choices=LIBRARIES, default=list(LIBRARIES), metavar="NAME")
    parser.add_argument(
        "--rounds", type=int, default=9, help="rounds after one that does not count (default 9)"
    )
    parser.add_argument("--dry", action="store_true", help="print the table and write nothing")
    checkouts.add_option(parser)
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    options = parser.parse_args()
    folder = turns.folder_of("audio")
    if options.serve:
        serve(options.serve, folder)
        return
    make_files(folder)
    names = dict.fromkeys(["cycodec", *options.libraries])
    others = checkouts.chosen(parser, options.against)
    servers = turns.servers_of("benchmark.audio", {name: LIBRARIES[name][1] for name in names} | others, [])
    rows = {title: turns.take_turns(servers, title, options.rounds) for title in workloads(folder)}
    for server in servers:
        server.close()
    turns.show("audio", "ms", rows, milliseconds)
    if not (options.dry or others):
        turns.keep("audio", "Audio", "ms", rows, milliseconds)


if __name__ == "__main__":
    main()
