"""Host processes of their own, which a test may fork, kill and let end."""

import os
import subprocess
import sys
from pathlib import Path

from tests.sdk.scripted_server import KEY

_START = f"""
import os, signal, sys, time
import atlas_sdk

def client(**options):
    options = {{"retry_first_s": 0.01, "retry_max_s": 0.05, **options}}
    return atlas_sdk.Client({KEY!r}, os.environ["URL"], **options)
"""


def start(code: str, url: str, spool: Path | None = None, **more: str) -> subprocess.Popen[str]:
    """Start a host that runs `code`, in which `client(**options)` makes a client and `SPOOL` is an environment name."""
    environment = {**os.environ, "URL": url, "SPOOL": str(spool or ""), **more}
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", _START + code],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(code: str, url: str, spool: Path | None = None, *, expected: int = 0) -> tuple[str, str]:
    """Run a host to its end; what it wrote to its output and as errors."""
    process = start(code, url, spool)
    try:
        output, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == expected, errors
    return output, errors
