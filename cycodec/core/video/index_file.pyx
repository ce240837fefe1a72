"""The file format of FrameIndex: how an index is saved, and how one that anybody may have written
is read.

A saved index is a version, a checksum, and a compressed payload. The payload is the length of a
header, the header as JSON, and the differences of each array as 64-bit integers.

Note [Untrusted index files]: the checksum finds damage, but it does not prove who wrote a file. The
reader and the seeker follow an index without looking twice, so that this module checks each field
and each array before an index exists. It decompresses only as much as the header announces, array
by array, and stops at the first wrong value.
"""

import json
import os
import secrets
import stat
import struct
import zlib

from cycodec.core.error import InvalidDataError, system_errors
from cycodec.core.video.reorder cimport LARGEST_REORDER


MAGIC = b"CYCIDX"
VERSION = 1
PREFIX = struct.Struct("<6sHI")             # magic, version, checksum of the rest

# The most frames, packets or anchors of a saved index: 6 days at 30 frames per second.
LARGEST_COUNT = 1 << 24
# bytes of a saved index, and of its header
LARGEST_FILE = 1 << 28
LARGEST_HEADER = 1 << 12
# Times beyond this are refused, so that a pts and a duration can be added.
LARGEST_TIME = (1 << 62) - 1
LARGEST_INT = (1 << 31) - 1
LARGEST_SIZE = (1 << 63) - 1
NOPTS = -(1 << 63)
DIGEST_LENGTH = 32                          # hexadecimal digits of a fingerprint

# What made an index; see FrameIndex.origin.
ORIGINS = frozenset(("", "headers", "scan", "decoded", "mappings"))

# The fields of Anchor in index.pxd.
ANCHOR_FIELDS = [
    ("pts", "i8"), ("dts", "i8"), ("pos", "i8"), ("sync_pos", "i8"), ("first", "i8"), ("ordinal", "i4"), ("size", "i4"),
    ("digest", "u4"),
]
# How often differences of each array are taken before it is compressed, in the order in which
# arrays are stored.
FRAME_ORDERS = {"pts": 2, "durations": 1}
ANCHOR_ORDERS = {
    "pts": 2, "dts": 2, "pos": 1, "sync_pos": 1, "first": 2, "ordinal": 2, "size": 0, "digest": 0,
}
ORDINAL_ORDER = 2

# The integers of a header, each with its smallest and its largest value.
INTEGERS = {
    "count": (0, LARGEST_COUNT), "anchors": (0, LARGEST_COUNT), "packets": (0, LARGEST_COUNT), "num": (1, LARGEST_INT),
    "den": (1, LARGEST_INT), "reorder": (0, LARGEST_REORDER), "stream_index": (-1, LARGEST_INT),
    "width": (0, LARGEST_INT), "height": (0, LARGEST_INT),
}
BOOLEANS = ("stamped", "linear", "confirmed", "synthesized", "remembers")

# Fields that the first indexes do not have, and what their absence means.
ADDED = {"remembers": False, "width": 0, "height": 0}


# -- writing ---------------------------------------------------------------------------------------


def pack_index(header, arrays):
    """Return the bytes of an index.

    Parameters
    ----------
    header : dict
        The fields of INTEGERS and BOOLEANS, and "origin", "size" and "digest".
    arrays : dict
        "pts", "durations", "anchors" (a structured array of ANCHOR_FIELDS), and "ordinals" if
        frames are stamped.
    """
    if max(header["count"], header["anchors"], header["packets"]) > LARGEST_COUNT:
        raise ValueError(f"an index of more than {LARGEST_COUNT} frames or packets cannot be saved (split the video)")
    parts = [differences(arrays[name], order) for name, order in FRAME_ORDERS.items()]
    parts += [differences(arrays["anchors"][name], order) for name, order in ANCHOR_ORDERS.items()]
    if header["stamped"]:
        parts.append(differences(arrays["ordinals"], ORDINAL_ORDER))
    text = json.dumps(header).encode()
    payload = zlib.compress(struct.pack("<I", len(text)) + text + b"".join(parts), 6)
    return PREFIX.pack(MAGIC, VERSION, zlib.crc32(payload)) + payload


def write_index(path, data):
    """Write the bytes of an index to a file, which is replaced whole; a device or a pipe is written
    to directly.
    """
    name = os.fsdecode(path)
    with system_errors("save the index", name):
        if is_stream(name):
            with open(name, "wb") as file:
                file.write(data)
        else:
            replace_file(name, data)


def replace_file(name, data):
    """Write a file, which appears under its name when it is complete."""
    # The name cannot be guessed, and O_EXCL follows no link, so that nobody else chooses the file
    # that is written.
    temporary = f"{name}.{secrets.token_hex(8)}.tmp"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o666)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
        os.replace(temporary, name)
    except BaseException:
        if os.path.exists(temporary):
            os.remove(temporary)
        raise


def is_stream(name):
    """Return True if a path is something that a file must not replace: a device, a pipe, or a link
    of /dev or /proc.
    """
    try:
        found = os.stat(name)
    except OSError:
        return False
    if not stat.S_ISREG(found.st_mode):
        return True
    # "/dev/stdout" is a link to an open file; that file is regular if the output is redirected
    return os.path.islink(name) and os.readlink(name).startswith(("/proc/", "/dev/"))


def differences(values, order):
    """Return the differences of an array of integers, taken `order` times: mostly zeros for steady
    frame rates.
    """
    import numpy

    values = values.astype(numpy.int64)
    for _ in range(order):
        values = numpy.diff(values, prepend=numpy.int64(0))
    return values.astype("<i8").tobytes()


# -- reading ---------------------------------------------------------------------------------------


def is_index_file(path):
    """Return True if a file begins as `write_index` begins it."""
    with system_errors("read the index", os.fsdecode(path)), open(path, "rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def read_index(path):
    """Return the bytes of a file; not more than the largest index has, and one that is too large is
    cut off.
    """
    with system_errors("read the index", os.fsdecode(path)), open(path, "rb") as file:
        data = file.read(PREFIX.size)
        if data[:len(MAGIC)] != MAGIC:
            return data
        return data + file.read(LARGEST_FILE - len(data))


def unpack_index(data, name):
    """Return (header, arrays) of the bytes that `pack_index` made: Note [Untrusted index files].

    Parameters
    ----------
    data : bytes
    name : str
        What errors call these bytes.

    Returns
    -------
    tuple of (dict, dict)
        The arrays are of int64: "pts", "durations", "ordinals" if frames are stamped, and one for
        each field of ANCHOR_FIELDS, named "anchor pts" and so on.

    Raises
    ------
    InvalidDataError
        These are not the bytes of an index, they are damaged or of another version, or a value in
        them is not possible.
    """
    try:
        stream = open_payload(data)
        header = read_header(stream)
        return header, read_arrays(stream, header)
    except (ValueError, KeyError, struct.error, zlib.error) as reason:
        if isinstance(reason, KeyError):
            reason = f"its header has no {reason}"
        raise InvalidDataError(
            f"{name} is no usable frame index: {reason} (make a new one with index.save or `cycodec index`)",
            source=str(name), operation="load index",
        ) from None


class Payload:
    """The decompressed payload, which is read piece by piece; a small file may decompress to any
    size.
    """

    def __init__(self, data):
        self.inflater = zlib.decompressobj()
        self.rest = data

    def take(self, size):
        """Return the next bytes."""
        parts = []
        missing = size
        while missing and not self.inflater.eof:
            part = self.inflater.decompress(self.rest, missing)
            self.rest = self.inflater.unconsumed_tail
            if not part and not self.rest:
                break
            parts.append(part)
            missing -= len(part)
        if missing:
            raise ValueError("its arrays have the wrong length")
        return b"".join(parts)

    def finish(self):
        """Raise ValueError unless all bytes have been taken."""
        more = self.inflater.decompress(self.rest, 1)
        if more or not self.inflater.eof or self.inflater.unused_data:
            raise ValueError("its arrays have the wrong length")


def open_payload(data):
    """Return the Payload of a saved index whose first bytes are right."""
    if not isinstance(data, bytes):
        data = memoryview(data).tobytes()
    if data[:len(MAGIC)] != MAGIC:
        raise ValueError("it does not begin like one")
    _, version, checksum = PREFIX.unpack_from(data)
    if version != VERSION:
        raise ValueError(f"it has version {version}, this cycodec reads version {VERSION}")
    data = data[PREFIX.size:]
    if zlib.crc32(data) != checksum:
        raise ValueError("its checksum does not match: it is damaged or cut off")
    return Payload(data)


def read_header(stream):
    """Return the header of a Payload with every field checked."""
    (length,) = struct.unpack("<I", stream.take(4))
    if length > LARGEST_HEADER:
        raise ValueError(f"its header is longer than {LARGEST_HEADER} bytes")
    text = stream.take(length)
    # The parser calls itself for each level; a header has one.
    if text.count(b"{") != 1 or b"[" in text:
        raise ValueError("its header is not a flat JSON object")
    header = json.loads(text)
    if not isinstance(header, dict):
        raise ValueError("its header is not a flat JSON object")
    for name, value in ADDED.items():
        header.setdefault(name, value)
    for name, (smallest, largest) in INTEGERS.items():
        check_integer(header, name, smallest, largest)
    for name in BOOLEANS:
        if not isinstance(header[name], bool):
            raise ValueError(f"the field '{name}' of its header is not true or false")
    if not isinstance(header["origin"], str) or header["origin"] not in ORIGINS:
        raise ValueError("the field 'origin' of its header is not a known word")
    check_fingerprint(header)
    check_counts(header)
    return header


def check_integer(header, name, smallest, largest):
    """Raise ValueError unless a field of a header is an integer in a range."""
    value = header[name]
    if type(value) is not int or not smallest <= value <= largest:
        raise ValueError(f"the field '{name}' of its header is not an integer from {smallest} to {largest}")


def check_fingerprint(header):
    """Raise ValueError unless size and digest of the source are both missing or both possible."""
    size, digest = header["size"], header["digest"]
    if size is None and digest is None:
        return
    check_integer(header, "size", 0, LARGEST_SIZE)
    if not isinstance(digest, str) or len(digest) != DIGEST_LENGTH or not set(digest) <= set("0123456789abcdef"):
        raise ValueError(f"the field 'digest' of its header is not {DIGEST_LENGTH} hexadecimal digits")


def check_counts(header):
    """Raise ValueError unless the numbers of frames, anchors and packets fit each other."""
    count, anchors, packets = header["count"], header["anchors"], header["packets"]
    if anchors > max(count, 1) or (count and not anchors):
        raise ValueError(f"its header has {anchors} anchors for {count} frames")
    if header["linear"] and not header["stamped"]:
        raise ValueError("its header has frames that are known by their order and have no packets")
    if header["linear"] and anchors > 1:
        raise ValueError(f"its header has {anchors} anchors for frames that are known by their order")
    if not header["stamped"] and packets:
        raise ValueError(f"its header has {packets} packets for frames that are known by their times")
    if header["stamped"] and packets < (min(count, 1) if header["linear"] else count):
        raise ValueError(f"its header has {packets} packets for {count} frames")


def read_arrays(stream, header):
    """Return the arrays of a Payload, each checked before the next one is decompressed."""
    count, anchors = header["count"], header["anchors"]
    arrays = {}
    arrays["pts"] = take_sums(stream, count, FRAME_ORDERS["pts"])
    check_range("times", arrays["pts"], -LARGEST_TIME, LARGEST_TIME)
    check_rising("times", arrays["pts"], not header["stamped"])
    arrays["durations"] = take_sums(stream, count, FRAME_ORDERS["durations"])
    check_range("durations", arrays["durations"], 0, LARGEST_TIME)
    for name, order in ANCHOR_ORDERS.items():
        arrays[f"anchor {name}"] = take_sums(stream, anchors, order)
        check_anchors(name, arrays[f"anchor {name}"], header)
    if header["stamped"]:
        arrays["ordinals"] = take_sums(stream, count, ORDINAL_ORDER)
        check_ordinals(arrays["ordinals"], header)
    stream.finish()
    return arrays


def check_anchors(name, values, header):
    """Raise ValueError if one field of the anchors has an impossible value."""
    what = f"values of '{name}' of its anchors"
    if name in ("pts", "dts"):
        check_range(what, values[values != NOPTS], -LARGEST_TIME, LARGEST_TIME)
    elif name in ("pos", "sync_pos"):
        check_range(what, values, -1, LARGEST_TIME)
    elif name == "first":
        check_range(what, values, 0, max(header["count"] - 1, 0))
        check_rising(what, values, True)
        if len(values) and values[0] != 0:
            raise ValueError("its first anchor is not for its first frame")
    elif name == "ordinal":
        # An index of an empty stream has the first packet as its anchor; one that ffprobe's list
        # made has no packets.
        if header["stamped"]:
            check_range(what, values, 0, max(header["packets"] - 1, 0))
        else:
            check_range(what, values, -1, LARGEST_INT >> 1)
        check_rising(what, values, header["stamped"])
    elif name == "size":
        check_range(what, values, 0, LARGEST_INT)
    elif name == "digest":
        check_range(what, values, 0, (1 << 32) - 1)


def check_ordinals(values, header):
    """Raise ValueError unless each frame has a packet of its own; frames that are known by order
    may share one.
    """
    import numpy

    check_range("numbers of packets", values, 0, header["packets"] - 1)
    if not header["linear"] and len(numpy.unique(values)) != len(values):
        raise ValueError("two of its frames have the same packet")


def check_range(what, values, smallest, largest):
    """Raise ValueError if a value of an array is outside of a range."""
    if len(values) and not (smallest <= values.min() and values.max() <= largest):
        raise ValueError(f"some {what} are not from {smallest} to {largest}")


def check_rising(what, values, strictly):
    """Raise ValueError unless the values of an array rise; with `strictly`, no two of them may be
    equal.
    """
    if not ((values[1:] > values[:-1]) if strictly else (values[1:] >= values[:-1])).all():
        raise ValueError(f"the {what} do not rise")


def take_sums(stream, count, order):
    """Return the next array of a Payload, which holds its differences; sums too large for 64 bits
    wrap.
    """
    import numpy

    values = numpy.frombuffer(stream.take(8 * count), dtype="<i8").astype(numpy.int64)
    for _ in range(order):
        numpy.cumsum(values, out=values)
    return values
