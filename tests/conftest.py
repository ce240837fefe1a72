"""The report's header, the fixtures for files, and the guard against an ffmpeg command of another
version.
"""

import os
import re

import media
import pytest
import recipes
from on_gpu import REAL, fake, gpu, loaded  # noqa: F401 - fixtures


def pytest_report_header(config):
    lines = [f"oracle: {recipes.FFMPEG} {recipes.ffmpeg_version()}; generated media in {recipes.CACHE}"]
    where = recipes.SHARED if recipes.SHARED.is_dir() else "absent, their tests are skipped"
    return [*lines, f"shared media: {where}"]


def pytest_addoption(parser):
    parser.addoption(
        "--thorough",
        action="store_true",
        help="read 200 random frames of the large files too, without a time budget (many minutes)",
    )


def pytest_runtest_setup(item):
    if item.get_closest_marker("needs_cuda") and not REAL:
        stop = pytest.fail if os.environ.get("FAIL_WITHOUT_CUDA") == "1" else pytest.skip
        stop("needs a GPU; the test double cannot show this (tools/gpu_check)")


@pytest.fixture(scope="session")
def thorough(request):
    """True if tests may take many minutes."""
    return request.config.getoption("--thorough")


@pytest.fixture(scope="session")
def oracle_version():
    """Fails if the ffmpeg command is of another version than the libraries, because its pixels may
    differ.
    """
    import cycodec

    command = recipes.run("-version", quiet=False).stdout.decode()
    theirs = re.search(r"libavcodec\s+(\d+)\.\s*(\d+)", command)
    assert theirs is not None, f"cannot read the version of {recipes.FFMPEG}"
    ours = cycodec.ffmpeg_versions()["libavcodec"].split(".")
    if tuple(ours[:2]) != theirs.groups():
        pytest.fail(
            f"the oracle is another FFmpeg: {recipes.FFMPEG} has libavcodec {'.'.join(theirs.groups())}, "
            f"cycodec runs with {'.'.join(ours)}; name the right command by CYCODEC_TEST_FFMPEG",
            pytrace=False,
        )


@pytest.fixture
def make_media():
    """``make_media("h264_plain.mp4")`` returns the path of a generated or shared file."""
    return media.locate
