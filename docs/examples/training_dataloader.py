"""
A training dataset
==================

Random clips of many videos for a training loop, which can be saved and resumed within an epoch.
"""

# %%
# A dataset of clips
# ------------------
#
# ``VideoClips`` takes two clips of eight frames from each video. Seed, epoch and video determine
# which ones, so that workers and restarts do not change them. With ``on_error="skip"``, a video
# that cannot be read is replaced by the next one, with a warning.

from functools import partial

import torch
from clip import make_clip
from pictures import show_frames
from torch.utils.data import DataLoader

from cycodec.datasets import VideoClips
from cycodec.samplers import clips_at_random_indices
from cycodec.transforms import RandomCrop, Resize

paths = [make_clip(f"train{n}.mp4", rate=rate) for n, rate in enumerate((24, 25, 30, 50, 60, 25))]
sampler = partial(clips_at_random_indices, num_clips=2, num_frames_per_clip=8, num_indices_between_frames=2)
clips = VideoClips(paths, sampler, [Resize(128), RandomCrop(112)], seed=7, on_error="skip")

sample = clips[0, 3]  # epoch 0, video 3
print({name: getattr(value, "shape", value) for name, value in sample.items()})
show_frames(sample["data"].flatten(0, 1), columns=8)

# %%
# The order of an epoch
# ---------------------
#
# ``order()`` is a sampler for the DataLoader. With torch.distributed, each rank gets its share of
# every epoch.


def train(loader, order):
    """Two epochs. Returns the state in the middle of the second one, and the batches after it."""
    state, after = None, []
    for epoch in range(2):
        order.set_epoch(epoch)
        for step, batch in enumerate(loader, 1):
            print(f"epoch {epoch}, videos {batch['video'].tolist()}:", tuple(batch["data"].shape))
            assert batch["data"].shape == (2, 2, 8, 3, 112, 112)
            if state is not None:
                after.append(batch)
            if (epoch, step) == (1, 1):
                # Workers read ahead, so the loop passes the number of samples that it has seen.
                state = order.state_dict(num_done=step * loader.batch_size)
    return state, after


if __name__ == "__main__":
    order = clips.order()
    loader = DataLoader(clips, batch_size=2, sampler=order, num_workers=2, persistent_workers=True)
    state, after = train(loader, order)
    print("saved in the middle of epoch 1:", state)

# %%
# Resuming
# --------
#
# Another run, perhaps on another day, continues from that state with the same clips.

if __name__ == "__main__":
    order = clips.order()
    order.load_state_dict(state)
    loader = DataLoader(clips, batch_size=2, sampler=order, num_workers=2)
    for batch, expected in zip(loader, after, strict=True):
        print(f"resumed, videos {batch['video'].tolist()}")
        assert torch.equal(batch["data"], expected["data"])
