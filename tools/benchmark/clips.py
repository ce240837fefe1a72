"""The clips: generated ones, and real ones where the folder of shared media exists."""

import json
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmark.paths import BUILD, MEDIA, shared_media

X264 = "-c:v libx264 -preset fast -bf 3 -pix_fmt yuv420p"
NOISE = "noise=alls=6:allf=t"


def _source(size: str, rate: int, seconds: int, seed: int = 0) -> str:
    # The hue turns, so that neighbouring frames differ and a wrong frame does not look right.
    picture = f"testsrc2=s={size}:r={rate}:d={seconds},hue=h=20*t+{37 * seed},{NOISE}:all_seed={seed + 1}"
    return f"-f lavfi -i {picture}"


# Real footage in the folder of shared media.
SHARED = ("h264_bench_*", "h264_bframes_1080p60_*")
# name -> ffmpeg arguments, in the order in which ffmpeg runs. "{media}" is the folder of generated
# clips, "{shared}" that of shared ones.
RECIPES: dict[str, str] = {
    # Real footage of a common size and bit rate. The clips below have noise, and several times as
    # many bits.
    "real_h264_720p_30s.mp4": "-i {shared}/h264_bench_bbb_480p24_30s_bframes.mp4 -an -vf scale=1280:720 "
    "-c:v libx264 -preset fast -pix_fmt yuv420p",
    "gen_h264_720p_20s.mp4": f"{_source('1280x720', 30, 20)} {X264} -g 120",
    "gen_h264_1080p_5s.mp4": f"{_source('1920x1080', 30, 5)} {X264} -g 60",
    # The 20 s clip six times: a long, large file that needs no long encoding.
    "gen_h264_720p_120s.mp4": "-stream_loop 5 -i {media}/gen_h264_720p_20s.mp4 -c copy",
    "gen_hevc_360p_10s.mp4": f"{_source('640x360', 30, 10)} -c:v libx265 -preset fast -g 60 -pix_fmt yuv420p "
    "-x265-params log-level=error -tag:v hvc1",
    # What phones store.
    "gen_hevc10_360p_10s.mp4": f"{_source('640x360', 30, 10)} -c:v libx265 -preset fast -g 60 -pix_fmt yuv420p10le "
    "-x265-params log-level=error -tag:v hvc1",
    "gen_vp9_360p_10s.webm": f"{_source('640x360', 30, 10)} -c:v libvpx-vp9 -deadline good -cpu-used 5 "
    "-row-mt 1 -b:v 1500k -g 60 -auto-alt-ref 1 -lag-in-frames 16 -pix_fmt yuv420p",
    "gen_mpeg4_360p_10s.avi": f"{_source('640x360', 30, 10)} -c:v mpeg4 -q:v 4 -g 60 -bf 2",
    # 300 MB, to be opened; see workloads.LARGE_BYTES
    "gen_h264_720p60_300mb_mp4.mp4": "-f lavfi -i testsrc2=s=1280x720:r=60:d=120,noise=alls=20:allf=t -c:v libx264 "
    "-preset ultrafast -bf 3 -b:v 20M -g 600 -pix_fmt yuv420p",
    "gen_h264_720p60_300mb_mkv.mkv": "-i {media}/gen_h264_720p60_300mb_mp4.mp4 -c copy",
    # Frames so small that a call takes longer than its frame.
    "gen_h264_64x48_10s.mp4": f"{_source('64x48', 30, 10)} {X264} -g 60",
    "gen_mpeg2_360p_10s.ts": f"{_source('640x360', 30, 10)} -c:v mpeg2video -q:v 4 -g 30 -bf 2",
    # What camcorders write: the sequence allows fields (frame_mbs_only_flag is 0).
    "gen_h264_480i_21frames.mp4": f"{_source('720x480', 30, 1)} {X264} -flags +ildct+ilme -frames:v 21",
    # Containers without an index of frames, or without timestamps of presentation.
    "gen_h264_360p_10s_avi.avi": f"{_source('640x360', 30, 10)} {X264} -g 60",
    "gen_h264_360p_10s_ts.ts": f"{_source('640x360', 30, 10)} {X264} -g 60",
    "gen_mpeg2_360p_10s_ps.mpg": f"{_source('640x360', 30, 10)} -c:v mpeg2video -q:v 4 -g 30 -bf 2 -f vob",
    "gen_h264_360p_10s_flv.flv": f"{_source('640x360', 30, 10)} {X264} -g 60",
}
TINY_PIXELS = 64 * 64
SHORT_CLIPS = 50
SHORT_NAME = "gen_h264_240p_3s_x50"


@dataclass(frozen=True)
class Clip:
    """One clip, or a set of equal short ones: `paths` has one entry or many; the other fields
    describe the first.

    `frames` is the number that ffprobe decodes, the oracle for every library's count.
    """

    name: str
    paths: list[str]
    codec: str
    width: int
    height: int
    frames: int
    key_frames: int
    b_frames: int
    fps: float
    seconds: float
    bytes: int

    @property
    def is_set(self) -> bool:
        return len(self.paths) > 1

    @property
    def is_tiny(self) -> bool:
        return self.width * self.height <= TINY_PIXELS

    @property
    def rgb_bytes(self) -> int:
        return self.frames * self.width * self.height * 3


def gather(names: list[str] | None = None) -> list[Clip]:
    """Makes or finds the clips; `names` keeps those whose name contains one of these words."""

    def wanted(name: str) -> bool:
        return not names or any(word in name for word in names)

    is_shared = shared_media().is_dir()
    shared = sorted(path for pattern in SHARED for path in shared_media().glob(pattern)) if is_shared else []
    recipes = [name for name, arguments in RECIPES.items() if is_shared or "{shared}" not in arguments]
    clips = [probe(path) for path in shared if wanted(path.stem)]
    clips += [probe(generate(name)) for name in recipes if wanted(Path(name).stem)]
    if wanted(SHORT_NAME):
        clips.append(_short_clips())
    return clips


def generate(name: str) -> Path:
    """Returns the path of a generated clip, which is encoded now if it does not exist."""
    return encode(MEDIA / name, RECIPES[name].format(media=MEDIA, shared=shared_media()))


def encode(path: Path, arguments: str) -> Path:
    """Makes `path` with the ffmpeg command, unless it exists."""
    if path.is_file():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    # A temporary name makes sure that an interrupted run leaves no half clip.
    partial = path.with_name(f"partial_{path.name}")
    command = ["ffmpeg", "-v", "error", "-y", *arguments.split(), "-flags", "+bitexact", str(partial)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"could not make {path.name}: `{' '.join(command)}` said:\n{done.stderr.strip()}")
    partial.rename(path)
    return path


def _short_clips() -> Clip:
    paths = []
    for seed in range(SHORT_CLIPS):
        arguments = f"{_source('320x240', 30, 3, seed)} -c:v libx264 -preset veryfast -pix_fmt yuv420p"
        paths.append(encode(MEDIA / SHORT_NAME / f"{seed:02}.mp4", arguments))
    first = asdict(probe(paths[0]))
    first.update(name=SHORT_NAME, paths=[str(path) for path in paths])
    first["bytes"] = sum(path.stat().st_size for path in paths)
    return Clip(**first)


def probe(path: Path) -> Clip:
    """Describes a clip by ffprobe, which decodes every frame, and stores it beside the clips."""
    cache_file = BUILD / "clips.json"
    cache = json.loads(cache_file.read_text()) if cache_file.is_file() else {}
    status = path.stat()
    key = f"{path.resolve()}:{status.st_size}:{status.st_mtime_ns}"
    if key not in cache:
        cache[key] = _ffprobe(path)
        cache_file.parent.mkdir(parents=True, exist_ok=True)
        cache_file.write_text(json.dumps(cache, indent=1))
    return Clip(name=path.stem, paths=[str(path)], bytes=status.st_size, **cache[key])


def _ffprobe(path: Path) -> dict[str, str | int | float]:
    entries = "stream=codec_name,width,height,avg_frame_rate,has_b_frames:frame=key_frame:format=duration"
    command = [
        "ffprobe",
        "-v",
        "error",
        "-select_streams",
        "v:0",
        "-show_entries",
        entries,
        "-of",
        "json",
        str(path),
    ]
    answer = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    stream, frames = answer["streams"][0], answer["frames"]
    numerator, denominator = map(int, stream["avg_frame_rate"].split("/"))
    return {
        "codec": stream["codec_name"],
        "width": stream["width"],
        "height": stream["height"],
        "frames": len(frames),
        "key_frames": sum(frame["key_frame"] for frame in frames),
        "b_frames": stream["has_b_frames"],
        "fps": round(numerator / denominator, 3) if denominator else 0.0,
        "seconds": float(answer["format"].get("duration", 0.0)),
    }
