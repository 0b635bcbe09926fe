"""What must survive a restart: requests in a database, inputs and proofs in a sealed vault."""
