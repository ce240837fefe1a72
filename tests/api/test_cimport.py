"""The C API: the packages of tests/downstream are built against the wheel, as others do it."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
DOWNSTREAM = ROOT / "tests" / "downstream"
# A field that a later release puts before the fields of each class behind a handle.
NEW_FIELD = "    cdef int64_t[5] of_a_later_release"
CLASSES = {
    "container/container": "Container(DemuxerHandle)",
    "video/stream": "FrameStream(ReaderHandle)",
    "video/stream_index": "StreamIndex(IndexHandle)",
    "video/picture_spec": "PictureSpec(SpecHandle)",
    "audio/sample_blocks": "BlockReader(SamplesHandle)",
    "encode/muxer": "Muxer(MuxerHandle)",
    "encode/stream_encoder": "StreamEncoder(EncoderHandle)",
}
PROGRAM = """
import sys
import luma
from cycodec.decoders import VideoDecoder
import cycodec
decoder = VideoDecoder(sys.argv[1])
print(cycodec.__file__)
print(luma.mean_luma(decoder, 3))
print(luma.all_pts(decoder) == decoder.index.pts.tolist())
try:
    luma.mean_luma(decoder, 10**6)
except ValueError as error:
    print("refused", type(error).__name__)
lumas = luma.mean_lumas(decoder)
print(lumas[3] == luma.mean_luma(decoder, 3), len(lumas))
decoder.close()
try:
    luma.mean_luma(decoder, 5)
except cycodec.ClosedError as error:
    print("closed", type(error).__name__)
"""


def run(command, **options):
    # a build takes a minute, and many more on a machine that is busy
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800, **options)
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


class Site:
    """A virtual environment with a wheel of cycodec. It sees the packages of the tests' own Python.

    Parameters
    ----------
    folder : Path
        Where the environment is made.
    wheel : Path
    """

    def __init__(self, folder, wheel):
        run([sys.executable, "-m", "venv", "--without-pip", str(folder)])
        self.programs = folder / "bin"
        self.python = str(self.programs / "python")
        purelib = "import sysconfig; print(sysconfig.get_path('purelib'))"
        self.packages = Path(self.run("-c", purelib).strip())
        others = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
        others |= {path for path in sys.path if path.endswith(("site-packages", "dist-packages"))}
        (self.packages / "others.pth").write_text("\n".join(sorted(others)) + "\n")
        self.pip("install", "--no-deps", str(wheel))

    def environment(self, **variables):
        """Return environment variables with which the programs of this environment run."""
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        path = os.pathsep.join([str(self.programs), os.environ["PATH"]])
        return kept | {"PATH": path, "VIRTUAL_ENV": str(self.programs.parent)} | variables

    def run(self, *arguments, path=(), **options):
        """Return what Python prints; `path` are folders of further modules."""
        added = {"PYTHONPATH": os.pathsep.join(map(str, path))} if path else {}
        # Python looks for modules in the folder where it starts, which must not be the checkout
        options.setdefault("cwd", self.programs)
        return run([self.python, *arguments], env=self.environment(**added), **options)

    def pip(self, *arguments, **options):
        """Run the pip of the tests' Python for this environment."""
        return run([sys.executable, "-m", "pip", "--python", self.python, *arguments], **options)


def copy_of_sources(folder):
    """Copy what a build needs, so that nothing that was built in place can get into the wheel."""
    ignore = shutil.ignore_patterns("*.so", "__pycache__", "build", ".git", ".venv", "*.egg-info", ".*cache")
    folder.mkdir()
    for name in ("cycodec", "csrc"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    (folder / "tools").mkdir()
    names = ("setup.py", "native_requirements.py", "pyproject.toml", "README.md", "LICENSE", "MANIFEST.in")
    for name in (*names, "tools/system_packages.txt"):
        shutil.copy(ROOT / name, folder / name)
    return folder


def build_wheel(source, folder):
    """Return the wheel of a copy of the sources, which keeps the objects of its build."""
    # torch cannot be imported here: the build must not need it
    poison = folder / "poison"
    poison.mkdir(parents=True)
    (poison / "torch.py").write_text("raise ImportError('the build imported torch')\n")
    environment = {**os.environ, "CFLAGS": "-O1 -g0", "PYTHONPATH": str(poison)}
    options = ["--no-deps", "--no-build-isolation", "-w", str(folder)]
    run([sys.executable, "-m", "pip", "wheel", *options, str(source)], env=environment)
    (wheel,) = folder.glob("cycodec-*.whl")
    return wheel


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """A copy of the sources."""
    return copy_of_sources(tmp_path_factory.mktemp("sources") / "cycodec")


@pytest.fixture(scope="module")
def site(sources, tmp_path_factory):
    """An environment with the wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    return Site(folder / "environment", build_wheel(sources, folder / "wheel"))


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A video of 10 frames, stored without loss."""
    path = tmp_path_factory.mktemp("clip") / "clip.mkv"
    source = ["-f", "lavfi", "-i", "testsrc2=s=96x64:r=10:d=1"]
    run(["ffmpeg", "-v", "error", *source, "-c:v", "ffv1", str(path)])
    return path


def test_wheel_holds_what_cimport_and_type_checkers_need(site):
    package = site.packages / "cycodec"
    assert (package / "py.typed").exists()
    assert (package / "__init__.pxd").exists()
    assert (package / "core" / "handles.pxd").exists()
    for module in ("video/reader", "video/index", "container/demux"):
        assert (package / "core" / f"{module}.pxd").exists()
        assert (package / "core" / f"{module}.pyi").exists()
    for module in ("abi", "demuxer", "encoding", "frames", "index", "samples"):
        assert (package / "core" / "capi" / f"{module}.pxd").exists()
    assert (package / "libav" / "avutil.pxd").exists()
    assert not list(package.rglob("*.pyx"))


def test_shipped_pxd_files_need_libav_headers_only(site):
    for path in (site.packages / "cycodec").rglob("*.pxd"):
        for line in path.read_text().splitlines():
            if line.startswith("cdef extern from"):
                assert line.split('"')[1].startswith("lib"), f"{path.name}: {line}"


def build(site, name, folder):
    """Build a package of tests/downstream in a folder, by its own setup.py."""
    shutil.copytree(DOWNSTREAM / name, folder)
    site.run("setup.py", "build_ext", "--inplace", cwd=folder)
    return folder


@pytest.fixture(scope="module")
def luma(site, tmp_path_factory):
    """The folder of the extension that computes in a loop over frames."""
    return build(site, "luma", tmp_path_factory.mktemp("downstream") / "luma")


@pytest.fixture(scope="module")
def checks(site, tmp_path_factory):
    """The folders of the extensions that capi_checks.py needs."""
    folder = tmp_path_factory.mktemp("downstream")
    shutil.copytree(DOWNSTREAM / "checks", folder / "checks")
    shutil.copy(DOWNSTREAM / "luma" / "setup.py", folder / "checks")
    site.run("setup.py", "build_ext", "--inplace", cwd=folder / "checks")
    return folder / "checks", build(site, "writer", folder / "writer")


def run_luma(site, folder, clip, *options):
    """Return the lines that PROGRAM prints after the package's place and the mean luma."""
    first, mean, *lines = site.run(*options, "-c", PROGRAM, str(clip), path=[folder], cwd=folder).splitlines()
    assert first.startswith(str(site.packages))
    return float(mean), lines


EXPECTED = ["True", "refused FFmpegValueError", "True 10", "closed ClosedError"]


def test_a_package_that_computes(site, luma, clip):
    command = ["ffmpeg", "-v", "error", "-i", str(clip), "-pix_fmt", "yuv420p", "-f", "rawvideo", "-"]
    raw = subprocess.run(command, capture_output=True, check=True).stdout
    frame = raw[3 * 96 * 64 * 3 // 2 :][: 96 * 64]
    mean, lines = run_luma(site, luma, clip)
    assert mean == pytest.approx(sum(frame) / len(frame))
    assert lines == EXPECTED


def test_a_package_that_writes(site, tmp_path):
    """pip installs the package, and what it writes is what the ffmpeg command reads."""
    shutil.copytree(DOWNSTREAM / "writer", tmp_path / "writer")
    options = ["--no-deps", "--no-build-isolation", "--target", str(tmp_path / "target")]
    site.pip("install", *options, str(tmp_path / "writer"), env=site.environment())
    path = tmp_path / "made.mkv"
    site.run("-c", f"import writer; writer.write({str(path)!r}, 20, 'ffv1')", path=[tmp_path / "target"])
    entries = "stream=codec_name,width,height,nb_read_frames"
    probe = ["ffprobe", "-v", "error", "-count_frames", "-show_entries", entries]
    probe += ["-select_streams", "v", "-of", "csv=p=0", str(path)]
    assert run(probe).strip() == "ffv1,64,48,20"


def edited(path, old, new):
    text = path.read_text()
    assert text.count(old) == 1, f"{path} holds {old!r} {text.count(old)} times"
    path.write_text(text.replace(old, new))


def build_luma(site, folder, *edits):
    """Build the extension `luma` with an edited copy of the package's .pxd files, as if they were
    those of another release.
    """
    other = folder / "other"
    shutil.copytree(site.packages / "cycodec", other / "cycodec")
    for name, old, new in edits:
        edited(other / "cycodec" / name, old, new)
    shutil.copytree(DOWNSTREAM / "luma", folder / "luma")
    site.run("setup.py", "build_ext", "--inplace", path=[other], cwd=folder / "luma")
    shutil.rmtree(other)
    return folder / "luma"


def test_extensions_of_an_earlier_release_go_on(site, clip, tmp_path):
    """Functions that are new since do no harm, and Python has nothing to warn of."""
    older = build_luma(
        site,
        tmp_path,
        ("core/capi/samples.pxd", "cdef int samples_rate(SamplesHandle reader) noexcept nogil\n", ""),
        ("__init__.pxd", "    samples_rate,\n", ""),
    )
    assert run_luma(site, older, clip, "-W", "error::RuntimeWarning")[1] == EXPECTED


def test_binaries_go_on_when_private_fields_are_added(site, luma, checks, sources, clip, tmp_path):
    """Every class behind a handle grows at its beginning; extensions are not built again."""
    for name, declared in CLASSES.items():
        edited(sources / f"cycodec/core/{name}.pxd", f"{declared}:", f"{declared}:\n{NEW_FIELD}")
    try:
        later = Site(tmp_path / "environment", build_wheel(sources, tmp_path / "wheel"))
    finally:
        for name in CLASSES:
            edited(sources / f"cycodec/core/{name}.pxd", f"\n{NEW_FIELD}", "")
    size = "from cycodec.core.video.reader import FrameReader; print(FrameReader.__basicsize__)"
    assert int(later.run("-c", size)) == int(site.run("-c", size)) + 5 * 8
    assert run_luma(later, luma, clip, "-W", "error::RuntimeWarning") == run_luma(site, luma, clip)
    run_checks(later, checks, tmp_path, "-W", "error::RuntimeWarning")


def test_extensions_of_a_later_release_are_refused(site, tmp_path):
    newer = build_luma(site, tmp_path, ("core/capi/abi.pxd", "CYCODEC_ABI = 1", "CYCODEC_ABI = 2"))
    done = subprocess.run(
        [site.python, "-c", "import luma"], cwd=newer, env=site.environment(), capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "ImportError: this extension was built for version 2 of cycodec's C API" in done.stderr
    assert "upgrade cycodec" in done.stderr


def test_the_guide_works_as_it_is_written(site, tmp_path):
    """The files and commands of docs/cimport.md, but for the one that needs the network."""
    page = (ROOT / "docs" / "cimport.md").read_text()
    files = re.findall(r"^```{literalinclude} (\S+)$", page, re.MULTILINE)
    assert [Path(name).name for name in files[:2]] == ["luma.pyx", "setup.py"]
    for name in files[:2]:
        shutil.copy(ROOT / "docs" / name, tmp_path)
    source = "testsrc2=s=96x64:r=10:d=1"
    run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, "-c:v", "mpeg4", str(tmp_path / "video.mp4")])
    commands = re.findall(r"^\$ (.*)$", page, re.MULTILINE)
    assert commands.pop(0) == "pip install setuptools Cython"
    for command in commands:
        # the shell finds python in the environment
        printed = run(command, shell=True, cwd=tmp_path, env=site.environment())
    assert 0 < float(printed) < 255


def run_checks(site, folders, place, *options):
    """Run capi_checks.py, which compares each function with Python and the ffmpeg command."""
    program = str(folders[0] / "capi_checks.py")
    first, *names = site.run(*options, program, str(place), path=folders, cwd=place).split()
    assert first == str(site.packages / "cycodec" / "__init__.py")
    assert len(names) >= 16


def test_the_whole_api(site, checks, tmp_path):
    run_checks(site, checks, tmp_path)


def test_checks_use_every_function():
    used = "".join(path.read_text() for path in DOWNSTREAM.rglob("*.pyx"))
    for name in offered_names():
        assert len(re.findall(rf"\b{name}\b", used)) >= 2, f"only the cimport names {name}"


def offered_names():
    """The names that `from cycodec cimport` offers."""
    text = (ROOT / "cycodec/__init__.pxd").read_text()
    several = re.findall(r"^    (\w+),$", text, re.MULTILINE)
    return {*several, "CYCODEC_ABI", "cycodec_abi", "require_cycodec"}


def test_guide_names_every_function():
    """The guide has a line for each function, and the package's .pxd offers each."""
    offered = offered_names()
    declared = set()
    for path in (ROOT / "cycodec/core/capi").glob("*.pxd"):
        declared |= set(re.findall(r"^cdef [^(:]*?(\w+)\(", path.read_text(), re.MULTILINE))
    assert declared - offered == {"check_build"}
    guide = (ROOT / "docs/cimport.md").read_text()
    for name in offered:
        assert f"`{name}" in guide, name


def test_the_version_grows_with_the_api():
    """Nothing that another binary may call disappears: functions are only ever added."""
    text = "".join(path.read_text() for path in sorted((ROOT / "cycodec/core/capi").glob("*.pxd")))
    signatures = {
        " ".join(line.split()) for line in re.findall(r"^cdef [^:]*?\)[^\n:]*$", text, re.MULTILINE)
    }
    known = set((DOWNSTREAM / "signatures.txt").read_text().splitlines())
    version, known = next(iter(k for k in known if k.isdigit())), {k for k in known if not k.isdigit()}
    assert signatures == known, "functions are only added, with a new CYCODEC_ABI"
    assert f"CYCODEC_ABI = {version}\n" in text


def test_flags_for_builds(site, tmp_path):
    command = str(site.programs / "cycodec-config")
    place = {"cwd": tmp_path, "env": site.environment()}
    cflags = run([command, "--cflags"], **place).split()
    assert cflags[0] == f"-I{site.packages / 'cycodec'}"
    assert cflags[0] == "-I" + site.run("-c", "import cycodec; print(cycodec.get_include())").strip()
    assert "-lavcodec" in run([command, "--libs"], **place).split()
    folders = site.run("-c", "import cycodec; print(*cycodec.get_library_dirs())").split()
    assert len(folders) == 1
    assert list(Path(folders[0]).glob("libavcodec.*"))
    place["env"] = site.environment(PKG_CONFIG="false")
    missing = subprocess.run([command, "--libs"], **place, capture_output=True, text=True)
    assert missing.returncode == 1
    assert missing.stderr.startswith("cycodec-config: FFmpeg's development files are needed")
    nothing = subprocess.run([command], **place, capture_output=True, text=True)
    assert nothing.returncode == 2


def test_private_classes_are_behind_handles(site):
    """The .pxd files of the C API name no class of ours but handles, which have no fields."""
    core = site.packages / "cycodec" / "core"
    handles = (core / "handles.pxd").read_text()
    assert "    cdef " not in handles
    for path in (core / "capi").glob("*.pxd"):
        for module in re.findall(r"^from cycodec\.core\.(\S+) cimport", path.read_text(), re.MULTILINE):
            assert module == "handles", path.name
