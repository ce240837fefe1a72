from typing import Any

class IOContext:
    name: str
    url: str
    origin: Any
    @property
    def path(self) -> str | None: ...
    def __init__(self, origin: Any, name: str | None = None) -> None: ...
    def again(self) -> IOContext: ...
