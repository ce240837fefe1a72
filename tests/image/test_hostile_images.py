"""Mutated images end in a tensor or in a typed error, in bounded time and memory."""

import io
import random
import resource
import time

import images
import numpy as np
import pytest

import cycodec
from cycodec.images import AvifEncoder, decode_animation, decode_image


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


SEEDS = dict(seeds())


def mutated(data, chosen):
    """The file with a few bytes changed, left out or cut off; the head more often."""
    data = bytearray(data)
    for _ in range(chosen.randint(1, 6)):
        place = (
            chosen.randrange(len(data)) if chosen.random() < 0.5 else chosen.randrange(min(len(data), 400))
        )
        kind = chosen.randrange(5)
        if kind < 4:
            data[place] = (data[place] ^ 1 << chosen.randrange(8), chosen.randrange(256), 255, 0)[kind]
        elif chosen.random() < 0.3:
            del data[place + 1 :]
        else:
            del data[place : place + 4]
        data = data or bytearray(b"x")
    return bytes(data)


@pytest.mark.parametrize("name", SEEDS)
def test_mutations(name):
    chosen = random.Random(name)
    decoded, sources = 0, set()
    for _ in range(150):
        data = mutated(SEEDS[name], chosen)
        decode = chosen.choice([decode_image, decode_animation])
        mode, dtype = chosen.choice(["RGB", "RGBA", "GRAY", "UNCHANGED"]), chosen.choice(["auto", "uint8"])
        start = time.process_time()
        try:
            decode(data, mode=mode, output_dtype=dtype, max_pixels=1 << 20)
            decoded += 1
        except cycodec.FFmpegError as error:
            sources.add(error.source[:1])
        assert time.process_time() - start < 2
    assert decoded < 150  # damage is noticed
    assert sources == {"<"}  # every error names the bytes


def test_large_claims_take_no_memory():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sizes = {"jpeg": (b"\xff\xc0", 5), "progressive": (b"\xff\xc2", 5)}
    for name, (marker, offset) in sizes.items():
        data = bytearray(SEEDS[name])
        at = data.index(marker) + offset
        data[at : at + 4] = b"\x3f\xff\x3f\xff"
        with pytest.raises((ValueError, MemoryError)):
            decode_image(bytes(data), region=(0, 8, 0, 8))
    gif = bytearray(SEEDS["gif"])
    gif[6:10] = b"\xff\xff\xff\xff"
    with pytest.raises(cycodec.LimitError):
        decode_image(io.BytesIO(bytes(gif)))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1_500_000  # kB
