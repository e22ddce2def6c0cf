"""``--set`` reaches the option it names, as the type of its default, or says what is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest

from bench.errors import BenchError
from bench.plugins.constraints import Above, AtLeast, Below, Between, Matching, OrInfinite
from bench.plugins.options import declared_options, read_options
from bench.plugins.settings import Setting, resolve_options
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
        ("widht=16", "--set: widht: no such option (did you mean width?)"),
        ("mixer.depth=3", "--set: mixer.depth: no such option"),
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


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e999"])
def test_only_finite_numbers_are_numbers_unless_the_option_says_otherwise(text: str) -> None:
    with pytest.raises(BenchError, match=r"mixer\.rate"):
        resolve_options(ALL, [f"rate={text}"])
    endless = EncoderSpec("endless", "m:E", "h", "c", {"rate": float("inf")})
    assert resolve_options([endless], ["rate=inf"])["encoder", "endless"]["rate"] == float("inf")


@dataclass(frozen=True)
class Declared:
    """Options with ranges.

    Attributes:
        width, height: of the vector.
        mode: how images
            are read.
    """

    width: Annotated[int, AtLeast(1)] = 8
    height: Annotated[int, AtLeast(1)] = 8
    rate: Annotated[float, Above(0), OrInfinite()] = 0.5
    share: Annotated[float, AtLeast(0), Below(1)] = 0.5
    beta: Literal["mean"] | Annotated[float, Between(0, 1)] = "mean"
    mode: Literal["none", "steps"] = "steps"
    memory: Annotated[str, Matching(r"\d+[MG]B", "4GB")] = "4GB"
    tied: bool = False

    def __post_init__(self) -> None:
        if self.width < self.height:
            raise BenchError(f"width {self.width} is less than height {self.height}", fix="raise width")


RANGED = EncoderSpec("ranged", "m:M", "h", "c", {"rate": 0.25}, options=Declared)
PINNED = EncoderSpec("pinned", "m:M", "h", "c", options=Declared, pinned={"mode": "none"})


@pytest.mark.parametrize(
    ("setting", "value"),
    [("rate=inf", float("inf")), ("share=0", 0.0), ("beta=mean", "mean"), ("beta=1", 1.0), ("mode=none", "none")],
)
def test_what_the_declaration_allows_is_taken(setting: str, value: object) -> None:
    got = resolve_options([RANGED], [setting])["encoder", "ranged"][setting.partition("=")[0]]
    assert (type(got), got) == (type(value), value)


@pytest.mark.parametrize(
    ("setting", "line"),
    [
        ("width=-1", "--set: ranged.width must be at least 1, not -1 (the default is 8)"),
        ("rate=0", "--set: ranged.rate must be above 0, not 0 (the default is 0.25)"),
        ("share=1", "--set: ranged.share must be below 1, not 1 (the default is 0.5)"),
        ("share=inf", "--set: ranged.share must be finite, not inf (the default is 0.5)"),
        ("share=nan", "--set: ranged.share: 'nan' is not a number (the default is 0.5)"),
        ("beta=2", "--set: ranged.beta must be mean or a number from 0 to 1, not '2' (the default is mean)"),
        ("beta=men", "--set: ranged.beta must be mean or a number from 0 to 1, not 'men' (did you mean mean?)"),
        ("mode=step", "--set: ranged.mode must be none or steps, not 'step' (did you mean steps?)"),
        ("memory=much", "--set: ranged.memory must be written like 4GB, not much (the default is 4GB)"),
        ("tied=perhaps", "--set: ranged.tied: 'perhaps' is neither true nor false (the default is false)"),
        ("height=9", "ranged: width 8 is less than height 9 (raise width)"),
    ],
)
def test_a_value_that_is_not_allowed_is_one_line(setting: str, line: str) -> None:
    with pytest.raises(BenchError) as caught:
        resolve_options([RANGED], [setting])
    assert str(caught.value) == line


def test_a_pinned_option_reaches_the_constructor_and_cannot_be_set() -> None:
    assert resolve_options([PINNED], [])["encoder", "pinned"]["mode"] == PINNED.defaults["mode"] == "none"
    both = resolve_options([RANGED, PINNED], ["mode=steps"])
    assert (both["encoder", "ranged"]["mode"], both["encoder", "pinned"]["mode"]) == ("steps", "none")
    for setting in ("mode=steps", "pinned.mode=none"):
        with pytest.raises(BenchError, match="pinned is what it is by mode=none"):
            resolve_options([PINNED], [setting])


def test_a_spec_that_contradicts_itself_is_refused() -> None:
    for wrong in ({"defaults": {"widht": 1}}, {"pinned": {"mode": "no"}}, {"defaults": {"width": 0}}):
        with pytest.raises(BenchError, match="the encoder wrong"):
            EncoderSpec("wrong", "m:M", "h", "c", options=Declared, **wrong)
    with pytest.raises(BenchError, match="'mod', which is no option"):
        EncoderSpec("wrong", "m:M", "h", "c", {"mode": ""}, pinned={"mod": ""})

    @dataclass(frozen=True)
    class BelowItsOwnRange:
        steps: Annotated[int, AtLeast(0)] = -1

    with pytest.raises(BenchError, match=r"BelowItsOwnRange\.steps: its default must be at least 0"):
        declared_options(BelowItsOwnRange)


def test_options_read_from_a_program_are_checked_alike() -> None:
    assert read_options(Declared, {"rate": 1, "width": 9}) == Declared(rate=1.0, width=9)
    for given, line in (
        ({"width": True}, "x: width: True is not a whole number (the default is 8)"),
        ({"width": 0}, "x: width must be at least 1, not 0 (the default is 8)"),
        ({"widht": 1}, "x: no option 'widht' (did you mean width?)"),
        ({"width": 1}, "x: width 1 is less than height 8 (raise width)"),
    ):
        with pytest.raises(BenchError) as caught:
            read_options(Declared, given, "x")
        assert str(caught.value) == line


def test_a_declaration_says_what_each_option_is() -> None:
    options = declared_options(Declared)
    assert (options["width"].help, options["height"].help) == ("of the vector.", "of the vector.")
    assert options["mode"].help == "how images are read."
    assert options["share"].allowed == "a number at least 0 and below 1"
    assert options["mode"].allowed == "none or steps"


def test_a_setting_is_split_at_the_first_equals_sign_and_the_last_dot() -> None:
    assert Setting.parse("a.b.key=x=y") == Setting("a.b", "key", "x=y")
    assert Setting.parse("key=1.5") == Setting(None, "key", "1.5")
