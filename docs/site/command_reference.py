"""The reference of the command line, read from the commands themselves."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from typer import Context
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption
from typer.main import get_command

from bench.cli.main import app


def page() -> str:
    """A section for each command, with its arguments and options."""
    head = "# Command line\n\nWhat `bench COMMAND --help` says, on one page.\n\n"
    return head + "\n".join(_section(path, command) for path, command in _commands("bench", get_command(app)))


def _commands(path: str, command: TyperCommand | TyperGroup) -> Iterator[tuple[str, TyperCommand | TyperGroup]]:
    """Every command that is no group, with the words that call it."""
    if not isinstance(command, TyperGroup):
        yield path, command
        return
    for name, inner in command.commands.items():
        yield from _commands(f"{path} {name}", inner)


def _section(path: str, command: TyperCommand | TyperGroup) -> str:
    context = Context(command, info_name=path)
    usage = " ".join(command.collect_usage_pieces(context))
    rows = [row for parameter in command.params if (row := _row(parameter, context)) is not None]
    table = ["| argument or option | meaning |", "|---|---|", *rows] if rows else []
    text = inspect.cleandoc(command.help or "")
    return "\n".join([f"## {path}", "", text, "", "```text", f"{path} {usage}", "```", "", *table, ""])


def _row(parameter: TyperArgument | TyperOption, context: Context) -> str | None:
    """A line of the table; None for what is hidden, and for --help."""
    record = parameter.get_help_record(context)
    if record is None or "--help" in parameter.opts:
        return None
    name, meaning = (part.replace("|", "\\|").replace("<", "&lt;") for part in record)
    return f"| <code>{name}</code> | {meaning} |"
