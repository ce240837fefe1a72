from typing import TypeAlias

from cycodec.core.io.byte_store import ByteStore

Identity: TypeAlias = tuple[tuple[int, int, int, int], bytes]

class LocalFile(ByteStore):
    path: str | None
    identity: tuple[int, int, int, int]
    def __init__(self, path: str | None, descriptor: int | None = None) -> None: ...
    def digest(self) -> bytes: ...
