"""Feed mutated media to cycodec and report faults.

Faults are crashes, hangs, memory growth, untyped errors and order-dependence.

A child process (fuzz_child.py) runs a batch of inputs, each named by a file and a seed, under
limits of address space and of computing time. Where the child ends by a signal or does not answer,
the parent knows the input by its last line.
"""

import argparse
import contextlib
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SUPPORT = ROOT / "tests" / "support"
sys.path[:0] = [str(SUPPORT), str(HERE)]

from fuzz_corpus import corpus  # noqa: E402

WAIT = 30  # times the computing time of an input: a child that waits for so long is stuck
BATCH = 400  # inputs of a child
SHORT_BATCH = 10  # times as many, where an input takes little
INDEX_BATCH = 100
AHEAD = 64  # inputs that a child is sent before it answers the first one
SANITIZER = re.compile(r"(\S+: runtime error: .*|.*ERROR: AddressSanitizer: \S+|.*Assertion .* failed.*)")
SAVE_INDEX = (
    "import sys; from cycodec.decoders import VideoDecoder; VideoDecoder(sys.argv[1]).index.save(sys.argv[2])"
)


class Watchdog:
    """Kills a child that answers no input in time."""

    def __init__(self, process, seconds):
        self.process = process
        self.seconds = seconds
        self.has_killed = False
        self.begin()
        threading.Thread(target=self.watch, daemon=True).start()

    def begin(self):
        """Give the child the whole time from now on."""
        self.end = time.monotonic() + self.seconds

    def watch(self):
        while self.process.poll() is None:
            if time.monotonic() > self.end:
                self.has_killed = True
                self.process.kill()
            time.sleep(0.5)


class Children:
    """Runs children, and passes what is wrong to a function ``report(path, seed, what)``."""

    def __init__(self, options, report):
        self.command = [options.python]
        self.report = report
        self.seconds = options.seconds
        paths = [options.checkout, SUPPORT, *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
        self.environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, filter(None, paths))),
            "CYCODEC_FUZZ_ORDER": "0" if options.no_order else "1",
            "CYCODEC_FUZZ_ONE_USE": "1" if options.one_use else "0",
            "CYCODEC_FUZZ_SECONDS": str(options.seconds),
        }

    def run(self, inputs, end=float("inf")):
        """Use inputs, with a new child for each one that died; return how many were used."""
        waiting = list(inputs)[::-1]
        done = 0
        while waiting and time.monotonic() < end:
            done += self.run_one_child(waiting, end)
        return done

    def run_one_child(self, waiting, end):
        done = ahead = 0
        with tempfile.TemporaryFile("w+") as errors:
            process = subprocess.Popen(
                [*self.command, str(HERE / "fuzz_child.py")],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, env=self.environment,
            )  # fmt: skip
            watchdog = Watchdog(process, WAIT * self.seconds)
            while waiting and time.monotonic() < end:
                ahead = self.feed(process, waiting, ahead)
                path, seed = waiting.pop()
                ahead -= 1
                watchdog.begin()
                begun = process.stdout.readline()
                answer = process.stdout.readline() if begun else ""
                done += bool(begun)
                if not answer:
                    code = process.wait()
                    if not begun:
                        raise SystemExit(f"the child does not start:\n{text_of(errors)[-2000:]}")
                    self.report(path, seed, self.cause(code, watchdog.has_killed, text_of(errors)))
                    return done
                if answer.startswith("wrong"):
                    self.report(path, seed, answer[6:].strip())
                if errors.seek(0, os.SEEK_END) and (found := SANITIZER.search(text_of(errors))):
                    self.report(path, seed, found.group(1))
                    errors.truncate(0)
            watchdog.begin()
            process.stdin.close()
            process.wait()
        return done

    def feed(self, process, waiting, ahead):
        """Keep AHEAD inputs sent, the last ones of `waiting`; return how many are sent then."""
        following = waiting[max(len(waiting) - AHEAD, 0) : len(waiting) - ahead]
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write("".join(f"{path} {seed}\n" for path, seed in reversed(following)))
            process.stdin.flush()
        return ahead + len(following)

    def cause(self, code, is_stuck, errors):
        if found := SANITIZER.search(errors):
            return found.group(1)
        if is_stuck:
            return f"hang: no answer after {WAIT * self.seconds:g} s"
        if code == -signal.SIGPROF:
            return f"hang: {self.seconds:g} s of computing"
        return signal.Signals(-code).name if code < 0 else f"exit {code}: {errors.strip()[-200:]}"


def text_of(file):
    file.seek(0)
    text = file.read()
    file.seek(0, os.SEEK_END)
    return text


def kind_of(what):
    """Equal for findings that seem to have one cause: the words without numbers, and the place."""
    place = what.rpartition("(")[2] if what.endswith(")") else ""
    return re.sub(r"[0-9]+", "", what.split(":")[0][:60]), place


def read_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=1.0, help="stop after this time (default: 1)")
    parser.add_argument("--seed", type=int, default=0, help="where the random numbers begin (default: 0)")
    parser.add_argument("--only", default="", help="use files whose name holds this text")
    parser.add_argument(
        "--no-order", action="store_true", help="do not compare frames of two orders of access"
    )
    parser.add_argument(
        "--one-use", action="store_true", help="use each input in one way, so that more inputs are tried"
    )
    parser.add_argument(
        "--seconds", type=float, default=20.0, help="computing time of an input (default: 20)"
    )
    parser.add_argument("--reproduce", nargs=2, metavar=("FILE", "SEED"), help="use one input, and report")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "fuzz", help="where the corpus is")
    parser.add_argument("--python", default=sys.executable, help="the Python of the children")
    parser.add_argument("--checkout", type=Path, default=ROOT, help="the checkout that the children import")
    return parser.parse_args()


def make_corpus(options, environment):
    """Return the files to mutate, or None if ffmpeg failed. It prints which could not be made."""

    def save_index(path, index_path):
        subprocess.run(
            [options.python, "-c", SAVE_INDEX, str(path), str(index_path)], check=True, env=environment
        )

    def make_images(folder):
        subprocess.run([options.python, SUPPORT / "image_seeds.py", folder], check=True, env=environment)

    # a sanitizer's library must not be loaded into ffmpeg
    plain = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    files, failures, absent = corpus(options.folder / "corpus", plain, save_index, make_images)
    if absent:
        print(f"left out, because this ffmpeg lacks the encoder: {', '.join(absent)}", flush=True)
    for name, problem in failures.items():
        print(f"{name} cannot be made: {problem}", flush=True)
    return None if failures else [path for path in files if options.only in path.name]


def main():
    options = read_options()
    findings = {}
    flags = "--no-order " * options.no_order + "--one-use " * options.one_use

    def report(path, seed, what):
        same = findings.setdefault(kind_of(what), [])
        same.append(what)
        if len(same) <= 3:
            print(f"tools/fuzz {flags}--reproduce {path} {seed}\n    {what[:300]}", flush=True)

    children = Children(options, report)
    if options.reproduce:
        children.run([tuple(options.reproduce)])
        print("nothing is wrong" if not findings else "")
        return 1 if findings else 0
    files = make_corpus(options, children.environment)
    if not files:
        return 1
    dice = random.Random(options.seed)
    end = time.monotonic() + 60 * options.minutes
    total = 0
    batch = BATCH * (SHORT_BATCH if options.one_use else 1)
    if all(path.suffix == ".idx" for path in files):
        batch = BATCH * INDEX_BATCH
    with contextlib.suppress(KeyboardInterrupt):
        while time.monotonic() < end:
            total += children.run([(dice.choice(files), dice.randrange(1 << 40)) for _ in range(batch)], end)
            print(f"{total} executions so far", file=sys.stderr)
    count = sum(map(len, findings.values()))
    print(f"{total} executions, {count} findings of {len(findings)} kinds (seed {options.seed})")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
