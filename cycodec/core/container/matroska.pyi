from collections.abc import Callable, Iterable
from typing import TypeAlias

from cycodec.core.container.demux import Demuxer
from cycodec.core.container.packets import PacketTable

Run: TypeAlias = Callable[[Iterable[Callable[[], None]], int], None]

def read_matroska(
    demuxer: Demuxer, stream_index: int, run: Run | None = None, threads: int = 1
) -> PacketTable | None: ...
