"""Limits: pixels of a frame, bytes of a result, seconds of waiting, files of the process."""

import contextlib
import dataclasses
import io
import json
import os
import re
import socket
import struct
import subprocess
import sys
import threading
import time

import media
import pytest
import torch

import cycodec
from cycodec.core.io import readahead
from cycodec.decoders import AudioDecoder, VideoDecoder, WavDecoder, get_container_metadata


@pytest.fixture(autouse=True)
def restored():
    before = cycodec.get_limits()
    yield
    cycodec.set_limits(**dataclasses.asdict(before))


def fresh(code, **environment):
    """Runs code in a process of its own; returns its last line, read as JSON."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout.splitlines()[-1])


def big_gif(width=16000, height=16000, pictures=2, padding=30_000):
    """Return a GIF of a few small pictures on a large canvas."""
    picture = struct.pack("<BHHHHB", 0x2C, 0, 0, 1, 1, 0) + b"\2\2\x44\1\0"
    control = b"\x21\xf9\4\0\x0a\0\0\0"
    comment = b"\x21\xfe" + (b"\xff" + bytes(255)) * (padding // 256) + b"\0"
    head = b"GIF89a" + struct.pack("<HH", width, height) + b"\x80\0\0" + b"\0\0\0\xff\xff\xff"
    return head + comment + (control + picture) * pictures + b";"


MEASURE = """
import json, resource, sys
from cycodec.decoders import VideoDecoder, get_container_metadata
source = open(sys.argv[1] if len(sys.argv) > 1 else {path!r}, "rb").read()
VideoDecoder({intact!r})[0]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
get_container_metadata(source)
decoder = VideoDecoder(source)
length, shape, metadata = len(decoder), decoder.shape if hasattr(decoder, "shape") else None, decoder.metadata
grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
print(json.dumps([length, metadata.width, metadata.height, grown]))
"""


def test_a_large_canvas_costs_nothing_before_a_frame(tmp_path):
    path = tmp_path / "canvas.gif"
    path.write_bytes(big_gif())
    assert path.stat().st_size < 40_000
    code = MEASURE.format(path=str(path), intact=str(media.path("h264_plain.mp4")))
    length, width, height, grown = fresh(code)
    assert (length, width, height) == (2, 16000, 16000)
    assert grown < 50_000_000


def test_a_canvas_of_some_size_is_read():
    """Its index is not proved when it is opened, and is right all the same."""
    data = big_gif(5000, 4000)
    decoder = VideoDecoder(data)
    assert len(decoder) == 2
    assert decoder[1].shape == (3, 4000, 5000)
    assert torch.equal(VideoDecoder(data)[-1], decoder[:][1])


def test_max_pixels(tmp_path):
    path = media.path("h264_plain.mp4")
    pixels = VideoDecoder(path).metadata.width * VideoDecoder(path).metadata.height
    assert len(VideoDecoder(path, max_pixels=pixels)[:2]) == 2
    with pytest.raises(cycodec.LimitError, match="max_pixels"):
        VideoDecoder(path, max_pixels=pixels - 1)
    with pytest.raises(MemoryError):
        VideoDecoder(big_gif(16385, 16384))
    # a stream whose header gives no size
    with pytest.raises(cycodec.FFmpegError):
        VideoDecoder(media.path("h264_annexb.h264"), max_pixels=100)[0]
    cycodec.set_limits(max_pixels=pixels - 1)
    with pytest.raises(cycodec.LimitError):
        VideoDecoder(path)
    assert len(VideoDecoder(path, max_pixels=pixels)) == 75


def test_max_result_bytes_of_frames():
    path = media.path("h264_plain.mp4")
    frame = VideoDecoder(path)[0]
    decoder = VideoDecoder(path, max_result_bytes=3 * frame.nbytes)
    assert len(decoder[:3]) == 3
    for key in (slice(None), slice(0, 4), [0] * 1000):
        with pytest.raises(cycodec.LimitError, match="max_result_bytes"):
            decoder[key]
    assert torch.equal(decoder[0], frame)
    assert sum(1 for _ in decoder) == 75
    with pytest.raises(cycodec.LimitError):
        VideoDecoder(path, max_result_bytes=3 * frame.nbytes, output_dtype=torch.float32)[0]
    with pytest.raises(cycodec.LimitError):
        decoder.get_frames_in_range(0, 10)
    # an absurd batch is refused before anything is allocated
    with pytest.raises(cycodec.LimitError):
        VideoDecoder(path)[[0] * 3_000_000]


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sounds")
    paths = [folder / "a.wav", folder / "a.flac", folder / "a.mp3"]
    for path in paths:
        command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=d=4:r=8000", path]
        subprocess.run(command, check=True)
    return paths


def test_max_result_bytes_of_samples(sounds):
    for path in sounds:
        decoder = AudioDecoder(path, max_result_bytes=4 * 8000)
        assert decoder[:8000].shape == (1, 8000)
        for key in (slice(None), slice(0, 8001)):
            with pytest.raises(cycodec.LimitError, match="max_result_bytes"):
                decoder[key]
        assert torch.equal(decoder[-100:], AudioDecoder(path)[-100:])
    with pytest.raises(cycodec.LimitError):
        WavDecoder(sounds[0], max_result_bytes=100)[:]


def test_the_process_has_limits():
    limits = cycodec.get_limits()
    assert limits.max_pixels == 1 << 28
    assert limits.timeout == 30
    assert limits.max_result_bytes >= 1 << 30
    assert cycodec.set_limits(timeout=5, max_result_bytes=1000) == limits
    assert cycodec.get_limits() == dataclasses.replace(limits, timeout=5, max_result_bytes=1000)
    with pytest.raises(cycodec.LimitError):
        VideoDecoder(media.path("h264_plain.mp4"))[0]
    for wrong in ({"timeout": 0}, {"timeout": -1}, {"timeout": float("nan")}, {"max_pixels": 0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            cycodec.set_limits(**wrong)
    for wrong in ({"timeout": "5"}, {"max_pixels": 1.5}, {"max_result_bytes": "x"}):
        with pytest.raises(TypeError, match=next(iter(wrong))):
            cycodec.set_limits(**wrong)
    assert cycodec.get_limits().timeout == 5


def test_the_environment_sets_limits():
    code = "import cycodec, dataclasses, json; print(json.dumps(dataclasses.asdict(cycodec.get_limits())))"
    wanted = {
        "CYCODEC_MAX_PIXELS": "1000",
        "CYCODEC_MAX_RESULT_BYTES": "2000",
        "CYCODEC_TIMEOUT": "2.5",
        "CYCODEC_MAX_SPOOL_BYTES": "3000",
    }
    limits = {"max_pixels": 1000, "max_result_bytes": 2000, "timeout": 2.5, "max_spool_bytes": 3000}
    assert fresh(code, **wanted) == limits
    refused = "import cycodec, json\ntry: cycodec.get_limits()\nexcept ValueError as error: print(json.dumps(str(error)))"
    assert "CYCODEC_TIMEOUT" in fresh(refused, CYCODEC_TIMEOUT="soon")
    assert "CYCODEC_MAX_PIXELS" in fresh(refused, CYCODEC_MAX_PIXELS="-1")


# ---- servers that do not answer ----


@pytest.fixture
def silent():
    """An address that accepts connections, and answers with what `reply` says."""
    listener = socket.create_server(("127.0.0.1", 0))
    held = []
    silent = type("Silent", (), {})()
    silent.reply = lambda connection: None
    silent.url = f"http://127.0.0.1:{listener.getsockname()[1]}/v.mp4"

    def accept():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            held.append(connection)
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    def answer(connection):
        with contextlib.suppress(OSError):
            silent.reply(connection)

    threading.Thread(target=accept, daemon=True).start()
    yield silent
    for connection in held:
        connection.close()
    listener.close()


def drip(connection):
    """Headers that never end."""
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    for number in range(100):
        connection.sendall(b"X-%d: 1\r\n" % number)
        time.sleep(0.1)


def drip_body(connection):
    """Return a promise of much, and a byte now and then."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    for byte in media.path("h264_plain.mp4").read_bytes()[:100]:
        connection.sendall(bytes([byte]))
        time.sleep(0.1)


def stall(connection):
    """Return the beginning of a file, and no more."""
    connection.recv(10_000)
    data = media.path("h264.ts").read_bytes()
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(data))
    connection.sendall(data[:5000])
    time.sleep(20)


@pytest.mark.parametrize("reply", [lambda connection: None, drip, drip_body, stall])
@pytest.mark.parametrize("opener", [VideoDecoder, AudioDecoder, get_container_metadata])
def test_a_url_that_does_not_answer(silent, reply, opener):
    silent.reply = reply
    begin = time.perf_counter()
    with pytest.raises(TimeoutError, match="timeout") as caught:
        opener(silent.url, timeout=0.7)
    assert time.perf_counter() - begin < 5
    assert isinstance(caught.value, cycodec.FFmpegError)
    assert caught.value.source == silent.url


def test_the_default_timeout_is_that_of_the_process(silent):
    cycodec.set_limits(timeout=0.3)
    with pytest.raises(cycodec.SourceTimeoutError):
        VideoDecoder(silent.url)


def test_other_threads_go_on_while_a_url_is_awaited(silent):
    """No input or output happens with the GIL held."""
    ticks, done = [], threading.Event()

    def tick():
        while not done.wait(0.01):
            ticks.append(time.perf_counter())

    thread = threading.Thread(target=tick)
    thread.start()
    with pytest.raises(TimeoutError):
        VideoDecoder(silent.url, timeout=1)
    done.set()
    thread.join()
    assert len(ticks) > 20


# ---- files of the process ----


def test_no_more_files(tmp_path):
    path, saved = str(media.path("h264_plain.mp4")), str(tmp_path / "saved.idx")
    code = f"""
import json, os, resource, cycodec
from cycodec.decoders import AudioDecoder, VideoDecoder
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
decoder = VideoDecoder({path!r}, num_threads=4)
first = [decoder[n].numpy().tobytes() for n in range(75)]
resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
held = []
try:
    while True:
        held.append(os.open(os.devnull, os.O_RDONLY))
except OSError:
    pass
kinds = []
for opener in (VideoDecoder, AudioDecoder):
    try:
        opener({path!r})
    except Exception as error:
        kinds.append([type(error).__name__, isinstance(error, OSError)])
same = [decoder[n].numpy().tobytes() for n in range(75)] == first
many = [frame.numpy().tobytes() for frame in decoder[:]] == first
for work in (lambda: decoder.index.save({saved!r}), lambda: VideoDecoder({path!r}, index={saved!r})):
    try:
        work()
    except Exception as error:
        kinds.append([type(error).__name__, isinstance(error, OSError)])
for file in held:
    os.close(file)
decoder.index.save({saved!r})
print(json.dumps([kinds, same, many, len(VideoDecoder({path!r}, index={saved!r}))]))
"""
    assert fresh(code) == [[["TooManyFilesError", True]] * 4, True, True, 75]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("no/such/folder/a.idx", cycodec.SourceNotFoundError),
        ("", cycodec.SourceNotFoundError),
        ("folder", cycodec.SourceIsDirectoryError),
    ],
)
def test_places_where_no_index_can_be(tmp_path, name, kind):
    """The errors name the file, and are those of the system, too."""
    (tmp_path / "folder").mkdir()
    place = str(tmp_path / name) if name else ""
    decoder = VideoDecoder(media.path("h264_plain.mp4"))
    for work in (
        lambda: decoder.index.save(place),
        lambda: VideoDecoder(media.path("h264_plain.mp4"), index=place),
    ):
        with pytest.raises(kind) as caught:
            work()
        assert isinstance(caught.value, OSError)
        assert name in str(caught.value)


def test_nothing_is_closed_that_was_not_opened():
    code = """
import json, os
from cycodec.core.audio.wav import WavReader
from cycodec.core.io.source import IOContext
os.fstat(0)
class Name(str): pass
for kind, arguments in (
    (IOContext, (Name("missing.wav"),)), (IOContext, (Name("missing.wav"), Name("x"))), (IOContext, (None, None)),
    (WavReader, (None,)), (WavReader, ()),
):
    try:
        kind(*arguments)
    except Exception:
        pass
os.fstat(0), os.fstat(1), os.fstat(2)
print(json.dumps(True))
"""
    assert fresh(code) is True


def test_readers_are_freed_at_exit(sounds):
    """Nothing is printed when the interpreter ends with open decoders (`fresh` looks at stderr)."""
    code = f"""
import json, io, sys
from cycodec.decoders import AudioDecoder, VideoDecoder, WavDecoder
keep = [AudioDecoder({str(sounds[0])!r}), WavDecoder({str(sounds[0])!r}), AudioDecoder({str(sounds[1])!r})]
keep += [AudioDecoder(io.BytesIO(open({str(sounds[0])!r}, "rb").read())), VideoDecoder({str(media.path("h264.ts"))!r})]
keep.append(VideoDecoder(io.BytesIO(open({str(media.path("h264.ts"))!r}, "rb").read())))
for reader in keep:
    reader._self = reader
sys.cycles = keep
import builtins
builtins.cycles = keep
print(json.dumps(1))
"""
    assert fresh(code) == 1


def test_readers_of_a_script_are_freed_at_exit():
    """Python 3.13 frees them after it has cleared the modules that they use."""
    path = str(media.path("h264_plain.mp4"))
    code = f"""
import torch, cycodec
from cycodec.decoders import VideoDecoder
decoder = VideoDecoder({path!r})
decoder[3].shape
print(1)
"""
    assert fresh(code) == 1


# ---- exceptions of file-like objects ----


class FailsOnce(io.BytesIO):
    """Raises at one of its reads, and never again."""

    def __init__(self, data):
        super().__init__(data)
        self.countdown = None

    def read(self, size=-1):
        if self.countdown is not None:
            self.countdown -= 1
            if self.countdown < 0:
                self.countdown = None
                raise OSError(5, "the disk is on fire")
        return super().read(size)


@pytest.fixture
def every_read_counts():
    readahead.set_limits(0, 0)
    yield
    readahead.set_limits()


@pytest.mark.parametrize("name", ["h264_plain.mp4", "h264.mkv", "h264.ts", "mpeg2.vob", "animation.gif"])
def test_an_exception_belongs_to_the_request_that_met_it(name, every_read_counts):
    """Whichever read fails: the request raises, and the next one is served."""
    data = media.path(name).read_bytes()
    frames = VideoDecoder(data)[:]
    numbers = [len(frames) - 1, 0, len(frames) // 2]
    file = FailsOnce(data)
    decoder = VideoDecoder(file)
    for reads in range(12):
        for number in numbers:
            file.countdown = reads
            try:
                frame = decoder[number]
            except OSError as error:
                assert "on fire" in str(error)  # noqa: PT017
                assert file.countdown is None
            else:
                assert file.countdown is not None, "the exception was lost, or is kept for a later request"
                assert torch.equal(frame, frames[number])
            file.countdown = None
            assert torch.equal(decoder[number], frames[number])


@pytest.mark.parametrize("number", [0, 1, 2])
def test_an_exception_belongs_to_the_window_that_met_it(number, sounds, every_read_counts):
    data = sounds[number].read_bytes()
    whole = AudioDecoder(data, seek_mode="exact")[:]
    windows = [slice(20_000, 21_000), slice(0, 500), slice(31_000, None)]
    file = FailsOnce(data)
    decoder = AudioDecoder(file, seek_mode="exact")
    for reads in range(6):
        for window in windows:
            file.countdown = reads
            try:
                samples = decoder[window]
            except OSError as error:
                assert "on fire" in str(error)  # noqa: PT017
            else:
                assert file.countdown is not None, "the exception was lost, or is kept for a later request"
                assert torch.equal(samples, whole[:, window])
            file.countdown = None
            assert torch.equal(decoder[window], whole[:, window])


@pytest.mark.parametrize(
    "options",
    [
        "-frames:v 1 x.png",
        "-frames:v 1 x.tiff",
        "-frames:v 1 x.webp",
        "-frames:v 1 x.jpg",
        "-c:v libx264 x.h264",
        "-c:v mpeg2video x.m2v",
        "-c:v libx264 x.ts",
        "x.flv",
        "-c:v mpeg4 x.mp4",
        "-c:v mpeg4 x.avi",
        "-c:v libvpx-vp9 x.webm",
        "x.gif",
    ],
)
def test_pixels_wherever_the_size_is_found(tmp_path, options):
    """The header of the container, or only that of the first picture, may tell the size."""
    *codec, name = options.split()
    picture = ["-f", "lavfi", "-i", "testsrc2=s=320x240:r=10:d=0.5"]
    done = subprocess.run(["ffmpeg", "-v", "error", *picture, *codec, tmp_path / name])
    if done.returncode:
        pytest.skip("this ffmpeg has no such encoder")
    with pytest.raises(cycodec.LimitError, match="320x240"):
        VideoDecoder(tmp_path / name, max_pixels=320 * 240 - 1)
    try:
        assert VideoDecoder(tmp_path / name, max_pixels=320 * 240)[0].shape == (3, 240, 320)
    except cycodec.LimitError as error:
        assert "border" in str(error)  # noqa: PT017 - some decoders need more
        named = re.search(r"pass a max_pixels of (\d+)", str(error))
        if named:
            assert VideoDecoder(tmp_path / name, max_pixels=int(named[1]))[0].shape == (3, 240, 320)
    assert VideoDecoder(tmp_path / name, max_pixels=448 * 368)[0].shape == (3, 240, 320)
