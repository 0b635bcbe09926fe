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

# SP1's GPU prover for GPUs of these compute capabilities: `just gpu-server 80,86,89,90`. Needs cargo, go, clang and protobuf-compiler; no GPU.
gpu-server ARCHS:
    {{bin}}/python tools/build_gpu_server.py {{quote(ARCHS)}}

# The images of HEAD, as OCI layouts in dist/images. BASE=FOLDER builds on what `just base FOLDER` made. Needs docker buildx or buildah.
images *FLAGS:
    {{bin}}/python tools/images.py build {{FLAGS}}

# Digests of the images that were built: manifest, configuration, layers.
show-digests *FLAGS:
    {{bin}}/python tools/images.py show {{FLAGS}}

# Build the images once more, in a fresh clone, and compare.
verify-images *FLAGS:
    {{bin}}/python tools/images.py verify {{FLAGS}}

# The compose files with these images: `just compose --repository ghcr.io/OWNER --domain prover.example.org`.
compose *FLAGS:
    {{bin}}/python tools/images.py compose {{FLAGS}}

# Hand the images to Docker, for compose/docker-compose.dev.yml.
load *FLAGS:
    {{bin}}/python tools/images.py load {{FLAGS}}

# Images, and Docker has them.
build-docker-images *FLAGS: (images FLAGS) load

# Publish the images as they were built: `just publish-docker-images ghcr.io/OWNER 0.1.0`. Needs skopeo, logged in.
publish-docker-images REPOSITORY VERSION:
    for name in server fulfiller; do \
        skopeo copy --preserve-digests "oci:dist/images/$name" "docker://"{{quote(REPOSITORY)}}"/sp1tee-$name:"{{quote(VERSION)}}; \
    done

# Pull the published images that compose/docker-compose.yml pins.
pull-docker-images:
    docker compose -f compose/docker-compose.yml pull server fulfiller

# Stand-ins for the base images, of Debian's packages, where registries cannot be reached. Needs mmdebstrap and root.
base FOLDER="dist/base" *FLAGS:
    {{bin}}/python tools/images_base.py {{quote(FOLDER)}} {{FLAGS}}

# The Python packages of the images, by hash: compare with pyproject.toml; `just image-locks --write` resolves anew.
image-locks *FLAGS:
    {{bin}}/python tools/images_locks.py {{FLAGS}}

# What a host shows of itself, saved as FILE, and the measurements in it as a first policy.
get-attestation HOST FILE="evidence.tar" *FLAGS:
    {{bin}}/sp1tee evidence fetch {{quote(HOST)}} -o {{quote(FILE)}} {{FLAGS}}
    {{bin}}/sp1tee policy init {{quote(FILE)}}

# Of what `just get-attestation` saved: that Intel vouches for the quote.
get-and-verify-quote HOST FILE="evidence.tar" *FLAGS: (get-attestation HOST FILE FLAGS)
    {{bin}}/sp1tee verify quote --bundle {{quote(FILE)}}

# Of what `just get-attestation` saved: the compose file that the guest says it runs.
retrieve-docker-compose FILE="evidence.tar":
    {{bin}}/sp1tee evidence compose {{quote(FILE)}}

# Of what `just get-attestation` saved: whether that file is the measured one.
verify-compose-hash FILE="evidence.tar" *FLAGS:
    {{bin}}/sp1tee verify rtmr3 --bundle {{quote(FILE)}} {{FLAGS}}

# The unmodified Rust SDK against every way of serving it.
conformance *FLAGS: (_with-native "" ("tests/conformance " + FLAGS))

# The tests with the native programs, real proofs among them: half an hour, 15 GB of memory.
real-proofs *FLAGS: (_with-native "SP1TEE_NATIVE_PROOFS=1" ("-m native " + FLAGS))

# The vault on a real S3 server, and the Helm chart: builds versitygw and helm. Needs go.
scaling-tests *FLAGS:
    #!/usr/bin/env bash
    set -euo pipefail
    programs=$({{bin}}/python tools/build_go_programs.py)
    { read -r SP1TEE_VERSITYGW; read -r SP1TEE_HELM; } <<<"$programs"
    export SP1TEE_VERSITYGW SP1TEE_HELM
    {{bin}}/pytest tests/store tests/serve/test_vault_bucket.py tests/e2e/test_bucket.py tests/deploy {{FLAGS}}

# Tests with SP1's native programs, which are built unless they are there.
_with-native VARIABLES TESTS:
    #!/usr/bin/env bash
    set -euo pipefail
    programs=$({{bin}}/python tools/build_native.py)
    { read -r SP1TEE_PROVER; read -r SP1TEE_SDK_CLIENT; } <<<"$programs"
    export SP1TEE_PROVER SP1TEE_SDK_CLIENT {{VARIABLES}}
    {{bin}}/pytest {{TESTS}}

# A proof by a real sp1-cluster, built from its public repository: hours the first time, 16 GB of memory. Needs cargo, git, protobuf-compiler, m4, postgresql and redis-server.
cluster-e2e *FLAGS:
    {{bin}}/python tools/cluster_e2e.py {{FLAGS}}

# Every figure of the README's table, with its peers in the same run. Needs cargo, nginx and curl.
bench *FLAGS:
    {{bin}}/python -m bench {{FLAGS}}

# Faults at random moments against real processes, and books compared: `just chaos --rounds 1000 --seed 7`. Disks need root, clocks a C compiler.
chaos *FLAGS:
    {{bin}}/python -m chaos {{FLAGS}}

# Every parser and both listeners, sent a million inputs: half an hour. `just fuzz --seconds 60 wire.proof` tries one.
fuzz *FLAGS:
    {{bin}}/python -m fuzz {{FLAGS}}

# Compare `--help` blocks and settings tables in the documents with reality.
docs-check *FLAGS:
    {{bin}}/python tools/check_docs.py {{FLAGS}}

# What continuous integration runs.
ci:
    .ci/run
