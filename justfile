# Recipes for people who work on sp1tee. `just` lists them.
set shell := ["bash", "-euo", "pipefail", "-c"]

bin := ".venv/bin"

_default:
    @just --list

# A virtual environment with everything the other recipes need.
setup:
    python3 -m venv .venv && {{bin}}/pip install -q -e '.[test]'

# A private input in, a checked proof out, on this machine.
demo *FLAGS:
    {{bin}}/sp1tee demo {{FLAGS}}

# The tests; `just test tests/wire -k signing` runs some.
test *FLAGS:
    {{bin}}/pytest {{FLAGS}}

# Formatting, lint and import rules.
lint:
    {{bin}}/ruff format --check .
    {{bin}}/ruff check .
    {{bin}}/lint-imports

# Format and mend what can be mended.
format:
    {{bin}}/ruff format .
    {{bin}}/ruff check --fix .

types:
    {{bin}}/mypy

# Generate the protocol buffers; `just proto --check` compares only.
proto *FLAGS:
    {{bin}}/python tools/generate_protos.py {{FLAGS}}

# JSON schemas of reports, policies and bundles; `just schemas --check` compares only.
schemas *FLAGS:
    {{bin}}/python tools/generate_schemas.py {{FLAGS}}

# Build the guest programs; `just guests --check` compares only. Needs clang and lld.
guests *FLAGS:
    {{bin}}/python guests/build.py {{FLAGS}}

# SP1's own prover, executor and verifier, and its SDK as a program: the Rust of native/. Needs cargo, cmake and protobuf-compiler.
native *FLAGS:
    {{bin}}/python tools/build_native.py {{FLAGS}}

# Every figure of the README's table, with its peers in the same run. Needs cargo, nginx and curl.
bench *FLAGS:
    {{bin}}/python -m bench {{FLAGS}}

# Compare `--help` blocks and settings tables in the documents with reality.
docs-check *FLAGS:
    {{bin}}/python tools/check_docs.py {{FLAGS}}

# What continuous integration runs.
ci:
    .ci/run
