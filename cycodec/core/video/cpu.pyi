from collections.abc import Sequence

from cycodec.core.container.demux import Demuxer
from cycodec.core.video.backend import VideoBackend

class CpuBackend(VideoBackend):
    def __init__(
        self,
        demuxer: Demuxer,
        stream_index: int,
        num_threads: int = 1,
        min_reorder: int = 0,
        strict: bool = False,
    ) -> None: ...
    @property
    def allows_frame_threads(self) -> bool: ...
    @property
    def kernel(self) -> str | None: ...

def has_strict_frame_threads() -> bool: ...
def orientation_of(matrix: Sequence[int] | None) -> int: ...
def use_kernels(level: str) -> None: ...
