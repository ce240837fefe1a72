"""Where the index of a stream comes from: headers, else packets, else the decoder."""

from __future__ import annotations

from fractions import Fraction

from cycodec._shared import threads as thread_pool
from cycodec.core.bitstream.sps import stream_may_have_fields
from cycodec.core.container.demux import Demuxer
from cycodec.core.container.fragments import read_fragments
from cycodec.core.container.matroska import read_matroska
from cycodec.core.container.mov import read_mov
from cycodec.core.container.packets import scan_packets
from cycodec.core.video.confirm import decode_ordinals
from cycodec.core.video.index import FrameIndex
from cycodec.core.video.index_builder import index_from_ordinals, index_from_packets
from cycodec.core.video.reader import FrameReader

# Containers that store a timestamp for each packet, one packet a frame, and give the same ones after a seek.
TRUSTED_CONTAINERS = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm")


def predicted_index(
    demuxer: Demuxer, stream_index: int, threads: int = 1
) -> tuple[FrameIndex | None, bool, bool]:
    """(index that the packets promise or None, whether nothing was read yet, whether a decoder should confirm it)."""
    trusted = demuxer.format_name in TRUSTED_CONTAINERS and not demuxer.is_attached_picture(stream_index)
    table = None
    if trusted:
        table = (
            read_mov(demuxer, stream_index)
            or read_fragments(demuxer, stream_index)
            or read_matroska(demuxer, stream_index, thread_pool.run, threads)
        )
    scanned = table is None
    if table is None:
        table = scan_packets(demuxer, stream_index, closely=not trusted)
    if table.has_suspects:
        return None, False, True
    timeless = demuxer.format_name == "avi"
    index = index_from_packets(
        table,
        time_base(demuxer, stream_index),
        origin="scan" if scanned else "headers",
        stamped=not trusted,
        delayed=timeless,
        seconds_per_frame=seconds_per_frame(demuxer, stream_index),
    )
    sure = table.begins_decodable if trusted else table.is_plain(timeless)
    doubt = not sure or stream_may_have_fields(demuxer, stream_index)
    return index, not scanned, doubt


def decoded_index(demuxer: Demuxer, reader: FrameReader) -> FrameIndex:
    """The index of the frames that a reader gives from the stream's beginning to its end; `demuxer` is read for it, too."""
    table = scan_packets(demuxer, reader.stream_index)
    return index_from_ordinals(
        table,
        decode_ordinals(reader),
        time_base(demuxer, reader.stream_index),
        seconds_per_frame=seconds_per_frame(demuxer, reader.stream_index),
    )


def time_base(demuxer: Demuxer, stream_index: int) -> Fraction:
    """Of a stream's timestamps, in seconds; milliseconds where the header has none."""
    return demuxer.time_base(stream_index) or Fraction(1, 1000)


def seconds_per_frame(demuxer: Demuxer, stream_index: int) -> Fraction | None:
    """From the header's frame rate; None where it has none."""
    rate = demuxer.frame_rate(stream_index)
    return 1 / rate if rate else None
