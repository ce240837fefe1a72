from cycodec.core.io.byte_store import ByteStore

class Watch:
    def __init__(self, timeout: float = 0.0) -> None: ...

class Link(ByteStore):
    def __init__(self, watch: Watch) -> None: ...
