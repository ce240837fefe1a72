"""Frames to encode, and what the ffmpeg and ffprobe commands say about encoded files."""

import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import oracle
import recipes
import torch

FFPROBE = Path(recipes.FFMPEG).with_name(Path(recipes.FFMPEG).name.replace("ffmpeg", "ffprobe"))


def picture(height, width, channels=3, seed=0):
    """Returns a smooth picture of floats in [0, 1] with some detail, [C, H, W]."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, channels, height // 16 + 2, width // 16 + 2, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, size=(height, width), mode="bilinear")[0]
    return (smooth + 0.04 * torch.rand(channels, height, width, generator=generator)).clamp(0, 1)


def moving(count=12, height=96, width=128, channels=3, seed=0):
    """Returns uint8 frames of a picture that moves to the left, [N, C, H, W]; no two are alike."""
    wide = picture(height, width + 3 * count, channels, seed)
    frames = torch.stack([wide[:, :, 3 * n : 3 * n + width] for n in range(count)])
    return (frames * 255).round().to(torch.uint8)


def ffmpeg_rgb(data, height, width, pixel_format="rgb24", dtype=np.uint8):
    """Returns all frames that the ffmpeg command decodes from a path or bytes, [N, H, W, C]."""
    if isinstance(data, bytes):
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            return ffmpeg_rgb(file.name, height, width, pixel_format, dtype)
    command = [recipes.FFMPEG, "-v", "error", "-i", f"file:{data}", *oracle.passthrough()]
    command += ["-pix_fmt", pixel_format, "-f", "rawvideo", "-"]
    done = subprocess.run(command, capture_output=True, check=True)
    channels = 4 if pixel_format == "rgba" else 1 if pixel_format.startswith("gray") else 3
    return np.frombuffer(done.stdout, dtype).reshape(-1, height, width, channels)


def probe(path, *entries):
    """Returns what ffprobe says about the first video stream: the named entries as a dict."""
    command = [FFPROBE, "-v", "error", "-select_streams", "v:0", "-count_packets", "-show_entries"]
    command += [f"stream={','.join(entries)}", "-of", "json", f"file:{path}"]
    done = subprocess.run(command, capture_output=True, check=True)
    return json.loads(done.stdout)["streams"][0]


def ffmpeg_encode(frames, dest, *options, rate=30):
    """Lets the ffmpeg command encode uint8 frames [N, C, H, W] from raw video.

    RGB is converted in the matrix and range of `cycodec`'s tags for small pictures.
    """
    _, channels, height, width = frames.shape
    pixel_format = {1: "gray", 3: "rgb24", 4: "rgba"}[channels]
    raw = frames.permute(0, 2, 3, 1).contiguous().numpy().tobytes()
    command = [recipes.FFMPEG, "-y", "-v", "error", "-f", "rawvideo", "-pix_fmt", pixel_format]
    command += ["-s", f"{width}x{height}", "-framerate", str(rate), "-i", "-", *map(str, options), str(dest)]
    subprocess.run(command, input=raw, capture_output=True, check=True)


def psnr(decoded, frames):
    """Returns the PSNR in dB of decoded frames [N, H, W, C] against frames [N, C, H, W]."""
    wanted = frames.permute(0, 2, 3, 1).numpy().astype(np.float64)
    error = ((decoded.astype(np.float64) - wanted) ** 2).mean()
    return float("inf") if error == 0 else 10 * np.log10(255**2 / error)
