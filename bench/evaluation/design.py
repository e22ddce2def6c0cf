"""The grid of seeds and users that stored comparisons are asked about: what each design would find."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.evaluation.tests import Results
from bench.stats.power import Components, smallest_found, users_needed

SEEDS = (3, 5, 10, 20, 40)


@dataclass(frozen=True)
class Design:
    """One number of seeds for one comparison.

    Attributes:
        dataset, baseline, encoder, reference, metric: the comparison.
        stored_seeds, stored_users: with which it was measured.
        seeds: of this design.
        smallest: the smallest difference found with 80 % power, by the number of users; infinity for any number.
        needed: the fewest users that find the difference asked for; None where no number of them is enough.
    """

    dataset: str
    baseline: str
    encoder: str
    reference: str
    metric: str
    stored_seeds: int
    stored_users: int
    seeds: int
    smallest: dict[float, float]
    needed: int | None

    def rows(self, detect: float) -> list[dict[str, Any]]:
        """Elements of ``bench power --json``, one for each number of users; any number of them is null."""
        names = ("dataset", "baseline", "encoder", "reference", "metric", "stored_seeds", "stored_users", "seeds")
        head = {name: getattr(self, name) for name in names}
        return [
            {
                **head,
                "users": None if math.isinf(users) else int(users),
                "smallest_found": smallest,
                "detect": detect,
                "found": smallest <= detect,
                "users_needed": self.needed,
            }
            for users, smallest in self.smallest.items()
        ]


def designs(
    results: Results,
    part: str,
    reference: str,
    metric: str,
    detect: float,
    seeds: Sequence[int] = SEEDS,
) -> list[Design]:
    """A design per stored comparison and number of seeds; users are a half, one, two and four times the stored ones.

    Comparisons that have no result, one seed, or no mean squares are left out.
    """
    found = []
    places = dict.fromkeys((cell.dataset, cell.baseline, cell.encoder) for cell in results.cells[part])
    for dataset, baseline, encoder in places:
        if encoder == reference:
            continue
        difference = results.difference(part, dataset, baseline, encoder, reference, metric)
        components = Components.of(difference) if difference is not None else None
        if difference is None or components is None:
            continue
        users = [max(2, math.ceil(difference.users * factor)) for factor in (0.5, 1, 2, 4)]
        for number in sorted({*seeds, difference.seeds}):
            smallest = {float(n): smallest_found(components, number, n) for n in (*users, math.inf)}
            found.append(
                Design(
                    dataset,
                    baseline,
                    encoder,
                    reference,
                    metric,
                    difference.seeds,
                    difference.users,
                    number,
                    smallest,
                    users_needed(components, number, detect),
                )
            )
    return found
