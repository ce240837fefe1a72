from collections.abc import Callable

from cycodec.core.container.demux import Demuxer
from cycodec.core.io.source import IOContext

class PacketDecoder:
    demuxer: Demuxer
    stream_index: int
    source: str
    packets_read: int
    def __init__(self, open_source: Callable[[], IOContext], wanted_stream: int | None) -> None: ...
