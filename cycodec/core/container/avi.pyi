from cycodec.core.container.demux import Demuxer
from cycodec.core.container.packets import PacketTable

def walk_avi(demuxer: Demuxer, stream_index: int) -> PacketTable | None: ...
