"""Opening an image: its bytes, its format, and the reader of that format."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

from cycodec._image import formats
from cycodec._image.heif import HeifPicture
from cycodec._image.webp import WebpPicture
from cycodec._shared.limits import Limits
from cycodec._shared.sources import make_access, open_source
from cycodec.core.error import LimitError
from cycodec.core.image.decode import GifPicture, JpegPicture, PngPicture
from cycodec.core.image.source_bytes import SourceBytes
from cycodec.core.io.access import Access

if TYPE_CHECKING:
    from cycodec._shared.sources import AnySource

__all__ = ["Picture", "open_picture"]


class Picture(Protocol):
    """A reader of one image file."""

    @property
    def format(self) -> str: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def channels(self) -> int: ...
    @property
    def depth(self) -> int: ...
    @property
    def orientation(self) -> int: ...
    @property
    def exif(self) -> bytes: ...
    @property
    def num_frames(self) -> int: ...
    @property
    def plays(self) -> int: ...


@lru_cache(maxsize=16)
def _access(limits: Limits) -> Access:
    """Return what opening an image may reach: the source is one resource."""
    return make_access(chosen=limits)


def open_picture(
    source: AnySource,
    limits: Limits,
    *,
    wanted: str | None = None,
    wants_frames: bool = False,
    num_threads: int = 1,
) -> tuple[Any, str]:
    """Open an image.

    Parameters
    ----------
    source : Source
    limits : Limits
    wanted : str, optional
        The only format that is allowed.
    wants_frames : bool
        True to find the frames of an APNG.
    num_threads : int
        Threads of libavcodec.

    Returns
    -------
    Picture, str
        The reader, and the name of the source in errors.

    Raises
    ------
    TypeError
        The object is not a source.
    FFmpegError
        The source cannot be read, is no image, is damaged, or has more pixels than the limit.
    """
    data = SourceBytes(open_source(source, _access(limits)), limits.max_result_bytes)
    format = formats.require_format(data.head, data.name, wanted)
    picture: Any
    if format == "JPEG":
        picture = JpegPicture(data)
    elif format == "PNG":
        picture = PngPicture(data, wants_frames)
    elif format == "GIF":
        picture = GifPicture(data)
    elif format == "WebP":
        picture = WebpPicture(data)
    else:
        picture = HeifPicture(data, format, limits.max_pixels, num_threads)
    pixels = getattr(picture, "largest_frame", picture.width * picture.height)
    if pixels > limits.max_pixels:
        raise LimitError(
            f"{data.name}: the {format} image has {picture.width}x{picture.height} pixels, and frames of "
            f"{pixels}: max_pixels allows {limits.max_pixels} (pass a larger max_pixels, or call "
            "cycodec.set_limits)",
            source=data.name,
            operation=f"decode {format}",
        )
    return picture, data.name
