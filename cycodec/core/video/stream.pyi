from cycodec.core.container.demux import Demuxer
from cycodec.core.video.backend import VideoBackend
from cycodec.core.video.index import FrameIndex

class FrameStream:
    demuxer: Demuxer
    index: FrameIndex | None
    backend: VideoBackend
    stream_index: int
    seeks: int
    packets_read: int
    frames_decoded: int
    errors: int
    met_fault: bool
    skipping: bool
    def __init__(
        self,
        demuxer: Demuxer,
        stream_index: int,
        backend: VideoBackend,
        index: FrameIndex | None = None,
        fresh: bool = False,
    ) -> None: ...
    def set_index(self, index: FrameIndex | None) -> None: ...
    def forget(self) -> None: ...
    @property
    def cursor(self) -> int: ...
