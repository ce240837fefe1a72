"""Ctrl-C during a long request raises the signal handler's exception soon, and the decoder stays
usable.
"""

import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import media
import pytest
import torch

from cycodec._shared.sources import open_source
from cycodec.core.container.demux import Demuxer
from cycodec.core.container.packets import scan_packets
from cycodec.decoders import AudioDecoder, VideoDecoder


class Stop(Exception):
    pass


def decode_for_ever(decoder):
    while True:
        decoder.get_frames_at(list(range(len(decoder))) * 3)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no interval timers here")
@pytest.mark.skipif(
    threading.current_thread() is not threading.main_thread(), reason="signals come to the main thread"
)
def test_a_signal_handler_may_raise():
    def stop(number, frame):
        raise Stop

    decoder = VideoDecoder(media.path("h264_long_gop.mp4"), num_threads=1)
    expected = decoder[7]
    before = signal.signal(signal.SIGALRM, stop)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(Stop):
            decode_for_ever(decoder)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert torch.equal(decoder[7], expected)
    assert len(decoder[:]) == len(decoder)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no interval timers here")
@pytest.mark.skipif(
    threading.current_thread() is not threading.main_thread(), reason="signals come to the main thread"
)
def test_a_signal_handler_may_end_a_scan(tmp_path):
    """A transport stream is read to its end before it has an index."""

    def stop(number, frame):
        raise Stop

    path = tmp_path / "long.ts"
    data = media.path("h264.ts").read_bytes()
    path.write_bytes(data * (150_000_000 // len(data)))
    demuxer = Demuxer(open_source(path))
    stream_index = demuxer.select_video()
    before = signal.signal(signal.SIGALRM, stop)
    begin = time.perf_counter()
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(Stop):
            scan_packets(demuxer, stream_index, closely=True)
        waited = time.perf_counter() - begin
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    begin = time.perf_counter()
    scan_packets(demuxer, stream_index, closely=True)
    assert waited < 0.2 + (time.perf_counter() - begin) / 4


def repeated(path, data, size):
    path.write_bytes(data * (size // len(data)))
    return path


def long_gop(path):
    """A video that is decoded from its first frame on, whichever frame is wanted."""
    source = ["-f", "lavfi", "-i", "testsrc2=s=960x540:r=30:d=30"]
    command = [
        "ffmpeg",
        "-v",
        "error",
        *source,
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-g",
        "9999",
        path,
    ]
    subprocess.run(command, check=True)
    return path


def sound(path, *options):
    """Ten seconds of sound."""
    source = ["-f", "lavfi", "-i", "aevalsrc=sin(t*t*900)*0.4+random(0)*0.1:s=44100:d=10"]
    subprocess.run(["ffmpeg", "-v", "error", *source, *options, path], check=True)
    return path


def long_wav(path):
    head = struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", 0, b"WAVE", b"fmt ", 16, 1, 1, 8000, 16000, 2, 16, b"data", 0
    )
    path.write_bytes(head)
    os.truncate(path, 400_000_000)
    return path


def read_mp3(folder):
    one = sound(folder / "one.mp3", "-c:a", "libmp3lame").read_bytes()
    return AudioDecoder(repeated(folder / "long.mp3", one, 20_000_000), seek_mode="exact")


def read_flac(folder):
    one = sound(folder / "one.flac").read_bytes()
    return AudioDecoder(repeated(folder / "long.flac", one, 60_000_000))


def read_aac(folder):
    one = sound(folder / "one.aac", "-c:a", "aac", "-f", "adts").read_bytes()
    return AudioDecoder(repeated(folder / "long.aac", one, 60_000_000))


# name -> (what is made first, what is interrupted)
LONG = {
    "program stream": (
        lambda folder: repeated(folder / "a.vob", media.path("mpeg2.vob").read_bytes(), 150_000_000),
        VideoDecoder,
    ),
    "raw stream": (
        lambda folder: repeated(folder / "a.h264", media.path("h264_annexb.h264").read_bytes(), 30_000_000),
        VideoDecoder,
    ),
    "one frame far away": (
        lambda folder: VideoDecoder(long_gop(folder / "a.mp4"), num_ffmpeg_threads=1),
        lambda decoder: decoder[len(decoder) - 1],
    ),
    "WAV": (lambda folder: AudioDecoder(long_wav(folder / "a.wav")), lambda decoder: decoder[:]),
    "MP3": (read_mp3, lambda decoder: decoder[30_000_000:30_000_010]),
    "FLAC": (read_flac, lambda decoder: decoder[100_000_000:100_000_010]),
    "AAC": (read_aac, lambda decoder: decoder[300_000_000:300_000_010]),
}


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no interval timers here")
@pytest.mark.skipif(
    threading.current_thread() is not threading.main_thread(), reason="signals come to the main thread"
)
@pytest.mark.parametrize("name", LONG)
def test_a_signal_handler_ends_any_long_operation(name, tmp_path):
    def stop(number, frame):
        raise Stop

    make, work = LONG[name]
    subject = make(tmp_path)
    before = signal.signal(signal.SIGALRM, stop)
    begin = time.perf_counter()
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        with pytest.raises(Stop):
            work(subject)
        waited = time.perf_counter() - begin
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    begin = time.perf_counter()
    work(subject)  # which is possible again
    assert waited < 0.2 + (time.perf_counter() - begin) / 2


def test_a_signal_handler_ends_the_wait_for_a_url():
    """A server that accepts a connection and says nothing."""

    def stop(number, frame):
        raise Stop

    with socket.create_server(("127.0.0.1", 0)) as server:
        before = signal.signal(signal.SIGALRM, stop)
        begin = time.perf_counter()
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            with pytest.raises(Stop):
                VideoDecoder(f"http://127.0.0.1:{server.getsockname()[1]}/a.mp4", timeout=20)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        assert time.perf_counter() - begin < 5


INTERRUPTED_IMPORT = """
import os, signal, sys, threading, time
from cycodec.decoders import VideoDecoder

def interrupt():
    while "torch" not in sys.modules:
        time.sleep(0.001)
    time.sleep(0.05)
    os.kill(os.getpid(), signal.SIGINT)

# a shell may have started the tests with SIGINT ignored
signal.signal(signal.SIGINT, signal.default_int_handler)
decoder = VideoDecoder(sys.argv[1])
assert "torch" not in sys.modules
threading.Thread(target=interrupt).start()
try:
    decoder[3]
    print("not interrupted")
except KeyboardInterrupt:
    print("interrupted", tuple(decoder[3].shape))
assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
"""


def test_ctrl_c_while_torch_is_imported():
    """The first read imports torch, which cannot be imported again if that was interrupted."""
    path = media.path("h264_plain.mp4")
    command = [sys.executable, "-c", INTERRUPTED_IMPORT, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("interrupted (3, ")
