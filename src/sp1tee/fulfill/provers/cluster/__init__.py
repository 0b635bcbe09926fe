"""SP1's cluster as a prover: one proof spread over many machines.

An sp1-cluster is asked directly, without its network-gateway: requests go to its API, which keeps
them in PostgreSQL; programs, inputs and proofs go through the store that its workers use, Redis or
a bucket. Neither encrypts nor asks who one is, and every worker sees the input: `off_host` says
which hosts may be part of one.

The store keeps what it is given, so whoever asks also tidies up. What a worker that died could not
tidy it finds again by its name when it comes back: the rows in the API's database are the record.
"""
