"""Everything of the verifier that touches the network; nothing else of it does."""
