from fractions import Fraction
from typing import IO, Any

from cycodec.core.container.packets import PacketTable
from cycodec.core.video.index import FrameIndex

def index_from_packets(
    table: PacketTable,
    time_base: Fraction,
    *,
    origin: str,
    stamped: bool = False,
    delayed: bool = False,
    seconds_per_frame: Fraction | None = None,
    from_start_only: bool = False,
) -> FrameIndex | None: ...
def index_from_ordinals(
    table: PacketTable,
    ordinals: list[int],
    time_base: Fraction,
    *,
    seconds_per_frame: Fraction | None = None,
    from_start_only: bool = False,
) -> FrameIndex: ...
def index_from_mappings(frames: str | bytes | IO[Any], time_base: Fraction) -> FrameIndex: ...
