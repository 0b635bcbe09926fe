"""Traces for OpenTelemetry: off unless its own standard variables ask for them.

``OTEL_EXPORTER_OTLP_ENDPOINT`` (or ``…_TRACES_ENDPOINT``, or ``OTEL_TRACES_EXPORTER=otlp``) turns
them on; the others of the specification's "Environment Variable Specification" say how. What they
tell is who worked on what when: our own ids, states, stages, methods, codes. Nothing of a request.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

from sp1tee import __version__
from sp1tee.errors import ConfigError, MissingExtraError

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

HEADER: Final = "traceparent"
"""Of W3C Trace Context, §3.2."""

_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")

current: Final[ContextVar[str]] = ContextVar("traceparent", default="")
"""What this task's calls to the other side carry, so that their spans belong to ours."""


def outgoing() -> tuple[tuple[str, str], ...]:
    """Return the headers that link a call to what this task is doing; none without traces."""
    found = current.get()
    return ((HEADER, found),) if found else ()


@contextmanager
def tracing(service: str, environment: Mapping[str, str] = os.environ) -> Iterator["Tracer | None"]:
    """Give a tracer while the block runs, None unless the environment asks for traces.

    Args:
        service: what the process is called, unless ``OTEL_SERVICE_NAME`` says otherwise.
        environment: the variables that ask for traces; the exporter reads the process' own.

    Raises:
        ConfigError: an exporter or protocol is asked for that is not there.
        MissingExtraError: traces are asked for, and the packages for them are not installed.
    """
    if not wanted(environment):
        yield None
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - an extra, see above
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"The OTEL_ variables ask for traces, and {error.name} is not installed.",
            advice="Install it with: pip install 'sp1tee[otel]', or unset the variables.",
        ) from None
    name = environment.get("OTEL_SERVICE_NAME") or service
    resource = Resource.create({"service.name": name, "service.version": __version__})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    try:
        yield provider.get_tracer("sp1tee", __version__)
    finally:
        # Sends what is left, for as long as OTEL_EXPORTER_OTLP_TIMEOUT allows.
        provider.shutdown()


def wanted(environment: Mapping[str, str]) -> bool:
    """Tell whether the standard variables ask for traces; raises `ConfigError`."""
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    exporter = environment.get("OTEL_TRACES_EXPORTER", "")
    if exporter == "none" or not (exporter or any(map(environment.get, _ENDPOINTS))):
        return False
    if exporter not in ("", "otlp"):
        raise ConfigError(
            "OTEL_TRACES_EXPORTER names an exporter that is not here.", advice="Use otlp or none."
        )
    if any(environment.get(name, "http/protobuf") != "http/protobuf" for name in _PROTOCOLS):
        raise ConfigError(
            "OTEL_EXPORTER_OTLP_PROTOCOL names a protocol that is not here.",
            advice="Use http/protobuf; collectors take it on port 4318.",
        )
    return True
