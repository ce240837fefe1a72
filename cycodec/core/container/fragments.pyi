from cycodec.core.demux import Demuxer
from cycodec.core.packets import PacketTable

def read_fragments(demuxer: Demuxer, stream_index: int) -> PacketTable | None: ...
