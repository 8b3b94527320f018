"""Real tables that come with scikit-learn, no network needed.

| name | task | target | rows |
|---|---|---|---|
| `breast_cancer` | binary | `diagnosis`: benign, malignant | 569 |
| `wine` | multiclass | `cultivar`: class_0, class_1, class_2 | 178 |
| `digits` | multiclass | `digit`: 0 to 9 | 1,797 |
| `diabetes` | regression | `progression`: a number | 442 |
"""

from __future__ import annotations

import pandas as pd
from sklearn import datasets

from mlkit.data.wording import nearest
from mlkit.sources.errors import SourceError

TARGETS = {
    "breast_cancer": "diagnosis",
    "diabetes": "progression",
    "digits": "digit",
    "wine": "cultivar",
}
DIABETES = {
    **{"s1": "total cholesterol", "s2": "low-density lipoproteins"},
    **{"s3": "high-density lipoproteins", "s4": "cholesterol ratio"},
    **{"s5": "log triglycerides", "s6": "blood sugar"},
    **{"bmi": "body mass index", "bp": "blood pressure"},
}


def require_bundled(name: str) -> None:
    """Raise when there is no bundled table of that name.

    Raises
    ------
    SourceError
        With the nearest name, or all of them.
    """
    if name in TARGETS:
        return
    near = nearest(name, TARGETS)
    hint = f"Did you mean sklearn:{near}? " if near else ""
    raise SourceError(
        f"sklearn:{name}: scikit-learn bundles no table of this name that mlkit reads. "
        f"{hint}There are: {', '.join(TARGETS)}"
    )


def read_bundled(name: str) -> pd.DataFrame:
    """Return a bundled table, target last.

    ``breast_cancer``, ``wine`` and ``digits`` have text labels as targets, ``diabetes``
    the progression of the disease as a number. Of diabetes the columns are named in
    full and left as scikit-learn scales them: mean 0, sum of squares 1.
    """
    require_bundled(name)
    loaded = getattr(datasets, f"load_{name}")(as_frame=True)
    frame: pd.DataFrame = loaded.data.rename(columns=DIABETES)
    target = loaded.target
    if name != "diabetes":
        labels = dict(enumerate(map(str, loaded.target_names)))
        target = target.map(labels)
    return frame.assign(**{TARGETS[name]: target})
