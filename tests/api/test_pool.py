"""The pool reuses the memory of batches: never while somebody holds it, never more than its
capacity.
"""

import multiprocessing
import os
import subprocess
import sys
import threading

import media
import numpy as np
import pytest
import torch

import cycodec
from cycodec._shared import torch_adapter
from cycodec.decoders import VideoDecoder

SHAPE = (8, 96, 128, 3)
SIZE = 8 * 96 * 128 * 3


@pytest.fixture(autouse=True)
def empty():
    """Empties the pool before a test, and restores its capacity afterwards."""
    cycodec.empty_cache()
    capacity = cycodec.get_cache_capacity()
    yield
    cycodec.set_cache_capacity(capacity)


def address_of_a_freed_batch():
    return torch_adapter.empty(SHAPE).data_ptr()


def test_a_freed_batch_serves_the_next_one():
    before = cycodec.cache_stats()
    address = address_of_a_freed_batch()
    assert cycodec.cache_stats()["held_blocks"] == before["held_blocks"] + 1
    assert cycodec.cache_stats()["held_bytes"] >= SIZE
    tensor = torch_adapter.empty(SHAPE)
    assert tensor.data_ptr() == address
    assert cycodec.cache_stats()["hits"] == before["hits"] + 1
    assert cycodec.cache_stats()["held_bytes"] == 0


def test_each_result_of_a_long_list_serves_the_next_list():
    """Lists of images, and batches of many videos, free hundreds of blocks together."""
    count, shape = 300, (256, 1024)  # the smallest size that is pooled
    tensors = [torch_adapter.empty(shape) for _ in range(count)]
    addresses = {tensor.data_ptr() for tensor in tensors}
    del tensors
    before = cycodec.cache_stats()
    assert before["held_blocks"] == count
    tensors = [torch_adapter.empty(shape) for _ in range(count)]
    assert {tensor.data_ptr() for tensor in tensors} == addresses
    assert cycodec.cache_stats()["misses"] == before["misses"]
    assert cycodec.cache_stats()["held_bytes"] == 0


def test_the_number_of_blocks_is_limited():
    cycodec.set_cache_capacity(4 << 30)
    tensors = [torch_adapter.empty((256, 1024)) for _ in range(4200)]  # their pages are never touched
    del tensors
    assert cycodec.cache_stats()["held_blocks"] == 4096


def test_the_block_that_was_freed_last_is_used_first_and_evicted_last():
    first, second, third = (torch_adapter.empty(SHAPE) for _ in range(3))
    addresses = [tensor.data_ptr() for tensor in (second, third, first)]
    del second
    del third
    del first
    cycodec.set_cache_capacity(cycodec.cache_stats()["held_bytes"] - 1)
    tensors = [torch_adapter.empty(SHAPE) for _ in range(2)]
    assert [tensor.data_ptr() for tensor in tensors] == [addresses[2], addresses[1]]


@pytest.mark.parametrize(
    "keep",
    [
        lambda tensor: tensor,
        lambda tensor: tensor[2:4, :, 1],
        lambda tensor: tensor.permute(0, 3, 1, 2)[-1:],
        lambda tensor: tensor.numpy()[5:],
        lambda tensor: np.asarray(tensor.numpy()[0, 0]),
        lambda tensor: torch.utils.dlpack.to_dlpack(tensor),
        lambda tensor: np.from_dlpack(tensor),
        lambda tensor: memoryview(tensor.numpy()),
        lambda tensor: tensor.untyped_storage(),
    ],
    ids=[
        "tensor",
        "slice",
        "view",
        "array",
        "array of a part",
        "capsule",
        "array by DLPack",
        "buffer",
        "storage",
    ],
)
def test_memory_is_not_given_away_while_anything_holds_it(keep):
    tensor = torch_adapter.empty(SHAPE)
    address = tensor.data_ptr()
    held = keep(tensor)
    del tensor
    others = [torch_adapter.empty(SHAPE) for _ in range(3)]
    assert address not in [other.data_ptr() for other in others]
    del others
    cycodec.empty_cache()
    del held
    assert address_of_a_freed_batch() == address


def test_what_is_held_keeps_its_values():
    path = media.path("h264_plain.mp4")
    decoder = VideoDecoder(path)
    first = decoder[0:20]
    expected = first.clone()
    part = decoder[20:40][3:5]
    expected_part = part.clone()
    for start in range(0, 60, 5):
        decoder[start : start + 20]
    assert torch.equal(first, expected)
    assert torch.equal(part, expected_part)


def test_no_more_is_kept_than_allowed():
    cycodec.set_cache_capacity(3 * SIZE)
    batches = [torch_adapter.empty(SHAPE) for _ in range(6)]
    del batches
    assert 2 * SIZE <= cycodec.cache_stats()["held_bytes"] <= 3 * SIZE
    cycodec.set_cache_capacity(SIZE + (1 << 16))
    assert cycodec.cache_stats()["held_blocks"] == 1
    cycodec.set_cache_capacity(0)
    assert cycodec.cache_stats()["held_bytes"] == 0
    address_of_a_freed_batch()
    assert cycodec.cache_stats()["held_blocks"] == 0
    with pytest.raises(ValueError, match="0 or more"):
        cycodec.set_cache_capacity(-1)


@pytest.mark.parametrize(
    "size", [1.5, True, None, "x", np.bool_(True), np.float64(8), torch.tensor(True), torch.tensor(1.5)]
)
def test_a_capacity_is_an_integer(size):
    before = cycodec.get_cache_capacity()
    with pytest.raises(TypeError, match=r"^size must be an integer .*, not .+") as caught:
        cycodec.set_cache_capacity(size)
    assert repr(size) in str(caught.value)
    assert cycodec.get_cache_capacity() == before


@pytest.mark.parametrize(
    ("size", "message"),
    [
        (-1, "size must be 0 or more, not -1"),
        (np.int64(-2), "size must be 0 or more, not -2"),
        (sys.maxsize + 1, f"size must be {sys.maxsize} at most, not {sys.maxsize + 1}"),
        (1 << 70, f"size must be {sys.maxsize} at most, not {1 << 70}"),
    ],
)
def test_a_capacity_is_within_bounds(size, message):
    before = cycodec.get_cache_capacity()
    with pytest.raises(ValueError, match=f"^{message}$"):
        cycodec.set_cache_capacity(size)
    assert cycodec.get_cache_capacity() == before


@pytest.mark.parametrize("size", [0, 1, np.int32(5), np.uint64(7), torch.tensor(9), sys.maxsize])
def test_every_kind_of_integer_is_a_capacity(size):
    cycodec.set_cache_capacity(size)
    assert cycodec.get_cache_capacity() == int(size)


def test_a_small_batch_does_not_get_a_large_block():
    address_of_a_freed_batch()
    torch_adapter.empty((3, 96, 128, 3))
    assert cycodec.cache_stats()["held_bytes"] >= SIZE


def test_empty_cache_gives_memory_back_to_the_system():
    batches = [torch_adapter.empty((64, 480, 640, 3)).fill_(1) for _ in range(4)]
    del batches
    held = cycodec.cache_stats()["held_bytes"]
    assert held >= 4 * 64 * 480 * 640 * 3
    before = resident()
    cycodec.empty_cache()
    assert before - resident() > held / 2


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_threads_never_share_a_batch():
    """Each thread fills its batches with a number of its own, and finds that number again."""
    wrong = []

    def work(number):
        for turn in range(300):
            batch = torch_adapter.empty((1 + turn % 5, 300, 300, 3))
            batch.fill_(number)
            if not bool((batch == number).all()):
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def fill_in_child(connection):
    batch = torch_adapter.empty(SHAPE).numpy()  # torch's own threads do not survive a fork
    batch[:] = 7
    connection.send((cycodec.cache_stats()["hits"], bool((batch == 7).all())))


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_has_memory_of_its_own():
    held = torch_adapter.empty(SHAPE).fill_(1)
    address_of_a_freed_batch()
    before = cycodec.cache_stats()
    here, there = multiprocessing.Pipe()
    child = multiprocessing.get_context("fork").Process(target=fill_in_child, args=(there,))
    child.start()
    assert here.poll(60)
    hits, right = here.recv()
    child.join()
    assert right
    assert hits == before["hits"] + 1
    assert cycodec.cache_stats() == before
    assert bool((torch_adapter.empty(SHAPE).fill_(2) == 2).all())
    assert bool((held == 1).all())


@pytest.mark.parametrize(("value", "expected"), [("0", 0), ("12345678", 12345678), (None, 1 << 30)])
def test_the_environment_says_how_much_is_kept(value, expected):
    environment = {key: text for key, text in os.environ.items() if key != "CYCODEC_POOL_BYTES"}
    if value is not None:
        environment["CYCODEC_POOL_BYTES"] = value
    code = "import cycodec; print(cycodec.get_cache_capacity())"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert int(done.stdout) == expected


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("1.5", "CYCODEC_POOL_BYTES must be an integer (a number of bytes), not '1.5'"),
        ("-1", "CYCODEC_POOL_BYTES must be 0 or more, not -1"),
    ],
)
def test_a_capacity_that_the_environment_cannot_mean(value, message):
    code = "import cycodec; cycodec.get_cache_capacity()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "CYCODEC_POOL_BYTES": value},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode
    assert f"ValueError: {message}" in done.stderr
