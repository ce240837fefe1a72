"""A decoder has one metadata object, and keeps what a user adds to it and to the decoder."""

import copy
import dataclasses
import json
import pickle

import audio_media
import media
import pytest

from cycodec.decoders import AudioDecoder, VideoDecoder, WavDecoder

KINDS = [(VideoDecoder, "h264_sound.mp4"), (AudioDecoder, "h264_sound.mp4"), (WavDecoder, "pcm_8k.wav")]
AGAIN = [copy.copy, lambda decoder: pickle.loads(pickle.dumps(decoder))]


class OwnVideo(VideoDecoder):
    """A user's class with an argument of its own."""

    def __init__(self, source, note):
        super().__init__(source)
        self.note = note


class OwnAudio(AudioDecoder):
    def __init__(self, source, note):
        super().__init__(source)
        self.note = note


@pytest.fixture(params=KINDS, ids=lambda kind: kind[0].__name__)
def decoder(request):
    kind, name = request.param
    return kind(audio_media.locate(name) if name.endswith(".wav") else media.locate(name))


def test_every_access_gives_the_same_object(decoder):
    metadata = decoder.metadata
    metadata.path = "set by the user"
    decoder[0:5]
    len(decoder)
    assert decoder.metadata is metadata
    decoder.close()
    assert decoder.metadata is metadata
    assert metadata.path == "set by the user"


def test_json_has_every_value(decoder):
    values = json.loads(json.dumps(dataclasses.asdict(decoder.metadata)))
    assert values["duration_seconds"] == decoder.metadata.duration_seconds
    assert values["stream_index"] == decoder.stream_index


@pytest.mark.parametrize("again", AGAIN)
def test_what_a_user_sets_survives(decoder, again):
    decoder._hf_encoded = {"path": "a.mp4", "bytes": None}
    decoder.metadata.path = "a.mp4"
    other = again(decoder)
    assert type(other) is type(decoder)
    assert other._hf_encoded == {"path": "a.mp4", "bytes": None}
    assert other.metadata.path == "a.mp4"
    assert other.metadata == decoder.metadata
    assert other.metadata is not decoder.metadata
    assert (other[0:3] == decoder[0:3]).all()


@pytest.mark.parametrize("again", AGAIN)
@pytest.mark.parametrize("kind", [OwnVideo, OwnAudio])
def test_subclasses_survive(kind, again):
    decoder = kind(media.locate("h264_sound.mp4"), "mine")
    other = again(decoder)
    assert type(other) is kind
    assert other.note == "mine"
    assert (other[0:3] == decoder[0:3]).all()


def test_metadata_follow_what_the_decoder_learns():
    decoder = VideoDecoder(media.locate("bad_invalid_nalu.mp4"))
    metadata = decoder.metadata
    before = metadata.num_frames
    assert before == len(decoder)
    assert not decoder.confirm()
    assert decoder.metadata is metadata
    assert metadata.num_frames == metadata.num_frames_from_content == len(decoder) < before


def test_padding_is_added_when_the_end_was_read():
    decoder = AudioDecoder(media.locate("aac_music_priming.m4a"))
    metadata = decoder.metadata
    assert metadata.encoder_padding is None
    decoder.get_all_samples()
    assert decoder.metadata is metadata
    assert metadata.encoder_padding is not None
