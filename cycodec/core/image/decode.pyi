from cycodec.core.image.source_bytes import SourceBytes

def available() -> frozenset[str]: ...
def webp_is_available() -> bool: ...
def read_webp(
    source: SourceBytes,
    place: tuple[int, int],
    size: tuple[int, int],
    pointer: int,
    stride: int,
    channels: int,
    depth: int,
    region: tuple[int, int, int, int],
) -> None: ...
def exif_orientation(exif: bytes) -> int: ...
def orient(
    out: int,
    out_stride: int,
    source: int,
    stride: int,
    width: int,
    height: int,
    pixel_size: int,
    orientation: int,
) -> None: ...
def resample(
    out: int,
    out_stride: int,
    source: int,
    stride: int,
    size: tuple[int, int],
    stage: tuple[int, int, tuple[int, int, int, int]],
    channels: int,
    depth: int,
) -> None: ...

class AnimationCanvas:
    def __init__(self, width: int = 0, height: int = 0) -> None: ...
    def add(
        self, pixels: int, region: tuple[int, int, int, int], is_cleared: bool, is_blended: bool
    ) -> None: ...
    def read(
        self, pointer: int, stride: int, channels: int, depth: int, region: tuple[int, int, int, int]
    ) -> None: ...

class JpegPicture:
    format: str
    width: int
    height: int
    channels: int
    depth: int
    orientation: int
    is_progressive: bool
    exif: bytes
    num_frames: int
    plays: int
    def __init__(self, source: SourceBytes) -> None: ...
    def read(
        self,
        pointer: int,
        stride: int,
        channels: int,
        depth: int,
        region: tuple[int, int, int, int],
        reduction: int = 1,
        wants_ink: bool = False,
    ) -> None: ...

class PngPicture:
    format: str
    width: int
    height: int
    channels: int
    depth: int
    orientation: int
    exif: bytes
    num_frames: int
    is_animated: bool
    plays: int
    def __init__(self, source: SourceBytes, wants_frames: bool = False) -> None: ...
    def read(
        self, pointer: int, stride: int, channels: int, depth: int, region: tuple[int, int, int, int]
    ) -> None: ...
    def duration(self, number: int) -> float: ...
    def draw(self, number: int) -> AnimationCanvas: ...

class GifPicture:
    format: str
    width: int
    height: int
    channels: int
    depth: int
    orientation: int
    exif: bytes
    largest_frame: int
    num_frames: int
    plays: int
    def __init__(self, source: SourceBytes) -> None: ...
    def read(
        self, pointer: int, stride: int, channels: int, depth: int, region: tuple[int, int, int, int]
    ) -> None: ...
    def duration(self, number: int) -> float: ...
    def draw(self, number: int) -> AnimationCanvas: ...
