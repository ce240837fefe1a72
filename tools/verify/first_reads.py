"""See tools/verify/first_reads."""

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "support")]

import first_reads  # noqa: E402
from first_reads import Clip  # noqa: E402


def examine(clip, dice):
    """Make a clip and read it; the outcome, or None where the recipe cannot be made."""
    with tempfile.TemporaryDirectory() as folder:
        path = clip.make(folder)
        return None if path is None else first_reads.read(path, dice)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0, help="stop after this time (default: 1)")
    parser.add_argument("--seed", type=int, default=0, help="where the random numbers begin (default: 0)")
    parser.add_argument("--recipe", help="read one clip, as a line of the output gives it")
    options = parser.parse_args()
    dice = random.Random(options.seed)
    end = time.monotonic() + 60 * options.minutes
    tried = reads = faults = 0
    while time.monotonic() < end:
        clip = Clip.from_json(options.recipe) if options.recipe else first_reads.draw(dice)
        outcome = examine(clip, dice)
        if outcome is not None:
            tried += 1
            reads += outcome.reads
            if outcome.wrong:
                faults += 1
                print(f"tools/verify/first_reads --recipe '{clip.to_json()}'")
                for way, number, what in outcome.wrong[:3]:
                    print(f"    {way} of frame {number} gives {what}")
                print(f"    {len(outcome.wrong)} of {outcome.reads} reads are wrong", flush=True)
        if options.recipe:
            break
    print(f"{tried} recipes, {reads} reads, {faults} recipes with faults (seed {options.seed})")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
