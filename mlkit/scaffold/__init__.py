"""Scaffold: a params file written from a table that nobody has described yet.

A *finding* is something seen in the table, what was decided for it, and why. A case is
*scaffolded* when every decision is a key of its params file with the reason beside it,
and the data step has been rehearsed: what is written, a retrain accepts.
"""

from mlkit.scaffold.findings import Finding, ScaffoldError
from mlkit.scaffold.writing import Scaffolded, scaffold, write_case

__all__ = ["Finding", "ScaffoldError", "Scaffolded", "scaffold", "write_case"]
