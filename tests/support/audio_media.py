"""Audio files that the ffmpeg command makes for the tests, and the samples that it decodes from a
file.

``path("mp3_vbr.mp3")`` is a generated file, and ``shared()`` lists the shared files.
``reference(path)`` is the oracle: ``ffmpeg -cons_noisegen 1 -i FILE -f f32le -`` as an array
[channels, samples]. The option makes AC-3 decoders seed their noise from each packet; other
decoders ignore it.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import recipes

FFPROBE = os.environ.get("CYCODEC_FFPROBE", "ffprobe")
CACHE = (
    Path(os.environ.get("CYCODEC_TEST_CACHE", Path(tempfile.gettempdir(), f"cycodec-tests-{os.getuid()}")))
    / "audio"
)
SHARED = Path(
    os.environ.get("CYCODEC_TEST_MEDIA", Path(__file__).resolve().parents[3] / "shared" / "media")
).resolve()

# name -> (rate, channels, seconds, codec family, options)
RECIPES = {}


def recipe(name, family, *options, rate=44100, channels=2, seconds=4.0):
    RECIPES[name] = (rate, channels, seconds, family, options)


for width in ("u8", "s16le", "s24le", "s32le", "f32le", "f64le"):
    recipe(f"pcm_{width}.wav", "pcm", "-c:a", f"pcm_{width}")
recipe("pcm_mono_16k.wav", "pcm", "-c:a", "pcm_s16le", rate=16000, channels=1)
recipe("pcm_8k.wav", "pcm", "-c:a", "pcm_s16le", rate=8000, channels=1)
recipe("pcm_192k.wav", "pcm", "-c:a", "pcm_s24le", rate=192000, seconds=1.5)
recipe("pcm_51.wav", "pcm", "-c:a", "pcm_s16le", rate=48000, channels=6)
recipe("pcm_rf64.wav", "pcm", "-c:a", "pcm_s16le", "-rf64", "always")
recipe("pcm_s16be.aiff", "pcm", "-c:a", "pcm_s16be")
recipe("pcm_s24.caf", "pcm", "-c:a", "pcm_s24be")
recipe("pcm_alaw.wav", "pcm", "-c:a", "pcm_alaw", rate=8000, channels=1)
recipe("pcm_mulaw.au", "pcm", "-c:a", "pcm_mulaw", rate=8000, channels=1)
recipe("pcm_w64.w64", "pcm", "-c:a", "pcm_s16le")
recipe("pcm.mkv", "pcm", "-c:a", "pcm_s16le")
recipe("pcm.mov", "pcm", "-c:a", "pcm_s16le")
recipe("adpcm_ima.wav", "adpcm", "-c:a", "adpcm_ima_wav")
recipe("adpcm_ms.wav", "adpcm", "-c:a", "adpcm_ms")
recipe("g722.wav", "g722", "-c:a", "g722", rate=16000, channels=1)
recipe("g726.wav", "g726", "-c:a", "g726", rate=8000, channels=1)
recipe("flac.flac", "flac", "-c:a", "flac")
recipe("flac_s24_96k.flac", "flac", "-c:a", "flac", "-sample_fmt", "s32", rate=96000)
recipe("flac_51.flac", "flac", "-c:a", "flac", rate=48000, channels=6)
recipe("flac.mkv", "flac", "-c:a", "flac")
recipe("flac.ogg", "flac", "-c:a", "flac")
recipe("flac.mp4", "flac", "-c:a", "flac", "-strict", "-2")
recipe("alac.m4a", "alac", "-c:a", "alac")
recipe("alac.mkv", "alac", "-c:a", "alac")
recipe("wavpack.wv", "wavpack", "-c:a", "wavpack")
recipe("tta.tta", "tta", "-c:a", "tta")
recipe("mp3_cbr.mp3", "mp3", "-c:a", "libmp3lame", "-b:a", "128k")
recipe("mp3_cbr_high.mp3", "mp3", "-c:a", "libmp3lame", "-b:a", "320k")
recipe("mp3_vbr.mp3", "mp3", "-c:a", "libmp3lame", "-q:a", "4")
recipe("mp3_no_xing.mp3", "mp3", "-c:a", "libmp3lame", "-b:a", "96k", "-write_xing", "0")
recipe("mp3_low_rate.mp3", "mp3", "-c:a", "libmp3lame", "-b:a", "16k", rate=16000, channels=1)
recipe("mp3_8kbps.mp3", "mp3", "-c:a", "libmp3lame", "-b:a", "8k", rate=8000, channels=1)
recipe("mp3_shine.mp3", "mp3", "-c:a", "libshine", "-b:a", "128k")
recipe("mp3.mkv", "mp3", "-c:a", "libmp3lame", "-b:a", "128k")
recipe("mp3.mp4", "mp3", "-c:a", "libmp3lame", "-b:a", "128k")
recipe("mp3.ts", "mp3", "-c:a", "libmp3lame", "-b:a", "128k")
recipe("mp3.avi", "mp3", "-c:a", "libmp3lame", "-b:a", "128k")
recipe("mp2.mp2", "mp2", "-c:a", "mp2", "-b:a", "192k")
recipe("mp2.mpg", "mp2", "-c:a", "mp2", "-b:a", "192k", "-f", "vob")
recipe("mp2.ts", "mp2", "-c:a", "mp2", rate=48000, seconds=3)
recipe("mp2_twolame.mp2", "mp2", "-c:a", "libtwolame", "-b:a", "160k", seconds=3)
recipe("vorbis.ogg", "vorbis", "-c:a", "libvorbis", "-q:a", "5")
recipe("vorbis_22k.ogg", "vorbis", "-c:a", "libvorbis", "-q:a", "3", rate=22050, channels=1)
recipe("vorbis.mkv", "vorbis", "-c:a", "libvorbis", "-q:a", "5")
recipe("vorbis_native.ogg", "vorbis", "-c:a", "vorbis", "-strict", "-2", "-b:a", "128k")
recipe("aac.m4a", "aac", "-c:a", "aac", "-b:a", "160k")
recipe("aac_faststart.m4a", "aac", "-c:a", "aac", "-b:a", "96k", "-movflags", "+faststart", rate=48000)
recipe(
    "aac_fragmented.mp4",
    "aac",
    "-c:a",
    "aac",
    "-b:a",
    "96k",
    "-movflags",
    "+frag_keyframe+empty_moov",
    rate=48000,
)
recipe("aac_51.mp4", "aac", "-c:a", "aac", "-b:a", "384k", rate=48000, channels=6)
recipe("aac.aac", "aac", "-c:a", "aac", "-b:a", "128k")
recipe("aac_8k.aac", "aac", "-c:a", "aac", "-b:a", "24k", rate=8000, channels=1)
recipe("aac.mkv", "aac", "-c:a", "aac", "-b:a", "128k")
recipe("aac.ts", "aac", "-c:a", "aac", "-b:a", "128k")
recipe("aac_latm.ts", "aac", "-c:a", "aac", "-b:a", "128k", "-mpegts_flags", "latm", "-f", "mpegts")
recipe("aac_no_pns.m4a", "aac_no_pns", "-c:a", "aac", "-b:a", "160k", "-aac_pns", "0")
recipe("opus.opus", "opus", "-c:a", "libopus", "-b:a", "96k", rate=48000)
recipe(
    "opus_voice.opus",
    "opus",
    "-c:a",
    "libopus",
    "-b:a",
    "16k",
    "-application",
    "voip",
    rate=16000,
    channels=1,
)
recipe(
    "opus_short_frames.ogg",
    "opus",
    "-c:a",
    "libopus",
    "-frame_duration",
    "2.5",
    "-application",
    "lowdelay",
    rate=48000,
)
recipe("opus.mkv", "opus", "-c:a", "libopus", "-b:a", "96k", rate=48000)
recipe("opus.mp4", "opus", "-c:a", "libopus", "-b:a", "96k", rate=48000)
recipe("opus_51.mka", "opus", "-c:a", "libopus", "-b:a", "256k", rate=48000, channels=6)
recipe("opus_cbr.opus", "opus", "-c:a", "libopus", "-b:a", "64k", "-vbr", "off", rate=48000)
recipe("opus_native.ogg", "opus", "-c:a", "opus", "-strict", "-2", rate=48000, seconds=3)
recipe("ac3.ac3", "ac3", "-c:a", "ac3", "-b:a", "192k", rate=48000)
recipe("ac3.ts", "ac3", "-c:a", "ac3", "-b:a", "192k", rate=48000)
recipe("ac3_51.mkv", "ac3", "-c:a", "ac3", "-b:a", "384k", rate=48000, channels=6, seconds=3)
recipe("eac3.eac3", "eac3", "-c:a", "eac3", "-b:a", "192k", rate=48000)
recipe("eac3_51.mp4", "eac3", "-c:a", "eac3", "-b:a", "256k", rate=48000, channels=6, seconds=3)
recipe("eac3_64k.mkv", "eac3", "-c:a", "eac3", "-b:a", "64k", rate=48000, seconds=3)
recipe("dts.dts", "dts", "-c:a", "dca", "-strict", "-2", "-b:a", "768k", rate=48000)
recipe(
    "dts_51.mkv", "dts", "-c:a", "dca", "-strict", "-2", "-b:a", "1536k", rate=48000, channels=6, seconds=3
)
recipe("wma1.wma", "wma", "-c:a", "wmav1", "-b:a", "128k")
recipe("wma2.wma", "wma", "-c:a", "wmav2", "-b:a", "128k")
recipe("wma.mkv", "wma", "-c:a", "wmav2", seconds=3)
recipe("wma_noise.wma", "wma", "-c:a", "wmav2", "-b:a", "32k", seconds=3)
recipe("speex.ogg", "speex", "-c:a", "libspeex", rate=16000, channels=1)
recipe("gsm.wav", "gsm", "-c:a", "libgsm_ms", rate=8000, channels=1)
recipe("gsm.gsm", "gsm", "-c:a", "libgsm", rate=8000, channels=1)
recipe("g723.wav", "g723", "-c:a", "g723_1", "-b:a", "6300", rate=8000, channels=1)
recipe("realaudio.rm", "realaudio", "-c:a", "real_144", rate=8000, channels=1)
recipe("nellymoser.flv", "nellymoser", "-c:a", "nellymoser", rate=22050, channels=1)
recipe("sbc.sbc", "sbc", "-c:a", "sbc", seconds=3)
recipe("aptx.aptx", "aptx", "-c:a", "aptx", seconds=3)
recipe("aptx.aptxhd", "aptx", "-c:a", "aptx_hd", seconds=3)
recipe("dfpwm.dfpwm", "dfpwm", "-c:a", "dfpwm", rate=48000, channels=1, seconds=3)
recipe("pcm_dvd.mpg", "pcm_dvd", "-c:a", "pcm_dvd", rate=48000, seconds=3)
recipe("mlp.mlp", "mlp", "-c:a", "mlp", "-strict", "-2", rate=48000, seconds=3)
recipe("truehd.thd", "mlp", "-c:a", "truehd", "-strict", "-2", rate=48000, seconds=3)
recipe("flac_192k.flac", "flac", "-c:a", "flac", rate=192000, seconds=2)
recipe("alac_51.m4a", "alac", "-c:a", "alac", rate=48000, channels=6, seconds=3)
recipe("vorbis_51.ogg", "vorbis", "-c:a", "libvorbis", rate=48000, channels=6, seconds=3)
recipe("aac_96k.m4a", "aac", "-c:a", "aac", rate=96000, seconds=3)
recipe("pcm_dvd.vob", "pcm", "-c:a", "pcm_dvd", rate=48000, seconds=3)
recipe("pcm_bluray.m2ts", "pcm", "-c:a", "pcm_bluray", rate=48000, seconds=3)
recipe("pcm_s302m.ts", "pcm", "-c:a", "s302m", "-strict", "-2", rate=48000, seconds=3)
recipe("pcm_s8.nut", "pcm", "-c:a", "pcm_s8", seconds=3)
recipe("pcm_s24daud.302", "pcm", "-c:a", "pcm_s24daud", rate=96000, channels=6, seconds=2)
for codec, name, channels in [
    ("adpcm_swf", "adpcm.flv", 1), ("adpcm_yamaha", "adpcm_yamaha.wav", 2), ("adpcm_ima_qt", "adpcm.mov", 2),
    ("adpcm_adx", "adpcm.adx", 2), ("adpcm_ima_alp", "adpcm.tun", 1), ("adpcm_ima_apm", "adpcm.apm", 1),
    ("roq_dpcm", "dpcm.roq", 2),
]:  # fmt: skip
    recipe(name, "adpcm", "-c:a", codec, rate=22050, channels=channels, seconds=3.5)


def signal(rate, channels, seconds):
    """Returns a signal that is hard to encode: a sweep, a few tones, noise; the channels differ.
    [channels, n]
    """
    n = int(rate * seconds)
    t = np.arange(n) / rate
    rng = np.random.default_rng(7)
    rows = []
    for c in range(channels):
        top = rate * 0.35
        sweep = np.sin(2 * np.pi * (100 * (c + 1) * t + (top - 100) / (2 * seconds) * t * t))
        tone = np.sin(2 * np.pi * 440 * (c + 1) * t) * (np.sin(2 * np.pi * 1.7 * t) > 0)
        rows.append(0.3 * sweep + 0.2 * tone + 0.05 * rng.standard_normal(n))
    return np.clip(np.array(rows), -0.99, 0.99).astype(np.float32)


def run(*arguments, data=None):
    """Runs the ffmpeg command; returns its exit status, output and messages."""
    done = subprocess.run(
        [recipes.FFMPEG, "-hide_banner", "-v", "error", "-nostdin", *map(str, arguments)]
        if data is None
        else [recipes.FFMPEG, "-hide_banner", "-v", "error", *map(str, arguments)],
        input=data,
        capture_output=True,
    )
    return done.returncode, done.stdout, done.stderr.decode(errors="replace")


def has_ffmpeg():
    return shutil.which(recipes.FFMPEG) is not None


@cache
def path(name):
    """Returns the path of a generated file, which the first call makes."""
    rate, channels, seconds, _, options = RECIPES[name]
    made = RECIPES[name], recipes.ffmpeg_version()
    key = hashlib.sha1(repr(made).encode()).hexdigest()[:12]
    target = CACHE / key / name
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with open(target.parent / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not target.exists():
                draft = target.with_name("draft_" + name)
                pcm = np.ascontiguousarray(signal(rate, channels, seconds).T).tobytes()
                code, _, text = run(
                    "-f", "f32le", "-ar", rate, "-ac", channels, "-i", "-", *options, "-y", draft, data=pcm
                )
                if code:
                    raise RuntimeError(f"ffmpeg cannot make {name}: {text}")
                draft.rename(target)
    return target


def locate(name):
    """Returns the path of a generated or shared file."""
    if name in RECIPES:
        if not has_ffmpeg():
            pytest.fail(f"the tests need the ffmpeg command: {recipes.FFMPEG!r} was not found")
        return path(name)
    return SHARED / name


def reference(file, *options, channels=None, stream="a:0"):
    """Returns what the ffmpeg command decodes, as float32 [channels, samples]; None if it fails."""
    if channels is None:
        channels = probe_channels(file, stream)
    code, data, _ = run("-cons_noisegen", 1, "-i", file, "-map", f"0:{stream}", *options, "-f", "f32le", "-")
    if code and not data:
        return None
    return np.frombuffer(data, np.float32).reshape(-1, channels).T


def probe_channels(file, stream="a:0"):
    done = subprocess.run(
        [
            FFPROBE,
            "-v",
            "error",
            "-select_streams",
            stream,
            "-show_entries",
            "stream=channels",
            "-of",
            "csv=p=0",
            str(file),
        ],
        capture_output=True,
        text=True,
    )
    return int(done.stdout.split()[0].strip(","))


def shared():
    """Returns the names of all shared files whose audio FFmpeg can decode."""
    if not SHARED.is_dir():
        return []
    names = []
    for line in (SHARED / "README.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) > 6 and "A:" in cells[5] and not cells[1].startswith("bad_") and "A:?" not in cells[5]:
            names.append(cells[1])
    return names


def family(name):
    """Returns the codec family of a generated file."""
    return RECIPES[name][3]


def flac_frames(file):
    """Return the first sample, the first byte and the number of samples of each frame of a file."""
    command = [FFPROBE, "-v", "error", "-show_packets", "-of", "json", file]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [(p["pts"], int(p["pos"]), p["duration"]) for p in json.loads(done.stdout)["packets"]]
