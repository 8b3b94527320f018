"""Alerts: one for each cause, until it is gone; kept in a file, sent to people."""

__all__ = ()
