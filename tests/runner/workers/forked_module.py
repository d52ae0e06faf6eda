"""What ``test_fork_server`` has forked."""

import os
import sys
import tempfile
import threading
import time

from benchmark.machine.process_tree import end_with_parent


def main(act: str, code: str = "0") -> int:
    end_with_parent()
    if act == "fail":
        raise ValueError("as asked")
    if act == "sleep":
        print("ready")
        time.sleep(600)
    imported = "torch" if "torch" in sys.modules else "no torch"
    word = os.environ.get("A_WORD", "nothing")
    told = (word, os.getcwd(), tempfile.gettempdir(), os.getsid(0), imported)
    print(*told, threading.active_count())
    return int(code)
