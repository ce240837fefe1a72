"""Debian's packages and source archives, through an apt of our own.

The system's apt has the suite of the machine. This one has further suites in a private folder, so
that nothing of them can be installed into the system by mistake. Its mirror is the system's.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

# The newest first: a source is taken from the first suite that serves it.
SUITES = ("sid", "trixie", "bookworm")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
# Seconds after which the lists of packages are fetched again.
LISTS_AGE = 24 * 3600
DOWNLOADER = "/usr/lib/apt/apt-helper"


class DebianError(Exception):
    """Debian's mirror does not have what was asked for, or this machine cannot ask it."""


@dataclass(frozen=True)
class Archive:
    """The upstream archive of a source package, unpacked."""

    package: str
    version: str
    file: Path
    sha256: str
    folder: Path


def mirror() -> str:
    """Return the mirror that the system's own apt uses for Debian."""
    if not shutil.which("apt-get"):
        raise DebianError("apt-get is not here; this tool needs a Debian machine")
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(LABEL)", "Identifier: Packages"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for line in listed.splitlines():
        uri, _, label = line.partition(" ")
        if label == "Debian":
            return uri
    raise DebianError("apt has no list of Debian's packages; run apt-get update first")


class Apt:
    """An apt whose configuration, lists and downloads are in one folder.

    Parameters
    ----------
    folder : Path
        Where everything is kept.
    architecture : str
        Debian's name of the processor whose packages it has; that of this machine if empty.
    """

    def __init__(self, folder: Path, architecture: str = "") -> None:
        self.folder = folder
        self.architecture = architecture
        self.configuration = folder / "apt.conf"

    def update(self) -> None:
        """Fetch the lists of all suites, unless those of today are here."""
        if self.configuration.exists() and time.time() - self.configuration.stat().st_mtime < LISTS_AGE:
            return
        for part in ("etc", "state/lists/partial", "cache/archives/partial"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        (self.folder / "status").touch()
        uri = mirror()
        lines = [
            f"{kind} [signed-by={KEYRING}] {uri} {s} main" for s in SUITES for kind in ("deb", "deb-src")
        ]
        (self.folder / "etc/sources.list").write_text("\n".join(lines) + "\n")
        partial = self.configuration.with_suffix(".part")
        name = self.architecture
        choice = f'APT::Architecture "{name}";\nAPT::Architectures {{ "{name}"; }};\n' if name else ""
        partial.write_text(
            f'{choice}Dir::Etc::sourcelist "{self.folder}/etc/sources.list";\n'
            'Dir::Etc::sourceparts "-";\n'
            f'Dir::State "{self.folder}/state";\n'
            f'Dir::State::status "{self.folder}/status";\n'
            f'Dir::Cache "{self.folder}/cache";\n'
            'APT::Sandbox::User "root";\n'
        )
        self._run("apt-get", "update", "-qq", configuration=partial)
        partial.rename(self.configuration)

    def _run(self, *command: str, cwd: Path | None = None, configuration: Path | None = None) -> str:
        environment = {**os.environ, "APT_CONFIG": str(configuration or self.configuration)}
        done = subprocess.run(command, env=environment, cwd=cwd, capture_output=True, text=True)
        if done.returncode != 0:
            raise DebianError(f"{' '.join(command[:4])}: {done.stderr.strip()[-500:]}")
        return done.stdout

    def unpack(self, package: str, suite: str, into: Path) -> None:
        """Fetch a package of a suite, and put its files into a folder."""
        into.mkdir(parents=True, exist_ok=True)
        self._run("apt-get", "download", "-qq", f"{package}/{suite}", cwd=into)
        (found,) = into.glob(f"{package}_*.deb")
        subprocess.run(["dpkg-deb", "-x", found, into], check=True)

    def unpack_all(self, package: str, suite: str, into: Path) -> None:
        """Fetch a package of a suite with all that it needs, and put their files into a folder.

        No script of a package is run, so that they may be for another processor.
        """
        archives = self.folder / "cache/archives"
        listed = self._run(
            "apt-get", "install", "--print-uris", "-qq", "--no-install-recommends", "-t", suite, package
        )
        wanted = re.findall(r"^'\S+' (\S+\.deb) ", listed, re.MULTILINE)
        self._run(
            "apt-get",
            "install",
            "--download-only",
            "-y",
            "-qq",
            "--no-install-recommends",
            "-t",
            suite,
            package,
        )
        into.mkdir(parents=True, exist_ok=True)
        for name in wanted:
            subprocess.run(["dpkg-deb", "-x", archives / name, into], check=True)

    def versions(self, package: str) -> list[str]:
        """Return the versions of a source package in all suites, the newest first."""
        text = self._run("apt-cache", "showsrc", "--only-source", package)
        found = dict.fromkeys(re.findall(r"^Version: (\S+)", text, re.MULTILINE))

        def newer(one: str, other: str) -> bool:
            return subprocess.run(["dpkg", "--compare-versions", one, "gt", other]).returncode == 0

        ordered: list[str] = []
        for version in found:
            place = next((n for n, other in enumerate(ordered) if newer(version, other)), len(ordered))
            ordered.insert(place, version)
        return ordered

    def upstream(self, package: str, into: Path, wanted: str = "") -> Archive:
        """Fetch and unpack the upstream archive of a source package.

        A mirror may list a version that it does not serve yet. The next older one is then taken.

        Parameters
        ----------
        package : str
            The source package.
        into : Path
            Where the archive is kept and unpacked.
        wanted : str
            How the version must begin, without Debian's epoch, such as "9."; any if empty.

        Raises
        ------
        DebianError
            No suite serves the package.
        """
        into.mkdir(parents=True, exist_ok=True)
        # what was chosen by the lists of today, because asking apt takes seconds for each version
        chosen = into / f".{package}-{wanted}json"
        if chosen.exists() and chosen.stat().st_mtime > self.configuration.stat().st_mtime:
            facts = json.loads(chosen.read_text())
            return Archive(
                package, facts["version"], into / facts["file"], facts["sha256"], into / facts["folder"]
            )
        refusals = []
        for version in self.versions(package):
            if not version.split(":")[-1].startswith(wanted):
                continue
            listed = self._run("apt-get", "source", "--print-uris", "-qq", f"{package}={version}")
            match = re.search(r"^'(\S+)' (\S+\.orig\.tar\.\w+) \d+ SHA256:(\w+)$", listed, re.MULTILINE)
            if match is None:
                continue
            uri, name, digest = match.groups()
            try:
                if not (into / name).exists():
                    self._run(DOWNLOADER, "-qq", "download-file", uri, name, f"SHA256:{digest}", cwd=into)
            except DebianError as error:
                (into / name).unlink(missing_ok=True)
                refusals.append(f"{version}: {error}")
                continue
            folder = into / f"{package}-{version.split(':')[-1]}"
            if not folder.exists():
                partial = into / f".{folder.name}.part"
                shutil.rmtree(partial, ignore_errors=True)
                partial.mkdir()
                command = ["tar", "-xf", name, "-C", partial, "--strip-components=1"]
                subprocess.run(command, cwd=into, check=True)
                partial.rename(folder)
            facts = {"version": version, "file": name, "sha256": digest, "folder": folder.name}
            chosen.write_text(json.dumps(facts))
            return Archive(package, version, into / name, digest, folder)
        raise DebianError(f"no suite serves the source of {package} {wanted}\n" + "\n".join(refusals))
