"""Image files for tests, made by Pillow or byte by byte."""

import io
import struct
import subprocess
import zlib

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter

from cycodec._image.boxes import Reader
from cycodec._image.sequence import read_sequence
from cycodec.core.image.source_bytes import SourceBytes
from cycodec.core.io.source import IOContext

needs_uint16 = pytest.mark.skipif(not hasattr(torch, "uint16"), reason="torch.uint16 came with torch 2.3")
PASSES = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def photo(width, height, seed=0):
    """An image with smooth areas, edges and some noise."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (height // 8 + 2, width // 8 + 2, 3), dtype=np.uint8)
    smooth = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))
    noise = random.integers(-8, 9, smooth.shape)
    return Image.fromarray(np.clip(smooth + noise, 0, 255).astype(np.uint8))


def translucent(width, height, seed=0):
    """The same with alpha that has soft edges."""
    image = photo(width, height, seed).convert("RGBA")
    alpha = Image.fromarray(np.random.default_rng(seed + 1).integers(0, 256, (height, width), dtype=np.uint8))
    image.putalpha(alpha.filter(ImageFilter.GaussianBlur(3)).point(lambda v: min(max(4 * v - 384, 0), 255)))
    return image


def encoded(image, format, **options):
    """The bytes of a file that Pillow writes."""
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def pillow(data, mode=None):
    """What Pillow decodes, as an array [H, W, C]."""
    image = Image.open(io.BytesIO(data))
    array = np.asarray(image if mode is None else image.convert(mode))
    return array[..., None] if array.ndim == 2 else array


def pillow_frames(data, mode="RGBA"):
    """All frames that Pillow decodes."""
    image = Image.open(io.BytesIO(data))
    frames = []
    for number in range(image.n_frames):
        image.seek(number)
        frames.append(np.asarray(image.convert(mode)))
    return frames


def array(tensor):
    """A tensor [C, H, W] as an array [H, W, C]."""
    return tensor.permute(1, 2, 0).numpy()


def exif(orientation, order="<"):
    """An Exif block that holds an orientation."""
    head = b"II*\0" if order == "<" else b"MM\0*"
    return head + struct.pack(order + "IHHHIHHI", 8, 1, 0x112, 3, 1, orientation, 0, 0)


# --- PNG ------------------------------------------------------------------------------------------


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(samples, bits, colour_type, interlaced=False, chunks=b"", seed=0):
    """A PNG file whose rows have filters of all kinds, in several IDAT chunks.

    Parameters
    ----------
    samples : array [H, W, C] of int
    bits, colour_type : int
        As the header stores them.
    chunks : bytes
        Chunks before the pixels.
    """
    random = np.random.default_rng(seed)
    height, width, channels = samples.shape
    parts = [samples]
    if interlaced:
        parts = [samples[y::down, x::right] for x, y, right, down in PASSES]
    step = max(1, bits * channels // 8)
    raw = b"".join(filtered(part, bits, step, random) for part in parts if part.size)
    packed = zlib.compress(raw)
    size = max(1, len(packed) // 3)
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, interlaced)
    pixels = [chunk(b"IDAT", packed[i : i + size]) for i in range(0, len(packed), size)]
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunks + b"".join(pixels) + chunk(b"IEND", b"")


def packed_row(row, bits):
    if bits >= 8:
        return row.astype(">u2" if bits == 16 else np.uint8).tobytes()
    places = (row.reshape(-1)[:, None] >> np.arange(bits - 1, -1, -1)) & 1
    return np.packbits(places.astype(np.uint8)).tobytes()


def filtered(samples, bits, step, random):
    out, above = b"", None
    for row in samples:
        here = np.frombuffer(packed_row(row, bits), np.uint8).astype(int)
        over = np.zeros_like(here) if above is None else above
        left = np.concatenate([np.zeros(step, int), here])[: len(here)]
        corner = np.concatenate([np.zeros(step, int), over])[: len(here)]
        to = [abs(over - corner), abs(left - corner), abs(left + over - 2 * corner)]
        nearest = np.where((to[0] <= to[1]) & (to[0] <= to[2]), left, np.where(to[1] <= to[2], over, corner))
        kind = int(random.integers(0, 5))
        guess = [0, left, over, (left + over) // 2, nearest][kind]
        out += bytes([kind]) + ((here - guess) & 255).astype(np.uint8).tobytes()
        above = here
    return out


def apng(frames, width, height):
    """An APNG of RGBA frames: (array, x, y, delay in ms, disposal, blend)."""
    head = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"acTL", struct.pack(">II", len(frames), 3))
    number = 0
    for place, (pixels, x, y, delay, disposal, blend) in enumerate(frames):
        rows = pixels.shape[0]
        size = (pixels.shape[1], rows, x, y)
        control = struct.pack(">IIIIIHHBB", number, *size, delay, 1000, disposal, blend)
        data += chunk(b"fcTL", control)
        number += 1
        packed = zlib.compress(b"".join(b"\0" + row.tobytes() for row in pixels))
        if place == 0:
            data += chunk(b"IDAT", packed)
        else:
            data += chunk(b"fdAT", struct.pack(">I", number) + packed)
            number += 1
    return data + chunk(b"IEND", b"")


# --- JPEG -----------------------------------------------------------------------------------------


def jpeg_in_three_scans(image):
    """A sequential JPEG of 4:4:4 with a scan for each component, which Pillow cannot write.

    Each scan is that of a gray JPEG with the same tables.
    """
    parts = [jpeg_segments(encoded(plane, "JPEG", quality=80)) for plane in image.convert("YCbCr").split()]
    head = b"".join(
        segment for kind, segment in parts[0] if kind not in (0xC0, 0xDA, 0xD9)
    )  # JFIF and the tables
    frame = next(segment for kind, segment in parts[0] if kind == 0xC0)
    components = b"".join(bytes([number, 0x11, 0]) for number in (1, 2, 3))
    frame = b"\xff\xc0" + struct.pack(">H", 17) + frame[4:9] + b"\3" + components
    data = head + frame
    for number, segments in enumerate(parts, 1):
        scan = next(segment for kind, segment in segments if kind == 0xDA)
        data += scan[:5] + bytes([number]) + scan[6:]
    return data + b"\xff\xd9"


def jpeg_segments(data):
    """The segments of a JPEG with one scan, which has its coded data: pairs of marker and bytes."""
    found, place = [(0xD8, data[:2])], 2
    while data[place + 1] != 0xDA:
        end = place + 2 + struct.unpack_from(">H", data, place + 2)[0]
        found.append((data[place + 1], data[place:end]))
        place = end
    return [*found, (0xDA, data[place:-2]), (0xD9, data[-2:])]


# --- HEIC -----------------------------------------------------------------------------------------


def box(kind, *content):
    body = b"".join(content)
    return struct.pack(">I", len(body) + 8) + kind + body


def full(kind, version, flags, *content):
    return box(kind, struct.pack(">I", version << 24 | flags), *content)


HEVC = ["-c:v", "libx265", "-x265-params", "log-level=none:lossless=1", "-tag:v", "hvc1", "-g", "1"]


def hevc_pictures(path, *source):
    """Coded pictures that ffmpeg makes losslessly into an MP4 file: their data, and their hvcC.

    Parameters
    ----------
    path : Path
        Of the MP4 file.
    *source : str
        A source of lavfi; or the arguments of ffmpeg for an input and its filter.
    """
    given = ["-f", "lavfi", "-i", source[0]] if len(source) == 1 else source
    command = ["ffmpeg", "-v", "error", "-y", *given, *HEVC, str(path)]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("this ffmpeg has no libx265")
    # MP4 calls the handler of pictures "vide"
    data = path.read_bytes().replace(b"vide", b"pict")
    file = SourceBytes(IOContext(data), 1 << 30)
    file.load()
    reader = Reader(file, "HEIC", 0, file.size)
    movie = next(box for box in reader.boxes() if box.kind == b"moov")
    track = read_sequence(reader.at(movie)).colour
    return [data[place : place + size] for place, size in track.samples], track.config


def heic(tiles, config, tile_size, grid=None, extra=()):
    """A HEIC file of one coded picture, or of a grid of them.

    Parameters
    ----------
    tiles : list of bytes
        Coded pictures.
    config : bytes
        The content of hvcC.
    tile_size : (int, int)
        Width and height.
    grid : (int, int, int, int), optional
        Rows, columns, width and height.
    extra : sequence of bytes
        Properties of the whole picture, such as irot.
    """
    items = [(b"hvc1", data) for data in tiles]
    size = tile_size
    if grid:
        rows, columns, *size = grid
        items.append((b"grid", struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, *size)))
    primary = len(items)
    properties = [
        full(b"ispe", 0, 0, struct.pack(">II", *tile_size)),
        box(b"hvcC", config),
        full(b"ispe", 0, 0, struct.pack(">II", *size)),
        *extra,
    ]
    own = [3, *range(4, 4 + len(extra))]
    entries = []
    for number in range(1, primary + 1):
        wanted = ([] if number != primary else own) + ([] if grid and number == primary else [1, 2])
        if number == primary and not grid:
            wanted = [*own, 2]
        entries.append(struct.pack(">HB", number, len(wanted)) + bytes(wanted))
    infos = [
        full(b"infe", 2, int(bool(grid) and number != primary), struct.pack(">HH", number, 0), kind, b"\0")
        for number, (kind, _) in enumerate(items, 1)
    ]
    references = b""
    if grid:
        parts = struct.pack(f">HH{len(tiles)}H", primary, len(tiles), *range(1, len(tiles) + 1))
        references = full(b"iref", 0, 0, box(b"dimg", parts))
    head = box(b"ftyp", b"heic", bytes(4), b"mif1heic")

    def meta(start):
        places = []
        for number, (_, data) in enumerate(items, 1):
            places.append(struct.pack(">HHHII", number, 0, 1, start, len(data)))
            start += len(data)
        return full(
            b"meta",
            0,
            0,
            full(b"hdlr", 0, 0, bytes(4), b"pict", bytes(13)),
            full(b"pitm", 0, 0, struct.pack(">H", primary)),
            full(b"iloc", 0, 0, b"\x44\0", struct.pack(">H", len(items)), *places),
            full(b"iinf", 0, 0, struct.pack(">H", len(items)), *infos),
            references,
            box(
                b"iprp",
                box(b"ipco", *properties),
                full(b"ipma", 0, 0, struct.pack(">I", primary), *entries),
            ),
        )

    return head + meta(len(head) + len(meta(0)) + 8) + box(b"mdat", *(data for _, data in items))
