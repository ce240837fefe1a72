"""Lost pages of Ogg: ffmpeg's samples with gaps="skip", and true places with "silence"."""

import itertools
import subprocess

import audio_media as media
import numpy as np
import pytest
import recipes
from mutations.streams import places_of

import cycodec
from cycodec.decoders import AudioDecoder

RATE = 48000
# name -> the options that make it, and how many pages of headers there are
FILES = {
    "vorbis": "-c:a libvorbis -q:a 2 -page_duration 150000",
    "vorbis_packets": "-c:a libvorbis -q:a 10 -page_duration 100",
    "opus": "-c:a libopus -b:a 48k -page_duration 1000000",
    "opus_continued": "-c:a libopus -b:a 450k -page_duration 5000000",
    "flac": "-c:a flac -page_duration 300000",
    "flac_continued": "-c:a flac -frame_size 16384 -page_duration 100",
}
HEADERS = 2
TOLERANCE = {"opus": 2e-3}  # decoders of Opus forget slowly
KINDS = ("cut", "checksum", "capture")
LOSSES = ("first", "second", "middle", "two", "alternate", "before the last", "last")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a function from the name of a file to its bytes; ffmpeg makes it once."""
    folder = tmp_path_factory.mktemp("pages")
    kept = {}

    def make(name):
        if name not in kept:
            tone = "0.25*sin(2*PI*(200+60*t)*t)+0.1*(random(0)-0.5)"
            source = ["-f", "lavfi", "-i", f"aevalsrc='{tone}|{tone}':s={RATE}:d=6"]
            code, _, text = media.run(*source, *FILES[name].split(), folder / f"{name}.ogg")
            assert code == 0, text
            kept[name] = (folder / f"{name}.ogg").read_bytes()
        return kept[name]

    return make


def lose(data, kind, loss):
    """Return a file without some of its pages."""
    ends = [*places_of(data, b"OggS"), len(data)]
    pages = [bytearray(data[a:b]) for a, b in itertools.pairwise(ends)]
    count = len(pages)
    middle = (HEADERS + count) // 2
    lost = {
        "first": [HEADERS], "second": [HEADERS + 1], "middle": [middle], "two": [middle, middle + 1],
        "alternate": range(HEADERS + 2, count - 2, 2), "before the last": [count - 2], "last": [count - 1],
    }[loss]  # fmt: skip
    for number in lost:
        page = pages[number]
        if kind == "cut":
            page.clear()
        elif kind == "checksum":
            page[(27 + page[26] + len(page)) // 2] ^= 0x55
        else:
            page[0] = 0
    return b"".join(pages)


def of_ffmpeg(data, folder):
    """Return what `ffmpeg -threads 1` makes of a file."""
    path = folder / "lost.ogg"
    path.write_bytes(data)
    command = [recipes.FFMPEG, "-v", "quiet", "-threads", "1", "-i", path, "-f", "f32le", "-"]
    done = subprocess.run(command, capture_output=True, check=True)
    return np.frombuffer(done.stdout, "<f4").reshape(-1, 2).T


def some_starts(valid, length):
    """Return where windows begin: around damage, and elsewhere."""
    edges = np.flatnonzero(np.diff(valid.astype(int)))
    starts = [edge + step for edge in edges[:2] for step in (-2500, -300, 5, 1200)]
    starts += np.linspace(0, length - 900, 3).tolist()
    return [int(min(max(start, 0), length - 900)) for start in starts]


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", FILES)
def test_lost_pages(made, tmp_path, name, kind, loss):
    data = lose(made(name), kind, loss)
    tolerance = TOLERANCE.get(name.split("_")[0], 0)
    gaps = None
    for mode in ("skip", "silence"):
        options = {"gaps": mode, "on_error": "mask"}
        decoder = AudioDecoder(data, **options)
        whole = decoder.get_all_samples()
        valid = whole.valid.numpy()
        length = len(valid)
        assert len(AudioDecoder(data, **options)) == len(decoder) == whole.data.shape[1] == length
        assert AudioDecoder(data, **options).gaps == decoder.gaps
        assert not whole.data[:, ~whole.valid].any()
        if mode == "skip":
            expected = of_ffmpeg(data, tmp_path)
            assert expected.shape[1] == length
            np.testing.assert_array_equal(whole.data[:, whole.valid], expected[:, valid])
            gaps = decoder.gaps
        else:
            assert gaps == decoder.gaps
            follows_timestamps(made(name), whole, gaps, name)
        for start in some_starts(valid, length):
            got = AudioDecoder(data, **options)[start : start + 900]
            np.testing.assert_allclose(got, whole.data[:, start : start + 900], rtol=0, atol=tolerance)
            if mode == "silence":
                masked_or_raised(data, whole, start)


def follows_timestamps(original, whole, gaps, name):
    """Assert that valid samples outside of holes are those that the lossless file has then."""
    good = AudioDecoder(original).get_all_samples()
    shift = round((whole.pts_seconds - good.pts_seconds) * RATE)
    assert shift >= 0
    settling = {"vorbis": 2048, "opus": 40_000, "flac": 0}[name.split("_")[0]]
    count = min(good.data.shape[1] - shift, whole.data.shape[1])
    right = whole.valid.numpy()[:count].copy()
    losses = [
        (0, 0),
        *((round((a - whole.pts_seconds) * RATE), round((b - whole.pts_seconds) * RATE)) for a, b in gaps),
    ]
    for begin, end in losses:
        right[begin : end + settling] = False
    error = np.abs(whole.data[:, :count] - good.data[:, shift : shift + count]).amax(0).numpy()
    assert not (error[right] > TOLERANCE.get(name.split("_")[0], 0)).any()


def masked_or_raised(data, whole, start):
    """Assert that a window of a fresh decoder tells the damage that the whole has there."""
    valid = whole.valid[start : start + 900]
    seconds = [whole.pts_seconds + at / RATE for at in (start, start + 900)]
    window = AudioDecoder(data, on_error="mask").get_samples_played_in_range(*seconds)
    assert window.valid.equal(valid)
    strict = AudioDecoder(data)
    if valid.all():
        strict[start : start + 900]
    else:
        with pytest.raises(cycodec.InvalidDataError, match=r"from [\d.e-]+ s to [\d.e-]+ s is damaged"):
            strict[start : start + 900]


@pytest.mark.parametrize("name", ["vorbis", "flac"])
def test_a_read_across_a_refused_page_raises_if_holes_are_skipped(made, name):
    data = lose(made(name), "checksum", "middle")
    decoder = AudioDecoder(data, gaps="skip")
    ((begin, end),) = decoder.gaps
    place = round((begin - decoder.metadata.begin_stream_seconds) * RATE)
    with pytest.raises(cycodec.InvalidDataError, match="is damaged"):
        AudioDecoder(data, gaps="skip")[place - 100 : place + 100]
    with pytest.raises(cycodec.InvalidDataError, match=f"from {begin:.4g}"):
        AudioDecoder(data, gaps="skip")[:]
    assert AudioDecoder(data, gaps="skip")[place - 100 : place].shape == (2, 100)
    assert AudioDecoder(data, gaps="skip")[place + 3000 : place + 3100].shape == (2, 100)
    assert end > begin
