from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cycodec.core.backend import VideoBackend
from cycodec.core.demux import Demuxer
from cycodec.core.error import FFmpegError
from cycodec.core.index import FrameIndex

class IndexContradiction(FFmpegError): ...

class FrameReader:
    demuxer: Demuxer
    index: FrameIndex | None
    backend: VideoBackend
    stream_index: int
    seeks: int
    packets_read: int
    frames_decoded: int
    frames_converted: int
    frames_damaged: int
    errors: int
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
    def read_into(
        self,
        positions: Sequence[int] | NDArray[np.int64],
        out: int,
        pts: int,
        durations: int,
        valid: int,
        frame_size: tuple[int, int],
        region: tuple[int, int, int, int],
        orientation: int,
        type: int,
        masking: bool = False,
        places: Sequence[int] | NDArray[np.int64] | None = None,
    ) -> None: ...
    def prime(self, position: int) -> None: ...
    @property
    def cursor(self) -> int: ...
    @property
    def frame_info(self) -> dict[str, Any] | None: ...
    def confirm(self) -> bool: ...
    def decode_ordinals(self) -> list[int]: ...
