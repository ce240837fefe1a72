"""One picture to a file in memory, by an encoder of libavcodec."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cycodec._encode.destination import Destination
from cycodec._encode.output import Output
from cycodec._encode.pictures import as_pictures
from cycodec._encode.settings import video_settings
from cycodec._shared import torch_adapter

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["encode_picture"]


def encode_picture(
    image: Tensor, format: str, codec: str, pixel_format: str, options: dict[str, Any], crf: Any = None
) -> bytes:
    """Return a file that holds one picture.

    Parameters
    ----------
    image : torch.Tensor
        ``[C, H, W]``.
    format, codec, pixel_format : str
        FFmpeg's names.
    options : dict
        Of the encoder.
    crf : number, optional

    Raises
    ------
    FFmpegError
        FFmpeg has no such encoder, or it failed.
    """
    pictures = as_pictures(image, "img")
    settings = video_settings(
        pictures.height,
        pictures.width,
        1,
        codec=codec,
        pixel_format=pixel_format,
        crf=crf,
        extra_options=options,
    )
    destination = Destination(None, format)
    output = Output(destination, [settings], {})
    try:
        output.decide(0, pictures.channels, pictures.depth, False)
        for part in pictures.parts():
            stride = part.tensor.stride(0) * part.tensor.element_size()
            output.encoders[0].add(torch_adapter.pointer(part.tensor), part.layout, stride, 1)
        output.flush(0)
    except BaseException:
        output.discard()
        raise
    return bytes(torch_adapter.as_array(destination.tensor()))
