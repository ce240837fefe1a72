"""
Sampling clips
==============

Training sees a few short clips of each video. A sampler chooses where they begin, and decodes all
of them in one call.
"""

# %%
# By frame number
# ---------------
#
# Three clips of four frames, with every fifth frame. The result has two leading axes, clips and
# frames: ``[3, 4, C, H, W]``.

from functools import partial

import torch
from clip import make_clip
from pictures import show_frames

from cycodec.decoders import VideoDecoder
from cycodec.samplers import (
    clips_at_random_indices,
    clips_at_random_timestamps,
    clips_at_regular_indices,
    clips_at_regular_timestamps,
)

decoder = VideoDecoder(make_clip("video.mp4", seconds=10))
generator = torch.Generator().manual_seed(3)
sample = partial(clips_at_random_indices, num_clips=3, num_frames_per_clip=4, num_indices_between_frames=5)
clips = sample(decoder, generator=generator)
print(clips)
times = [f"{seconds:.2f} s" for seconds in clips.pts_seconds.flatten().tolist()]
show_frames(clips.data.flatten(0, 1), times, columns=4)

# %%
# The clips of a sampler index like a batch: ``clips[0]`` is the first clip, ``clips[0, 2]`` its
# third frame.

print(clips[0].data.shape, clips[0, 2].pts_seconds)

# %%
# At regular places
# -----------------
#
# For evaluation, clips begin at evenly spaced frames, the same ones each time.

clips = clips_at_regular_indices(decoder, num_clips=4, num_frames_per_clip=2)
print("clips begin at", [f"{start:.2f} s" for start in clips.pts_seconds[:, 0].tolist()])

# %%
# By time
# -------
#
# The timestamp samplers space frames in seconds, so that a clip has the same speed whatever the
# rate of its video is.

clips = clips_at_random_timestamps(
    decoder, num_clips=2, num_frames_per_clip=5, seconds_between_frames=0.2, generator=generator
)
print("two random clips:", clips.data.shape)

clips = clips_at_regular_timestamps(decoder, seconds_between_clip_starts=3.0, num_frames_per_clip=2)
print("a clip every 3 s:", clips.data.shape)

# %%
# At the end of the video
# -----------------------
#
# A policy says what happens to a clip that would leave the video: repeat its last frame
# (the default), wrap to its beginning, or raise an error. ``plan`` returns the numbers and decodes
# nothing.

for policy in ("repeat_last", "wrap"):
    plan = clips_at_regular_indices.plan(
        decoder, sampling_range_start=248, sampling_range_end=249, num_frames_per_clip=5, policy=policy
    )
    print(f"{policy}: {plan.tolist()}")

# %%
# To sample from many videos in a training loop, see :doc:`/gallery/training_dataloader`.
