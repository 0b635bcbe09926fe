"""The auditor: evidence becomes facts, a policy judges them, and a verdict says why."""
