"""Small streams whose headers announce giant pictures, made of ffmpeg's streams of small ones."""

import struct

from bitstreams import Bits


class Reader:
    """Reads fixed-length and Exp-Golomb codes from bits that are given as text."""

    def __init__(self, data):
        self.text = "".join(f"{byte:08b}" for byte in data)
        self.place = 0

    def skip(self, *widths):
        self.place += sum(widths)

    def ue(self):
        zeros = self.text.index("1", self.place) - self.place
        self.place += 2 * zeros + 1
        return int(self.text[self.place - zeros - 1 : self.place], 2) - 1


def without_escapes(unit):
    return unit.replace(b"\0\0\3", b"\0\0")


def with_escapes(unit):
    out = bytearray()
    for byte in unit:
        if out[-2:] == b"\0\0" and byte <= 3:
            out.append(3)
        out.append(byte)
    return bytes(out)


def h264(data, width, height):
    """Changes the size in all sequence parameter sets of x264's Annex B stream (High profile)."""

    def changed(unit):
        if unit[0] & 31 != 7:
            return unit
        reader = Reader(without_escapes(unit)[1:])
        reader.skip(24)
        assert [reader.ue() for _ in range(4)] == [0, 1, 0, 0]  # the number of the set, 4:2:0, 8 bits
        reader.skip(2)
        reader.ue()
        if reader.ue() == 0:  # pic_order_cnt_type
            reader.ue()
        reader.ue()
        reader.skip(1)
        begin = reader.place
        reader.ue(), reader.ue()
        bits = Bits().code(reader.text[:begin]).ue(width // 16 - 1).ue(height // 16 - 1)
        return unit[:1] + with_escapes(bits.code(reader.text[reader.place :]).to_bytes())

    units = data.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1")[1:]
    return b"".join(b"\0\0\0\1" + changed(unit) for unit in units)


def mpeg2(data, width, height):
    """Changes the size in all sequence headers of an MPEG-2 stream."""
    data = bytearray(data)
    place = data.find(b"\0\0\1\xb3")
    while place >= 0:
        data[place + 4 : place + 7] = ((width & 0xFFF) << 12 | height & 0xFFF).to_bytes(3, "big")
        begin = data.index(b"\0\0\1\xb5", place) + 4
        text = Reader(data[begin : begin + 4]).text
        bits = Bits().code(text[:15]).put(width >> 12, 2).put(height >> 12, 2).code(text[19:])
        data[begin : begin + 4] = bits.to_bytes()
        place = data.find(b"\0\0\1\xb3", place + 4)
    return bytes(data)


def flv1(data, width, height):
    """Changes the size in all pictures of an FLV file whose pictures have sizes of 8 bits."""
    out = bytearray(data[:13])
    place = 13
    while place + 11 <= len(data):
        length = int.from_bytes(data[place + 1 : place + 4], "big")
        body = data[place + 11 : place + 11 + length]
        if data[place] == 9 and body[0] & 15 == 2:
            text = Reader(body[1:]).text
            assert text[30:33] == "000"
            bits = Bits().code(text[:30]).put(1, 3).put(width, 16).put(height, 16).code(text[49:])
            body = body[:1] + bits.to_bytes()
        out += data[place : place + 1] + len(body).to_bytes(3, "big") + data[place + 4 : place + 11] + body
        out += struct.pack(">I", 11 + len(body))
        place += 11 + length + 4
    return bytes(out)
