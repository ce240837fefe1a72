from cycodec.core.audioindex import AudioIndex
from cycodec.core.demux import Demuxer

def index_from_walk(demuxer: Demuxer, stream_index: int) -> AudioIndex | None: ...
