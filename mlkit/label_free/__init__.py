"""Label-free performance: what a model's metrics are likely to be before labels come."""

__all__ = ()
