"""The tables of the documentation whose rows run, and the media that they name."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# behind tests/support, because pages may have the names of its modules
sys.path.append(str(ROOT / "docs" / "examples"))

from clip import make_clip  # noqa: E402


def make_media(folder):
    """Write the files that the rows name: video.mp4 with sound, silent.mp4, and audio.wav."""
    tone = ("-f", "lavfi", "-i", "sine=440:duration=5", "-c:a", "aac", "-shortest")
    make_clip(folder / "video.mp4", *tone, "-c:v", "mpeg4", "-g", "25", "-bf", "2")
    make_clip(folder / "silent.mp4")
    command = ["ffmpeg", "-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", "sine=440:duration=2"]
    subprocess.run([*command, "-ac", "2", str(folder / "audio.wav")], check=True)


def rows(page, mark):
    """Return the cells of all tables of a page between the comments MARK and /MARK."""
    text = (ROOT / page).read_text()
    part = re.search(rf"<!-- {mark} -->(.*?)<!-- /{mark} -->", text, re.DOTALL)
    assert part is not None, f"{page} has no comment {mark}"
    lines = [line.strip() for line in part[1].splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line[1:-1])] for line in lines]
    titles = {index for index, row in enumerate(cells) if re.fullmatch(r"[-: ]*", "".join(row))}
    return [row for index, row in enumerate(cells) if index not in titles and index + 1 not in titles]


def code(cell):
    """Return the code of a cell: what its backticks hold."""
    found = re.search(r"`([^`]*)`", cell)
    assert found is not None, f"no code in {cell!r}"
    return found[1].replace("\\|", "|")
