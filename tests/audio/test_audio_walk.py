"""Distant windows are read without the file before them: by headers of packets, and by numbered
frames.
"""

import io
import random

import audio_media as media
import numpy as np
import pytest
from audio_media import locate

from cycodec._shared.sources import open_source
from cycodec.core.audio.index import index_from_scan
from cycodec.core.audio.walk import index_from_walk
from cycodec.core.container.demux import Demuxer
from cycodec.decoders import AudioDecoder

WALKED = [
    "mp3_cbr.mp3", "mp3_cbr_high.mp3", "mp3_vbr.mp3", "mp3_no_xing.mp3", "mp3_low_rate.mp3", "mp3_shine.mp3",
    "vorbis.ogg", "vorbis_22k.ogg", "vorbis_native.ogg", "opus.opus", "opus_voice.opus", "opus_short_frames.ogg",
    *(name for name in media.shared() if name in (
        "mp3_music_lame.mp3", "mp3_vbr_vbri.mp3", "mp3_vbr_xing_no_toc.mp3", "opus_music.opus",
    )),
]  # fmt: skip


def opened(source):
    demuxer = Demuxer(open_source(source))
    return demuxer, demuxer.select_audio(None)


def packets(index):
    """All packets, without the fields that only a walk or only a scan knows."""
    left_out = {
        "digest",
        "pts" if index.describe(0)["pos"] >= 0 and index.describe(0)["pts"] < -(2**62) else "pos",
    }
    return [
        {key: value for key, value in index.describe(number).items() if key not in left_out}
        for number in range(len(index))
    ]


def assert_walk_is_scan(source):
    walked = index_from_walk(*opened(source))
    assert walked is not None
    scanned = index_from_scan(*opened(source))
    assert len(walked) == len(scanned)
    for ours, theirs in zip(packets(walked), (scanned.describe(i) for i in range(len(scanned))), strict=True):
        assert ours == {key: theirs[key] for key in ours}


@pytest.mark.parametrize("name", WALKED)
def test_the_walk_finds_what_a_scan_finds(name):
    assert_walk_is_scan(locate(name))


@pytest.mark.parametrize("name", ["mp3_vbr.mp3", "opus.opus"])
def test_every_kind_of_source_is_walked(name):
    path = locate(name)
    data = path.read_bytes()
    assert_walk_is_scan(data)
    assert index_from_walk(*opened(io.BytesIO(data))) is not None


def mp3():
    return locate("mp3_vbr.mp3").read_bytes()


def with_id3v1(data):
    return data + b"TAG" + bytes(125)


def with_ape(data):
    return data + b"APETAGEX" + (2000).to_bytes(4, "little") + (32).to_bytes(4, "little") + bytes(16)


def cut(data):
    return data[:-100]


def with_junk(data):
    place = index_from_scan(*opened(data)).describe(70)["pos"]
    return data[:place] + bytes(50) + data[place:]


def twice(data):
    return data + locate("mp3_low_rate.mp3").read_bytes()


@pytest.mark.parametrize("change", [with_id3v1, with_ape, cut, with_junk, twice])
def test_what_is_irregular_is_scanned(change):
    """The walk refuses the file, or gives the same result as a scan."""
    data = change(mp3())
    if index_from_walk(*opened(data)) is not None:
        assert_walk_is_scan(data)
    whole = AudioDecoder(data).get_all_samples().data
    decoder = AudioDecoder(data)
    for start in (70_000, 120_000, 66_000):
        assert np.array_equal(decoder[start : start + 3000], whole[:, start : start + 3000])


@pytest.mark.parametrize("change", [with_junk, twice])
def test_the_walk_refuses(change):
    assert index_from_walk(*opened(change(mp3()))) is None


def drop_page(data):
    """Return an Ogg file without its fifth page."""
    places = [i for i in range(len(data)) if data.startswith(b"OggS", i)]
    return data[: places[4]] + data[places[5] :]


def chained(data):
    return data + locate("opus_voice.opus").read_bytes()


@pytest.mark.parametrize("change", [drop_page, chained, lambda data: data[:-3000]])
def test_the_walk_of_ogg_refuses(change):
    data = change(locate("opus.opus").read_bytes())
    assert index_from_walk(*opened(data)) is None


@pytest.mark.parametrize(
    "name", ["opus_cbr.opus", "vorbis.ogg", "vorbis_native.ogg", "opus_short_frames.ogg"]
)
def test_the_last_page_is_not_sought(name):
    """After a seek to it, libavformat makes timestamps up. Packets of one size are then
    indistinguishable.
    """
    path = locate(name)
    whole = AudioDecoder(path).get_all_samples().data
    for start in range(whole.shape[1] - 30_000, whole.shape[1] - 100, 1777):
        decoder = AudioDecoder(path)
        window = decoder[start : start + 500]
        assert not decoder._session.reader.from_start_only
        np.testing.assert_allclose(window, whole[:, start : start + 500], rtol=0, atol=1e-5)


def test_other_formats_are_not_walked():
    for name in ("flac.flac", "aac.aac", "mp3.mkv", "speex.ogg", "flac.ogg"):
        assert index_from_walk(*opened(locate(name))) is None, name


# -- FLAC ------------------------------------------------------------------------------------------


def test_a_far_window_of_flac_reads_little():
    path = locate("flac_s24_96k.flac")
    whole = AudioDecoder(path).get_all_samples().data
    data = path.read_bytes()
    dice = random.Random(3)
    for _ in range(20):
        source = Counting(data)
        decoder = AudioDecoder(source)
        start = dice.randrange(70_000, whole.shape[1] - 2000)
        window = decoder[start : start + 1000]
        assert np.array_equal(window, whole[:, start : start + 1000])
        reader = decoder._session.reader
        assert reader.index is None
        assert reader.decoder.packets_read <= 8, "packets were looked through"


class Counting(io.BytesIO):
    def __init__(self, data):
        super().__init__(data)
        self.count = 0

    def read(self, size=-1):
        part = super().read(size)
        self.count += len(part)
        return part


def test_a_long_flac_is_not_read_whole(tmp_path):
    path = tmp_path / "long.flac"
    media.run(
        "-f", "lavfi", "-i", "anoisesrc=d=240:r=44100:seed=1,aformat=channel_layouts=stereo", "-y", path
    )
    size = path.stat().st_size
    source = Counting(path.read_bytes())
    decoder = AudioDecoder(source)
    end = decoder.get_samples_played_in_range(239, 240)
    assert end.data.shape == (2, 44100)
    assert source.count < size / 20
    assert np.array_equal(end.data, AudioDecoder(path, seek_mode="exact")[239 * 44100 : 240 * 44100])


@pytest.mark.parametrize("options", [
    ["-frame_size", "192"], ["-frame_size", "16384"], ["-sample_fmt", "s32"], ["-ac", "1"], ["-ar", "12345"], ["-ac", "6"],
], ids=" ".join)  # fmt: skip
def test_every_form_of_flac_is_found(tmp_path, options):
    """The streams begin with silence, whose frames take few bytes."""
    path = tmp_path / "uneven.flac"
    noise = "anoisesrc=d=30:r=44100:seed=2,volume='gt(mod(t,10),6)':eval=frame,aformat=channel_layouts=stereo"
    media.run("-f", "lavfi", "-i", noise, *options, "-y", path)
    whole = AudioDecoder(path, seek_mode="exact").get_all_samples().data
    assert whole.shape[1] > 300_000
    dice = random.Random(4)
    for _ in range(25):
        decoder = AudioDecoder(path)
        start = dice.randrange(70_000, whole.shape[1] - 2000)
        assert np.array_equal(decoder[start : start + 1500], whole[:, start : start + 1500])
        reader = decoder._session.reader
        assert reader.index is None
        assert reader.decoder.packets_read <= 8 + 1500 // 192 + 3


def test_bytes_that_look_like_frames_are_no_frames(tmp_path):
    """The bytes of one frame hold the header of another, which does not decode to a frame of that
    number.
    """
    data = bytearray(locate("flac.flac").read_bytes())
    frames = [i for i in range(100, len(data) - 1) if data[i] == 0xFF and data[i + 1] == 0xF8]
    good = AudioDecoder(bytes(data)).get_all_samples().data
    late = frames[-3]
    data[late + 300 : late + 316] = data[frames[4] : frames[4] + 16]
    whole = AudioDecoder(bytes(data), seek_mode="exact", on_error="mask").get_all_samples().data
    for start in range(70_000, good.shape[1] - 40_000, 9_001):
        assert np.array_equal(AudioDecoder(bytes(data))[start : start + 500], good[:, start : start + 500])
    assert whole.shape == good.shape


@pytest.mark.skipif(not media.SHARED.is_dir(), reason=f"no shared media at {media.SHARED}")
def test_changed_flac_is_not_taken_for_ended():
    """Positions count samples of the first rate, so there are more than the frames' numbers say."""
    path = media.SHARED / "flac_changing_samplerate.flac"
    whole = AudioDecoder(path).get_all_samples().data
    for start in (300_000, 590_000, whole.shape[1] - 10):
        assert np.array_equal(AudioDecoder(path)[start : start + 1000], whole[:, start : start + 1000])


@pytest.mark.parametrize("part", [1, 0.7])
def test_flac_has_an_end(part):
    """Both the end of a whole file and that of a truncated one are found."""
    data = locate("flac.flac").read_bytes()
    data = data[: int(len(data) * part)]
    whole = AudioDecoder(data).get_all_samples().data
    decoder = AudioDecoder(data)
    assert decoder[whole.shape[1] + 5 : whole.shape[1] + 900].shape == (2, 0)
    assert decoder._session.reader.frames_decoded < 10
    assert len(AudioDecoder(data)) == whole.shape[1]


def test_flac_that_does_not_begin_with_zero_is_counted(tmp_path):
    """Frames that were cut out of a longer stream have numbers that are not their positions."""
    data = locate("flac.flac").read_bytes()
    frames = [i for i in range(100, len(data) - 1) if data[i] == 0xFF and data[i + 1] == 0xF8]
    path = tmp_path / "cut.flac"
    path.write_bytes(data[: frames[0]] + data[frames[3] :])
    whole = AudioDecoder(path, seek_mode="exact").get_all_samples().data
    assert whole.shape[1] < 4 * 44100
    decoder = AudioDecoder(path)
    for start in (80_000, 70_001, 120_000):
        assert np.array_equal(decoder[start : start + 5000], whole[:, start : start + 5000])
    assert np.array_equal(media.reference(path), whole)


def test_a_hole_in_flac_is_where_the_frames_say(tmp_path):
    """Lost frames are silent, and all other samples are at the places that the frames say."""
    data = locate("flac.flac").read_bytes()
    frames = [position for _, position, _ in media.flac_frames(locate("flac.flac"))]
    good = AudioDecoder(data).get_all_samples().data
    middle = len(frames) // 2
    path = tmp_path / "hole.flac"
    path.write_bytes(data[: frames[middle]] + data[frames[middle + 2] :])
    late = good.shape[1] - 9000
    assert np.array_equal(AudioDecoder(path)[late : late + 3000], good[:, late : late + 3000])
    exact = AudioDecoder(path, seek_mode="exact").get_all_samples().data
    assert exact.shape[1] == good.shape[1]
    assert np.array_equal(AudioDecoder(path).get_all_samples().data, exact)
    ((start, stop),) = AudioDecoder(path).gaps
    silent = slice(round(start * 44100), round(stop * 44100))
    assert not exact[:, silent].any()
    exact[:, silent] = good[:, silent]
    assert np.array_equal(exact, good)
    skipped = AudioDecoder(path, gaps="skip").get_all_samples().data
    assert skipped.shape[1] == good.shape[1] - (silent.stop - silent.start)


# -- WMA -------------------------------------------------------------------------------------------


@pytest.mark.skipif(not media.SHARED.is_dir(), reason=f"no shared media at {media.SHARED}")
def test_superframes_are_counted(tmp_path):
    """Packets hold several frames, and parts of frames. The short file is repeated."""
    path = tmp_path / "long.wma"
    code, _, text = media.run("-stream_loop", 20, "-i", media.SHARED / "wma_chapters.wma", "-c", "copy", path)
    assert code == 0, text
    whole = AudioDecoder(path).get_all_samples().data
    dice = random.Random(5)
    for _ in range(15):
        decoder = AudioDecoder(path)
        start = dice.randrange(70_000, whole.shape[1] - 5000)
        assert np.array_equal(decoder[start : start + 5000], whole[:, start : start + 5000])
        assert not decoder._session.reader.from_start_only
        assert decoder._session.reader.frames_decoded < 30


def test_wma_that_makes_noise_is_read_from_the_start():
    decoder = AudioDecoder(locate("wma_noise.wma"))
    decoder[100_000:100_100]
    assert decoder._session.reader.from_start_only


@pytest.mark.parametrize(("rate", "quality"), [(44100, 4), (44100, 8), (22050, 5)])
def test_each_window_of_mp3_with_sizes_that_change(rate, quality, tmp_path):
    """Large frames behind small ones take bits from further back than these reach."""
    path = tmp_path / "changing.mp3"
    tone = "0.25*sin(2*PI*(200+60*t)*t)*(1+sin(9*t))/2+0.1*(random(0)-0.5)*gt(sin(3*t),0)"
    source = f"aevalsrc='{tone}|0.25*sin(2*PI*(300+60*t)*t)':s=48000:d=6"
    command = ["-f", "lavfi", "-i", source, "-ar", rate, "-c:a", "libmp3lame", "-q:a", quality, path]
    code, _, text = media.run(*command)
    assert code == 0, text
    whole = AudioDecoder(path)[...]
    for start in range(70_000, whole.shape[1] - 300, 1152 if rate == 44100 else 576):
        assert AudioDecoder(path)[start : start + 300].equal(whole[:, start : start + 300]), start
