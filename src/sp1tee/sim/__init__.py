"""Stand-ins that ship: a Prover Network, our processes on one machine, the canary search."""
