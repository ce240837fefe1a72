"""``decoder.t``: the frames of a decoder by time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cycodec._shared import time_keys
from cycodec.core.error import UnsupportedError

if TYPE_CHECKING:
    from torch import Tensor

    from cycodec.decoders._video import VideoDecoder


class ByTime:
    """The frames of a decoder, indexed by time in seconds.

    Parameters
    ----------
    decoder : VideoDecoder
    """

    def __init__(self, decoder: VideoDecoder) -> None:
        self._decoder = decoder

    def __getitem__(self, key: Any) -> Tensor:
        decoder = self._decoder
        time, *rest = key if isinstance(key, tuple) and key else (key,)

        def request() -> Tensor:
            place = time_keys.time_key(time, *decoder._limits())
            index = decoder._session.index
            if rest and not index.is_exact:
                raise UnsupportedError("decoder.t with a tuple needs an index (use seek_mode='exact')")
            frames: Any  # a key into the frames at `positions`
            if isinstance(place, float):
                positions, frames = np.array([index.position_at(place)]), 0
            elif isinstance(place, time_keys.TimeRange):
                positions = np.array(index.positions_of(index.numbers_played(*place)), np.int64)
                frames = slice(None)
            else:
                positions = np.array(decoder._positions_at(place), np.int64)
                frames = np.arange(len(positions)) if rest else slice(None)
            plan = decoder._plan((frames, *rest) if rest else frames, len(positions))
            return decoder._planned(plan, positions[plan.frames])

        return decoder._session.serve(request)
