"""Lets libraries that import TorchCodec use cycodec instead.

    import cycodec.compat

    cycodec.compat.install()
    import datasets  # its videos are now decoded by cycodec

``import torchcodec`` and ``from torchcodec.decoders import VideoDecoder`` then give cycodec's
modules and classes, in this process only and until `uninstall`. Nothing else in cycodec does this:
it happens only if a program asks for it.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.metadata
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NoReturn

from cycodec._shared.missing_names import refuse_name

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["install", "is_installed", "uninstall"]

# The version of TorchCodec whose names and arguments cycodec follows.
API_VERSION = "0.17.0"

PEER = "torchcodec"
PARTS = ("decoders", "encoders", "samplers", "transforms")
# TorchCodec's modules -> those that stand for them.
HOMES = {PEER: "cycodec", **{f"{PEER}.{part}": f"cycodec.{part}" for part in PARTS}}


class _Alias(ModuleType):
    """A module of TorchCodec's name with the names of a module of cycodec."""

    __all__: list[str]

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module(HOMES[self.__name__]), name)

    def __dir__(self) -> list[str]:
        return sorted({*vars(self), *dir(importlib.import_module(HOMES[self.__name__]))})


class _Distribution(importlib.metadata.Distribution):
    """What ``importlib.metadata`` reports of TorchCodec: its version."""

    def __init__(self, version: str) -> None:
        self._version = version

    def read_text(self, filename: str) -> str | None:
        if filename == "METADATA":
            return f"Metadata-Version: 2.1\nName: {PEER}\nVersion: {self._version}\n"
        return f"{PEER}\n" if filename == "top_level.txt" else None

    def locate_file(self, path: Any) -> Path:
        return Path(path)


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds TorchCodec's modules and its version before any other finder does.

    Parameters
    ----------
    version : str
        The version that the modules report.
    """

    def __init__(self, version: str) -> None:
        self.version = version

    def find_spec(
        self, fullname: str, path: object = None, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in HOMES:
            return None
        spec = importlib.machinery.ModuleSpec(fullname, self, origin="cycodec.compat")
        spec.submodule_search_locations = [] if fullname == PEER else None
        return spec

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return _Alias(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        home = importlib.import_module(HOMES[module.__name__])
        module.__doc__ = home.__doc__
        vars(module)["__all__"] = list(home.__all__)
        vars(module)["__version__"] = self.version
        if module.__name__ == PEER:
            for part in PARTS:
                setattr(module, part, importlib.import_module(f"{PEER}.{part}"))

    def find_distributions(self, context: Any = None) -> Iterator[_Distribution]:
        if context is None or context.name is None or context.name.lower() == PEER:
            yield _Distribution(self.version)


class _Installation:
    """What `install` returns: a context manager that ends the installation."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        uninstall()


_finder: _Finder | None = None
# The modules of a real TorchCodec that was imported before.
_replaced: dict[str, ModuleType] = {}


def install(version: str = API_VERSION) -> _Installation:
    """Let ``import torchcodec`` give cycodec in this process.

    Call it before libraries that use TorchCodec are imported. TorchCodec need not be installed.
    Processes that are spawned, not forked, must call it themselves.

    Parameters
    ----------
    version : str
        The version of TorchCodec that libraries are told, by ``torchcodec.__version__`` and
        ``importlib.metadata``.

    Returns
    -------
    context manager
        It calls `uninstall` at the end of a ``with`` block.

    Warns
    -----
    UserWarning
        TorchCodec was imported before. Libraries that hold its classes go on using them.
    """
    global _finder
    if _finder is not None:
        _finder.version = version
        return _Installation()
    held = {name: module for name, module in sys.modules.items() if name.split(".")[0] == PEER}
    if held:
        warnings.warn(
            "cycodec.compat.install(): torchcodec was imported before; libraries that hold its classes go on "
            "using them (install cycodec.compat first)",
            stacklevel=2,
        )
    for name in held:
        del sys.modules[name]
    _replaced.update(held)
    _finder = _Finder(version)
    sys.meta_path.insert(0, _finder)
    importlib.invalidate_caches()
    importlib.import_module(PEER)
    return _Installation()


def uninstall() -> None:
    """End what `install` began: ``import torchcodec`` gives TorchCodec again, if it is installed.

    Libraries that have imported cycodec's classes by then go on using them.
    """
    global _finder
    if _finder is None:
        return
    sys.meta_path.remove(_finder)
    _finder = None
    for name in [name for name in sys.modules if name.split(".")[0] == PEER]:
        del sys.modules[name]
    sys.modules.update(_replaced)
    _replaced.clear()
    importlib.invalidate_caches()


def is_installed() -> bool:
    """Return True if ``import torchcodec`` gives cycodec."""
    return _finder is not None


if not TYPE_CHECKING:

    def __getattr__(name: str) -> NoReturn:
        refuse_name(__name__, name)
