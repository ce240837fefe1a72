from typing import Any

from cycodec.core.encode.muxer import Muxer
from cycodec.core.encode.stream_encoder import StreamEncoder

class AudioStreamEncoder(StreamEncoder):
    in_rate: int
    in_channels: int
    out_rate: int
    out_channels: int
    def __init__(
        self,
        muxer: Muxer,
        in_rate: int,
        in_channels: int,
        out_rate: int,
        out_channels: int,
        bit_rate: int = 0,
        codec: str | None = None,
        options: dict[str, Any] | None = None,
    ) -> None: ...
    def add(self, pointer: int, stride: int, count: int) -> None: ...
    def flush(self) -> None: ...

def peak_and_nan(pointer: int, rows: int, stride: int, count: int) -> tuple[float, bool]: ...
