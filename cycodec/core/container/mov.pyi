from cycodec.core.container.demux import Demuxer
from cycodec.core.container.packets import PacketTable

def read_mov(demuxer: Demuxer, stream_index: int) -> PacketTable | None: ...
