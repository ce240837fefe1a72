"""Damaged packets: the length and each window do not depend on what was read before."""

import itertools
import re
import subprocess

import audio_media as media
import damaged_media
import numpy as np
import pytest

import cycodec
from cycodec.decoders import AudioDecoder

# name of the file -> the options that make it
FILES = {
    "ac3.ac3": "-c:a ac3",
    "ac3.avi": "-c:a ac3",
    "ac3.mp4": "-c:a ac3",
    "eac3.eac3": "-c:a eac3",
    "dts.wav": "-c:a dca -strict -2",
    "dts.mkv": "-c:a dca -strict -2",
    "mlp.mlp": "-c:a mlp -strict -2",
    "thd.mkv": "-c:a truehd -strict -2",
    "thd.thd": "-c:a truehd -strict -2 -f truehd",
    "mp2.mpg": "-c:a mp2 -f dvd",
    "mp3.avi": "-c:a libmp3lame",
    "mp3.mp4": "-c:a libmp3lame",
    "aac.avi": "-c:a aac -aac_pns 0",
    "aac.mkv": "-c:a aac -aac_pns 0",
    "alac.mkv": "-c:a alac",
    "wmav2.wma": "-c:a wmav2 -f asf",
}
SECONDS = 4
# container -> bytes before the audio of a packet that stay as they are: headers of the container
HEADERS = {"mkv": 12, "wma": 40}
AGREEING = 1.1 / 32768  # the largest difference of two runs of MP2


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a function from the name of a file to its path; ffmpeg makes it once."""
    folder = tmp_path_factory.mktemp("damage")

    def make(name):
        path = folder / name
        if not path.exists():
            tone = "0.25*sin(2*PI*(200+60*t)*t)+0.1*(random(0)-0.5)"
            source = f"aevalsrc='{tone}|{tone}':s=48000:d={SECONDS}"
            code, _, text = media.run("-f", "lavfi", "-i", source, *FILES[name].split(), path)
            if code != 0 and ("Unknown encoder" in text or "not found" in text):
                pytest.skip("this ffmpeg lacks the encoder")
            assert code == 0, text
        return path

    return make


def overwrite(path, name, damage):
    """Copy a file into a path; `damage` maps packets, in parts of the file, to bytes to spare.

    What follows these bytes in a packet becomes noise.
    """
    data = bytearray(path.read_bytes())
    if name.endswith(".mpg"):
        places = [(at, 300) for at in range(4096, len(data) - 4096, 900)]  # packets have no places
    else:
        places = damaged_media.packets(path, "a:0")
    noise = np.random.default_rng(3)
    least = HEADERS.get(name.split(".")[1], 0)
    for part, (spared, count) in damage.items():
        number = int(part * len(places))
        for pos, size in places[number : number + count]:
            at = pos + max(least, min(spared, size // 2))
            data[at : pos + size] = noise.bytes(pos + size - at)
    return bytes(data)


def first_reads_agree(data):
    """Assert that fresh decoders agree with one that reads all; return the masks of "silence"."""
    found = {}
    for gaps in ("silence", "skip"):
        options = {"gaps": gaps, "on_error": "mask"}
        decoder = AudioDecoder(data, **options)
        samples = decoder.get_all_samples()
        found[gaps] = (decoder.gaps, samples)
        assert len(decoder) == samples.data.shape[1] == len(samples.valid)
        assert len(AudioDecoder(data, **options)) == len(decoder)
        assert AudioDecoder(data, **options).gaps == decoder.gaps
        assert not samples.data[:, ~samples.valid].any()
        edges = np.flatnonzero(np.diff(samples.valid.numpy().astype(int)))
        for edge in edges[:: max(1, len(edges) // 5)].tolist():
            for start in (edge - 2500, edge - 300, edge + 5, edge + 1200):
                window_agrees(data, options, samples, max(start, 0))
    if not found["silence"][0]:
        assert found["silence"][1].data.equal(found["skip"][1].data)
    return found["silence"][1].valid


def window_agrees(data, options, samples, start):
    """Assert that a window of a fresh decoder is a part of the whole."""
    stop = start + 900
    begin, rate = samples.pts_seconds, samples.sample_rate
    decoder = AudioDecoder(data, **options)
    if options["gaps"] == "silence":
        window = decoder.get_samples_played_in_range(begin + start / rate, begin + stop / rate)
        assert window.valid.equal(samples.valid[start:stop])
        got = window.data
    else:
        got = decoder[start:stop]
    np.testing.assert_allclose(got, samples.data[:, start:stop], rtol=0, atol=AGREEING)
    strict = AudioDecoder(data, **{**options, "on_error": "raise"})
    if samples.valid[start:stop].all():
        np.testing.assert_allclose(strict[start:stop], got, rtol=0, atol=AGREEING)
    else:
        with pytest.raises(cycodec.InvalidDataError, match=r"from [\d.e-]+ s to [\d.e-]+ s is damaged"):
            strict[start:stop]


DAMAGES = {
    "body": {0.6: (12, 1), 0.75: (12, 3)},
    "whole": {0.55: (0, 1), 0.8: (0, 2)},
    "scattered": {0.45 + 0.03 * n: (n % 3 * 4, 1) for n in range(14)},
    "early": {0.02: (0, 1), 0.04: (9, 1), 0.9: (9, 1)},
}


@pytest.mark.parametrize("kind", DAMAGES)
@pytest.mark.parametrize("name", FILES)
def test_first_reads_of_damaged_files(made, name, kind):
    path = made(name)
    whole = AudioDecoder(path)[...]
    valid = first_reads_agree(overwrite(path, name, DAMAGES[kind]))
    assert abs(len(valid) - whole.shape[1]) <= 0.15 * whole.shape[1]


@pytest.mark.parametrize("name", ["ac3.avi", "aac.avi", "eac3.eac3", "mp3.avi"])
def test_loss_just_before_a_window(made, name):
    """A frame that overlaps with a lost one is damaged, even if a window begins with it."""
    data = overwrite(made(name), name, {0.7: (12, 1)})
    whole = AudioDecoder(data, on_error="mask").get_all_samples()
    assert not whole.valid.all()
    stop = int(np.flatnonzero(~whole.valid.numpy())[-1]) + 1
    for start in (stop - 100, stop, stop + 100):
        window_agrees(data, {"gaps": "silence", "on_error": "mask"}, whole, start)


@pytest.mark.parametrize("name", ["mlp.mlp", "thd.thd"])
def test_packets_that_the_decoder_skips_keep_their_place(made, name):
    """The decoder of TrueHD gives neither samples nor an error until parameters come again."""
    path = made(name)
    data = bytearray(path.read_bytes())
    places = damaged_media.packets(path, "a:0")
    dropped = [number for number in range(100, len(places), 331) if number % 16]
    for number in reversed(dropped):
        pos, size = places[number]
        del data[pos : pos + size]
    valid = first_reads_agree(bytes(data))
    assert len(valid) == 40 * (len(places) - len(dropped))
    assert not valid.all()


def test_a_lost_packet_before_a_hole(made, tmp_path):
    """Silence for a lost packet stands before that for the hole, by the packet's own time."""
    path = tmp_path / "holed.mkv"
    tone = "aevalsrc='0.3*sin(2*PI*t*(300+90*t))+0.1*random(0)':s=48000:d=4,aselect='not(between(t,2,2.6))'"
    command = ["-f", "lavfi", "-i", tone, "-c:a", "aac", "-aac_pns", "0", path]
    code, _, text = media.run(*command)
    assert code == 0, text
    times = subprocess.run(
        [media.FFPROBE, "-v", "error", "-show_entries", "packet=pts_time,pos,size", "-of", "json", path],
        capture_output=True, check=True, text=True,
    ).stdout  # fmt: skip
    found = re.findall(r'"pts_time": "([\d.-]+)",\s*"size": "(\d+)",\s*"pos": "(\d+)"', times)
    packets = [(float(time), int(size), int(pos)) for time, size, pos in found]
    steps = [later[0] - packet[0] for packet, later in itertools.pairwise(packets)]
    hole = int(np.argmax(steps))
    for lost in ([hole], [hole + 1], [hole, hole + 1]):
        data = bytearray(path.read_bytes())
        for number in lost:
            _, size, pos = packets[number]
            data[pos + 3 : pos + size] = np.random.default_rng(5).bytes(size - 3)
        valid = first_reads_agree(bytes(data))
        assert not valid.all()


@pytest.mark.parametrize("gaps", ["silence", "skip"])
def test_damaged_headers_in_mp4(made, gaps):
    """FFmpeg parses AC-3 and MP3 in MP4: a damaged header joins two packets of the sample table."""
    for name in ("ac3.mp4", "mp3.mp4"):
        data = overwrite(made(name), name, {0.3: (0, 1), 0.5: (0, 1), 0.8: (0, 2)})
        options = {"gaps": gaps, "on_error": "mask"}
        whole = AudioDecoder(data, **options).get_all_samples()
        assert len(AudioDecoder(data, **options)) == whole.data.shape[1]
