"""The table of critical temperatures: resumable, honest about refusals, the same from the library and the command."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from zeeman.cli import main
from zeeman.plots import critical_temperature as draw
from zeeman.spins.transitions import CriticalTemperature, Scaling, SizeCurve
from zeeman.studies.critical import table
from zeeman.studies.critical.rows import ROWS, SIZES, Effort
from zeeman.studies.figures.shelf import read_numbers, write_numbers


def test_a_row_is_measured_once_and_written_for_people_and_programs(tmp_path, monkeypatch):
    (line,) = table.critical_table(["blume1"], "smoke", tmp_path, progress=False)
    assert set(line.found) == set(table.ESTIMATORS)
    assert line.exact == pytest.approx(1.397298)
    record = json.loads((tmp_path / "smoke" / "table.json").read_text())
    assert table.markdown(record) == (tmp_path / "smoke" / "table.md").read_text().rstrip("\n")
    assert "Blume-Capel, Delta = 1" in table.markdown(record)
    values = [found for found in line.found.values() if "refused" not in found]
    assert values
    assert all(abs(found["value"] - line.exact) < 10 * found["error"] for found in values)
    monkeypatch.setattr(table, "_sampled", None)  # nothing is sampled again
    monkeypatch.setattr(table, "provenance", lambda: {**record["provenance"], "commit": "of a later command"})
    (again,) = table.critical_table(["blume1"], "smoke", tmp_path, progress=False)
    assert again == line
    for file in (tmp_path / "smoke" / "pieces").glob("estimate-*.npz"):
        numbers = read_numbers(file)
        numbers.pop("commit")
        write_numbers(file, numbers)
    (old,) = table.critical_table(["blume1"], "smoke", tmp_path, progress=False)
    assert old == replace(line, commit=None)


def test_what_is_refused_is_said_below_the_table():
    line = table.Line(
        "xy", "XY", "helicity", 0.89, 1e-4,
        {"latent": {"refused": "no crossing"}, "order": {"value": 0.9, "error": 0.02},
         "beside": {"value": 0.9, "error": 0.01}, "pca": {"refused": "no"}}, 1.0,
    )  # fmt: skip
    assert "| XY | 0.89000(10) | - | **0.90(2)**, +0.5 | **0.900(10) S**, +1.0 | - |" in table.written([line])
    assert table.refusals([line]) == ["- XY, latent: no crossing", "- XY, pca: no"]


def test_what_is_nearer_than_the_code_is_bold_and_counted():
    def found(*values):
        return {name: {"value": v, "error": 0.01} for name, v in zip(table.ESTIMATORS, values, strict=True)}

    lines = [
        table.Line("a", "A", "binder", 1.0, 0.0, found(1.02, 0.99, 1.03, 0.5), 1.0),
        table.Line("b", "B", "binder", 1.0, 0.0, found(0.98, 1.0195, 1.03, 0.5), 1.0),  # no difference
        table.Line("c", "C", "binder", 1.0, 0.0, found(1.02, 0.99, 1.01, 0.5), 1.0),
    ]
    first, second, third = table.written(lines).splitlines()[2:]
    assert [cell.startswith(" **") for cell in first.split("|")[3:7]] == [False, True, False, False]
    assert [cell.startswith(" **") for cell in second.split("|")[3:7]] == [True, False, False, False]
    assert [cell.startswith(" **") for cell in third.split("|")[3:7]] == [False, True, True, False]
    record = {"size": "smoke", "lines": [vars(line) for line in lines], "provenance": {"processors": 1, "versions": {}}}
    told = "of 3 rows: order parameter in 2, Binder, or stiffness (S) in 1, PCA in 0. In 1 nothing is"
    assert told in table.markdown(record)


def test_every_row_has_an_exact_value_and_a_window_around_it():
    from zeeman.spins.exact import critical_temperature as exact

    for row in ROWS.values():
        low, high = row.window
        assert low < float(exact(row.make(4))) < high
        for effort in SIZES.values():
            assert len(effort.lengths[0 if row.nu is None else row.dim]) >= 3


@pytest.mark.parametrize("effort", SIZES.values(), ids=SIZES)
def test_where_signals_are_flat_small_lattices_get_more_samples_as_they_are_cheap(effort):
    least, *_, largest = effort.lengths[0]
    clock, square = ROWS["clock6"], ROWS["square"]
    assert effort.samples_of(clock, least) * least == effort.samples_of(clock, largest) * largest
    assert effort.samples_of(square, least) == effort.samples_of(square, largest) == effort.n_samples
    angles = effort.samples_of(ROWS["xy"], largest) * effort.n_temperatures * 4 * largest**2
    assert angles <= 3 * 2**30


def test_the_command_plans_without_writing(tmp_path, capsys):
    with pytest.raises(SystemExit) as left:
        main(["critical", "square", "--out", str(tmp_path / "c"), "--dry-run", "--json"])
    assert left.value.code == 0
    assert json.loads(capsys.readouterr().out)["rows"] == {"square": "Ising, square"}
    assert not (tmp_path / "c").exists()
    with pytest.raises(SystemExit) as left:
        main(["critical", "squre", "--out", str(tmp_path / "c")])
    assert left.value.code == 2


def test_a_result_prints_draws_and_tabulates():
    curve = SizeCurve(8, *([[1.0, 2.0]] * 3))
    found = CriticalTemperature(
        2.2692, 0.0011, 0.001, 0.0003, 0.0003, "latent", "cumulant", (8, 16), {(8, 16): (2.27, 0.002)},
        Scaling("U", {"nu": 1.0}, {"T_c": 2.2692}, 1.0, 2, 3, 0.5), (curve,), [2.269],
    )  # fmt: skip
    assert str(found) == "2.2692(11)"
    assert float(found) == 2.2692
    assert found.pull(2.2681) == pytest.approx(1.0)
    assert found.to_frame().to_dict("list") == {
        "sizes": ["8-16", "infinite"], "temperature": [2.27, 2.2692], "error": [0.002, 0.0011],
    }  # fmt: skip
    figure = draw(found, exact=2.269)
    assert len(figure.axes) == 2


@pytest.mark.parametrize(("error", "stages"), [(1e-4, 2), (1.0, 3)])
def test_a_pilot_too_rough_for_the_largest_size_looks_at_all_but_the_smallest(monkeypatch, error, stages):
    seen = []

    def found(data, beside, n_bootstrap):
        seen.append([sample.attrs["length"] for sample in data])
        return SimpleNamespace(value=2.0 + len(seen), error=error)

    monkeypatch.setattr(table, "critical_temperature", found)
    sizes = (4, 6, 8, 10)
    effort = Effort("rough", {2: sizes}, n_samples=8, n_temperatures=3, n_pilot=8, n_replicas=1, n_epochs=1)
    assert table._pilot(ROWS["square"], sizes, effort, 0) == 2.0 + stages
    assert seen == [[4, 6], [6, 8], [6, 8, 10]][:stages]
