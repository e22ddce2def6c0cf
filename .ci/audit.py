"""Known vulnerabilities of the versions in ``constraints.txt``: `make audit`, by pip-audit and a public service.

A service that knows nothing answers like one that finds nothing. Each is first asked about a version whose
vulnerability has been public since 2021: one that does not tell of it is not believed. Where none does, that is said,
and nothing is claimed.

Exit codes: 0 nothing found that is not excepted, or no service to ask; 1 a vulnerability; 2 a file that is not as it
should be.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

HERE = Path(__file__).parent
SERVICES = ("osv", "pypi")
"""As pip-audit calls them, the better one first: OSV knows what PyPI does, and answers for every version."""
ASKED, KNOWN = "jinja2==2.11.2", "CVE-2020-28493"
_PATIENCE = 900.0  # seconds for all versions; one question has 15


@dataclass(frozen=True)
class Found:
    """A vulnerability of a version that is pinned.

    Attributes:
        package, version: what has it.
        ids: its names, the service's own one first.
        fixed: versions without it; none if there is no such version.
    """

    package: str
    version: str
    ids: tuple[str, ...]
    fixed: tuple[str, ...]

    def __str__(self) -> str:
        way_out = f"fixed in {', '.join(self.fixed)}" if self.fixed else "no version without it"
        return f"{self.package} {self.version}: {', '.join(self.ids)} ({way_out})"


class Silent(Exception):  # noqa: N818  a service that does not answer is no error of ours
    """No answer, and why."""


def ask(service: str, requirements: Path, osv_url: str | None) -> tuple[list[Found], list[str]]:
    """What a service knows of pinned versions, and the packages that it could not say anything of.

    Raises:
        Silent: it did not answer, or not as pip-audit understands it.
    """
    words = ["-m", "pip_audit", "--requirement", str(requirements), "--no-deps", "--disable-pip", "--format", "json"]
    words += ["--progress-spinner", "off", "--vulnerability-service", service, "--timeout", "15"]
    if service == "osv" and osv_url is not None:
        words += ["--osv-url", osv_url]
    try:
        ran = subprocess.run([sys.executable, *words], capture_output=True, text=True, timeout=_PATIENCE)
        rows: list[dict[str, Any]] = json.loads(ran.stdout)["dependencies"]
    except subprocess.TimeoutExpired:
        raise Silent(f"no answer within {_PATIENCE:.0f} s") from None
    except (ValueError, KeyError, TypeError):  # it ends with 1 where it finds something, too
        raise Silent(_why(ran.stderr)) from None
    found = [
        Found(row["name"], row["version"], (one["id"], *one["aliases"]), tuple(one["fix_versions"]))
        for row in rows
        for one in row.get("vulns", ())
    ]
    return found, [row["name"] for row in rows if "skip_reason" in row]


def _why(said: str) -> str:
    """The end of a traceback, or of an error of pip-audit, in a few words."""
    last = next((line for line in reversed(said.splitlines()) if line.strip()), "it says nothing")
    reached = re.search(r"Caused by (\w+)|(\w*Connection\w*|\w*Timeout)", last)
    return f"cannot be reached: {reached[1] or reached[2]}" if reached else last[:200]


def service_that_knows(osv_url: str | None) -> str:
    """The first service that tells of the vulnerability that all should know.

    Raises:
        Silent: none does; says what each said.
    """
    said = []
    for service in SERVICES:
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as asked:
            asked.write(ASKED)
            asked.flush()
            try:
                found, _ = ask(service, Path(asked.name), osv_url)
            except Silent as silent:
                said.append(f"{service}: {silent}")
                continue
        if any(KNOWN in one.ids for one in found):
            return service
        said.append(f"{service}: knows nothing of {KNOWN} in {ASKED}, so that its silence says nothing")
    raise Silent("; ".join(said))


def exceptions(file: Path) -> dict[tuple[str, str], str]:
    """Reasons by package and vulnerability.

    Raises:
        SystemExit: an exception has no reason, or the file is not TOML.
    """
    try:
        entries = tomllib.loads(file.read_text(encoding="utf-8")).get("exception", [])
        read = {(one["package"], one["id"]): one["reason"] for one in entries}
        whole = all(set(one) == {"package", "id", "reason"} and all(map(str.strip, one.values())) for one in entries)
    except (OSError, UnicodeError, tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError) as error:
        stop(f"audit: {file}: {type(error).__name__}: {error}")
    if not whole:
        stop(f"audit: {file}: each exception has package, id and reason, and no more")
    return read


def stop(why: str) -> NoReturn:
    """Ends with 2 and a line."""
    print(why, file=sys.stderr)
    raise SystemExit(2)


def main() -> None:
    """Audits, and says in lines what was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("requirements", type=Path, nargs="?", default=HERE.parent / "constraints.txt")
    parser.add_argument("--exceptions", type=Path, default=HERE / "audit.toml")
    parser.add_argument("--osv-url", help="of a mirror of OSV; a question is POSTed to it")
    chosen = parser.parse_args()
    excepted = exceptions(chosen.exceptions)
    try:
        service = service_that_knows(chosen.osv_url)
        found, unasked = ask(service, chosen.requirements, chosen.osv_url)
    except Silent as silent:
        print(f"NOT AUDITED: {silent}")
        return
    wrong = 0
    for one in found:
        reason = next((excepted[one.package, name] for name in one.ids if (one.package, name) in excepted), None)
        wrong += reason is None
        print(f"{'VULNERABLE' if reason is None else 'excepted'}: {one}{f': {reason}' if reason else ''}")
    for package, name in excepted.keys() - {(one.package, name) for one in found for name in one.ids}:
        print(f"no longer needed in {chosen.exceptions.name}: {package} {name}")
    if unasked:
        print(f"not audited, {service} has no such version: {', '.join(unasked)}")
    pinned = sum("==" in line.partition("#")[0] for line in chosen.requirements.read_text().splitlines())
    print(f"{pinned - len(unasked)} versions audited by {service}: {wrong} vulnerable, {len(found) - wrong} excepted")
    raise SystemExit(wrong > 0)


if __name__ == "__main__":
    main()
