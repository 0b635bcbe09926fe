"""The prover loop: lease, fetch, execute, prove, check, hand in.

A worker needs a server's URL and a token. It holds no key of the network's, keeps inputs in memory
only, and lets go of them as soon as the proof is made.
"""
