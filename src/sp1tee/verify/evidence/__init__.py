"""What was collected about a host: fetched once, judged as often as wanted."""

from sp1tee.verify.evidence.bundle import Bundle, open_bundle
from sp1tee.verify.evidence.collector import Collector
from sp1tee.verify.evidence.storage import load_bundle, save_bundle

__all__ = ["Bundle", "Collector", "load_bundle", "open_bundle", "save_bundle"]
