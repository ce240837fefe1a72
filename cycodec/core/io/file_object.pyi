from typing import Any

from cycodec.core.io.byte_store import ByteStore

class FileObject(ByteStore): ...

class RemoteFile:
    filesystem: Any
    path: Any
    def __init__(self, filesystem: Any, path: Any) -> None: ...
    def open(self) -> Any: ...
