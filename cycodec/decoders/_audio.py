"""AudioDecoder and WavDecoder: sound as tensors, indexed like NumPy arrays. Public under cycodec.decoders."""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from cycodec._audio.session import AudioOptions, AudioSession
from cycodec._shared import torch_adapter
from cycodec._shared.arguments import INT32_MAX, one_of, optional_integer
from cycodec._shared.keys import IndexTypeError
from cycodec._shared.metadata import AudioStreamMetadata
from cycodec._shared.results import AudioSamples
from cycodec._shared.sources import Source, reopened_source
from cycodec._shared.time_keys import instant

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["AudioDecoder", "WavDecoder"]

# Samples at the times that a clock gives are meant although the product with the rate came out a hair below.
ROUNDING = 1e-6


class SampleIndexing:
    """What AudioDecoder and WavDecoder share: everything but how they are opened."""

    _session: AudioSession
    _metadata: AudioStreamMetadata | None = None

    # -- facts -----------------------------------------------------------------------------------------------

    @property
    def metadata(self) -> AudioStreamMetadata:
        """What is known about the stream. `encoder_padding` is known once the end of the stream was read."""
        if self._metadata is None or self._metadata.encoder_padding is None:
            self._metadata = self._session.metadata()
        return self._metadata

    @property
    def stream_index(self) -> int:
        """Number of the stream among all streams of the container."""
        return self._session.stream_index

    def __len__(self) -> int:
        """Number of samples per channel that come out, at the output sample rate.

        WAV says so in its header; elsewhere the end of the stream is decoded once to know it.
        """
        return self._session.count()

    def __repr__(self) -> str:
        session = self._session
        state = "closed" if session.closed else f"{session.num_channels} channels at {session.sample_rate} Hz"
        return f"{type(self).__name__}({session.name!r}, {state})"

    def close(self) -> None:
        """Free the file and the codec. Tensors stay valid; using the decoder raises ClosedError."""
        self._session.close()

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickle, (type(self), reopened_source(self._session.source), self._session.options)

    # -- samples by number -----------------------------------------------------------------------------------

    def __getitem__(self, key: Any) -> Tensor:
        """Samples by a NumPy-style key: what ``get_all_samples().data[:, key]`` would hold.

        Parameters
        ----------
        key : int, slice, ..., or list, array or tensor of integers or booleans
            An integer gives ``[num_channels]``, a slice ``[num_channels, n]``, an array its own shape after
            the channels. Only the stretch that is needed is decoded.

        Raises
        ------
        IndexError
            A sample outside the stream, or a mask of another length.
        TypeError
            A key of another type.
        """
        if key is Ellipsis:
            key = slice(None)
        if isinstance(key, slice):
            return self._slice(key)
        if (
            hasattr(type(key), "__index__")
            and not isinstance(key, (bool, np.bool_))
            and not hasattr(key, "ndim")
        ):
            return self._one(operator.index(key))
        return self._gather(key)

    def __iter__(self) -> Any:
        raise TypeError("a decoder of sound is not iterable (iterate over windows: decoder[i : i + n])")

    def _slice(self, key: slice) -> Tensor:
        try:
            start, stop, step = (
                None if n is None else operator.index(n) for n in (key.start, key.stop, key.step)
            )
        except TypeError:
            raise IndexTypeError(
                f"samples are counted by integers, not by {key} (.t takes seconds)"
            ) from None
        step = 1 if step is None else step
        if step == 1 and (start or 0) >= 0 and (stop is None or stop >= 0):
            return self._session.read(start or 0, stop)
        chosen = range(len(self))[slice(start, stop, step)]
        if not chosen:
            return self._session.read(0, 0)
        low, high = min(chosen[0], chosen[-1]), max(chosen[0], chosen[-1]) + 1
        data = self._session.read(low, high)
        if step < 0:
            data = data.flip(1)
        return data if abs(step) == 1 else data[:, :: abs(step)].contiguous()

    def _one(self, index: int) -> Tensor:
        position = index if index >= 0 else index + len(self)
        data = self._session.read(position, position + 1) if position >= 0 else None
        if data is None or data.shape[1] == 0:
            raise IndexError(f"sample {index} is out of bounds: the stream has {len(self)} samples")
        return data[:, 0]

    def _gather(self, key: Any) -> Tensor:
        if (
            isinstance(key, (str, bytes, bytearray, set, frozenset, dict, tuple, bool, np.bool_))
            or key is None
        ):
            raise IndexTypeError(f"samples cannot be indexed by {type(key).__name__}")
        array = torch_adapter.to_numpy(key) if torch_adapter.is_tensor(key) else np.asarray(key)
        if array.size == 0 and not hasattr(key, "dtype"):
            array = array.astype(np.int64)
        if array.dtype.kind not in "iub":
            raise IndexTypeError(
                f"samples are indexed by integers, slices and masks, not by {array.dtype} (.t takes seconds)"
            )
        if array.ndim == 0:
            return self._one(int(array))
        length = len(self)
        if array.dtype.kind == "b":
            if array.shape != (length,):
                raise IndexError(f"a boolean mask of shape {array.shape} did not match the {length} samples")
            array = array.nonzero()[0]
        array = array.astype(np.int64, copy=False)
        outside = (array < -length) | (array >= length)
        if outside.any():
            raise IndexError(f"sample {array[outside][0]} is out of bounds: the stream has {length} samples")
        wanted, places = np.unique(np.where(array < 0, array + length, array), return_inverse=True)
        if wanted.size == 0:
            return self._session.read(0, 0).reshape(self._session.num_channels, *array.shape)
        # what lies close together is read at once, what lies far apart is not decoded between
        parts = []
        for run in np.split(wanted, np.nonzero(np.diff(wanted) > self._session.sample_rate)[0] + 1):
            data = self._session.read(int(run[0]), int(run[-1]) + 1)
            parts.append(data[:, torch_adapter.from_numpy(run - run[0])])
        chosen = torch_adapter.concatenate(parts, 1)[:, torch_adapter.from_numpy(places.reshape(-1))]
        return chosen.reshape(-1, *array.shape)

    # -- samples by time -------------------------------------------------------------------------------------

    @property
    def t(self) -> TimeIndexing:
        """Samples by time: ``decoder.t[0.5:1.5]`` is ``[num_channels, n]``, ``decoder.t[0.5]`` one sample."""
        return TimeIndexing(self)

    def get_all_samples(self) -> AudioSamples:
        """All samples of the stream, those that ``ffmpeg -i FILE -f f32le -`` gives.

        Returns
        -------
        AudioSamples
            ``data`` is float32 ``[num_channels, num_samples]``.
        """
        return self._samples(0, None)

    def get_samples_played_in_range(
        self, start_seconds: float = 0.0, stop_seconds: float | None = None
    ) -> AudioSamples:
        """Samples between two times of the stream's own timeline.

        Sample i is played at ``begin_stream_seconds + i / sample_rate``; both times are rounded to the
        nearest sample, so that windows that share a bound share no sample and leave none out.

        Parameters
        ----------
        start_seconds : float
            What lies before the stream's first sample is left out.
        stop_seconds : float, optional
            Excluded. None, or a time after the end: up to the end.

        Returns
        -------
        AudioSamples
            ``data`` is float32 ``[num_channels, num_samples]``, ``pts_seconds`` the time of its first sample.

        Raises
        ------
        ValueError
            NaN or infinite times; a stop before the start; a start before 0 and the stream, or at or after
            its end.
        """
        start, stop = self._range(start_seconds, stop_seconds)
        samples = self._samples(start, stop)
        if samples.data.shape[1] == 0 and stop != start:
            self._refuse_start(start_seconds, start)
        return samples

    def _range(self, start_seconds: Any, stop_seconds: Any) -> tuple[int, int | None]:
        """Positions [start, stop) of a time range; stop None is the end."""
        session = self._session
        begin = instant(start_seconds, "start_seconds")
        start = max(session.position_at(begin), 0)
        if begin < min(session.begin_seconds, 0.0):
            raise ValueError(
                f"{session.name}: the time range starts at {begin} s, before the stream, which begins at "
                f"{session.begin_seconds} s"
            )
        if stop_seconds is None:
            return start, None
        end = instant(stop_seconds, "stop_seconds")
        if end < begin:
            raise ValueError(f"the time range runs backwards: it starts at {begin} s and stops at {end} s")
        return start, max(session.position_at(end), start)

    def _refuse_start(self, start_seconds: float, start: int) -> None:
        length = len(self)
        if start >= length > 0:
            raise ValueError(
                f"{self._session.name}: the time range starts at {start_seconds} s, at or after the end of "
                f"the stream "
                f"at {self._session.seconds_at(length)} s"
            )

    def _samples(self, start: int, stop: int | None) -> AudioSamples:
        session = self._session
        data = session.read(start, stop)
        rate = session.sample_rate
        return AudioSamples(data, session.seconds_at(start), data.shape[1] / rate, rate)


class TimeIndexing:
    """``decoder.t``; see SampleIndexing.t."""

    def __init__(self, decoder: SampleIndexing) -> None:
        self._decoder = decoder

    def __getitem__(self, key: Any) -> Tensor:
        decoder = self._decoder
        session = decoder._session
        if isinstance(key, slice):
            if key.step is not None:
                raise ValueError(
                    "a time range of sound has no step (ask the decoder for another sample_rate)"
                )
            begin = min(0.0, session.begin_seconds) if key.start is None else key.start
            return decoder.get_samples_played_in_range(begin, key.stop).data
        seconds = instant(key, "a key of seconds")
        position = math.floor((seconds - session.begin_seconds) * session.sample_rate + ROUNDING)
        data = session.read(position, position + 1) if position >= 0 else session.read(0, 0)
        if data.shape[1] == 0:
            raise IndexError(
                f"{session.name}: no sample is played at {seconds} s: the stream is heard from "
                f"{session.begin_seconds} s to {session.seconds_at(len(decoder))} s"
            )
        return data[:, 0]


class AudioDecoder(SampleIndexing):
    """The samples of an audio stream, as tensors.

    A decoder behaves like the array ``[num_channels, num_samples]`` of all its samples along its second axis,
    of which only what is asked for is decoded: ``decoder[0:16000]``, ``decoder[-8000:]``, ``decoder[5]``.
    ``decoder.t`` is the same by time: ``decoder.t[0.5:1.5]``. Sample 0 is the first that the ffmpeg command
    gives for the stream: what the encoder put before the sound is not returned, where the container tells it.

    Windows read in order are the same bits as one large window. A window anywhere has the samples that the
    whole has there: bit for bit for PCM, FLAC, ALAC, MP3 and Vorbis; for codecs whose decoder remembers more
    (AAC, Opus, AMR) very nearly, or bit for bit with ``seek_mode="exact"``. WAV files of plain PCM are
    read without FFmpeg.

    A stream whose sample rate or number of channels changes is returned in the form of its beginning: what
    follows a change is resampled or mixed to it.

    Parameters
    ----------
    source : str, pathlib.Path, bytes, torch.Tensor or file-like
        A path or URL, the bytes of a file (bytes or a 1-D uint8 tensor), or an object with ``read(size)`` and
        ``seek(offset, whence)``, which is read on demand.
    stream_index : int, optional
        Which stream of the container, counting all kinds of streams; None takes FFmpeg's best audio stream.
    sample_rate : int, optional
        Samples per second to convert to; positions then count these. None keeps the stream's own.
    num_channels : int, optional
        Number of channels to mix to, as the ffmpeg command does it; None keeps the stream's own.
    seek_mode : {"approximate", "exact"}
        Whether a window may be decoded from a place shortly before it, or only ever from the start.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    FFmpegError
        The source cannot be read, holds no audio stream, or no sample of it can be decoded.
    TypeError, ValueError
        An argument is of the wrong type or has a value that is not allowed.
    """

    def __init__(
        self,
        source: Source,
        *,
        stream_index: int | None = None,
        sample_rate: int | None = None,
        num_channels: int | None = None,
        seek_mode: Literal["approximate", "exact"] = "approximate",
    ) -> None:
        one_of("seek_mode", seek_mode, ("approximate", "exact"))
        options = AudioOptions(
            stream_index=optional_integer("stream_index", stream_index, 0, INT32_MAX),
            sample_rate=optional_integer("sample_rate", sample_rate, 1, INT32_MAX),
            num_channels=optional_integer("num_channels", num_channels, 1, INT32_MAX),
            exact=seek_mode == "exact",
        )
        self._session = AudioSession(source, options)


class WavDecoder(SampleIndexing):
    """The samples of a WAV file of plain PCM (RIFF, RF64 or BW64; 8 to 64 bits), as tensors.

    The interface is AudioDecoder's, which reads such files in the same way; this one refuses everything else.

    Parameters
    ----------
    source : str, pathlib.Path, bytes, torch.Tensor or file-like
    sample_rate, num_channels : int, optional
        As for AudioDecoder.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    InvalidDataError
        It is no WAV file of plain PCM.
    """

    def __init__(
        self, source: Source, *, sample_rate: int | None = None, num_channels: int | None = None
    ) -> None:
        options = AudioOptions(
            stream_index=None,
            sample_rate=optional_integer("sample_rate", sample_rate, 1, INT32_MAX),
            num_channels=optional_integer("num_channels", num_channels, 1, INT32_MAX),
            exact=False,
            wav_only=True,
        )
        self._session = AudioSession(source, options)


def _unpickle(kind: type[SampleIndexing], source: Any, options: AudioOptions) -> SampleIndexing:
    decoder = kind.__new__(kind)
    decoder._session = AudioSession(source, options)
    return decoder
