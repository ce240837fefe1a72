"""Where files go: whole files, or nothing."""

import gc
import io
import json
import os
import resource
import signal
import subprocess
import sys
import textwrap
import time

import encoding
import numpy as np
import pytest
import torch

import cycodec
from cycodec.decoders import AudioDecoder, VideoDecoder
from cycodec.encoders import Encoder, VideoEncoder

FRAMES = encoding.moving(10)
ENCODER = VideoEncoder(FRAMES, frame_rate=30)


class Pipe:
    """A destination that cannot seek, and takes at most `most` bytes a write."""

    def __init__(self, most=None):
        self.data, self.most = bytearray(), most

    def write(self, data):
        data = data[: self.most]
        self.data += data
        return len(data)


CONTAINERS = ["mp4", "mov", "mkv", "webm", "ts", "avi", "flv", "nut"]


@pytest.mark.parametrize("most", [None, 1000])
@pytest.mark.parametrize("container", CONTAINERS)
def test_destinations_without_seek(container, most):
    pipe = Pipe(most)
    ENCODER.to_file_like(pipe, container)
    data = bytes(pipe.data)
    assert len(encoding.ffmpeg_rgb(data, 96, 128)) == 10
    decoder = VideoDecoder(data)
    assert len(decoder) == 10
    assert (decoder[:].float() - FRAMES.float()).abs().mean() < 12


@pytest.mark.parametrize("container", CONTAINERS)
def test_the_destinations_agree(container, tmp_path):
    options = {"extra_options": {"fflags": "+bitexact", "flags": "+bitexact"}}
    ENCODER.to_file(tmp_path / f"x.{container}", **options)
    data = ENCODER.to_tensor(container, **options)
    file = io.BytesIO()
    ENCODER.to_file_like(file, container, **options)
    assert bytes(data.numpy()) == file.getvalue() == (tmp_path / f"x.{container}").read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == [f"x.{container}"]


@pytest.mark.parametrize("kind", ["path", "tensor", "file-like", "no seek"])
def test_faststart(kind, tmp_path):
    if kind == "path":
        ENCODER.to_file(tmp_path / "x.mp4", faststart=True)
        data = (tmp_path / "x.mp4").read_bytes()
    elif kind == "tensor":
        data = bytes(ENCODER.to_tensor("mp4", faststart=True).numpy())
    else:
        file = io.BytesIO() if kind == "file-like" else Pipe()
        ENCODER.to_file_like(file, "mp4", faststart=True)
        data = file.getvalue() if kind == "file-like" else bytes(file.data)
    assert data.index(b"moov") < data.index(b"mdat")
    assert b"moof" not in data
    assert len(VideoDecoder(data)) == 10


@pytest.mark.parametrize("container", ["mp4", "mov", "mkv", "webm", "avi", "flv"])
def test_metadata(container, tmp_path):
    path = tmp_path / f"x.{container}"
    tags = {"title": "A title, é", "comment": "two words"}
    if container in ("mp4", "mov", "mkv"):
        tags["episode"] = "7"
    ENCODER.to_file(path, metadata=tags)
    command = [encoding.FFPROBE, "-v", "error", "-show_entries", "format_tags", "-of", "json", str(path)]
    got = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["format"]["tags"]
    got = {key.lower(): value for key, value in got.items()}
    assert {key: got.get(key) for key in tags} == tags


def test_a_folder_of_pictures(tmp_path):
    from PIL import Image

    ENCODER.to_file(tmp_path / "%04d.png")
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [f"{n:04d}.png" for n in range(10)]
    for n, name in enumerate(names):
        picture = torch.from_numpy(np.array(Image.open(tmp_path / name))).permute(2, 0, 1)
        assert torch.equal(picture, FRAMES[n])


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "tiff", "webp"])
def test_one_picture(suffix, tmp_path):
    from PIL import Image

    VideoEncoder(FRAMES[0], frame_rate=1).to_file(tmp_path / f"x.{suffix}")
    picture = np.array(Image.open(tmp_path / f"x.{suffix}").convert("RGB")).astype(int)
    assert np.abs(picture - FRAMES[0].permute(1, 2, 0).numpy()).mean() < 8
    data = VideoEncoder(FRAMES[0], frame_rate=1).to_tensor(suffix)
    assert bytes(data.numpy()) == (tmp_path / f"x.{suffix}").read_bytes()


def test_many_frames_in_one_picture_are_refused(tmp_path):
    with pytest.raises(ValueError, match="one frame, not 10"):
        ENCODER.to_file(tmp_path / "x.png")
    with pytest.raises(FileNotFoundError):
        ENCODER.to_file(tmp_path / "missing" / "%d.png")
    with pytest.raises(ValueError):
        VideoEncoder(iter([FRAMES[0], FRAMES[0, :, 1:]]), frame_rate=1).to_file(tmp_path / "%d.png")
    assert list(tmp_path.iterdir()) == []


def test_segments(tmp_path):
    encoder = Encoder()
    video = encoder.add_video(height=96, width=128, frame_rate=30)
    audio = encoder.add_audio(sample_rate=16000, num_channels=1, codec="flac")
    sound = torch.linspace(-0.5, 0.5, 16000)[None]
    with encoder.open_file(tmp_path / "s-%03d.mkv", segment_seconds=0.25):
        for n in range(3):
            video.add_frames(FRAMES)
            audio.add_samples(sound[:, n * 5333 : (n + 1) * 5333])
        assert [s.num_frames for s in encoder.segments] == [(8,), (7,), (8,)]
    segments = encoder.segments
    assert [s.num_frames for s in segments] == [(8,), (7,), (8,), (7,)]
    assert segments[1].start_seconds == segments[0].stop_seconds == 8 / 30
    index = json.loads((tmp_path / "s-index.json").read_text())["segments"]
    assert [entry["file"] for entry in index] == [f"s-{n:03d}.mkv" for n in range(4)]
    assert len(list(tmp_path.iterdir())) == 5
    heard = []
    for segment, entry in zip(segments, index, strict=True):
        assert entry["start_seconds"] == segment.start_seconds
        decoder = VideoDecoder(segment.path)
        assert len(decoder) == segment.num_frames[0]
        assert decoder.metadata.begin_stream_seconds == 0
        heard.append(AudioDecoder(segment.path)[:])
    assert (torch.cat(heard, 1) - sound[:, :15999]).abs().max() < 1e-4


def test_segments_need_numbers(tmp_path):
    encoder = Encoder()
    encoder.add_video(height=96, width=128, frame_rate=30)
    with pytest.raises(ValueError, match=r"name-%03d.mp4"):
        encoder.open_file(tmp_path / "x.mp4", segment_seconds=1)


# ---- failures ----


class Failing:
    """Raises, or claims to have written nothing, after some bytes."""

    def __init__(self, good, error=None):
        self.good, self.error, self.file = good, error, io.BytesIO()

    def write(self, data):
        self.good -= len(data)
        if self.good < 0:
            if self.error is None:
                return 0
            raise self.error
        return self.file.write(data)

    def seek(self, offset, whence=0):
        return self.file.seek(offset, whence)


@pytest.mark.parametrize("queue", [None, 2])
@pytest.mark.parametrize("good", [0, 5000, 100_000])
@pytest.mark.parametrize("container", ["mp4", "mkv", "avi"])
@pytest.mark.parametrize("error", [KeyError("boo"), OSError(28, "full"), KeyboardInterrupt(), None])
def test_a_write_that_fails(container, good, error, queue):
    encoder = Encoder(queue_frames=queue)
    codec = "png" if container == "mp4" else "ffv1"
    stream = encoder.add_video(height=96, width=128, frame_rate=30, codec=codec)

    def record():
        with encoder.open_file_like(Failing(good, error), format=container):
            for _ in range(4):
                stream.add_frames(FRAMES)

    with pytest.raises(OSError if error is None else type(error)):
        record()
    stats = encoder.stats()
    assert stats.encoded == 0
    assert stats.frames_in == stats.dropped
    with pytest.raises(BaseException):  # noqa: B017 - the same error again, or ClosedError
        stream.add_frames(FRAMES)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("12", TypeError),
        (1.0, TypeError),
        (True, TypeError),
        (b"12", TypeError),
        (-1, OSError),
        (10**6, OSError),
        (10**30, OSError),
    ],
)
def test_a_write_that_returns_no_number_of_bytes(answer, error):
    class Wrong:
        def write(self, data):
            return answer

    with pytest.raises(error, match=r"write\(") as caught:
        ENCODER.to_file_like(Wrong(), "mkv")
    assert "Wrong" in str(caught.value)


def test_a_write_that_returns_nothing_or_an_integer_of_numpy():
    class File(Pipe):
        def __init__(self, answer):
            super().__init__()
            self.answer = answer

        def write(self, data):
            return self.answer(super().write(data))

    for answer in (lambda count: None, np.int64):
        file = File(answer)
        ENCODER.to_file_like(file, "mkv")
        assert len(VideoDecoder(bytes(file.data))) == 10


def test_a_closed_file():
    file = io.BytesIO()
    file.close()
    with pytest.raises(ValueError, match="closed"):
        ENCODER.to_file_like(file, "mp4")
    file = io.BytesIO()
    encoder = Encoder()
    stream = encoder.add_video(height=96, width=128, frame_rate=30)
    encoder.open_file_like(file, format="mkv")
    file.close()
    with pytest.raises(ValueError, match="closed file"):  # noqa: PT012 - any call may notice it
        for _ in range(100):
            stream.add_frames(FRAMES)
        encoder.close()


def test_a_full_device(tmp_path):
    (tmp_path / "x.mp4").symlink_to("/dev/full")
    with pytest.raises(cycodec.NoSpaceError, match="No space left") as caught:
        ENCODER.to_file(tmp_path / "x.mp4")
    assert isinstance(caught.value, OSError)
    assert isinstance(caught.value, RuntimeError)


@pytest.mark.parametrize("queue", [None, 4])
def test_a_file_that_may_not_grow(tmp_path, queue):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    try:
        encoder = Encoder(queue_frames=queue)
        stream = encoder.add_video(height=96, width=128, frame_rate=30, codec="ffv1")
        with pytest.raises(cycodec.NoSpaceError), encoder.open_file(tmp_path / "x.mkv"):  # noqa: PT012
            for _ in range(10):
                stream.add_frames(FRAMES)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []
    assert encoder.stats().encoded == 0
    assert encoder.stats().frames_in == encoder.stats().dropped


@pytest.mark.parametrize("queue", [None, 4])
def test_a_failure_leaves_the_old_file(tmp_path, queue):
    (tmp_path / "x.mp4").write_bytes(b"old")
    encoder = Encoder(queue_frames=queue)
    stream = encoder.add_video(height=96, width=128, frame_rate=30)
    with pytest.raises(ZeroDivisionError), encoder.open_file(tmp_path / "x.mp4"):  # noqa: PT012
        stream.add_frames(FRAMES)
        1 / 0  # noqa: B018
    assert (tmp_path / "x.mp4").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["x.mp4"]
    stats = encoder.stats()
    assert (stats.frames_in, stats.encoded, stats.dropped) == (10, 0, 10)


def test_an_abandoned_encoder_leaves_nothing(tmp_path):
    def begin():
        encoder = Encoder(queue_frames=2)
        stream = encoder.add_video(height=96, width=128, frame_rate=30)
        encoder.open_file(tmp_path / "x.mp4")
        stream.add_frames(FRAMES)

    begin()
    gc.collect()
    assert list(tmp_path.iterdir()) == []


# A shell makes commands in the background ignore Ctrl-C.
BEGIN = """
import signal, sys, os, time, torch
signal.signal(signal.SIGINT, signal.default_int_handler)
from cycodec.encoders import Encoder
frames = torch.randint(0, 256, (5, 3, 96, 128), dtype=torch.uint8)
encoder = Encoder(queue_frames=int(sys.argv[2]) or None)
stream = encoder.add_video(height=96, width=128, frame_rate=30)
"""


def program(text, *arguments):
    # since Python 3.12, a fork warns if there are threads
    command = [
        sys.executable,
        "-W",
        "ignore:This process:DeprecationWarning",
        "-c",
        BEGIN + textwrap.dedent(text),
        *map(str, arguments),
    ]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("queue", [0, 3])
def test_a_process_that_ends_leaves_nothing(tmp_path, queue):
    done = program(
        """
        encoder.open_file(sys.argv[1])
        stream.add_frames(frames)
        """,
        tmp_path / "x.mp4",
        queue,
    )
    _, errors = done.communicate(timeout=60)
    assert (done.returncode, errors) == (0, "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("queue", [0, 3])
def test_an_interrupt(tmp_path, queue):
    """Ctrl-C leaves nothing, and the counts are exact. Caught inside the block, it keeps the
    file.
    """
    text = """
        caught = sys.argv[3] == "caught"
        try:
            with encoder.open_file(sys.argv[1]):
                try:
                    while True:
                        stream.add_frames(frames)
                        print("ready", flush=True)
                except KeyboardInterrupt:
                    if not caught:
                        raise
        except KeyboardInterrupt:
            pass
        s = encoder.stats()
        print("counts", s.frames_in, s.encoded, s.dropped, flush=True)
        """
    for how in ("raised", "caught"):
        done = program(text, tmp_path / "x.mp4", queue, how)
        assert done.stdout.readline() == "ready\n"
        time.sleep(0.2)
        done.send_signal(signal.SIGINT)
        try:
            output, errors = done.communicate(timeout=60)
        finally:
            done.kill()
        assert (done.returncode, errors) == (0, "")
        frames_in, encoded, dropped = map(int, output.split("counts")[1].split())
        assert frames_in == encoded + dropped > 0
        if how == "raised":
            assert list(tmp_path.iterdir()) == []
            assert encoded == 0
        else:
            assert dropped == 0
            assert len(VideoDecoder(tmp_path / "x.mp4")) == encoded


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
@pytest.mark.parametrize("queue", [0, 3])
def test_a_fork_leaves_the_file_to_its_parent(tmp_path, queue):
    done = program(
        """
        import gc, cycodec
        encoder.open_file(sys.argv[1])
        stream.add_frames(frames)
        pid = os.fork()
        if pid == 0:
            try:
                stream.add_frames(frames)
            except cycodec.ClosedError as error:
                print(error, flush=True)
            del encoder, stream
            gc.collect()
            sys.exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        stream.add_frames(frames)
        encoder.close()
        """,
        tmp_path / "x.mp4",
        queue,
    )
    output, errors = done.communicate(timeout=60)
    assert (done.returncode, errors) == (0, "")
    assert "forked process" in output
    assert len(VideoDecoder(tmp_path / "x.mp4")) == 10
