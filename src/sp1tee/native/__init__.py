"""SP1's own programs on a Unix socket: ``sp1-gpu-server``, and ``sp1tee-prover`` beside it.

Both speak one protocol; native/README.md has it byte for byte.
"""
