"""Private SP1 proving inside a TEE, and the verifier that shows it really is private."""

__all__ = ["__version__"]

__version__ = "0.1.0"
