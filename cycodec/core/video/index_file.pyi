from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST_COUNT: int
ORIGINS: frozenset[str]
ANCHOR_FIELDS: list[tuple[str, str]]

def pack_index(header: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> bytes: ...
def unpack_index(data: bytes, name: str) -> tuple[dict[str, Any], dict[str, NDArray[np.int64]]]: ...
def write_index(path: str | bytes | PathLike[str], data: bytes) -> None: ...
def read_index(path: str | bytes | PathLike[str]) -> bytes: ...
