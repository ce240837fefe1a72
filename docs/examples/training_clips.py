"""Training clips: worker processes decode random clips of videos, resized by the decoder."""

import torch
from clip import make_clip
from torch.utils.data import DataLoader, Dataset

from cycodec.decoders import VideoDecoder
from cycodec.samplers import clips_at_random_indices
from cycodec.transforms import CenterCrop, Resize


class Clips(Dataset):
    """Two clips of eight frames from each video."""

    def __init__(self, paths):
        # Decoders may be created here and used in the workers. Each worker reopens them and keeps
        # their index.
        transforms = [Resize(128), CenterCrop(112)]
        self.decoders = [VideoDecoder(path, transforms=transforms) for path in paths]

    def __len__(self):
        return len(self.decoders)

    def __getitem__(self, number):
        generator = torch.Generator().manual_seed(number)
        clips = clips_at_random_indices(
            self.decoders[number],
            num_clips=2,
            num_frames_per_clip=8,
            num_indices_between_frames=2,
            generator=generator,
        )
        return clips.data


if __name__ == "__main__":
    paths = [make_clip(f"train{number}.mp4", rate=rate) for number, rate in enumerate((24, 25, 30, 60))]
    for batch in DataLoader(Clips(paths), batch_size=2, num_workers=2):
        print("videos, clips, frames, channels, height, width:", tuple(batch.shape))
        assert batch.shape == (2, 2, 8, 3, 112, 112)
