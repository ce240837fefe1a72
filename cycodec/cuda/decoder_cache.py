"""The cache of hardware decoders. Making one takes 50 to 70 ms, so finished ones are reused.

The functions import the extension with the cache when they are called. They need no GPU.
"""

from __future__ import annotations

from cycodec._shared.arguments import integer, optional_integer

__all__ = [
    "empty_nvdec_cache",
    "get_nvdec_cache_capacity",
    "nvdec_cache_stats",
    "set_nvdec_cache_capacity",
]


def set_nvdec_cache_capacity(capacity: int, max_bytes: int | None = None) -> None:
    """Limit how many finished hardware decoders are cached for reuse.

    Parameters
    ----------
    capacity : int
        Number of decoders, over all devices; 0 keeps none. The default is 20.
    max_bytes : int, optional
        Estimated device memory that they may hold; the default is 2 GiB. None keeps the limit.

    Raises
    ------
    TypeError
        An argument is not an integer.
    ValueError
        An argument is negative.
    """
    from cycodec.core.gpu import nvdec

    count = integer("capacity", capacity, least=0)
    size = optional_integer("max_bytes", max_bytes, least=0)
    nvdec.set_cache_limits(count, nvdec.cache_limits()[1] if size is None else size)


def get_nvdec_cache_capacity() -> int:
    """Return the largest number of finished hardware decoders that are cached."""
    from cycodec.core.gpu import nvdec

    return nvdec.cache_limits()[0]


def empty_nvdec_cache() -> None:
    """Destroy the cached hardware decoders."""
    from cycodec.core.gpu import nvdec

    limits = nvdec.cache_limits()
    nvdec.set_cache_limits(0, 0)
    nvdec.set_cache_limits(*limits)


def nvdec_cache_stats() -> dict[str, int]:
    """Counts of hardware decoders.

    Returns
    -------
    dict
        ``created``, ``destroyed``, ``reconfigured`` and ``hits`` (taken from the cache) since the
        process began, and ``idle`` and ``idle_bytes`` of the cached ones now.
    """
    from cycodec.core.gpu import nvdec

    return nvdec.cache_stats()
