"""Which encoders work here, and in which containers."""

from __future__ import annotations

from dataclasses import dataclass

from cycodec.core.encode.codecs import encoders_for
from cycodec.core.error import FFmpegTypeError

__all__ = ["Available", "available"]


@dataclass(frozen=True)
class Available:
    """The encoders for a container.

    Attributes
    ----------
    container : str
        FFmpeg's name of the container.
    video, audio : tuple of str
        Names of the encoders that work here.
    default_video, default_audio : str or None
        The encoder that is used if no codec is named; None if there is none.
    """

    container: str
    video: tuple[str, ...]
    audio: tuple[str, ...]
    default_video: str | None
    default_audio: str | None


def available(container: str) -> Available:
    """The encoders that work here for a container.

    Experimental encoders are left out, and so are those of graphics cards that are not there.

    Parameters
    ----------
    container : str
        FFmpeg's name of a container, or a file name extension, such as "mp4", "mkv" or "ts".

    Returns
    -------
    Available

    Raises
    ------
    TypeError
        `container` is no string.
    CodecNotFoundError
        The FFmpeg in use has no such container.
    """
    if not isinstance(container, str):
        raise FFmpegTypeError(f"container must be a string such as 'mp4', not {type(container).__name__}")
    name, default_video, video = encoders_for(container, "video")
    _, default_audio, audio = encoders_for(container, "audio")
    return Available(name, tuple(video), tuple(audio), default_video, default_audio)
