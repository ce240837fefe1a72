"""Where one file goes: a path, numbered pictures, a file-like object, or memory."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cycodec._shared import torch_adapter
from cycodec.core.encode.codecs import picture_codec
from cycodec.core.encode.muxer import Muxer, resolve_format
from cycodec.core.error import FFmpegTypeError, FFmpegValueError, SourceNotFoundError
from cycodec.core.io.sink import Sink

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Destination", "as_path"]

NUMBER = re.compile(r"%0?\d*d")
COPIED_BYTES = 1 << 20  # bytes of one write when a finished file is copied


def as_path(dest: Any) -> str:
    """The text of a path.

    Raises
    ------
    FFmpegTypeError
        It is no path.
    """
    if not isinstance(dest, (str, os.PathLike)):
        raise FFmpegTypeError(
            f"dest must be a path, not {type(dest).__name__} (there is another method for file-likes)"
        )
    return str.__str__(os.fsdecode(os.fspath(dest)))  # np.str_ is a str, too


class Destination:
    """Where one file goes. `commit` makes it appear, `discard` leaves nothing.

    Parameters
    ----------
    dest : str, file-like or None
        A path, an object with ``write``, or None for memory.
    format : str or None
        Name of a container, or an extension; None takes that of the path.
    faststart : bool
        True if the index of an MP4 file is moved to its beginning, which needs a file on the disk.
    """

    def __init__(self, dest: Any, format: str | None, faststart: bool = False) -> None:
        if format is not None and not isinstance(format, str):
            raise FFmpegTypeError(f"format must be a string such as 'mp4', not {type(format).__name__}")
        self._filename = dest if isinstance(dest, str) else None
        self._format = format
        self._copy_to: Any = None
        self._folder: Path | None = None
        self._pattern: str | None = None
        self.num_pictures: int | None = None  # the most that the file can hold, if it is a picture
        self.codec: str | None = None  # the codec that the name of a picture asks for
        kind = resolve_format(format, self._filename)
        if kind in ("image2", "image2pipe"):
            self._as_picture(f"x.{format.lstrip('.')}" if format is not None else str(dest))
        elif faststart and self._filename is None:
            # the muxer reads the file again to move its index, so it is made in a temporary folder
            self._folder = Path(tempfile.mkdtemp(prefix="cycodec-"))
            self._copy_to = Sink(dest)
            self._filename, dest = None, str(self._folder / "file")
        self._sink = Sink(None if self._pattern is not None else dest)

    def _as_picture(self, name: str) -> None:
        self.codec = picture_codec(name)
        if self._filename is None or not NUMBER.search(os.path.basename(self._filename)):
            self._format, self.num_pictures = "image2pipe", 1
            return
        final = Path(self._filename)
        if not final.parent.is_dir():
            raise SourceNotFoundError(
                f"{self._filename!r}: there is no directory {str(final.parent)!r} (make it first)",
                source=self._filename,
                operation="open",
                errno=2,
            )
        self._folder = Path(tempfile.mkdtemp(prefix=".cycodec-", suffix=".part", dir=final.parent))
        self._pattern = f"{str(self._folder).replace('%', '%%')}/{final.name}"

    @property
    def name(self) -> str:
        """What errors call the destination."""
        return self._filename if self._pattern is not None and self._filename else self._sink.name

    @property
    def can_seek(self) -> bool:
        """True if what was written can be changed."""
        return self._pattern is not None or self._sink.can_seek

    @property
    def num_bytes(self) -> int:
        """The number of bytes that were written."""
        return max(self._sink.position, self._sink.num_bytes)

    def muxer(self) -> Muxer:
        """A container that writes here."""
        return Muxer(self._sink, self._format, self._filename, self._pattern)

    def commit(self) -> None:
        """Make the file appear, now that it is complete."""
        self._sink.commit()
        if self._pattern is not None and self._folder is not None:
            for picture in sorted(self._folder.iterdir()):
                os.replace(picture, self._folder.parent / picture.name)
        elif self._folder is not None:
            self._copy()
        self._remove_folder()

    def _copy(self) -> None:
        assert self._folder is not None
        with open(self._folder / "file", "rb") as file:
            while block := file.read(COPIED_BYTES):
                self._copy_to.write(block)
        self._copy_to.commit()

    def discard(self) -> None:
        """Remove what was written."""
        self._sink.discard()
        self._remove_folder()

    def _remove_folder(self) -> None:
        folder, self._folder = self._folder, None
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    def tensor(self) -> Tensor:
        """The bytes in memory, as uint8 ``[num_bytes]``."""
        sink = self._sink if self._copy_to is None else self._copy_to
        data = torch_adapter.empty((sink.num_bytes,), "uint8")
        sink.copy_to(torch_adapter.pointer(data))
        return data

    def check_one_picture(self, count: int) -> None:
        """Raise if a file of a single picture would get more of them."""
        if self.num_pictures is not None and count > self.num_pictures:
            raise FFmpegValueError(
                f"{self.name}: a picture file holds one frame, not {count} (number the files: 'name-%05d.png')"
            )
