"""Sphinx configuration. tools/docs builds the site.

The gallery runs the programs of docs/examples. They write media to the folder that they are in, so
a copy of them runs, in build/examples.
"""

import importlib
import os
import shutil
import sys
from importlib.metadata import version as version_of
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parent / "build" / "examples"

shutil.rmtree(EXAMPLES, ignore_errors=True)
shutil.copytree(HERE / "examples", EXAMPLES, ignore=shutil.ignore_patterns("__pycache__"))
sys.path[:0] = [str(EXAMPLES), str(HERE / "_ext")]
# Bars of times show what a quiet machine needed (tools/bench gallery), not the machine that builds.
os.environ["CYCODEC_RECORDED_TIMES"] = str(HERE / "benchmarks" / "gallery.json")
# The workers of Ray do not fork; they import the helpers of the examples by this.
os.environ["PYTHONPATH"] = os.pathsep.join([str(EXAMPLES), os.environ.get("PYTHONPATH", "")])

# The page of the command line runs in a folder with these two files.
COMMANDS = HERE.parent / "build" / "commands"
shutil.rmtree(COMMANDS, ignore_errors=True)
COMMANDS.mkdir(parents=True)
clip = importlib.import_module("clip")
(COMMANDS / "notes.txt").write_text("Not a video.\n")
clip.make_clip(COMMANDS / "video.mp4", *clip.TONE, *clip.MPEG4)
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])

project = "cycodec"
author = "The cycodec developers"
copyright = "2026, The cycodec developers"
version = release = version_of("cycodec")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "sphinxcontrib.programoutput",
    "numpydoc",
    "machine_paths",
    "torchcodec_differences",
]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["_ext", "examples"]
html_theme = "furo"
html_title = f"cycodec {release}"
html_static_path = ["_static"]
html_css_files = ["cycodec.css"]
html_show_sourcelink = False

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
copybutton_prompt_text = r">>> |\$ "
copybutton_prompt_is_regexp = True
programoutput_prompt_template = "$ {command}\n{output}"
numpydoc_show_class_members = False  # api.md lists the members
autosummary_generate = False
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings name the types, in more readable form

sphinx_gallery_conf = {
    "examples_dirs": str(EXAMPLES),
    "gallery_dirs": "gallery",
    # The pages that run. Ray is large, and there is none for some versions of Python.
    "filename_pattern": r"\.py$" if find_spec("ray") else r"^(?!.*ray_data).*\.py$",
    "ignore_pattern": r"(clip|pictures)\.py$",
    "within_subsection_order": "gallery_pages.page_number",
    "abort_on_example_error": True,
    "capture_repr": (),  # pages print what they show
    "download_all_examples": False,
    "min_reported_time": 60,
    "remove_config_comments": True,
    "show_memory": False,
    "show_signature": False,
    # cycodec may have changed although the page has not; `tools/docs --quick` ignores that
    "run_stale_examples": not tags.has("quick"),  # noqa: F821 - sphinx defines tags
    "write_computation_times": False,
}
