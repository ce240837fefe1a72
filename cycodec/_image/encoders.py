"""Tensors as image files: JPEG, PNG, WebP and AVIF."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from cycodec._encode.destination import as_path
from cycodec._encode.one_picture import encode_picture
from cycodec._image import containers
from cycodec._shared import torch_adapter
from cycodec._shared.arguments import integer, one_of
from cycodec.core.error import FFmpegTypeError, FFmpegValueError
from cycodec.core.image.encode import encode_jpeg, encode_png
from cycodec.core.io.sink import Sink

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["AvifEncoder", "JpegEncoder", "PngEncoder", "WebpEncoder"]

MAX_SIDE = {"JPEG": 65500, "PNG": (1 << 31) - 1, "WebP": 16383, "AVIF": 65536}
# How many luma samples a chroma sample spans, across and down.
SUBSAMPLINGS = {"4:4:4": (1, 1), "4:2:2": (2, 1), "4:2:0": (2, 2), "4:4:0": (1, 2), "4:1:1": (4, 1)}


class _ImageEncoder:
    """One image, to be written as a file: what the encoders of all formats share.

    Subclasses have `_format`, `_channels`, `_dtypes` and `_encode`.
    """

    _format = ""
    _channels: tuple[int, ...] = ()
    _dtypes: tuple[str, ...] = ("uint8",)

    def __init__(self, img: Tensor | np.ndarray) -> None:
        kind = type(self).__name__
        if isinstance(img, np.ndarray):
            img = torch_adapter.from_numpy(img)
        if not torch_adapter.is_tensor(img):
            raise FFmpegTypeError(f"{kind}: img must be a torch.Tensor [C, H, W], not {type(img).__name__}")
        shape = tuple(int(edge) for edge in img.shape)
        if len(shape) != 3:
            raise FFmpegValueError(f"{kind}: img must be 3-dimensional, [C, H, W], got shape {list(shape)}")
        dtype = str(img.dtype).removeprefix("torch.")
        if dtype not in self._dtypes:
            raise FFmpegValueError(
                f"{kind}: the dtype of img should be {' or '.join(self._dtypes)}, got {dtype}"
            )
        if shape[0] not in self._channels:
            known = ", ".join(map(str, self._channels[:-1])) + f" or {self._channels[-1]}"
            raise FFmpegValueError(f"{kind}: the number of channels should be {known}, got {shape[0]}")
        most = MAX_SIDE[self._format]
        if not (0 < shape[1] <= most and 0 < shape[2] <= most):
            raise FFmpegValueError(
                f"{kind}: height and width of {self._format} must be from 1 to {most}, got {shape[1]}x{shape[2]}"
            )
        self._image = img
        self._shape = shape

    def __repr__(self) -> str:
        return f"{type(self).__name__}({'x'.join(map(str, self._shape))})"

    def _encode(self, **options: Any) -> bytes:
        raise NotImplementedError

    def _rows(self) -> np.ndarray:
        """Return the pixels as an array [H, W, C] of packed rows."""
        return torch_adapter.as_array(torch_adapter.packed(self._image))

    def _write(self, destination: Any, options: dict[str, Any]) -> None:
        data = self._encode(**options)
        sink = Sink(destination)
        try:
            sink.write(data)
            sink.commit()
        except BaseException:
            sink.discard()
            raise

    def to_file(self, dest: str | os.PathLike[str], **options: Any) -> None:
        """Write a file. It appears, or replaces an older one, when it is complete.

        Parameters
        ----------
        dest : str or os.PathLike
        **options
            As for `to_tensor`.

        Raises
        ------
        TypeError, ValueError
            An option is wrong.
        FileNotFoundError, FFmpegError
            The directory of `dest` does not exist, or the file cannot be written.
        """
        self._write(as_path(dest), options)

    def to_file_like(self, file_like: Any, **options: Any) -> None:
        """Write to an object with ``write(bytes)``.

        Parameters
        ----------
        file_like : object
        **options
            As for `to_tensor`.

        Raises
        ------
        TypeError, ValueError
            `file_like` has no ``write``, or an option is wrong.
        """
        if isinstance(file_like, (str, os.PathLike)) or not hasattr(file_like, "write"):
            raise FFmpegTypeError(
                f"file_like must have write(), {type(file_like).__name__} has not (a path is for to_file)"
            )
        self._write(file_like, options)

    def to_tensor(self, **options: Any) -> Tensor:
        """Return the bytes of the file as a uint8 tensor ``[num_bytes]``."""
        return torch_adapter.from_numpy(np.frombuffer(self._encode(**options), np.uint8))


def _bytes_of(name: str, value: Any) -> bytes:
    """Return metadata as bytes; None is b""."""
    if value is None:
        return b""
    if not isinstance(value, (bytes, bytearray, memoryview)):
        raise FFmpegTypeError(f"{name} must be bytes, not {type(value).__name__}")
    data = bytes(value)
    return data.removeprefix(b"Exif\0\0") if name == "exif" else data


def _quality(quality: Any, least: int = 1) -> int:
    number = integer("quality", quality)
    if not least <= number <= 100:
        raise FFmpegValueError(f"Image quality should be a number between {least} and 100, got {quality!r}.")
    return number


class JpegEncoder(_ImageEncoder):
    """An image, to be written as JPEG.

    Parameters
    ----------
    img : torch.Tensor or numpy.ndarray
        uint8 ``[C, H, W]`` of any strides; C is 1 (gray) or 3 (RGB).

    Raises
    ------
    TypeError, ValueError
        `img` is no such tensor.

    Notes
    -----
    ``to_file(dest, **options)``, ``to_file_like(file_like, **options)`` and
    ``to_tensor(**options)`` take these options:

    quality : int
        1 to 100; 75 by default.
    subsampling : str
        "4:2:0" (default), "4:2:2", "4:4:4", "4:4:0" or "4:1:1".
    progressive, optimize : bool
        False by default. Progressive files show a coarse picture first; optimized ones have Huffman
        tables of their own.
    exif, icc_profile : bytes, optional
        They are stored as they are. An Exif orientation is not applied to the pixels.
    """

    _format = "JPEG"
    _channels = (1, 3)

    def _encode(  # type: ignore[override]
        self,
        *,
        quality: int = 75,
        subsampling: str = "4:2:0",
        progressive: bool = False,
        optimize: bool = False,
        exif: bytes | None = None,
        icc_profile: bytes | None = None,
    ) -> bytes:
        one_of("subsampling", subsampling, tuple(SUBSAMPLINGS))
        rows = self._rows()
        return encode_jpeg(
            rows.ctypes.data,
            rows.strides[0],
            rows.shape,
            _quality(quality),
            SUBSAMPLINGS[subsampling],
            bool(progressive),
            bool(optimize),
            _bytes_of("exif", exif),
            _bytes_of("icc_profile", icc_profile),
        )


class PngEncoder(_ImageEncoder):
    """An image, to be written as PNG.

    Parameters
    ----------
    img : torch.Tensor or numpy.ndarray
        uint8 or uint16 ``[C, H, W]`` of any strides; C is 1 (gray), 2 (gray and alpha), 3 (RGB) or
        4 (RGB and alpha).

    Raises
    ------
    TypeError, ValueError
        `img` is no such tensor.

    Notes
    -----
    ``to_file(dest, **options)``, ``to_file_like(file_like, **options)`` and
    ``to_tensor(**options)`` take these options:

    compression_level : int
        0 to 9; 6 by default.
    exif, icc_profile : bytes, optional
        They are stored as they are.
    """

    _format = "PNG"
    _channels = (1, 2, 3, 4)
    _dtypes = ("uint8", "uint16")

    def _encode(  # type: ignore[override]
        self,
        *,
        compression_level: int = 6,
        exif: bytes | None = None,
        icc_profile: bytes | None = None,
    ) -> bytes:
        level = integer("compression_level", compression_level)
        if not 0 <= level <= 9:
            raise FFmpegValueError(f"Compression level should be between 0 and 9, got {level}.")
        rows = self._rows()
        return encode_png(
            rows.ctypes.data,
            rows.strides[0],
            rows.shape,
            8 * rows.itemsize,
            level,
            _bytes_of("exif", exif),
            _bytes_of("icc_profile", icc_profile),
        )


class WebpEncoder(_ImageEncoder):
    """An image, to be written as WebP by FFmpeg's libwebp.

    Parameters
    ----------
    img : torch.Tensor or numpy.ndarray
        uint8 ``[C, H, W]``; C is 1 (gray), 3 (RGB) or 4 (RGB and alpha).

    Raises
    ------
    TypeError, ValueError
        `img` is no such tensor.

    Notes
    -----
    ``to_file(dest, **options)``, ``to_file_like(file_like, **options)`` and
    ``to_tensor(**options)`` take these options:

    quality : int
        0 to 100; 80 by default. With `lossless`, more quality is a smaller file that takes longer.
    lossless : bool
        False by default.
    exif, icc_profile : bytes, optional
        They are stored as they are.
    """

    _format = "WebP"
    _channels = (1, 3, 4)

    def _encode(  # type: ignore[override]
        self,
        *,
        quality: int = 80,
        lossless: bool = False,
        exif: bytes | None = None,
        icc_profile: bytes | None = None,
    ) -> bytes:
        channels, height, width = self._shape
        image = self._image.expand(3, -1, -1) if channels == 1 else self._image
        # libwebp itself converts RGB, as its own tools do
        options = {"quality": _quality(quality, 0), "lossless": int(bool(lossless))}
        file = encode_picture(image, "webp", "libwebp", "bgra", options)
        return containers.with_webp_metadata(
            file, width, height, channels == 4, _bytes_of("exif", exif), _bytes_of("icc_profile", icc_profile)
        )


class AvifEncoder(_ImageEncoder):
    """An image, to be written as AVIF by FFmpeg's encoder of AV1.

    Parameters
    ----------
    img : torch.Tensor or numpy.ndarray
        uint8 ``[C, H, W]``, or uint16 for 10 bits; C is 1 (gray), 3 (RGB) or 4 (RGB and alpha).

    Raises
    ------
    TypeError, ValueError
        `img` is no such tensor.

    Notes
    -----
    ``to_file(dest, **options)``, ``to_file_like(file_like, **options)`` and
    ``to_tensor(**options)`` take these options:

    quality : int
        0 to 100; 75 by default.
    subsampling : str
        "4:2:0" (default) or "4:4:4".
    speed : int
        0 (slowest) to 8 (fastest); 6 by default.
    exif, icc_profile : bytes, optional
        They are stored as they are.
    """

    _format = "AVIF"
    _channels = (1, 3, 4)
    _dtypes = ("uint8", "uint16")

    def _encode(  # type: ignore[override]
        self,
        *,
        quality: int = 75,
        subsampling: str = "4:2:0",
        speed: int = 6,
        exif: bytes | None = None,
        icc_profile: bytes | None = None,
    ) -> bytes:
        one_of("subsampling", subsampling, ("4:2:0", "4:4:4"))
        channels, height, width = self._shape
        is_deep, is_444 = str(self._image.dtype).endswith("16"), subsampling == "4:4:4"
        crf = round((100 - _quality(quality, 0)) * 63 / 100)
        options = {"cpu-used": integer("speed", speed, 0, 8), "still-picture": 1, "color_range": "pc"}
        image = self._image.expand(3, -1, -1) if channels == 1 else self._image
        deep = "10le" if is_deep else ""

        def av1(pixels: Tensor, pixel_format: str) -> bytes:
            file = encode_picture(pixels, "ivf", "libaom-av1", pixel_format + deep, options, crf)
            return containers.ivf_packet(file)

        coded = av1(image[:3], "yuv444p" if is_444 else "yuv420p")
        alpha = av1(image[3:], "gray") if channels == 4 else b""
        return containers.avif_file(
            coded,
            alpha,
            width,
            height,
            10 if is_deep else 8,
            is_444,
            _bytes_of("exif", exif),
            _bytes_of("icc_profile", icc_profile),
        )
