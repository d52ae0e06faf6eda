"""Random numbers named by what they are for, never by the process that draws them.

A sequential generator makes number n depend on how many numbers were drawn before it, and so on
batch size and on the number of processes; ``random_integers`` has an address for each number.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


def key_to_seed(seed: int, *key: int | str) -> int:
    """A 63-bit seed from ``seed`` and a key such as (trainer, iteration, "dropout")."""
    text = "/".join(str(part) for part in (seed, *key))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def generator(seed: int, *key: int | str, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator that depends only on ``seed`` and ``key``."""
    return torch.Generator(device).manual_seed(key_to_seed(seed, *key))


@contextmanager
def seeded(device: torch.device, seed: int, *key: int | str) -> Iterator[None]:
    """Code inside draws from torch's global generators as if they had just been seeded by the key.

    Outside nothing changes; for modules such as ``nn.Dropout`` that take no generator.
    """
    number = key_to_seed(seed, *key)
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        # torch.manual_seed also notes a traceback for every kind of accelerator that is not here.
        torch.default_generator.manual_seed(number)
        if device.type == "cuda":
            torch.cuda.manual_seed_all(number)
        yield


def _signed(word: int) -> int:
    """The int64 with the same 64 bits as ``word``."""
    return word - (1 << 64) if word >= 1 << 63 else word


_STEP = _signed(0x9E3779B97F4A7C15)
_FIRST = _signed(0xBF58476D1CE4E5B9)
_SECOND = _signed(0x94D049BB133111EB)
_LARGEST = (1 << 63) - 1
_RESOLUTION = 1 << 24  # of the quantiles of normal numbers


def _shift_right(words: Tensor, bits: int) -> Tensor:
    """Logical shift; torch's own keeps the sign bit."""
    return (words >> bits) & ((1 << (64 - bits)) - 1)


def mix(words: Tensor) -> Tensor:
    """The output function of splitmix64 (Steele, Lea and Flood, 2014): a bijection of int64."""
    words = (words ^ _shift_right(words, 30)) * _FIRST
    words = (words ^ _shift_right(words, 27)) * _SECOND
    return words ^ _shift_right(words, 31)


def random_bits(key: int, counters: Tensor, number: int) -> Tensor:
    """The first ``number`` bits, at most 63, of splitmix64 started at ``key``, as integers.

    ``counters`` is int64 of any shape and device, and the result has the same.
    """
    return _shift_right(mix(counters * _STEP + key), 64 - number)


def random_integers(key: int | Tensor, counters: Tensor, bound: int) -> Tensor:
    """Integers in [0, bound), one for each counter, independent of all other counters given.

    ``key`` is a 63-bit seed (``benchmark.randomness.key_to_seed``), which may be on the device of
    ``counters``; these are int64 of any shape, and the result has the same. Each value has a
    probability of 1 / bound to a relative error of at most bound / 2^63, from taking 63 random bits
    modulo ``bound``.
    """
    if bound < 1:
        raise ValueError(f"random integers need a bound of at least 1, not {bound}.")
    # mixed before the key comes in, so that two keys never walk the same sequence at an offset
    words = mix(mix((counters + 1) * _STEP) ^ key)
    return (words & _LARGEST) % bound


def normal_rows(key: int | Tensor, rows: Tensor, width: int) -> Tensor:
    """Numbers from N(0, 1), float64 [num_rows, width], each a function of key, row and column."""
    counters = rows.unsqueeze(1) * width + torch.arange(width, device=rows.device)
    quantiles = (random_integers(key, counters, _RESOLUTION).double() + 0.5) / _RESOLUTION
    return torch.special.ndtri(quantiles)
