"""What makes a decoder look like the array of its frames: shape, dtype and device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cycodec._shared import keys, torch_adapter
from cycodec._video.picture import CHANNELS

if TYPE_CHECKING:
    import torch

    from cycodec._video.session import VideoSession


OUTPUTS = tuple(CHANNELS)


def cuda_of(device: Any, output: str) -> int | None:
    """Return the number of the CUDA device that receives frames; None for the CPU.

    Raises
    ------
    ValueError
        A GPU does not make this output. Other errors are those of `torch_adapter.cuda_ordinal`.
    """
    ordinal = torch_adapter.cuda_ordinal(device)
    if ordinal is not None and output != "rgb":
        raise ValueError(
            f"output={output!r} is made on the CPU only: pass device='cpu', and move the result with"
            f" .to('cuda:{ordinal}')"
        )
    return ordinal


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
        return self._shape_of(len(self._session.index))

    def _shape_of(self, num_frames: int) -> tuple[int, int, int, int]:
        """Return the shape of a number of frames."""
        height, width = self._session.shape
        channels = CHANNELS[self._session.options.output]
        if self._dimension_order == "NCHW":
            return num_frames, channels, height, width
        return num_frames, height, width, channels

    def _plan(self, key: Any, num_frames: int) -> keys.Plan:
        """Return what a key selects from a number of frames."""
        rows = 2 if self._dimension_order == "NCHW" else 1
        return keys.plan(key, self._shape_of(num_frames), rows, rows + 1)

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
