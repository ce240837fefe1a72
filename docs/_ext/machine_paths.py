"""Leaves the folder of the machine that builds the documentation out of printed output."""

from pathlib import Path

from docutils import nodes

ROOT = Path(__file__).resolve().parents[2]


def shorten(app, doctree):
    """Write paths of the checkout in literal blocks relative to it."""
    for block in doctree.findall(nodes.literal_block):
        text = block.astext()
        if str(ROOT) in text:
            text = text.replace(f"{ROOT}/", "").replace(str(ROOT), ".")
            block.rawsource = text
            block.children = []
            block += nodes.Text(text)


def setup(app):
    app.connect("doctree-read", shorten)
    return {"parallel_read_safe": True}
