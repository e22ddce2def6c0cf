"""``bench plugins``: everything that is installed, or all about one component."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bench.cli import completion
from bench.cli.choices import AsJson
from bench.cli.terminal import echo
from bench.printable import one_line

if TYPE_CHECKING:
    from bench.plugins.registry import Registered, Registry

_ROOM = 110  # columns of a terminal from which on a table has room for what options mean


def plugins(
    name: Annotated[
        str,
        typer.Argument(help="A component, to be explained; default: list all.", autocompletion=completion.components),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """List every encoder, baseline, task and dataset, who offers it, and which plugins are broken.

    With the NAME of a component: its options with types, ranges and defaults, what it needs, what its class says, where
    it comes from.
    """
    from bench.plugins.registry import registry

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # broken ones are in the list
        found = registry()
    if name:
        _explain(name, found, as_json)
    elif as_json:
        echo(json.dumps(_rows(found), indent=1, ensure_ascii=False))
    else:
        _list(found)


def _rows(found: Registry) -> list[dict[str, Any]]:
    rows = [
        {
            "kind": kind,
            "name": component.spec.name,
            "origin": component.origin,
            "status": "ok",
            "error": None,
            "citation": component.spec.citation,
            "help": component.spec.help,
        }
        for kind, component in found.components()
    ]
    broken = [
        {"kind": "plugin", "name": b.name, "origin": b.origin, "status": "broken", "error": b.error}
        for b in found.broken
    ]
    return [*rows, *({**row, "citation": None, "help": None} for row in broken)]


def _list(found: Registry) -> None:
    """A table of a kind each: who offers it stands there where that is somebody else."""
    from bench.cli.terminal import console, say
    from bench.plugins.registry import BUILT_IN
    from bench.reports.fitting import Layout, Row, print_fitting

    components = found.components()
    strangers = any(component.origin != BUILT_IN for _, component in components)
    lines: list[Row] = []
    for number, (kind, component) in enumerate(components):
        if number == 0 or components[number - 1][0] != kind:
            lines.append(Row((f"{kind}s",), rule=number > 0))
        origin = [component.origin] if strangers else []
        lines.append(Row((component.spec.name, *origin, component.spec.help)))
    head = ("name", "from", "what it is") if strangers else ("name", "what it is")
    print_fitting([Layout(head, tuple(lines), left=len(head), prose=1)], console())
    for broken in found.broken:
        say(f"broken: plugin {broken.name} of {broken.origin}: {broken.error}")
    say("bench plugins NAME explains one: its options, what it needs, where it comes from")


def _explain(name: str, found: Registry, as_json: bool) -> None:
    from bench.errors import BenchError, did_you_mean

    of_name = [(kind, component) for kind, component in found.components() if component.spec.name == name]
    if not of_name:
        fix = did_you_mean(name, {component.spec.name for _, component in found.components()})
        raise BenchError(f"no component is called {name!r}", fix=fix)
    if as_json:
        echo(json.dumps([_facts(kind, component) for kind, component in of_name], indent=1, ensure_ascii=False))
        return
    for kind, component in of_name:
        _print(_facts(kind, component))


def _facts(kind: str, component: Registered) -> dict[str, Any]:
    """All about a component; importing it may fail, and then the reason stands where its docstring would."""
    from inspect import cleandoc

    from bench.plugins.values import typed_as

    spec = component.spec
    try:
        documentation = cleandoc(spec.load().__doc__ or "").partition("\n\nArgs:\n")[0]  # options stand in the table
    except Exception as error:  # a plugin's own fault
        documentation = f"{spec.target} cannot be imported: {type(error).__name__}: {error}"
    return {
        "kind": kind,
        "name": spec.name,
        "origin": component.origin,
        "target": spec.target,
        "help": spec.help,
        "citation": spec.citation,
        "traits": _traits(spec),
        "needs": [str(need) for need in spec.needs],
        "pinned": {key: typed_as(value) for key, value in spec.pinned.items()},
        "options": [
            {"name": option.name, "default": option.default, "allowed": option.allowed, "help": option.help}
            for option in spec.settable.values()
        ],
        "documentation": documentation,
    }


def _traits(spec: Any) -> list[str]:
    """What else the spec says, in words."""
    from bench.plugins.specs import REFERENCE, BaselineSpec, DatasetSpec, EncoderSpec, TaskSpec

    if isinstance(spec, EncoderSpec):
        trained = "trained end to end with the baseline" if spec.name != REFERENCE else "no vector"
        return ["frozen: made once per corpus and seed, before any baseline" if spec.frozen else trained]
    if isinstance(spec, BaselineSpec):
        more = ["a reference: learns nothing, is run with vanilla alone"] if spec.reference else []
        return [f"of the task {spec.task}", *more, *(["takes frozen encoders only"] if spec.needs_frozen else [])]
    if isinstance(spec, TaskSpec):
        return [f"primary metric {spec.primary}, of {', '.join(spec.metrics) or spec.primary}; scores {spec.units}"]
    if isinstance(spec, DatasetSpec) and spec.fetched:
        return [f"made from files: bench data fetch {spec.name} --from PATH|URL; the files: {spec.where}"]
    return []


def _print(facts: dict[str, Any]) -> None:
    from bench.cli.terminal import say
    from bench.plugins.values import typed_as

    say(f"{facts['kind']} {facts['name']}: {one_line(facts['help'])}")
    say(f"from {facts['origin']}, {facts['target']}")
    for trait in facts["traits"]:
        say(trait)
    say(f"source: {one_line(facts['citation'])}")
    for need in facts["needs"]:
        say(f"needs {need}")
    if facts["pinned"]:
        say("is what it is by " + ", ".join(f"{key}={value}" for key, value in facts["pinned"].items()))
    echo()
    if facts["options"]:
        options = facts["options"]
        _print_options(
            [(o["name"], typed_as(o["default"]) or "(empty)", o["allowed"], _plain(o["help"])) for o in options]
        )
        say(f"such as --set {facts['name']}.{options[0]['name']}={typed_as(options[0]['default'])}")
    else:
        say("no options")
    for paragraph in _plain(facts["documentation"]).split("\n\n"):
        echo()
        laid_out = any(line.startswith(" ") for line in paragraph.splitlines())
        for line in paragraph.splitlines() if laid_out else [" ".join(paragraph.split())]:
            say(line)


def _print_options(options: Sequence[tuple[str, str, str, str]]) -> None:
    """Names, defaults, values and meanings as a table, or below one another where meanings would be a narrow column."""
    from bench.cli.terminal import console
    from bench.reports.fitting import Layout, Row, print_fitting, print_paragraph

    here = console()
    if here.width >= _ROOM:
        rows = tuple(Row(option) for option in options)
        print_fitting([Layout(("option", "default", "may be", "meaning"), rows, left=4, prose=2)], here)
        return
    for name, default, allowed, meaning in options:
        print_paragraph(f"{name}={default}: {allowed}", here, style="bold")
        print_paragraph(" ".join(meaning.split()), here, indent=4)
    here.print()


def _plain(text: str) -> str:
    """A docstring's text without its markup."""
    text = re.sub(r":\w+:`~?([^`]*)`", r"\1", text)
    return re.sub(r"``([^`]*)``", r"\1", text)
