"""The libraries, each in its best correct use. Imports happen in the library's own worker."""

import importlib
import importlib.metadata
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmark.checkouts import is_checkout
from benchmark.peer import Peer, Unsupported


class TorchCodec(Peer):
    layout = "NCHW"
    module = "torchcodec"

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        self.decoder = importlib.import_module(f"{self.module}.decoders").VideoDecoder
        self.options: dict[str, Any] = {"num_ffmpeg_threads": threads}

    def versions(self) -> dict[str, str]:
        core = importlib.import_module("torchcodec._core")
        return {
            "torchcodec": importlib.metadata.version("torchcodec"),
            "torch": importlib.metadata.version("torch"),
            "ffmpeg": str(core.get_ffmpeg_library_versions()["ffmpeg_version"]),
        }

    def open(self, path: str) -> Any:
        return self.decoder(path, seek_mode="exact", **self.options)

    def open_header(self, path: str) -> Any:
        return self.decoder(path, seek_mode="approximate", **self.options)

    def open_floats(self, path: str) -> Any:
        if "output_dtype" not in inspect.signature(self.decoder).parameters:
            raise Unsupported("this version returns uint8 only")
        float32 = importlib.import_module("torch").float32
        return self.decoder(path, seek_mode="exact", output_dtype=float32, **self.options)

    def open_resized(self, path: str, height: int, width: int) -> Any:
        resize = importlib.import_module(f"{self.module}.transforms").Resize
        return self.decoder(path, seek_mode="exact", transforms=[resize((height, width))], **self.options)

    def count(self, reader: Any) -> int:
        return len(reader)

    def at(self, reader: Any, indices: list[int]) -> Any:
        return reader.get_frames_at(indices).data

    def first(self, reader: Any, n: int) -> Any:
        return reader.get_frames_in_range(0, n).data

    def loop(self, reader: Any, n: int) -> Iterator[Any]:
        for i in range(n):
            yield reader[i]

    def played(self, reader: Any, seconds: list[float]) -> Iterator[Any]:
        for instant in seconds:
            yield reader.get_frame_played_at(instant).data


class Cycodec(TorchCodec):
    """cycodec has TorchCodec's names; only the import and the thread option differ."""

    module = "cycodec"

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        self.options = {"num_threads": threads}

    def open_resized(self, path: str, height: int, width: int) -> Any:
        cycodec = importlib.import_module("cycodec")
        try:
            return super().open_resized(path, height, width)
        except cycodec.UnsupportedError as error:
            raise Unsupported(str(error)) from error

    def open_planar(self, path: str) -> Any:
        return self.decoder(path, memory_order="NCHW", **self.options)

    def open_output(self, path: str, output: str) -> Any:
        cycodec = importlib.import_module("cycodec")
        try:
            return self.decoder(path, output=output, **self.options)
        except cycodec.FFmpegValueError as error:  # YUV of more than 8 bits is no uint8
            raise Unsupported(str(error)) from error

    def versions(self) -> dict[str, str]:
        cycodec = importlib.import_module("cycodec")
        return {
            "cycodec": importlib.metadata.version("cycodec"),
            "torch": importlib.metadata.version("torch"),
            "ffmpeg": _text(cycodec.ffmpeg_versions()),
        }


class PyAV(Peer):
    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        import av
        import numpy
        from av.video.reformatter import VideoReformatter

        self.av, self.numpy = av, numpy
        # One reformatter keeps swscale's context; to_ndarray(format=...) would make a new one for
        # each frame.
        self.reformatter = VideoReformatter()

    def versions(self) -> dict[str, str]:
        return {"av": self.av.__version__, "ffmpeg": self.av.ffmpeg_version_info}

    class Reader:
        """An open container, and its frames' times after the first use of them."""

        def __init__(self, container: Any, size: tuple[int, int] | None, pixels: str) -> None:
            self.container = container
            self.stream = container.streams.video[0]
            self.size = size
            self.pixels = pixels
            self.pts: list[int] | None = None
            self.keys: list[int] = []

    def open(self, path: str) -> Any:
        return self._open(path, None)

    open_header = open

    def open_floats(self, path: str) -> Any:
        return self._open(path, None, "rgb48le")

    def open_output(self, path: str, output: str) -> Any:
        if output == "yuv":
            raise Unsupported("returns planes of different sizes")
        return self._open(path, None, output)

    def open_resized(self, path: str, height: int, width: int) -> Any:
        return self._open(path, (height, width))

    def _open(self, path: str, size: tuple[int, int] | None, pixels: str = "rgb24") -> Any:
        reader = self.Reader(self.av.open(path), size, pixels)
        context = reader.stream.codec_context
        context.thread_count = self.threads
        context.thread_type = "NONE" if self.threads == 1 else "AUTO"
        return reader

    def close(self, reader: Any) -> None:
        reader.container.close()

    def prepare(self, reader: Any) -> None:
        with self.av.open(reader.container.name) as container:
            demuxed = container.demux(container.streams.video[0])
            packets = [packet for packet in demuxed if packet.size and not packet.is_discard]
        times = [packet.pts for packet in packets]
        # If packets have no times (AVI), the frames must be counted from the first one: ordinals
        # replace times.
        if None not in times and len(set(times)) == len(times):
            reader.keys = sorted(packet.pts for packet in packets if packet.is_keyframe)
        reader.pts = sorted(times) if reader.keys else list(range(len(times)))

    def count(self, reader: Any) -> int:
        return len(reader.pts) if reader.pts is not None else reader.stream.frames

    def indexed_count(self, reader: Any) -> int:
        self.prepare(reader)
        return self.count(reader)

    def _rgb(self, reader: Any, frame: Any) -> Any:
        height, width = reader.size or (None, None)
        samples = self.reformatter.reformat(
            frame, width=width, height=height, format=reader.pixels, threads=self.threads
        ).to_ndarray()
        if reader.pixels == "rgb48le":
            return self.numpy.divide(samples, 65535, dtype=self.numpy.float32)
        return samples.reshape(*samples.shape[:2], -1)

    def _batch(self, reader: Any, n: int) -> Any:
        context = reader.stream.codec_context
        height, width = reader.size or (context.height, context.width)
        kind = self.numpy.float32 if reader.pixels == "rgb48le" else self.numpy.uint8
        return self.numpy.empty((n, height, width, {"gray": 1, "rgba": 4}.get(reader.pixels, 3)), dtype=kind)

    def first(self, reader: Any, n: int) -> Any:
        batch = self._batch(reader, n)
        i = -1
        for i, frame in zip(range(n), reader.container.decode(reader.stream), strict=False):
            batch[i] = self._rgb(reader, frame)
        return batch[: i + 1]

    def loop(self, reader: Any, n: int) -> Iterator[Any]:
        for _, frame in zip(range(n), reader.container.decode(reader.stream), strict=False):
            yield self._rgb(reader, frame)

    def at(self, reader: Any, indices: list[int]) -> Any:
        if reader.pts is None:
            self.prepare(reader)
        if max(indices) >= len(reader.pts):
            raise IndexError(f"frame {max(indices)} was requested, but the file has {len(reader.pts)} frames")
        batch = self._batch(reader, len(indices))
        slots = sorted(range(len(indices)), key=indices.__getitem__)
        targets = [reader.pts[indices[slot]] for slot in slots]
        frames = self._forward(reader, targets) if reader.keys else self._counted(reader, targets)
        for slot, frame in zip(slots, frames, strict=True):
            batch[slot] = self._rgb(reader, frame)
        return batch

    def _counted(self, reader: Any, ordinals: list[int]) -> Iterator[Any]:
        wanted = set(ordinals)
        for i, frame in enumerate(reader.container.decode(reader.stream)):
            if i in wanted:
                yield frame
            if i == ordinals[-1]:
                return

    def _forward(self, reader: Any, targets: list[int]) -> Iterator[Any]:
        """Yields frames with these ascending pts: continues in the same GOP, otherwise seeks to the
        key frame.
        """
        decoded = reader.container.decode(reader.stream)
        # Before the first seek the container is at the first key frame.
        position = reader.keys[0]
        for target in targets:
            # A seek in a transport stream may end behind its target; then an earlier key frame is
            # needed.
            for key in [key for key in reversed(reader.keys) if key <= target] or reader.keys[:1]:
                if key > position or position > target:
                    reader.container.seek(key, stream=reader.stream)
                    decoded = reader.container.decode(reader.stream)
                frame = next((frame for frame in decoded if frame.pts >= target), None)
                position = frame.pts if frame else reader.pts[-1] + 1
                if position == target:
                    break
            if position != target:
                raise LookupError(f"no frame at pts {target} (found {position})")
            yield frame


class Decord(Peer):
    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        import decord

        decord.bridge.set_bridge("torch")
        decord.logging.set_level(decord.logging.ERROR)
        self.decord = decord

    def versions(self) -> dict[str, str]:
        libraries = Path(self.decord.__file__).parents[1] / "decord2.libs"
        codec = sorted(file.name.partition(".so.")[2] for file in libraries.glob("libavcodec-*"))
        return {
            "decord2": importlib.metadata.version("decord2"),
            "torch": importlib.metadata.version("torch"),
            "ffmpeg": f"libavcodec {', '.join(codec) or 'unknown'}",
        }

    def open(self, path: str) -> Any:
        return self.decord.VideoReader(path, num_threads=self.threads)

    def open_resized(self, path: str, height: int, width: int) -> Any:
        return self.decord.VideoReader(path, width=width, height=height, num_threads=self.threads)

    def count(self, reader: Any) -> int:
        return len(reader)

    def at(self, reader: Any, indices: list[int]) -> Any:
        return reader.get_batch(indices)

    def loop(self, reader: Any, n: int) -> Iterator[Any]:
        for i in range(n):
            yield reader[i]


class OpenCV(Peer):
    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        import cv2
        import numpy

        cv2.setNumThreads(threads)
        self.cv2, self.numpy = cv2, numpy

    def versions(self) -> dict[str, str]:
        lines = [line for line in self.cv2.getBuildInformation().splitlines() if "avcodec:" in line]
        codec = lines[0].partition("(")[2].rstrip(") ") if lines else "unknown"
        return {
            "opencv": importlib.metadata.version("opencv-python-headless"),
            "ffmpeg": f"libavcodec {codec}",
        }

    class Reader:
        """A capture, and the (height, width) that its frames must have, or None if unchanged."""

        def __init__(self, capture: Any, size: tuple[int, int] | None) -> None:
            self.capture, self.size = capture, size

    def open(self, path: str) -> Any:
        return self._open(path, None)

    open_header = open

    def open_resized(self, path: str, height: int, width: int) -> Any:
        return self._open(path, (height, width))

    def _open(self, path: str, size: tuple[int, int] | None) -> Any:
        options = [self.cv2.CAP_PROP_N_THREADS, self.threads]
        capture = self.cv2.VideoCapture(path, self.cv2.CAP_FFMPEG, options)
        if not capture.isOpened():
            raise RuntimeError(f"cannot open {path}")
        return self.Reader(capture, size)

    def close(self, reader: Any) -> None:
        reader.capture.release()

    def count(self, reader: Any) -> int:
        return int(reader.capture.get(self.cv2.CAP_PROP_FRAME_COUNT))

    def indexed_count(self, reader: Any) -> int:
        raise Unsupported("has the header's number of frames only")

    def _batch(self, reader: Any, n: int) -> Any:
        width = int(reader.capture.get(self.cv2.CAP_PROP_FRAME_WIDTH))
        height = int(reader.capture.get(self.cv2.CAP_PROP_FRAME_HEIGHT))
        return self.numpy.empty((n, *(reader.size or (height, width)), 3), dtype=self.numpy.uint8)

    def _next(self, reader: Any, out: Any = None) -> Any:
        """Returns the next frame in RGB, written into `out` if given; None at the end."""
        good, frame = reader.capture.read()
        if not good:
            return None
        if reader.size:
            frame = self.cv2.resize(frame, reader.size[::-1], interpolation=self.cv2.INTER_AREA)
        return self.cv2.cvtColor(frame, self.cv2.COLOR_BGR2RGB, dst=out)

    def first(self, reader: Any, n: int) -> Any:
        batch = self._batch(reader, n)
        for i in range(n):
            if self._next(reader, batch[i]) is None:
                return batch[:i]
        return batch

    def every(self, reader: Any) -> Any:
        # The count is the header's or a guess; unused frames of the array cost nothing.
        return self.first(reader, self.count(reader) + 32)

    def stream(self, reader: Any) -> Iterator[Any]:
        while (frame := self._next(reader)) is not None:
            yield frame

    def loop(self, reader: Any, n: int) -> Iterator[Any]:
        for _, frame in zip(range(n), self.stream(reader), strict=False):
            yield frame

    def at(self, reader: Any, indices: list[int]) -> Any:
        batch = self._batch(reader, len(indices))
        position = 0
        for slot in sorted(range(len(indices)), key=indices.__getitem__):
            if indices[slot] != position:
                reader.capture.set(self.cv2.CAP_PROP_POS_FRAMES, indices[slot])
            if self._next(reader, batch[slot]) is None:
                raise LookupError(f"no frame {indices[slot]}")
            position = indices[slot] + 1
        return batch


class Spdl(Peer):
    note = "opening reads the whole file"

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        import spdl.io
        import spdl.io.utils

        self.io, self.utils = spdl.io, spdl.io.utils
        self.config = spdl.io.decode_config(decoder_options={"threads": str(threads)})

    def versions(self) -> dict[str, str]:
        return {
            "spdl": importlib.metadata.version("spdl-io"),
            "ffmpeg": _text(self.utils.get_ffmpeg_versions()),
        }

    def open(self, path: str) -> Any:
        return self.io.demux_video(path), self.io.get_video_filter_desc()

    def open_resized(self, path: str, height: int, width: int) -> Any:
        scale = self.io.get_video_filter_desc(
            scale_width=width, scale_height=height, scale_algo="bilinear", scale_mode=None
        )
        return self.io.demux_video(path), scale

    def count(self, reader: Any) -> int:
        return len(reader[0])

    def at(self, reader: Any, indices: list[int]) -> Any:
        packets, filters = reader
        ascending = sorted(indices)
        frames = self.io.sample_decode_video(
            packets, ascending, decode_config=self.config, filter_desc=filters
        )
        asked = [frames[ascending.index(i)] for i in indices]
        return self.io.to_numpy(self.io.convert_frames(asked))

    def first(self, reader: Any, n: int) -> Any:
        packets, filters = reader
        frames = self.io.decode_packets(packets, filter_desc=filters, decode_config=self.config, num_frames=n)
        return self.io.to_numpy(self.io.convert_frames(frames))

    def every(self, reader: Any) -> Any:
        packets, filters = reader
        frames = self.io.decode_packets(packets, filter_desc=filters, decode_config=self.config)
        return self.io.to_numpy(self.io.convert_frames(frames))

    def stream(self, reader: Any) -> Iterator[Any]:
        raise Unsupported("whole clips only: it would keep all frames")


class Floor(Peer):
    """The limit of any library: FFmpeg decodes the same frames and converts none (floor.c)."""

    layout = ""

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        from benchmark import floor

        self.floor = floor

    def versions(self) -> dict[str, str]:
        return {"ffmpeg": self.floor.version()}

    def open(self, path: str) -> Any:
        return self.floor.Reader(path, self.threads)

    def open_resized(self, path: str, height: int, width: int) -> Any:
        return self.open(path)

    def prepare(self, reader: Any) -> None:
        reader.index()

    def close(self, reader: Any) -> None:
        reader.close()

    def count(self, reader: Any) -> int:
        raise Unsupported("decodes only")

    def at(self, reader: Any, indices: list[int]) -> Any:
        reader.index()
        if not reader.exact:
            raise Unsupported("packets without times")
        return range(reader.at(indices))

    def first(self, reader: Any, n: int) -> Any:
        return range(reader.first(n))

    def every(self, reader: Any) -> Any:
        return range(reader.first(-1))

    def planes(self, reader: Any, n: int) -> Any:
        return self.first(reader, n)

    def stream(self, reader: Any) -> Iterator[Any]:
        return iter(self.every(reader))

    def loop(self, reader: Any, n: int) -> Iterator[Any]:
        return iter(self.first(reader, n))

    def played(self, reader: Any, seconds: list[float]) -> Iterator[Any]:
        return iter(self.first(reader, len(seconds)))


def _text(versions: Any) -> str:
    """Returns a table of versions as one line."""
    if not isinstance(versions, dict):
        return str(versions)
    if "ffmpeg" in versions:
        return str(versions["ffmpeg"])
    return ", ".join(
        f"{name} {'.'.join(map(str, v)) if isinstance(v, tuple | list) else v}"
        for name, v in versions.items()
    )


PEERS: dict[str, type[Peer]] = {
    "cycodec": Cycodec,
    "torchcodec": TorchCodec,
    "av": PyAV,
    "decord": Decord,
    "opencv": OpenCV,
    "spdl": Spdl,
    "floor": Floor,
}
TITLES = {
    "cycodec": "cycodec",
    "torchcodec": "TorchCodec",
    "av": "PyAV",
    "decord": "decord2",
    "opencv": "OpenCV",
    "spdl": "SPDL",
    "floor": "decode only",
}


def peer_class(library: str) -> type[Peer]:
    """Returns the class of a library; another checkout of cycodec has the class of cycodec."""
    return Cycodec if is_checkout(library) else PEERS[library]


def title_of(library: str) -> str:
    """Returns a library's name in tables."""
    return TITLES.get(library, library)
