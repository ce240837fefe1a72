from cycodec.core.container.demux import Demuxer
from cycodec.core.container.packets import PacketTable

def read_fragments(demuxer: Demuxer, stream_index: int) -> PacketTable | None: ...
