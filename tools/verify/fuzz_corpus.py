"""The corpus of tools/fuzz: tiny files, which are read quickly, one for each kind of container."""

import shlex
import subprocess

PICTURE = "-f lavfi -i testsrc2=s=48x32:r=10:d=1.2"
LARGER = "-f lavfi -i testsrc2=s=64x64:r=10:d=1.2"
TONE = "-f lavfi -i sine=f=440:r=16000:d=0.6"
H264 = "-c:v libx264 -g 5 -bf 2"
# Without reordering of lookahead threads; x265 of FFmpeg 5.1 crashes on pictures of 48x32.
HEVC = "-c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=5:bframes=2:pools=none"

# name -> arguments of ffmpeg
CORPUS = {
    "h264.mp4": f"{PICTURE} {TONE} {H264} -c:a aac -shortest",
    "h264_frag.mp4": f"{PICTURE} {H264} -movflags +frag_keyframe+empty_moov",
    "h264_sidx.mp4": f"{PICTURE} {TONE} {H264} -c:a aac -movflags +dash+frag_every_frame",
    "h264_edits.mp4": "-ss 0.35 -i {h264.mp4} -c copy",
    "h264_faststart.mp4": f"{PICTURE} {H264} -movflags +faststart",
    "hevc.mp4": f"{LARGER} {HEVC}",
    "mpeg4.mov": f"{PICTURE} -c:v mpeg4 -g 5 -bf 2",
    "prores.mov": f"{PICTURE} -c:v prores_ks -frames:v 3",
    "png.mov": f"{PICTURE} -c:v png -frames:v 4",
    "qtrle.mov": f"{PICTURE} -c:v qtrle -frames:v 4",
    "av1.mp4": f"{PICTURE} -c:v libaom-av1 -cpu-used 8 -g 5",
    "h264.mkv": f"{PICTURE} {TONE} {H264} -c:a flac -shortest",
    "h264_live.mkv": f"{PICTURE} {H264} -f matroska -live 1",
    "ffv1.mkv": f"{PICTURE} -c:v ffv1 -frames:v 4",
    "vp9.webm": f"{PICTURE} -c:v libvpx-vp9 -g 5",
    "vp8.webm": f"{PICTURE} {TONE} -c:v libvpx -g 5 -c:a libopus",
    "mpeg4.avi": f"{PICTURE} -c:v mpeg4 -g 5 -bf 2",
    "msmpeg4.avi": f"{PICTURE} -c:v msmpeg4 -g 5",
    "mjpeg.avi": f"{PICTURE} -c:v mjpeg -pix_fmt yuvj420p",
    "cinepak.avi": f"{PICTURE} {TONE} -c:v cinepak -frames:v 4 -c:a pcm_s16le",
    "raw.avi": f"{PICTURE} -c:v rawvideo -pix_fmt bgr24 -frames:v 4",
    "h264.ts": f"{PICTURE} {TONE} {H264} -c:a mp2",
    "mpeg2.ts": f"{PICTURE} -c:v mpeg2video -g 5 -bf 2",
    "hevc.ts": f"{LARGER} {HEVC}",
    "mpeg2.mpg": f"{PICTURE} -c:v mpeg2video -g 5 -bf 2",
    "mpeg1.mpg": f"{PICTURE} {TONE} -c:v mpeg1video -r 25 -g 5 -bf 2 -c:a mp2",
    "h264.flv": f"{PICTURE} {H264}",
    "flv1.flv": f"{PICTURE} {TONE} -c:v flv -g 5 -c:a libmp3lame -ar 22050",
    "wmv2.wmv": f"{PICTURE} {TONE} -c:v wmv2 -g 5 -c:a wmav2",
    "raw.h264": f"{PICTURE} {H264} -f h264",
    "raw.hevc": f"{LARGER} {HEVC} -f hevc",
    "raw.mpeg2video": f"{PICTURE} -c:v mpeg2video -g 5 -f mpeg2video",
    "raw.m4v": f"{PICTURE} -c:v mpeg4 -g 5 -bf 2 -f m4v",
    "tiny.gif": f"{PICTURE} -frames:v 5",
    "tiny.apng": f"{PICTURE} -frames:v 5 -f apng",
    "theora.ogg": f"{PICTURE} -c:v libtheora -g 5",
    "pcm.wav": TONE,
    "float.wav": f"{TONE} -c:a pcm_f32le",
    "deep.wav": f"{TONE} -c:a pcm_s24le -ac 6 -rf64 always",
    "adpcm.wav": f"{TONE} -c:a adpcm_ima_wav",
    "tone.flac": TONE,
    "tone.mp3": f"{TONE} -c:a libmp3lame",
    "tone.ogg": f"{TONE} -c:a libvorbis",
    "tone.opus": f"{TONE} -c:a libopus",
    "tone.m4a": f"{TONE} -c:a aac",
    "alac.m4a": f"{TONE} -c:a alac",
    "tone.aac": f"{TONE} -c:a aac -f adts",
    "tone.ac3": f"{TONE} -c:a ac3",
    "tone.wv": f"{TONE} -c:a wavpack",
    "tone.wma": f"{TONE} -c:a wmav2",
    "opus.mka": f"{TONE} -c:a libopus",
}
IMAGES = "image*"  # files of tests/support/image_seeds.py
# Files whose index is mutated, too.
INDEXED = ("h264.mp4", "h264.ts", "mpeg4.avi")


def encoders():
    """Return the names of the encoders that the ffmpeg command has."""
    done = subprocess.run(["ffmpeg", "-v", "error", "-encoders"], capture_output=True, text=True)
    return {line.split()[1] for line in done.stdout.splitlines() if len(line.split()) > 2}


def make(folder, name, environment):
    """Make one file; return what went wrong, or None."""
    path, draft = folder / name, folder / f"draft_{name}"
    arguments = CORPUS[name]
    for other in CORPUS:
        arguments = arguments.replace(f"{{{other}}}", str(folder / other))
    command = ["ffmpeg", "-v", "error", "-y", *shlex.split(arguments), "-flags", "+bitexact", str(draft)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode == 0:
        draft.rename(path)
        return None
    draft.unlink(missing_ok=True)
    return f"ffmpeg ended with {done.returncode}: {done.stderr.strip()[-200:]} ({shlex.join(command)})"


def corpus(folder, environment, save_index, make_images):
    """Make what is missing of the corpus.

    Parameters
    ----------
    folder : Path
    environment : dict
        The environment of the ffmpeg command.
    save_index : callable
        ``save_index(path, index_path)`` writes the index of a video.
    make_images : callable
        ``make_images(folder)`` writes the image files, named IMAGES.

    Returns
    -------
    tuple of (list of Path, dict of str to str, list of str)
        The files; why a file could not be made; the files whose encoder ffmpeg does not have.
    """
    folder.mkdir(parents=True, exist_ok=True)
    failures, absent = {}, []
    known = None
    for name, arguments in CORPUS.items():
        if (folder / name).exists():
            continue
        known = encoders() if known is None else known
        words = shlex.split(arguments)
        wanted = [words[i + 1] for i, word in enumerate(words) if word in ("-c:v", "-c:a")]
        if not all(encoder in known or encoder == "copy" for encoder in wanted):
            absent.append(name)
        elif problem := make(folder, name, environment):
            failures[name] = problem
    for name in INDEXED:
        path = folder / name
        if path.exists() and not (folder / f"{name}.idx").exists():
            save_index(path, folder / f"{name}.idx")
    if not any(folder.glob(IMAGES)):
        make_images(folder)
    files = sorted(
        {p for p in folder.iterdir() if p.name in CORPUS or p.suffix == ".idx"} | {*folder.glob(IMAGES)}
    )
    return files, failures, absent
