"""How a stream gets its index: from the container's headers, from its packets, or by decoding."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from cycodec._shared import threads as thread_pool
from cycodec.core.container.avi import walk_avi
from cycodec.core.container.demux import Demuxer
from cycodec.core.container.first_picture import first_picture_size
from cycodec.core.container.header_table import read_header_table
from cycodec.core.container.packets import PacketTable, scan_packets
from cycodec.core.error import FFmpegError, InvalidDataError
from cycodec.core.io.source import IOContext
from cycodec.core.video.confirm import decode_ordinals
from cycodec.core.video.index import FrameIndex
from cycodec.core.video.index_builder import index_from_ordinals, index_from_packets
from cycodec.core.video.reader import FrameReader

# These containers store a timestamp and a frame for each packet. Seeks do not change timestamps.
TRUSTED_CONTAINERS = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm")

# Pixels that some decoders add to width and height for motion beyond the edges; FFmpeg counts them.
DECODER_BORDER = 128


@dataclass(frozen=True)
class Prediction:
    """An index that was made without decoding.

    Attributes
    ----------
    index : FrameIndex or None
        None if the packets do not tell which frames they hold.
    is_unread : bool
        True if the demuxer has not read any packet.
    is_doubtful : bool
        True if a decoder must confirm the index.
    first_size : tuple of int
        Width and height of the first picture by its own header; 0 if that is not known.
    """

    index: FrameIndex | None
    is_unread: bool
    is_doubtful: bool
    first_size: tuple[int, int] = (0, 0)


def predict_index(demuxer: Demuxer, stream_index: int, threads: int = 1) -> Prediction:
    """Make the index of a stream without decoding.

    Parameters
    ----------
    demuxer : Demuxer
    stream_index : int
    threads : int
        The largest number of threads that walk through a Matroska file.
    """
    prediction = predict_from_headers(demuxer, stream_index, threads)
    if prediction is not None:
        return prediction
    table = walk_avi(demuxer, stream_index)
    if table is not None:
        prediction = _prediction(demuxer, stream_index, table, is_trusted=False, is_scanned=True)
        return replace(prediction, is_unread=True)
    is_trusted = _is_trusted(demuxer, stream_index)
    table = scan_packets(demuxer, stream_index, closely=not is_trusted)
    return _prediction(demuxer, stream_index, table, is_trusted, is_scanned=True)


def predict_from_headers(demuxer: Demuxer, stream_index: int, threads: int = 1) -> Prediction | None:
    """Make the index of a stream from the container's headers; None if they do not list the frames.

    The parameters are those of `predict_index`. The demuxer has read no packet afterwards.
    """
    if not _is_trusted(demuxer, stream_index):
        return None
    table = read_header_table(demuxer, stream_index, thread_pool.run, threads)
    if table is None:
        return None
    return _prediction(demuxer, stream_index, table, is_trusted=True, is_scanned=False)


def _is_trusted(demuxer: Demuxer, stream_index: int) -> bool:
    """Return True if the container's timestamps and its number of packets can be relied on."""
    return demuxer.format_name in TRUSTED_CONTAINERS and not demuxer.is_attached_picture(stream_index)


def _prediction(
    demuxer: Demuxer, stream_index: int, table: PacketTable, is_trusted: bool, is_scanned: bool
) -> Prediction:
    """Make the index of a stream from a table of its packets, and say how certain it is."""
    table.learn_codec(demuxer, stream_index)
    if table.has_suspects:
        return Prediction(None, False, True)
    is_timeless = demuxer.format_name == "avi"
    index = index_from_packets(
        table,
        time_base(demuxer, stream_index),
        origin="scan" if is_scanned else "headers",
        stamped=not is_trusted,
        delayed=is_timeless,
        seconds_per_frame=seconds_per_frame(demuxer, stream_index),
        from_start_only=demuxer.changes_palette,
    )
    if index is None and _is_huge_cover(demuxer, stream_index, table):
        index = _index_of_ordinals(demuxer, stream_index, table, [0])
        index.origin, index.confirmed = "scan", False
    is_sure = table.begins_decodable if is_trusted else table.is_plain(is_timeless)
    is_doubtful = (
        not is_sure or (table.has_hidden and table.may_show_hidden) or may_have_fields(table, is_scanned)
    )
    has_size = table.first_width > 0 and table.first_height > 0
    first_size = (table.first_width, table.first_height) if has_size else (0, 0)
    if index is not None:
        index.first_width, index.first_height = first_size
    return Prediction(index, not is_scanned, is_doubtful, first_size)


def _is_huge_cover(demuxer: Demuxer, stream_index: int, table: PacketTable) -> bool:
    """Return True for a picture attached to audio that opening must not decode.

    It has no timestamp, so that other covers are decoded.
    """
    is_cover = demuxer.is_attached_picture(stream_index) and len(table) == 1
    return is_cover and demuxer.has_huge_frames(stream_index)


def _index_of_ordinals(
    demuxer: Demuxer, stream_index: int, table: PacketTable, ordinals: list[int]
) -> FrameIndex:
    """Make the index of the frames that the packets of these ordinals give."""
    return index_from_ordinals(
        table,
        ordinals,
        time_base(demuxer, stream_index),
        seconds_per_frame=seconds_per_frame(demuxer, stream_index),
        from_start_only=demuxer.changes_palette,
    )


def may_have_fields(table: PacketTable, is_scanned: bool) -> bool:
    """Return True if two packets may make one frame, so that a decoder must confirm the index.

    A close scan has read all slice headers. Otherwise the first one is read, and readers watch the
    others.
    """
    if (is_scanned and table.has_order) or not table.may_have_fields:
        return False
    return is_scanned or table.begins_with_field


def decode_index(io: IOContext, size: int | None, reader: FrameReader) -> FrameIndex:
    """Make the index of a stream by decoding all of it. The reader has no index afterwards.

    Parameters
    ----------
    io : IOContext
        The reader's source. It is opened once more.
    size : int or None
        The size of the source in bytes when it was opened first; None if it was not known.
    reader : FrameReader

    Raises
    ------
    FFmpegError
        The source has another size now.
    InvalidDataError
        No frame can be decoded.
    """
    demuxer = Demuxer(io.again())
    name, stream_index = demuxer.io.name, reader.stream_index
    if size is not None and demuxer.size() != size:
        raise FFmpegError(
            f"{name}: the source has {demuxer.size()} bytes now and had {size} when it was opened "
            "(make a new decoder when a file has changed)",
            source=name,
            operation="decode",
        )
    # as the reader's demuxer, because probing may stop at damage of another stream
    if reader.demuxer.probed:
        demuxer.probe()
    demuxer.keep_only(stream_index)
    table = scan_packets(demuxer, stream_index)
    if demuxer.format_name in TRUSTED_CONTAINERS:
        # frames last as long as in an index that is made without decoding
        headers = Demuxer(io.again())
        headers.keep_only(stream_index)
        table.take_durations(read_header_table(headers, stream_index))
    ordinals, damaged, suspects, first_size = decode_ordinals(reader)
    if ordinals and not len(table):
        raise InvalidDataError(
            f"{name}: reading it twice does not give the same packets (get an intact file)",
            source=name,
            operation="decode",
        )
    index = _index_of_ordinals(demuxer, stream_index, table, ordinals)
    index.stream_index = stream_index
    index.first_width, index.first_height = first_size
    check_frames(index, demuxer, stream_index)
    numbers = {ordinal: number for number, ordinal in enumerate(ordinals)}
    index.note_damage([*damaged, *(numbers[ordinal] for ordinal in suspects if ordinal in numbers)])
    return index


def is_other_size(demuxer: Demuxer, stream_index: int, index: FrameIndex) -> bool:
    """Return True if the first picture states another size than the container's header."""
    first_size = index.first_width, index.first_height
    return first_size != (0, 0) and first_size != demuxer.coded_size(stream_index)


def check_frames(index: FrameIndex, demuxer: Demuxer, stream_index: int) -> None:
    """Raise an error if an index has no frames.

    Raises
    ------
    UnsupportedError
        The source is of a kind that this FFmpeg does not decode.
    LimitError
        The frames are larger than the limit.
    InvalidDataError
        Otherwise.
    """
    if not len(index):
        demuxer.refuse_what_it_is()
        size = first_picture_size(Demuxer(demuxer.io.again()), stream_index)
        if size is not None:
            demuxer.check_pixels(*size, border=DECODER_BORDER)
        name = demuxer.io.name
        raise InvalidDataError(
            f"{name}: no frame of video stream {stream_index} can be decoded "
            "(the file may be damaged or cut off; `ffmpeg -i FILE -f null -` says more)",
            source=name,
            operation="decode",
        )


def time_base(demuxer: Demuxer, stream_index: int) -> Fraction:
    """Return the unit of a stream's timestamps in seconds; 1/1000 if the header has none."""
    return demuxer.time_base(stream_index) or Fraction(1, 1000)


def seconds_per_frame(demuxer: Demuxer, stream_index: int) -> Fraction | None:
    """Return the duration of a frame by the header's frame rate; None if the header has none."""
    rate = demuxer.frame_rate(stream_index)
    return 1 / rate if rate else None
