"""``tools/bench settings`` shows how good cycodec's own choice of threads is.

It measures one decoder on an idle machine with each setting that a user can choose. A figure is the
setting's time divided by that of the default, so 0.9 means that the setting takes a tenth less
time.
"""

import argparse
from functools import partial
from typing import Any

from benchmark import clips, turns
from benchmark.peers import PEERS
from benchmark.worker import open_reader
from benchmark.workloads import WORKLOADS, case_for

# The first one, the default, has the library's name, because all other times are divided by its
# time.
SETTINGS: dict[str, dict[str, Any]] = {
    turns.BASE: {},
    "num_threads=1": {"num_threads": 1},
    "num_threads=2": {"num_threads": 2},
    "num_ffmpeg_threads=2": {"num_ffmpeg_threads": 2},
    "num_ffmpeg_threads=0": {"num_ffmpeg_threads": 0},
}
CHOSEN = ("first100", "loop", "uniform10", "random10", "middle", "resize")


def do(peer: Any, case: Any) -> None:
    """Runs one workload, opening included."""
    reader = open_reader(peer, case)
    result = WORKLOADS[case.workload].run(peer, reader, case)
    if hasattr(result, "__next__"):
        for _ in result:
            pass
    peer.close(reader)


def serve(setting: str, words: list[str]) -> None:
    """Answers workloads by the names "CLIP: TITLE"."""
    import torch

    torch.set_num_threads(1)
    peer = PEERS[turns.BASE](1)
    peer.options = SETTINGS[setting]
    turns.answer({name: partial(do, peer, case) for name, case in cases(words).items()})


def cases(words: list[str]) -> dict[str, Any]:
    found = {}
    for clip in clips.gather(words or None):
        for name in CHOSEN:
            case = case_for(name, clip)
            if case is not None:
                found[f"{clip.name}: {WORKLOADS[name].title}"] = case
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="tools/bench settings",
        description="Compare cycodec's own choice of threads with the possible settings.",
    )
    parser.add_argument(
        "--clips", nargs="+", default=[], metavar="WORD", help="clips whose name contains a word"
    )
    parser.add_argument(
        "--rounds", type=int, default=5, help="rounds after one that does not count (default %(default)s)"
    )
    parser.add_argument("--dry", action="store_true", help="print the table and write nothing")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("words", nargs="*", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.words)
        return
    names = cases(options.clips)
    servers = turns.servers_of("benchmark.settings", dict.fromkeys(SETTINGS, turns.BASE), options.clips)
    rows = {name: turns.take_turns(servers, name, options.rounds) for name in names}
    for server in servers:
        server.close()
    title = "Threads: the default beside what can be set"
    turns.show(title, "ms", rows, milliseconds)
    if not options.dry:
        turns.keep("settings", title, "ms", rows, milliseconds)


def milliseconds(_: str, seconds: float) -> str:
    return f"{1e3 * seconds:.1f}"


if __name__ == "__main__":
    main()
