"""The rules that hold between keys of a case, one row each."""

from __future__ import annotations

from mlkit.params import data_rules, model_rules

RULES = (*data_rules.RULES, *model_rules.RULES)
