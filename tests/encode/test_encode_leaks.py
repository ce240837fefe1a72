"""Encoding, failing and aborting again and again leaks neither memory nor files nor threads."""

import subprocess
import sys

import pytest

PROGRAM = """
import gc, os, resource, sys, tempfile, threading
import torch
import cycodec
from cycodec.encoders import Encoder, VideoEncoder
frames = torch.randint(0, 256, (3, 3, 96, 128), dtype=torch.uint8)
folder = tempfile.mkdtemp()
path = folder + "/x.mkv"

class Failing:
    def write(self, data):
        raise OSError("no")

def encode():
    VideoEncoder(frames, frame_rate=30).to_file(path, codec="mpeg4")

def tensor():
    VideoEncoder(frames, frame_rate=30).to_tensor("mp4", codec="mpeg4")

def fail():
    try:
        VideoEncoder(frames, frame_rate=30).to_file_like(Failing(), "mkv", codec="mpeg4")
    except OSError:
        pass

def refuse():
    try:
        VideoEncoder(frames, frame_rate=30).to_file(path, codec="mpeg4", extra_options={"nope": 1})
    except ValueError:
        pass

def abort():
    encoder = Encoder(queue_frames=2)
    stream = encoder.add_video(height=96, width=128, frame_rate=30, codec="mpeg4")
    encoder.open_file(path)
    stream.add_frames(frames)
    encoder.abort()

def abandon():
    encoder = Encoder(queue_frames=2)
    stream = encoder.add_video(height=96, width=128, frame_rate=30, codec="mpeg4")
    encoder.open_file(path)
    stream.add_frames(frames)
    del encoder, stream
    gc.collect()

def cut():
    if not os.path.exists(folder + "/x.mkv"):
        long = torch.randint(0, 256, (20, 3, 48, 64), dtype=torch.uint8)
        VideoEncoder(long, frame_rate=10).to_file(path, codec="mpeg4", gop=5)
    cycodec.remux(path, Sink(), 0.2, 1.3, exact=True, format="mkv")

class Sink:
    def write(self, data):
        return len(data)

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()

call = globals()[sys.argv[1]]
for _ in range(50):
    call()
gc.collect()
before, files, threads = resident(), len(os.listdir("/proc/self/fd")), threading.active_count()
for _ in range(int(sys.argv[2])):
    call()
gc.collect()
assert len(os.listdir("/proc/self/fd")) == files
assert threading.active_count() == threads
assert set(os.listdir(folder)) <= {"x.mkv"}, os.listdir(folder)
print(resident() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("kind", ["encode", "tensor", "fail", "refuse", "abort", "abandon", "cut"])
def test_cycles_do_not_grow(kind):
    cycles = {"encode": 1000, "abandon": 100}.get(kind, 300)
    command = [sys.executable, "-c", PROGRAM, kind, str(cycles)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 6_000_000
