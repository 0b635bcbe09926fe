"""A stand-in for sp1tee-prover, as a program: it "proves" by handing out a recorded real proof.

Installed in a folder of its own, whose files change what it does:

    broken    it ends at once, saying what the file says
    hang      asked for a proof it does not answer, as one at work does not, and leaves `proving`
    crash     asked for a proof it is killed, as the kernel does when memory is short
    refuted   no proof holds, for the reason in the file
"""

import os
import signal
import struct
import subprocess
import sys
import threading
from pathlib import Path

from sp1tee.wire.modes import Mode
from sp1tee.wire.proof import decode_proof
from support.gpu_server import OURS, Answer, GpuServer, counted, framed, info, take_counted, u32
from support.wire_data import SAMPLE_PUBLIC_VALUES, real_proof, sample

VERSION = "sp1tee-prover 0.1.0 (SP1 6.10.0, circuits v6.1.0)"


def install(folder: Path, mode: str = "core") -> Path:
    """Write the program into `folder`; whatever it proves, the proof is the sample's of `mode`."""
    folder.mkdir()
    (folder / "proof").write_bytes(decode_proof(real_proof(mode)).encode_network())
    path = folder / "sp1tee-prover"
    path.write_text(
        f"#!{sys.executable}\n"
        f"import sys\nsys.path.insert(0, {str(Path(__file__).parents[1])!r})\n"
        f"from support.cpu_prover import main\nmain({str(folder)!r}, sys.argv[1:])\n"
    )
    path.chmod(0o755)
    return path


def main(home: str, arguments: list[str]) -> None:
    folder = Path(home)
    if "--version" in arguments:
        sys.stdout.write(f"{VERSION}\n")
        return
    path = Path(arguments[arguments.index("--socket") + 1])
    if (folder / "broken").exists():
        sys.exit((folder / "broken").read_text())
    modes = () if "--no-proofs" in arguments else (Mode.CORE, Mode.COMPRESSED)
    server = GpuServer(path, sample("-vk.bin"), (folder / "proof").read_bytes(), info(*modes))
    server.refuted = (folder / "refuted").read_bytes() if (folder / "refuted").exists() else b""
    server.answers[OURS + 1] = lambda request: framed(_executed(take_counted(request[24:])[0]))
    if (folder / "hang").exists():
        server.answers[1] = lambda _: _prove_for_ever(folder)
    if (folder / "crash").exists():
        server.answers[1] = lambda _: os.kill(os.getpid(), signal.SIGKILL)
    server.accept(server.listen())


def _executed(elf: bytes) -> bytes:
    """What the sample reveals, or else the program by which a worker finds out whether it can."""
    values = SAMPLE_PUBLIC_VALUES if elf == sample(".elf") else struct.pack("<3I", 10, 55, 89)
    numbers = struct.pack("<QQQ", 0, 5574, 6232)
    texts = b"".join(map(counted, (values, b"", b"", b"")))
    return u32(OURS + 1) + u32(0) + u32(0) + numbers + texts


def _prove_for_ever(folder: Path) -> Answer:
    """Work, as the real one does, in a further process."""
    script = "import time; time.sleep(3600)"
    subprocess.Popen([sys.executable, "-c", script, str(folder)], process_group=0)
    (folder / "proving").touch()
    threading.Event().wait()
    return None
