"""Engines differ in speed only: stacked, apart and in threads give the same replicas, alone or together."""

import copy
import itertools

import numpy as np
import pytest
import torch
from torch import nn

from zeeman.base.random import torch_seeded, torch_stream
from zeeman.training import Apart, Engine, Plan, Stacked, choose_engine, quiet_machine, schedule, train
from zeeman.training.machine import half_precision_is_native

NORMED = [lambda: nn.BatchNorm1d(8), lambda: nn.Identity()]


class Regression(nn.Module):
    """Terms: mean squared error of a noisy target, and the mean output."""

    def __init__(self, norm=nn.Identity):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(5, 8, bias=False), norm(), nn.ReLU(), nn.Linear(8, 1))

    def forward(self, x, noise):
        y = self.layers(x)
        return torch.stack([((y - x[:, :1] - 0.1 * noise) ** 2).mean(), y.mean()])


def replicas(n, norm=nn.Identity):
    modules = []
    for r in range(n):
        with torch_seeded(0, "weights", r):
            modules.append(Regression(norm))
    return modules


def data(n=200):
    return torch.randn(n, 5, generator=torch_stream(0, "data"))


def plan(**changes):
    settings = {"n_epochs": 3, "batch_size": 16, "engine": "apart", "n_threads": 1, "precision": "float32"}
    return Plan(noise_shape=(1,), term_names=("error", "mean"), **{**settings, **changes})


def merit(module):
    return -float(module(data(), torch.zeros(200, 1))[0])


def terms(ensemble, batch, noise):
    ensemble.step(batch, noise, 1e-2)
    return ensemble.collect()


def weights(modules):
    return [torch.cat([t.double().flatten() for t in module.state_dict().values()]) for module in modules]


@pytest.mark.parametrize("norm", NORMED)
@pytest.mark.parametrize("engine", ["apart", "threads", "stacked"])
def test_together_equals_alone(engine, norm):
    together = replicas(4, norm)
    many = train(together, data(), plan(engine=engine), validate=merit)
    alone = replicas(1, norm)
    one = train(alone, data(), plan(engine=engine), validate=merit)
    torch.testing.assert_close(weights(together)[0], weights(alone)[0], rtol=1e-5, atol=1e-6)
    for name in ("error", "mean", "validation"):
        assert many.history[name].shape == (3, 4)
        np.testing.assert_allclose(many.history[name][:, :1], one.history[name], rtol=1e-4, atol=1e-6)
    assert not torch.equal(weights(together)[0], weights(together)[1])


@pytest.mark.parametrize("norm", NORMED)
def test_engines_agree(norm):
    results = {}
    for engine in ("apart", "threads", "stacked"):
        modules = replicas(3, norm)
        train(modules, data(), plan(engine=engine), validate=merit)
        results[engine] = torch.stack(weights(modules))
    assert torch.equal(results["apart"], results["threads"])
    torch.testing.assert_close(results["apart"], results["stacked"], rtol=1e-5, atol=1e-6)


def test_running_statistics_stay_with_their_replica():
    modules = replicas(3, NORMED[0])
    batch = torch.randn(3, 16, 5, generator=torch_stream(0, "batch")) * torch.tensor([1.0, 10.0, 100.0])[:, None, None]
    reference = copy.deepcopy(modules)
    stacked = Stacked(modules)
    stacked.step(batch, torch.zeros(3, 16, 1), 1e-3)
    for r, module in enumerate(stacked.modules_in_step()):
        reference[r](batch[r], torch.zeros(16, 1))
        for name, buffer in reference[r].named_buffers():
            torch.testing.assert_close(dict(module.named_buffers())[name], buffer)


@pytest.mark.parametrize("norm", NORMED)
def test_traced_steps_are_the_steps_they_were_traced_from(norm):
    plain, traced = Stacked(replicas(3, norm)), Stacked(replicas(3, norm), programs={})
    for k in range(4):
        batch, noise = data(48).reshape(3, 16, 5) + k, torch.randn(3, 16, 1, generator=torch_stream(k, "n"))
        torch.testing.assert_close(terms(plain, batch, noise), terms(traced, batch, noise), rtol=1e-5, atol=1e-6)
    expected, found = torch.stack(weights(plain.modules_in_step())), torch.stack(weights(traced.modules_in_step()))
    torch.testing.assert_close(expected, found, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("norm", NORMED)
def test_long_trainings_are_traced_and_together_equal_alone(norm):
    settings = plan(engine="stacked", n_epochs=22)
    together, alone, apart = replicas(3, norm), replicas(1, norm), replicas(1, norm)
    many = train(together, data(), settings, validate=merit)
    assert many.engine.traced
    train(alone, data(), settings, validate=merit)
    train(apart, data(), plan(engine="apart", n_epochs=22), validate=merit)
    for other in (alone, apart):
        torch.testing.assert_close(weights(together)[0], weights(other)[0], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("norm", NORMED)
@pytest.mark.parametrize("programs", [None, {}])
def test_shares_of_stacked_replicas_side_by_side_are_the_same_replicas(norm, programs):
    engine = Engine("stacked", workers=2, traced=programs is not None)
    whole, shared = Stacked(replicas(5, norm)), engine.build(replicas(5, norm))
    for k in range(4):
        batch, noise = data(80).reshape(5, 16, 5) + k, torch.randn(5, 16, 1, generator=torch_stream(k, "n"))
        torch.testing.assert_close(terms(whole, batch, noise), terms(shared, batch, noise), rtol=1e-5, atol=1e-6)
        if k == 1:  # killed and continued
            moments, modules = shared.moments(), shared.modules_in_step()
            shared.close()
            shared = engine.build(modules)
            shared.restore(moments)
    shared.close()
    expected, found = torch.stack(weights(whole.modules_in_step())), torch.stack(weights(shared.modules_in_step()))
    torch.testing.assert_close(expected, found, rtol=1e-5, atol=1e-6)


class Filling(Regression):
    """Writes into an array that it has made, and multiplies by a constant."""

    factor = torch.ones(1)

    def forward(self, x, noise):
        filled = torch.zeros_like(x)
        filled[:, 1:] += x[:, 1:].tanh()
        return super().forward(filled, noise) * self.factor.exp()


def test_a_record_holds_nothing_twice_and_nothing_that_depends_on_no_argument():
    plain, traced = replicas(2), replicas(2)
    for module in (*plain, *traced):
        module.__class__ = Filling
    programs = {}
    plain, traced = Stacked(plain), Stacked(traced, programs=programs)
    for k in range(3):
        batch, noise = data(32).reshape(2, 16, 5) + k, torch.randn(2, 16, 1, generator=torch_stream(k, "n"))
        torch.testing.assert_close(terms(plain, batch, noise), terms(traced, batch, noise), rtol=1e-5, atol=1e-6)
    (program,) = programs.values()
    lines = [line for line in program.__wrapped__.graph.nodes if line.op == "call_function"]
    assert not {"_to_copy", "select_backward"} & {line.target._schema.name.removeprefix("aten::") for line in lines}
    assert not any(line.target is torch.ops.aten.pow.Tensor_Scalar and line.args[1] == 1 for line in lines)
    views = [str((line.target, line.args)) for line in lines if line.target.is_view]
    assert len(set(views)) == len(views) > 0
    depending = {line for line in program.__wrapped__.graph.nodes if line.op == "placeholder"}
    for line in lines:
        assert line.users or line.target._schema.is_mutable
        assert depending.intersection(line.all_input_nodes)
        depending.add(line)


def test_a_module_that_changes_its_mind_is_not_traced():
    class Fickle(Regression):
        def forward(self, x, noise):
            fickle.append(len(fickle) % 2)
            return super().forward(x, noise) * (1.0 + fickle[-1])

    fickle, (module,) = [], replicas(1)
    module.__class__ = Fickle
    programs = {}
    Stacked([module], programs=programs).step(data(16)[None], torch.zeros(1, 16, 1), 1e-2)
    assert list(programs.values()) == [None]


def test_what_cannot_be_traced_is_trained_all_the_same(monkeypatch):
    def refuse(*arguments):
        raise RuntimeError("data-dependent")

    monkeypatch.setattr("zeeman.training.ensemble.trace_gradients", refuse)
    batch, noise = data(32).reshape(2, 16, 5), torch.zeros(2, 16, 1)
    plain, traced = Stacked(replicas(2)), Stacked(replicas(2), programs={})
    for _ in range(2):
        assert torch.equal(terms(plain, batch, noise), terms(traced, batch, noise))


def test_one_step_is_torchs_adam():
    modules, batch = replicas(2), data(32).reshape(2, 16, 5)
    noise = torch.randn(2, 16, 1, generator=torch_stream(0, "n"))
    reference = copy.deepcopy(modules[1])
    optimiser = torch.optim.Adam(reference.parameters(), lr=1e-2, betas=(0.5, 0.999))
    ensemble = Apart(modules)
    for _ in range(3):
        found = terms(ensemble, batch, noise)
        optimiser.zero_grad()
        loss = reference(batch[1], noise[1])
        loss[0].backward()
        optimiser.step()
    torch.testing.assert_close(found[1], loss.detach().double())
    torch.testing.assert_close(weights(ensemble.modules_in_step())[1], weights([reference])[0])


class Waiting(nn.Module):
    """Two layers, the first held until it is let go."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(5, 4), nn.Linear(4, 1)
        self.register_buffer("held", torch.ones(()))

    @property
    def pace(self):
        return {"first": 0.0 if bool(self.held) else 0.5}

    def forward(self, x, noise):
        return ((self.second(self.first(x).tanh()) - noise) ** 2).mean()[None]


@pytest.mark.parametrize("build", [Apart, Stacked, lambda modules: Stacked(modules, programs={})])
def test_a_held_child_takes_its_first_adam_step_when_it_is_let_go(build):
    with torch_seeded(0, "weights", 0):
        module = Waiting()
    before, ensemble = module.first.weight.detach().clone(), build([module])
    batch, noise = data(16)[None], torch.randn(1, 16, 1, generator=torch_stream(0, "n"))
    for _ in range(3):
        ensemble.step(batch, noise, 1e-2)
    moments = ensemble.moments()[0]
    assert (float(moments["step/first.weight"]), float(moments["step/second.weight"])) == (0, 3)
    assert not moments["exp_avg_sq/first.weight"].any()
    ensemble.modules_in_step()
    torch.testing.assert_close(module.first.weight, before, rtol=0, atol=0)
    module.held.zero_()
    ensemble.adopt_modules()
    ensemble.step(batch, noise, 1e-2)
    ensemble.modules_in_step()
    moved = (module.first.weight - before).abs()
    torch.testing.assert_close(moved, torch.full_like(moved, 0.5e-2), rtol=1e-3, atol=0)  # as far as Adam's first


@pytest.mark.parametrize(("batch", "epochs"), [(2, [1, 2, 3, 4, 5]), (4, [1, 2, 4, 5]), (6, [1, 3, 5]), (128, [1, 5])])
def test_what_follows_an_epoch_follows_the_first_the_last_and_one_in_64_steps(batch, epochs):
    called, judged = [], []

    def merit(module):
        judged.append(True)
        return 0.0

    train(
        replicas(1), data(128), plan(n_epochs=5, batch_size=batch), validate=merit,
        after_epoch=lambda module: called.append(len(judged) + 1),
    )  # fmt: skip
    assert called == epochs
    assert len(judged) == 5


def test_every_sample_is_visited_once_an_epoch():
    seen = []

    class Spy(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.zeros(()))

        def forward(self, x, noise):
            seen.append(x.clone())
            return torch.stack([self.w**2 + 0 * noise.sum()])

    X = torch.arange(64.0).reshape(64, 1)
    settings = Plan(noise_shape=(1,), term_names=("w",), n_epochs=2, batch_size=16, engine="apart", n_threads=1)
    train([Spy()], X, settings, validate=lambda module: 0.0)
    first, second = torch.cat(seen[:4]).flatten(), torch.cat(seen[4:]).flatten()
    assert torch.equal(first.sort().values, X.flatten())
    assert torch.equal(second.sort().values, X.flatten())
    assert not torch.equal(first, second)


def test_choice_is_timed_recorded_and_leaves_the_modules_alone():
    modules, batch = replicas(2), data(32).reshape(2, 16, 5)
    before, threads = torch.stack(weights(modules)), torch.get_num_threads()
    chosen = choose_engine(modules, batch, torch.zeros(2, 16, 1), n_steps=4000)
    assert torch.equal(before, torch.stack(weights(modules)))
    assert torch.get_num_threads() == threads
    assert chosen.name in chosen.milliseconds
    assert chosen.milliseconds[chosen.name] <= min(chosen.milliseconds.values()) / 0.97**4
    fixed = choose_engine(
        modules, batch, torch.zeros(2, 16, 1), 1000, engine="stacked", n_threads=1, precision="float32"
    )
    assert (fixed.engine, fixed.threads, fixed.precision) == ("stacked", 1, "float32")
    assert choose_engine(modules, batch, torch.zeros(2, 16, 1), n_steps=5).milliseconds == {}


@pytest.mark.parametrize(("second", "asked"), [(1.0, False), (90.0, True)])
def test_a_busy_moment_makes_no_training_long_enough_for_half_precision(monkeypatch, second, asked):
    milliseconds = iter([100.0, second] + [200.0] * 20)
    monkeypatch.setattr("zeeman.training.engine._milliseconds", lambda *a: next(milliseconds))
    monkeypatch.setattr("zeeman.training.engine.half_precision_is_native", lambda device: True)
    batch = data(16).reshape(1, 16, 5)
    chosen = choose_engine(replicas(1), batch, torch.zeros(1, 16, 1), 100, engine="apart", n_threads=1)
    assert any("bfloat16" in name for name in chosen.milliseconds) == asked
    assert chosen.precision == "float32"


@pytest.mark.parametrize(("halves", "native"), [([9] * 20 + [0.5], True), ([30] * 10, False)])
def test_slow_products_of_a_busy_moment_do_not_hide_units_of_half_precision(monkeypatch, halves, native):
    """In milliseconds."""
    seconds = {torch.float32: iter([3e-3, 1e-3, 1e-3, 1e-3]), torch.bfloat16: iter([1e-3 * ms for ms in halves])}
    monkeypatch.setattr("zeeman.training.machine._seconds_of", lambda a: next(seconds[a.dtype]))
    assert half_precision_is_native(torch.device("cpu")) == native


def test_threads_and_subnormals_are_restored_even_after_an_error():
    threads = torch.get_num_threads()
    tiny = torch.full((1,), 1e-310, dtype=torch.float64)
    with pytest.raises(AssertionError), quiet_machine(threads + 1):
        assert (torch.get_num_threads(), (tiny * 1.0).item()) != (threads + 1, 0.0)
    assert torch.get_num_threads() == threads
    assert (tiny * 1.0).item() > 0


@pytest.mark.parametrize("name", ["constant", "cosine", "constant-cosine", "warmup-cosine"])
def test_schedules_stay_between_zero_and_one_and_fall_at_the_end(name):
    f = schedule(name)
    values = [f(t) for t in np.linspace(0, 1, 1001)]
    assert min(values) >= 0
    assert max(values) <= 1.0
    assert f(1.0) == (1.0 if name == "constant" else pytest.approx(0.0, abs=1e-12))
    late = values[600:]
    assert all(a >= b for a, b in itertools.pairwise(late))


class Noisy(Regression):
    """Draws numbers of its own, which vmap refuses."""

    def forward(self, x, noise):
        return super().forward(torch.nn.functional.dropout(x, 0.1, training=self.training), noise)


@pytest.mark.parametrize("n_steps", [10, 400])
def test_modules_that_cannot_be_stacked_are_trained_apart(n_steps):
    modules, batch, noise = [Noisy() for _ in range(2)], data(32).reshape(2, 16, 5), torch.zeros(2, 16, 1)
    chosen = choose_engine(modules, batch, noise, n_steps)
    assert chosen.engine != "stacked"
    assert not any(name.startswith("stacked") for name in chosen.milliseconds)
    with pytest.raises(ValueError, match=r"engine='stacked' cannot.*'apart'.*random"):
        choose_engine(modules, batch, noise, n_steps, engine="stacked")
