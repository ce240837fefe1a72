"""What the pictures of a stream are like: size, dtype, transforms, and the facts of the header.

Note [Colours of frames]

A container may state other colours than the pictures carry, and the pictures are right: they are
converted by their own. The colours of a header that was not probed are therefore replaced by those
of the parameter sets (H.264, HEVC), or else by those of frame 0. So are colours of a probed header
that may be the container's, which FFmpeg 9 prefers when it probes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from cycodec._shared import torch_adapter
from cycodec._video.picture import PictureFormat, Region
from cycodec.core.error import FFmpegError, FFmpegValueError
from cycodec.core.video.cpu import yuv_bits
from cycodec.core.video.picture_spec import PictureSpec
from cycodec.transforms import Pipeline, resolve

if TYPE_CHECKING:
    from torch import Generator

    from cycodec._video.frame_size import FrameSize
    from cycodec._video.options import Options
    from cycodec._video.readers import Readers
    from cycodec.core.video.header_index import HeaderIndex
    from cycodec.core.video.index import FrameIndex

COLOURS = ("color_primaries", "color_space", "color_transfer_characteristic", "color_range")
HDR_TRANSFERS = ("smpte2084", "arib-std-b67")
# Rows or columns of the largest picture that C code may ask for.
LARGEST_SIDE = 1 << 15
BYTE_BITS = 8
# A frame of more pixels takes over a hundred megabytes, and is decoded only if it is asked for.
GIANT_PIXELS = 1 << 26


class PlansOutdated(Exception):
    """Frames have another size than the plans of a request assume; the request must start again."""


class Pictures:
    """The pictures that a stream's frames become. All methods may decode frame 0: call them inside
    a request.

    Parameters
    ----------
    options : Options
    header : dict
        ``Demuxer.stream_info``.
    size : FrameSize
    pipeline : Pipeline, optional
        The options' transforms as they were resolved before, random crops included.
    knows_colours : bool
        ``Demuxer.knows_colours``.

    Attributes
    ----------
    header : dict
        What the header says, completed by a decoded frame where it says nothing.
    size : FrameSize
    device : torch.device or "cpu"
        Where pictures are delivered.
    current : PictureFormat or None
        What `format` has returned, as long as that is true.
    """

    def __init__(
        self,
        options: Options,
        header: dict[str, Any],
        size: FrameSize,
        pipeline: Pipeline | None,
        knows_colours: bool,
    ) -> None:
        self.options = options
        self.header = header
        self.size = size
        self.current: PictureFormat | None = None
        self._pipeline = pipeline
        # True if the header's colours are those of frame 0: Note [Colours of frames].
        # For a GPU, the headers were read closely when the stream was opened.
        self._knows_colours = (knows_colours and size.is_proved) or options.cuda is not None

    def leave_readers(self) -> None:
        """Let go of the readers, which are closed. What is known stays known."""
        self._readers = cast("Readers", None)

    def use(self, readers: Readers, gpu: int | None) -> None:
        """Take the facts from these readers from now on, and send pictures to that GPU, if any."""
        self._readers = readers
        self.device = "cpu" if gpu is None else torch_adapter.cuda_device(gpu)
        self.current = None
        readers.main.size_proved = self.size.is_proved
        self._has_asked = self._knows_colours
        if self._is_giant:
            self._ask_decoder()  # `describe` will not do it

    def release(self) -> None:
        """Let go of the readers, which hold the source."""
        self._readers = None  # type: ignore[assignment]

    # -- the size of frames: Note [Proving the size] in frame_size ---------------------------------

    def doubt(self) -> None:
        """Forget the size, because a frame has another one."""
        self.size.doubt()
        self.current = None

    def learn(self) -> None:
        """Take the size as proved if a reader has converted a frame of it."""
        if self.size.is_proved:
            return
        for reader in self._readers.all():
            info = reader.proved_by
            if info is not None:
                self._ask_decoder()
                self._complete_header(info)
                self._trust_size()
                return

    def _trust_size(self) -> None:
        """Let readers no longer compare the size of frames."""
        self.size.is_proved = True
        for reader in self._readers.all():
            reader.size_proved = True

    def _prove(self) -> None:
        """Decode frame 0 to learn its size, and what the header does not tell.

        Raises
        ------
        PlansOutdated
            The header's size is wrong.
        """
        reader = self._readers.main
        index = cast("FrameIndex | HeaderIndex", reader.index)
        info = reader.describe_frame(index.first_position)
        self._take_colours(info)
        self._complete_header(info)
        has_changed = self.size.prove(info["width"], info["height"])
        self._trust_size()
        if has_changed:
            self._pipeline = self.current = None
            raise PlansOutdated

    def _take_colours(self, info: dict[str, Any]) -> None:
        """Let colours that frame 0 carries overrule those of the container."""
        self.header = {**self.header, **{name: info[name] for name in COLOURS}}
        self._knows_colours = True

    def _ask_decoder(self) -> None:
        """Take the colours that the parameter sets state, which the decoder may have to read."""
        if not self._has_asked:
            self._has_asked = True
            stated = self._readers.main.stated_colours()
            if stated is not None:
                self._take_colours(stated)

    def _learn_colours(self) -> None:
        """Decode frame 0 unless its colours are known; a damaged frame leaves the header's."""
        self._ask_decoder()
        if not self._knows_colours:
            try:
                self._prove()
            except (FFmpegError, IndexError):
                self._knows_colours = True

    def _complete_header(self, info: dict[str, Any]) -> None:
        """Add what a decoded frame tells where the header tells nothing."""
        self.header = {**self.header, **{k: v for k, v in info.items() if self.header.get(k) is None}}

    @property
    def _is_giant(self) -> bool:
        """True if frame 0 is not decoded yet, and is too large to decode without need."""
        pixels = (self.header.get("width") or 0) * (self.header.get("height") or 0)
        return not self.size.is_proved and pixels > GIANT_PIXELS

    @property
    def is_described(self) -> bool:
        """True if `describe` needs no frame."""
        if self._is_giant:
            return True
        return not self._needs_frame and self._knows_colours

    @property
    def _needs_frame(self) -> bool:
        """True if only frame 0 tells the format of pictures, or the size that is in doubt."""
        is_known = self.header.get("pixel_format") is not None and self.size.geometry is not None
        return not is_known and not self.size.is_proved

    def describe(self) -> dict[str, Any]:
        """Return the header, completed by the first frame where the header tells nothing.

        A giant frame, which takes hundreds of megabytes, is not decoded for its description.
        """
        if self._is_giant:
            return self.header
        self._ask_decoder()
        if self._needs_frame:
            try:
                self._prove()
            except (FFmpegError, IndexError):
                self._trust_size()
        self._learn_colours()
        return self.header

    # -- what frames become ------------------------------------------------------------------------

    @property
    def known_shape(self) -> tuple[int, int] | None:
        """Height and width of pictures, after the transforms; None if only a frame can tell."""
        return None if self.size.geometry is None else self.shape

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of pictures, after the transforms."""
        if self.options.transforms:
            pipeline = self.resolve()
            return pipeline.height, pipeline.width
        return self._frame_shape()

    def _frame_shape(self) -> tuple[int, int]:
        """Return height and width of frames, before the transforms."""
        if self.size.geometry is None:
            self._prove()
        geometry = self.size.geometry
        assert geometry is not None
        return geometry.height, geometry.width

    @property
    def dtype(self) -> str:
        """The dtype "uint8", "float32" or "float16", with "auto" resolved."""
        if self.options.output_dtype != "auto":
            return self.options.output_dtype
        if self.options.output == "yuv":
            return "uint8" if self._sample_bits() == BYTE_BITS else "float32"
        self._learn_colours()
        return "float32" if self.header.get("color_transfer_characteristic") in HDR_TRANSFERS else "uint8"

    def _sample_bits(self) -> int:
        """Return the bits of a sample of the YUV planes, or 0 if the stream has none."""
        name = self.describe().get("pixel_format")
        return BYTE_BITS if name is None else yuv_bits(name)

    def check_samples(self) -> None:
        """Check that the result can hold the samples of the stream as they were decoded.

        Raises
        ------
        FFmpegValueError
            The stream has no YUV planes, or they have more bits than uint8.
        """
        bits, name = self._sample_bits(), self.header.get("pixel_format")
        source = self._readers.main.demuxer.io.name
        if not bits:
            raise FFmpegValueError(
                f"{source}: output='yuv' needs YUV planes, and frames of this stream are {name}; pass"
                " output='rgb' or 'rgba'",
                source=source,
                operation="open",
            )
        if bits > BYTE_BITS and self.options.output_dtype == "uint8":
            raise FFmpegValueError(
                f"{source}: samples of {name} have {bits} bits and do not fit into torch.uint8; pass"
                " output_dtype=torch.float32 or 'auto' with output='yuv'",
                source=source,
                operation="open",
            )

    @property
    def pipeline(self) -> Pipeline | None:
        """The transforms as they were resolved last; None before that."""
        return self._pipeline

    def resolve(self) -> Pipeline:
        """Return the transforms for frames of this size, with random crops drawn once."""
        if self._pipeline is None:
            self._pipeline = resolve(self.options.transforms, *self._frame_shape())
        return self._pipeline

    def redraw(self, generator: Generator) -> None:
        """Draw the places of random crops again."""
        self._pipeline = resolve(self.options.transforms, *self._frame_shape(), generator)
        self.current = None

    def spec(self, region: Region, size: tuple[int, int], sample_type: int, planar: bool) -> PictureSpec:
        """Return a spec of pictures without the decoder's transforms, for C code.

        Parameters
        ----------
        region : (int, int, int, int)
            The part (y0, y1, x0, x1) of a frame.
        size : (int, int)
            Height and width of a picture.
        sample_type : int
            As in csrc/picture/target.h.
        planar : bool

        Raises
        ------
        FFmpegValueError
            The numbers make no picture.
        """
        frame_height, frame_width = self._frame_shape()
        y0, y1, x0, x1 = region
        height, width = size
        if not (0 <= y0 < y1 <= frame_height and 0 <= x0 < x1 <= frame_width):
            raise FFmpegValueError(
                f"the region {region} is not inside a frame of {frame_height} rows and {frame_width} columns"
            )
        if not (0 < height <= LARGEST_SIDE and 0 < width <= LARGEST_SIDE):
            raise FFmpegValueError(f"a picture cannot have {height} rows and {width} columns")
        if sample_type not in torch_adapter.SAMPLE_TYPES.values():
            raise FFmpegValueError(f"there is no type of values {sample_type}")
        stages = () if (height, width) == (y1 - y0, x1 - x0) else ((height, width, (0, height, 0, width)),)
        geometry = self.size.geometry
        assert geometry is not None
        return PictureSpec(
            (geometry.width, geometry.height), region, geometry.orientation, sample_type, planar, stages
        )

    @property
    def format(self) -> PictureFormat:
        """What decoded frames become now."""
        if self.current is None:
            dtype = self.dtype
            self._frame_shape()
            geometry = self.size.geometry
            assert geometry is not None
            pipeline = self.resolve() if self.options.transforms else None
            self.current = PictureFormat(geometry, pipeline, dtype, self.options, self.device)
        return self.current
