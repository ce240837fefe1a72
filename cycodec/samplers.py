"""Samplers: clips of a video that start at random or regular frame numbers or times.

Every sampler makes one decode call for all its clips and returns a FrameBatch with two leading
axes, ``[num_clips, num_frames_per_clip, ...]``. ``sampler.plan(...)`` takes the same arguments and
decodes nothing. It returns frame numbers (int64) or seconds (float64) of shape ``[num_clips,
num_frames_per_clip]``.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, NoReturn, ParamSpec, Protocol, TypeAlias

from cycodec._shared.arguments import INT32_MAX, integer, one_of
from cycodec._shared.keys import MOST_NUMBERS, check_count
from cycodec._shared.missing_names import refuse_name
from cycodec._shared.results import FrameBatch
from cycodec._shared.time_keys import instant, positive, time_grid
from cycodec._shared.torch_adapter import from_numpy, load_torch

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from cycodec.decoders import VideoDecoder

__all__ = [
    "clips_at_random_indices",
    "clips_at_random_timestamps",
    "clips_at_regular_indices",
    "clips_at_regular_timestamps",
]

Policy: TypeAlias = Literal["repeat_last", "wrap", "error"]
P = ParamSpec("P")
P_co = ParamSpec("P_co")


class Sampler(Protocol[P_co]):
    """A function that decodes clips. Its attribute `plan` is a function that only plans them."""

    plan: Callable[P_co, Tensor]

    def __call__(self, *args: P_co.args, **kwargs: P_co.kwargs) -> FrameBatch: ...


def _decoded_by(method: str) -> Callable[[Callable[P, Tensor]], Sampler[P]]:
    """Make a sampler from its plan: it decodes all clips by one call of a method of the decoder."""

    def make(plan: Any) -> Any:
        def sample(decoder: VideoDecoder, **options: Any) -> FrameBatch:
            planned = plan(decoder, **options)
            shape = planned.shape
            batch = getattr(decoder, method)(planned.flatten())
            return FrameBatch(
                batch.data.unflatten(0, shape),
                batch.pts_seconds.reshape(shape),
                batch.duration_seconds.reshape(shape),
                None if batch.valid is None else batch.valid.reshape(shape),
            )

        sampler: Any = functools.update_wrapper(sample, plan)
        sampler.plan = plan
        sampler.__annotations__ = {**plan.__annotations__, "return": "FrameBatch"}
        sampler.__signature__ = inspect.signature(plan).replace(return_annotation="FrameBatch")
        return sampler

    return make


@_decoded_by("get_frames_at")
def clips_at_random_indices(
    decoder: VideoDecoder,
    *,
    num_clips: int = 1,
    num_frames_per_clip: int = 1,
    num_indices_between_frames: int = 1,
    sampling_range_start: int = 0,
    sampling_range_end: int | None = None,
    policy: Policy = "repeat_last",
    generator: Generator | None = None,
) -> Tensor:
    """Clips that start at random frames.

    Parameters
    ----------
    decoder : VideoDecoder
    num_clips, num_frames_per_clip : int
        The leading shape of the result.
    num_indices_between_frames : int
        Difference between the numbers of neighbouring frames of a clip: 1 for consecutive frames.
    sampling_range_start, sampling_range_end : int
        Clips start in ``range(start, end)``; negative numbers count from the last frame. Without an
        end, clips start early enough to fit into the video (at frame 0 if no clip fits).
    policy : {"repeat_last", "wrap", "error"}
        How a clip that runs beyond the last frame is filled. "repeat_last" repeats its last frame,
        "wrap" repeats its frames from the first one, and "error" raises a ValueError.
    generator : torch.Generator, optional
        The source of randomness; by default torch's global generator.

    Returns
    -------
    FrameBatch
        data ``[num_clips, num_frames_per_clip, C, H, W]``, pts and durations ``[num_clips,
        num_frames_per_clip]``. ``clips_at_random_indices.plan(...)`` returns the frame numbers, an
        int64 tensor of that leading shape.

    Raises
    ------
    ValueError
        A count is not positive, the range is empty or outside the video, the policy is unknown, the
        video has no frames, or a clip does not fit and the policy is "error".
    TypeError
        A count or bound is not an integer.
    """
    clips = _IndexClips(decoder, num_frames_per_clip, num_indices_between_frames, policy)
    num_clips = integer("num_clips", num_clips, 1, MOST_NUMBERS)
    start, stop = clips.range_of_starts(sampling_range_start, sampling_range_end)
    device = "cpu" if generator is None else generator.device
    starts = load_torch().randint(start, stop, (num_clips,), generator=generator, device=device)
    return clips.from_starts(starts.cpu())


@_decoded_by("get_frames_at")
def clips_at_regular_indices(
    decoder: VideoDecoder,
    *,
    num_clips: int = 1,
    num_frames_per_clip: int = 1,
    num_indices_between_frames: int = 1,
    sampling_range_start: int = 0,
    sampling_range_end: int | None = None,
    policy: Policy = "repeat_last",
) -> Tensor:
    """Clips that start at evenly spaced frames, from the first to the last frame of the range.

    Parameters, result and errors are those of `clips_at_random_indices`. If there are more clips
    than frames in the range, several clips start at the same frame.
    """
    clips = _IndexClips(decoder, num_frames_per_clip, num_indices_between_frames, policy)
    num_clips = integer("num_clips", num_clips, 1, MOST_NUMBERS)
    start, stop = clips.range_of_starts(sampling_range_start, sampling_range_end)
    # torch rounds to integers here, so that scripts written for TorchCodec get the same clips.
    torch = load_torch()
    starts = torch.linspace(start, stop - 1, steps=num_clips, dtype=torch.int32, device="cpu")
    return clips.from_starts(starts.long())


@_decoded_by("get_frames_played_at")
def clips_at_random_timestamps(
    decoder: VideoDecoder,
    *,
    num_clips: int = 1,
    num_frames_per_clip: int = 1,
    seconds_between_frames: float | None = None,
    sampling_range_start: float | None = None,
    sampling_range_end: float | None = None,
    policy: Policy = "repeat_last",
    generator: Generator | None = None,
) -> Tensor:
    """Clips that start at random instants.

    Parameters
    ----------
    decoder : VideoDecoder
    num_clips, num_frames_per_clip : int
        The leading shape of the result.
    seconds_between_frames : float, optional
        Time between neighbouring frames of a clip; by default the duration of an average frame, ``1
        / average_fps``.
    sampling_range_start, sampling_range_end : float, optional
        Clips start in ``[start, end)``, in seconds on the stream's own timeline. By default they
        start at or after the stream's begin, and early enough to fit into the stream.
    policy : {"repeat_last", "wrap", "error"}
        How a clip that runs beyond the stream's end is filled. "repeat_last" repeats its last
        frame, "wrap" repeats its frames from the first one, and "error" raises a ValueError.
    generator : torch.Generator, optional
        The source of randomness; by default torch's global generator.

    Returns
    -------
    FrameBatch
        data ``[num_clips, num_frames_per_clip, C, H, W]``, pts and durations ``[num_clips,
        num_frames_per_clip]``. ``clips_at_random_timestamps.plan(...)`` returns the instants in
        seconds, a float64 tensor of that leading shape.

    Raises
    ------
    ValueError
        A count or distance is not positive, the range is empty or outside the stream, the policy is
        unknown, the stream has no frames, its end or frame rate is unknown, or a clip does not fit
        and the policy is "error".
    TypeError
        A count is not an integer, or a time is not a number.
    """
    clips = _TimeClips(decoder, num_frames_per_clip, seconds_between_frames, policy)
    num_clips = integer("num_clips", num_clips, 1, MOST_NUMBERS)
    start, stop = clips.range_of_starts(sampling_range_start, sampling_range_end)
    torch = load_torch()
    device = "cpu" if generator is None else generator.device
    part = torch.rand((num_clips,), generator=generator, dtype=torch.float64, device=device).cpu()
    # Rounding must not move a start to the stop, which is outside the range.
    return clips.from_starts((start + part * (stop - start)).clamp(max=math.nextafter(stop, start)))


@_decoded_by("get_frames_played_at")
def clips_at_regular_timestamps(
    decoder: VideoDecoder,
    *,
    seconds_between_clip_starts: float,
    num_frames_per_clip: int = 1,
    seconds_between_frames: float | None = None,
    sampling_range_start: float | None = None,
    sampling_range_end: float | None = None,
    policy: Policy = "repeat_last",
) -> Tensor:
    """Clips that start at a fixed distance from each other, from the start of the range.

    Parameters, result and errors are those of `clips_at_random_timestamps`, with one exception: the
    number of clips follows from ``seconds_between_clip_starts`` and the range.
    """
    clips = _TimeClips(decoder, num_frames_per_clip, seconds_between_frames, policy)
    distance = positive(seconds_between_clip_starts, "seconds_between_clip_starts")
    start, stop = clips.range_of_starts(sampling_range_start, sampling_range_end)
    return clips.from_starts(from_numpy(time_grid(start, stop, distance)))


# --- Common to all samplers -----------------------------------------------------------------------


class _Clips:
    """The frames of clips, as points on an axis of frame numbers or seconds."""

    end: float  # where the axis ends
    spacing: float  # distance between neighbouring frames of a clip

    def __init__(self, decoder: VideoDecoder, num_frames_per_clip: int, policy: str) -> None:
        one_of("policy", policy, ("repeat_last", "wrap", "error"))
        if len(decoder) == 0:
            raise ValueError("clips need at least one frame, but the video has none")
        self.policy = policy
        self.length = integer("num_frames_per_clip", num_frames_per_clip, 1, MOST_NUMBERS)

    def from_starts(self, starts: Tensor) -> Tensor:
        """Return the points of all frames, one row per start. The policy replaces those beyond the
        end.
        """
        torch = load_torch()
        check_count(len(starts) * self.length, "frames of clips")
        # Steps have the dtype of the starts: torch multiplies integers and a float in float32.
        steps = torch.arange(self.length, dtype=starts.dtype, device="cpu").expand(len(starts), -1)
        points = starts[:, None] + steps * self.spacing
        num_inside = (points < self.end).sum(dim=1, keepdim=True)
        if self.policy == "error" and (num_inside < self.length).any():
            clip = int((num_inside[:, 0] < self.length).nonzero()[0, 0])
            raise ValueError(
                f"the clip that starts at {starts[clip].item()} runs beyond the end at {self.end}, and the "
                'policy is "error": leave out sampling_range_end, or use "repeat_last" or "wrap"'
            )
        steps = steps % num_inside if self.policy == "wrap" else torch.minimum(steps, num_inside - 1)
        return starts[:, None] + steps * self.spacing

    def _checked(self, start: Any, stop: Any, fitted: bool = False) -> Any:
        """Return the stop of a range of starts, if the range is not empty.

        `fitted` is True if the stop was chosen so that clips fit.
        """
        if start >= stop:
            why = (
                f"so that {self.length} frames fit (give sampling_range_end to let clips run beyond the end)"
            )
            raise ValueError(f"no clip can start in [{start}, {stop})" + (f" {why}" if fitted else ""))
        return stop


class _IndexClips(_Clips):
    """Clips by frame number."""

    def __init__(self, decoder: VideoDecoder, num_frames_per_clip: int, spacing: int, policy: str) -> None:
        super().__init__(decoder, num_frames_per_clip, policy)
        self.end = len(decoder)
        self.spacing = integer("num_indices_between_frames", spacing, 1, INT32_MAX)

    def range_of_starts(self, start: int, stop: int | None) -> tuple[int, int]:
        """Return the range of frame numbers in which clips start."""
        num_frames = int(self.end)
        given = start = integer("sampling_range_start", start)
        if start < 0:
            start += num_frames
        if not 0 <= start < num_frames:
            raise ValueError(f"sampling_range_start {given} is outside the video of {num_frames} frames")
        if stop is None:
            stop = max(num_frames - (self.length - 1) * int(self.spacing), 1)
            return start, self._checked(start, stop, fitted=True)
        stop = integer("sampling_range_end", stop)
        return start, self._checked(start, min(stop + num_frames if stop < 0 else stop, num_frames))


class _TimeClips(_Clips):
    """Clips by seconds."""

    def __init__(
        self, decoder: VideoDecoder, num_frames_per_clip: int, spacing: float | None, policy: str
    ) -> None:
        super().__init__(decoder, num_frames_per_clip, policy)
        metadata = decoder.metadata
        if metadata.end_stream_seconds is None:
            raise ValueError("the end of the stream is not known (use a sampler by indices)")
        self.begin, self.end = metadata.begin_stream_seconds, metadata.end_stream_seconds
        if spacing is not None:
            self.spacing = positive(spacing, "seconds_between_frames")
        elif metadata.average_fps:
            self.spacing = 1 / metadata.average_fps
        else:
            raise ValueError("the frame rate is not known (give seconds_between_frames)")

    def range_of_starts(self, start: float | None, stop: float | None) -> tuple[float, float]:
        """Return the range of seconds in which clips start."""
        start = self.begin if start is None else instant(start, "sampling_range_start")
        if not self.begin <= start < self.end:
            stream = f"[{self.begin}, {self.end}) s"
            raise ValueError(f"sampling_range_start {start} s is outside the stream, shown over {stream}")
        if stop is None:
            stop = self.end - (self.length - 1) * self.spacing
            return start, self._checked(start, stop, fitted=True)
        return start, self._checked(start, min(instant(stop, "sampling_range_end"), self.end))


if not TYPE_CHECKING:

    def __getattr__(name: str) -> NoReturn:
        refuse_name(__name__, name)
