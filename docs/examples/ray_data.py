"""
A cluster with Ray Data
=======================

Ray Data spreads paths over a pool of workers, here two on this machine. Each worker decodes its
paths to frames.
"""

# %%
# An unreadable file must not end the job: its error becomes a column of its row.

import logging
from functools import partial

import numpy as np
import torch
from clip import make_clip
from pictures import show_frames

from cycodec.batch import decode_batch
from cycodec.decoders import VideoDecoder
from cycodec.transforms import Resize

try:
    import ray
except ModuleNotFoundError:
    raise SystemExit("this example needs Ray: pip install 'ray[data]'") from None


class Decode:
    """Decode four frames of each video, resized. Ray creates one such object in each worker."""

    def __init__(self, size):
        self.transforms = [Resize((size, size))]

    def __call__(self, batch):
        # A worker has one CPU, so it uses one thread. An unreadable file is reported in its row,
        # and the others continue.
        sources = [partial(VideoDecoder, str(path), transforms=self.transforms) for path in batch["path"]]
        requests = [(source, [0, 10, 20, 30]) for source in sources]
        results = decode_batch(requests, num_threads=1, on_error="return")
        errors = [str(result) if isinstance(result, Exception) else "" for result in results]
        empty = np.zeros((4, 3, *self.transforms[0].size), np.uint8)
        frames = [
            empty if error else result.data.numpy() for error, result in zip(errors, results, strict=True)
        ]
        return {"path": batch["path"], "frames": np.stack(frames), "error": np.array(errors)}


def main():
    paths = [make_clip(f"clip{n}.mp4", seconds=2, rate=24 + n) for n in range(8)]
    with open("broken.mp4", "wb") as file:
        file.write(b"not a video " * 100)

    logging.disable(logging.WARNING)  # Ray logs its progress
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        workers = ray.data.ActorPoolStrategy(size=2)
        rows = ray.data.from_items([{"path": path} for path in [*paths, "broken.mp4"]])
        decoded = rows.map_batches(Decode, fn_constructor_args=(64,), batch_size=3, compute=workers)
        found = {row["path"]: row for row in decoded.iter_rows()}
    finally:
        ray.shutdown()

    for path, row in found.items():
        print(path, row["error"] or tuple(row["frames"].shape))
    assert len(found) == 9
    assert found["broken.mp4"]["error"]
    for path in paths:
        expected = VideoDecoder(path, transforms=[Resize((64, 64))])[[0, 10, 20, 30]]
        assert np.array_equal(found[path]["frames"], expected.numpy())
    show_frames([torch.from_numpy(found[path]["frames"][3].copy()) for path in paths], paths, columns=8)


if __name__ == "__main__":
    main()
