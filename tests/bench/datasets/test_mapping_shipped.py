"""The log mappings that ship, on small files in the layout of each public log; what comes out is counted by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import bench_here
from odd_logs import rows

from bench.data.checks.corpus_checks import problems
from bench.data.corpus import Corpus
from bench.datasets.ingest import IngestOptions, IngestReport
from bench.datasets.mapping import ingest_mapped, read_map, shipped_maps
from bench.errors import BenchError

X = "\x18"  # octal 030, which is between the words of JDsearch

DIGINETICA = {
    "train-queries.csv": """\
queryId;sessionId;userId;timeframe;duration;eventdate;searchstring.tokens;categoryId;items;is.test
1;1;NA;327;311;2016-05-09;4,17;0;11,12,13;FALSE
2;1;NA;60327;120;2016-05-09;17;0;13,11;FALSE
3;2;77;0;95;2016-05-10;NA;600;12,11;FALSE
4;2;77;2000;95;2016-05-10;9;0;12;TRUE
""",
    "train-clicks.csv": """\
queryId;timeframe;itemId
1;5000;12
2;61000;13
3;1500;12
""",
    "products.csv": """\
itemId;pricelog2;product.name.tokens
11;8;4,5
12;9;17
13;7;9,4,17
""",
    "product-categories.csv": """\
itemId;categoryId
11;600
12;601
13;600
""",
}

JDSEARCH = {
    "user_behavior_data.txt": "\t".join(
        (
            "query",
            "candidate_wid_list",
            "candidate_label_list",
            "history_qry_list",
            "history_wid_list",
            "history_type_list",
            "history_time_list",
        )
    )
    + "\n"
    + f"12{X}32\t456_457_789\t3.0_0.0_0.0\t5{X}6_5{X}6_-1_12\t889_256_345_256\tORD_CLICK_CART_CLICK\t0_12_4_5_60\n"
    + f'7\t457_456\t1.0_0.0\t-1_7{X}"8\t345_457\tFLW_CLICK\t0_9_3600\n',
    "product_meta_data.txt": "\t".join(
        (
            "wid",
            "name",
            "brand_id",
            "brand_name",
            "cate_id_1",
            "cate_name_1",
            "cate_id_2",
            "cate_name_2",
            "cate_id_3",
            "cate_name_3",
            "cate_id_4",
            "cate_name_4",
            "shop_id",
        )
    )
    + "\n"
    + f"456\t12{X}32\t1\t2\t10\t3\t20\t4\t30\t5\t40\t6\t99\n"
    + "457\t7\t1\t2\t11\t3\t20\t4\t30\t5\t40\t6\t99\n"
    + f"889\t5{X}6\t1\t2\t10\t3\t20\t4\t30\t5\t40\t6\t98\n",
}

KUAISAR = {
    "src_inter.csv": """\
user_id,search_session_id,search_session_time,search_session_timestamp,keyword,search_source,item_id,click_cnt,item_type
14358,1,2023-05-22 21:58:52,1684763932919,"[20, 34, 3]",USER_INPUT,103,1,VIDEO
14358,1,2023-05-22 21:58:52,1684763932919,"[20, 34, 3]",USER_INPUT,104,0,VIDEO
14358,1,2023-05-22 21:58:52,1684763932919,"[20, 34, 3]",USER_INPUT,900,0,USER
14358,2,2023-05-22 22:08:52,1684764532919,"[34]",USER_INPUT,104,2,VIDEO
7,1,2023-05-23 08:00:00,1684800000000,"[3]",RELATED,103,0,VIDEO
""",
    "item_features.csv": """\
item_id,caption,author_id,item_type,upload_time,upload_type,first_level_category_id,first_level_category_name,\
first_level_category_name_en,second_level_category_id,second_level_category_name,second_level_category_name_en,\
third_level_category_id,third_level_category_name,third_level_category_name_en,fourth_level_category_id,\
fourth_level_category_name,fourth_level_category_name_en
103,"[20, 3]",10,NORMAL,2023-04-22,LongImport,9,搞笑,Funny,136,搞笑段子,Funny joke,0,空,empty,0,空,empty
104,"[34]",11,NORMAL,2023-04-22,LongImport,8,美食,Food,100,吃,Eat,0,空,empty,0,空,empty
""",
}

TRIVAGO = {
    "train.csv": """\
user_id,session_id,timestamp,step,action_type,reference,platform,city,device,current_filters,impressions,prices
00RL8Z82B2Z1,aff3928535f48,1541037460,1,search for poi,Newtown,AU,"Sydney, Australia",mobile,,,
00RL8Z82B2Z1,aff3928535f48,1541037522,2,interaction item image,666856,AU,"Sydney, Australia",mobile,,,
00RL8Z82B2Z1,aff3928535f48,1541037542,3,clickout item,109038,AU,"Sydney, Australia",mobile,5 Star|Hotel,\
3400638|109038|666856,95|66|501
00RL8Z82B2Z1,aff3928535f48,1541037999,4,search for destination,"Sydney, Australia",AU,"Sydney, Australia",mobile,,,
A0,0a,1541100000,1,clickout item,1,US,Rome,desktop,,1|2,10|20
""",
    "item_metadata.csv": """\
item_id,properties
109038,Satellite TV|5 Star|Hotel
666856,Hotel
1,Hostel
2,Hotel
""",
}

LAYOUTS = {"diginetica": DIGINETICA, "jdsearch": JDSEARCH, "kuaisar": KUAISAR, "trivago": TRIVAGO}


def write_layout(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True)
    for file, text in LAYOUTS[name].items():
        (folder / file).write_text(text, encoding="utf-8")
    return folder


def made(tmp_path: Path, name: str) -> tuple[Corpus, IngestReport]:
    log = write_layout(tmp_path / "log", name)
    report = ingest_mapped(log, tmp_path / "corpus", read_map(name), options=IngestOptions())
    assert problems(tmp_path / "corpus") == []
    assert [entry.name for entry in tmp_path.iterdir() if entry.name not in ("log", "corpus")] == []
    return Corpus(tmp_path / "corpus"), report


def steps(corpus: Corpus) -> dict[str, tuple[str, list[str]]]:
    """``(session, words)`` of every query, by its id."""
    words = [row["word"] for row in rows(corpus, "vocabulary")]
    sessions = [row["session_id"] for row in rows(corpus, "sessions")]
    return {q["query_id"]: (sessions[q["session"]], [words[w] for w in q["words"]]) for q in rows(corpus, "queries")}


def lists(corpus: Corpus) -> dict[str, list[tuple[str, bool]]]:
    """``(item, clicked)`` from the top, by query id."""
    queries = [row["query_id"] for row in rows(corpus, "queries")]
    items = [row["item_id"] for row in rows(corpus, "items")]
    found: dict[str, list[tuple[str, bool]]] = {}
    for row in rows(corpus, "impressions"):
        found.setdefault(queries[row["query"]], []).append((items[row["item"]], row["clicked"]))
    return found


def test_each_map_that_ships_has_a_layout_here() -> None:
    assert shipped_maps() == sorted(LAYOUTS)


def test_diginetica(tmp_path: Path) -> None:
    corpus, report = made(tmp_path, "diginetica")
    assert steps(corpus) == {"1": ("1", ["4", "17"]), "2": ("1", ["17"]), "4": ("2", ["9"])}  # 3 is of a category
    assert lists(corpus) == {
        "1": [("11", False), ("12", True), ("13", False)],
        "2": [("13", True), ("11", False)],
        "4": [("12", False)],
    }
    queries = {row["query_id"]: row["time"].timestamp() for row in rows(corpus, "queries")}
    assert queries == {"1": 1462752000.327, "2": 1462752060.327, "4": 1462838402.0}  # 2016-05-09 and -10, UTC
    clicked = [row["click_time"].timestamp() for row in rows(corpus, "impressions") if row["clicked"]]
    assert clicked == [1462752005.0, 1462752061.0]
    assert {row["item_id"]: row["category"] for row in rows(corpus, "items")} == {"11": "600", "12": "601", "13": "600"}
    assert [row["user"] for row in rows(corpus, "sessions")] == [None, "77"]
    assert report.read["rows of train-queries.csv"] == 4
    assert report.dropped == {
        "rows of train-queries.csv that are not for queries": 1,
        "rows of train-queries.csv that are not for impressions": 1,
        "rows of train-clicks.csv that are not for clicks": 1,
    }


def test_jdsearch(tmp_path: Path) -> None:
    corpus, report = made(tmp_path, "jdsearch")
    found = steps(corpus)
    assert {query: words for query, (_, words) in found.items()} == {
        "1#1": ["5", "6"],  # two steps with one query are one
        "1#3": ["12"],
        "1": ["12", "32"],
        "2#2": ["7", '"8'],
        "2": ["7"],
    }
    assert len({session for session, _ in found.values()}) == 3  # the second user's last query is an hour later
    times = {row["query_id"]: row["time"].timestamp() for row in rows(corpus, "queries")}
    end = 1672444800  # 2022-12-31, UTC
    assert times == {"1#1": end - 81, "1#3": end - 60, "1": end, "2#2": end - 3600, "2": end}
    shown = lists(corpus)
    assert shown["1#1"] == [("889", True), ("256", True)]
    assert shown["1#3"] == [("256", True)]
    assert sorted(shown["1"]) == [("456", True), ("457", False), ("789", False)]
    assert sorted(shown["2"]) == [("456", False), ("457", True)]
    catalogue = {row["item_id"]: row["category"] for row in rows(corpus, "items")}
    assert catalogue == {"456": "10", "457": "11", "889": "10", "256": None, "789": None}
    assert any("ranks are from a hash" in caveat for caveat in corpus.info.caveats)
    assert corpus.info.licence == "CC BY-NC-SA 4.0"
    assert report.dropped["queries that stand in several rows of user_behavior_data.txt"] == 1
    assert report.dropped["rows of user_behavior_data.txt that are not for queries"] == 2  # without a query


def test_jdsearch_by_its_other_names_and_without_a_header(tmp_path: Path) -> None:
    corpus, _ = made(tmp_path / "a", "jdsearch")
    log = write_layout(tmp_path / "b" / "log", "jdsearch")
    for old, new in (("user_behavior_data.txt", "release_data.txt"), ("product_meta_data.txt", "product_data.txt")):
        (log / new).write_text((log / old).read_text().partition("\n")[2])
        (log / old).unlink()
    ingest_mapped(log, tmp_path / "b" / "corpus", read_map("jdsearch"))
    assert Corpus(tmp_path / "b" / "corpus").info.fingerprint == corpus.info.fingerprint


def test_an_interval_that_is_no_number_is_a_fault_of_all_its_users_steps(tmp_path: Path) -> None:
    log = write_layout(tmp_path / "log", "jdsearch")
    file = log / "user_behavior_data.txt"
    file.write_text(file.read_text().replace("0_12_4_5_60", "0_12_x_5_60"))
    with pytest.raises(BenchError, match=r"column time: '0_12_x_5_60' is not a timestamp.* \(3 of 5 rows\)"):
        ingest_mapped(log, tmp_path / "corpus", read_map("jdsearch"))
    options = IngestOptions(on_conflict="drop")
    report = ingest_mapped(log, tmp_path / "corpus", read_map("jdsearch"), options=options)
    assert report.kept["queries"] == 2  # of the other user


def test_kuaisar(tmp_path: Path) -> None:
    corpus, report = made(tmp_path, "kuaisar")
    found = steps(corpus)
    assert {query: words for query, (_, words) in found.items()} == {
        "14358#1": ["20", "34", "3"],
        "14358#2": ["34"],
        "7#1": ["3"],
    }
    assert found["14358#1"][0] == found["14358#2"][0] != found["7#1"][0]
    assert sorted(lists(corpus)["14358#1"]) == [("103", True), ("104", False), ("900", False)]
    assert lists(corpus)["14358#2"] == [("104", True)]
    assert {row["item_id"]: row["category"] for row in rows(corpus, "items")} == {
        "103": "Funny",
        "104": "Food",
        "900": None,
    }
    assert report.dropped["queries that stand in several rows of src_inter.csv"] == 2
    assert any("1 items that were shown or clicked" in note for note in report.notes)


def test_trivago(tmp_path: Path) -> None:
    corpus, report = made(tmp_path, "trivago")
    session = "00RL8Z82B2Z1#aff3928535f48"
    assert steps(corpus) == {
        f"{session}#1": (session, ["Newtown"]),
        f"{session}#3": (session, ["Sydney, Australia", "5 Star", "Hotel"]),
        f"{session}#4": (session, ["Sydney, Australia"]),
        "A0#0a#1": ("A0#0a", ["Rome"]),
    }
    assert lists(corpus) == {
        f"{session}#3": [("3400638", False), ("109038", True), ("666856", False)],
        "A0#0a#1": [("1", True), ("2", False)],
    }
    assert len(rows(corpus, "items")) == 5  # 3400638 has no metadata
    assert report.measures["users"] == 2


@pytest.mark.parametrize("name", sorted(LAYOUTS))
def test_from_the_command_line_by_name_and_by_path(name: str, tmp_path: Path) -> None:
    log = write_layout(tmp_path / "log", name)
    said = bench_here("data", "columns", log, "--map", name)
    assert said.code == 0, said.err
    assert "all files and columns of the map are there" in said.out
    own = tmp_path / "mine.toml"
    own.write_text(bench_here("data", "maps", name).out, encoding="utf-8")
    (row,) = bench_here("data", "maps", name, "--json").rows
    assert (row["map"], row["text"]) == (name, own.read_text(encoding="utf-8"))
    first = bench_here("data", "ingest", log, "--map", name, "--to", tmp_path / "a", "--json").rows
    assert bench_here("data", "ingest", log, "--map", own, "--to", tmp_path / "b", "--name", "a").code == 0
    assert {row["what"] for row in first} >= {"read", "kept", "note", "measure"}
    assert Corpus(tmp_path / "a").info.fingerprint == Corpus(tmp_path / "b").info.fingerprint
