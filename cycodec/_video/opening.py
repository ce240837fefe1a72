"""How a video stream is opened: demuxer, header, index, and the readers that decode it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from fractions import Fraction
from typing import IO, TYPE_CHECKING, Any, TypeAlias

from cycodec._shared.metadata import video_metadata
from cycodec._shared.threads import thread_limit
from cycodec._video.approximate import ApproximateIndex, cheap_index
from cycodec._video.indexing import check_frames, decode_index, is_other_size, predict_index, time_base
from cycodec._video.options import Options
from cycodec.core.container.demux import Demuxer
from cycodec.core.container.first_picture import first_picture_size
from cycodec.core.container.headers import fill_picture_format
from cycodec.core.io.source import IOContext
from cycodec.core.video.backend import VideoBackend
from cycodec.core.video.confirm import confirm
from cycodec.core.video.cpu import CpuBackend
from cycodec.core.video.header_index import HeaderIndex
from cycodec.core.video.index import FrameIndex
from cycodec.core.video.index_builder import index_from_mappings
from cycodec.core.video.reader import FrameReader
from cycodec.core.video.stream_index import StreamIndex

if TYPE_CHECKING:
    from cycodec.cuda.delivery import Gpu

Mappings: TypeAlias = str | bytes | IO[Any]
# What a session translates frame numbers and instants with.
SessionIndex: TypeAlias = FrameIndex | HeaderIndex | ApproximateIndex


def given_index_of(index: FrameIndex | bytes | str | os.PathLike[str] | None) -> FrameIndex | None:
    """Returns the index that a user gives as an object, as bytes or as the path of a file."""
    if isinstance(index, (str, os.PathLike)):
        return FrameIndex.load(index)
    if isinstance(index, (bytes, bytearray, memoryview)):
        return FrameIndex.from_bytes(bytes(index))
    if index is not None and not isinstance(index, FrameIndex):
        raise TypeError(
            f"index must be a FrameIndex, its bytes or the path of a saved one, not {type(index).__name__}"
        )
    return index


@dataclass(frozen=True)
class Opened:
    """An open stream with an index that needs no further confirmation.

    Attributes
    ----------
    demuxer : Demuxer
    stream_index : int
    time_base : Fraction
        The unit of timestamps, in seconds.
    size : int or None
        Of the source, in bytes.
    header : dict
        What the header says of the stream: ``Demuxer.stream_info``.
    index : FrameIndex, HeaderIndex or ApproximateIndex
        One of the last two in approximate mode.
    is_unread : bool
        True if nothing was read from the demuxer.
    reader : FrameReader or None
        The CPU's reader that has confirmed or made the index; None if no decoder was needed.
    has_other_size : bool
        True if the first packet contradicts the size in the header.
    """

    demuxer: Demuxer
    stream_index: int
    time_base: Fraction
    size: int | None
    header: dict[str, Any]
    index: SessionIndex
    is_unread: bool
    reader: FrameReader | None
    has_other_size: bool = False


def open_stream(
    io: IOContext,
    options: Options,
    index: FrameIndex | None = None,
    mappings: Mappings | None = None,
) -> Opened:
    """Open a stream and find its index.

    Parameters
    ----------
    io : IOContext
    options : Options
    index : FrameIndex, optional
        An index that was made before; it is refused if it belongs to another source. Approximate
        mode does not use it.
    mappings : str, bytes or file-like, optional
        ffprobe's list of frames, to make the index from.

    Raises
    ------
    FFmpegError
        The source cannot be read, or has no such video stream.
    InvalidDataError
        No frame can be decoded.
    StaleIndexError
        The given index is not of this source.
    """
    if index is not None:
        index.check_size(io.name, io.size)
    demuxer = Demuxer(io.again())
    size = demuxer.size()
    stream_index = demuxer.select_video(options.stream_index)
    base = time_base(demuxer, stream_index)
    is_unread, is_doubtful, first_size = True, False, (0, 0)
    if options.cuda is not None:
        learn_pictures(demuxer, stream_index, options)
    if options.approximate:
        exact = cheap_index(demuxer, stream_index, options)
        demuxer.look_ahead(stream_index)
        header = demuxer.stream_info(stream_index)
        promised = header_index(header, demuxer.io.name, base)
        approximate = promised if exact is None else ApproximateIndex(promised, exact)
        other = exact is not None and is_other_size(demuxer, stream_index, exact)
        return Opened(demuxer, stream_index, base, size, header, approximate, is_unread, None, other)
    if mappings is not None:
        index = index_from_mappings(mappings, base)
    elif index is not None:
        index.check_source(demuxer, stream_index)
    else:
        prediction = predict_index(demuxer, stream_index, thread_limit(options.num_threads))
        index, is_unread, is_doubtful = prediction.index, prediction.is_unread, prediction.is_doubtful
        first_size = prediction.first_size
        if index is not None and demuxer.has_huge_frames(stream_index):
            # one frame may take a gigabyte: reads prove the index, not opening
            found = first_picture_size(Demuxer(io.again()), stream_index)
            demuxer.check_pixels(*found or (0, 0))
            is_doubtful = found is None
            if found is not None:
                demuxer.learn_size(stream_index, *found)
    header = demuxer.stream_info(stream_index)
    reader = None
    if index is None or is_doubtful:
        begun = StreamIndex() if index is None else index
        reader = cpu_reader(demuxer, stream_index, options.ffmpeg_threads, begun, is_unread)
        is_unread = False
        if index is None or not confirm(reader):
            index = decode_index(io, size, reader)
            reader.set_index(index)
    check_frames(index, demuxer, stream_index)
    index.confirmed = index.confirmed or is_doubtful
    index.stream_index = stream_index
    if not index.first_width:
        index.first_width, index.first_height = first_size
    other = is_other_size(demuxer, stream_index, index)
    return Opened(demuxer, stream_index, base, size, header, index, is_unread, reader, other)


def readers_index(index: SessionIndex) -> FrameIndex | HeaderIndex:
    """Return the index that readers decode by: Note [Approximate mode with an index]."""
    return index.exact if isinstance(index, ApproximateIndex) else index


def header_index(header: dict[str, Any], name: str, base: Fraction) -> HeaderIndex:
    """Return the index of approximate mode for the stream of a header; `name` is the source's."""
    known = video_metadata(header)
    return HeaderIndex(
        name, base, known.begin_stream_seconds, known.end_stream_seconds, known.average_fps, known.num_frames
    )


def learn_pictures(demuxer: Demuxer, stream_index: int, options: Options) -> None:
    """Make a demuxer know the depth, chroma and colours of pictures, which a GPU's backend needs.

    NVDEC's own backend takes them from the headers where these are complete, which avoids decoding.
    """
    if options.cuda_backend != "nvdec" or not fill_picture_format(demuxer, stream_index):
        demuxer.probe()


def cpu_reader(
    demuxer: Demuxer, stream_index: int, num_threads: int, index: StreamIndex, is_unread: bool
) -> FrameReader:
    """Return a reader whose frames libavcodec decodes into host memory."""
    backend = CpuBackend(demuxer, stream_index, num_threads, index.reorder)
    return FrameReader(demuxer, stream_index, backend, index, is_unread)


@dataclass(frozen=True)
class ReaderFactory:
    """Opens further readers of a stream, for requests that several readers serve.

    Attributes
    ----------
    io : IOContext
        It must be sharable.
    gpu : Gpu or None
        Where frames are delivered to; None is host memory.
    """

    io: IOContext
    gpu: Gpu | None

    def open(self, main: FrameReader, num_threads: int = 1) -> FrameReader:
        """Return another reader with the index of `main`.

        Parameters
        ----------
        main : FrameReader
            Its demuxer already knows what the new decoder needs to know about the stream.
        num_threads : int
            With more than one, the new decoder uses frame threads.
        """
        index, stream_index, known = main.index, main.stream_index, main.demuxer
        demuxer = Demuxer(self.io.again())
        if known.probed:
            demuxer.probe()
        demuxer.keep_only(stream_index)
        backend: VideoBackend
        if self.gpu is not None:
            backend = self.gpu.backend(known, stream_index, num_threads, index.reorder)
        else:
            backend = CpuBackend(known, stream_index, num_threads, index.reorder, strict=num_threads > 1)
        reader = FrameReader(demuxer, stream_index, backend, index, True)
        reader.size_proved = main.size_proved
        return reader
