"""Training with a DataLoader: random clips of many videos, saved and resumed within an epoch."""

from functools import partial

import torch
from clip import make_clip
from torch.utils.data import DataLoader

from cycodec.datasets import VideoClips
from cycodec.samplers import clips_at_random_indices
from cycodec.transforms import RandomCrop, Resize


def main():
    paths = [make_clip(f"train{n}.mp4", rate=rate) for n, rate in enumerate((24, 25, 30, 50, 60, 25))]

    # Two clips of eight frames from each video. Seed, epoch and video determine which ones, so
    # workers and restarts do not change them. A video that cannot be read is replaced by the next
    # one, with a warning.
    sampler = partial(
        clips_at_random_indices, num_clips=2, num_frames_per_clip=8, num_indices_between_frames=2
    )
    clips = VideoClips(paths, sampler, [Resize(128), RandomCrop(112)], seed=7, on_error="skip")

    # With torch.distributed, each rank gets its share of every epoch.
    order = clips.order()
    loader = DataLoader(clips, batch_size=2, sampler=order, num_workers=2, persistent_workers=True)

    state = None
    after = []
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
    print("saved in the middle of epoch 1:", state)

    # Another run, perhaps on another day, continues from that state.
    order = clips.order()
    order.load_state_dict(state)
    loader = DataLoader(clips, batch_size=2, sampler=order, num_workers=2)
    for batch, expected in zip(loader, after, strict=True):
        print(f"resumed, videos {batch['video'].tolist()}")
        assert torch.equal(batch["data"], expected["data"])


if __name__ == "__main__":
    main()
