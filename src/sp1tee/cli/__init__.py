"""The command line: parse, call, render."""

from sp1tee.cli.app import main

__all__ = ["main"]
