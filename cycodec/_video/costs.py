"""The costs that decide whether a request is divided among threads."""

from __future__ import annotations

from dataclasses import dataclass

from cycodec.core.video.cpu import has_strict_frame_threads


@dataclass(frozen=True)
class Costs:
    """What parts of a request cost, measured with H.264, HEVC, VP9, MPEG-4 and MPEG-2.

    A cost in frames is the time in which one thread decodes and converts so many average frames. A
    cost in pixels is the time that it needs for so many pixels of them.

    Attributes
    ----------
    seek : float
        Frames: starting at another key frame, which is large, and filling the decoder again.
    way : float
        Frames: one frame on the way to a wanted frame, if the decoder leaves B-frames out.
    byte : float
        Pixels: one byte of the file. See Note [What a GOP costs] in `gops`.
    parts : int
        Scattered requests are cut into up to so many parts for each thread. See Note [Parts] in
        `gops`.
    worth_a_thread : float
        Pixels: a request that costs less is read by one thread. This is about two frames of 1080p.
    reader : float
        Pixels: opening another reader.
    max_frame_threads : int
        The largest number of frame threads of one decoder; 1 disables frame threads.
    frame_threads : float
        One frame costs ``frame_threads / n`` frames with n frame threads, plus `hand_over`.
    hand_over : float
        Pixels: passing one frame from a frame thread to the reader.
    ahead : int
        A loop is expected to continue for so many times its current length.
        See Note [Reading on] in `read_ahead`.
    beginning : int
        Frames that are expected to follow where frame 0 alone is read.
    near : int
        Frames that may be left out between two requests of one loop.
    reserved_seconds : float
        Seconds for which a loop keeps its frame threads between two requests.
    """

    seek: float = 4
    way: float = 0.6
    byte: float = 200
    parts: int = 8
    worth_a_thread: float = 4_000_000
    reader: float = 600_000
    max_frame_threads: int = 8 if has_strict_frame_threads() else 1
    frame_threads: float = 1.1
    hand_over: float = 65_000
    ahead: int = 4
    beginning: int = 32
    near: int = 32
    reserved_seconds: float = 0.2


DEFAULT_COSTS = Costs()
