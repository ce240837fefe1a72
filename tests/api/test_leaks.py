"""Opening, decoding and dropping decoders leaks no memory.

tools/verify/memory.py does the same for longer.
"""

import gc
import json
import subprocess
import sys
import weakref
from pathlib import Path

import media
import pytest
import torch  # noqa: F401  (its first import keeps frames of its callers until the next collection)

from cycodec.decoders import VideoDecoder

MEMORY = Path(__file__).resolve().parents[2] / "tools" / "verify" / "memory.py"


def grown(path, kind, cycles):
    """Returns how many bytes a process's resident memory grows by over some cycles, after a
    warm-up.
    """
    done = subprocess.run(
        [sys.executable, MEMORY, path, "--kind", kind, "--cycles", str(cycles), "--json"],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode in (0, 1), done.stderr
    return json.loads(done.stdout)["grown"]


KINDS = ("path", "bytes", "file-like", "closed", "failing", "dropped half-way", "in threads")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "kind"), [*(("h264_sound.mp4", kind) for kind in KINDS), ("vp9.webm", "path")]
)
def test_cycles_do_not_grow(name, kind):
    # on a busy machine threads may take another heap of malloc's; a leak shows in each process
    assert any(grown(media.path(name), kind, 150) < 4_000_000 for _ in range(2))


def test_a_decoder_dies_with_its_last_reference():
    """No cycle of references makes decoder or source wait for the garbage collector."""
    gc.disable()
    try:

        class File:
            def __init__(self):
                self.file = open(media.path("h264_sound.mp4"), "rb")  # noqa: SIM115
                self.read, self.seek = self.file.read, self.file.seek

        source = File()
        decoder = VideoDecoder(source)
        frames = decoder[3:9]
        iterator = iter(decoder)
        next(iterator)
        remaining = weakref.ref(source)
        del source, decoder, iterator
        assert remaining() is None
        assert frames.shape[0] == 6
    finally:
        gc.enable()


def test_close_lets_the_source_go():
    class File:
        def __init__(self):
            self.file = open(media.path("h264_sound.mp4"), "rb")  # noqa: SIM115
            self.read, self.seek = self.file.read, self.file.seek

    source = File()
    decoder = VideoDecoder(source)
    index = decoder.index
    decoder.close()
    remaining = weakref.ref(source)
    del source
    del decoder
    assert remaining() is None
    assert len(index) == 50


def test_files_are_closed():
    """Use, failure and dropping all close their file descriptors."""
    descriptors = Path("/proc/self/fd")
    if not descriptors.is_dir():
        pytest.skip("this system has no /proc/self/fd")
    good, bad = media.path("h264_sound.mp4"), media.path("h264_plain.mp4").parent
    VideoDecoder(good)[0]
    before = len(list(descriptors.iterdir()))
    for _ in range(20):
        VideoDecoder(good)[5]
        with VideoDecoder(good) as decoder:
            decoder[7]
        with pytest.raises(IsADirectoryError):
            VideoDecoder(bad)
    assert len(list(descriptors.iterdir())) <= before


def test_threads_are_joined():
    tasks = Path("/proc/self/task")
    if not tasks.is_dir():
        pytest.skip("this system has no /proc/self/task")
    path = media.path("h264_sound.mp4")
    VideoDecoder(path)[0]
    before = len(list(tasks.iterdir()))
    for _ in range(10):
        VideoDecoder(path, num_ffmpeg_threads=4)[5]
    assert len(list(tasks.iterdir())) <= before


def test_frames_outlive_their_decoder():
    with VideoDecoder(media.path("h264_sound.mp4")) as decoder:
        frames = decoder[0:10]
        copy = frames.clone()
    del decoder
    others = [VideoDecoder(media.path("h264_sound.mp4"))[20:30] for _ in range(3)]
    assert (frames == copy).all()
    assert not (others[0] == copy).all()
