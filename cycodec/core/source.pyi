from typing import Any

class IOContext:
    name: str
    url: str
    origin: Any
    def __init__(self, origin: Any, name: str | None = None) -> None: ...
