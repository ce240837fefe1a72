"""The pages of the gallery, in the order in which a reader needs them."""

from pathlib import Path

PAGES = [
    "basic_example",
    "frames_and_regions",
    "by_time",
    "approximate_mode",
    "saved_index",
    "custom_frame_mappings",
    "file_like",
    "fsspec_source",
    "audio_decoding",
    "sampling",
    "transforms",
    "parallel_decoding",
    "training_dataloader",
    "performance_tips",
    "basic_cuda_example",
    "hdr_and_float",
    "outputs",
    "odd_files",
    "images",
    "damaged_files",
    "video_encoding",
    "audio_encoding",
    "recording",
    "cutting",
    "webdataset_tar",
    "ray_data",
]


def page_number(filename):
    """Return the place of a page in the gallery; sphinx-gallery sorts the pages by it."""
    return PAGES.index(Path(filename).stem)
