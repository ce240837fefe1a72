"""The Python side of decoding on NVIDIA GPUs.

``settings`` and ``decoder_cache`` are public through ``cycodec.decoders`` and load no GPU
extension. The other modules are imported when the first decoder asks for ``device="cuda"``.
"""
