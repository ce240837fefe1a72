from typing import Any

from cycodec.core.io.access import Access

class IOContext:
    name: str
    url: str
    origin: Any
    access: Access
    @property
    def path(self) -> str | None: ...
    def __init__(self, origin: Any, name: str | None = None, access: Access | None = None) -> None: ...
    @property
    def failed(self) -> bool: ...
    def again(self) -> IOContext: ...
