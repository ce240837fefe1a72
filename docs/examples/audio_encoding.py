"""
Encoding audio
==============

Samples to files, to file-like objects, and to tensors of bytes.
"""

# %%
# To files
# --------
#
# Samples are ``[num_channels, num_samples]``: floats in [-1, 1], or int16 or int32. The file
# extension selects the format.

import io
import math

import torch
from pictures import show_samples

from cycodec.decoders import AudioDecoder
from cycodec.encoders import AudioEncoder

rate = 48000
time = torch.arange(2 * rate) / rate
samples = 0.5 * torch.stack([torch.sin(2 * math.pi * 440 * time), torch.sin(2 * math.pi * 660 * time)])
samples *= torch.exp(-3 * (time % 0.5))
encoder = AudioEncoder(samples, sample_rate=rate)

for name in ("tone.flac", "tone.mp3", "tone.m4a"):
    encoder.to_file(name)
    print(f"{name}: {AudioDecoder(name).get_all_samples()}")

# %%
# FLAC keeps 24 bits of each sample. Samples of lossy formats are in step with the input; AAC fills
# its last packet with silence.

assert (AudioDecoder("tone.flac")[:] - samples).abs().max() < 2**-23
show_samples(AudioDecoder("tone.mp3")[:], rate)

# %%
# A smaller file
# --------------
#
# One channel, 16 kHz, a low bit rate.

encoder.to_file("speech.mp3", num_channels=1, sample_rate=16000, bit_rate=32000)
print(AudioDecoder("speech.mp3"))

# %%
# To memory
# ---------
#
# ``to_file_like`` writes to an object, and ``to_tensor`` returns the bytes of the file.

buffer = io.BytesIO()
encoder.to_file_like(buffer, "wav")
data = encoder.to_tensor("wav")
print(f"{len(data)} bytes of WAV")
assert bytes(data.numpy()) == buffer.getvalue()

# %%
# Arguments are checked
# ---------------------
#
# The error names what the codec does support.

try:
    AudioEncoder(samples, sample_rate=44100).to_tensor("opus")
except ValueError as error:
    print(error)
