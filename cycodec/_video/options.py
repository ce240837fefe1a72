"""How a video stream is to be decoded: what VideoDecoder was asked for, in the session's words."""

from __future__ import annotations

from dataclasses import dataclass

from cycodec.transforms import DecoderTransform


@dataclass(frozen=True)
class Options:
    """What a session was opened with, apart from source and index; enough to open it again."""

    stream_index: int | None
    ffmpeg_threads: int
    num_threads: int | None
    approximate: bool
    mask_errors: bool
    output_dtype: str  # "uint8", "float32", "float16" or "auto"
    planar: bool = False  # memory order NCHW
    transforms: tuple[DecoderTransform, ...] = ()
    cuda: int | None = None  # number of the device that frames go to; None: the CPU
    fallback: str = "cpu"  # or "raise": what happens to streams that the GPU does not decode
    cuda_backend: str = "nvdec"  # or "ffmpeg": who drives the GPU's decoder
    converter: str = "kernel"  # or "npp": who converts colours on the GPU
