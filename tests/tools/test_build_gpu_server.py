"""`tools/build_gpu_server.py`, with a cargo, a pip and a CUDA that compile and fetch nothing."""

import hashlib
import re
from pathlib import Path

import pytest
from support.tools import ROOT
from support.workshop import Workshop

TOOL = "build_gpu_server.py"
TOOLCHAIN = "gpu_server_toolchain.txt"
MISSING = 3
PIP = """
import sys
from pathlib import Path

print("installing", *sys.argv[1:])
cuda = Path(sys.argv[sys.argv.index("--target") + 1]) / "nvidia" / "cu13"
for folder in (cuda / "bin", cuda / "lib", cuda.parents[1] / "cmake" / "data" / "bin"):
    folder.mkdir(parents=True)
(cuda / "lib" / "libcudart_static.a").write_text("CUDA's runtime")
nvcc = cuda / "bin" / "nvcc"
nvcc.write_text("#!/bin/sh\\necho sm_80 sm_90 sm_120\\n")
nvcc.chmod(0o755)
(cuda.parents[1] / "cmake" / "data" / "bin" / "cmake").touch(0o755)
"""


@pytest.fixture
def workshop(workshop: Workshop) -> Workshop:
    pip = workshop.folder / "python" / "pip"
    pip.mkdir(parents=True)
    (pip / "__init__.py").touch()
    (pip / "__main__.py").write_text(PIP)
    cargo_that_makes(workshop, "6.10.0")
    return workshop


def cargo_that_makes(workshop: Workshop, version: str) -> None:
    workshop.stand_in(
        "cargo",
        'log "$CUDA_ARCHS"',
        'while [ "$1" != --root ]; do shift; done',
        'mkdir "$2/bin"',
        f'printf "#!/bin/sh\\necho {version}\\n" > "$2/bin/sp1-gpu-server"',
        'chmod +x "$2/bin/sp1-gpu-server"',
        'log "$CUDACXX" "$SP1_CUDA_ENABLED" "$RUSTFLAGS"',
        'log "$(cat "$CUDA_PATH/lib64/libcudart.a")"',
        'log "$(command -v nvcc)" "$(command -v cmake)"',
    )


def test_a_server_is_built_once_and_found_again(workshop: Workshop) -> None:
    code, said, complained = workshop.run(TOOL, "90")
    assert code == 0, complained
    server = Path(said.strip())
    content = server.read_bytes()
    assert server.name == "sp1-gpu-server"
    assert f"{len(content)} bytes, SHA-256 {hashlib.sha256(content).hexdigest()}" in complained
    assert workshop.run(TOOL, "90")[:2] == (0, said)
    assert workshop.calls().count("90") == 1


def test_it_is_built_with_the_pinned_cuda_alone(workshop: Workshop) -> None:
    _, _, complained = workshop.run(TOOL, "90")
    assert "--require-hashes --no-deps --only-binary=:all:" in complained
    toolchain = next((workshop.folder / "cache" / "gpu-server" / "toolchain").glob("*/nvidia"))
    cuda = toolchain / "cu13"
    assert workshop.calls()[1:] == [
        f"{cuda}/bin/nvcc 1 -C target-cpu=x86-64-v3",
        "CUDA's runtime",
        f"{cuda}/bin/nvcc {toolchain.parent}/cmake/data/bin/cmake",
    ]


def test_every_wheel_of_the_toolchain_is_pinned_to_one_file() -> None:
    lines = (ROOT / "tools" / TOOLCHAIN).read_text().splitlines()
    wheels = [line for line in lines if not line.startswith("#")]
    assert len(wheels) == 7
    assert all(re.fullmatch(r"[a-z-]+==[\d.]+ --hash=sha256:[0-9a-f]{64}", line) for line in wheels)


def test_the_same_architectures_are_the_same_build(workshop: Workshop) -> None:
    first = workshop.run(TOOL, "80,90")[1]
    assert workshop.run(TOOL, "90,80,90")[1] == first
    assert workshop.run(TOOL, "80")[1] != first
    assert workshop.calls()[::4] == ["80,90", "80"]


def test_another_toolchain_compiler_or_processor_is_another_build(workshop: Workshop) -> None:
    built = [workshop.run(TOOL, "90")[1]]
    built.append(workshop.run(TOOL, "90", SP1TEE_NATIVE_CPU="x86-64-v4")[1])
    with (workshop.folder / "tools" / TOOLCHAIN).open("a") as file:
        file.write("another==1\n")
    built.append(workshop.run(TOOL, "90")[1])
    workshop.stand_in("rustc", 'echo "rustc 1.96.0"')
    built.append(workshop.run(TOOL, "90")[1])
    assert len(set(built)) == 4


@pytest.mark.parametrize(
    "archs",
    [
        "",
        "90;touch x",
        "$(touch x)",
        "90 --config x",
        "native",
        "sm_90",
        "\N{FULLWIDTH DIGIT NINE}0",
        "90,",
        "90\n",
    ],
)
def test_what_is_no_list_of_architectures_is_refused(workshop: Workshop, archs: str) -> None:
    code, said, _ = workshop.run(TOOL, archs)
    assert (code, said) == (2, "")
    assert workshop.calls() == []
    assert not (workshop.folder / "x").exists()


def test_an_architecture_that_nvcc_does_not_know_is_named(workshop: Workshop) -> None:
    code, _, complained = workshop.run(TOOL, "90,70")
    assert code == 1
    assert "no code for 70; it knows sm_80, sm_90, sm_120" in complained
    assert workshop.calls() == []


def test_a_server_of_another_version_is_not_kept(workshop: Workshop) -> None:
    cargo_that_makes(workshop, "6.4.0")
    code, said, complained = workshop.run(TOOL, "90")
    assert (code, said) == (1, "")
    assert "'6.4.0', not 6.10.0" in complained
    assert not list((workshop.folder / "cache").rglob("sp1-gpu-server"))[1:]


@pytest.mark.parametrize("program", ["go", "clang", "protoc", "cargo"])
def test_what_is_missing_is_named(workshop: Workshop, program: str) -> None:
    code, said, complained = workshop.run(TOOL, "90", **workshop.without(program))
    assert (code, said) == (MISSING, "")
    assert f"{program}: " in complained
    assert workshop.calls() == []
