from cycodec.core.demux import Demuxer
from cycodec.core.packets import PacketTable

def read_mov(demuxer: Demuxer, stream_index: int) -> PacketTable | None: ...
