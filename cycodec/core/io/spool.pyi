from typing import Any

from cycodec.core.io.byte_store import ByteStore

class Spool(ByteStore):
    def __init__(self, source: Any, name: str, most: int) -> None: ...
