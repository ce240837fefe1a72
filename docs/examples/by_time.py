"""Frames by time: the frame that is shown at an instant, and a constant rate from any video."""

from clip import make_clip

from cycodec.decoders import VideoDecoder

decoder = VideoDecoder(make_clip("time.mp4", rate=24))

frame = decoder.get_frame_played_at(1.51)
print(f"at 1.51 s the frame of {frame.pts_seconds:.3f} s is shown, for {frame.duration_seconds:.3f} s")
assert frame.pts_seconds <= 1.51 < frame.pts_seconds + frame.duration_seconds

# All frames of one second, then ten frames a second, independent of the video's own rate.
second = decoder.get_frames_played_in_range(1.0, 2.0)
steady = decoder.get_frames_played_in_range(1.0, 2.0, fps=10)
print(f"{len(second)} frames are played in that second, {len(steady)} at 10 fps")

# The short form returns the same frames.
assert (decoder.t[1.51] == frame.data).all()
assert (decoder.t[1.0:2.0] == second.data).all()
assert (decoder.t[1.0:2.0:0.1] == steady.data).all()
