"""
Cloud storage with fsspec
=========================

URLs of every kind that fsspec knows (``s3``, ``gs``, ``https``; here ``memory`` and ``file``) are
read on demand, also in worker processes.
"""

# %%
# An open file of fsspec is a file-like object. The decoder reads only the parts that it needs.

from functools import partial
from pathlib import Path

import fsspec
import torch
from clip import make_clip
from pictures import show_frames
from torch.utils.data import DataLoader

from cycodec.datasets import VideoClips
from cycodec.decoders import VideoDecoder
from cycodec.samplers import clips_at_random_indices
from cycodec.transforms import Resize

path = make_clip("long.mp4", "-c:v", "mpeg4", "-q:v", "1", "-g", "25", seconds=30)
with fsspec.open("memory://videos/long.mp4", "wb") as remote:
    remote.write(Path(path).read_bytes())

with fsspec.open("memory://videos/long.mp4", "rb") as remote, VideoDecoder(remote) as decoder:
    frames = decoder.t[10.0:12.0:0.4]
    print("frames of two seconds:", tuple(frames.shape))
    assert torch.equal(frames, VideoDecoder(path).t[10.0:12.0:0.4])
show_frames(frames)

# %%
# In worker processes
# -------------------
#
# Give a dataset functions that open the files. Each worker calls them for itself, so that each has
# connections of its own.

paths = [make_clip(f"clip{n}.mp4", seconds=2) for n in range(4)]
urls = [f"file://{Path(path).resolve()}" for path in paths]
sampler = partial(clips_at_random_indices, num_frames_per_clip=8)
clips = VideoClips([fsspec.open(url).open for url in urls], sampler, [Resize((112, 112))])

if __name__ == "__main__":
    for batch in DataLoader(clips, batch_size=2, sampler=clips.order(), num_workers=2):
        print("videos", batch["video"].tolist(), tuple(batch["data"].shape))
        assert batch["data"].shape == (2, 1, 8, 3, 112, 112)

# %%
# Objects that are read repeatedly
# --------------------------------
#
# fsspec can keep a copy on the local disk.

with fsspec.open(f"simplecache::{urls[0]}", "rb") as cached:
    assert torch.equal(VideoDecoder(cached)[-1], VideoDecoder(paths[0])[-1])
