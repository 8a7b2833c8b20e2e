"""Cards for people, in markdown."""

from __future__ import annotations

from collections.abc import Sequence

from zeeman.spins.statistics import shorthand
from zeeman.studies.cards.record import LEAST, Card

__all__ = ["markdown", "table"]


def markdown(card: Card) -> str:
    """The card for people."""
    asked = (
        "chosen by pilots: the cheapest update that came to equilibrium" if card.method_asked == "auto" else "as asked"
    )
    numbers = ", ".join(f"{name} = {value:g}" for name, value in card.numbers.items())
    lines = [
        f"# {card.name}", "",
        f"{card.n_samples:,} configurations of the {card.model} model on {card.lattice}, {card.n_sites:,} sites, "
        f"periodic.", "",
        f"    {card.hamiltonian}", "",
        f"- numbers: {numbers}; energies per site and temperatures in the unit of J, k_B = 1",
        f"- `configuration` ({', '.join(card.axes)}), {card.dtype}; `energy`, `temperature` (sample); "
        f"{card.megabytes:g} MB on disk",
        f"- method: {card.method_asked}, {asked}",
        f"- seed: {card.seed}; device: {card.device or 'the processor, compiled updates'}",
        f"- equilibrium: {_equilibrium(card)}",
        f"- verdict: {card.verdict}; {'; '.join(_check_words(card))}",
        f"- content: sha256 {card.content_hash}", "",
        *_energies(card), "", *_sampling(card), "", *_made_with(card), "",
    ]  # fmt: skip
    return "\n".join(lines)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of cells as a table in markdown."""
    return [f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *rows)]


def _equilibrium(card: Card) -> str:
    failed = [f"{one.temperature:g}" for one in card.readings if not one.equilibrated]
    worst = max(one.equilibration_z for one in card.readings)
    if failed:
        return f"NOT reached at T = {', '.join(failed)}; largest z of drift and disagreement of starts {worst:.1f}"
    return f"reached at every temperature; largest z of drift and disagreement of starts {worst:.1f}"


def _check_words(card: Card) -> list[str]:
    if not card.checks:
        return [card.unchecked]
    checks = [
        f"{name}: chi2 {one['chi2']:.1f} over {one['n']}, p = {one['probability']:.2g}, largest z {one['worst_z']:+.1f}"
        for name, one in card.checks.items()
    ]
    return [*checks, f"alarm below p = {LEAST:g}"]


def _energies(card: Card) -> list[str]:
    identities = list(dict.fromkeys(name for one in card.readings for name in one.identity_z))
    head = ["T", "energy", "exact", "z", *(f"z, {name} identity" for name in identities), "order parameter"]
    rows = []
    for one in card.readings:
        value = "-" if one.exact is None else f"{one.exact:.8f}"
        scores = [one.z, *(one.identity_z.get(name) for name in identities)]
        shown = ["-" if z is None else f"{z:+.2f}" for z in scores]
        order = shorthand(one.order, one.order_error)
        energy = f"e = {shorthand(one.energy, one.energy_error)}"
        rows.append([f"{one.temperature:g}", energy, value, *shown, order])
    sources = dict.fromkeys(one.exact_source for one in card.readings if one.exact_source)
    said = f"Exact energies of this lattice size: {', '.join(sources)}." if sources else (
        "No exact energy is known at this lattice size; the identities hold at every size."
    )  # fmt: skip
    return ["## Energies", "", said, "", *table(head, rows)]


def _sampling(card: Card) -> list[str]:
    head = ["T", "update", "autocorrelation time", "burn-in", "spacing", "samples", "effective", "equilibrated", "z"]
    rows = [
        [f"{one.temperature:g}", one.method, f"{one.autocorrelation_time:.3g} {one.steps_are}", f"{one.burn_in}",
         f"{one.spacing}", f"{one.n_samples}", f"{one.effective_sample_size:.0f}",
         "yes" if one.equilibrated else "NO", f"{one.equilibration_z:.1f}"]
        for one in card.readings
    ]  # fmt: skip
    return ["## Sampling", "", *table(head, rows)]


def _made_with(card: Card) -> list[str]:
    made = card.provenance
    versions = ", ".join(f"{name} {version}" for name, version in made["versions"].items())
    return ["## Made with", "", f"{versions}; {made['platform']}; commit {made['commit'] or 'unknown'}."]
