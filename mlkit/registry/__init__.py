"""The registry: which versions of a model there are, and which one is in production.

A *version* is a model with all that is known of it, filed under a semantic number and
never changed. A *stage* (development, staging, production, archived, failed) says what
a version is good for; *promoting* one puts it into production in place of the
*champion* that was there, and a *rollback* brings the one before back. Every change is
a *commit* in an append-only *log* that says who made it, when, why and on what
evidence; where versions stand is what the log says when it is read from start to end.
Files are *blobs* known by the hash of their bytes, which is checked before they are
opened. Many processes may write at once: a commit is published under the next free
number or, if another was first, made anew from the state that the other left.
"""

from mlkit.registry.commits import STAGES, Change, Commit, Stage
from mlkit.registry.errors import ConflictError, DamageError, RegistryError
from mlkit.registry.manifest import Candidate
from mlkit.registry.model_files import file_name, load_model, save_model
from mlkit.registry.model_registry import ModelRegistry, open_registry
from mlkit.registry.names import models
from mlkit.registry.records import Comparison, History, LoadedVersion, Record, Reign
from mlkit.registry.state import State, Version, fold
from mlkit.registry.verify import Damage, Report
from mlkit.registry.versions import next_version
from mlkit.registry.writing import Note

__all__ = [
    "STAGES",
    "Candidate",
    "Change",
    "Commit",
    "Comparison",
    "ConflictError",
    "Damage",
    "DamageError",
    "History",
    "LoadedVersion",
    "ModelRegistry",
    "Note",
    "Record",
    "RegistryError",
    "Reign",
    "Report",
    "Stage",
    "State",
    "Version",
    "file_name",
    "fold",
    "load_model",
    "models",
    "next_version",
    "open_registry",
    "save_model",
]
