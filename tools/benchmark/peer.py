"""What a library offers to the benchmark; peers.py holds the libraries.

A peer returns batches ``[n, ...]`` or iterators of single frames, as RGB uint8 of NumPy or torch,
in the layout that it names. ``open`` returns a reader; every other method takes one.
"""

from collections.abc import Iterator
from typing import Any


class Unsupported(Exception):
    """This library cannot do that; the worker reports the reason instead of a figure."""


class Peer:
    """The methods that a library may offer; a library does not offer those that it does not
    override.
    """

    layout = "NHWC"
    # A short note for the tables, such as what `open` leaves out.
    note = ""

    def __init__(self, threads: int) -> None:
        self.threads = threads

    def versions(self) -> dict[str, str]:
        """Returns the versions of the library and of its FFmpeg."""
        raise NotImplementedError

    def open(self, path: str) -> Any:
        raise NotImplementedError

    def open_resized(self, path: str, height: int, width: int) -> Any:
        raise Unsupported("decodes at the stream's own size only")

    def open_planar(self, path: str) -> Any:
        """Returns a reader for `planes`."""
        return self.open(path)

    def open_floats(self, path: str) -> Any:
        """Returns a reader of float32 frames: 16-bit RGB divided by 65535."""
        raise Unsupported("returns uint8 only")

    def open_output(self, path: str, output: str) -> Any:
        """Returns a reader of gray, RGBA or YUV frames."""
        raise Unsupported("returns RGB only")

    def open_header(self, path: str) -> Any:
        """Returns a reader that knows only the file's header."""
        raise Unsupported("always looks at the whole file")

    def close(self, reader: Any) -> None:
        """Closes the file; libraries that do so when the reader is dropped need no code here."""

    def prepare(self, reader: Any) -> None:
        """Does what a careful user of a library without exact mode does once per file; timed with
        opening.
        """

    def count(self, reader: Any) -> int:
        raise NotImplementedError

    def indexed_count(self, reader: Any) -> int:
        """Returns the number of frames by an index, which may be made now; the header's number is
        not enough.
        """
        return self.count(reader)

    def at(self, reader: Any, indices: list[int]) -> Any:
        """Returns a batch of the requested frames, in that order."""
        raise NotImplementedError

    def first(self, reader: Any, n: int) -> Any:
        return self.at(reader, list(range(n)))

    def planes(self, reader: Any, n: int) -> Any:
        """Returns the first frames as contiguous NCHW; the default copies them."""
        batch = self.first(reader, n)
        if hasattr(batch, "numpy"):
            return (batch if self.layout == "NCHW" else batch.permute(0, 3, 1, 2)).contiguous()
        return batch.transpose(0, 3, 1, 2).copy()

    def every(self, reader: Any) -> Any:
        return self.first(reader, self.count(reader))

    def stream(self, reader: Any) -> Iterator[Any]:
        return self.loop(reader, self.count(reader))

    def loop(self, reader: Any, n: int) -> Iterator[Any]:
        raise Unsupported("has no access frame by frame")

    def played(self, reader: Any, seconds: list[float]) -> Iterator[Any]:
        raise Unsupported("has no access by time")
