"""What clients of TorchCodec do with it: functions that call a client's public API.

Each case gets the paths of media by name, and returns dicts, lists, numbers, strings and arrays,
which the tests compare between cycodec and TorchCodec.
"""

from __future__ import annotations

import dataclasses
import io
import json
import os
import pickle
import sys
import tempfile
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

Media = dict[str, str]
CASES: dict[str, Callable[[Media], Any]] = {}


def case(function: Callable[[Media], Any]) -> Callable[[Media], Any]:
    CASES[function.__name__] = function
    return function


def numbers(metadata: Any) -> dict[str, Any]:
    """The computed values of a decoder's metadata that are not None."""
    names = ("num_frames", "average_fps", "duration_seconds", "begin_stream_seconds", "end_stream_seconds")
    more = ("width", "height", "sample_rate", "num_channels", "codec", "stream_index")
    return {n: v for n in (*names, *more) if (v := getattr(metadata, n, None)) is not None}


# --- datasets -------------------------------------------------------------------------------------


def videos(paths: list[Any], **options: Any) -> Any:
    from datasets import Dataset, Video

    return Dataset.from_dict({"video": paths}).cast_column("video", Video(**options))


@case
def datasets_video(media: Media) -> Any:
    decoder = videos([media["video"]])[0]["video"]
    batch = decoder.get_frames_at([0, 3, -1])
    return {
        "length": len(decoder),
        "metadata": numbers(decoder.metadata),
        "path": os.path.basename(decoder.metadata.path),
        "frame": decoder[3].numpy(),
        "batch": batch.data.numpy(),
        "pts": batch.pts_seconds.numpy(),
        "each": [frame.pts_seconds.item() for frame in batch],
        "range": decoder.get_frames_in_range(start=2, stop=6).data.numpy(),
        "played": decoder.get_frame_played_at(0.5).data.numpy(),
    }


@case
def datasets_video_bytes(media: Media) -> Any:
    data = Path(media["video"]).read_bytes()
    decoder = videos([{"bytes": data, "path": None}], dimension_order="NHWC", seek_mode="approximate")[0][
        "video"
    ]
    return {"frame": decoder.get_frame_at(4).data.numpy(), "metadata": numbers(decoder.metadata)}


@case
def datasets_video_encoded_again(media: Media) -> Any:
    from datasets import Video

    decoder = videos([media["video"]])[0]["video"]
    example = Video().encode_example(decoder)
    return {"path": os.path.basename(example["path"]), "bytes": example["bytes"]}


@case
def datasets_video_in_workers(media: Media) -> Any:
    dataset = videos([media["video"], media["late"]])
    mapped = dataset.map(lambda row: {"mean": float(row["video"][0].double().mean())}, num_proc=2)
    return {"columns": mapped.column_names, "means": np.array(mapped["mean"]).round(1)}


@case
def datasets_video_formats(media: Media) -> Any:
    dataset = videos([media["video"]])
    return {name: type(dataset.with_format(name)[0]["video"]).__name__ for name in ("torch", "numpy")}


@case
def datasets_video_streamed(media: Media) -> Any:
    rows = list(videos([media["video"], media["late"]]).to_iterable_dataset())
    return [numbers(row["video"].metadata) for row in rows]


@case
def datasets_audio(media: Media) -> Any:
    from datasets import Audio, Dataset

    dataset = Dataset.from_dict({"audio": [media["sound"]]}).cast_column("audio", Audio())
    # A second read of one TorchCodec decoder gives other samples than the first, up to 7e-4.
    array, samples, audio = (
        dataset[0]["audio"]["array"],
        dataset[0]["audio"].get_all_samples(),
        dataset[0]["audio"],
    )
    return {
        "array": array,
        "rate": audio["sampling_rate"],
        "samples": samples.data.numpy(),
        "fields": list(samples)[1:],
        "metadata": numbers(audio.metadata),
        "path": os.path.basename(audio.metadata.path),
        "middle": audio.get_samples_played_in_range(0.25, 0.5).data.numpy(),
    }


@case
def datasets_audio_resampled(media: Media) -> Any:
    from datasets import Audio, Dataset

    feature = Audio(sampling_rate=8000, num_channels=1)
    audio = Dataset.from_dict({"audio": [media["sound"]]}).cast_column("audio", feature)[0]["audio"]
    return {"rate": audio["sampling_rate"], "length": len(audio["array"])}


@case
def datasets_audio_written(media: Media) -> Any:
    from datasets import Audio, Dataset, Features

    array = np.sin(np.arange(1600) / 10, dtype=np.float32) / 2
    rows = {"audio": [{"array": array, "sampling_rate": 16000}]}
    dataset = Dataset.from_dict(rows, features=Features({"audio": Audio()}))
    audio = dataset[0]["audio"]
    again = Audio().encode_example(audio)
    return {
        "array": audio["array"],
        "rate": audio["sampling_rate"],
        "again": len(again["bytes"] or b"") > 1600,
    }


# --- torchaudio -----------------------------------------------------------------------------------


@case
def torchaudio_load(media: Media) -> Any:
    import torchaudio

    results = {}
    for name in ("sound", "wav", "flac"):
        data, rate = torchaudio.load(media[name])
        results[name] = {"data": data.numpy(), "rate": rate}
    data, rate = torchaudio.load(media["wav"], frame_offset=100, num_frames=500, channels_first=False)
    results["part"] = {"data": data.numpy(), "rate": rate}
    data, rate = torchaudio.load(io.BytesIO(Path(media["flac"]).read_bytes()))
    results["file-like"] = {"data": data.numpy(), "rate": rate}
    return results


@case
def torchaudio_save(media: Media) -> Any:
    import torch
    import torchaudio

    samples = torch.sin(torch.arange(16000) / 10).repeat(2, 1) / 2
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in ("a.wav", "a.flac", "a.mp3"):
            torchaudio.save(f"{folder}/{name}", samples, 16000)
            data, rate = torchaudio.load(f"{folder}/{name}")
            results[name] = {"shape": list(data.shape), "rate": rate}
            if name != "a.mp3":
                results[name]["data"] = data.numpy()
    return results


@case
def torchaudio_errors(media: Media) -> Any:
    import torchaudio

    results = {}
    for name in ("missing.wav", media["silent"]):
        try:
            torchaudio.load(name)
        except RuntimeError as error:
            results[os.path.basename(name)] = type(error).__name__
    return results


# --- transformers ---------------------------------------------------------------------------------


@case
def transformers_video(media: Media) -> Any:
    from transformers.video_utils import load_video

    results = {}
    for name in ("video", "late"):
        frames, metadata = load_video(media[name], num_frames=6, backend="torchcodec")
        results[name] = {
            "frames": np.asarray(frames),
            "fps": metadata.fps,
            "total": metadata.total_num_frames,
            "duration": metadata.duration,
            "indices": np.asarray(metadata.frames_indices),
        }
    return results


@case
def transformers_audio(media: Media) -> Any:
    from transformers.audio_utils import load_audio
    from transformers.utils import is_torchcodec_available, is_torchcodec_usable

    return {
        "available": is_torchcodec_available(),
        "usable": is_torchcodec_usable(decode="audio"),
        "wav": load_audio(media["wav"], sampling_rate=44100, backend="torchcodec"),
        "length": len(load_audio(media["sound"], sampling_rate=16000, backend="torchcodec")),
    }


# --- qwen-vl-utils --------------------------------------------------------------------------------


@case
def qwen_video(media: Media) -> Any:
    from qwen_vl_utils import fetch_video
    from qwen_vl_utils.vision_process import get_video_reader_backend

    results: dict[str, Any] = {"backend": get_video_reader_backend()}
    for name, part in [("whole", {}), ("part", {"video_start": 0.5, "video_end": 2.0})]:
        request = {"video": media["video"], "nframes": 8, **part}
        (frames, metadata), fps = fetch_video(
            request, return_video_sample_fps=True, return_video_metadata=True
        )
        results[name] = {"frames": frames.numpy(), "fps": fps, "indices": list(metadata["frames_indices"])}
    return results


# --- litdata --------------------------------------------------------------------------------------


@case
def litdata_video(media: Media) -> Any:
    from litdata.streaming.serializers import VideoSerializer

    data, extension = VideoSerializer().serialize(media["video"])
    decoder = VideoSerializer().deserialize(data)
    again, _ = VideoSerializer().serialize(decoder)
    frames, audio, metadata = VideoSerializer(decode="all").deserialize(data)
    json.dumps({name: str(value) for name, value in metadata.items()})
    return {
        "extension": extension,
        "same": again == data,
        "frame": decoder.get_frame_at(2).data.numpy(),
        "shape": list(frames.shape),
        "audio": list(audio.shape),
        "frames": metadata["num_frames"],
        "duration": metadata["duration_seconds"],
    }


@case
def litdata_video_without_audio(media: Media) -> Any:
    from litdata.streaming.serializers import VideoSerializer

    data, _ = VideoSerializer().serialize(media["silent"])
    frames, audio, _ = VideoSerializer(decode="all").deserialize(data)
    return {"shape": list(frames.shape), "audio": list(audio.shape)}


@case
def litdata_video_written(media: Media) -> Any:
    from litdata.streaming.serializers import VideoSerializer
    from litdata.types import Video

    frames = np.zeros((8, 64, 64, 3), np.uint8)
    frames[:, 16:48, 16:48, 0] = 200
    data, extension = VideoSerializer().serialize(Video(array=frames, fps=8.0))
    decoder = VideoSerializer().deserialize(data)
    return {
        "extension": extension,
        "length": len(decoder),
        "fps": decoder.metadata.average_fps,
        "means": decoder.get_frame_at(3).data.double().mean((1, 2)).numpy().round(-1),
    }


@case
def litdata_audio(media: Media) -> Any:
    from litdata.streaming.serializers import AudioSerializer

    data, extension = AudioSerializer().serialize(media["wav"])
    audio = AudioSerializer().deserialize(data)
    samples, rate = AudioSerializer(decode="samples").deserialize(data)
    wave, _ = AudioSerializer().serialize({"array": np.zeros(800, np.float32), "sampling_rate": 8000})
    return {
        "extension": extension,
        "rate": audio["sampling_rate"],
        "array": audio["array"],
        "samples": samples.numpy(),
        "samples rate": rate,
        "written": len(AudioSerializer().deserialize(wave)["array"]),
    }


# --- LeRobot --------------------------------------------------------------------------------------


@case
def lerobot_frames(media: Media) -> Any:
    from lerobot.datasets.video_utils import VideoDecoderCache, decode_video_frames_torchcodec

    cache = VideoDecoderCache()
    frames = [
        decode_video_frames_torchcodec(media["video"], times, 1e-3, decoder_cache=cache)
        for times in ([0.0, 0.04, 1.0], [0.2])
    ]
    return {"first": frames[0].numpy(), "second": frames[1].numpy(), "cached": cache.size()}


@case
def lerobot_frames_in_a_worker(media: Media) -> Any:
    import torch.utils.data
    from lerobot.datasets.video_utils import decode_video_frames_torchcodec

    class Rows(torch.utils.data.Dataset):
        def __len__(self) -> int:
            return 2

        def __getitem__(self, number: int) -> Any:
            return decode_video_frames_torchcodec(media["video"], [number * 0.4], 1e-3)

    Rows()[0]  # the decoder of the default cache is made before the workers are forked
    rows = torch.utils.data.DataLoader(Rows(), num_workers=1, multiprocessing_context="fork")
    return [row.numpy() for row in rows]


# --- pyannote.audio -------------------------------------------------------------------------------


def hide_torchvision() -> None:
    """Let torchmetrics do without torchvision, whose wheels load with torch's CUDA builds only."""
    known = metadata.distribution

    def distribution(name: str) -> metadata.Distribution:
        if name == "torchvision":
            raise metadata.PackageNotFoundError(name)
        return known(name)

    metadata.distribution = distribution
    sys.modules["torchvision"] = None  # type: ignore[assignment]


@case
def pyannote_audio(media: Media) -> Any:
    """Whole files, at their own rate and resampled, as paths and as file-like objects."""
    hide_torchvision()
    from pyannote.audio.core.io import Audio, get_audio_metadata

    found = {}
    for name in ("wav", "flac", "sound"):
        whole, rate = Audio()(media[name])
        low, low_rate = Audio(sample_rate=16000, mono="downmix")(media[name])
        right, _ = Audio()({"audio": media[name], "channel": 1})
        with open(media[name], "rb") as file:
            again, _ = Audio()(file)
            position = file.tell()
        found[name] = {
            "rates": [rate, low_rate],
            "whole": whole.numpy(),
            "low": low.numpy(),
            "right": right.numpy(),
            "again": again.numpy(),
            "position": position,
            "duration": Audio().get_duration(media[name]),
            "metadata": numbers(get_audio_metadata({"audio": media[name]})),
        }
    return found


@case
def pyannote_crop(media: Media) -> Any:
    """Windows, also those that begin before the file or end behind it."""
    hide_torchvision()
    from pyannote.audio.core.io import Audio
    from pyannote.core import Segment

    audio = Audio(sample_rate=16000, mono="downmix")
    crops = []
    for name in ("wav", "flac"):
        for start, end, mode in ((0.5, 1.25, "raise"), (0, 4, "raise"), (-1, 0.5, "pad"), (3.5, 5, "pad")):
            crops.append(audio.crop(media[name], Segment(start, end), mode=mode)[0].numpy())
    refused = []
    for start, end in ((-1, 0.5), (3.5, 9)):
        try:
            audio.crop(media["wav"], Segment(start, end))
        except ValueError as error:
            refused.append(str(error))
    return {"crops": crops, "refused": refused}


# --- any client -----------------------------------------------------------------------------------


@case
def plain_code(media: Media) -> Any:
    """What the documentation of such libraries shows."""
    from torchcodec.decoders import AudioDecoder, VideoDecoder
    from torchcodec.samplers import clips_at_regular_indices, clips_at_regular_timestamps

    decoder = VideoDecoder(media["video"])
    clips = clips_at_regular_indices(decoder, num_clips=3, num_frames_per_clip=4)
    times = clips_at_regular_timestamps(decoder, seconds_between_clip_starts=1.0, num_frames_per_clip=2)
    first = next(iter(clips))
    again = pickle.loads(pickle.dumps(decoder.metadata))
    return {
        "clips": clips.data.numpy(),
        "pts": clips.pts_seconds.numpy(),
        "times": times.pts_seconds.numpy(),
        "first": first.pts_seconds.numpy(),
        "item": first[1].pts_seconds.item(),
        "fields": {"num_frames", "duration_seconds"} <= set(dataclasses.asdict(again)),
        "fallback": "No fallback required" in str(decoder.cpu_fallback),
        "none": AudioDecoder(media["wav"]).get_samples_played_in_range(0, 0).data.numpy(),
    }
