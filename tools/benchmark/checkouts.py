"""Lets another checkout of cycodec, or a wheel, take part as a peer, to compare the two."""

import argparse
import shutil
import zipfile
from pathlib import Path

from benchmark import machine
from benchmark.figures import BASE
from benchmark.paths import BUILD, ROOT

PREFIX = f"{BASE} ("


def name_of(path: Path) -> str:
    """Returns the library name of a checkout: ``cycodec (COMMIT)``, or its folder's name if there
    is no commit.

    Raises
    ------
    ValueError
        If the folder holds no cycodec that is built.
    """
    if not any((path / "cycodec" / "core").rglob("*.so")):
        raise ValueError(f"{path} holds no cycodec that is built in place: run tools/setup there")
    return f"{PREFIX}{machine.commit_of(path) or path.name})"


def is_checkout(library: str) -> bool:
    """Return True if a library is another checkout of cycodec."""
    return library.startswith(PREFIX)


def interpreter(path: Path) -> Path:
    """Returns the Python of a checkout: its own ``.venv``, else that of this checkout."""
    own = path / ".venv" / "bin" / "python"
    return own if own.exists() else ROOT / ".venv" / "bin" / "python"


def add_option(parser: argparse.ArgumentParser) -> None:
    """Adds ``--against PATH`` to a command."""
    parser.add_argument(
        "--against",
        type=Path,
        metavar="PATH",
        help="another checkout of cycodec, built in place, or a wheel, that takes part as a peer; "
        "docs/benchmarks is left as it is",
    )


def chosen(parser: argparse.ArgumentParser, path: Path | None) -> dict[str, Path]:
    """Returns library name -> folder for the value of ``--against``; ends the command if it is
    neither a checkout nor a wheel.
    """
    if path is None:
        return {}
    try:
        if path.suffix == ".whl":
            return {f"{PREFIX}wheel)": unpacked(path)}
        return {name_of(path): path.resolve()}
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        parser.error(f"--against: {error}")


def unpacked(wheel: Path) -> Path:
    """Unpacks a wheel into a folder of its own, and returns the folder."""
    folder = BUILD / "wheels" / wheel.stem
    shutil.rmtree(folder, ignore_errors=True)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def assert_imported_from(path: str) -> None:
    """Raises ImportError if cycodec does not come from this checkout, for example from an installed
    package.
    """
    import cycodec

    found = Path(cycodec.__file__).resolve().parents[1]
    if found != Path(path).resolve():
        raise ImportError(f"cycodec was imported from {found}, not from {path}")
