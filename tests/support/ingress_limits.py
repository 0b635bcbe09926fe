"""Proxies with a limit for each client, as the documents give them."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.ingress_proxies import HOST, NGINX_LISTENS, Ingress, Site, changed, nginx_with, running
from support.tools import ROOT

DOCUMENT = ROOT / "docs" / "deployment.md"


def documented(language: str) -> str:
    """The one block of the document that is written in a language."""
    (block,) = re.findall(
        rf"^```{language}\n(.*?)^```$", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE
    )
    return str(block)


@dataclass(frozen=True)
class LimitingHaProxy:
    """HAProxy with the document's frontend.

    Attributes:
        backend: the server's public listener, ``host:port``.
    """

    site: Site
    backend: str
    program = "haproxy"

    def configuration(self) -> str:
        site = self.site
        bind = f"bind 127.0.0.1:{site.port} ssl crt {site.certificate} alpn"
        changes = {
            "bind :443 ssl crt /etc/haproxy/prover.example.org.pem alpn": bind,
            "server server 127.0.0.1:8080": f"server server {self.backend}",
        }
        return f"""
global
    log stdout format raw local0
defaults
    log global
    timeout connect 10s
    timeout client 600s
    timeout server 600s
{changed(documented("haproxy"), changes)}"""

    def flags(self, configuration: Path) -> list[str]:
        return ["-db", "-f", str(configuration)]


@dataclass(frozen=True)
class LimitingNginx:
    """nginx with the document's server.

    Attributes:
        backend: the server's public listener, ``host:port``.
    """

    site: Site
    backend: str
    program = "nginx"

    def configuration(self) -> str:
        site, kept = self.site, "/etc/nginx/prover.example.org.pem;"
        changes = {
            NGINX_LISTENS: f"listen 127.0.0.1:{site.port} ssl http2;",
            "server_name prover.example.org;": f"server_name {HOST};",
            f"ssl_certificate {kept}": f"ssl_certificate {site.certificate};",
            f"ssl_certificate_key {kept}": f"ssl_certificate_key {site.certificate};",
            "grpc://127.0.0.1:8080;": f"grpc://{self.backend};",
        }
        return nginx_with(site, changed(documented("nginx"), changes))

    def flags(self, configuration: Path) -> list[str]:
        return ["-p", str(self.site.folder), "-e", "stderr", "-c", str(configuration)]


def _run(kind: Callable[[Site, str], Ingress]) -> Callable[[Site, str], Any]:
    @contextmanager
    def run(site: Site, backend: str) -> Iterator[Ingress]:
        made = kind(site, backend)
        with running(made):
            yield made

    return run


LIMITING = {"haproxy": _run(LimitingHaProxy), "nginx": _run(LimitingNginx)}
"""How each is run; gives a context manager."""
