"""The store in a PostgreSQL database, which several servers share without a leader."""
