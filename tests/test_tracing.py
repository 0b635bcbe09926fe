"""When traces are made, and what asks for them in vain."""

import sys

import pytest

from sp1tee.errors import ConfigError, MissingExtraError
from sp1tee.tracing import current, outgoing, tracing, wanted

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}


@pytest.mark.parametrize(
    ("environment", "are_wanted"),
    [
        ({}, False),
        ({"OTEL_SERVICE_NAME": "x"}, False),
        (ENDPOINT, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({**ENDPOINT, "OTEL_TRACES_EXPORTER": "none"}, False),
        ({**ENDPOINT, "OTEL_SDK_DISABLED": "True"}, False),
        ({**ENDPOINT, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, True),
    ],
)
def test_traces_are_made_where_the_standard_variables_ask_for_them(
    environment: dict[str, str], are_wanted: bool
) -> None:
    assert wanted(environment) is are_wanted


@pytest.mark.parametrize(
    "environment",
    [
        {"OTEL_TRACES_EXPORTER": "console"},
        {**ENDPOINT, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
        {**ENDPOINT, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/json"},
    ],
)
def test_what_is_asked_for_and_not_there_is_refused(environment: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="OTEL_"):
        wanted(environment)


def test_without_the_extra_whoever_asks_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [name for name in sys.modules if name.startswith("opentelemetry")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(MissingExtraError) as caught, tracing("sp1tee-serve", ENDPOINT):
        pass
    assert "sp1tee[otel]" in caught.value.advice


def test_nobody_who_asks_for_nothing_gets_a_tracer() -> None:
    with tracing("sp1tee-serve", {}) as tracer:
        assert tracer is None


def test_calls_are_linked_to_what_a_task_is_doing() -> None:
    assert outgoing() == ()
    before = current.set("00-" + "1" * 32 + "-" + "2" * 16 + "-01")
    assert outgoing() == (("traceparent", "00-" + "1" * 32 + "-" + "2" * 16 + "-01"),)
    current.reset(before)
