"""``tools/bench gallery`` measures the times that pages of the gallery show as bars.

Each page runs once, and calls each function that it compares several times. The shortest times are
kept in docs/benchmarks/gallery.json, from which the documentation draws the bars.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from datetime import datetime, timezone
from pathlib import Path

from benchmark import machine
from benchmark.paths import DOCS, ROOT

EXAMPLES = ROOT / "docs" / "examples"
PYTHON = ROOT / ".venv" / "bin" / "python"


def pages() -> list[Path]:
    """The pages that compare times."""
    return [
        path
        for path in sorted(EXAMPLES.glob("*.py"))
        if path.name != "pictures.py" and "show_times(" in path.read_text()
    ]


def measure(page: Path, python: Path | str = PYTHON) -> dict[str, dict[str, float]]:
    """Return the times of one page in milliseconds, by title and name."""
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder, "times")
        environment = {
            **os.environ,
            "CYCODEC_RECORD_TIMES": str(record),
            "MPLBACKEND": "agg",
            "PYTHONPATH": os.pathsep.join([str(EXAMPLES), os.environ.get("PYTHONPATH", "")]),
        }
        environment.pop("CYCODEC_RECORDED_TIMES", None)
        subprocess.run([python, page], cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
        found = {}
        for line in record.read_text().splitlines():
            found.update(json.loads(line))
        return found


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="tools/bench gallery",
        description="Measure the times that the gallery shows, on a quiet machine.",
    )
    parser.add_argument("--dry", action="store_true", help="print the times and write nothing")
    options = parser.parse_args()
    if not options.dry:
        machine.wait_until_quiet()
    facts = machine.facts()
    times: dict[str, dict[str, float]] = {}
    for page in pages():
        print(page.name, file=sys.stderr)
        times.update(measure(page))
    whole = {
        "command": "tools/bench gallery",
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": facts,
        "times": times,
    }
    text = json.dumps(whole, indent=1) + "\n"
    if options.dry:
        print(text, end="")
    else:
        (DOCS / "gallery.json").write_text(text)


if __name__ == "__main__":
    main()
