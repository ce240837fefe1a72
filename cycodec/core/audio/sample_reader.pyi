from collections.abc import Callable
from typing import Any

from cycodec.core.audio.index import AudioIndex
from cycodec.core.audio.sample_blocks import BlockReader
from cycodec.core.container.demux import Demuxer

class SampleReader(BlockReader):
    demuxer: Demuxer
    stream_index: int
    index: AudioIndex | None
    source: str
    packets_read: int
    frames_decoded: int
    errors: int
    def __init__(
        self,
        demuxer: Demuxer,
        stream_index: int,
        opener: Callable[[], tuple[Demuxer, int]],
        exact: bool = False,
        *,
        sample_rate: int = 0,
        num_channels: int = 0,
    ) -> None: ...
    def forget(self) -> None: ...
    def begin_seconds(self) -> float: ...
    def format_info(self) -> dict[str, Any]: ...
    def needs_index(self) -> bool: ...
    def learn(self) -> None: ...
    def end_hint(self) -> int: ...
