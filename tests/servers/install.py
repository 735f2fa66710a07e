"""`python -m tests.servers.install [kafka] [rabbitmq] [chromium] [ollama] [clients]`: what the live tests need, once.

Everything goes to Debian's own places or to ATLAS_CACHE_DIR (default ~/.cache/atlas), never into the checkout.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from tests.servers import versions

CACHE: Final = Path(os.environ.get("ATLAS_CACHE_DIR", "~/.cache/atlas")).expanduser()
KAFKA_LIBS: Final = CACHE / f"kafka-{versions.KAFKA}"
OLLAMA: Final = CACHE / f"ollama-{versions.OLLAMA}" / "ollama"
RABBITMQ: Final = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
CHROMIUM: Final = Path("/usr/bin/chromium")
CHROMIUM_FLAGS: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]
SENTRY_SDK_1: Final = CACHE / f"sentry-sdk-{versions.SENTRY_SDK_1}"
RAVEN: Final = CACHE / f"raven-{versions.RAVEN}"
_NODE_PINS: Final = json.dumps([versions.CLIENTS_AS_OF, dict(versions.NODE_CLIENTS)])
NODE_CLIENTS: Final = CACHE / f"node-clients-{hashlib.sha256(_NODE_PINS.encode()).hexdigest()[:12]}"

_POM: Final = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>atlas</groupId><artifactId>kafka-libs</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_{versions.KAFKA_SCALA}</artifactId>
      <version>{versions.KAFKA}</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId>
      <version>{versions.LOG4J}</version></dependency>
  </dependencies>
</project>
"""


class InstallError(Exception):
    """Something could not be installed; the text says what to do."""


def run(*command: str, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    """Run a command quietly and return its output; show the end of it when it fails."""
    environment = {**os.environ, **(env or {})}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InstallError(f"{' '.join(command)} failed:\n{(done.stdout + done.stderr)[-3000:]}")
    return done.stdout


def apt(*packages: str) -> None:
    if shutil.which("apt-get") is None:
        raise InstallError(f"install {', '.join(packages)} by your system's package manager")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    run("apt-get", "update", "-q", env=quiet)
    # The package would start a broker of its own; the tests start theirs.
    policy = Path("/usr/sbin/policy-rc.d")
    made = not policy.exists() and os.access(policy.parent, os.W_OK)
    if made:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    try:
        run("apt-get", "install", "-y", "-q", "--no-install-recommends", *packages, env=quiet)
    finally:
        if made:
            policy.unlink()


def install_kafka() -> None:
    if any(KAFKA_LIBS.glob("kafka_*.jar")):
        return
    if shutil.which("java") is None or shutil.which("mvn") is None:
        apt("openjdk-17-jre-headless", "maven")
    work = _emptied(CACHE / "kafka-work")
    (work / "pom.xml").write_text(_POM)
    run("mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=libs", "-DincludeScope=runtime", cwd=work)
    (work / "libs").rename(KAFKA_LIBS)
    shutil.rmtree(work)


def install_rabbitmq() -> None:
    if not RABBITMQ.exists():
        apt("rabbitmq-server")


def install_chromium() -> None:
    if not CHROMIUM.exists():
        apt("chromium", "fonts-noto-core")


def install_ollama() -> None:
    if OLLAMA.exists():
        return
    if shutil.which("go") is None:
        apt("golang")
    apt("nlohmann-json3-dev", "libstb-dev")
    malgo = run("go", "mod", "download", "-json", f"github.com/gen2brain/malgo@{versions.MALGO}", cwd=Path("/"))
    header = Path(json.loads(malgo)["Dir"]) / "miniaudio.h"
    include = CACHE / "ollama-include"
    (include / "miniaudio").mkdir(parents=True, exist_ok=True)
    shutil.copyfile(header, include / "miniaudio" / "miniaudio.h")
    OLLAMA.parent.mkdir(parents=True, exist_ok=True)
    env = {"CGO_CPPFLAGS": f"-I{include}", "GOBIN": str(OLLAMA.parent), "CGO_ENABLED": "1"}
    run("go", "install", "-trimpath", f"github.com/ollama/ollama@v{versions.OLLAMA}", env=env)


def install_clients() -> None:
    """Install error reporting clients: old Python ones in folders of their own, Node's side by side."""
    if shutil.which("curl") is None:
        apt("curl")
    _install_python_client(SENTRY_SDK_1, f"sentry-sdk=={versions.SENTRY_SDK_1}")
    _install_python_client(RAVEN, f"raven=={versions.RAVEN}")
    if NODE_CLIENTS.exists():
        return
    if shutil.which("npm") is None:
        apt("nodejs", "npm")
    work = _emptied(CACHE / "node-clients-work")
    (work / "package.json").write_text(json.dumps({"private": True, "dependencies": dict(versions.NODE_CLIENTS)}))
    options = ["--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund"]
    run("npm", "install", *options, "--before", versions.CLIENTS_AS_OF, cwd=work)
    # A browser loads one script: what a page's own build makes of the package.
    (work / "browser.js").write_text('export * from "@sentry/browser";\n')
    bundle = ["--bundle", "--format=iife", "--global-name=Sentry", "--outfile=sentry-browser.js"]
    run(str(work / "node_modules" / ".bin" / "esbuild"), "browser.js", *bundle, cwd=work)
    work.rename(NODE_CLIENTS)


def _install_python_client(folder: Path, requirement: str) -> None:
    if folder.exists():
        return
    work = _emptied(CACHE / f"{folder.name}-work")
    options = ["--quiet", "--target", str(work), "--exclude-newer", versions.CLIENTS_AS_OF]
    run(sys.executable, "-m", "uv", "pip", "install", *options, requirement)
    work.rename(folder)


def _emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


INSTALLERS: Final[Mapping[str, Callable[[], None]]] = {
    "kafka": install_kafka,
    "rabbitmq": install_rabbitmq,
    "chromium": install_chromium,
    "ollama": install_ollama,
    "clients": install_clients,
}


def main(names: list[str]) -> int:
    CACHE.mkdir(parents=True, exist_ok=True)
    for name in names or list(INSTALLERS):
        if name not in INSTALLERS:
            sys.stderr.write(f"there is no {name}: {', '.join(INSTALLERS)}\n")
            return 2
        started = time.monotonic()
        sys.stdout.write(f"{name}: ")
        sys.stdout.flush()
        try:
            INSTALLERS[name]()
        except InstallError as error:
            sys.stdout.write(f"failed\n{error}\n")
            return 1
        sys.stdout.write(f"there ({time.monotonic() - started:.0f} s)\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
