"""Evidently's numbers for two frames; run by path, in the environment that has it.

The folder it starts in holds ``request.json``, ``reference.parquet`` and
``current.parquet``; it leaves ``answer.json`` there. Nothing of mlkit is imported: the
environment does not have it.
"""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any


def main(folder: Path) -> None:
    """Compare the frames, column by column: one that fails does not stop the rest."""
    import pandas as pd

    request = json.loads((folder / "request.json").read_text())
    reference, current = (
        pd.read_parquet(folder / f"{side}.parquet") for side in ("reference", "current")
    )
    columns: dict[str, dict[str, Any]] = {}
    for name, asked in request["columns"].items():
        try:
            columns[name] = compare(reference[[name]], current[[name]], name, asked)
        except Exception as error:  # a statistic can fail in any way
            columns[name] = {"error": f"{type(error).__name__}: {error}"[:300]}
    answer = {"version": version("evidently"), "columns": columns}
    (folder / "answer.json").write_text(json.dumps(answer))


def compare(
    reference: Any, current: Any, name: str, asked: dict[str, Any]
) -> dict[str, Any]:
    """Return value, method and threshold of one column."""
    from evidently import DataDefinition, Dataset, Report
    from evidently.metrics import ValueDrift

    kinds = {f"{asked['kind']}_columns": [name]}
    definition = DataDefinition(**kinds)
    before, now = (
        Dataset.from_pandas(frame, data_definition=definition)
        for frame in (reference, current)
    )
    options = {key: asked[key] for key in ("method", "threshold") if key in asked}
    report = Report([ValueDrift(column=name, **options)], include_tests=False)
    (found,) = report.run(now, before).dict()["metrics"]
    return {
        "value": float(found["value"]),
        "method": found["config"]["method"],
        "threshold": float(found["config"]["threshold"]),
    }


if __name__ == "__main__":
    main(Path.cwd())
