"""What a process keeps from the one that it was forked from: nothing.

Whatever has a connection, a thread or a mutex compares `generation` with the one that it was
made in, and makes itself anew under `mutex` if it has been forked since. The child's copies
of the parent's sockets are closed, which the parent does not notice: so a lease that is bound
to the parent's connection ends with the parent, and not with its last child.
"""

from __future__ import annotations

import os
import socket
import threading

generation = 0
mutex = threading.Lock()

# The sockets of this process. Only added to and discarded from, so that a fork finds it whole.
sockets: set[socket.socket] = set()

# What belongs to the parent is not to be destroyed in the child.
_inherited: list[object] = []


def keep_for_ever(thing: object) -> None:
    _inherited.append(thing)


def _in_child() -> None:
    global generation, mutex
    generation += 1
    mutex = threading.Lock()
    for inherited in list(sockets):
        inherited.close()
    sockets.clear()


os.register_at_fork(after_in_child=_in_child)
