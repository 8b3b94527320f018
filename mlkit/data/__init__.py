"""Data: a table that has been understood.

A *kind* says what the values of a column are (number, category, boolean, date, text,
identifier), a *role* what the column is for (feature, target, time, group, weight or
ignored). A *schema* is the columns with their kinds and roles; to *conform* a table is
to give it exactly that shape or to say why it cannot be done. A *check* is a rule the
table was held against. A *dataset* is what remains: typed, checked, divided into
training and test rows and known by a fingerprint of its content.
"""

from mlkit.data.conformance import conform, unseen_levels
from mlkit.data.dataset import Dataset
from mlkit.data.distinct import label_text
from mlkit.data.inference import infer_schema
from mlkit.data.preparation import prepare
from mlkit.data.profiles import ColumnProfile, Profile, profile
from mlkit.data.records import Check, Column, DataError, Schema

__all__ = [
    "Check",
    "Column",
    "ColumnProfile",
    "DataError",
    "Dataset",
    "Profile",
    "Schema",
    "conform",
    "infer_schema",
    "label_text",
    "prepare",
    "profile",
    "unseen_levels",
]
