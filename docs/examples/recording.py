"""
Recording from cameras
======================

Two cameras, a microphone and a depth camera are recorded from threads. Then the frames are read
back by index, as a training set.
"""

# %%
# The cameras of this page are simulated: the brightness of a picture tells its number.

import threading

import torch
from pictures import show_frames
from torch.utils.data import DataLoader, Dataset

from cycodec.decoders import AudioDecoder, VideoDecoder
from cycodec.encoders import Encoder

FRAMES, RATE, HEIGHT, WIDTH = 60, 30, 96, 128


def camera_frame(camera, number):
    """A picture whose brightness tells its number."""
    frame = torch.full((3, HEIGHT, WIDTH), 20 + 3 * number, dtype=torch.uint8)
    frame[camera] += 10
    return frame


def depth_frame(number):
    """Millimetres, in 12 bits."""
    return torch.arange(HEIGHT * WIDTH).reshape(1, HEIGHT, WIDTH).add(number).remainder(4096).to(torch.uint16)


# %%
# Encoding beside the recording
# -----------------------------
#
# One file holds the cameras and the audio, and one holds the depth without loss. With
# ``queue_frames=``, each stream encodes on a thread of its own, and ``add_frames`` does not wait.
# ``on_full`` says what happens if an encoder is too slow: wait, drop frames, or raise.

encoder = Encoder(queue_frames=30, on_full="block")
cameras = [
    encoder.add_video(height=HEIGHT, width=WIDTH, frame_rate=RATE, crf=18, gop=2, preset="veryfast")
    for _ in range(2)
]
microphone = encoder.add_audio(sample_rate=16000, num_channels=1)
depth_encoder = Encoder(queue_frames=30)
depth = depth_encoder.add_video(
    height=HEIGHT, width=WIDTH, frame_rate=RATE, codec="ffv1", pixel_format="gray12le", bit_depth=12
)


def record_camera(number):
    for n in range(FRAMES):
        cameras[number].add_frames(camera_frame(number, n))


def record_sound():
    for _ in range(FRAMES):
        microphone.add_samples(torch.zeros(1, 16000 // RATE))


def record_depth():
    for n in range(FRAMES):
        depth.add_frames(depth_frame(n))


with encoder.open_file("episode.mp4", metadata={"title": "episode 0"}), depth_encoder.open_file("depth.mkv"):
    threads = [threading.Thread(target=record_camera, args=(number,)) for number in range(2)]
    threads += [threading.Thread(target=record_sound), threading.Thread(target=record_depth)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

# %%
# No frame is lost without notice.

stats = encoder.stats()
assert stats.frames_in == stats.encoded + stats.dropped == 2 * FRAMES
print(f"{stats.encoded} frames, {stats.dropped} dropped, {stats.num_bytes} bytes")

# %%
# Reading back
# ------------
#
# Every frame is where it was recorded.

for number in range(2):
    decoder = VideoDecoder("episode.mp4", stream_index=number)
    assert len(decoder) == FRAMES
    for n in (0, 1, 17, FRAMES - 1):
        wanted = camera_frame(number, n).float().mean((1, 2))
        assert (decoder[n].float().mean((1, 2)) - wanted).abs().max() < 4
assert abs(len(AudioDecoder("episode.mp4")) / 16000 - FRAMES / RATE) < 0.1
assert VideoDecoder("depth.mkv").metadata.pixel_format == "gray12le"
left, right = (VideoDecoder("episode.mp4", stream_index=number) for number in range(2))
show_frames([left[0], left[50], right[0], right[50]], ["left 0", "left 50", "right 0", "right 50"])

# %%
# Two workers of a DataLoader read both cameras.


class Steps(Dataset):
    """Pairs of frames of both cameras."""

    def __init__(self):
        self.decoders = [VideoDecoder("episode.mp4", stream_index=number) for number in range(2)]

    def __len__(self):
        return FRAMES

    def __getitem__(self, n):
        return torch.stack([decoder[n] for decoder in self.decoders])


# "fork", because Python 3.14 would otherwise run this script again in each worker.
seen = 0
for batch in DataLoader(Steps(), batch_size=8, num_workers=2, multiprocessing_context="fork"):
    assert batch.shape[1:] == (2, 3, HEIGHT, WIDTH)
    seen += len(batch)
print(f"{seen} steps from 2 workers")
