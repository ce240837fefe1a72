"""How a video stream is decoded: the arguments of VideoDecoder in the form that a session needs."""

from __future__ import annotations

from dataclasses import dataclass, field

from cycodec.core.io.access import Access
from cycodec.transforms import DecoderTransform


@dataclass(frozen=True)
class Options:
    """The options of a session. With source and index they are enough to open it again.

    Attributes
    ----------
    stream_index : int or None
        None selects FFmpeg's best video stream.
    ffmpeg_threads : int
        libavcodec's own threads; 0 lets FFmpeg decide.
    num_threads : int or None
        The user's limit of threads for one request: see `threads.thread_limit`.
    approximate : bool
        True if times and frame numbers come from the header alone.
    mask_errors : bool
        True if frames that cannot be decoded repeat the last good one instead of raising an error.
    output_dtype : {"uint8", "float32", "float16", "auto"}
    output : {"rgb", "gray", "rgba", "yuv"}
        The channels of a pixel.
    planar : bool
        True if pictures lie in memory in the order NCHW.
    transforms : tuple of DecoderTransform
    cuda : int or None
        Number of the CUDA device that receives the frames; None for the CPU.
    fallback : {"cpu", "raise"}
        What happens to streams that the GPU does not decode.
    cuda_backend : {"nvdec", "ffmpeg"}
        What drives the GPU's decoder.
    converter : {"kernel", "npp"}
        What converts colours on the GPU.
    access : Access
        What opening the source may reach.
    max_result_bytes : int
        The largest number of bytes of one result.
    """

    stream_index: int | None
    ffmpeg_threads: int
    num_threads: int | None
    approximate: bool
    mask_errors: bool
    output_dtype: str
    output: str = "rgb"
    planar: bool = False
    transforms: tuple[DecoderTransform, ...] = ()
    cuda: int | None = None
    fallback: str = "cpu"
    cuda_backend: str = "nvdec"
    converter: str = "kernel"
    access: Access = field(default_factory=Access)
    max_result_bytes: int = (1 << 63) - 1
