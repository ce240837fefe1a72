"""``cycodec doctor``: whether decoding works here."""

from __future__ import annotations

import json

import click
from rich.table import Table
from rich.text import Text

from cycodec._cli.commands.common import console, examples, stderr, with_traceback
from cycodec._cli.examinations import Finding, as_dict, can_decode, examine

__all__ = ["doctor"]

MARKS = {"ok": "[green]ok[/]", "note": "[yellow]note[/]", "problem": "[bold red]problem[/]"}


@click.command(
    short_help="Check that decoding works, and suggest fixes.",
    epilog=examples(
        "cycodec doctor",
        "cycodec doctor --json",
        "python -m cycodec doctor        if cycodec is not on PATH",
    ),
)
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@with_traceback
def doctor(as_json: bool) -> int:
    """Check that decoding works, and suggest fixes.

    The exit status is 1 if decoding on the CPU cannot work.
    """
    with stderr.status("examining"):
        findings = examine()
    if as_json:
        click.echo(json.dumps(as_dict(findings), indent=2))
        return int(not can_decode(findings))
    for topic in dict.fromkeys(finding.topic for finding in findings):
        if not console.is_terminal:
            _print_lines([finding for finding in findings if finding.topic == topic])
            continue
        console.print(_topic_table(topic, [finding for finding in findings if finding.topic == topic]))
    problems = [finding for finding in findings if finding.status == "problem"]
    if problems:
        first = problems[0]
        click.echo(f"cycodec cannot decode here: {first.topic}, {first.name}: {first.detail}")
    else:
        click.echo("cycodec can decode here.")
    return int(bool(problems))


def _print_lines(findings: list[Finding]) -> None:
    """Print findings for a pipe or a file: one line each, with tabs between the fields."""
    for finding in findings:
        fields = (finding.status, finding.topic, finding.name, finding.detail, finding.remedy)
        click.echo("\t".join(field for field in fields if field))


def _topic_table(topic: str, findings: list[Finding]) -> Table:
    """Return the findings of one topic. Available codecs share a line."""
    title = Text(topic, style="bold")
    table = Table(box=None, title=title, title_justify="left", show_header=False, padding=(0, 2, 0, 0))
    table.add_column(width=7)
    table.add_column(no_wrap=True, min_width=14)
    table.add_column(overflow="fold")
    if topic in ("Decoders", "Encoders"):
        available = [f"{finding.name} ({finding.detail})" for finding in findings if finding.status == "ok"]
        table.add_row(MARKS["ok"], "available", Text(", ".join(available)))
        findings = [finding for finding in findings if finding.status != "ok"]
    for finding in findings:
        table.add_row(MARKS[finding.status], finding.name, Text(finding.detail))
        if finding.remedy:
            table.add_row("", "", Text(f"-> {finding.remedy}", style="yellow"))
    return table
