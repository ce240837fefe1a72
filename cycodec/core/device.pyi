from collections.abc import Sequence

class CudaDevice:
    stream: int
    def __init__(
        self, ordinal: int, context: int, convert_picture: int, resize_picture: int, resample_axis: int
    ) -> None: ...
    @property
    def ordinal(self) -> int: ...
    def use_npp(self, function: int, major: int, facts: tuple[int, ...]) -> None: ...
    def resample(
        self,
        data: int,
        type: int,
        out: int,
        out_type: int,
        shape: tuple[int, int, int],
        out_length: int,
        table: int,
        taps: int,
        shift: int,
    ) -> None: ...

def driver_functions() -> list[str]: ...
def set_driver_functions(addresses: Sequence[int]) -> None: ...
def open_cuvid() -> str | None: ...
