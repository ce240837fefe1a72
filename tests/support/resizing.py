"""Frames resized by torch, which the converter's resampling must equal."""

import torch

from cycodec.transforms import Scale


def resize_bilinear(frames, height, width):
    """Resizes frames ``[N, H, W, C]`` on the CPU to ``[N, height, width, C]``: bilinear,
    antialiased, same dtype.
    """
    if frames.shape[0] == 0:
        return frames.new_empty((0, height, width, frames.shape[3]))
    # NHWC memory viewed as NCHW is torch's channels-last format. torch has a kernel for it in
    # uint8, but not in half precision.
    images = frames.permute(0, 3, 1, 2)
    if frames.dtype is torch.float16:
        images = images.float()
    images = torch.nn.functional.interpolate(images, size=(height, width), mode="bilinear", antialias=True)
    return images.to(frames.dtype).permute(0, 2, 3, 1)


def apply(pipeline, frames):
    """Applies the steps of a resolved pipeline to frames ``[N, H, W, C]`` of its region."""
    for step in pipeline.steps:
        if isinstance(step, Scale):
            frames = resize_bilinear(frames, step.height, step.width)
        else:
            frames = frames[:, step.top : step.top + step.height, step.left : step.left + step.width]
    return frames
