from cycodec.core.io.sink import Sink

class Muxer:
    sink: Sink
    def __init__(self, sink: Sink, format: str | None = None, filename: str | None = None) -> None: ...
    @property
    def format_name(self) -> str: ...
    def start(self) -> None: ...
    def finish(self) -> None: ...

class StreamEncoder:
    muxer: Muxer
    @property
    def codec_name(self) -> str: ...

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
    ) -> None: ...
    def add(self, pointer: int, stride: int, count: int) -> None: ...
    def flush(self) -> None: ...

def inspect(pointer: int, rows: int, stride: int, count: int) -> tuple[float, bool]: ...
