"""Audio to files, to file-like objects and to tensors of bytes."""

import io
import math

import torch

from cycodec.decoders import AudioDecoder
from cycodec.encoders import AudioEncoder

# Two seconds of two tones, float32 [num_channels, num_samples] in [-1, 1].
rate = 48000
time = torch.arange(2 * rate) / rate
samples = 0.5 * torch.stack([torch.sin(2 * math.pi * 440 * time), torch.sin(2 * math.pi * 660 * time)])
encoder = AudioEncoder(samples, sample_rate=rate)

# The file extension selects the format.
for name in ("tone.flac", "tone.mp3", "tone.m4a"):
    encoder.to_file(name)
    decoded = AudioDecoder(name).get_all_samples()
    print(f"{name}: {decoded}")

# FLAC keeps 24 bits of each sample. Lossy formats return as many samples, in step with the input.
assert (AudioDecoder("tone.flac")[:] - samples).abs().max() < 2**-23

# A smaller file: one channel, 16 kHz, a low bit rate.
encoder.to_file("speech.mp3", num_channels=1, sample_rate=16000, bit_rate=32000)

# To memory.
buffer = io.BytesIO()
encoder.to_file_like(buffer, "wav")
data = encoder.to_tensor("wav")
print(f"{len(data)} bytes of WAV")
assert bytes(data.numpy()) == buffer.getvalue()

# The error names what the codec does support.
try:
    AudioEncoder(samples, sample_rate=44100).to_tensor("opus")
except ValueError as error:
    print(error)
