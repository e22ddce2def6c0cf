"""A log in a layout of its own becomes the same corpus in every format, and by every way of saying what is what."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from command_line import bench_here
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mapped_logs import MAP, made_mapped, wide_log, write_mapped
from odd_logs import FORMATS, made, plain_log, rows

from bench.data.schema import SPLITS
from bench.datasets.mapping import read_map
from bench.errors import BenchError


@pytest.fixture(scope="module")
def mapped(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The fingerprint of the log as CSV."""
    folder = write_mapped(tmp_path_factory.mktemp("control") / "log", wide_log())
    return made_mapped(folder)[0].info.fingerprint


def test_the_corpus_has_what_the_log_has(tmp_path: Path) -> None:
    plain, _ = made(tmp_path, plain_log())
    corpus, report = made_mapped(write_mapped(tmp_path / "log", wide_log()))
    assert corpus.info.counts == plain.info.counts
    assert rows(corpus, "vocabulary") == rows(plain, "vocabulary")
    assert [row["clicked"] for row in rows(corpus, "impressions")] == [r["clicked"] for r in rows(plain, "impressions")]
    assert [row["time"] for row in rows(corpus, "queries")] == [row["time"] for row in rows(plain, "queries")]
    assert rows(corpus, "queries")[4]["query_id"] == "u1#1"
    assert report.read["rows of shown.csv"] == 300
    assert report.dropped == {"rows of shown.csv that are not for clicks": 240}
    assert corpus.info.source["reader"] == "map"
    assert set(corpus.info.source["files"]) == {"map", "shown", "asked", "goods"}


@pytest.mark.parametrize("form", sorted(set(FORMATS) - {"csv"}))
def test_every_format_gives_one_corpus(form: str, tmp_path: Path, mapped: str) -> None:
    corpus, _ = made_mapped(write_mapped(tmp_path / "log", wide_log(), form))
    assert corpus.info.fingerprint == mapped


@pytest.mark.parametrize("form", ["csv", "parquet", "json lines"])
def test_the_order_of_rows_says_nothing(form: str, tmp_path: Path, mapped: str) -> None:
    log = wide_log()
    for table in log.values():
        order = list(range(len(next(iter(table.values())))))
        random.Random(7).shuffle(order)
        for name, values in table.items():
            table[name] = [values[row] for row in order]
    assert made_mapped(write_mapped(tmp_path / "log", log, form))[0].info.fingerprint == mapped


_TEXT = st.text(st.characters(exclude_categories=["C"]), max_size=8)


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_TEXT, min_size=20, max_size=20), st.lists(_TEXT | st.none(), min_size=5, max_size=5), st.integers())
def test_any_text_in_any_format_and_order_gives_one_mapped_corpus(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], shelves: list[str | None], seed: int
) -> None:
    """Texts with separators, quotes and white space of all kinds, in ids of several columns too; rows shuffled."""
    log = wide_log()
    names = {f"u{number}": f"{text}{number}" for number, text in enumerate(texts)}
    for table in ("asked", "shown"):
        log[table]["visitor"] = [names[visitor] for visitor in log[table]["visitor"]]
    log["asked"]["typed"][::3] = texts
    log["goods"]["shelf"][:5] = shelves
    tmp_path, fingerprints = tmp_path_factory.mktemp("any"), set()
    for number, form in enumerate(("parquet", "csv", "tsv", "json lines", "spark")):
        order = random.Random(seed + number)
        for columns in list(log.values()) if number else []:
            rows_of = list(range(len(next(iter(columns.values())))))
            order.shuffle(rows_of)
            columns |= {name: [values[row] for row in rows_of] for name, values in columns.items()}
        fingerprints.add(made_mapped(write_mapped(tmp_path / f"log {number}", log, form))[0].info.fingerprint)
    assert len(fingerprints) == 1


def test_a_mapped_log_may_bring_its_own_split(tmp_path: Path) -> None:
    """``split`` is the separator of lists where it is a text, and a column of ours where it is one."""
    log = wide_log()
    log["asked"]["part"] = ["test" if visitor < "u3" else "train" for visitor in log["asked"]["visitor"]]
    text = MAP.replace('text = "typed"', 'text = "typed"\nsplit = { column = "part" }')
    corpus, _ = made_mapped(write_mapped(tmp_path / "log", log, text=text))
    users = corpus.strings("sessions", "user").to_pylist()
    testing = {user for user, code in zip(users, corpus.columns.session_split, strict=True) if SPLITS[code] == "test"}
    assert testing == {user for user in users if user < "u3"} != set(users)


def test_a_log_may_stand_in_several_files_of_a_glob(tmp_path: Path, mapped: str) -> None:
    log = wide_log()
    later = {name: values[150:] for name, values in log["shown"].items()}
    log["shown"] = {name: values[:150] for name, values in log["shown"].items()}
    folder = write_mapped(tmp_path / "log", log | {"shown-2": later}, text=MAP.replace('"shown.*"', '"shown*.csv"'))
    assert made_mapped(folder)[0].info.fingerprint == mapped


@pytest.mark.parametrize(
    "spell",
    [
        lambda yes: "True" if yes else "False",
        lambda yes: "t" if yes else "f",
        lambda yes: int(yes),
        lambda yes: "1.0" if yes else "0.0",
        lambda yes: " YES " if yes else None,
    ],
)
def test_booleans_in_any_spelling(spell: Any, tmp_path: Path, mapped: str) -> None:
    log = wide_log()
    log["shown"]["clicked"] = [spell(yes) for yes in log["shown"]["clicked"]]
    assert made_mapped(write_mapped(tmp_path / "log", log))[0].info.fingerprint == mapped


@pytest.mark.parametrize("unit", ["ms", "us", "min"])
def test_a_time_in_parts(unit: str, tmp_path: Path, mapped: str) -> None:
    """A day, and an offset from it in a unit."""
    scale = {"ms": 1e3, "us": 1e6, "min": 1 / 60}[unit]
    log = wide_log()
    log["asked"]["since"] = [(at - 1_699_920_000) * scale for at in log["asked"]["at"]]
    log["asked"]["at"] = ["2023-11-14"] * len(log["asked"]["at"])
    text = MAP.replace('column = "at", unit = "s"', f'column = "at", plus = "since", unit = "{unit}"')
    text = text.replace(
        'column = "asked.at", unit = "s"', f'column = "asked.at", plus = "asked.since", unit = "{unit}"'
    )
    assert made_mapped(write_mapped(tmp_path / "log", log, text=text))[0].info.fingerprint == mapped


def test_times_as_pandas_writes_them(tmp_path: Path, mapped: str) -> None:
    """Nanoseconds with a time zone, in Parquet."""
    folder = write_mapped(tmp_path / "log", wide_log(), "parquet")
    frame = pd.read_parquet(folder / "asked.parquet")
    times = pd.to_datetime(frame["at"], unit="s", utc=True).dt.as_unit("ns")
    frame.assign(at=times).to_parquet(folder / "asked.parquet")
    assert made_mapped(folder)[0].info.fingerprint == mapped


@pytest.mark.parametrize("form", ["%d.%m.%Y %H:%M:%S", "%m/%d/%y %I:%M:%S %p", "it's %Y, %d %b %H:%M:%S"])
def test_a_time_in_a_form_that_the_map_names(form: str, tmp_path: Path, mapped: str) -> None:
    log = wide_log()
    log["asked"]["at"] = [f" {datetime.fromtimestamp(at, UTC).strftime(form)}" for at in log["asked"]["at"]]
    text = MAP.replace('unit = "s"', f'format = "{form}"')
    assert made_mapped(write_mapped(tmp_path / "log", log, text=text))[0].info.fingerprint == mapped


@pytest.mark.parametrize("write", ["|".join, lambda ids: repr(list(ids)), " ".join, ",".join, "\x1e".join])
def test_lists_of_items(write: Any, tmp_path: Path, mapped: str) -> None:
    log = wide_log()
    shown = log["shown"]
    pairs = list(zip(shown["visitor"], shown["nr"], strict=True))
    lists: dict[Any, list[str]] = {}
    for pair, item in zip(pairs, shown["sku"], strict=True):
        lists.setdefault(pair, []).append(item)
    log["asked"]["list"] = [
        write(lists[pair]) for pair in zip(log["asked"]["visitor"], log["asked"]["nr"], strict=True)
    ]
    part = '[[impressions]]\nfrom = "asked"\nquery_id = ["visitor", "nr"]\nitems = '
    items = '{ column = "list", split = "\\u001e" }' if write("ab") == "a\x1eb" else '"list"'
    before, _, rest = MAP.partition("[[impressions]]")
    text = f"{before}{part}{items}\n\n[[clicks]]{rest.partition('[[clicks]]')[2]}"
    assert made_mapped(write_mapped(tmp_path / "log", log, text=text))[0].info.fingerprint == mapped


def test_parallel_lists_are_exploded_and_those_of_other_lengths_counted(tmp_path: Path) -> None:
    log = wide_log()
    log["lists"] = {
        "q": ["u0-0", "u0-1", "u0-2"],
        "ids": ["i0_i1_i2", "i3", "i4_i5"],
        "labels": ["0_2_1", "0", "1"],
    }
    text = (
        MAP.replace('["visitor", "nr"]\nuser', '["visitor", "nr"]\nposition = "nr"\nuser')
        + """
[files.lists]
path = "lists.csv"
"""
    )
    before, _, rest = text.partition("[[impressions]]")
    text = (
        before.replace("query_id = [", 'session_id = "visitor"\nquery_id = [')
        + """
[[impressions]]
from = "lists"
explode = ["ids", "labels"]
split = "_"
query_id = "q"
item_id = "ids"
rank = "@place"

[[clicks]]
from = "lists"
explode = ["ids", "labels"]
split = "_"
where = { labels = { above = 0 } }
query_id = "q"
item_id = "ids"

[[items]]"""
        + rest.partition("[[items]]")[2]
    )
    text = text.replace('query_id = ["visitor", "nr"]', 'query_id = "id"')
    text = text.replace('[files.shown]\npath = "shown.*"\n', "")
    pairs = zip(log["asked"]["visitor"], log["asked"]["nr"], strict=True)
    log["asked"]["id"] = [f"{visitor}-{nr}" for visitor, nr in pairs]
    folder = write_mapped(tmp_path / "log", log, text=text)
    with pytest.raises(BenchError, match=r"row 3: the lists ids, labels differ in length \(1 of 3 rows\)"):
        made_mapped(folder)
    corpus, report = made_mapped(folder, on_conflict="drop")
    assert [(row["rank"], row["clicked"]) for row in rows(corpus, "impressions")] == [
        (1, False), (2, True), (3, True), (1, False)
    ]  # fmt: skip
    assert report.dropped["rows of lists.csv whose lists differ in length"] == 2  # for impressions and for clicks


def test_latin_1_semicolons_and_a_text_without_a_header(tmp_path: Path) -> None:
    log = wide_log()
    text = MAP.replace(
        'path = "goods.*"',
        'path = "goods.dat"\nseparator = ";"\nencoding = "latin-1"\ncolumns = ["sku", "name", "shelf"]',
    )
    folder = write_mapped(tmp_path / "log", log, text=text)
    lines = zip(*log["goods"].values(), strict=True)
    (folder / "goods.csv").unlink()
    latin = "".join(f"{sku};{name} béret;{shelf}\n" for sku, name, shelf in lines)
    (folder / "goods.dat").write_bytes(latin.encode("latin-1"))
    corpus, _ = made_mapped(folder)
    assert "béret" in [row["word"] for row in rows(corpus, "vocabulary")]


def test_names_and_texts_of_a_log_are_never_sql(tmp_path: Path, mapped: str) -> None:
    log = wide_log()
    odd = """x" FROM goods; DROP TABLE source_0; --'"""
    log["shown"][odd] = log["shown"].pop("sku")
    text = MAP.replace('item_id = "sku"\nrank', f"item_id = '''{odd}'''\nrank")
    text = text.replace('item_id = "sku"\ntime', f"item_id = '''{odd}'''\ntime")
    text = text.replace("{ clicked = true }", '{ clicked = [true, "\' OR 1=1 --"] }')
    text = text.replace('{ t = "keyword" }', '{ t = "keyword", "\' OR \'" = "\';\'" }')
    assert made_mapped(write_mapped(tmp_path / "log", log, text=text))[0].info.fingerprint == mapped


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('from = "shown"', 'form = "shown"', "unknown key 'form' (did you mean from?)"),
        ('from = "goods"', 'from = "good"', "no file is called 'good' (did you mean goods?)"),
        ('rank = "place"', "", "impressions[1]: no rank"),
        ('rank = "place"', 'rank = "@unkown"', "column @unkown"),
        ('unit = "s"', 'unit = "sec"', "queries[1].time.unit: 'sec' is no unit of time"),
        ('unit = "s"', 'format = "%d.%m. %H:%M"', "'%d.%m. %H:%M' has no year"),
        ('unit = "s"', 'format = "%Y %Q"', "queries[1].time.format: %Q in a format is not known"),
        ('unit = "s"', 'unit = "s", format = "%Y"', "a format is for written times"),
        ('title = "name"', "", "items[1]: no text or title or words"),
        ('on = ["visitor", "nr"]', "on = 1", "clicks[1].join[1].on: names no column"),
        ("{ clicked = true }", "{ clicked = { abov = 0 } }", "unknown key 'abov' (did you mean above?)"),
        ("{ clicked = true }", "{ clicked = {} }", "says nothing"),
        ('path = "goods.*"', 'path = "../goods.csv"', "leads out of the log"),
        ('path = "goods.*"', 'path = "goods.*"\nseparator = "ab"', "'ab' is not one character"),
        ("[[queries]]", "[queries]", "is one table"),
        ("[[queries]]", '[files.more]\npath = "more.csv"\n[[queries]]', "files.more: nothing is made of the file"),
        ("[files.goods]", "[filse.goods]", "unknown key 'filse' (did you mean files?)"),
        ("[[clicks]]", "[[click]]", "unknown key 'click' (did you mean clicks?)"),
        ('title = "name"', 'title = "nane"', "column nane: the column is missing (did you mean name?)"),
        ('path = "goods.*"', 'path = "good.csv"', "no such file (did you mean goods.csv?)"),
        ('query_id = ["visitor", "nr"]', 'query_id = "@place"', "@place needs explode"),
    ],
)  # fmt: skip
def test_what_a_map_does_not_know_is_refused_with_what_was_meant(old: str, new: str, said: str, tmp_path: Path) -> None:
    folder = write_mapped(tmp_path / "log", wide_log(), text=MAP.replace(old, new, 1))
    with pytest.raises(BenchError) as caught:
        made_mapped(folder)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log", "log.toml"]


def test_all_that_is_missing_is_named_at_once_by_columns_too(tmp_path: Path) -> None:
    text = MAP.replace('"name"', '"nane"').replace('"shelf"', '"self"').replace('"asked.*"', '"ask.csv"')
    folder = write_mapped(tmp_path / "log", wide_log(), text=text)
    said = bench_here("data", "columns", folder, "--map", tmp_path / "log.toml")
    assert said.code == 2
    for part in ("3 kinds of fault", "ask.csv: no such file", "column nane", "column self"):
        assert part in said.err


def test_a_map_in_words(tmp_path: Path) -> None:
    write_mapped(tmp_path / "log", wide_log())
    said = bench_here("data", "columns", "--map", tmp_path / "log.toml").out
    for line in (
        "queries <- asked (asked.*)",
        "clicks <- shown (shown.*), joined with asked by visitor and nr",
        "  only where clicked is true",
        "  query_id  put together: visitor, nr",
        "  time      at, in s",
        "  kind      how, where 't' is keyword",
    ):
        assert line in said.splitlines()


def test_a_map_that_nobody_has(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"no such map .*did you mean diginetica\?"):
        read_map("digenetica")
    (tmp_path / "broken.toml").write_text("[files")
    with pytest.raises(BenchError, match=r"broken\.toml: not TOML"):
        read_map(tmp_path / "broken.toml")


def test_all_faults_of_a_mapped_log_are_reported_at_once(tmp_path: Path) -> None:
    log = wide_log()
    shown = log["shown"]
    shown["place"][6] = 1  # with the first of its list
    for row in range(0, 300, 100):
        shown["sku"][row] = f"nothing{row}"
    log["asked"]["at"][5] = "soon"
    folder = write_mapped(tmp_path / "log", log)
    with (folder / "shown.csv").open("a", newline="") as file:
        file.write("u1,2\r\nu1,3\r\n")
    with pytest.raises(BenchError) as caught:
        made_mapped(folder)
    said = str(caught.value)
    for part in (
        "shown.csv, line 302: Expected Number of Columns: 5 Found: 2 (2 such lines)",
        "queries (made of asked.*), column time: 'soon' is not a timestamp",
        "impressions (made of shown.*), column item_id: 'nothing0' is not in items (made of goods.*) (3 of 300 rows)",
        "stands twice",
        "--on-conflict drop",
    ):
        assert part in said
    _, report = made_mapped(folder, on_conflict="drop")
    assert report.dropped["lines of shown.csv that are not CSV"] == 2
    assert report.dropped["impressions without a row in items"] == 3
