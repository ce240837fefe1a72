"""Runs libraries in processes of their own that take turns, for the audio and the training
benchmark.

``python -m MODULE --serve LIBRARY ...`` starts a process. It reads the name of a workload from
standard input and answers with seconds, or with the reason for an error.
"""

import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmark import checkouts, environments, machine
from benchmark.figures import BASE
from benchmark.paths import BUILD, DOCS, ROOT


def answer(workloads: Mapping[str, Callable[[], Any]]) -> None:
    """Runs the workloads whose names come from standard input. The answer to one that raises is its
    error.
    """
    for name in map(str.strip, sys.stdin):
        try:
            if name not in workloads:
                raise LookupError("-")
            start = time.perf_counter()
            workloads[name]()
            found: Any = time.perf_counter() - start
        except Exception as error:
            found = str(error) if isinstance(error, LookupError) else f"{type(error).__name__}: {error}"[:200]
        print(json.dumps(found), flush=True)


class Server:
    """A process that serves the workloads of one library.

    Parameters
    ----------
    module : str
        The module that serves.
    library : str
        Name of the library.
    arguments : iterable
        Further arguments of the module.
    environment : str or Path
        Name of the library's environment, or folder of another checkout of cycodec.
    """

    def __init__(self, module: str, library: str, arguments: Iterable[Any], environment: str | Path) -> None:
        self.library = library
        self.checkout = (
            ROOT if environment == BASE else environment if isinstance(environment, Path) else None
        )
        path = os.pathsep.join([str(ROOT / "tools"), *([str(self.checkout)] if self.checkout else [])])
        threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        if isinstance(environment, Path):
            python = checkouts.interpreter(environment)
        else:
            python = environments.interpreter(environment)
        self.command = [python, "-m", module, "--serve", library]
        self.command += map(str, arguments)
        self.environment = {**os.environ, **threads, "PYTHONPATH": path}
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            self.command,
            env=self.environment,
            cwd=self.checkout,  # `python -m` searches this folder first
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def ask(self, name: str) -> float | str:
        """Returns seconds, or an error. After a crash the next request starts the process again."""
        if self.process.poll() is not None:
            self.start()
        assert self.process.stdin
        assert self.process.stdout
        try:
            self.process.stdin.write(f"{name}\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if line:
            return json.loads(line)
        return f"the process ended with status {self.process.wait()}"

    def close(self) -> None:
        """Ends the process."""
        assert self.process.stdin
        with contextlib.suppress(BrokenPipeError):  # it has ended already
            self.process.stdin.close()
        self.process.wait()


def take_turns(servers: list[Server], name: str, rounds: int) -> dict[str, Any]:
    """Measures one workload: each library once a round, in alternating order; the first round does
    not count.

    Returns
    -------
    dict
        For each library ``{"seconds": median, "ratio": median of their time / ours in the same
        round}`` or ``{"error": reason}``.
    """
    taken: dict[str, list[float]] = {server.library: [] for server in servers}
    reasons: dict[str, str] = {}
    for turn in range(rounds + 1):
        for server in servers if turn % 2 else reversed(servers):
            if server.library in reasons:
                continue
            found = server.ask(name)
            if isinstance(found, str):
                reasons[server.library] = found
            elif turn:
                taken[server.library].append(found)
    cells: dict[str, Any] = {library: {"error": reason} for library, reason in reasons.items()}
    for library, seconds in taken.items():
        if library in cells:
            continue
        cells[library] = {"seconds": statistics.median(seconds)}
        if BASE not in cells or "seconds" in cells[BASE]:
            pairs = zip(seconds, taken[BASE], strict=True)
            cells[library]["ratio"] = statistics.median(theirs / ours for theirs, ours in pairs)
    return {server.library: cells[server.library] for server in servers}


def show(
    title: str, unit: str, rows: Mapping[str, dict[str, Any]], value: Callable[[str, float], str]
) -> None:
    """Prints the table; `value` formats cycodec's own figure."""
    from rich.console import Console  # only the runner's environment has rich
    from rich.markup import escape
    from rich.table import Table

    libraries = list(dict.fromkeys(library for cells in rows.values() for library in cells))
    table = Table(title=f"{title}: their time / cycodec's time", title_justify="left")
    for heading in ("", f"cycodec, {unit}", *(library for library in libraries if library != BASE)):
        table.add_column(heading, justify="left" if not heading else "right")
    for name, cells in rows.items():
        table.add_row(escape(name), *row_text(name, cells, libraries, value))
    Console(width=150).print(table)


def row_text(
    name: str, cells: dict[str, Any], libraries: list[str], value: Callable[[str, float], str]
) -> list[str]:
    """Returns cycodec's figure and the others' ratios as text."""
    ours = cells[BASE]
    texts = [value(name, ours["seconds"]) if "seconds" in ours else ours["error"]]
    for library in libraries:
        if library != BASE:
            cell = cells.get(library, {})
            texts.append(f"{cell['ratio']:.2f}" if "ratio" in cell else "-")
    return texts


def table_lines(
    unit: str, rows: Mapping[str, dict[str, Any]], value: Callable[[str, float], str]
) -> list[str]:
    """Returns the table of a page, and one line for each error. A library that did nothing at all
    has no column and one line.
    """
    libraries = list(dict.fromkeys(library for cells in rows.values() for library in cells))
    idle = [
        library
        for library in libraries
        if library != BASE and not any("ratio" in cells.get(library, {}) for cells in rows.values())
    ]
    shown = [library for library in libraries if library not in idle]
    others = [library for library in shown if library != BASE]
    lines = [
        f"| | cycodec, {unit} | {' | '.join(others)} |",
        f"|---|---:|{'---:|' * len(others)}",
        *(f"| {name} | {' | '.join(row_text(name, cells, shown, value))} |" for name, cells in rows.items()),
    ]
    errors = set()
    for name, cells in rows.items():
        for library, cell in cells.items():
            if cell.get("error", "-") != "-":
                place = "everything" if library in idle else name
                errors.add(f"- {library}, {place}: {cell['error']}")
    return lines + (["", *sorted(errors)] if errors else [])


def keep(
    stem: str,
    title: str,
    unit: str,
    rows: Mapping[str, dict[str, Any]],
    value: Callable[[str, float], str],
    notes: Iterable[str] = (),
    has_chart: bool = False,
    **more: Any,
) -> None:
    """Writes docs/benchmarks/STEM.json and STEM.md, with the machine and the command that repeats
    the run, and a chart STEM.png if asked for. The lines `notes` end the page.
    """
    facts = machine.facts()
    command = f"tools/bench {stem}"
    text = json.dumps({"command": command, "machine": facts, "rows": rows, **more}, indent=1)
    write(f"{stem}.json", text)
    lines = [
        f"# {title}",
        "",
        f"By `{command}` on {facts['cpu']}, {facts['cores']} CPUs, {facts['system']}, Python {facts['python']}, commit "
        f"{facts['commit']}. Libraries take turns in processes of their own; a figure is the median, over the rounds, of "
        "their time divided by cycodec's in the same round, so 2.0 means that cycodec takes half the time.",
        "",
        *table_lines(unit, rows, value),
    ]
    if has_chart:
        from benchmark import chart  # only the runner's environment has matplotlib

        chart.draw_rows(title, dict(rows), DOCS / f"{stem}.png")
        lines += ["", f"![Times of other libraries divided by cycodec's]({stem}.png)"]
    lines += ["", *notes] if notes else []
    write(f"{stem}.md", "\n".join(lines))


def write(name: str, text: str) -> None:
    """Writes a text into docs/benchmarks, without the names of this machine's folders."""
    (DOCS / name).write_text(text.replace(f"{ROOT}/", "") + "\n")


def servers_of(module: str, libraries: Mapping[str, str | Path], arguments: Iterable[Any]) -> list[Server]:
    """Returns a server for each library (library -> environment); prints those that cannot be
    installed.
    """
    found = []
    arguments = list(arguments)
    for library, environment in libraries.items():
        try:
            found.append(Server(module, library, arguments, environment))
        except environments.InstallError as error:
            print(f"{library} is left out: {error}", file=sys.stderr)
    return found


def folder_of(stem: str) -> Path:
    """Returns the folder of a benchmark's files."""
    path = BUILD / stem
    path.mkdir(parents=True, exist_ok=True)
    return path
