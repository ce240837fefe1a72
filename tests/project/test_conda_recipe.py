"""The recipe for conda-forge renders for every Python and platform, and agrees with pyproject."""

import re
from pathlib import Path

import pytest

rattler_build = pytest.importorskip("rattler_build")

ROOT = Path(__file__).resolve().parents[2]
PROJECT = (ROOT / "pyproject.toml").read_text()
PLATFORMS = ("linux-64", "linux-aarch64", "osx-64", "osx-arm64")


def render(platform, text=None):
    """The rendered outputs of the recipe, or of another text, for one platform."""
    recipe = (ROOT / "conda/recipe.yaml").read_text() if text is None else text
    variants = rattler_build.VariantConfig.from_file(ROOT / "conda/variants.yaml")
    target = rattler_build.PlatformConfig(target_platform=platform)
    parsed = rattler_build.Stage0Recipe.from_yaml(recipe)
    return [out.recipe for out in parsed.render(variants, rattler_build.RenderConfig(platform=target))]


@pytest.fixture(scope="module")
def outputs():
    return render("linux-64")


@pytest.mark.parametrize("platform", PLATFORMS)
def test_each_python_gives_a_package_and_its_tests(platform):
    names = [recipe.package.name for recipe in render(platform)]
    supported = re.findall(r"Python :: (3\.\d+)", PROJECT)
    assert names == ["cycodec", "cycodec-tests"] * len(supported)


def test_windows_is_skipped():
    assert render("win-64") == []


def test_recipe_agrees_with_the_project(outputs):
    package = outputs[0].to_dict()
    assert str(package["package"]["version"]) == re.search(r'^version = "(.+)"', PROJECT, re.M)[1]
    assert package["about"]["license"] == re.search(r'^license = "(.+)"', PROJECT, re.M)[1]
    run = {str(item).split()[0]: str(item) for item in package["requirements"]["run"]}
    for requirement in re.search(r"^dependencies = \[(.*)\]", PROJECT, re.M)[1].split(","):
        name, minimum = requirement.strip(' "').split(">=")
        assert f">={minimum}" in run[{"torch": "pytorch"}.get(name, name)].replace(" ", "")
    host = " ".join(map(str, package["requirements"]["host"]))
    for requirement in re.search(r"^requires = \[(.*)\]", PROJECT, re.M)[1].split(","):
        name, minimum = requirement.strip(' "').split(">=")
        assert f"{name.lower()} >={minimum}" in host
    scripts = re.search(r"^\[project.scripts\]\n((?:.+\n)+)", PROJECT, re.M)[1].replace('"', "").splitlines()
    assert [str(point) for point in package["build"]["python"]["entry_points"]] == scripts


def test_licence_files_and_tested_files_exist(outputs):
    package = outputs[0].to_dict()
    for name in package["about"]["license_file"]:
        assert (ROOT / name).is_file(), name
    (contents,) = [test["package_contents"] for test in package["tests"] if "package_contents" in test]
    for name in contents["site_packages"]:
        assert (ROOT / name).is_file(), name


def test_host_takes_the_lgpl_build(outputs):
    host = list(map(str, outputs[0].to_dict()["requirements"]["host"]))
    assert any("ffmpeg" in item and "lgpl_*" in item for item in host)


def test_unknown_fields_are_refused():
    text = (ROOT / "conda/recipe.yaml").read_text()
    with pytest.raises(rattler_build.RattlerBuildError):
        render("linux-64", text.replace("  homepage:", "  home_page:"))
