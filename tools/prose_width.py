"""Find lines of prose over 100 columns: comments in Cython, C and CUDA files, and documents.

ruff checks Python files for the same width (W505).
"""

import re
import subprocess
import sys
from pathlib import Path

WIDTH = 100
CYTHON = re.compile(
    r"""(?P<prose>^[ \t]*(?:\"{3}|'{3})[\s\S]*?(?:\"{3}|'{3})|\#[^\n]*)"""
    r"""|\"{3}[\s\S]*?\"{3}|'{3}[\s\S]*?'{3}|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""",
    re.MULTILINE,
)
C = re.compile(r"""(?P<prose>/\*[\s\S]*?\*/|//[^\n]*)|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""")
# The benchmarks write these pages.
GENERATED = Path("docs/benchmarks")
# Code, tables and comments may be wider, and so may a line without a space.
MARKDOWN = re.compile(
    r"^(?P<fence>`{3,}|:{3,}).*?^(?P=fence)[ \t]*$|<!--[\s\S]*?-->|^[ \t]*\|[^\n]*|(?P<prose>^[^\n]*\S[ ]\S[^\n]*$)",
    re.MULTILINE | re.DOTALL,
)
PATTERNS = {".md": MARKDOWN, ".pyx": CYTHON, ".pxd": CYTHON, ".c": C, ".h": C, ".cu": C}


def long_lines(text: str, pattern: re.Pattern[str]) -> list[int]:
    """Return the numbers of the lines that hold prose and are too long."""
    lines = text.split("\n")
    numbers = set()
    for match in pattern.finditer(text):
        if match["prose"]:
            first = text.count("\n", 0, match.start())
            numbers.update(range(first, first + match[0].count("\n") + 1))
    return sorted(number + 1 for number in numbers if len(lines[number]) > WIDTH)


def main() -> int:
    """Print the lines that are too long; return 1 if there are any."""
    listed = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True).stdout
    found = 0
    for path in map(Path, listed.splitlines()):
        if path.is_relative_to(GENERATED) and path.name != "README.md":
            continue
        if path.suffix in PATTERNS and "third_party" not in path.parts and path.exists():
            for number in long_lines(path.read_text(), PATTERNS[path.suffix]):
                print(f"{path}:{number}: this line of prose is longer than {WIDTH} columns")
                found += 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
