"""The doctor: what of the environment is missing or odd, and what to do about it.

A finding is one thing looked at: `ok`, a `warning` (it works, but perhaps not as
meant) or `missing` (something will not work). The doctor imports nothing that might be
what is missing.
"""

from mlkit.doctor.diagnosis import diagnose
from mlkit.doctor.finding import Finding, Status

__all__ = ["Finding", "Status", "diagnose"]
