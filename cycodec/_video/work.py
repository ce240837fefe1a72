"""The work of a decoder: what it has done so far, and what a request will take."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cycodec._video.gops import Gops

if TYPE_CHECKING:
    from cycodec._video.session import VideoSession
    from cycodec.core.video.reader import FrameReader

__all__ = ["DecodeCounters", "DecodePlan", "counted", "planned"]


class DecodeCounters(NamedTuple):
    """The work of a decoder so far: see ``VideoDecoder.counters``.

    Attributes
    ----------
    seeks, packets_read, frames_decoded, frames_converted : int
    frames_damaged : int
        Frames that were returned although the decoder reported damage.
    """

    seeks: int
    packets_read: int
    frames_decoded: int
    frames_converted: int
    frames_damaged: int


class DecodePlan(NamedTuple):
    """What a key costs a fresh decoder: see ``VideoDecoder.plan``.

    Attributes
    ----------
    frames_wanted : int
        Different frames that the key selects.
    frames_decoded : int
        Frames from the key frames on to the wanted ones. The decoder leaves out those to which no
        other frame refers; it decodes a few more where frames are stored out of order.
    seeks : int
        Places in the file from which decoding starts.
    bytes_read : int or None
        Bytes of the file that hold these frames, estimated from the distances of the key frames.
        None if the index does not know where they are.
    """

    frames_wanted: int
    frames_decoded: int
    seeks: int
    bytes_read: int | None


def counted(readers: Iterable[FrameReader]) -> DecodeCounters:
    """Return what these readers have done so far."""
    readers = list(readers)
    return DecodeCounters(*(sum(getattr(r, name) for r in readers) for name in DecodeCounters._fields))


def planned(session: VideoSession, numbers: Sequence[int] | np.ndarray) -> DecodePlan:
    """Return what frames cost a fresh decoder of a stream.

    Raises
    ------
    ValueError
        The session is in approximate mode.
    """
    index = session.frame_index
    if index is None:
        raise ValueError(
            f"{session.name}: approximate mode does not know the key frames (use seek_mode='exact')"
        )
    if len(numbers) == 0:
        return DecodePlan(0, 0, 0, 0)
    gops = Gops(index, session.reader.demuxer.size())
    whole = gops.whole(np.asarray(index.positions_of(numbers), np.int64))
    begins, lasts = gops.runs(whole.positions)
    sizes = gops.bytes[gops.begins.searchsorted(begins, "right") - 1]
    known = bool((sizes > 0).all())
    read = round(float(((lasts - begins + 1) * sizes).sum())) if known else None
    return DecodePlan(whole.wanted, whole.frames, whole.seeks, read)
