class CodedPicture:
    width: int
    height: int
    pixel_format: str
    bits: int
    def set_colours(self, primaries: int, transfer: int, matrix: int, is_full: bool) -> None: ...
    def read(
        self, pointer: int, stride: int, channels: int, depth: int, region: tuple[int, int, int, int]
    ) -> None: ...
    def read_alpha(
        self, pointer: int, stride: int, channels: int, depth: int, region: tuple[int, int, int, int]
    ) -> None: ...
    @staticmethod
    def joined(tiles: list[CodedPicture], columns: int, width: int, height: int) -> CodedPicture: ...

class PictureDecoder:
    def __init__(
        self,
        codec: str,
        format: str,
        name: str,
        width: int,
        height: int,
        extradata: bytes = b"",
        num_threads: int = 1,
    ) -> None: ...
    def decode(self, data: bytes | None) -> CodedPicture | None: ...
    def decode_one(self, data: bytes) -> CodedPicture: ...
