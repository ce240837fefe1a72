"""Small files that contradict themselves, made by hand: ``inputs()`` returns name -> bytes.

Each group is a kind of container. The fields that are changed are those that programs believe:
sizes of boxes, counts of tables, dimensions, time bases, nesting, and lengths of pages and frames.
"""

import json
import struct
import zlib

import media
from mutations.boxes import mp4_boxes
from mutations.streams import fix_ogg_checksum, places_of

WIDE = (0, 2**31 - 1, 2**32 - 1)
# From the name of a full box to the fields of its table: the count, and the first entry.
TABLES = {
    "stts": (8, (12, 16)), "ctts": (8, (12, 16)), "stsc": (8, (12, 16, 20)), "stsz": (12, (8, 16)),
    "stco": (8, (12,)), "stss": (8, (12,)), "elst": (8, (12, 16, 20)),
}  # fmt: skip


def changed(data, place, value):
    """Returns a copy of data with bytes, or a big-endian number of 4 bytes, at a place."""
    value = value if isinstance(value, bytes) else struct.pack(">I", value)
    copy = bytearray(data)
    copy[place : place + len(value)] = value
    return bytes(copy)


def mp4_inputs():
    plain = media.path("h264_sound.mp4").read_bytes()
    for box, (count, entries) in TABLES.items():
        name = box.encode()
        for value in WIDE:
            if name in plain:
                place = plain.index(name)
                yield f"{box}_count_{value}.mp4", changed(plain, place + count - 4, value)
                for number, entry in enumerate(entries):
                    yield f"{box}_{number}_{value}.mp4", changed(plain, place + entry - 4, value)
    for place, size, kind in mp4_boxes(plain):
        name = kind.decode("latin-1").replace(" ", "_")
        yield f"size_0_{name}_{place}.mp4", changed(plain, place, 0)
        yield f"size_64_{name}_{place}.mp4", changed(plain, place, 1)
        yield f"without_{name}_{place}.mp4", plain[:place] + plain[place + size :]
    for kind, offset in (("mvhd", 12), ("mdhd", 12)):
        for value in WIDE:
            place = plain.index(kind.encode()) + 4
            yield f"{kind}_timescale_{value}.mp4", changed(plain, place + offset, value)
            yield f"{kind}_duration_{value}.mp4", changed(plain, place + offset + 4, value)
    entry = plain.index(b"avc1", plain.index(b"stsd"))
    for size in (b"\0\0\0\0", b"\0\0\0\1", b"\xff\xff\xff\xff"):
        yield f"stsd_size_{size.hex()}.mp4", changed(plain, entry + 28, size)
    configuration = plain.index(b"avcC")
    for offset, value in ((4, b"\0"), (8, b"\0"), (9, b"\x1f"), (9, b"\0"), (10, b"\xff\xff")):
        yield f"avcC_{offset}_{value.hex()}.mp4", changed(plain, configuration + offset, value)
    table = struct.pack(">II4sII", 16 + 8, 0, b"co64", 0, 1) + struct.pack(">Q", 2**63)
    yield "co64.mp4", plain.replace(b"stco", b"co64", 1)
    yield "co64_behind.mp4", plain + table
    yield "nested.mp4", nested(b"moov", b"trak", 4000)
    yield "nested_moof.mp4", plain[:32] + nested(b"moof", b"traf", 3000)


def nested(outer, inner, depth):
    """Returns boxes inside of boxes, with a header for each one."""
    data = b""
    for level in range(depth):
        data = struct.pack(">I4s", len(data) + 8, outer if level == depth - 1 else inner) + data
    return data


def fragment_inputs():
    plain = media.path("h264_fragmented.mp4").read_bytes()
    for kind, offsets in {
        "trun": (4, 8, 12, 16),
        "tfdt": (8, 12),
        "tfhd": (4, 8),
        "mfhd": (8,),
        "trex": (8, 16),
    }.items():
        place = plain.index(kind.encode(), plain.index(kind.encode()) + 4 if kind == "trun" else 0)
        for offset in offsets:
            for value in WIDE:
                yield f"{kind}_{offset}_{value}.mp4", changed(plain, place + offset, value)


def ebml(name, data, unknown=False):
    size = b"\x01\xff\xff\xff\xff\xff\xff\xff" if unknown else (1 << 56 | len(data)).to_bytes(8, "big")
    return name + size + data


def matroska_inputs():
    for source in ("h264.mkv", "vp9.webm"):
        plain = media.path(source).read_bytes()
        suffix = source.rpartition(".")[2]
        elements = {
            "segment": "18538067", "info": "1549a966", "tracks": "1654ae6b", "cluster": "1f43b675", "cues": "1c53bb6b",
            "seek": "114d9b74", "scale": "2ad7b1", "width": "b0", "height": "ba", "block": "a3", "entry": "ae",
            "duration": "23e383", "private": "63a2",
        }  # fmt: skip
        for name, code in elements.items():
            mark = bytes.fromhex(code)
            place = plain.find(mark, 40)
            if place < 0:
                continue
            place += len(mark)
            for value in (b"\xff", b"\x80", b"\x01" + b"\xff" * 7, b"\x08\xff\xff\xff"):
                yield f"{name}_{value.hex()}.{suffix}", changed(plain, place, value)
    head = ebml(bytes.fromhex("1a45dfa3"), ebml(b"\x42\x82", b"matroska"))
    tags = b"x"
    for _ in range(2000):
        tags = ebml(bytes.fromhex("67c8"), tags)
    yield "recursion.mkv", head + ebml(bytes.fromhex("18538067"), ebml(bytes.fromhex("1254c367"), tags), True)
    segment = bytes.fromhex("18538067")
    yield "unknown_sizes.mkv", head + ebml(segment, ebml(segment, ebml(segment, b"", True), True), True)
    yield "empty_segment.mkv", head + ebml(segment, b"")
    yield "only_head.mkv", head


def riff_inputs():
    plain = media.path("mjpeg.avi").read_bytes()
    for mark, offsets in {b"avih": (8, 24, 32, 40, 44), b"strh": (12, 28, 32, 40), b"strf": (4, 8, 12, 16), b"idx1": (4,),
                          b"movi": (-4, 8), b"LIST": (4,), b"RIFF": (4,)}.items():  # fmt: skip
        place = plain.index(mark)
        for offset in offsets:
            for value in (0, 3, 2**32 - 1):
                name = f"{mark.decode()}_{offset}_{value}.avi"
                yield name, changed(plain, place + offset, struct.pack("<I", value))
    for size in (0, 1, 15, 16, 17, 2**31, 2**32 - 1):
        for rate in (0, 8000, 2**32 - 1):
            form = struct.pack("<HHIIHH", 1, 1, rate, rate, 2, 16)
            body = b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", size) + bytes(33)
            yield f"data_{size}_{rate}.wav", b"RIFF" + struct.pack("<I", size) + body
    for align, bits, channels in ((0, 16, 1), (2, 0, 1), (2, 16, 0), (65535, 32, 65535), (1, 1, 1)):
        form = struct.pack("<HHIIHH", 1, channels, 8000, 16000, align, bits)
        body = b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", 64) + bytes(64)
        yield f"format_{align}_{bits}_{channels}.wav", b"RIFF" + struct.pack("<I", len(body)) + body


def ogg_inputs(folder_files):
    plain = folder_files["tone.ogg"]
    pages = places_of(plain, b"OggS")
    for page in (pages[0], pages[1], pages[-1]):
        for offset, value in ((5, b"\7"), (6, b"\xff" * 8), (6, b"\xff" * 7 + b"\x7f"), (14, b"\xff" * 4), (18, bytes(4)),
                              (26, b"\0"), (26, b"\xff"), (27, b"\0"), (27, b"\xff")):  # fmt: skip
            data = bytearray(changed(plain, page + offset, value))
            fix_ogg_checksum(data, page)
            yield f"page_{page}_{offset}_{value.hex()}.ogg", bytes(data)
    yield "pages_again.ogg", plain + plain[: pages[3]] * 200
    yield "one_page.ogg", plain[: pages[1]] * 500


def stream_inputs(folder_files):
    plain = media.path("h264.ts").read_bytes()
    packets = [plain[i : i + 188] for i in range(0, len(plain) - 187, 188)]
    tables = [bytearray(packet) for packet in packets]
    for packet in tables:
        packet[1:3] = bytes([packet[1] & 0xE0 | 1, 0])
    yield "one_pid.ts", b"".join(tables)
    yield (
        "program_is_stream.ts",
        b"".join(
            packet[:1] + bytes([packet[1] & 0xE0, 0]) + packet[3:] if i % 3 == 0 else packet
            for i, packet in enumerate(packets)
        ),
    )
    yield "tables_only.ts", b"".join(packets[:3]) * 700
    yield "short_packets.ts", b"".join(packet[:187] for packet in packets)
    for place in (4, 5, 17, 18, 19, 20):
        yield f"table_{place}.ts", changed(plain, 188 + place, b"\xff\xff")
    flv = media.path("flv1.flv").read_bytes()
    for place, value in (
        (4, b"\xff"),
        (5, b"\0\0\0\0"),
        (5, b"\xff\xff\xff\xff"),
        (14, b"\xff\xff\xff"),
        (17, b"\xff" * 4),
    ):
        yield f"flv_{place}_{value.hex()}.flv", changed(flv, place, value)
    body = b"\2\0\x0aonMetaData" + b"\3\0\1a" * 5000
    tag = b"\x12" + len(body).to_bytes(3, "big") + bytes(7) + body + struct.pack(">I", len(body) + 11)
    yield "metadata_recursion.flv", flv[:13] + tag + flv[13:]
    array = b"\2\0\x0aonMetaData" + b"\x0a\xff\xff\xff\xff" * 100
    tag = b"\x12" + len(array).to_bytes(3, "big") + bytes(7) + array + struct.pack(">I", len(array) + 11)
    yield "metadata_array.flv", flv[:13] + tag + flv[13:]
    for name in ("tone.flac", "tone.mp3", "tone.aac"):
        data = folder_files[name]
        for place in (0, 1, 2, 3, 4, 8, 10, 12, 18, 20, 21, 26):
            yield f"{place}_{name}", changed(data, place, b"\xff\xff\xff\x7f")
        yield f"junk_{name}", b"ID3\4\0\0\x7f\x7f\x7f\x7f" + data
        yield f"heads_{name}", data[:12] * 3000


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def image_inputs():
    for width, height in ((0, 0), (1, 2**31 - 1), (2**31 - 1, 2**31 - 1), (30000, 30000), (2**32 - 1, 1)):
        for depth, colour in ((8, 2), (1, 0), (16, 6), (3, 9)):
            header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
            picture = chunk(b"IDAT", zlib.compress(bytes(4000))) + chunk(b"IEND", b"")
            name = f"png_{width}_{height}_{depth}_{colour}.png"
            yield name, b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + picture
    bomb = zlib.compress(bytes(1 << 26))
    header = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    for kind, data in ((b"iCCP", b"x\0\0" + bomb), (b"zTXt", b"x\0\0" + bomb), (b"IDAT", bomb)):
        data = chunk(b"IHDR", header) + chunk(kind, data) + chunk(b"IEND", b"")
        yield f"bomb_{kind.decode()}.png", b"\x89PNG\r\n\x1a\n" + data
    for size in (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\1\0\xff\xff"):
        canvas = b"GIF89a" + size + b"\x80\0\0" + bytes(6)
        frame = b"!\xf9\4\0\0\0\0\0,\0\0\0\0" + size + b"\0\2\2D\1\0"
        yield f"gif_{size.hex()}.gif", canvas + frame * 50 + b";"
    yield "gif_no_end.gif", b"GIF89a\x10\0\x10\0\0\0\0" + b"!\xff\x0bNETSCAPE2.0\3\1\0\0" * 500
    for size in (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x0a\0\0\0"):
        extended = b"VP8X" + struct.pack("<I", 10) + b"\2\0\0\0" + b"\xff" * 6
        frame = b"ANMF" + size + bytes(16)
        body = b"WEBP" + extended + b"ANIM" + struct.pack("<I", 6) + bytes(6) + frame
        yield f"webp_{size.hex()}.webp", b"RIFF" + struct.pack("<I", len(body)) + body
    start = b"\xff\xd8\xff\xc0\0\x11\x08"
    for size in (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\0\1\xff\xff"):
        components = b"\3\1\x22\0\2\x11\1\3\x11\1"
        yield (
            f"jpeg_{size.hex()}.jpg",
            start + size + components + b"\xff\xda\0\x0c" + bytes(60) + b"\xff\xd9",
        )
    yield "jpeg_scans.jpg", start + b"\4\0\4\0\1\1\x11\0" + b"\xff\xda\0\x08\1\1\0\0\x3f\0" * 3000
    brand = struct.pack(">I4s4sI4s", 20, b"ftyp", b"heic", 0, b"mif1")
    for inner in (b"iloc", b"iinf", b"iref", b"iprp"):
        table = struct.pack(">I4sI", 40, inner, 0x02000000) + b"\xff" * 28
        meta = struct.pack(">I4sI", 12 + len(table), b"meta", 0) + table
        yield f"{inner.decode()}.heic", brand + meta
        yield f"{inner.decode()}.avif", brand.replace(b"heic", b"avif") + meta


def playlist_inputs():
    """Playlists under the names of media files."""
    texts = {
        "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n/etc/hostname\n#EXT-X-ENDLIST\n",
        "concat": "ffconcat version 1.0\nfile /etc/hostname\n",
        "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
        "dash": '<?xml version="1.0"?><MPD type="static"><Period><BaseURL>http://127.0.0.1:9/</BaseURL></Period></MPD>',
        "json": json.dumps({"a": [1] * 300}),
    }
    for name, text in texts.items():
        for suffix in ("mp4", "mkv", "wav", "jpg"):
            yield f"{name}.{suffix}", text.encode()
    for size in (0, 1, 7, 64):
        yield f"zeros_{size}.mp4", bytes(size)
    yield "text.mp3", b"hello " * 4000


def index_inputs(index):
    """Changed bytes of a saved index: each byte of its head, and numbers behind it."""
    for place in range(min(len(index), 120)):
        yield f"index_{place}.idx", changed(index, place, bytes([index[place] ^ 0x55]))
    for place in range(120, len(index), max(len(index) // 40, 1)):
        yield f"index_{place}.idx", changed(index, place, b"\xff\xff")
        yield f"index_short_{place}.idx", index[:place]


def inputs(audio, index):
    """Returns name -> bytes of all inputs.

    Parameters
    ----------
    audio : dict of str to bytes
        tone.ogg, tone.flac, tone.mp3 and tone.aac.
    index : bytes
        A saved index of h264_sound.mp4.
    """
    groups = (
        mp4_inputs(), fragment_inputs(), matroska_inputs(), riff_inputs(), ogg_inputs(audio), stream_inputs(audio),
        image_inputs(), playlist_inputs(), index_inputs(index),
    )  # fmt: skip
    return {name: data for group in groups for name, data in group}
