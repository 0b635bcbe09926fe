"""A registry with what every process tells of itself, and the text that Prometheus reads."""

from typing import Final

from prometheus_client import (
    CollectorRegistry,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from sp1tee import __version__
from sp1tee.monitoring.described import Described

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

BUILD: Final = Described("sp1tee_build_info", "gauge", "Always 1.", ("version",))

PROCESS: Final = (
    Described("process_resident_memory_bytes", "gauge", "Resident memory size in bytes."),
    Described("process_virtual_memory_bytes", "gauge", "Virtual memory size in bytes."),
    Described(
        "process_cpu_seconds_total", "counter", "Total user and system CPU time spent in seconds."
    ),
    Described("process_open_fds", "gauge", "Number of open file descriptors."),
    Described("process_max_fds", "gauge", "Maximum number of open file descriptors."),
    Described(
        "process_start_time_seconds",
        "gauge",
        "Start time of the process since unix epoch in seconds.",
    ),
)
"""What prometheus_client's `ProcessCollector` tells, where there is a /proc."""

COMMON: Final = (BUILD, *PROCESS)


def new_registry() -> CollectorRegistry:
    """Make a registry that tells which release this is and what the process takes."""
    # A series beside each counter that says since when: nobody asks, and it doubles the page.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    BUILD.gauge(registry).labels(__version__).set(1)
    return registry


def page(registry: CollectorRegistry) -> bytes:
    """Write everything, in Prometheus' text format."""
    return generate_latest(registry)
