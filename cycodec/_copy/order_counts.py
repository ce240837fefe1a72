"""Picture order counts of H.264: encoded frames get counts that lead up to those of a source.

Note [Order counts]
A decoder sorts pictures by their order counts, which begin anew at an IDR picture. The key frames
of open GOPs are not IDR pictures: their count is a few low bits, which continue the count of the
pictures before. x264 counts from 0 and writes no counts for frames without reordering. So the
parameter set and the slice headers of encoded frames are written anew, with counts of 16 bits, of
which the last one comes so far before the count of the key frame that its low bits still tell.

ITU-T H.264, 7.3.2.1.1, 7.3.3 and 8.2.1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["OrderCounts", "source_counts", "with_order_counts"]

SLICE, IDR_SLICE, PARAMETER_SET = 1, 5, 7  # nal_unit_type
WITH_CHROMA_FORMAT = (100, 110, 122, 244, 44, 83, 86, 118, 128, 138)  # profile_idc
P_SLICE, I_SLICE = 0, 2  # slice_type modulo 5
COUNT_BITS = 16  # bits of the counts that are written
STEP = 2  # counts of a frame, which has two fields


class UnexpectedBits(ValueError):
    """A header is not as the encoder usually writes it."""


class Bits:
    """A reader of the bits of a NAL unit, without its header byte."""

    def __init__(self, unit: bytes) -> None:
        self.payload = unit[1:].replace(b"\0\0\3", b"\0\0")
        self._number = int.from_bytes(self.payload, "big")
        self.size = 8 * len(self.payload)
        self.position = 0

    def part(self, begin: int, end: int) -> str:
        """The bits between two positions, as digits."""
        count = end - begin
        return f"{self._number >> (self.size - end) & (1 << count) - 1:0{count}b}" if count else ""

    def take(self, count: int) -> int:
        """The next bits, as a number."""
        if self.position + count > self.size:
            raise UnexpectedBits
        self.position += count
        return int(self.part(self.position - count, self.position) or "0", 2)

    def golomb(self) -> int:
        """The next unsigned Exp-Golomb code."""
        zeros = 0
        while not self.take(1):
            zeros += 1
        return (1 << zeros) - 1 + self.take(zeros)


@dataclass(frozen=True)
class OrderCounts:
    """What a sequence parameter set says of frame numbers and order counts.

    Attributes
    ----------
    number_bits : int
        Bits of a frame number.
    count_bits : int
        Bits of an order count; 0 if slices have none.
    has_planes : bool
        True if slices name the colour plane that they code.
    frames_only : bool
        True if no picture is a field.
    place : tuple of int
        Where the set says how order counts are stored, in bits: begin and end.
    """

    number_bits: int
    count_bits: int
    has_planes: bool
    frames_only: bool
    place: tuple[int, int]


def read_set(unit: bytes) -> OrderCounts:
    """Read a sequence parameter set.

    Raises
    ------
    UnexpectedBits
        It has scaling lists, or counts of type 1.
    """
    bits = Bits(unit)
    profile = bits.take(8)
    bits.take(16)
    bits.golomb()
    has_planes = False
    if profile in WITH_CHROMA_FORMAT:
        if bits.golomb() == 3:
            has_planes = bool(bits.take(1))
        bits.golomb()
        bits.golomb()
        bits.take(1)
        if bits.take(1):
            raise UnexpectedBits
    number_bits = bits.golomb() + 4
    begin = bits.position
    kind = bits.golomb()
    if kind == 1:
        raise UnexpectedBits
    count_bits = bits.golomb() + 4 if kind == 0 else 0
    end = bits.position
    bits.golomb()
    bits.take(1)
    bits.golomb()
    bits.golomb()
    return OrderCounts(number_bits, count_bits, has_planes, bool(bits.take(1)), (begin, end))


def slice_count(bits: Bits, unit: bytes, counts: OrderCounts) -> int:
    """The order count of a slice; the reader is before it afterwards."""
    bits.golomb()
    bits.golomb()
    bits.golomb()
    if counts.has_planes:
        bits.take(2)
    bits.take(counts.number_bits)
    if not counts.frames_only and bits.take(1):
        bits.take(1)
    if unit[0] & 31 == IDR_SLICE:
        bits.golomb()
    place = bits.position
    value = bits.take(counts.count_bits)
    bits.position = place
    return value


def source_counts(sets: list[bytes], units: list[bytes]) -> tuple[int, int] | None:
    """The order count of a key frame that is no IDR picture, and the bits of counts.

    Parameters
    ----------
    sets, units : list of bytes
        The NAL units of the stream's headers and of the key frame.

    Returns
    -------
    tuple of int or None
        None if it is an IDR picture, or the stream stores no counts.
    """
    try:
        found = [unit for unit in [*sets, *units] if unit[0] & 31 == PARAMETER_SET]
        slices = [unit for unit in units if unit[0] & 31 in (SLICE, IDR_SLICE)]
        counts = read_set(found[-1])
        if not counts.count_bits or slices[0][0] & 31 == IDR_SLICE:
            return None
        return slice_count(Bits(slices[0][:64]), slices[0], counts), counts.count_bits
    except (IndexError, UnexpectedBits):
        return None


def with_order_counts(frames: list[list[bytes]], count: int, count_bits: int) -> list[list[bytes]] | None:
    """Write order counts into frames of x264.

    Parameters
    ----------
    frames : list of list of bytes
        The NAL units of each frame.
    count, count_bits : int
        The order count of the frame behind them, and its bits.

    Returns
    -------
    list of list of bytes or None
        None if a header is not as x264 usually writes it.
    """
    # decoders put pictures of their own in place of missing ones, and count on from the last one
    last = (count - (1 << count_bits - 1) + STEP) % (1 << count_bits)
    try:
        counts = next(read_set(unit) for unit in frames[0] if unit[0] & 31 == PARAMETER_SET)
        if counts.count_bits or counts.has_planes or not counts.frames_only:
            return None
        return [
            [rewritten(unit, counts, last - STEP * (len(frames) - 1 - number)) for unit in units]
            for number, units in enumerate(frames)
        ]
    except (StopIteration, UnexpectedBits):
        return None


def rewritten(unit: bytes, counts: OrderCounts, count: int) -> bytes:
    """A NAL unit with an order count, or a parameter set that announces it."""
    kind = unit[0] & 31
    if kind == PARAMETER_SET:
        return rewritten_set(unit, counts)
    return rewritten_slice(unit, counts, count) if kind in (SLICE, IDR_SLICE) else unit


def rewritten_set(unit: bytes, counts: OrderCounts) -> bytes:
    """A sequence parameter set that announces counts of COUNT_BITS."""
    bits = Bits(unit)
    last = len(bits.part(0, bits.size).rstrip("0"))
    begin, end = counts.place
    width = COUNT_BITS - 4 + 1
    golomb = f"{width:0{2 * width.bit_length() - 1}b}"
    digits = bits.part(0, begin) + "1" + golomb + bits.part(end, last)
    return unit[:1] + escaped(packed(digits, "0"))


def rewritten_slice(unit: bytes, counts: OrderCounts, count: int) -> bytes:
    """A slice with an order count, in the arithmetic code (CABAC)."""
    bits = Bits(unit[:64])
    bits.golomb()
    kind = bits.golomb() % 5
    bits.position = 0
    if kind not in (P_SLICE, I_SLICE):
        raise UnexpectedBits
    slice_count(bits, unit, counts)
    place = bits.position
    skip_slice_header(bits, kind, unit[0] & 31 == IDR_SLICE, unit[0] & 96 != 0)
    end = bits.position
    digits = bits.part(0, place) + f"{count % (1 << COUNT_BITS):0{COUNT_BITS}b}" + bits.part(place, end)
    return unit[:1] + escaped(packed(digits, "1") + Bits(unit).payload[-(-end // 8) :])


def skip_slice_header(bits: Bits, kind: int, is_idr: bool, is_reference: bool) -> None:
    """Skip what follows the order count in a slice header of x264 without weights."""
    if kind == P_SLICE:
        if bits.take(1):
            bits.golomb()
        if bits.take(1):
            while bits.golomb() != 3:
                bits.golomb()
    if is_reference and is_idr:
        bits.take(2)
    elif is_reference and bits.take(1):
        raise UnexpectedBits
    if kind == P_SLICE:
        bits.golomb()  # cabac_init_idc
    bits.golomb()  # slice_qp_delta
    if bits.golomb() != 1:
        bits.golomb()
        bits.golomb()


def packed(digits: str, filling: str) -> bytes:
    """Bits as whole bytes."""
    digits += filling * (-len(digits) % 8)
    return int(digits, 2).to_bytes(len(digits) // 8, "big")


def escaped(payload: bytes) -> bytes:
    """A payload in which no start code occurs."""
    return re.sub(rb"\0\0(?=[\0-\3])", b"\0\0\3", payload)
