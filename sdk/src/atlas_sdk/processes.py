"""What has to happen to every live sender when the process forks or ends."""

import atexit
import os
import weakref
from typing import Final

from atlas_sdk.sender import Sender

EXIT_FLUSH_S: Final = 2.0
_live: weakref.WeakSet[Sender] = weakref.WeakSet()


def watch(sender: Sender) -> None:
    """Let `sender` begin again in forked children and flush, for at most `EXIT_FLUSH_S`, when the process ends."""
    _live.add(sender)


def _close_all() -> None:
    for sender in list(_live):
        sender.close(EXIT_FLUSH_S)


def _begin_again_in_child() -> None:
    for sender in list(_live):
        sender.after_fork_in_child()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_again_in_child)
