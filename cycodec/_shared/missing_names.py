"""Names that a module lacks: the error says where a name is, or what to use in its place."""

from __future__ import annotations

import importlib
import sys
from typing import NoReturn

__all__ = ["refuse_name"]

# The public modules in which a name is looked for.
PUBLIC = ("decoders", "encoders", "images", "samplers", "transforms", "batch", "datasets", "compat")

BLOCKS = "cycodec has no demuxer and packet decoders for Python yet (use PyAV; Cython has docs/cimport.md)"
LINKING = "cycodec is not linked to (cycodec.get_include() is for Cython, see docs/cimport.md)"

# Names of TorchCodec that cycodec does not have, and what to say about them.
ABSENT = {
    **dict.fromkeys(
        (
            "AudioConverter",
            "AudioPacketDecoder",
            "AudioStreamHeaderMetadata",
            "ColorConverter",
            "Demuxer",
            "DemuxerMetadata",
            "Packet",
            "RawAudioSamples",
            "RawFrame",
            "VideoPacketDecoder",
            "VideoStreamHeaderMetadata",
        ),
        BLOCKS,
    ),
    **dict.fromkeys(("cmake_prefix_path", "core_library_path"), LINKING),
}


def refuse_name(module: str, name: str) -> NoReturn:
    """Raise the error for a name that a module lacks. A module's ``__getattr__`` calls this.

    Raises
    ------
    ImportError
        The name is wanted by ``from module import name``, which would replace the words of an
        AttributeError by its own.
    AttributeError
        Otherwise, so that ``hasattr`` works.
    """
    words = f"module {module!r} has no attribute {name!r}"
    hint = None if name.startswith("_") else _hint(module, name)
    if hint:
        words = f"{words}: {hint}"
    import dis  # loaded for the error alone

    caller = sys._getframe(1)
    while caller.f_code.co_name == "__getattr__" and caller.f_back is not None:
        caller = caller.f_back
    if dis.opname[caller.f_code.co_code[caller.f_lasti]] == "IMPORT_FROM":
        raise ImportError(words, name=module)
    raise AttributeError(words, name=name, obj=sys.modules.get(module))


def _hint(module: str, name: str) -> str | None:
    """Return where a name is, or what to use in its place; None if nothing is known of it."""
    for home in ("cycodec", *(f"cycodec.{part}" for part in PUBLIC)):
        if home != module and name in importlib.import_module(home).__all__:
            return f"it is in {home} (from {home} import {name})"
    return ABSENT.get(name)
