"""Repairs of a session's index: decoding the whole stream shows which frames the decoder gives."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from cycodec._video.approximate import ApproximateIndex
from cycodec._video.indexing import decode_index, is_other_size
from cycodec.core.error import FFmpegError, StaleIndexError
from cycodec.core.video.index import FrameIndex, IndexContradiction

if TYPE_CHECKING:
    from cycodec._video.session import VideoSession

__all__ = ["confirm", "repair"]


def repair(session: VideoSession, contradiction: IndexContradiction) -> None:
    """Find out what is wrong where the decoder does not give the frames of the index.

    The index promises libavcodec's frames. A GPU that gives others is therefore left first, so
    that libavcodec shows whether the index is wrong. Then the whole stream is decoded to make a
    new index. Approximate mode goes on without an index.
    """
    if session.gpu_decodes():
        session.leave_gpu("the GPU did not give the frames that the index promises")
        return
    if session.given_index:
        raise stale(session) from contradiction
    if isinstance(session.index, ApproximateIndex):
        session.use_index(session.index.promised)
        return
    if session.frame_index is None or session.frame_index.origin == "decoded":
        raise FFmpegError(
            f"{session.name}: decoding it twice does not give the same frames",
            source=session.name,
            operation="decode",
        ) from contradiction
    _decode_index(session)


def confirm(session: VideoSession) -> bool:
    """Decode the whole stream, correct the index, and return True if it was right.

    Raises
    ------
    StaleIndexError
        The index is wrong, and the user has given it.
    ValueError
        There is no index in approximate mode.
    """
    before = session.frame_index
    if before is None:
        raise ValueError(
            f"{session.name}: in approximate mode there is no index to confirm (use seek_mode='exact')"
        )
    if before.origin == "decoded":
        return True
    if session.gpu_decodes():
        return _confirm_on_cpu(session, before)
    decoded = _decode_index(session)
    is_right = np.array_equal(before.pts, decoded.pts) and not decoded.shuffled
    if is_right:
        before.note_damage(decoded.damaged)
    if is_right or session.given_index:
        session.use_index(before)
    if not is_right and session.given_index:
        raise stale(session)
    (before if is_right else decoded).confirmed = True
    return is_right


def _confirm_on_cpu(session: VideoSession, index: FrameIndex) -> bool:
    """Do the same with libavcodec, because the index promises its frames and not the GPU's."""
    options = replace(session.options, cuda=None, transforms=(), num_threads=1)
    cpu = type(session)(session.io, options, index)
    cpu.given_index = session.given_index
    is_right = cpu.confirm()
    session.use_index(cpu.index)
    return is_right


def stale(session: VideoSession) -> StaleIndexError:
    return StaleIndexError(
        f"{session.name}: the given frame index or mappings do not match what the decoder gives "
        "(leave it out; to save a right one, call confirm() on a decoder without it first)",
        source=session.name,
        operation="decode",
    )


def _decode_index(session: VideoSession) -> FrameIndex:
    """Decode the whole stream to replace the index. If that fails, keep the old one."""
    try:
        decoded = decode_index(session.io, session.size, session.reader)
    except BaseException:
        session.use_index(session.index)
        raise
    session.use_index(decoded)
    if is_other_size(session.reader.demuxer, session.stream_index, decoded):
        session.pictures.doubt()
    return decoded
