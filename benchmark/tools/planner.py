"""The rule by which i x j x k is chosen for given machines (DistTGL, arXiv 2307.07649)."""

from dataclasses import dataclass

from benchmark.parallelism import Parallelism


@dataclass(frozen=True)
class Plan:
    """A recommended parallelism, the local batch size that goes with it, and why."""

    parallelism: Parallelism
    batch_size: int
    reasons: tuple[str, ...]  # one sentence per step of the rule


def plan(
    machines: int,
    devices: int,
    largest_batch: int,
    saturating_batch: int,
    copies_per_machine: int,
) -> Plan:
    """Choose i, then k, then j for ``machines`` of ``devices`` each.

    ``largest_batch`` is the largest acceptable global batch and ``saturating_batch`` the local
    batch that keeps a device busy, in events; ``copies_per_machine`` memory copies fit in the main
    memory of a machine. Memory never crosses machines, so the i*j trainers of a copy must divide
    the devices of a machine; where the rule gives a number that does not, the next smaller one that
    does is taken and the reason says so.

    Raises:
        ValueError: If an argument is not positive.
    """
    arguments = {
        "machines": machines,
        "devices": devices,
        "largest_batch": largest_batch,
        "saturating_batch": saturating_batch,
        "copies_per_machine": copies_per_machine,
    }
    for name, value in arguments.items():
        if value < 1:
            raise ValueError(f"{name} is {value}; it must be at least 1.")
    i, why_i = _mini_batch(devices, largest_batch, saturating_batch)
    copies, why_k = _memory(machines, devices // i, copies_per_machine)
    k = machines * copies
    parallelism = Parallelism(i, devices // (i * copies), k)
    total = machines * devices
    reasons = (
        f"k >= {machines}: node memory must not cross machines, so every machine keeps at least "
        f"one copy of it, and has room for {copies_per_machine}.",
        why_i,
        why_k,
        f"j = {parallelism.j}: what is left of {_count(total, 'trainer')}, {total} / ({i} x {k}).",
    )
    return Plan(parallelism, min(saturating_batch, largest_batch), reasons)


def _mini_batch(devices: int, largest_batch: int, saturating_batch: int) -> tuple[int, str]:
    wanted = max(largest_batch // saturating_batch, 1)
    i = _largest_divisor(devices, wanted)
    if largest_batch < saturating_batch:
        return i, (
            f"i = {i}: the largest batch, {largest_batch} events, is smaller than the "
            f"{saturating_batch} events that saturate a device, which will not be fully used."
        )
    reason = (
        f"i = {i}: the largest batch, {largest_batch} events, holds {wanted} x the "
        f"{saturating_batch} events that saturate a device"
    )
    if wanted > devices:
        return i, f"{reason}, and a copy's trainers must fit on a machine's {devices}."
    return i, reason + _shortened(i, wanted, _count(devices, "device") + " of a machine")


def _memory(machines: int, share: int, copies_per_machine: int) -> tuple[int, str]:
    wanted = min(copies_per_machine, share)
    copies = _largest_divisor(share, wanted)
    reason = (
        f"k = {machines * copies}: each machine has {_count(share, 'trainer')} left for j and k "
        f"and room for {_count(copies_per_machine, 'memory copy', 'memory copies')}, and k is as "
        "large as both allow"
    )
    return copies, reason + _shortened(copies, wanted, f"{_count(share, 'trainer')} left")


def _shortened(taken: int, wanted: int, whole: str) -> str:
    if taken == wanted:
        return "."
    return f"; {wanted} does not divide the {whole}, {taken} is the nearest below that does."


def _largest_divisor(number: int, limit: int) -> int:
    return max(d for d in range(1, min(number, limit) + 1) if number % d == 0)


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
