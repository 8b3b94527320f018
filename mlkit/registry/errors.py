"""What can go wrong with a registry."""

from __future__ import annotations


class RegistryError(ValueError):
    """What was asked of the registry is not there or not allowed."""


class ConflictError(RegistryError):
    """Another writer changed what this change was judged against."""


class DamageError(RegistryError):
    """A stored file is missing, cut short or altered."""
