"""WebP and AVIF files around coded pictures: what FFmpeg's muxers of all versions do not write."""

from __future__ import annotations

__all__ = ["avif_file", "ivf_packet", "with_webp_metadata"]

ICC_FLAG, ALPHA_FLAG, EXIF_FLAG = 32, 16, 8


# --- WebP -----------------------------------------------------------------------------------------


def with_webp_metadata(
    file: bytes, width: int, height: int, has_alpha: bool, exif: bytes, icc: bytes
) -> bytes:
    """Return a WebP file with an Exif block and an ICC profile; b"" leaves one out."""
    if not exif and not icc:
        return file
    chunks = []
    place = 12
    while place + 8 <= len(file):
        kind, size = file[place : place + 4], int.from_bytes(file[place + 4 : place + 8], "little")
        if kind in (b"ALPH", b"VP8 ", b"VP8L"):
            chunks.append(_riff_chunk(kind, file[place + 8 : place + 8 + size]))
        place += 8 + size + size % 2
    flags = (ICC_FLAG if icc else 0) | (ALPHA_FLAG if has_alpha else 0) | (EXIF_FLAG if exif else 0)
    sizes = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    chunks.insert(0, _riff_chunk(b"VP8X", bytes([flags, 0, 0, 0]) + sizes))
    if icc:
        chunks.insert(1, _riff_chunk(b"ICCP", icc))
    if exif:
        chunks.append(_riff_chunk(b"EXIF", exif))
    body = b"".join(chunks)
    return b"RIFF" + (4 + len(body)).to_bytes(4, "little") + b"WEBP" + body


def _riff_chunk(kind: bytes, data: bytes) -> bytes:
    return kind + len(data).to_bytes(4, "little") + data + b"\0" * (len(data) % 2)


# --- AVIF -----------------------------------------------------------------------------------------

IVF_HEADER, IVF_FRAME = 32, 12
DELIMITER = b"\x12\0"  # a temporal delimiter, which items do not have


def ivf_packet(file: bytes) -> bytes:
    """Return the first packet of an IVF file, without its temporal delimiter."""
    size = int.from_bytes(file[IVF_HEADER : IVF_HEADER + 4], "little")
    data = file[IVF_HEADER + IVF_FRAME : IVF_HEADER + IVF_FRAME + size]
    return data.removeprefix(DELIMITER)


def avif_file(
    coded: bytes, alpha: bytes, width: int, height: int, depth: int, is_444: bool, exif: bytes, icc: bytes
) -> bytes:
    """Return an AVIF file.

    Parameters
    ----------
    coded, alpha : bytes
        The AV1 data of the picture and of its alpha; b"" for no alpha.
    width, height, depth : int
    is_444 : bool
        True if chroma is not subsampled.
    exif, icc : bytes
        b"" for none.
    """
    items = [(b"av01", coded)]
    if alpha:
        items.append((b"av01", alpha))
    if exif:
        items.append((b"Exif", bytes(4) + exif))
    properties, associations = _properties(width, height, depth, is_444, bool(alpha), icc)
    infos = [
        _full(b"infe", 2, int(kind == b"Exif"), _number(i + 1, 2), bytes(2), kind, b"\0")
        for i, (kind, _) in enumerate(items)
    ]
    references = []
    if alpha:
        references.append(_box(b"auxl", _number(2, 2), _number(1, 2), _number(1, 2)))
    if exif:
        references.append(_box(b"cdsc", _number(len(items), 2), _number(1, 2), _number(1, 2)))
    brands = b"avif" + bytes(4) + b"avifmif1miaf" + (b"MA1A" if is_444 else b"MA1B")
    head = _box(b"ftyp", brands)

    def meta(start: int) -> bytes:
        places = []
        for number, (_, data) in enumerate(items, 1):
            places.append(
                _number(number, 2) + bytes(2) + _number(1, 2) + _number(start, 4) + _number(len(data), 4)
            )
            start += len(data)
        return _full(
            b"meta",
            0,
            0,
            _full(b"hdlr", 0, 0, bytes(4), b"pict", bytes(12), b"\0"),
            _full(b"pitm", 0, 0, _number(1, 2)),
            _full(b"iloc", 0, 0, b"\x44\0", _number(len(items), 2), *places),
            _full(b"iinf", 0, 0, _number(len(items), 2), *infos),
            *([_full(b"iref", 0, 0, *references)] if references else []),
            _box(b"iprp", _box(b"ipco", *properties), _full(b"ipma", 0, 0, associations)),
        )

    start = len(head) + len(meta(0)) + 8
    return head + meta(start) + _box(b"mdat", *(data for _, data in items))


def _properties(
    width: int, height: int, depth: int, is_444: bool, has_alpha: bool, icc: bytes
) -> tuple[list[bytes], bytes]:
    """Return the properties of the items, and which item has which."""
    profile = 2 if depth == 12 else 1 if is_444 else 0
    deep = 0x40 if depth > 8 else 0
    colour = _number(profile << 5 | 31, 1) + _number(deep | (0 if is_444 else 0x0C), 1)
    found = [
        _full(b"ispe", 0, 0, _number(width, 4), _number(height, 4)),
        _full(b"pixi", 0, 0, b"\3", bytes([depth] * 3)),
        _box(b"av1C", b"\x81", colour, b"\0"),
        _box(b"colr", b"nclx", _number(1, 2), _number(13, 2), _number(6, 2), b"\x80"),
    ]
    essential = 0x80
    own = [1, 2, essential | 3, 4]
    if icc:
        found.append(_box(b"colr", b"prof", icc))
        own.append(len(found))
    entries = _number(1, 2) + bytes([len(own), *own])
    if has_alpha:
        found.append(_full(b"pixi", 0, 0, b"\1", bytes([depth])))
        found.append(_box(b"av1C", b"\x81", _number(31, 1) + _number(deep | 0x1C, 1), b"\0"))
        found.append(_full(b"auxC", 0, 0, b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0"))
        last = len(found)
        entries += _number(2, 2) + bytes([4, 1, last - 2, essential | (last - 1), last])
    return found, _number(2 if has_alpha else 1, 4) + entries


def _number(value: int, size: int) -> bytes:
    return value.to_bytes(size, "big")


def _box(kind: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return _number(len(body) + 8, 4) + kind + body


def _full(kind: bytes, version: int, flags: int, *content: bytes) -> bytes:
    return _box(kind, _number(version, 1), _number(flags, 3), *content)
