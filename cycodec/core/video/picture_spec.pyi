class PictureSpec:
    stored_width: int
    stored_height: int
    frame_pixels: int
    width: int
    height: int
    row_stride: int
    picture_bytes: int
    def __init__(
        self,
        frame_size: tuple[int, int],
        region: tuple[int, int, int, int],
        orientation: int,
        sample_type: int,
        planar: bool = False,
        stages: tuple[tuple[int, int, tuple[int, int, int, int]], ...] = (),
        layout: int = 0,
    ) -> None: ...
