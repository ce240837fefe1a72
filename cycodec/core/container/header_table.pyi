from cycodec.core.container.demux import Demuxer
from cycodec.core.container.matroska import Run
from cycodec.core.container.packets import PacketTable

def read_header_table(
    demuxer: Demuxer, stream_index: int, run: Run | None = None, threads: int = 1
) -> PacketTable | None: ...
