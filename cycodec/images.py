"""Still images and animations as tensors, and tensors as image files.

image = decode_image("photo.jpg")               # [3, H, W], uint8
thumbnails = decode_image(paths, size=(224, 224))   # a list of tensors, decoded in threads
JpegEncoder(image).to_file("copy.jpg", quality=90)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NoReturn

from cycodec._image.decoding import decode_frames
from cycodec._image.encoders import AvifEncoder, JpegEncoder, PngEncoder, WebpEncoder
from cycodec._image.many import decode_any
from cycodec._image.metadata import ImageMetadata, get_image_metadata
from cycodec._image.modes import ImageReadMode
from cycodec._image.settings import make_settings
from cycodec._shared.missing_names import refuse_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from cycodec._shared.results import FrameBatch
    from cycodec._shared.sources import Source
    from cycodec.transforms import Transforms

    Mode = str | ImageReadMode
    OutputDtype = torch.dtype | Literal["auto", "uint8", "uint16"]
    Size = int | Sequence[int]
    OnError = Literal["raise", "return"]

__all__ = [
    "AvifEncoder",
    "ImageMetadata",
    "ImageReadMode",
    "JpegEncoder",
    "PngEncoder",
    "WebpEncoder",
    "decode_animation",
    "decode_avif",
    "decode_gif",
    "decode_heic",
    "decode_image",
    "decode_jpeg",
    "decode_png",
    "decode_webp",
    "get_image_metadata",
]


def decode_image(
    source: Source | list[Source],
    *,
    mode: Mode = "RGB",
    output_dtype: OutputDtype = "uint8",
    size: Size | None = None,
    region: Sequence[int] | None = None,
    transforms: Transforms | None = None,
    dct_scaling: bool | None = None,
    num_threads: int | None = None,
    on_error: OnError = "raise",
    max_pixels: int | None = None,
) -> Any:
    """Decode an image of any format that cycodec knows, or a list of images.

    The formats are JPEG, PNG, WebP, GIF, AVIF and HEIC. The orientation that the file asks for
    (Exif, or ``irot`` and ``imir``) is applied. The GIL is released while an image is read and
    decoded.

    Parameters
    ----------
    source : Source, or list of Source
        A path or URL, bytes, bytearray, memoryview, a 1-D uint8 tensor or array, a file-like object
        with ``read(size)``, or ``(path_or_url, offset, length)``. A list is decoded side by side on
        the threads of the process's budget.
    mode : str or ImageReadMode
        "UNCHANGED", "GRAY", "GRAY_ALPHA", "RGB" or "RGB_ALPHA" ("RGBA"), in any case.
    output_dtype : torch.dtype or "auto"
        torch.uint8, torch.uint16, or "auto", which is uint16 for files with more than 8 bits. 8
        bits become 16 by a factor of 257, and 16 bits of a PNG become 8 by their high byte.
    size : int or (height, width), optional
        Resize to this size: bilinear with antialiasing. An int is the length of the shorter edge.
    region : (y0, y1, x0, x1), optional
        Decode this part of the shown image only, half-open. `size` and `transforms` apply to it.
    transforms : iterable of transforms, optional
        Resize, CenterCrop, RandomCrop and RandomResizedCrop of cycodec.transforms or
        torchvision.transforms.v2, as for VideoDecoder. They come after `size`.
    dct_scaling : bool, optional
        True to decode JPEG at 1/2, 1/4 or 1/8 of its size where a resize follows. That takes a
        fraction of the time, and the pixels differ a little from those of a resized whole image.
        The default is True for `size` without `transforms`, and False else.
    num_threads : int, optional
        The largest number of threads for a list. By default all that are free, but one thread in
        workers of a DataLoader.
    on_error : {"raise", "return"}
        For a list: "raise" raises the exception of the first image that failed; "return" puts
        exceptions into the list in place of the tensors.
    max_pixels : int, optional
        The largest number of pixels of an image; by default that of ``cycodec.set_limits``.

    Returns
    -------
    torch.Tensor or list
        ``[C, H, W]``, or ``[N, C, H, W]`` for animated WebP, GIF and AVIF and for HEIC files with
        several images. A list of them for a list of sources. In memory, channels are packed.

    Raises
    ------
    TypeError, ValueError
        An argument is wrong.
    InvalidDataError
        (an FFmpegError and a ValueError) The source is no image, damaged or truncated.
    LimitError
        The image has more pixels or bytes than the limits allow.
    FFmpegError
        The source cannot be read, or this kind of image cannot be decoded.

    Examples
    --------
    >>> decode_image("photo.jpg").shape
    torch.Size([3, 375, 500])
    >>> decode_image("photo.jpg", mode="GRAY", size=224).shape
    torch.Size([1, 224, 298])
    """
    scaling = dct_scaling if dct_scaling is not None else size is not None and transforms is None
    settings = make_settings(mode, output_dtype, size, region, transforms, scaling, max_pixels)
    return decode_any(source, settings, None, num_threads, on_error)


def decode_jpeg(
    source: Source | list[Source],
    *,
    mode: Mode = "RGB",
    output_dtype: OutputDtype = "uint8",
    size: Size | None = None,
    region: Sequence[int] | None = None,
    transforms: Transforms | None = None,
    dct_scaling: bool | None = None,
    device: Any = "cpu",
    num_threads: int | None = None,
    on_error: OnError = "raise",
    max_pixels: int | None = None,
) -> Any:
    """Decode a JPEG image, or a list of them.

    Pixels are those of libjpeg-turbo and Pillow, byte for byte. CMYK with ``mode="UNCHANGED"``
    gives the four inks, and other modes convert them as Pillow does.

    Parameters
    ----------
    device : str or torch.device
        "cpu". Decoding with nvJPEG ("cuda") is not part of this version and raises an error.
    source, mode, output_dtype, size, region, transforms, dct_scaling
    num_threads, on_error, max_pixels
        As for ``decode_image``.

    Returns
    -------
    torch.Tensor or list
        ``[C, H, W]``, or a list of them.

    Raises
    ------
    TypeError, ValueError, FFmpegError
        As for ``decode_image``.
    CudaError
        The device is a GPU.
    """
    if str(device) != "cpu":
        from cycodec.cuda.nvjpeg import refuse_device

        refuse_device(device)
    scaling = dct_scaling if dct_scaling is not None else size is not None and transforms is None
    settings = make_settings(mode, output_dtype, size, region, transforms, scaling, max_pixels)
    return decode_any(source, settings, "JPEG", num_threads, on_error)


def decode_png(
    source: Source | list[Source], *, mode: Mode = "RGB", output_dtype: OutputDtype = "uint8", **options: Any
) -> Any:
    """Decode a PNG image, or a list of them.

    Of an APNG, this is the picture that programs without animations show; ``decode_animation``
    gives its frames.

    Parameters
    ----------
    source, mode, output_dtype
        As for ``decode_image``.
    **options
        ``size``, ``region``, ``transforms``, ``num_threads``, ``on_error`` and ``max_pixels`` of
        ``decode_image``.

    Returns
    -------
    torch.Tensor or list
        ``[C, H, W]``, or a list of them.

    Raises
    ------
    TypeError, ValueError, FFmpegError
        As for ``decode_image``.
    """
    return _decode("PNG", source, mode, output_dtype, **options)


def decode_webp(
    source: Source | list[Source], *, mode: Mode = "RGB", output_dtype: OutputDtype = "uint8", **options: Any
) -> Any:
    """Decode a WebP image, or a list of them.

    Parameters
    ----------
    source, mode, output_dtype, **options
        As for ``decode_png``.

    Returns
    -------
    torch.Tensor or list
        ``[C, H, W]``, or ``[N, C, H, W]`` for an animation; or a list of them.

    Raises
    ------
    TypeError, ValueError, FFmpegError
        As for ``decode_image``.
    """
    return _decode("WebP", source, mode, output_dtype, **options)


def decode_gif(
    source: Source | list[Source], *, mode: Mode = "RGB", output_dtype: OutputDtype = "uint8", **options: Any
) -> Any:
    """Decode a GIF image, or a list of them.

    Parameters
    ----------
    source, mode, output_dtype, **options
        As for ``decode_png``.

    Returns
    -------
    torch.Tensor or list
        ``[C, H, W]``, or ``[N, C, H, W]`` for an animation; or a list of them.

    Raises
    ------
    TypeError, ValueError, FFmpegError
        As for ``decode_image``.
    """
    return _decode("GIF", source, mode, output_dtype, **options)


def decode_avif(
    source: Source | list[Source],
    *,
    mode: Mode = "RGB",
    output_dtype: OutputDtype = "uint8",
    num_threads: int = 1,
    **options: Any,
) -> Any:
    """Decode an AVIF image, or a list of them.

    Parameters
    ----------
    num_threads : int
        Threads that decode one image.
    source, mode, output_dtype, **options
        As for ``decode_png``, without its ``num_threads``.

    Returns
    -------
    torch.Tensor or list
        ``[C, H, W]``, or ``[N, C, H, W]`` for an animation; or a list of them.

    Raises
    ------
    TypeError, ValueError, FFmpegError
        As for ``decode_image``.
    """
    return _decode("AVIF", source, mode, output_dtype, threads_of_one=num_threads, **options)


def decode_heic(
    source: Source | list[Source], *, mode: Mode = "RGB", output_dtype: OutputDtype = "uint8", **options: Any
) -> Any:
    """Decode a HEIC image, or a list of them.

    Parameters
    ----------
    source, mode, output_dtype, **options
        As for ``decode_png``.

    Returns
    -------
    torch.Tensor or list
        ``[C, H, W]``; ``[N, C, H, W]`` for a file with several images of one size, the primary one
        first; or a list of them. If sizes differ, the primary image alone.

    Raises
    ------
    TypeError, ValueError, FFmpegError
        As for ``decode_image``.
    """
    return _decode("HEIC", source, mode, output_dtype, **options)


def _decode(
    format: str,
    source: Any,
    mode: Any,
    output_dtype: Any,
    *,
    size: Any = None,
    region: Any = None,
    transforms: Any = None,
    num_threads: int | None = None,
    on_error: str = "raise",
    max_pixels: int | None = None,
    threads_of_one: int = 1,
) -> Any:
    """Decode an image of one format."""
    settings = make_settings(mode, output_dtype, size, region, transforms, None, max_pixels, threads_of_one)
    return decode_any(source, settings, format, num_threads, on_error)


def decode_animation(
    source: Source,
    *,
    mode: Mode = "RGB",
    output_dtype: OutputDtype = "uint8",
    size: Size | None = None,
    region: Sequence[int] | None = None,
    transforms: Transforms | None = None,
    max_pixels: int | None = None,
) -> FrameBatch:
    """Decode all frames of an animated WebP, GIF, PNG or AVIF with their times.

    Each frame is the whole canvas as it is shown. A still image gives one frame.

    Parameters
    ----------
    source, mode, output_dtype, size, region, transforms, max_pixels
        As for ``decode_image``.

    Returns
    -------
    FrameBatch
        ``data`` is ``[N, C, H, W]``. A duration is what the file says, and may be 0.

    Raises
    ------
    TypeError, ValueError, FFmpegError
        As for ``decode_image``.
    """
    settings = make_settings(mode, output_dtype, size, region, transforms, None, max_pixels)
    return decode_frames(source, settings)


if not TYPE_CHECKING:

    def __getattr__(name: str) -> NoReturn:
        refuse_name(__name__, name)
