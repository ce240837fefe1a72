"""The oracle: the frames that the ffmpeg command decodes from a file, kept as one digest for each
frame.

The reference is ``ffmpeg -threads 1 -i FILE -map 0:STREAM -fps_mode passthrough -pix_fmt rgb24 -f
framemd5``: all decoded frames in order, rotated as the file says, without any option for scaling. A
digest is the MD5 of a frame's bytes in rows of packed RGB; `digest` computes it from a tensor.
ffmpeg uses one thread, because its frames of damaged data depend on the number of threads; those of
intact data do not.
"""

import hashlib
import json
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import recipes

# These files give tens of gigabytes of RGB, so the tests compare only the frames in
# `Reference.numbers`.
LONG = ("h264_long_1080p30_6min_lowbitrate.mp4",)
# YUV that is said to be RGB. The ffmpeg command of 9.0 does not convert it; older ones ignore that.
WITHOUT_MATRIX = ("mpeg2_in_program_stream",)
UNKNOWN_MATRIX = "setparams=colorspace=unknown:color_primaries=unknown:color_trc=unknown"
# How the pictures of mirrored files are shown. Commands before 5.0 only turn them, by the angle.
MIRRORED = {
    "hflip": "hflip",
    "vflip": "vflip",
    "transpose": "transpose=cclock_flip",
    "transverse": "transpose=clock_flip",
}

# Of further runs that `repeated` makes: how many times faster than they are shown frames are read.
PACES = (2, 2, 1, 0.5)


@dataclass(frozen=True)
class Reference:
    """The frames that ffmpeg decodes.

    count : the number of frames that come out.
    numbers : the frames whose digests are known: all of them, unless the file is very long.
    digests : MD5 of each frame of `numbers`, in hexadecimal.
    width, height : of the first frame, to which ffmpeg scales the others.
    """

    count: int
    numbers: tuple[int, ...]
    digests: tuple[str, ...]
    width: int
    height: int

    @property
    def complete(self):
        return len(self.numbers) == self.count


def digest(frame):
    """Returns the MD5 of a uint8 frame [H, W, C], in hexadecimal."""
    return hashlib.md5(frame.contiguous().numpy()).hexdigest()


def reference(path, stream="v:0"):
    """Returns the reference for one stream (ffmpeg's stream specifier) of a file; it is computed
    once and kept.
    """
    content = hashlib.sha256(path.read_bytes()).hexdigest()
    key = f"{content[:20]}_{str(stream).replace(':', '')}_{path.suffix[1:]}"
    kept = recipes.CACHE / f"oracle_{recipes.ffmpeg_version()}" / f"{key}_2.json"
    with recipes.locked(kept):
        if not kept.exists():
            draft = kept.with_suffix(".draft")
            draft.write_text(json.dumps(asdict(ask(path, stream))))
            draft.rename(kept)
    known = json.loads(kept.read_text())
    return Reference(**{name: tuple(v) if isinstance(v, list) else v for name, v in known.items()})


def floats(source, height, width, stream="v:0"):
    """Returns the samples of ffmpeg's rgb48le divided by 65535, as float32 ``[N, H, W, 3]``.

    `source` is a path, or the bytes of a file. Other options are those of `reference`.
    """
    samples = np.frombuffer(raw(source, "rgb48le", stream), "<u2").reshape(-1, height, width, 3)
    return samples.astype(np.float32) / np.float32(65535)


def raw(source, pixels, stream="v:0", *options):
    """Returns the bytes of all frames in a pixel format, or in the stream's own if it is None.

    `options` are those of ffmpeg's output.
    """
    is_data = isinstance(source, bytes)
    chosen = () if pixels is None else ("-pix_fmt", pixels)
    return recipes.run(
        "-threads", "1", *(("-i", "pipe:0") if is_data else shown(source, "-i", f"file:{source}")),
        "-map", f"0:{stream}", *passthrough(), *chosen, *options, "-f", "rawvideo", "-",
        stdin=source if is_data else None,
    ).stdout  # fmt: skip


def ask(path, stream):
    """Runs ffmpeg on one stream of a file."""
    options, numbers = [], None
    if path.name in LONG:
        count = len(decode(path, stream, "-vf", "crop=16:16:0:0", "-f", "framecrc")[0])
        # the beginning, where most mistakes are, frames spread over the rest, and the end
        numbers = [n for n in range(count) if n < 60 or n % 97 == 0 or n >= count - 3]
        options = ["-vf", f"select='lt(n,60)+not(mod(n,97))+gte(n,{count - 3})'"]
    lines, size = decode(path, stream, *options, "-pix_fmt", "rgb24", "-f", "framemd5")
    if numbers is None:
        count = len(lines)
        numbers = range(count)
    digests = [line.split(",")[-1].strip() for line in lines]
    return Reference(count, tuple(numbers), tuple(digests), *size)


def repeated(path, found, *options):
    """Returns the digests that the ffmpeg command gives for the first `len(found)` frames of a
    damaged file: those of `found` if one of a few runs gives them.

    Where a decoder leaves pixels unwritten, they are what a buffer held before. Since FFmpeg 7.0,
    decoding runs ahead of the conversion in the command, each time another number of frames, so
    that two runs differ. In a run at a slow pace each frame is converted before the next one is
    decoded. `options` are those of ffmpeg's output.
    """
    truth = listed(path, "v:0", *options)
    for pace in PACES if version() >= (7, 0) else ():
        if truth[: len(found)] == list(found):
            break
        slowly = ("-readrate", str(pace), "-readrate_initial_burst", "0.01")
        truth = listed(path, "v:0", *options, before=slowly)
    return truth[: len(found)]


def listed(path, stream, *options, before=()):
    """Returns the digests of a run of ffmpeg."""
    lines, _ = decode(path, stream, *options, "-pix_fmt", "rgb24", "-f", "framemd5", before=before)
    return [line.split(",")[-1].strip() for line in lines]


def decode(path, stream, *options, before=()):
    """Runs ffmpeg with a muxer that writes a line for each frame; returns the lines, and the size
    of the frames.

    There are no lines if ffmpeg cannot read the file. `before` holds options of the input.
    """
    # `file:` keeps ffmpeg from taking a part of the name for a protocol
    done = recipes.run(
        *before, "-threads", "1", *shown(path, "-i", f"file:{path}"), "-map", f"0:{stream}",
        *passthrough(), *options, "-", check=False, timeout=900,
    )  # fmt: skip
    lines = [line for line in done.stdout.decode().splitlines() if line]
    shapes = [line.split()[-1] for line in lines if line.startswith("#dimensions")]
    width, height = shapes[0].split("x") if shapes else (0, 0)
    return [line for line in lines if not line.startswith("#")], (int(width), int(height))


def version():
    """Returns (major, minor) of the ffmpeg command."""
    return recipes.command_version()


def passthrough():
    """Returns the option that stops ffmpeg from doubling or dropping frames; 5.1 renamed it."""
    return ("-fps_mode", "passthrough") if version() >= (5, 1) else ("-vsync", "passthrough")


def shown(path, *source):
    """Returns the options of an input, and those that make up for what this ffmpeg lacks.

    Old ones do not mirror pictures, and new ones refuse a wrong matrix.
    """
    if Path(path).stem in WITHOUT_MATRIX and version() >= (8, 0):
        return (*source, "-vf", UNKNOWN_MATRIX)
    name = Path(path).stem.partition("_")[0]
    if name not in MIRRORED or version() >= (5, 0):
        return source
    return ("-noautorotate", *source, "-vf", MIRRORED[name])


def frame_times(path, stream="v:0"):
    """Returns all frames' presentation times in seconds, as ffprobe's decoder reports them; None if
    it has none.
    """
    probe = Path(recipes.FFMPEG).with_name(Path(recipes.FFMPEG).name.replace("ffmpeg", "ffprobe"))
    done = subprocess.run(
        [
            probe,
            "-v",
            "error",
            "-select_streams",
            str(stream),
            "-show_entries",
            "frame=best_effort_timestamp_time",
        ]
        + ["-of", "json", f"file:{path}"],
        capture_output=True,
        check=True,
    )
    times = [frame.get("best_effort_timestamp_time") for frame in json.loads(done.stdout)["frames"]]
    return [None if time in (None, "N/A") else float(time) for time in times]
