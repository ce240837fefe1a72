"""Computes figures from times: paired ratios, their medians, and where the base was slower."""

from collections.abc import Sequence
from statistics import median
from typing import Any

BASE = "cycodec"
FLOOR = "floor"
# Mean difference in levels (of 255) up to which two RGB conversions count as the same picture.
SAME_PICTURE = 2.0
# The same for frames that each library scaled with a filter of its own.
SAME_SCALED = 12.0
# A ratio that rounds to 1.00 is a draw.
EVEN = 0.995
RIGHT = ("agrees", "other colours", "other filter", "")


def paired_ratio(peer: Sequence[float], base: Sequence[float]) -> float:
    """Returns the median over the rounds of the peer's time / the base's time; above 1 the base is
    faster.

    Both lists hold one time per round. Pairing within a round cancels what slows the whole machine.
    """
    if len(peer) != len(base) or not base:
        raise ValueError(f"rounds do not pair: {len(peer)} and {len(base)}")
    return median(p / b for p, b in zip(peer, base, strict=True))


def add_ratios(result: dict[str, Any], base: str = BASE) -> None:
    """Adds ``median`` and ``ratios`` to the raw times of one result, in place."""
    measured = {name: entry for name, entry in result["libraries"].items() if "wall" in entry}
    for entry in measured.values():
        entry["median"] = {kind: median(entry[kind]) for kind in ("wall", "cpu", "open")}
        entry["peak_rss"] = max(entry["rss_peak"])
        entry["rss_growth"] = max(p - b for p, b in zip(entry["rss_peak"], entry["rss_before"], strict=True))
    result["ratios"] = {
        name: {kind: paired_ratio(entry[kind], measured[base][kind]) for kind in ("wall", "cpu")}
        for name, entry in measured.items()
        if base in measured and name != base
    }


def is_right(entry: dict[str, Any]) -> bool:
    """Return True if a library returned the requested frames; other colours or filters count as
    right.
    """
    return "wall" in entry and entry["verdict"] in RIGHT


def best_peer(result: dict[str, Any]) -> str | None:
    """Returns the fastest library with the right frames, apart from the base and the floor."""
    walls = {
        name: ratio["wall"]
        for name, ratio in result["ratios"].items()
        if name != FLOOR and is_right(result["libraries"][name])
    }
    return min(walls, key=walls.__getitem__) if walls else None


def slower_than_best(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns the results in which the best peer took less time than the base, the worst first."""
    behind = []
    for result in results:
        best = best_peer(result)
        if best is not None and result["ratios"][best]["wall"] < EVEN:
            place = {key: result[key] for key in ("clip", "workload", "threads", "cache")}
            behind.append({**place, "peer": best, **result["ratios"][best]})
    return sorted(behind, key=lambda entry: entry["wall"])


def summary(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns median, lowest and highest wall ratio over the clips, per workload, threads, cache
    and peer.
    """
    groups: dict[tuple[Any, ...], list[float]] = {}
    for result in results:
        for name, ratio in result["ratios"].items():
            if name == FLOOR or is_right(result["libraries"][name]):
                key = (result["workload"], result["threads"], result["cache"], name)
                groups.setdefault(key, []).append(ratio["wall"])
    names = ("workload", "threads", "cache", "library")
    return [
        {
            **dict(zip(names, key, strict=True)),
            "median": median(r),
            "low": min(r),
            "high": max(r),
            "clips": len(r),
        }
        for key, r in groups.items()
    ]


def verdict(samples: Any, reference: Any, scaled: bool = False) -> dict[str, Any]:
    """Compares sampled pixels with the base's.

    Parameters
    ----------
    samples, reference : numpy.ndarray
        uint8 ``[frames, height, width, channels]``.
    scaled : bool
        The libraries scaled the frames, so the filters differ.

    Returns
    -------
    dict
        ``difference``: the largest mean difference of a frame, in levels. ``verdict``:
        ``"agrees"``, ``"other filter"``, ``"other colours"`` (one affine map of the colours
        explains the difference) or ``"other frames"``.
    """
    import numpy

    if samples.shape != reference.shape:
        return {"difference": None, "verdict": f"shape {samples.shape[1:]}"}
    theirs, ours = samples.astype(numpy.float32), reference.astype(numpy.float32)
    difference = float(numpy.abs(theirs - ours).mean(axis=(1, 2, 3)).max())
    if difference <= SAME_PICTURE:
        return {"difference": difference, "verdict": "agrees"}
    if scaled and difference <= SAME_SCALED:
        return {"difference": difference, "verdict": "other filter"}
    # One affine map turns one colour matrix or range into another for all pixels; no map repairs a
    # wrong frame.
    channels = ours.shape[-1]
    colours = numpy.concatenate([theirs, numpy.ones_like(theirs[..., :1])], axis=-1).reshape(-1, channels + 1)
    mapped = colours @ numpy.linalg.lstsq(colours, ours.reshape(-1, channels), rcond=None)[0]
    rest = float(numpy.abs(mapped.reshape(ours.shape) - ours).mean(axis=(1, 2, 3)).max())
    return {"difference": difference, "verdict": "other colours" if rest <= SAME_PICTURE else "other frames"}
