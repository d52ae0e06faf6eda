"""Processes that start at once: forks of one that has imported the suite already.

The main command forks a server off itself as soon as it has imported torch (``fork_here``); where
a program of one's own calls the suite, the first experiment starts one. A server computes nothing
and opens nothing: no thread and no CUDA context is there to be forked.
"""

import array
import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping
from typing import IO, Any, NoReturn

from benchmark.machine.place import NUMBA_CACHE
from benchmark.machine.process_tree import PARENT, child_environment, end_with_parent

ANSWER_SECONDS = 60.0  # to import what a server imports
LOOKING = {"--help", "-h", "--list", "--show", "--dry-run"}  # words with which nothing is run
IMPORTED = (
    "torch._dynamo",  # by torch's optimisers
    "benchmark.runner.workers.worker",
    "benchmark.tasks.link_prediction",
    "benchmark.disttgl.system",
    "benchmark.models.tgn_attention",
)
DESCRIPTOR_BYTES = array.array("i").itemsize


class Server:
    """A connection to a process that forks; it watches one fork at a time."""

    def __init__(
        self,
        connection: socket.socket,
        environment: Mapping[str, str],
        program: subprocess.Popen[bytes] | None = None,
    ) -> None:
        self.connection = connection
        self.numba_cache = environment.get(NUMBA_CACHE)  # read once, when numba is imported
        self.program = program

    def start(
        self, words: list[str], output: IO[str], environment: Mapping[str, str]
    ) -> "Forked | None":
        """``python -m MODULE ARGUMENT ...`` as a fork; None where the server is gone."""
        request = {"words": words, "environment": dict(environment), "folder": os.getcwd()}
        descriptor = array.array("i", [output.fileno()])
        try:
            self.connection.sendmsg(
                [json.dumps(request).encode() + b"\n"],
                [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptor)],
            )
            return Forked(self, int(_line(self.connection, ANSWER_SECONDS) or 0))
        except (OSError, ValueError):
            self.connection.close()
            return None


_idle: list[Server] = []


def start(words: list[str], output: IO[str], environment: Mapping[str, str]) -> Any:
    """Start ``words`` in a session of its own, as ``subprocess.Popen`` does, which it is like.

    A module of the suite becomes a fork of a server; anything else is a program.
    """
    if words[:2] != [sys.executable, "-m"]:
        return subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
    while _idle:
        server = _idle.pop()
        if server.numba_cache != environment.get(NUMBA_CACHE):
            server.connection.close()
        elif forked := server.start(words[2:], output, environment):
            return forked
    if forked := _spawn(environment).start(words[2:], output, environment):
        return forked
    raise OSError(f"python -m {__name__} cannot be started")


class Forked:
    """A process that a server has forked, with what is used of ``subprocess.Popen``."""

    def __init__(self, server: Server, pid: int) -> None:
        if not pid:
            raise ValueError("the server has not forked")
        self.server = server
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit code, or minus the number of the signal, once it has ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end; a fork does not outlive its server."""
        if self.returncode is None:
            try:
                said = _line(self.server.connection, timeout)
            except TimeoutError as error:
                raise subprocess.TimeoutExpired("fork", timeout or 0.0) from error
            self.returncode = int(said) if said else -signal.SIGKILL
            if said:
                _idle.append(self.server)
        return self.returncode


def _line(connection: socket.socket, timeout: float | None) -> str:
    """What the server says next, "" where it has ended; raises TimeoutError."""
    if not select.select([connection], [], [], timeout)[0]:
        raise TimeoutError
    said = b""
    with contextlib.suppress(ConnectionError):
        while not said.endswith(b"\n") and (part := connection.recv(1)):
            said += part
    return said.decode().strip()


def _spawn(environment: Mapping[str, str]) -> Server:
    """A server that is a program of its own."""
    ours, theirs = socket.socketpair()
    with theirs:
        program = subprocess.Popen(
            [sys.executable, "-m", __name__, str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env=environment,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
    return Server(ours, environment, program)


def fork_here() -> None:
    """Fork a server off this process, which has done nothing yet; both then import the rest.

    Until that is done nobody looks for garbage, of which importing makes little.
    """
    gc.disable()
    with contextlib.suppress(OSError):  # a standard error that is full
        print("Starting: importing packages.", file=sys.stderr, flush=True)
    importlib.import_module("torch")
    if LOOKING & {*sys.argv}:
        return
    ours, theirs = socket.socketpair()
    environment = child_environment()
    if os.fork():
        theirs.close()
        _idle.append(Server(ours, os.environ))
        return
    ours.close()
    os.setsid()
    _direct(os.open(os.devnull, os.O_WRONLY))
    os.environ.update(environment)
    _serve(theirs)


def _serve(connection: socket.socket) -> NoReturn:
    """Fork what is asked for, one after the other, until the connection is closed."""
    end_with_parent()
    os.environ[PARENT] = str(os.getpid())  # of what is forked
    gc.disable()
    for module in IMPORTED:
        importlib.import_module(module)
    gc.freeze()
    while True:
        message, ancillary, *_ = connection.recvmsg(1 << 20, socket.CMSG_SPACE(DESCRIPTOR_BYTES))
        while message and not message.endswith(b"\n"):
            message += connection.recv(1 << 20)
        if not message:
            os._exit(0)
        output = array.array("i", ancillary[0][2])[0]
        process = os.fork()
        if not process:
            connection.close()
            become(output=output, **json.loads(message))
        os.close(output)
        with contextlib.suppress(OSError):  # nobody listens any more
            connection.sendall(f"{process}\n".encode())
        _, status = os.waitpid(process, 0)
        with contextlib.suppress(OSError):
            connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())


def become(output: int, words: list[str], environment: dict[str, str], folder: str) -> NoReturn:
    """Run ``main`` of the module that ``words`` name, with the arguments behind it, and end."""
    code = 1
    gc.enable()
    try:
        os.setsid()
        _direct(output)
        parent = os.environ[PARENT]
        os.environ.clear()
        os.environ.update(environment, **{PARENT: parent})
        os.chdir(folder)
        search = environment.get("PYTHONPATH", "").split(os.pathsep)
        sys.path[:0] = [place for place in search if place and place not in sys.path]
        tempfile.tempdir = None
        code = importlib.import_module(words[0]).main(*words[1:])
    except BaseException:
        traceback.print_exc()
    leave(code)


def _direct(output: int) -> None:
    """Nothing to read from, and standard output and error to ``output``."""
    for descriptor, place in ((os.open(os.devnull, os.O_RDONLY), 0), (output, 1), (output, 2)):
        os.dup2(descriptor, place)
    for name, place in (("stdout", 1), ("stderr", 2)):
        setattr(sys, name, os.fdopen(place, "w", 1, closefd=False))


def leave(exit_code: int) -> NoReturn:
    """End this process at once.

    What failed must not wait for others on its way out. And what finished must not die there:
    threads of torch that ask for Python while it is taken down are unwound, which aborts.
    """
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(exit_code)


def main(descriptor: str) -> NoReturn:
    """Serve at the other end of the socket ``descriptor``."""
    _serve(socket.socket(fileno=int(descriptor)))


if __name__ == "__main__":
    main(*sys.argv[1:])
