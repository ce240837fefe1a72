"""What the header of an image says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cycodec._image import orientation
from cycodec._image.opening import open_picture
from cycodec._shared import limits

if TYPE_CHECKING:
    from cycodec._shared.sources import Source

__all__ = ["ImageMetadata", "get_image_metadata"]


@dataclass
class ImageMetadata:
    """What the header of an image says.

    Attributes
    ----------
    format : str
        "JPEG", "PNG", "WebP", "GIF", "AVIF" or "HEIC".
    width, height : int
        In pixels, as the image is shown: after its orientation.
    num_channels : int
        1 gray, 2 gray and alpha, 3 RGB, 4 RGB and alpha, or the four inks of a CMYK JPEG.
    bit_depth : int
        Bits of a channel; samples of fewer than 8 bits count as 8.
    orientation : int
        The orientation that decoding applies, as Exif numbers it: 1 to 8.
    num_frames : int
        More than 1 for animations.
    duration_seconds : float
        Of all frames; 0 for still images.
    num_plays : int
        How often an animation is shown; 0 repeats it for ever.
    exif : bytes
        The Exif block from its TIFF header on, or b"".
    """

    format: str
    width: int
    height: int
    num_channels: int
    bit_depth: int
    orientation: int
    num_frames: int
    duration_seconds: float
    num_plays: int
    exif: bytes


def get_image_metadata(source: Source) -> ImageMetadata:
    """Return what the header of an image says. Pixels are not decoded.

    Parameters
    ----------
    source : Source
        As for ``decode_image``.

    Returns
    -------
    ImageMetadata

    Raises
    ------
    TypeError
        The object is not a source.
    FFmpegError
        The source cannot be read, is no image, or is damaged.
    """
    picture: Any
    picture, _ = open_picture(source, limits.get_limits(), wants_frames=True)
    turned = bool(picture.orientation & orientation.TRANSPOSE)
    width, height = (picture.height, picture.width) if turned else (picture.width, picture.height)
    frames = picture.num_frames
    duration = sum(picture.duration(number) for number in range(frames)) if frames > 1 else 0.0
    return ImageMetadata(
        picture.format,
        width,
        height,
        picture.channels,
        picture.depth,
        orientation.exif_number(picture.orientation),
        frames,
        duration,
        picture.plays,
        picture.exif,
    )
