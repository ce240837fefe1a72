from collections.abc import Iterable, Mapping

class Access:
    protocols: tuple[str, ...]
    formats: tuple[str, ...]
    options: dict[str, str]
    timeout: float
    max_pixels: int
    max_spool_bytes: int
    def __init__(
        self,
        protocols: Iterable[str] | str = (),
        formats: Iterable[str] | str = (),
        options: Mapping[str, object] | None = None,
        timeout: float = 30.0,
        max_pixels: int = 1 << 28,
        max_spool_bytes: int = 1 << 32,
    ) -> None: ...
