"""The prediction log: what a model answered, when, and what came of it."""

__all__ = ()
