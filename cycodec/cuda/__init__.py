"""The Python side of decoding on NVIDIA GPUs: the driver by cuda-python, kernels by NVRTC, and who decodes what.

Nothing here is imported before a decoder asks for ``device="cuda"``.
"""
