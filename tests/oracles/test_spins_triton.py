"""The Triton kernel without a GPU: bit for bit on Triton's interpreter, and through its compiler for an H100.

Both run in processes of their own, this file their program: whether Triton interprets is settled when it is imported.
"""

import os
import subprocess
import sys

import numpy as np
import pytest

from zeeman.spins import Ising, chain, honeycomb, square, triangular

LOW = 0xFFFFFFFF


def run(part, **environment):
    found = subprocess.run(
        [sys.executable, __file__, part], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
    return found.stdout.split()


def test_neither_needed_nor_imported():
    code = (
        "import sys; sys.modules['triton'] = None\n"
        "from zeeman import spins\n"
        "assert 'torch' not in sys.modules\n"
        "spins.sample(spins.Ising(spins.square(4)), 3.0, 4, 'heat-bath', seed=0, device='cpu', n_threads=1)\n"
        "assert not [name for name in sys.modules if name.endswith('_kernels_triton')]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_same_bits_as_torch_with_the_same_philox_words():
    pytest.importorskip("triton")
    assert run("bits", TRITON_INTERPRET="1") == ["equal"] * 4


def test_compiles_for_an_h100():
    pytest.importorskip("triton")
    assert run("compiles", TRITON_INTERPRET="0") == ["sm_90"] * 2


def philox(key, counter, rounds=10):
    """Philox4x32, four words a counter (4 tensors of 32 bits in int64): J. K. Salmon et al., Proc. SC11 (2011) 16."""
    import torch

    c0, c1, c2, c3 = counter
    k0, k1 = key & LOW, key >> 32
    for _ in range(rounds):
        a, b = 0xD2511F53 * c0, 0xCD9E8D57 * c2  # they wrap round in int64 and keep their bits
        c0, c1, c2, c3 = (b >> 32 & LOW) ^ c1 ^ k0, b & LOW, (a >> 32 & LOW) ^ c3 ^ k1, a & LOW
        k0, k1 = (k0 + 0x9E3779B9) & LOW, (k1 + 0xBB67AE85) & LOW
    return torch.stack([c0, c1, c2, c3])


def test_philox_known_answer():
    import torch

    zero = torch.zeros(1, dtype=torch.int64)
    assert [int(w) for w in philox(0, (zero,) * 4)] == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]


def bits():
    """Sweep the same spins with the kernel on Triton's interpreter and with torch, both by the same Philox words."""
    for lattice in (chain(8), triangular(3)):
        sweep_alike(Ising(lattice))
        sweep_alike(Ising(lattice, -1.0, 0.3))


def sweep_alike(model, n_chains=130, n_sweeps=2):
    import torch

    from zeeman.spins import _kernels_torch
    from zeeman.spins.moves.torch import TwoStatesTriton, _hesitant

    rng = np.random.default_rng(0)
    chains = TwoStatesTriton(model, 2.0, model.start("random", n_chains, rng), rng, "cpu", _hesitant)
    mirror = chains.spins.clone()
    assert mirror.shape[1] == 8  # 130 chains in 5 words, and 3 to spare
    for step in range(n_sweeps):

        def draw(group, index, step=step):
            zero = torch.zeros_like(index)
            words = philox(int(chains._key), (index, zero + group, zero + step, zero))
            return torch.where(words > LOW // 2, words - LOW - 1, words).to(torch.int32)

        for block in chains.blocks:
            _kernels_torch.half_sweep(
                mirror, block, chains.table.long(), chains.rule, draw, _kernels_torch.first_places
            )
        chains.advance(1)
        assert torch.equal(chains.spins, mirror), (model, step)
    print("equal")


def compiles():
    """Compile the kernel to machine code for compute capability 9.0, on a machine that need not have a GPU."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from zeeman.spins._kernels_triton import _half_sweep

    pointers = {"spins": "*i32", "table": "*i32", "places": "*i32", "key": "*i64"}
    for lattice, down, up, alike in ((square(4), 3, 3, True), (honeycomb(2), 2, 1, False)):
        constants = {
            "Z": lattice.coordination, "WORDS": 4, "DOWN": down, "UP": up, "ALIKE": alike, "FIRST": 3, "ROUNDS": 10,
            "BLOCK": 128,
        }  # fmt: skip
        numbers = dict.fromkeys(("start", "n", "step", "unlike"), "i32")
        signature = {**pointers, **numbers, **dict.fromkeys(constants, "constexpr")}
        source = ASTSource(_half_sweep, signature, constants)
        kernel = triton.compile(source, target=GPUTarget("cuda", 90, 32), options={"num_warps": 1})
        assert len(kernel.asm["cubin"]) > 1000
        print("sm_90")


if __name__ == "__main__":
    {"bits": bits, "compiles": compiles}[sys.argv[1]]()
