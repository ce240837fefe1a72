"""``tools/bench images``: images from bytes, by the best correct use of each library.

Pillow makes the files, from smooth colours with some noise. A workload is a number of images in one
call; a library that lacks the workload has no figure.
"""

import argparse
import importlib
import io
import os
import random
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from benchmark import checkouts, environments, turns
from benchmark.checkouts import is_checkout
from benchmark.paths import ROOT

SIZES = {"500x375": (500, 375), "12 MP": (4000, 3000)}
# kind -> (Pillow's format, options)
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "JPEG": ("JPEG", {"quality": 87}),
    "PNG": ("PNG", {}),
    "WebP": ("WEBP", {"quality": 80}),
}
NUM_IMAGES = 1000  # of the small size; of the large one, a hundredth
THUMBNAIL = 224


class Library:
    """A library that decodes one image at a time; threads are Python's."""

    threads = ThreadPoolExecutor(2)

    def one(self, data: bytes, kind: str) -> Any:
        raise NotImplementedError

    def small(self, data: bytes, kind: str) -> Any:
        raise LookupError("-")

    def run(self, files: list[bytes], kind: str, name: str, count: int) -> None:
        """Decode images, one after the other or on two threads."""
        method: Callable[[bytes, str], Any] = getattr(self, name)
        if count == 1:
            for data in files:
                method(data, kind)
        else:
            list(self.threads.map(method, files, [kind] * len(files)))


class Cycodec(Library):
    def __init__(self) -> None:
        self.decode = importlib.import_module("cycodec.images").decode_image

    def run(self, files: list[bytes], kind: str, name: str, count: int) -> None:
        size = THUMBNAIL if name == "small" else None
        if count == 1:
            for data in files:
                self.decode(data, size=size)
        else:
            self.decode(files, size=size, num_threads=count)


class Pillow(Library):
    def __init__(self) -> None:
        self.image = importlib.import_module("PIL.Image")
        self.numpy = importlib.import_module("numpy")

    def one(self, data: bytes, kind: str) -> Any:
        return self.numpy.asarray(self.image.open(io.BytesIO(data)).convert("RGB"))

    def small(self, data: bytes, kind: str) -> Any:
        image = self.image.open(io.BytesIO(data))
        scale = THUMBNAIL / min(image.size)
        size = (round(image.width * scale), round(image.height * scale))
        image.draft("RGB", size)
        return self.numpy.asarray(image.convert("RGB").resize(size, self.image.Resampling.BILINEAR))


class OpenCV(Library):
    def __init__(self) -> None:
        self.cv2 = importlib.import_module("cv2")
        self.numpy = importlib.import_module("numpy")
        self.cv2.setNumThreads(1)

    def one(self, data: bytes, kind: str) -> Any:
        image = self.cv2.imdecode(self.numpy.frombuffer(data, self.numpy.uint8), self.cv2.IMREAD_COLOR)
        return self.cv2.cvtColor(image, self.cv2.COLOR_BGR2RGB)

    def small(self, data: bytes, kind: str) -> Any:
        image = self.one(data, kind)
        scale = THUMBNAIL / min(image.shape[:2])
        size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
        return self.cv2.resize(image, size, interpolation=self.cv2.INTER_AREA)


class SimpleJpeg(Library):
    def __init__(self) -> None:
        self.decode = importlib.import_module("simplejpeg").decode_jpeg

    def one(self, data: bytes, kind: str) -> Any:
        if kind != "JPEG":
            raise LookupError("-")
        return self.decode(data)


class Torchvision(Library):
    def __init__(self) -> None:
        self.torch = importlib.import_module("torch")
        self.io = importlib.import_module("torchvision.io")

    def one(self, data: bytes, kind: str) -> Any:
        decode = getattr(self.io, f"decode_{kind.lower()}")
        return decode(self.torch.frombuffer(bytearray(data), dtype=self.torch.uint8))


class Spdl(Library):
    def __init__(self) -> None:
        self.io = importlib.import_module("spdl.io")
        self.numpy = importlib.import_module("numpy")

    def one(self, data: bytes, kind: str) -> Any:
        frames = self.io.load_image(data)
        return self.io.to_numpy(frames) if hasattr(self.io, "to_numpy") else self.numpy.asarray(frames)


# name -> class, environment
LIBRARIES: dict[str, tuple[type[Library], str]] = {
    "cycodec": (Cycodec, "cycodec"),
    "pillow": (Pillow, "images"),
    "opencv": (OpenCV, "images"),
    "simplejpeg": (SimpleJpeg, "images"),
    "spdl": (Spdl, "images"),
    "torchvision": (Torchvision, "torchvision"),
}


def make_files(folder: Path) -> None:
    """Writes a few images of each size and kind, once."""
    from PIL import Image

    for size, (width, height) in SIZES.items():
        for number in range(4):
            names = {kind: folder / f"{size} {number}.{kind}" for kind in KINDS}
            if all(path.exists() for path in names.values()):
                continue
            chosen = random.Random(number)
            small = Image.frombytes(
                "RGB", (width // 6, height // 6), chosen.randbytes(width // 6 * (height // 6) * 3)
            )
            image = small.resize((width // 24, height // 24)).resize(
                (width, height), Image.Resampling.BICUBIC
            )
            noise = Image.effect_noise((width, height), 12).convert("RGB")
            image = Image.blend(image, noise, 0.15)
            for kind, path in names.items():
                format, options = KINDS[kind]
                image.save(path, format, **options)


def workloads(folder: Path, num_images: int) -> dict[str, tuple[list[bytes], str, str, int]]:
    """Returns title -> (files, kind, method, threads)."""
    counts = {"500x375": num_images, "12 MP": max(num_images // 100, 1)}
    table: dict[str, tuple[list[bytes], str, str, int]] = {}
    for size, count in counts.items():
        for kind in KINDS:
            files = [(folder / f"{size} {number}.{kind}").read_bytes() for number in range(4)]
            many = (files * count)[:count]
            for threads in (1, 2):
                words = f"{count} {kind} of {size}, {threads} thread{'s' * (threads > 1)}"
                table[words] = (many, kind, "one", threads)
                if kind == "JPEG":
                    table[f"{words}, to {THUMBNAIL}"] = (many, kind, "small", threads)
    return table


def serve(name: str, folder: Path, num_images: int) -> None:
    """Answers workloads in the library's own process."""
    library: Library = Cycodec() if is_checkout(name) else LIBRARIES[name][0]()
    if name in ("torchvision", "cycodec"):
        importlib.import_module("torch").set_num_threads(1)
    turns.answer(
        {title: partial(library.run, *what) for title, what in workloads(folder, num_images).items()}
    )


def milliseconds(_: str, seconds: float) -> str:
    return f"{seconds * 1e3:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="tools/bench images", description="Compare libraries on images.")
    parser.add_argument("--libraries", nargs="+", choices=LIBRARIES, default=list(LIBRARIES), metavar="NAME")
    parser.add_argument(
        "--rounds", type=int, default=7, help="rounds after one that does not count (default 7)"
    )
    parser.add_argument(
        "--images", type=int, default=NUM_IMAGES, help=f"small images of a round (default {NUM_IMAGES})"
    )
    parser.add_argument("--dry", action="store_true", help="print the table and write nothing")
    checkouts.add_option(parser)
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--make", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    folder = turns.folder_of("images")
    if options.make:
        make_files(folder)
        return
    if options.serve:
        serve(options.serve, folder, options.images)
        return
    # only this environment has Pillow
    command = [str(environments.interpreter("images")), "-m", "benchmark.images", "--make"]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": str(ROOT / "tools")})
    names = dict.fromkeys(["cycodec", *options.libraries])
    others = checkouts.chosen(parser, options.against)
    environment_of = {name: LIBRARIES[name][1] for name in names} | others
    servers = turns.servers_of("benchmark.images", environment_of, ["--images", options.images])
    titles = workloads(folder, options.images)
    rows = {title: turns.take_turns(servers, title, options.rounds) for title in titles}
    for server in servers:
        server.close()
    turns.show("images", "ms", rows, milliseconds)
    if not (options.dry or others):
        turns.keep("images", "Images", "ms", rows, milliseconds, has_chart=True)


if __name__ == "__main__":
    main()
