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
            if decoder._session.index is None:
                if rest:
                    raise UnsupportedError("decoder.t with a tuple needs an index (use seek_mode='exact')")
                return self._approximate(place)
            if isinstance(place, float):
                numbers: Any = decoder._position_at(place)
            elif isinstance(place, time_keys.TimeRange):
                played = decoder._numbers_played(place)
                numbers = slice(played[0], played[-1] + 1) if played else slice(0, 0)
            else:
                numbers = np.array([decoder._position_at(s) for s in place], dtype=np.int64)
            return decoder._select((numbers, *rest))

        return decoder._session.serve(request)

    def _approximate(self, place: Any) -> Tensor:
        decoder = self._decoder
        if isinstance(place, float):
            return decoder._batch_of_positions([decoder._position_at(place)]).data[0]
        if isinstance(place, time_keys.TimeRange):
            return decoder._batch(decoder._numbers_played(place)).data
        return decoder._batch_of_positions([decoder._position_at(s) for s in place]).data
