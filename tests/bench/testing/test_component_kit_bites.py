"""What all kits ask of a component, and what that of click references asks beside, is noticed where it is missing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import pytest
import torch
from kit_runner import checks_of, run_check
from torch import Tensor

from bench import BenchError
from bench.contracts import ClickBatch, ClickCorpus, ClickReference
from bench.data.corpus import Corpus
from bench.data.features import Features
from bench.plugins.constraints import Above, Between, OrInfinite
from bench.plugins.needs import Need
from bench.plugins.specs import BaselineSpec, Spec
from bench.testing import (
    ClickReferenceConformance,
    ComponentConformance,
    TaskConformance,
    awkward_corpus,
    click_batch,
)
from bench.testing.click_scores import every_query
from bench.testing.corpora import variant_corpus
from bench.testing.kits import kit_of


class _Correct:
    """Something with two options.

    Args:
        depth: one.
        width: the other.
    """

    def __init__(self, dims: object, depth: int = 2, width: float = 1.0) -> None:
        self.depth = depth


class _Child(_Correct):
    def __init__(self, dims: object, more: bool = False, **rest: Any) -> None:
        """Hands on the rest."""
        super().__init__(dims, **rest)


class _Undocumented(_Correct):
    pass


OPTIONS = {"depth": 2, "width": 1.0}
DECLARED = "test_its_options_are_those_that_it_declares"
BOUNDED = "test_every_number_among_its_options_has_a_range"
SAYS = "test_it_says_what_it_is_and_where_it_is_from"


def offered(defaults: dict[str, Any] = OPTIONS, text: str = "one line", citation: str = "me") -> Spec:
    return BaselineSpec("mine", "m:C", text, citation, defaults)


class _Kit(ComponentConformance):
    component = _Correct
    offers: ClassVar[Spec] = offered()

    @property
    def spec(self) -> Spec:
        return self.offers


@pytest.mark.parametrize(
    ("sets", "check", "said"),
    [
        ({"offers": offered(citation=" ")}, SAYS, "no citation"),
        ({"offers": offered(text="")}, SAYS, "no help"),
        ({"offers": offered(text="two\nlines")}, SAYS, "one line"),
        ({"component": _Undocumented}, SAYS, "no docstring of its own"),
        ({"contract": ClickReference}, "test_it_is_what_its_kind_must_be", "is no ClickReference"),
        ({"offers": offered({**OPTIONS, "height": 1})}, DECLARED, "declares height"),
        ({"offers": offered({"depth": 2})}, DECLARED, "takes width"),
        ({"offers": offered({"depth": 3, "width": 1.0})}, DECLARED, "depth is 2, declared 3"),
        ({"offers": offered({"depth": 2, "width": 1})}, DECLARED, "width is 1.0, declared 1"),
        ({"component": _Child}, DECLARED, "takes more"),
        ({"component": _Child, "offers": offered({"more": False, "depth": 3})}, DECLARED, "depth is 2, declared 3"),
    ],
)
def test_what_a_component_says_of_itself_is_checked(
    sets: dict[str, Any], check: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(AssertionError, match=said):
        run_check(_Kit, check, {}, tmp_path / "broken", **{"component": _Correct, **sets})
    run_check(_Kit, check, {}, tmp_path / "correct", component=_Correct)
    inherits = {"component": _Child, "offers": offered({"more": False, **OPTIONS})}
    run_check(_Kit, DECLARED, {}, tmp_path / "inherits", **inherits)


@dataclass(frozen=True)
class _Bounded:
    """Options with ranges."""

    depth: Annotated[int, Between(1, 9)] = 2
    width: Annotated[float, Above(0)] = 1.0


@dataclass(frozen=True)
class _Endless(_Bounded):
    """A number that may be anything, and one that may be infinite beside."""

    height: int = 3
    length: Annotated[float, OrInfinite()] = 1.0


def test_a_number_without_a_range_fails_where_ranges_can_be_declared_and_warns_elsewhere(tmp_path: Path) -> None:
    def declares(options: type) -> Spec:
        return BaselineSpec("mine", "m:C", "one line", "me", options=options)

    run_check(_Kit, BOUNDED, {}, tmp_path / "bounded", offers=declares(_Bounded))
    with pytest.raises(AssertionError, match="height, length of mine have no range"):
        run_check(_Kit, BOUNDED, {}, tmp_path / "endless", offers=declares(_Endless))
    with pytest.warns(UserWarning, match="mine: depth, width have no range"):
        run_check(_Kit, BOUNDED, {}, tmp_path / "bare", offers=offered())


class _NeedsImages(_Kit):
    component = _Correct
    needs = ("images",)


class _NeedsImagesIfDeep(_Kit):
    component = _Correct
    options: ClassVar[dict[str, Any]] = {"depth": 3}
    needs = (Need("images", {"depth": 3}),)


class _NeedsImagesIfDeepAndIsNot(_NeedsImagesIfDeep):
    options: ClassVar[dict[str, Any]] = {"depth": 2}


class _NeedsUsers(_Kit):
    component = _Correct
    needs = ("users",)


class _ReadsImagesAlone(ComponentConformance):
    name = "transearch"
    options: ClassVar[dict[str, Any]] = {"mode": "vis"}


class _ReadsWhatIsThere(ComponentConformance):
    name = "transearch"


class _KnowsTheTruth(ComponentConformance):
    name = "oracle"


class _NeedsNextQueries(TaskConformance):
    name = "suggest"


@pytest.mark.parametrize(
    ("kit", "lacks", "said"),
    [
        (_NeedsImages, "without images", "_Correct cannot run on .*: it has no image vectors"),
        (_NeedsImagesIfDeep, "without images", "it has no image vectors"),
        (_NeedsUsers, "without users", "its sessions have no users"),
        (_ReadsImagesAlone, "without images", "transearch cannot run on .*: it has no image vectors"),
        (_KnowsTheTruth, "without users", "has no known truth"),
        (_NeedsNextQueries, "one-step sessions", "is followed by a keyword query with words"),
    ],
)
def test_a_corpus_that_lacks_what_is_declared_may_be_refused(
    kit: type[ComponentConformance], lacks: str, said: str, tmp_path: Path
) -> None:
    corpus = variant_corpus(tmp_path / "corpus", lacks)
    with pytest.raises(pytest.skip.Exception, match=said), kit().may_refuse(corpus):
        raise BenchError("not this one")
    with pytest.raises(IndexError), kit().may_refuse(corpus):
        raise IndexError


@pytest.mark.parametrize("kit", [_Kit, _NeedsImagesIfDeepAndIsNot, _NeedsUsers, _ReadsWhatIsThere])
def test_a_corpus_that_lacks_nothing_that_is_declared_may_not_be_refused(
    kit: type[ComponentConformance], tmp_path: Path
) -> None:
    refused = pytest.raises(AssertionError, match="refuses a corpus that has all that its spec needs: not this one")
    with refused, kit().may_refuse(variant_corpus(tmp_path / "corpus", "without images")):
        raise BenchError("not this one")


class _ByText(ClickReference):
    """Correct: the item's mean word vector times the query's."""

    def prepare(self, data: ClickCorpus) -> None:
        self.noise = 0.0

    def scores(self, batch: ClickBatch) -> Tensor:
        return (batch.item_text * batch.query_text.unsqueeze(1)).sum(2) + self.noise


class _Random(_ByText):
    def prepare(self, data: ClickCorpus) -> None:
        self.noise = float(torch.rand(1))


class _BreaksTies(_ByText):
    def scores(self, batch: ClickBatch) -> Tensor:
        return super().scores(batch) - 1e-6 * torch.arange(batch.items.shape[1])


REFERENCES = [
    (_Random, "test_nothing_in_it_is_random"),
    (_BreaksTies, "test_the_same_item_twice_is_an_exact_tie"),
]


@pytest.mark.parametrize(("broken", "check"), REFERENCES)
def test_the_kit_of_click_references_bites(broken: type[ClickReference], check: str, tmp_path: Path) -> None:
    corpus: Corpus = awkward_corpus(tmp_path / "corpus")
    features = Features.of(corpus)
    batch = click_batch(corpus, features, every_query(corpus))
    given = {"corpus": corpus, "features": features, "batch": batch}
    with pytest.raises(AssertionError):
        run_check(ClickReferenceConformance, check, given, tmp_path / "broken", component=broken)
    run_check(ClickReferenceConformance, check, given, tmp_path / "correct", component=_ByText)


def test_every_check_is_shown_to_bite() -> None:
    shown = {SAYS, DECLARED, BOUNDED, "test_it_is_what_its_kind_must_be"}
    assert checks_of(ComponentConformance) == shown
    assert checks_of(ClickReferenceConformance) == {check for _, check in REFERENCES}


def test_the_kit_follows_from_what_a_component_is_derived_from() -> None:
    from bench.plugins.registry import registry

    found = {name: kit_of(registry().get("baseline", name)).__name__ for name in registry().names("baseline")}
    assert found["transearch"] == "ClickModelConformance"
    assert found["bm25"] == "ClickReferenceConformance"
    assert found["ffn"] == "SuggestionModelConformance"
    assert found["query-words"] == "SuggestionReferenceConformance"
    assert found["xgboost"] == "IntentModelConformance"
    of_its_own = BaselineSpec("mine", "builtins:dict", "h", "c", task="mine")
    assert kit_of(of_its_own) is ComponentConformance
