"""What a VideoDecoder offers to C code: see core/capi."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cycodec._video.picture import Region
    from cycodec._video.session import VideoSession
    from cycodec.core.container.demux import Demuxer
    from cycodec.core.video.picture_spec import PictureSpec
    from cycodec.core.video.reader import FrameReader


class OpenToC:
    """Methods that the functions of core/capi call."""

    _session: VideoSession

    def __cycodec_reader__(self) -> FrameReader:
        """Return the reader for C code; see ``decoder_reader`` in core/capi/frames.pyx."""
        return self._session.serve(lambda: self._session.reader)

    def __cycodec_demuxer__(self) -> Demuxer:
        """Return the demuxer for C code; see ``decoder_demuxer`` in core/capi/demuxer.pyx."""
        return self.__cycodec_reader__().demuxer

    def __cycodec_spec__(
        self, region: Region, size: tuple[int, int], sample_type: int, planar: bool
    ) -> PictureSpec:
        """Return a spec for C code; see ``decoder_spec`` in core/capi/frames.pyx."""
        return self._session.serve(lambda: self._session.pictures.spec(region, size, sample_type, planar))
