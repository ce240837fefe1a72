"""Sphinx configuration. tools/docs builds the site."""

from importlib.metadata import version as version_of

project = "cycodec"
author = "The cycodec developers"
copyright = "2026, The cycodec developers"
version = release = version_of("cycodec")

extensions = ["myst_parser", "sphinx.ext.autodoc", "numpydoc"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["examples", "benchmarks", "clients"]
html_theme = "furo"
html_title = f"cycodec {release}"

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
numpydoc_show_class_members = False  # api.md lists the members
autosummary_generate = False
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the docstrings name the types, in more readable form
