from typing import Any

from cycodec.core.video.request import Request
from cycodec.core.video.stream import FrameStream

class FrameSizeChanged(Exception): ...

class FrameReader(FrameStream):
    frames_converted: int
    frames_damaged: int
    size_proved: bool
    def read(self, request: Request) -> None: ...
    def describe_frame(self, position: int) -> dict[str, Any]: ...
    @property
    def proved_by(self) -> dict[str, Any] | None: ...
