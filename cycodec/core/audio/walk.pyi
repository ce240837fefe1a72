from cycodec.core.audio.index import AudioIndex
from cycodec.core.container.demux import Demuxer

def index_from_walk(demuxer: Demuxer, stream_index: int) -> AudioIndex | None: ...
