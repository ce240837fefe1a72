from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cycodec.core.video.stream import FrameStream

BLACK: int

class FrameReader(FrameStream):
    frames_converted: int
    frames_damaged: int
    def read_into(
        self,
        positions: Sequence[int] | NDArray[np.int64],
        out: int,
        pts: int,
        durations: int,
        valid: int,
        frame_size: tuple[int, int],
        region: tuple[int, int, int, int],
        orientation: int,
        type: int,
        planar: bool = False,
        stages: tuple[tuple[int, int, tuple[int, int, int, int]], ...] = (),
        masking: bool = False,
        places: Sequence[int] | NDArray[np.int64] | None = None,
    ) -> None: ...
    def prime(self, position: int, coming: Sequence[int] | NDArray[np.int64] = ()) -> None: ...
