"""Monitoring: whether a model in production is healthy, and on what evidence."""

__all__ = ()
