"""The ``bench`` command: its subcommands, and how errors reach people."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from typing import Annotated, TextIO

import typer

from bench import __version__
from bench.cli import (
    check,
    claims,
    conformance,
    data,
    doctor,
    export,
    figures,
    merge,
    new_plugin,
    plugins,
    power,
    pretrain,
    probe,
    report,
    results,
    run,
    score,
    tables,
    upkeep,
)
from bench.errors import BenchError, system_error
from bench.instructions import common_instructions
from bench.printable import one_line, said
from bench.progress import print_line

_STOPPED = 130

app = typer.Typer(
    name="bench",
    help="Measures what session encoders buy in e-commerce search: encoders × baselines × tasks.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("run", short_help="Measure encoders, and print the table.")(run.run)
app.command("pretrain", short_help="Pretrain an encoder on a corpus.")(pretrain.pretrain)
app.command("embed", short_help="Write the vector of every session of a corpus.")(pretrain.embed)
app.command("export", short_help="Write an encoder as one file to serve.")(export.export)
app.command("latency", short_help="Say how long an exported encoder takes for one session.")(export.latency)
app.command("probe", short_help="Say what frozen vectors know of hidden intents.")(probe.probe)
app.command("show", short_help="Say how a number came about, and how to repeat it.")(run.show)
app.command("merge", short_help="Copy the results of several folders into one.")(merge.merge)
app.command("fsck", short_help="Say what results are there, what is broken, what nobody needs.")(upkeep.fsck)
app.command("gc", short_help="Free what nobody needs in a folder of results.")(upkeep.gc)
app.command("tables", short_help="Compute and print the tables of an experiment.")(tables.tables)
app.command("score", short_help="Compute other metrics and slices from stored results.")(score.score)
app.command("claims", short_help="Say which claims of an experiment hold.")(claims.claims)
app.command("report", short_help="Write results as one HTML file.")(report.report)
app.command("power", short_help="Say how many seeds and users a difference takes.")(power.power)
app.command("check", short_help="Compare a small grid with its golden tables.")(check.check)
app.command("figures", short_help="Draw the figures of an experiment.")(figures.figures)
app.command("doctor", short_help="Say what is slow or broken on this machine, and why.")(doctor.doctor)
app.command("plugins", short_help="List what is installed, or explain one component.")(plugins.plugins)
app.command("new-plugin", short_help="Write a small installable plugin.")(new_plugin.new_plugin)
app.command("test-plugin", short_help="Run the conformance kit of a component.")(conformance.conformance)
app.add_typer(data.app, name="data")
app.add_typer(results.app, name="results")


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"session-bench {__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options of every command; ``--debug`` is read by :func:`main`."""
    if context.invoked_subcommand not in (None, "pretrain") and "TORCHELASTIC_RUN_ID" in os.environ:
        from bench.runs.processes import refuse_several

        refuse_several(context.invoked_subcommand, os.environ)


def main() -> None:
    """Runs the command line. Exit codes: 0 done, 1 a check or a cell failed, 2 wrong usage or bad input, 130 Ctrl-C."""
    common_instructions()
    warnings.showwarning = _show_warning
    signal.signal(signal.SIGTERM, _stop)  # as Ctrl-C: workers are stopped, nothing half-done counts
    try:
        app()
    except BenchError as error:
        _end_with(error, error)
    except SystemExit as end:
        if end.code == _STOPPED:  # typer's answer to Ctrl-C, without a word
            _say_stopped()
        raise
    except KeyboardInterrupt:
        _say_stopped()
        sys.exit(_STOPPED)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:  # a full disk, a folder that cannot be written to: no bug, and nobody caught it nearer
        _end_with(error, system_error(error))
    except MemoryError as error:
        _end_with(error, BenchError("memory ran out", fix="lower --jobs or batch_size, or take a machine with more"))
    except RecursionError as error:
        _end_with(
            error, BenchError("something is nested too deep", fix="look at what was last read; --debug says where")
        )
    except Exception as error:
        if not _is_of_a_library(error):
            raise
        _end_with(error, BenchError(said(error), fix="check the disk and the path"))


def _end_with(error: Exception, line: BenchError) -> None:
    if "--debug" in sys.argv:
        raise error
    print_line(f"bench: {line}")
    sys.exit(2)


def _is_of_a_library(error: Exception) -> bool:
    """Whether an error is the system's in the words of a library that wraps it: DuckDB's and safetensors'."""
    names = {f"{kind.__module__.partition('.')[0]}.{kind.__name__}" for kind in type(error).__mro__}
    if "safetensors_rust.SafetensorError" in names:
        return "os error" in said(error)
    return bool(names & {"duckdb.IOException", "_duckdb.IOException", "duckdb.OutOfMemoryException"})


def _stop(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """A warning as one line, without the source line that it came from."""
    print_line(f"Warning: {said(message) if isinstance(message, Warning) else one_line(message)}")


def _say_stopped() -> None:
    print_line("bench: stopped; what was finished is kept, and the same command goes on from there")
