from typing import Any

from cycodec.core.encode.muxer import Muxer
from cycodec.core.encode.stream_encoder import StreamEncoder

class VideoStreamEncoder(StreamEncoder):
    width: int
    height: int
    variable: bool
    num_frames: int
    def __init__(
        self,
        muxer: Muxer,
        width: int,
        height: int,
        rate: tuple[int, int],
        codec: str | None = None,
        pixel_format: str | None = None,
        options: dict[str, Any] | None = None,
        threads: int = 0,
    ) -> None: ...
    @property
    def pixel_format(self) -> str: ...
    @property
    def time_base(self) -> tuple[int, int]: ...
    @property
    def variable_time_base(self) -> tuple[int, int]: ...
    @property
    def container_tick(self) -> tuple[int, int]: ...
    def configure(self, channels: int, depth: int, variable: bool) -> None: ...
    def add(
        self,
        pointer: int,
        layout: tuple[int, int, int, int, int, int],
        stride: int,
        count: int,
        pts: Any = None,
    ) -> int: ...
    def use_layout(self, layout: tuple[int, int, int, int, int, int]) -> None: ...
    def flush(self) -> None: ...

def limit_level(level: int) -> None: ...
