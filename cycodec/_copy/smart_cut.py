"""Exact cuts: the frames around the cuts are encoded again, and all packets between are copied.

Note [Joins]
A new file has up to three parts of one video stream: encoded frames up to a key frame, copied
packets, and encoded frames behind them. Frames are encoded without reordering, so that their
packets fit before and behind the others. Copied packets begin at a key frame; leading frames, which
refer to frames before it, are encoded. They end where no packet refers to a later one: at the
last place before the end that no frame crosses in the order of decoding.

A decoder that reads the parts one after the other must give the frames that the source gives. That
depends on much that packets do not show, so each join is tried: a new decoder gets the packets on
both sides, and the copied frames must come out with the source's times and bits. If they do not,
the next key frame is tried.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, islice, pairwise
from typing import NamedTuple

from cycodec._copy.order_counts import source_counts, with_order_counts
from cycodec.core.container.demux import Demuxer
from cycodec.core.encode.recode import (
    Packet,
    PacketReader,
    Picture,
    PictureDecoder,
    PictureEncoder,
    find_encoder,
)
from cycodec.core.encode.splicer import Splice
from cycodec.core.encode.stream_headers import StreamHeaders, split_units
from cycodec.core.error import InvalidDataError, UnsupportedError

__all__ = ["StreamCut"]

TRIED_KEYS = 8  # key frames at which a join is tried
PROVED = 64  # copied packets that are decoded to prove a join
LONGEST_GOP = "9999"

# The encoders of a codec, the best ones first.
ENCODERS = {
    "h264": ("libx264",),
    "hevc": ("libx265",),
    "vp8": ("libvpx",),
    "vp9": ("libvpx-vp9",),
    "av1": ("libsvtav1", "libaom-av1"),
}
# High quality, no reordering, one key frame. x264 names its parameter sets otherwise than the usual
# sources, so that both may be known at once. x265 announces a delay that sources may have, too.
OPTIONS = {
    "libx264": {
        "crf": "12",
        "preset": "medium",
        "g": LONGEST_GOP,
        "x264-params": "sps-id=9:bframes=0:ref=1:weightp=0",
    },
    "libx265": {
        "crf": "10",
        "preset": "medium",
        "x265-params": f"log-level=none:bframes=4:keyint={LONGEST_GOP}:repeat-headers=1:info=0:open-gop=0",
    },
    "libsvtav1": {"crf": "8", "preset": "7", "g": LONGEST_GOP},
    "libaom-av1": {"crf": "10", "b": "0", "cpu-used": "6", "lag-in-frames": "0", "g": LONGEST_GOP},
    "libvpx-vp9": {"crf": "8", "b": "0", "cpu-used": "2", "lag-in-frames": "0", "g": LONGEST_GOP},
    "libvpx": {
        "crf": "4",
        "qmin": "0",
        "b": "50000000",
        "cpu-used": "2",
        "lag-in-frames": "0",
        "g": LONGEST_GOP,
    },
}
# What FFmpeg's own encoders need for a constant quantizer of 2.
CONSTANT_QUALITY = {"flags": "+qscale", "global_quality": "236"}


class Fact(NamedTuple):
    """What a packet says, in the time base of its stream."""

    pts: int
    dts: int | None
    is_entry: bool
    is_hidden: bool  # True if the packet gives no picture
    is_discarded: bool  # True if an edit list hides the picture

    @property
    def is_shown(self) -> bool:
        """True if a frame of the source comes from this packet."""
        return not self.is_hidden and not self.is_discarded

    @property
    def delay(self) -> int:
        """How long before its pts the packet is decoded; 0 if it does not say."""
        return 0 if self.dts is None else self.pts - self.dts


@dataclass(frozen=True)
class Plan:
    """Which packets are copied.

    Attributes
    ----------
    begin, end : int
        Numbers of the packets, half-open.
    floor, top : int
        The pts of the first and of the last frame that is copied.
    """

    begin: int
    end: int
    floor: int
    top: int


class StreamCut:
    """The part of one video stream.

    Parameters
    ----------
    demuxer : Demuxer
    stream : int
    guide : int
        The stream that is used to seek.
    begin, end : int or None
        The part in microseconds; None is the beginning or the end of the stream.
    from_next : bool
        True begins with the first frame at or after `begin`, False with the one played then.

    Raises
    ------
    UnsupportedError
        The packets of the stream have no times, or do not hold one frame each.
    """

    def __init__(
        self,
        demuxer: Demuxer,
        stream: int,
        guide: int,
        begin: int | None,
        end: int | None,
        from_next: bool = False,
    ) -> None:
        self._demuxer, self._stream, self._guide = demuxer, stream, guide
        self._reader = PacketReader(demuxer, stream)
        base = demuxer.time_base(stream)
        assert base is not None
        self._base: Fraction = base
        self._headers = StreamHeaders(demuxer, stream)
        self._last_duration = 0
        self.seek = begin
        self._origin, self._facts = self._scan(end)
        if begin is not None and not self._begins_before(begin):
            self.seek = None
            self._origin, self._facts = self._scan(end)
        self._wanted = self._wanted_times(begin, end, from_next)

    # ---- what there is ----

    def _scan(self, end: int | None) -> tuple[Packet | None, list[Fact]]:
        """The first packet after the seek, and what the packets up to the end of the part say."""
        self._reader.go_before(self._guide, self.seek)
        origin, facts = None, []
        while (packet := self._reader.read()) is not None:
            origin = origin or packet
            pts = packet.pts if packet.pts is not None else packet.dts
            if pts is None or (packet.pts is None and self._reader.reorders):
                raise self._unsupported("its packets do not say when frames are shown")
            is_hidden = self._reader.is_hidden(packet)
            is_entry = not is_hidden and self._reader.is_entry(packet)
            facts.append(Fact(pts, packet.dts, is_entry, is_hidden, packet.is_discarded))
            self._last_duration = packet.duration or self._last_duration
            decoded = pts if packet.dts is None else packet.dts
            if end is not None and min(self._time(decoded), self._time(pts)) >= end:
                break
        return origin, facts

    def _begins_before(self, begin: int) -> bool:
        """True if decoding can begin before the part."""
        return any(fact.is_entry and self._time(fact.pts) <= begin for fact in self._facts)

    def _wanted_times(self, begin: int | None, end: int | None, from_next: bool) -> list[int]:
        """The pts of the frames of the part, in order."""
        shown = sorted(fact.pts for fact in self._facts if fact.is_shown)
        if any(a == b for a, b in pairwise(shown)):
            raise self._unsupported("several of its packets have the same time")
        times = [self._time(pts) for pts in shown]
        first = 0
        if begin is not None and from_next:
            first = bisect_left(times, begin)
        elif begin is not None:
            first = max(bisect_right(times, begin) - 1, 0)
            if first == len(times) - 1 and self._time(shown[-1] + self._last_duration) <= begin:
                first += 1
        last = len(times) if end is None else bisect_left(times, end)
        self._shown = shown
        return shown[first:last]

    def _time(self, pts: int) -> int:
        """A time in microseconds."""
        scaled = pts * self._base * 1_000_000
        return (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)

    @property
    def first(self) -> int | None:
        """The time of the first frame in microseconds; None if there is none."""
        return self._time(self._wanted[0]) if self._wanted else None

    def _unsupported(self, problem: str) -> UnsupportedError:
        name = self._demuxer.io.name
        return UnsupportedError(
            f"{name}: cannot cut its {self._demuxer.codec_name(self._stream)} exactly: {problem}"
            " (leave exact out to cut at a key frame)",
            source=name,
            operation="cut",
        )

    # ---- what becomes of it ----

    def splice(self) -> Splice:
        """Decide which packets are copied, and encode the frames around them.

        Raises
        ------
        UnsupportedError
            Frames must be encoded, and the FFmpeg in use has no encoder that fits.
        InvalidDataError
            Frames that must be encoded cannot be decoded.
        """
        assert self._origin is not None
        for plan in islice(self._plans(), TRIED_KEYS):
            head = self._head(plan)
            tail = None if head is None else self._tail(plan)
            if head is not None and tail is not None:
                headers = self._headers if head or tail else None
                return Splice(self._origin, head, plan.begin, plan.end, plan.floor, tail, headers)
        data = self._framed(self._encoded(self._wanted))
        return Splice(self._origin, self._timed(data, self._wanted, 0, None), 0, 0, 0, [], self._headers)

    def _plans(self) -> Iterator[Plan]:
        """What may be copied, with one key frame after the other as the first."""
        for begin, fact in enumerate(self._facts):
            if fact.is_entry and self._wanted[0] <= fact.pts <= self._wanted[-1]:
                plan = self._plan(begin, len(self._facts))
                if plan is not None:
                    yield plan

    def _plan(self, begin: int, limit: int) -> Plan | None:
        """What is copied from a key frame on and before packet `limit`; None if nothing can be."""
        facts, floor, last = self._facts, self._facts[begin].pts, self._wanted[-1]
        kept = [number for number in range(begin, len(facts)) if facts[number].pts >= floor]
        lowest_behind = list(accumulate((facts[n].pts for n in reversed(kept)), min, initial=last + 1))[
            -2::-1
        ]
        found, top = None, floor
        for number, lowest in zip(kept, lowest_behind, strict=True):
            top = max(top, facts[number].pts)
            if top > last or facts[number].is_discarded or number >= limit:
                break
            if lowest > top:
                found = Plan(begin, number + 1, floor, top)
        return found

    def _head(self, plan: Plan) -> list[Packet] | None:
        """The encoded frames before the copied ones; None if the two cannot be joined."""
        times = self._wanted[: bisect_left(self._wanted, plan.floor)]
        if not times and all(fact.is_entry for fact in self._facts[plan.begin : plan.end]):
            return []
        proved = self._plan(plan.begin, plan.begin + PROVED) or plan
        digests: dict[int, bytes] = {}
        copied = self._times_between(proved.floor, proved.top)
        delay = self._facts[plan.begin].delay
        data = self._encoded(times, digests, copied)
        packets = self._copied(proved, plan.begin, bool(times))
        head = self._timed(self._leading_up(data, packets[0].data), times, delay, None)
        is_joined = self._is_joined([*head, *packets], times, copied, digests, proved.begin, proved.end)
        return head if is_joined else None

    def _tail(self, plan: Plan) -> list[Packet] | None:
        """The encoded frames behind the copied ones; None if the two cannot be joined."""
        times = self._wanted[bisect_right(self._wanted, plan.top) :]
        if not times:
            return []
        entry = max(n for n in range(plan.begin, plan.end) if self._facts[n].is_entry)
        copied = self._times_between(self._facts[entry].pts, plan.top)
        digests: dict[int, bytes] = {}
        delay = self._facts[plan.begin].delay
        stored = [fact.dts for fact in self._facts[plan.begin : plan.end] if fact.dts is not None]
        data = self._framed(self._encoded(times, digests, copied[-PROVED:], entry))
        tail = self._timed(data, times, delay, max(stored, default=plan.top))
        packets = self._copied(plan, entry, True)
        is_joined = self._is_joined([*packets, *tail], times, copied, digests, entry, plan.end)
        return tail if is_joined else None

    def _times_between(self, floor: int, top: int) -> list[int]:
        shown = self._shown
        return shown[bisect_left(shown, floor) : bisect_right(shown, top)]

    # ---- packets and pictures ----

    def _packets(self, begin: int, end: int | None = None) -> Iterator[Packet]:
        """The packets of these numbers; without `end` as far as there are."""
        self._reader.go_before(self._guide, self.seek)
        number = 0
        while (end is None or number < end) and (packet := self._reader.read()) is not None:
            if number >= begin:
                yield packet
            number += 1

    def _copied(self, plan: Plan, begin: int, with_headers: bool) -> list[Packet]:
        """The packets of a plan from packet `begin` on, as the new file gets them."""
        floor = max(plan.floor, self._facts[begin].pts)
        found: list[Packet] = []
        for packet, fact in zip(self._packets(begin, plan.end), self._facts[begin : plan.end], strict=True):
            if fact.pts < floor:
                continue
            if with_headers and packet.is_key:
                data = self._headers.completed(packet.data)
                if not found:
                    data = self._headers.with_broken_link(data)
                packet = Packet.made(data, fact.pts, fact.pts - fact.delay, packet.duration, True)
            found.append(packet)
        return found

    def _entry_for(self, pts: int) -> int:
        """The last packet at which decoding can begin so that a frame comes out right."""
        number = next(n for n, fact in enumerate(self._facts) if fact.pts == pts and fact.is_shown)
        entries = (n for n in range(number, -1, -1) if self._facts[n].is_entry and self._facts[n].pts <= pts)
        return next(entries, 0)

    def _decoded(self, begin: int, top: int) -> Iterator[Picture]:
        """The pictures that a new decoder gives from packet `begin` on, up to a time."""
        decoder = PictureDecoder(self._demuxer, self._stream)
        for packet in self._packets(begin):
            for picture in decoder.decode(packet):
                yield picture
                if picture.pts is not None and picture.pts >= top:
                    return
        yield from decoder.decode(None)

    def _encoded(
        self,
        times: list[int],
        digests: dict[int, bytes] | None = None,
        copied: Sequence[int] = (),
        entry: int | None = None,
    ) -> list[bytes]:
        """Encode the frames of these times; return the packets as the encoder gives them.

        Parameters
        ----------
        times : list of int
            The pts of the frames.
        digests : dict, optional
            Gets the digests of the frames of the times `copied`.
        copied : sequence of int
        entry : int, optional
            The packet at which decoding begins.
        """
        every = sorted([*times, *copied])
        made, wanted, digested = Encoding(self), set(times), set(copied)
        for picture in self._decoded(self._entry_for(every[0]) if entry is None else entry, every[-1]):
            if picture.pts in wanted:
                wanted.discard(picture.pts)
                made.add(picture)
            elif picture.pts in digested and digests is not None:
                digests[picture.pts] = picture.digest()
        if wanted:
            raise InvalidDataError(
                f"{self._demuxer.io.name}: cannot cut it exactly: the frame at {self._time(min(wanted)) / 1e6:.6f} s "
                "cannot be decoded (leave exact out to cut at a key frame)",
                source=self._demuxer.io.name,
                operation="cut",
            )
        data = made.finish()
        if len(data) != len(times):
            raise self._unsupported("its encoder does not give a packet for each frame")
        return data

    def _framed(self, data: list[bytes]) -> list[bytes]:
        """Packets of an encoder, as packets of the stream are."""
        headers = self._headers
        return [headers.framed(split_units(d)) for d in data] if headers.has_units else data

    def _leading_up(self, data: list[bytes], key: bytes) -> list[bytes]:
        """Packets of an encoder as packets of the stream, so that a key frame may follow them."""
        headers = self._headers
        if not headers.has_units or not data:
            return data
        frames: list[list[bytes]] | None = [split_units(d) for d in data]
        if self._demuxer.codec_name(self._stream) == "h264":
            counts = source_counts(headers.units(headers.sets), headers.units(key))
            if counts is not None:
                frames = with_order_counts(frames or [], *counts)
        return self._framed(data) if frames is None else [headers.framed(units) for units in frames]

    def _timed(self, data: list[bytes], times: list[int], delay: int, last_dts: int | None) -> list[Packet]:
        """Packets of encoded frames at the times of the source.

        Parameters
        ----------
        data : list of bytes
            The packets.
        times : list of int
            Their pts.
        delay : int
            How long before its pts a packet is decoded.
        last_dts : int or None
            The dts of the packet before.
        """
        packets = []
        for number, pts in enumerate(times):
            place = bisect_right(self._shown, pts)
            after = self._shown[place] if place < len(self._shown) else pts + self._last_duration
            dts = pts - delay
            if last_dts is not None and dts <= last_dts:
                dts = last_dts + 1
            last_dts = dts
            packets.append(Packet.made(data[number], pts, dts, after - pts, number == 0))
        return packets

    def _is_joined(
        self,
        packets: list[Packet],
        encoded: list[int],
        copied: list[int],
        digests: dict[int, bytes],
        begin: int,
        end: int,
    ) -> bool:
        """True if a new decoder gives all frames, and the copied ones as the source does.

        It must not complain either, unless it also complains of the source, where the copied
        packets are those from `begin` to `end`.
        """
        decoder = PictureDecoder(self._demuxer, self._stream)
        pictures = [picture for packet in [*packets, None] for picture in decoder.decode(packet)]
        if [picture.pts for picture in pictures] != sorted([*encoded, *copied]):
            return False
        if any(p.pts in digests and p.digest() != digests[p.pts] for p in pictures):
            return False
        return not decoder.complains or self._complains_of_source(begin, end)

    def _complains_of_source(self, begin: int, end: int) -> bool:
        """True if a decoder complains of packets also where it has read those before."""
        decoder = PictureDecoder(self._demuxer, self._stream)
        earlier = next((n for n in range(begin - 1, -1, -1) if self._facts[n].is_entry), begin)
        for number, packet in enumerate(self._packets(earlier, end), earlier):
            if number == begin:
                decoder.complains = False
            decoder.decode(packet)
        return decoder.complains

    def open_encoder(self, like: Picture) -> PictureEncoder:
        """An encoder for the pictures of the stream.

        Raises
        ------
        UnsupportedError
            There is none that fits.
        """
        codec = self._demuxer.codec_name(self._stream)
        if not self._headers.can_differ:
            raise self._unsupported(
                "the container stores one header for all of its frames, so others cannot be put between"
            )
        name = find_encoder(self._demuxer, self._stream, ENCODERS.get(codec, ()))
        if name is None:
            raise self._unsupported("the FFmpeg in use has no encoder for it")
        return PictureEncoder(self._demuxer, self._stream, like, name, OPTIONS.get(name, CONSTANT_QUALITY))


class Encoding:
    """Frames of a cut that are encoded, one after the other.

    Parameters
    ----------
    cut : StreamCut
    """

    def __init__(self, cut: StreamCut) -> None:
        self._cut = cut
        self._encoder: PictureEncoder | None = None
        self._data: list[bytes] = []

    def add(self, picture: Picture) -> None:
        """Encode a frame."""
        if self._encoder is None:
            self._encoder = self._cut.open_encoder(picture)
        self._data += [packet.data for packet in self._encoder.encode(picture)]

    def finish(self) -> list[bytes]:
        """The packets of all frames."""
        if self._encoder is not None:
            self._data += [packet.data for packet in self._encoder.encode(None)]
        return self._data
