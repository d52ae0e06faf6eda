"""A wire with latency between namespaces, where the kernel has no ``netem``: a relay over TUN."""

import fcntl
import os
import selectors
import struct
import subprocess
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from tests.runner.workers.namespaces import Namespaces

TUNSETIFF, TUN_WITHOUT_HEADER = 0x400454CA, 0x1001  # linux/if_tun.h: IFF_TUN | IFF_NO_PI
MTU = 9000  # as on a cluster; fewer packets for the relay
LONGEST_WAIT = 0.05


@contextmanager
def latency(machines: Namespaces, seconds: float) -> Iterator[None]:
    """Put a wire of so many seconds one way in place of the one that each machine has.

    Skips nothing and shapes nothing: ``Namespaces.shape`` does, also on this wire.
    """
    devices = [_device(machines, machine) for machine in range(len(machines.names))]
    ended = Event()
    relay = Thread(target=_relay, args=(devices, seconds, ended))
    relay.start()
    try:
        yield
    finally:
        ended.set()
        relay.join()
        for device in devices:
            os.close(device)


def _device(machines: Namespaces, number: int) -> int:
    """A TUN device that is the machine's ``wire``; what it sends is read here."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    made, machine = f"tun{os.getpid()}n{number}", machines.names[number]
    fcntl.ioctl(descriptor, TUNSETIFF, struct.pack("16sH22x", made.encode(), TUN_WITHOUT_HEADER))
    inside = ("ip", "-n", machine)
    for words in (
        ("ip", "link", "set", made, "netns", machine),
        (*inside, "link", "delete", "wire"),
        (*inside, "link", "set", made, "name", "wire", "mtu", str(MTU)),
        (*inside, "addr", "add", f"10.77.0.{number + 1}/24", "dev", "wire"),
        (*inside, "link", "set", "wire", "up"),
    ):
        subprocess.run(words, check=True, capture_output=True)
    return descriptor


def _relay(devices: list[int], seconds: float, ended: Event) -> None:
    """Hand every packet over ``seconds`` after it has come, by the last byte of its address."""
    held: deque[tuple[float, int, bytes]] = deque()  # in order, since all wait equally long
    with selectors.DefaultSelector() as waiting:
        for device in devices:
            waiting.register(device, selectors.EVENT_READ)
        while not ended.is_set():
            pause = held[0][0] - time.monotonic() if held else LONGEST_WAIT
            for key, _ in waiting.select(max(0.0, min(pause, LONGEST_WAIT))):
                packet = os.read(key.fd, MTU)
                if packet[0] >> 4 == 4 and 0 < packet[19] <= len(devices):  # IPv4
                    held.append((time.monotonic() + seconds, devices[packet[19] - 1], packet))
            while held and held[0][0] <= time.monotonic():
                _, device, packet = held.popleft()
                os.write(device, packet)
