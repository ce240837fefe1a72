"""Audio files that state impossible numbers: samples as everywhere else, or a typed error; and
their memory.
"""

import json
import os
import struct
import subprocess
import sys

import pytest
import torch
from mutations.streams import fix_ogg_checksum, places_of

import cycodec
from cycodec.decoders import AudioDecoder, WavDecoder

INT64 = struct.Struct("<q")


def encoded(folder, name, *options, seconds=3):
    path = folder / name
    if not path.exists():
        source = ["-f", "lavfi", "-i", f"aevalsrc=sin(t*t*900)*0.5:s=16000:d={seconds}"]
        subprocess.run(["ffmpeg", "-v", "error", *source, *options, path], check=True)
    return bytearray(path.read_bytes())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("sounds")


def windows_agree(data):
    """Asserts that windows by fresh decoders are parts of the whole; errors must be typed."""
    data = bytes(data)
    try:
        whole = AudioDecoder(data, gaps="skip", on_error="mask")[:]
    except cycodec.FFmpegError:
        return False
    length = whole.shape[1]
    for start in (0, length // 2, max(length - 300, 0)):
        window = AudioDecoder(data, gaps="skip", on_error="mask", seek_mode="exact")[start : start + 200]
        assert torch.equal(window, whole[:, start : start + 200])
    assert len(AudioDecoder(data, gaps="skip", on_error="mask")) == length
    return True


@pytest.mark.parametrize(("rate", "channels"), [(2**31 - 1, 2), (2**32 - 1, 8), (1, 1)])
def test_the_bit_rate_of_any_wav(rate, channels):
    head = struct.pack("<HHIIHH", 1, channels, rate, 0, 2 * channels, 16)
    body = b"fmt " + struct.pack("<I", 16) + head + b"data" + struct.pack("<I", 320) + bytes(320)
    data = b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body
    decoder = WavDecoder(data)
    assert decoder.metadata.sample_rate == min(rate, 2**31 - 1)
    assert decoder.metadata.bit_rate == min(rate, 2**31 - 1) * channels * 16
    assert decoder[:].shape == (channels, 160 // channels)


@pytest.mark.parametrize("length", [0, 1, 2**31 - 1, 2**31, 2**31 + 4096, 2**32 - 1])
def test_any_frame_length_of_alac(folder, length):
    data = encoded(folder, "a.m4a", "-c:a", "alac")
    place = data.rindex(b"alac") + 8
    assert struct.unpack_from(">I", data, place)[0] == 4096
    struct.pack_into(">I", data, place, length)
    windows_agree(data)


@pytest.mark.parametrize("granule", [2**63 - 1, -(2**63), 2**62, -2, 0])
@pytest.mark.parametrize("codec", ["libopus", "libvorbis"])
def test_any_granule_position(folder, codec, granule):
    original = encoded(folder, f"{codec}.ogg", "-c:a", codec, "-page_duration", "20000")
    pages = places_of(original, b"OggS")
    assert len(pages) > 70
    for page in (pages[3], pages[len(pages) // 2], pages[-1]):
        data = bytearray(original)
        INT64.pack_into(data, page + 6, granule)
        fix_ogg_checksum(data, page)
        windows_agree(data)


def test_a_stream_that_begins_with_damage_has_the_format_of_its_damaged_frames(folder):
    """The first frame that comes out is behind a lost page: it is silent, and gives the format."""
    original = encoded(folder, "packets.ogg", "-c:a", "libvorbis", "-q:a", "9", "-page_duration", "100")
    data = bytearray(original)
    pages = places_of(original, b"OggS")
    data[pages[3] + 40] ^= 255  # two headers, and a packet that gives no frame, come before
    intact = AudioDecoder(original).get_all_samples()
    with AudioDecoder(data) as decoder, pytest.raises(cycodec.InvalidDataError, match="damaged"):
        decoder[:1000]
    with AudioDecoder(data, on_error="mask") as decoder:
        samples = decoder.get_all_samples()
        assert samples.data.shape[0] == 1
        assert decoder.metadata.sample_rate == intact.sample_rate
        assert not samples.valid[0]
        first = int(samples.valid.int().argmax())
        assert not samples.data[:, :first].any()
        shift = round((samples.pts_seconds - intact.pts_seconds) * intact.sample_rate)
        assert shift > 0
        assert samples.data[:, first:].equal(intact.data[:, first + shift :])


@pytest.mark.parametrize("page", [3, 4, -3])
@pytest.mark.parametrize("codec", ["libopus", "libvorbis"])
def test_windows_behind_a_lost_page_of_ogg(folder, codec, page):
    """A page with a wrong checksum is lost: fresh windows have the places of the whole stream."""
    data = encoded(folder, f"pages_{codec}.ogg", "-c:a", codec, "-page_duration", "100000")
    data[places_of(data, b"OggS")[page] + 40] ^= 255
    data = bytes(data)
    whole = AudioDecoder(data, on_error="mask").get_all_samples()
    length = whole.data.shape[1]
    assert 0 < int((~whole.valid).sum()) < length // 4
    assert len(AudioDecoder(data, on_error="mask")) == length
    for start in range(length // 8, length - 300, length // 8):
        window = AudioDecoder(data, on_error="mask")[start : start + 300]
        assert torch.allclose(window, whole.data[:, start : start + 300], atol=0.02), start


@pytest.mark.parametrize("value", [0, 2**31 - 1, 2**31, 2**32 - 1])
def test_any_time_of_an_audio_sample_table(folder, value):
    original = encoded(folder, "b.m4a", "-c:a", "aac")
    place = original.index(b"stts") + 8
    for field in (place, place + 4):
        data = bytearray(original)
        struct.pack_into(">I", data, field, value)
        windows_agree(data)


MEASURE = """
import json, resource, sys
from cycodec._audio import session
from cycodec.decoders import AudioDecoder
session.LARGEST_PART = 1 << 23
AudioDecoder(sys.argv[1])[:1000]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
samples = AudioDecoder(sys.argv[1], seek_mode="exact")[:]
grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
print(json.dumps([samples.numel() * 4, grown, samples[0, -1].item()]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="measures memory as Linux does")
def test_a_long_read_takes_little_more_than_the_memory_of_its_result(folder):
    """The parts of a result whose length nobody knew are not all kept until it is complete."""
    path = folder / "long.aac"
    source = ["-f", "lavfi", "-i", "anullsrc=r=48000:cl=stereo", "-t", "700"]
    subprocess.run(["ffmpeg", "-v", "error", *source, "-c:a", "aac", "-f", "adts", path], check=True)
    environment = {**os.environ, "CYCODEC_POOL_BYTES": "0"}
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, path], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    size, grown, last = json.loads(done.stdout)
    assert size > 250_000_000
    assert last == 0
    assert grown < 1.4 * size
