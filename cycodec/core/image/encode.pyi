def encode_jpeg(
    pointer: int,
    stride: int,
    shape: tuple[int, int, int],
    quality: int,
    subsampling: tuple[int, int],
    progressive: bool,
    optimize: bool,
    exif: bytes,
    icc: bytes,
) -> bytes: ...
def encode_png(
    pointer: int, stride: int, shape: tuple[int, int, int], depth: int, level: int, exif: bytes, icc: bytes
) -> bytes: ...
