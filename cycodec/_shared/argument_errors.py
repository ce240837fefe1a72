"""Errors of arguments that are several builtin exceptions.

Note [Errors of other libraries]

NumPy, Python and TorchCodec raise different exceptions for the same mistake. These classes are all
of them, so that code which moves to cycodec goes on catching what it catches. ``docs/errors.md``
lists them.
"""

from __future__ import annotations

__all__ = ["ArgumentError", "FrameNumberError", "IndexTypeError", "NoTensorError"]


class IndexTypeError(TypeError, IndexError):
    """A key has a type that cannot index frames: an IndexError in NumPy, a TypeError in Python."""


class FrameNumberError(IndexTypeError, RuntimeError):
    """A frame number is not a whole number, which is a RuntimeError in TorchCodec."""


class ArgumentError(ValueError, RuntimeError):
    """An argument has a value that is not allowed, which is a RuntimeError in TorchCodec."""


class NoTensorError(TypeError, ValueError):
    """An argument is no tensor, which is a ValueError in TorchCodec."""
