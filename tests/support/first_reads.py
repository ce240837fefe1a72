"""Clips for first reads, drawn at random or listed.

A clip combines a codec, a container, timestamp tricks and patched flags.

A fresh decoder knows only what the container says, and the container may lie. So each frame is read
as the first read of a decoder of its own, and compared with what ``ffmpeg -threads 1`` decodes. A
`Clip` is a recipe of plain text, so that a fault can be reproduced from one line.
"""

import json
import random
import shlex
from dataclasses import asdict, dataclass, field
from pathlib import Path

import oracle
import recipes

SIZE = "96x64"
RATE = 12

# codec -> (raw format that its muxer writes, or None; containers; encoder options to draw from)
CODECS = {
    "libx264": (
        "h264",
        "mp4 mov mkv ts avi flv mpg raw",
        "-bf 0|-bf 2|-bf 3 -b_strategy 0|-bf 3 -b-pyramid strict",
    ),
    "libx264 -x264-params open-gop=1": ("h264", "mp4 mkv ts raw", "-bf 2|-bf 3 -b_strategy 0"),
    "libx264 -flags +ildct+ilme": ("h264", "mp4 mkv ts", "-bf 0|-bf 2"),
    "libx264 -intra-refresh 1": ("h264", "mp4 ts raw", "-bf 0|-bf 2"),
    "libx265 -x265-params log-level=none": ("hevc", "mp4 mkv ts raw", "-bf 0|-bf 3"),
    "mpeg2video": ("mpeg2video", "mp4 mkv ts avi mpg raw", "-bf 0|-bf 2"),
    "mpeg1video": ("mpeg1video", "mkv ts avi mpg raw", "-bf 0|-bf 2"),
    "mpeg4": ("m4v", "mp4 mov mkv ts avi raw", "-bf 0|-bf 2"),
    "msmpeg4": (None, "mkv avi asf", ""),
    "msmpeg4v2": (None, "mkv avi asf", ""),
    "wmv1": (None, "mkv avi asf", ""),
    "wmv2": (None, "mkv avi asf", ""),
    "h263p": (None, "mkv avi", ""),
    "flv1": (None, "mkv avi flv", ""),
    "libvpx": (None, "mkv avi", "-auto-alt-ref 0|-auto-alt-ref 1 -lag-in-frames 10"),
    "libvpx-vp9 -row-mt 0": (None, "mp4 mkv", "-lag-in-frames 0|-auto-alt-ref 1 -lag-in-frames 10"),
    "libtheora": (None, "ogg mkv", ""),
    "mjpeg -pix_fmt yuvj420p": (None, "mp4 mkv avi", ""),
    "cinepak": (None, "avi mov", ""),
    "svq1": (None, "mov", ""),
    "ffv1": (None, "mkv avi", ""),
    "huffyuv": (None, "avi mkv", ""),
    "snow -strict -2": (None, "avi", ""),
    "gif -pix_fmt rgb8": (None, "gif", ""),
}
EXTENSIONS = {"mpg": "vob", "ts": "mpegts", "asf": "asf", "mkv": "matroska"}  # format names where they differ

# Muxers refuse a pts before its dts, so that a changed pts needs an earlier dts.
EARLIER = "dts=DTS-9*DURATION"

# name -> options of a second pass that copies packets
TRICKS = {
    "as is": "",
    "pts are dts": "-bsf:v setts=pts=DTS",
    "pts count packets": "-bsf:v setts=pts=N*1024:dts=N*1024",
    "all pts equal": "-bsf:v setts=pts=1000",
    "pts jump back": f"-bsf:v setts=pts=if(eq(mod(N\\,7)\\,5)\\,PTS-4.5*DURATION\\,PTS):{EARLIER}",
    "pairs swapped": f"-bsf:v setts=pts=if(mod(N\\,2)\\,PTS-1.2*DURATION\\,PTS+DURATION):{EARLIER}",
    "jitter": f"-bsf:v setts=pts=PTS+DURATION*2*sin(N*N):{EARLIER}",
    "small jitter": f"-bsf:v setts=pts=PTS+DURATION*0.3*sin(N*N):{EARLIER}",
    "cut inside a GOP": "-ss 1.1",
    "starts late": "-output_ts_offset 7.5",
    "starts early": "-output_ts_offset -2 -avoid_negative_ts disabled",
    "fragments": "-movflags +frag_keyframe+empty_moov",
    "negative cts": "-movflags +negative_cts_offsets",
    "by way of raw": "",
}


@dataclass(frozen=True)
class Clip:
    """One recipe.

    Attributes
    ----------
    codec : str
        Key of `CODECS`: an encoder with options.
    options : str
        Further encoder options.
    container : str
        Extension of the file, or "raw".
    trick : str
        Key of `TRICKS`.
    patch : str
        Key of `PATCHES`.
    gop, frames, seed : int
    """

    codec: str
    container: str
    options: str = ""
    trick: str = "as is"
    patch: str = ""
    gop: int = 12
    frames: int = 36
    seed: int = 0

    @staticmethod
    def from_json(text):
        return Clip(**json.loads(text))

    def to_json(self):
        default = asdict(Clip("", ""))
        return json.dumps({key: value for key, value in asdict(self).items() if value != default.get(key)})

    @property
    def name(self):
        return self.to_json()

    def make(self, folder):
        """Write the file into a folder; return its path, or None if the recipe is refused.

        ffmpeg or the container may refuse it.
        """
        raw, *_ = CODECS[self.codec]
        picture = f"testsrc2=s={SIZE}:r={RATE},noise=alls=6:allf=t:all_seed={self.seed + 1}"
        encode = [
            *("-f", "lavfi", "-i", picture, "-frames:v", str(self.frames), "-threads", "1"),
            *("-c:v", *shlex.split(self.codec), "-g", str(self.gop), *shlex.split(self.options)),
        ]
        extension = raw if self.container == "raw" else self.container
        target = Path(folder, f"clip.{extension}")
        form = ("-f", raw) if self.container == "raw" else ("-f", EXTENSIONS.get(extension, extension))
        steps = [[*encode, *form, str(target)]]
        if self.trick != "as is":
            if self.trick == "by way of raw":
                if raw is None:
                    return None
                first = Path(folder, f"first.{raw}")
                steps = [
                    [*encode, "-f", raw, str(first)],
                    ["-i", str(first), "-c", "copy", *form, str(target)],
                ]
            else:
                first = Path(folder, f"first.{extension}")
                options = TRICKS[self.trick].split()
                before = options if options[0] == "-ss" else []
                steps = [
                    [*encode, *form, str(first)],
                    [
                        *before,
                        "-i",
                        str(first),
                        "-c",
                        "copy",
                        *([] if before else options),
                        *form,
                        str(target),
                    ],
                ]
        for step in steps:
            if recipes.run(*step, check=False, timeout=120).returncode:
                return None
        if self.patch:
            data = PATCHES[self.patch](target.read_bytes())
            if data is None:
                return None
            target.write_bytes(data)
        return target


@dataclass
class Outcome:
    """The reads of one clip, and (way, frame number, what came instead) of each wrong read."""

    reads: int = 0
    wrong: list = field(default_factory=list)


# -- patched flags ---------------------------------------------------------------------------------


def rename_box(name, new):
    """Return a patch that hides a box or chunk by another name; None where there is none."""

    def patch(data):
        return data.replace(name, new) if name in data else None

    return patch


def every_block_is_key(data):
    """Matroska whose SimpleBlocks all carry the key flag."""
    data = bytearray(data)
    found = False
    for start in simple_blocks(data):
        data[start + 3] |= 0x80  # behind the track number, of one byte, and the time, of two
        found = True
    return bytes(data) if found else None


def simple_blocks(data):
    """Yield where the SimpleBlocks of a Matroska file with known sizes begin."""

    def number(place, keep_marker):
        first = data[place]
        length = 9 - first.bit_length()
        value = int.from_bytes(data[place : place + length], "big")
        return (value if keep_marker else value & ((1 << 7 * length) - 1)), place + length

    def walk(place, end):
        while place < end - 2:
            name, place = number(place, True)
            size, place = number(place, False)
            if name in (0x18538067, 0x1F43B675):
                yield from walk(place, min(place + size, end))
            elif name == 0xA3:
                yield place
            place += size

    yield from walk(0, len(data))


def avi_index_all_key(data):
    """AVI whose index says that each chunk is a key frame."""
    place = data.rfind(b"idx1")
    if place < 0:
        return None
    data = bytearray(data)
    size = int.from_bytes(data[place + 4 : place + 8], "little")
    for entry in range(place + 8, min(place + 8 + size, len(data)) - 15, 16):
        data[entry + 4] |= 0x10
    return bytes(data)


PATCHES = {
    "no stss": rename_box(b"stss", b"free"),
    "no ctts": rename_box(b"ctts", b"free"),
    "no idx1": rename_box(b"idx1", b"JUNK"),
    "idx1 all key": avi_index_all_key,
    "blocks all key": every_block_is_key,
}
PATCHES_OF = {
    "mp4": ["no stss", "no ctts"],
    "mov": ["no stss", "no ctts"],
    "avi": ["no idx1", "idx1 all key"],
    "mkv": ["blocks all key"],
}


# -- drawing ---------------------------------------------------------------------------------------


def draw(dice):
    """Return a clip at random."""
    codec = dice.choice(list(CODECS))
    raw, containers, options = CODECS[codec]
    container = dice.choice(containers.split())
    tricks = [
        trick for trick in TRICKS if trick not in ("fragments", "negative cts") or container in ("mp4", "mov")
    ]
    if raw is None:
        tricks.remove("by way of raw")
    return Clip(
        codec,
        container,
        dice.choice(options.split("|")),
        dice.choice(tricks) if dice.random() < 0.7 else "as is",
        dice.choice(PATCHES_OF[container]) if container in PATCHES_OF and dice.random() < 0.3 else "",
        dice.choice([1, 5, 12, 12, 25, 250]),
        dice.choice([3, 20, 36, 36, 75]),
        dice.randrange(1000),
    )


# -- reading ---------------------------------------------------------------------------------------


def read(path, dice, most=40, **options):
    """Read each frame (up to a limit) and random batches, all by fresh decoders.

    An FFmpegError is right where ffmpeg gives no frame, and wrong elsewhere.
    """
    from cycodec import FFmpegError
    from cycodec.decoders import VideoDecoder

    truth = frames_of(path)
    outcome = Outcome()

    def opened():
        return VideoDecoder(path, dimension_order="NHWC", **options)

    def compare(way, decoder, numbers, frames):
        outcome.reads += len(numbers)
        for number, frame in zip(numbers, frames, strict=True):
            digest = oracle.digest(frame)
            if digest != truth[number]:
                same = [n for n, other in enumerate(truth) if other == digest]
                outcome.wrong.append((way, number, f"frame {same[0]}" if same else "no frame of ffmpeg's"))

    if not truth:
        try:
            opened()[0]
            outcome.wrong.append(("first read", 0, "a frame where ffmpeg gives none"))
        except (FFmpegError, IndexError):
            pass
        return outcome
    numbers = range(len(truth))
    try:
        for number in numbers if len(truth) <= most else dice.sample(numbers, most):
            with opened() as decoder:
                compare("first read", decoder, [number], [decoder[number]])
        for _ in range(3):
            chosen = [dice.choice(numbers) for _ in range(6)]
            with opened() as decoder:
                compare("first batch", decoder, chosen, decoder[chosen])
        with opened() as decoder:
            compare("all", decoder, list(numbers), decoder[...][: len(truth)])
            if len(decoder) != len(truth):
                outcome.wrong.append(("length", len(decoder), f"ffmpeg gives {len(truth)}"))
    except (FFmpegError, IndexError) as error:
        outcome.wrong.append(("error", -1, f"{type(error).__name__}: {error}"))
    return outcome


def frames_of(path):
    """Digests of the frames that ffmpeg decodes with one thread."""
    return oracle.ask(path, "v:0").digests


def drawn(seed, count):
    """Return a fixed selection of clips."""
    dice = random.Random(seed)
    return [draw(dice) for _ in range(count)]
