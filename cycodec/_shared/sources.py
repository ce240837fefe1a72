"""Sources: what users pass to have it decoded."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeGuard, TypeVar

from cycodec._shared import torch_adapter
from cycodec.core.io.source import IOContext

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

__all__ = ["FileLike", "Source", "is_file_like", "open_source", "reopened_source"]


class FileLike(Protocol):
    """A seekable binary file, or any object with its two methods."""

    def read(self, size: int, /) -> bytes: ...

    def seek(self, offset: int, whence: int, /) -> Any: ...


# A path or URL, the bytes of a file (a tensor or array is 1-D and uint8), or an object that is read
# on demand.
Source: TypeAlias = (
    "str | os.PathLike[str] | bytes | bytearray | memoryview | Tensor | np.ndarray[Any, Any] | FileLike"
)

AnySource = TypeVar("AnySource")


def open_source(source: Source) -> IOContext:
    """The IOContext of a source.

    Raises
    ------
    TypeError, ValueError
        The object is not a source, or a tensor or file-like of the wrong kind.
    FFmpegError
        There is no such file, or it may not be read.
    """
    if torch_adapter.is_tensor(source):
        return IOContext(torch_adapter.as_buffer(source), f"<tensor of {source.numel()} bytes>")
    return IOContext(source)


def is_file_like(source: object) -> TypeGuard[FileLike]:
    """True if a source is read by calls of its methods."""
    return hasattr(source, "read") and not isinstance(source, (str, bytes, os.PathLike))


def reopened_source(source: AnySource) -> AnySource:
    """The same source, if another process can open it again, as a pickled decoder needs.

    Raises
    ------
    TypeError
        The source is a file-like object.
    """
    if is_file_like(source) or isinstance(source, io.IOBase):
        raise TypeError(
            f"a decoder of a file-like source ({type(source).__name__}) cannot be pickled or copied: its reader "
            "belongs to one process (pass a path or bytes, or make the decoder in the worker)"
        )
    return source
