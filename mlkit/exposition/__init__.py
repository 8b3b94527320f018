"""Exposition: a model's figures, as Prometheus reads them."""

__all__ = ()
