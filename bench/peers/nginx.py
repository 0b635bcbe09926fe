"""Debian's nginx storing PUT bodies with its dav module: the ceiling for uploads."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CONFIG = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/temp;
  client_body_buffer_size 1m;
  client_max_body_size 4g;
  http2_body_preread_size 8m;
  dav_methods PUT;
  create_full_put_path on;
  server {{ listen 127.0.0.1:{h1}; root {folder}/h1; }}
  server {{ listen 127.0.0.1:{h2} http2; root {folder}/h2; }}
}}
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def nginx(folder: Path) -> Iterator[dict[str, str] | None]:
    """URLs by protocol ("h1", "h2c"), or None where nginx is not installed."""
    program = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if program is None:
        yield None
        return
    for name in ("h1", "h2", "temp"):
        (folder / name).mkdir(parents=True)
    for path in (folder, *folder.iterdir()):
        path.chmod(0o777)
    ports = {"h1": free_port(), "h2": free_port()}
    config = folder / "nginx.conf"
    config.write_text(CONFIG.format(folder=folder, **ports))
    user = ["-g", "user root;"] if (folder.owner() == "root") else []
    process = subprocess.Popen([program, "-c", str(config), *user], stderr=subprocess.DEVNULL)
    try:
        _wait(ports["h1"])
        yield {"h1": f"http://127.0.0.1:{ports['h1']}", "h2c": f"http://127.0.0.1:{ports['h2']}"}
    finally:
        process.terminate()
        process.wait()


def _wait(port: int) -> None:
    for _ in range(500):
        try:
            socket.create_connection(("127.0.0.1", port), 0.1).close()
        except OSError:
            time.sleep(0.01)
        else:
            return
    raise SystemExit("nginx did not start")
