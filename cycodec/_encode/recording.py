"""All files of one encoding, its streams, and the first error."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cycodec._encode.destination import NUMBER
from cycodec._encode.output import Output
from cycodec._encode.tracks import Schedule

__all__ = ["Recording", "Segment"]


@dataclass(frozen=True)
class Segment:
    """One file of a recording that is cut into several.

    Attributes
    ----------
    path : str
        The file.
    start_seconds, stop_seconds : float
        The part of the recording that it holds; `stop_seconds` is exclusive.
    num_frames : tuple of int
        The number of frames of each video stream.
    """

    path: str
    start_seconds: float
    stop_seconds: float
    num_frames: tuple[int, ...]


class Recording:
    """The files of one encoding. It does not know the `Encoder`, which may be collected before it.

    Parameters
    ----------
    make_output : callable
        Opens the file of a number.
    schedule : Schedule
    path : str or None
        The path with a number, if there are segments.
    num_videos : int
        The number of video streams, which come first.
    """

    def __init__(
        self, make_output: Callable[[int], Output], schedule: Schedule, path: str | None, num_videos: int
    ) -> None:
        self._make_output, self.schedule = make_output, schedule
        self._path, self._num_videos = path, num_videos
        self._lock = threading.RLock()
        self._pid = os.getpid()
        self._outputs: list[Output] = []
        self._segments: list[Segment] = []
        self.tracks: list[Any] = []
        self.error: BaseException | None = None

    def output(self, number: int) -> Output:
        """The file of a number; streams ask for them in order."""
        with self._lock:
            while len(self._outputs) <= number:
                self._note_segments()
                self._outputs.append(self._make_output(len(self._outputs)))
            return self._outputs[number]

    def fail(self, error: BaseException) -> None:
        """Remember the first error."""
        if self.error is None:
            self.error = error

    @property
    def num_failures(self) -> int:
        """The number of encoders that have failed."""
        return sum(encoder.failed for output in list(self._outputs) for encoder in output.encoders)

    def finish(self) -> None:
        """Complete all files."""
        for track in self.tracks:
            track.end()
        if self.error is not None:
            raise self.error
        for track in self.tracks:
            track.flush()
        with self._lock:
            self._note_segments()

    @property
    def is_empty(self) -> bool:
        """True if there is no file, because nothing was added."""
        return all(output.discarded for output in self._outputs)

    def abandon(self) -> None:
        """Leave nothing of the files that are not complete.

        A forked process leaves its parent's files alone.
        """
        if os.getpid() != self._pid:
            return
        for track in self.tracks:
            track.end(discard=True)
        for output in self._outputs:
            if not output.is_complete:
                output.discard()

    # ---- segments ----

    @property
    def segments(self) -> list[Segment]:
        """The files that are complete, if there are several."""
        with self._lock:
            self._note_segments()
            return list(self._segments)

    def _note_segments(self) -> None:
        """Add the files that were completed to the list, and write it to its file."""
        if self.schedule.is_whole or self._path is None:
            return
        known = {segment.path for segment in self._segments}
        for number, output in enumerate(self._outputs):
            name = output.destination.name
            if output.is_complete and name not in known:
                frames = tuple(encoder.num_frames for encoder in output.encoders[: self._num_videos])
                start, stop = self.schedule.start(number), self.schedule.start(number + 1)
                self._segments.append(Segment(name, float(start), float(stop), frames))
        if len(self._segments) > len(known):
            self._write_index(self._path)

    def _write_index(self, path: str) -> None:
        folder, name = os.path.split(path)
        index = Path(folder, os.path.splitext(NUMBER.sub("index", name))[0] + ".json")
        entries = [
            {
                "file": os.path.basename(segment.path),
                "start_seconds": segment.start_seconds,
                "stop_seconds": segment.stop_seconds,
                "num_frames": list(segment.num_frames),
            }
            for segment in self._segments
        ]
        draft = index.with_name(f"{index.name}.{os.getpid()}.part")
        draft.write_text(json.dumps({"segments": entries}, indent=1))
        os.replace(draft, index)
