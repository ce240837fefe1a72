"""Writes the log of a run, which docs/clients/log.md keeps, if CYCODEC_CLIENTS_LOG names a file."""

import os
import platform
from importlib import metadata
from pathlib import Path

PACKAGES = (
    "torchcodec",
    "torch",
    "datasets",
    "torchaudio",
    "transformers",
    "qwen-vl-utils",
    "litdata",
    "lerobot",
    "pyannote.audio",
)


def version(package):
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def pytest_terminal_summary(terminalreporter):
    path = os.environ.get("CYCODEC_CLIENTS_LOG")
    if not path:
        return
    lines = [
        "# Clients of TorchCodec with cycodec in its place",
        "",
        "`tools/clients --log` wrote this page. Each case calls a client's public functions once with",
        "cycodec in place of TorchCodec and once with TorchCodec, and compares the results",
        "(`tests/clients/cases.py`).",
        "",
        f"Python {platform.python_version()} and these packages:",
        "",
        "| package | version |",
        "|---|---|",
        *(f"| {package} | {version(package)} |" for package in PACKAGES),
        "",
        "| case | result |",
        "|---|---|",
    ]
    words = {"passed": "as TorchCodec", "failed": "FAILED", "skipped": "skipped"}
    for outcome, text in words.items():
        for report in terminalreporter.stats.get(outcome, []):
            name = report.nodeid.partition("[")[2].rstrip("]")
            if name:
                why = f": {str(report.longrepr[2]).removeprefix('Skipped: ')}" if outcome == "skipped" else ""
                lines.append(f"| `{name}` | {text}{why} |")
    Path(path).write_text("\n".join(lines) + "\n")
