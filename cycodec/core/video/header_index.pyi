from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from cycodec.core.video.stream_index import StreamIndex

class HeaderIndex(StreamIndex):
    begin_seconds: float
    end_seconds: float
    def __init__(
        self,
        name: str,
        time_base: Fraction,
        begin_seconds: float,
        end_seconds: float | None,
        fps: float | None,
        count: int | None,
    ) -> None: ...
    def __len__(self) -> int: ...
    @property
    def first_position(self) -> int: ...
    def position_of(self, number: int) -> int: ...
    def positions_of(
        self, numbers: Sequence[int] | NDArray[np.int64]
    ) -> Sequence[int] | NDArray[np.int64]: ...
    def position_at(self, seconds: float) -> int: ...
    def numbers_played(self, start: float, stop: float) -> range: ...
