"""A saved index: the frames of a file are found once, and later opens take almost no time."""

import time

from clip import make_clip

from cycodec import FrameIndex, StaleIndexError
from cycodec.decoders import VideoDecoder

# A transport stream has no table of its frames. To open it, cycodec must read all of it.
source = make_clip("recording.ts", "-c:v", "mpeg2video", "-q:v", "4", "-bf", "2", seconds=20)

start = time.perf_counter()
decoder = VideoDecoder(source)
print(f"without an index: {1e3 * (time.perf_counter() - start):.1f} ms")
decoder.index.save("recording.idx")

start = time.perf_counter()
again = VideoDecoder(source, index="recording.idx")
print(f"with the index:   {1e3 * (time.perf_counter() - start):.1f} ms")
assert len(again) == len(decoder)
assert (again[-1] == decoder[-1]).all()

index = FrameIndex.load("recording.idx")
print(f"{len(index)} frames, {len(index.key_frames)} of them key frames, from {index.begin_seconds:.3f} s on")

# An index carries a fingerprint of its file.
try:
    VideoDecoder(make_clip("other.ts", "-c:v", "mpeg2video"), index=index)
except StaleIndexError as error:
    print("refused:", error)
