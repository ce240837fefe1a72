"""PNG: every colour type, depth, filter and interlacing; APNG."""

import images
import numpy as np
import pytest
import torch

from cycodec import UnsupportedError
from cycodec._shared import torch_adapter
from cycodec.images import decode_animation, decode_image, decode_png, get_image_metadata

KINDS = [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16), (3, 1), (3, 2), (3, 4), (3, 8)]
KINDS += [(4, 8), (4, 16), (6, 8), (6, 16)]
READABLE = [pytest.param(*kind, marks=images.needs_uint16) if kind[1] == 16 else kind for kind in KINDS]
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def expected(samples, kind, bits, palette, alphas, has_key):
    """What the samples of a file mean."""
    if kind == 3:
        colours = palette[samples[..., 0]]
        return colours if alphas is None else np.concatenate([colours, alphas[samples]], 2)
    most = 65535 if bits == 16 else 255
    values = samples * (most // ((1 << bits) - 1))
    if not has_key:
        return values
    is_key = (samples == samples[0, 0]).all(2, keepdims=True)
    return np.concatenate([values, np.where(is_key, 0, most)], 2)


@pytest.mark.parametrize(("kind", "bits"), READABLE)
@pytest.mark.parametrize("interlaced", [False, True])
def test_every_kind_of_file(kind, bits, interlaced):
    random = np.random.default_rng(bits)
    for width, height in ((1, 1), (3, 2), (13, 9), (40, 31)):
        for is_clear in (False, True) if kind in (0, 2, 3) else (False,):
            samples = random.integers(0, 1 << bits, (height, width, CHANNELS[kind]))
            palette = random.integers(0, 256, (1 << bits, 3), dtype=np.uint8) if kind == 3 else None
            alphas = random.integers(0, 256, 1 << bits, dtype=np.uint8) if kind == 3 and is_clear else None
            chunks = b"" if palette is None else images.chunk(b"PLTE", palette.tobytes())
            if is_clear:
                clear = samples[0, 0].astype(">u2") if alphas is None else alphas
                chunks += images.chunk(b"tRNS", clear.tobytes())
            data = images.png(samples, bits, kind, interlaced, chunks)
            want = expected(samples, kind, bits, palette, alphas, is_clear)
            found = decode_png(data, mode="UNCHANGED", output_dtype="auto")
            assert found.dtype == (torch.uint16 if bits == 16 else torch.uint8)
            assert np.array_equal(images.array(found), want)
            part = decode_png(data, mode="UNCHANGED", output_dtype="auto", region=(0, height, 0, 1))
            assert np.array_equal(images.array(part), want[:, :1])
            if bits == 16:
                shallow = decode_png(data, mode="UNCHANGED")
                assert np.array_equal(images.array(shallow), want >> 8)
            elif not (kind == 0 and bits < 8 and is_clear):  # Pillow compares unscaled keys
                assert np.array_equal(
                    images.array(decode_png(data, mode="RGBA")), images.pillow(data, "RGBA")
                )


def test_regions_stop_at_their_last_row():
    data = images.encoded(images.photo(90, 70), "PNG")
    whole = decode_png(data)
    for region in ((0, 1, 0, 90), (10, 33, 5, 80), (69, 70, 89, 90)):
        y0, y1, x0, x1 = region
        assert torch.equal(decode_png(data, region=region), whole[:, y0:y1, x0:x1])
    # the rows above the damage can still be read
    half = data[: len(data) // 2]
    assert torch.equal(decode_png(half, region=(0, 20, 0, 90)), whole[:, :20])
    with pytest.raises(ValueError, match="truncated"):
        decode_png(half)


def test_gray_of_colours():
    image = images.photo(50, 40)
    found = decode_png(images.encoded(image, "PNG"), mode="GRAY")
    pixels = np.asarray(image).astype(float)
    want = np.floor(pixels @ [0.2989, 0.587, 0.114] + 0.5)
    assert np.abs(found[0].numpy() - want).max() == 0


def test_orientation_of_exif():
    image = images.photo(30, 20)
    data = images.encoded(image, "PNG", exif=b"Exif\0\0" + images.exif(6))
    assert np.array_equal(images.array(decode_png(data)), np.rot90(np.asarray(image), -1))


def damaged(data, what, value):
    at = data.index(what) + 4
    return data[:at] + value + data[at + len(value) :]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d[:20], "truncated"),
        (lambda d: d[:60], "truncated"),
        (lambda d: d[: len(d) * 2 // 3], "truncated"),
        (lambda d: damaged(d, b"IHDR", b"\0\0\0\0"), "CRC of the header"),
        (lambda d: damaged(d, b"IDAT", b"\0\0"), "pixel data are damaged"),
        (lambda d: d.replace(b"IDAT", b"IXAT"), r"pixel data \(IDAT\) are missing"),
    ],
)
def test_damage_is_an_error(change, words):
    data = images.encoded(images.photo(40, 30), "PNG")
    with pytest.raises(ValueError, match=words):
        decode_image(change(data))


def test_a_lying_size_costs_nothing():
    samples = np.zeros((4, 4, 3), int)
    data = images.png(samples, 8, 2)
    header = data[12:29]
    for size in (b"\0\0\x40\0\0\0\x40\0", b"\x7f\xff\xff\xff\x7f\xff\xff\xff"):
        lying = b"IHDR" + size + header[12:]
        bad = data[:8] + images.chunk(b"IHDR", lying[4:]) + data[33:]
        with pytest.raises((ValueError, MemoryError), match=r"too few data|max_pixels"):
            decode_png(bad)


def frames_of(random, count):
    boxes = [(0, 0, 40, 30)] + [(int(random.integers(0, 20)), int(random.integers(0, 15)), 12, 9)] * (
        count - 1
    )
    for number, (x, y, width, height) in enumerate(boxes):
        pixels = random.integers(0, 256, (height, width, 4), dtype=np.uint8)
        pixels[..., 3] = np.where(pixels[..., 3] < 128, 0, 255)
        yield pixels, x, y, 40 * (number + 1), number % 3, number % 2


def test_apng():
    random = np.random.default_rng(3)
    frames = list(frames_of(random, 6))
    data = images.apng(frames, 40, 30)
    batch = decode_animation(data, mode="RGBA")
    assert batch.data.shape == (6, 4, 30, 40)
    assert batch.duration_seconds.tolist() == pytest.approx([0.04 * n for n in range(1, 7)])
    assert batch.pts_seconds[2].item() == pytest.approx(0.12)
    canvas = np.zeros((30, 40, 4), np.uint8)
    for number, (pixels, x, y, _, disposal, blend) in enumerate(frames):
        before = canvas.copy()
        box = canvas[y : y + pixels.shape[0], x : x + pixels.shape[1]]
        box[...] = np.where(pixels[..., 3:] == 0, box, pixels) if blend else pixels
        found = images.array(batch.data[number])
        assert np.array_equal(found[..., 3], canvas[..., 3])
        shown = canvas[..., 3] > 0
        assert np.array_equal(found[shown], canvas[shown])
        if disposal == 1 or (disposal == 2 and number == 0):
            box[...] = 0
        elif disposal == 2:
            canvas = before
    # other functions give the picture that every program shows
    assert decode_image(data).shape == (3, 30, 40)
    metadata = get_image_metadata(data)
    assert (metadata.num_frames, metadata.num_plays) == (6, 3)


def test_torch_without_uint16(monkeypatch):
    """Torch before 2.3 has no such type: the error says what to pass."""
    monkeypatch.setattr(torch_adapter, "has_dtype", lambda name: name != "uint16")
    deep = images.png(np.full((3, 4, 3), 4000), 16, 2, False)
    for options in ({}, {"region": (0, 2, 0, 3)}):
        with pytest.raises(
            UnsupportedError, match=r"<\d+ bytes>.*16 bits per sample.*output_dtype=torch.uint8"
        ):
            decode_png(deep, output_dtype="auto", **options)
    assert decode_png(deep).dtype == torch.uint8
