from typing import Any

from cycodec.core.container.demux import Demuxer
from cycodec.core.encode.muxer import Muxer

class PacketCopier:
    muxer: Muxer
    kinds: list[dict[str, Any]]
    first: int
    end: int
    num_packets: int
    def __init__(self, muxer: Muxer) -> None: ...
    def add_streams(self, demuxer: Demuxer, streams: list[int]) -> None: ...
    def copy_metadata(self, demuxer: Demuxer) -> None: ...
    def copy(
        self,
        demuxer: Demuxer,
        streams: list[int],
        guide: int = -1,
        start: int | None = None,
        stop: int | None = None,
    ) -> None: ...
