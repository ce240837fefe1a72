from cycodec.core.container.demux import Demuxer
from cycodec.core.encode.copier import PacketCopier
from cycodec.core.encode.recode import Packet
from cycodec.core.encode.stream_headers import StreamHeaders

class Splice:
    head: list[Packet]
    tail: list[Packet]
    def __init__(
        self,
        first: Packet,
        head: list[Packet],
        begin: int,
        end: int,
        floor: int,
        tail: list[Packet],
        headers: StreamHeaders | None = None,
    ) -> None: ...

class PacketSplicer(PacketCopier):
    def add_headers(self, demuxer: Demuxer, streams: list[int], splices: dict[int, Splice]) -> None: ...
    def splice(
        self,
        demuxer: Demuxer,
        streams: list[int],
        guide: int,
        seek: int | None,
        first: int,
        stop: int | None,
        splices: dict[int, Splice],
    ) -> None: ...
