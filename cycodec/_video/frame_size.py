"""The size of a stream's frames: the header's, until a decoded frame proves it.

Note [Proving the size]

A header may lie about the size of frames, or not know it. The first frame that a reader converts is
compared with the header's size, without further cost. If it differs, the reader raises
FrameSizeChanged, and the session decodes frame 0 to learn the size: frames of other sizes are
scaled to frame 0's, as the ffmpeg command does. After that, only frame 0 is compared.

A saved index states the size of frame 0, which spares decoding it. If the header states another
size, frame 0 is decoded before any frame is returned. If index and header lie alike, frames of
another size than frame 0's seem right. To prove the index, each open would have to read the first
packet, which is what the index is for. The lie is therefore found when frame 0 is read: that raises
StaleIndexError, and later requests have frame 0's size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cycodec._video.picture import Geometry


class FrameSize:
    """The geometry of a stream's frames, and whether it is proved: Note [Proving the size].

    Parameters
    ----------
    header : dict
        ``Demuxer.stream_info``.
    display_matrix : sequence of int or None
    is_proved : bool
        True if the header's size is known to be right.

    Attributes
    ----------
    geometry : Geometry or None
        None if it is unknown.
    is_proved : bool
        True if it no longer changes.
    """

    def __init__(self, header: dict[str, Any], display_matrix: Sequence[int] | None, is_proved: bool) -> None:
        self.display_matrix = display_matrix
        self.geometry = self.of_stored(header["width"], header["height"])
        self.is_proved = is_proved and self.geometry is not None
        self._doubted: Geometry | None = None

    def of_stored(self, width: int | None, height: int | None) -> Geometry | None:
        """Return the geometry of frames that are stored with this size."""
        return Geometry.of(width, height, self.display_matrix)

    def doubt(self) -> None:
        """Forget the geometry, because a frame has another size."""
        self._doubted, self.geometry = self.geometry, None
        self.is_proved = False

    def prove(self, width: int, height: int) -> bool:
        """Take the stored size of frame 0, and return True if it contradicts the header."""
        believed = self.geometry or self._doubted
        self.geometry = self.of_stored(width, height)
        self.is_proved = True
        if believed == self.geometry:
            self.geometry = believed
        return believed is not None and self.geometry != believed
