from collections.abc import Callable
from typing import Any

from cycodec.core.audio.index import AudioIndex
from cycodec.core.audio.packet_decoder import PacketDecoder
from cycodec.core.audio.sample_blocks import BlockReader
from cycodec.core.io.source import IOContext

class SampleReader(BlockReader):
    decoder: PacketDecoder
    header: dict[str, Any]
    index: AudioIndex | None
    frames_decoded: int
    fill_holes: bool
    damage: list[tuple[int, int]]
    holes: list[tuple[int, int]]
    def __init__(
        self,
        open_source: Callable[[], IOContext],
        wanted_stream: int | None = None,
        exact: bool = False,
        fill_holes: bool = True,
        *,
        sample_rate: int = 0,
        num_channels: int = 0,
    ) -> None: ...
    def forget(self) -> None: ...
    def settle(self) -> None: ...
    def begin_seconds(self) -> float: ...
    def format_info(self) -> dict[str, Any]: ...
    def needs_index(self) -> bool: ...
    def learn(self) -> None: ...
    def near_end(self) -> int: ...
    def known_holes(self) -> list[tuple[int, int]]: ...
    def read_from_start(self) -> None: ...
