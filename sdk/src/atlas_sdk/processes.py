"""What has to happen to every live sender when the process forks or ends."""

import atexit
import os
import sys
import weakref

from atlas_sdk.sender import Sender

_live: weakref.WeakSet[Sender] = weakref.WeakSet()
_LAST = -1_000


def watch(sender: Sender) -> None:
    """Let `sender` begin again in forked children, and flush when the process ends."""
    _live.add(sender)
    _close_with_multiprocessing()


def _close_all() -> None:
    for sender in list(_live):
        sender.close(sender.exit_timeout_s)


def _begin_again_in_child() -> None:
    for sender in list(_live):
        sender.after_fork_in_child()
    _close_with_multiprocessing()


def _close_with_multiprocessing() -> None:
    """Close at the end of a multiprocessing child too: it leaves by `os._exit`, past `atexit`, after its finalizers."""
    util = sys.modules.get("multiprocessing.util")
    if util is not None and not _known:
        _known.append("multiprocessing")
        # A child first forgets the finalizers that it has from its parent, then runs this.
        util.register_after_fork(_live, _close_with_finalizer)
        if sys.modules["multiprocessing.process"].parent_process() is not None:
            _close_with_finalizer(_live)


def _close_with_finalizer(_senders: object) -> None:
    sys.modules["multiprocessing.util"].Finalize(None, _close_all, exitpriority=_LAST)


_known: list[str] = []
atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_again_in_child)
