"""The site's search knows every page, command and component: one that it does not find fails the build."""

from __future__ import annotations

import json
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from typer.main import get_command

from bench.cli.main import app
from bench.plugins.registry import registry


def on_post_build(config: MkDocsConfig) -> None:
    """Looks for what people look for, in the index that the site's search reads."""
    site = Path(config.site_dir)
    index = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))
    pages = [path.relative_to(site).as_posix() for path in site.rglob("*.html") if path.name != "404.html"]
    lost = not_found(index, pages, sought())
    if lost:
        raise PluginError(f"the search of the site does not find {', '.join(lost)}")


def sought() -> list[str]:
    """Every command as it is typed, and every component's name."""
    commands = [f"bench {name}" for name in get_command(app).commands]  # type: ignore[attr-defined]  # a group
    return [*commands, *(component.spec.name for _, component in registry().components())]


def not_found(index: dict[str, list[dict[str, str]]], pages: list[str], words: list[str]) -> list[str]:
    """The pages without an entry, and the words that stand in no entry's title or text."""
    entries = index["docs"]
    known = {entry["location"].partition("#")[0] or "index.html" for entry in entries}
    text = "\n".join(f"{entry['title']} {entry['text']}" for entry in entries)
    return [*(page for page in pages if page not in known), *(word for word in words if word not in text)]
