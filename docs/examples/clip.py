"""Makes the media of the examples with the ffmpeg command, so that each example runs unchanged."""

import subprocess


def make_clip(path, *options, seconds=5, size="320x240", rate=25):
    """Write a moving test picture with a clock; `options` are ffmpeg's (default: MPEG-4)."""
    picture = f"testsrc2=size={size}:rate={rate}:duration={seconds}"
    options = options or ("-c:v", "mpeg4", "-q:v", "3", "-bf", "2", "-g", "25")
    command = ["ffmpeg", "-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", picture, *options, str(path)]
    subprocess.run(command, check=True)
    return str(path)
