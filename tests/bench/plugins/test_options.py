"""``--set`` reaches the option it names, as the type of its default, or says what is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from bench.errors import BenchError
from bench.plugins.options import Setting, resolve_options
from bench.plugins.specs import BaselineSpec, EncoderSpec, Spec

MIXER = EncoderSpec("mixer", "m:M", "h", "c", {"width": 8, "rate": 0.5, "mode": "end", "tied": False, "margin": 1.0})
OTHER = EncoderSpec("other", "m:O", "h", "c", {"width": 4})
RANKER = BaselineSpec("ranker", "m:R", "h", "c", {"margin": 2.0, "depth": 2})
ALL: list[Spec] = [MIXER, OTHER, RANKER]


def option(setting: str, name: str = "mixer") -> Any:
    key = setting.partition("=")[0].rpartition(".")[2].strip()
    return resolve_options(ALL, [setting])["encoder", name][key]


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("width=16", 16),
        ("width = 16 ", 16),
        ("rate=1", 1.0),
        ("rate=1e-3", 0.001),
        ("mode=text=vis", "text=vis"),
        ("mode=", ""),
        ("mode=5", "5"),
        ("tied=true", True),
        ("tied=1", True),
        ("tied=No", False),
        ("mixer.margin=3", 3.0),
    ],
)
def test_a_value_has_the_type_of_the_default(setting: str, value: Any) -> None:
    got = option(setting)
    assert got == value
    assert type(got) is type(value)


def test_defaults_are_there_and_not_shared() -> None:
    options = resolve_options(ALL, [])
    assert options == {
        ("encoder", "mixer"): MIXER.defaults,
        ("encoder", "other"): OTHER.defaults,
        ("baseline", "ranker"): RANKER.defaults,
    }
    options["encoder", "mixer"]["width"] = 99
    assert MIXER.defaults["width"] == 8


def test_a_bare_option_goes_to_all_of_one_kind_and_a_named_one_to_one() -> None:
    assert option("width=16", "mixer") == option("width=16", "other") == 16
    options = resolve_options(ALL, ["other.width=16"])
    assert options["encoder", "other"]["width"] == 16
    assert options["encoder", "mixer"]["width"] == 8


def test_the_last_setting_wins() -> None:
    assert resolve_options(ALL, ["width=1", "mixer.width=2"])["encoder", "mixer"]["width"] == 2


@pytest.mark.parametrize(
    ("setting", "line"),
    [
        ("width=wide", "'wide' is not a whole number"),
        ("width=1.5", "'1.5' is not a whole number"),
        ("rate=fast", "'fast' is not a number"),
        ("tied=perhaps", "'perhaps' is neither true nor false"),
        ("widht=16", "--set widht: no such option (did you mean width?)"),
        ("mixer.depth=3", "--set mixer.depth: no such option"),
        ("mixr.width=3", "'mixr' takes no part in this run (did you mean mixer?)"),
        ("margin=3", "is an option of components of several kinds (say which: mixer.margin or ranker.margin)"),
        ("width", "is not KEY=VALUE"),
        ("=3", "is not KEY=VALUE"),
        ("", "is not KEY=VALUE"),
    ],
)
def test_what_is_wrong_is_said(setting: str, line: str) -> None:
    with pytest.raises(BenchError) as caught:
        resolve_options(ALL, [setting])
    assert line in str(caught.value)
    assert "--set" in str(caught.value)


def test_nan_is_not_a_number_but_no_limit_is_one() -> None:
    with pytest.raises(BenchError, match="'nan' is not a number"):
        resolve_options(ALL, ["rate=nan"])
    assert option("rate=inf") == float("inf")


def test_a_setting_is_split_at_the_first_equals_sign_and_the_last_dot() -> None:
    assert Setting.parse("a.b.key=x=y") == Setting("a.b", "key", "x=y")
    assert Setting.parse("key=1.5") == Setting(None, "key", "1.5")
