from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from cycodec.core.video.picture_spec import PictureSpec

Positions: TypeAlias = Sequence[int] | NDArray[np.int64]

BLACK: int

class Request:
    spec: PictureSpec
    positions: Positions
    masking: bool
    def __init__(
        self,
        spec: PictureSpec,
        positions: Positions,
        out: int,
        pts: int,
        durations: int,
        valid: int,
        masking: bool = False,
        slots: Positions | None = None,
    ) -> None: ...
    def part(self, positions: Positions, slots: Positions) -> Request: ...
    def aim(self, position: int, out: int) -> None: ...
