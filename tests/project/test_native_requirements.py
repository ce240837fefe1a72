"""Where a build looks for FFmpeg and a compiler, and what it says if they are missing."""

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MANAGERS = ("apt-get install", "dnf install", "pacman -S", "brew install", "conda install")


@pytest.fixture
def requirements(monkeypatch):
    """native_requirements.py as a module, in an environment that names no FFmpeg."""
    for name in ("CYCODEC_FFMPEG_DIR", "PKG_CONFIG_PATH", "PKG_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    spec = importlib.util.spec_from_file_location("native_requirements", ROOT / "native_requirements.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def make_prefix(prefix, folder="lib/pkgconfig", version="61.7.100"):
    """Writes pkg-config files as FFmpeg's installation does."""
    for name in ("libavformat", "libavcodec", "libavutil", "libswscale", "libswresample"):
        path = prefix / folder / f"{name}.pc"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            f"prefix={prefix}\nlibdir={prefix}/lib\nName: {name}\nDescription: -\nVersion: {version}\n"
            f"Libs: -L{prefix}/lib -l{name[3:]}\nCflags: -I{prefix}/include\n"
        )
    return prefix


def test_modules_declare_free_threading():
    """docs/release.md says which tests have run without a GIL; both change together."""
    assert '"freethreading_compatible": True' in (ROOT / "setup.py").read_text()
    page = " ".join((ROOT / "docs/release.md").read_text().split())
    assert "the modules declare that they run without a GIL" in page


class TestOwnPrefix:
    @pytest.mark.parametrize(
        "folder", ["lib/pkgconfig", "lib64/pkgconfig", "lib/x86_64-linux-gnu/pkgconfig", "."]
    )
    def test_prefix_comes_before_the_system(self, requirements, tmp_path, monkeypatch, folder):
        make_prefix(tmp_path, folder)
        monkeypatch.setenv("CYCODEC_FFMPEG_DIR", str(tmp_path))
        found = requirements.find_ffmpeg()
        assert set(found.versions.values()) == {"61.7.100"}
        assert f"-I{tmp_path}/include" in found.compile_flags
        assert found.library_folder == f"{tmp_path}/lib"

    @pytest.mark.parametrize("name", ["/no/such/folder", "no/such/folder", __file__])
    def test_folder_that_does_not_exist(self, requirements, monkeypatch, name):
        monkeypatch.setenv("CYCODEC_FFMPEG_DIR", name)
        with pytest.raises(SystemExit, match="CYCODEC_FFMPEG_DIR names") as caught:
            requirements.find_ffmpeg()
        assert name in str(caught.value)
        assert ("relative path" in str(caught.value)) == (not Path(name).is_absolute())

    def test_folder_without_ffmpeg(self, requirements, tmp_path, monkeypatch):
        monkeypatch.setenv("CYCODEC_FFMPEG_DIR", str(tmp_path))
        with pytest.raises(SystemExit, match=r"libavformat\.pc is not found"):
            requirements.find_ffmpeg()

    def test_deeper_folders_belong_to_others(self, requirements, tmp_path, monkeypatch):
        make_prefix(tmp_path / "envs/other")
        monkeypatch.setenv("CYCODEC_FFMPEG_DIR", str(tmp_path))
        with pytest.raises(SystemExit, match=r"libavformat\.pc is not found"):
            requirements.find_ffmpeg()

    def test_conda_base_takes_its_own_libraries(self, requirements, tmp_path, monkeypatch):
        make_prefix(tmp_path / "envs/other", version="60.1.100")
        make_prefix(tmp_path)
        (tmp_path / "conda-meta").mkdir()
        monkeypatch.setattr(sys, "base_prefix", str(tmp_path))
        assert requirements.search_path() == [str(tmp_path / "lib/pkgconfig")]
        assert requirements.find_ffmpeg().versions["libavformat"] == "61.7.100"

    def test_named_folders_come_before_conda(self, requirements, tmp_path, monkeypatch):
        for name in ("conda", "own", "path"):
            make_prefix(tmp_path / name)
        (tmp_path / "conda/conda-meta").mkdir()
        monkeypatch.setattr(sys, "base_prefix", str(tmp_path / "conda"))
        monkeypatch.setenv("CYCODEC_FFMPEG_DIR", str(tmp_path / "own"))
        monkeypatch.setenv("PKG_CONFIG_PATH", str(tmp_path / "path/lib/pkgconfig"))
        names = [Path(folder).parents[1].name for folder in requirements.search_path()]
        assert names == ["own", "path", "conda"]


class TestMissing:
    def test_old_ffmpeg(self, requirements, tmp_path, monkeypatch):
        monkeypatch.setenv("CYCODEC_FFMPEG_DIR", str(make_prefix(tmp_path, version="5.1.100")))
        with pytest.raises(SystemExit, match=r"libavformat 5\.1\.100") as caught:
            requirements.find_ffmpeg()
        assert "libavformat >= 58.45" in str(caught.value)

    def test_no_pkg_config(self, requirements, monkeypatch):
        monkeypatch.setenv("PKG_CONFIG", "/no/such/pkg-config")
        with pytest.raises(SystemExit, match="/no/such/pkg-config: No such file") as caught:
            requirements.find_ffmpeg()
        for manager in MANAGERS:
            assert manager in str(caught.value)

    def test_no_compiler(self, requirements):
        with pytest.raises(SystemExit, match=r"no C compiler \(no-such-cc\)") as caught:
            requirements.check_compiler(["no-such-cc", "-O2"])
        for manager in MANAGERS:
            assert manager in str(caught.value)
        with pytest.raises(SystemExit, match=r"no C compiler \(no-such-cc\)"):
            requirements.check_compiler(["ccache", "no-such-cc"])

    def test_no_python_headers(self, requirements, tmp_path, monkeypatch):
        monkeypatch.setattr(requirements.sysconfig, "get_paths", lambda: {"include": str(tmp_path)})
        with pytest.raises(SystemExit, match="Python's headers are missing"):
            requirements.check_compiler([sys.executable])

    def test_complete_machine(self, requirements):
        requirements.check_compiler(["cc"])
        assert requirements.main(["--exists", *requirements.FFMPEG_LIBRARIES]) == 0
        assert requirements.main(["--exists", "libavformat", "no-such-library"]) != 0
