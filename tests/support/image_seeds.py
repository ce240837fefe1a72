"""A small image file of each format and kind, to be mutated."""

import struct
import sys
from pathlib import Path

import images
import numpy as np

from cycodec.images import AvifEncoder

__all__ = ["SEEDS", "heic", "write"]

# kind -> suffix of a file, for mutations that know the format
SUFFIXES = {
    "jpeg": "jpg",
    "progressive": "jpg",
    "cmyk": "jpg",
    "palette": "png",
    "interlaced": "png",
    "lossless": "webp",
    "alpha": "webp",
    "animated avif": "avif",
}


def seeds():
    """A small file of each format and kind."""
    photo, soft = images.photo(40, 30), images.translucent(40, 30)
    moving = {"save_all": True, "append_images": [images.photo(40, 30, 1), photo]}
    yield "jpeg", images.encoded(photo, "JPEG", exif=b"Exif\0\0" + images.exif(6))
    yield "progressive", images.encoded(photo, "JPEG", progressive=True)
    yield "cmyk", images.encoded(photo.convert("CMYK"), "JPEG")
    yield "png", images.encoded(soft, "PNG")
    yield "palette", images.encoded(photo.quantize(16), "PNG")
    random_samples = np.random.default_rng(0).integers(0, 65536, (20, 23, 4))
    yield "interlaced", images.png(random_samples, 16, 6, True)
    pixels = np.asarray(soft)
    frames = [(pixels, 0, 0, 40, 2, 0), (pixels[:9, :12].copy(), 3, 4, 40, 1, 1)]
    yield "apng", images.apng(frames, 40, 30)
    yield "gif", images.encoded(photo.quantize(64), "GIF", interlace=1, **moving)
    yield "webp", images.encoded(photo, "WEBP", **moving)
    yield "lossless", images.encoded(soft, "WEBP", lossless=True)
    yield "alpha", images.encoded(soft, "WEBP")
    yield (
        "avif",
        bytes(AvifEncoder(np.ascontiguousarray(pixels.transpose(2, 0, 1))).to_tensor(speed=8).numpy()),
    )
    yield "animated avif", images.encoded(images.photo(20, 14), "AVIF", duration=40, **moving_avif())


def moving_avif():
    return {"save_all": True, "append_images": [images.photo(20, 14, seed) for seed in (1, 2)]}


SEEDS = dict(seeds())


def heic(folder):
    """A HEIC file with a clean aperture that is rotated. The folder takes what ffmpeg makes."""
    samples, config = images.hevc_pictures(folder / "a.mp4", "testsrc2=s=32x32:r=1:d=1,format=yuv420p")
    numbers = (20, 1, 18, 1, 1, 1, 0, 1)
    extra = [images.box(b"clap", struct.pack(">IIIIiIiI", *numbers)), images.box(b"irot", b"\3")]
    return images.heic(samples, config, (32, 32), extra=extra)


def write(folder):
    """Write all kinds into a folder, as files named after them."""
    for kind, data in SEEDS.items():
        name = f"image_{kind.replace(' ', '_')}.{SUFFIXES.get(kind, kind)}"
        Path(folder, name).write_bytes(data)
    data = heic(Path(folder))
    Path(folder, "a.mp4").unlink()
    Path(folder, "image.heic").write_bytes(data)


if __name__ == "__main__":
    write(sys.argv[1])
