"""A worker as a process of its own: `python fulfill_process.py SERVER_URL TOKEN_FILE`."""

import sys
from pathlib import Path

from sp1tee import logs
from sp1tee.fulfill.process import run
from sp1tee.fulfill.settings import FulfillSettings

if __name__ == "__main__":
    logs.configure(json=True)
    sys.exit(run(FulfillSettings(server=sys.argv[1], token_file=Path(sys.argv[2]), drain_s=60)))
