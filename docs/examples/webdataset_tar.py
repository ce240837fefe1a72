"""
Tar files of WebDataset
=======================

WebDataset stores videos and labels as pairs of members of tar files. A member is read in place: it
is neither copied nor unpacked.
"""

# %%
# Members are file-like objects, so a decoder takes them as they are.

import io
import json
import tarfile

import torch
from clip import make_clip
from pictures import show_frames
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from cycodec.decoders import VideoDecoder
from cycodec.samplers import clips_at_random_indices
from cycodec.transforms import Resize


def make_shard(path, numbers):
    """Write a tar file with pairs of members, such as 0007.mp4 and 0007.json."""
    with tarfile.open(path, "w") as shard:
        for number in numbers:
            shard.add(make_clip(f"{number:04}.mp4", seconds=2, rate=20 + number))
            label = json.dumps({"label": number % 3}).encode()
            entry = tarfile.TarInfo(f"{number:04}.json")
            entry.size = len(label)
            shard.addfile(entry, io.BytesIO(label))
    return path


class Shards(IterableDataset):
    """The clips and labels of all videos in tar files, which the workers share."""

    def __init__(self, paths):
        self.paths = paths

    def __iter__(self):
        worker = get_worker_info()
        mine = self.paths if worker is None else self.paths[worker.id :: worker.num_workers]
        for path in mine:
            with tarfile.open(path) as shard:
                for member in shard:
                    if member.name.endswith(".mp4"):
                        yield self.sample(shard, member.name)

    def sample(self, shard, name):
        label = json.load(shard.extractfile(name.replace(".mp4", ".json")))["label"]
        number = int(name.removesuffix(".mp4"))
        # The member is a file-like object: the decoder reads only the bytes that it needs.
        with VideoDecoder(shard.extractfile(name), transforms=[Resize((112, 112))]) as decoder:
            generator = torch.Generator().manual_seed(number)
            clips = clips_at_random_indices(decoder, num_frames_per_clip=8, generator=generator)
        return {"data": clips.data, "label": label, "number": number}


shards = [make_shard("shard-0.tar", range(4)), make_shard("shard-1.tar", range(4, 8))]

if __name__ == "__main__":
    seen = []
    for batch in DataLoader(Shards(shards), batch_size=2, num_workers=2):
        print(
            "videos", batch["number"].tolist(), "labels", batch["label"].tolist(), tuple(batch["data"].shape)
        )
        assert batch["data"].shape == (2, 1, 8, 3, 112, 112)
        assert batch["label"].tolist() == [number % 3 for number in batch["number"].tolist()]
        seen += batch["number"].tolist()
    assert sorted(seen) == list(range(8))
    show_frames(batch["data"][0, 0], columns=8)

# %%
# By offset
# ---------
#
# A part of a file is a source, too: ``(path_or_url, offset, length)``. It needs no open tar file,
# and it can be pickled.

with tarfile.open(shards[0]) as shard:
    member = shard.getmember("0003.mp4")
part = VideoDecoder((shards[0], member.offset_data, member.size))
assert torch.equal(part[10], VideoDecoder("0003.mp4")[10])
print(part)

# %%
# From a pipe
# -----------
#
# A tar in a pipe cannot seek. Read the whole member and pass its bytes.

with open(shards[0], "rb") as pipe, tarfile.open(fileobj=pipe, mode="r|") as stream:
    member = next(member for member in stream if member.name.endswith(".mp4"))
    decoder = VideoDecoder(stream.extractfile(member).read())
assert torch.equal(decoder[10], VideoDecoder("0000.mp4")[10])
print("from a stream:", decoder)
