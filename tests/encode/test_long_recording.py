"""Ten minutes of two cameras and a microphone, each on a thread of its own, at many times the speed
of a real recording: exact counts, flat memory, and streams that stay in step.
"""

import os
import sys
import threading

import numpy as np
import pytest
import torch

from cycodec.decoders import AudioDecoder, VideoDecoder
from cycodec.encoders import Encoder

SECONDS, RATE, SAMPLE_RATE = 600, 10, 8000
MARK = 60  # seconds from one flash, with a tone, to the next
SIZE = (48, 64)
GROWTH = 24_000_000  # bytes; the frames of a camera alone are 55 MB


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def is_marked(second):
    return second % MARK == MARK // 2


class Recording:
    """Threads that feed an encoder, none of which runs more than a second ahead of the others."""

    def __init__(self, encoder, audio_codec):
        self.cameras = [
            encoder.add_video(height=SIZE[0], width=SIZE[1], frame_rate=RATE, codec="mpeg4", threads=1)
            for _ in range(2)
        ]
        self.microphone = encoder.add_audio(sample_rate=SAMPLE_RATE, num_channels=1, codec=audio_codec)
        self.step = threading.Barrier(3)
        self.memory = []

    def film(self, camera, dark):
        for second in range(SECONDS):
            frames = np.full((RATE, *SIZE, 3), dark, np.uint8)
            frames[:, :, : 4 + second % 32] += 40
            if is_marked(second):
                frames[0] = 255
            camera.add_frames(torch.from_numpy(frames).permute(0, 3, 1, 2))
            self.step.wait()

    def listen(self):
        tone = 0.5 * torch.sin(torch.arange(SAMPLE_RATE) * 0.5)[None]
        for second in range(SECONDS):
            samples = torch.zeros(1, SAMPLE_RATE)
            if is_marked(second):
                samples[:, : SAMPLE_RATE // RATE] = tone[:, : SAMPLE_RATE // RATE]
            self.microphone.add_samples(samples)
            if second % MARK == 0:
                self.memory.append(resident())
            self.step.wait()

    def run(self):
        threads = [
            threading.Thread(target=self.film, args=(camera, 20 * (1 + number)))
            for number, camera in enumerate(self.cameras)
        ]
        for thread in threads:
            thread.start()
        try:
            self.listen()
        except BaseException:
            self.step.abort()  # the other threads must not wait for this one
            raise
        for thread in threads:
            thread.join()


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize(("container", "audio_codec"), [("mkv", "flac"), ("mp4", "alac")])
def test_ten_minutes(container, audio_codec, tmp_path):
    path = tmp_path / f"x.{container}"
    encoder = Encoder(queue_frames=30)
    recording = Recording(encoder, audio_codec)
    options = {"metadata": {"title": "ten minutes"}}
    with encoder.open_file(path, **options):
        recording.run()
    stats = encoder.stats()
    assert (stats.frames_in, stats.encoded, stats.dropped) == (2 * SECONDS * RATE, 2 * SECONDS * RATE, 0)
    assert max(recording.memory[1:]) - recording.memory[1] < GROWTH

    sound = AudioDecoder(path)[...]
    assert sound.shape == (1, SECONDS * SAMPLE_RATE)
    loud = (sound[0].reshape(-1, SAMPLE_RATE // RATE).abs().amax(1) > 0.2).nonzero()[:, 0]
    marks = [second * RATE for second in range(SECONDS) if is_marked(second)]
    assert loud.tolist() == marks
    for stream in range(2):
        decoder = VideoDecoder(path, stream_index=stream)
        assert len(decoder) == SECONDS * RATE
        pts = np.asarray(decoder.index.pts, dtype=np.float64)
        times = (pts - pts[0]) / (pts[-1] - pts[0]) * (SECONDS - 1 / RATE)
        assert np.abs(times - np.arange(SECONDS * RATE) / RATE).max() < 1.1e-3
        shown = decoder.get_frames_at([n + d for n in marks for d in (-1, 0, 1)]).data.float().mean((1, 2, 3))
        assert ((shown > 200).reshape(-1, 3) == torch.tensor([False, True, False])).all()
        seconds = decoder.get_frames_at(marks).pts_seconds
        assert (seconds - loud / RATE).abs().max() < 1 / RATE / 10
