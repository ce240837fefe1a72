"""Makes the media of the examples with the ffmpeg command, so that each example runs unchanged.

The files are written to the current folder.
"""

import subprocess

# Options of ffmpeg: MPEG-4 video with a key frame every second, and a tone as its audio.
MPEG4 = ("-c:v", "mpeg4", "-q:v", "3", "-bf", "2", "-g", "25")
TONE = ("-f", "lavfi", "-i", "sine=440:duration=5", "-c:a", "aac", "-shortest")


def ffmpeg(*arguments):
    """Run the ffmpeg command; it prints errors only, and replaces files."""
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *map(str, arguments)], check=True)


def make_clip(path, *options, seconds=5, size="320x240", rate=25):
    """Write a moving test picture with a clock; `options` are ffmpeg's (default: MPEG-4)."""
    picture = f"testsrc2=size={size}:rate={rate}:duration={seconds}"
    ffmpeg("-f", "lavfi", "-i", picture, *(options or MPEG4), path)
    return str(path)


def make_music(path, *options, seconds=5, rate=44100):
    """Write two rising tones in stereo; `options` are ffmpeg's."""
    tones = "0.5*sin(2*PI*t*(220+60*t))*exp(-mod(t\\,1))|0.4*sin(2*PI*t*(330+90*t))"
    ffmpeg("-f", "lavfi", "-i", f"aevalsrc=exprs='{tones}':s={rate}:d={seconds}", *options, path)
    return str(path)
