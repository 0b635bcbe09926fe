"""Compose files before they are deployed: the rules that auditors apply, and a few more."""

from sp1tee.verify.lint.linting import Linted, lint
from sp1tee.verify.lint.rules import RULES

__all__ = ["RULES", "Linted", "lint"]
