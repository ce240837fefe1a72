from cycodec.core.container.demux import Demuxer
from cycodec.core.video.backend import VideoBackend
from cycodec.core.video.stream_index import StreamIndex

class FrameStream:
    demuxer: Demuxer
    index: StreamIndex
    backend: VideoBackend
    stream_index: int
    seeks: int
    packets_read: int
    frames_decoded: int
    met_fault: bool
    skipping: bool
    def __init__(
        self,
        demuxer: Demuxer,
        stream_index: int,
        backend: VideoBackend,
        index: StreamIndex,
        fresh: bool = False,
    ) -> None: ...
    def set_index(self, index: StreamIndex) -> None: ...
    def forget(self) -> None: ...
    def cancel(self, is_cancelled: bool) -> None: ...
    @property
    def cursor(self) -> int: ...
