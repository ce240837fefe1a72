"""Patches of headers that say how pictures are turned or cropped. Each function returns one that
takes the path of a file and returns the bytes of the patched file.
"""

import struct


def with_matrix(a, b, c, d):
    """Writes a display matrix into the header of an MP4's first track."""

    def build(source):
        data = bytearray(source.read_bytes())
        at = data.index(b"tkhd") + 4 + 40
        matrix = [value << 16 for value in (a, b, 0, c, d, 0, 0, 0)] + [1 << 30]
        struct.pack_into(">9i", data, at, *matrix)
        return bytes(data)

    return build


def with_clap(width, height, left, right, top, bottom):
    """Adds a clean aperture to the first track of an MP4 of H.264; the numbers are pixels."""
    values = (width - left - right, 1, height - top - bottom, 1, left - right, 2, top - bottom, 2)
    clap = struct.pack(">I4s4IiIiI", 40, b"clap", *values)

    def build(source):
        data = bytearray(source.read_bytes())
        at = data.index(b"stsd") + data[data.index(b"stsd") :].index(b"avc1")
        end = at - 4 + struct.unpack_from(">I", data, at - 4)[0]
        data[end:end] = clap
        # the enclosing boxes grow; moov follows mdat, so no sample moves
        for name in (b"avc1", b"stsd", b"stbl", b"minf", b"mdia", b"trak", b"moov"):
            box = data.rindex(name, 0, at + 4) - 4
            struct.pack_into(">I", data, box, struct.unpack_from(">I", data, box)[0] + len(clap))
        return bytes(data)

    return build


def with_pixel_crop(left, right, top, bottom):
    """Puts Matroska's cropping in the place of the four colours of the first track."""
    parts = zip((0x54CC, 0x54DD, 0x54BB, 0x54AA), (left, right, top, bottom), strict=True)
    elements = b"".join(struct.pack(">HBB", number, 0x81, value) for number, value in parts)

    def build(source):
        data = bytearray(source.read_bytes())
        at = data.index(b"\x55\xb0")
        size = 3 + (data[at + 2] & 0x7F)
        void = size - len(elements) - 2  # versions of FFmpeg write more colours
        data[at : at + size] = elements + bytes((0xEC, 0x80 | void)) + bytes(void)
        return bytes(data)

    return build
