"""What makes a decoder look like the array of its frames: shape, dtype and device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cycodec._shared import torch_adapter

if TYPE_CHECKING:
    import torch

    from cycodec._video.session import VideoSession


class ArrayOfFrames:
    """The facts of an array, as NumPy and torch name them. None of them decodes more than frame 0,
    which is needed only if the header does not tell the size or the transfer function.

    There is no ``__array__``: some libraries convert an object that has it without being asked, and
    a decoder would then decode its whole stream.
    """

    _session: VideoSession
    _dimension_order: str

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """The shape of all frames, in the axes of `dimension_order`: that of ``decoder[...]``."""
        return self._session.serve(self._shape)

    def _shape(self) -> tuple[int, int, int, int]:
        height, width = self._session.shape
        count = len(self._session.index)
        if self._dimension_order == "NCHW":
            return count, 3, height, width
        return count, height, width, 3

    @property
    def ndim(self) -> int:
        """The number of axes of ``decoder[...]``, which is 4."""
        return 4

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of frames; with ``output_dtype="auto"``, the one that the stream leads to."""
        return torch_adapter.as_dtype(self._session.serve(lambda: self._session.pictures.dtype))

    @property
    def device(self) -> torch.device:
        """The device of frames."""
        return torch_adapter.as_device(self._session.pictures.device)
