"""Approximate mode behind an exact index.

Note [Approximate mode with an index]

Approximate mode promises that opening reads no more than the header: frame numbers and times follow
from the header's frame rate, begin and end. Where the header also lists all frames (MP4), or a
short walk over a local file finds them (Matroska), that index costs next to nothing.
Readers then decode by it: they know the key frames, leave out frames that nothing refers to, and
serve several GOPs at once, as in exact mode. Only the translation of numbers and instants keeps the
header's rules. If the decoder contradicts the index, readers go back to decoding by time.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cycodec._shared.threads import thread_limit
from cycodec._video.indexing import predict_from_headers
from cycodec._video.options import Options
from cycodec.core.container.demux import Demuxer
from cycodec.core.video.header_index import HeaderIndex
from cycodec.core.video.index import FrameIndex

__all__ = ["ApproximateIndex", "cheap_index"]

# A file of this size is walked through in milliseconds.
SHORT_WALK = 256 << 20


class ApproximateIndex:
    """The header's rules for frame numbers and times, over the frames of an exact index.

    Parameters
    ----------
    promised : HeaderIndex
        What the header promises.
    exact : FrameIndex
        What readers decode by.
    """

    is_exact = False

    def __init__(self, promised: HeaderIndex, exact: FrameIndex) -> None:
        self.promised = promised
        self.exact = exact
        self.begin_seconds = promised.begin_seconds
        self.end_seconds = promised.end_seconds
        self.reorder = exact.reorder
        self.first_position = 0
        self._pts = exact.pts

    def __len__(self) -> int:
        return len(self.promised)

    def __bool__(self) -> bool:
        """Return True even if the header does not tell the number of frames."""
        return True

    def _at(self, instants: Sequence[int] | np.ndarray) -> np.ndarray:
        """Return the numbers of the frames that are played at instants in units of the time base.

        An instant outside the stream has the first or the last frame.
        """
        numbers = self._pts.searchsorted(np.asarray(instants, np.int64), "right") - 1
        return numbers.clip(0, len(self._pts) - 1)

    def position_of(self, number: int) -> int:
        """Return a reader's position for a frame number."""
        return int(self._at([self.promised.position_of(number)])[0])

    def positions_of(self, numbers: Sequence[int] | np.ndarray) -> np.ndarray:
        """Return readers' positions for several frame numbers."""
        return self._at(self.promised.positions_of(numbers))

    def position_at(self, seconds: float) -> int:
        """Return a reader's position for the frame that is played at an instant.

        Raises
        ------
        InstantError
            (an IndexError and a RuntimeError) The instant is outside the stream, by the header.
        ValueError
            The header has no frame rate.
        """
        return int(self._at([self.promised.position_at(seconds)])[0])

    def numbers_played(self, start: float, stop: float) -> range:
        """Return the numbers of the frames that are played in [start, stop), in seconds."""
        return self.promised.numbers_played(start, stop)


def cheap_index(demuxer: Demuxer, stream_index: int, options: Options) -> FrameIndex | None:
    """Return the index of all frames if it costs next to nothing, and needs no confirmation.

    The demuxer has read nothing before, and has read nothing afterwards.
    """
    size = demuxer.io.size
    if size is None or (size > SHORT_WALK and not demuxer.format_name.startswith("mov")):
        return None
    prediction = predict_from_headers(demuxer, stream_index, thread_limit(options.num_threads))
    if prediction is None or prediction.is_doubtful or not prediction.index:
        return None
    return prediction.index
