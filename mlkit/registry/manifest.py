"""Manifests: what is known of one version, written once and never changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mlkit import store
from mlkit.registry.commits import check_format, damage, parse_object, stamp
from mlkit.registry.errors import RegistryError
from mlkit.registry.names import check_name

FORMAT = 1
REQUIRED: Mapping[str, type | tuple[type, ...]] = {
    "model": str,
    "version": str,
    "parent": (str, type(None)),
    "reason": str,
    "artifacts": dict,
    "digest": str,
    "schema": dict,
    "params": dict,
    "fingerprint": str,
}


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """What a run found out about a model that has no number yet.

    Attributes
    ----------
    digest : str
        Digest of the model's fitted state: equal for equal models.
    schema : mapping
        The input columns, the task, the target and its classes, as
        ``mlkit.data.Schema.to_dict()`` gives them.
    params : mapping
        The resolved params of the run.
    fingerprint : str
        Fingerprint of the data's content.
    estimator, family : str
        What was fitted, and which kind of architecture that is.
    who : str
        Who ran it.
    created_at : datetime
        When, with a time zone.
    metrics : mapping
        Metric to its estimate: value, bounds of the interval, how they were found.
    gates : sequence of mappings
        The result of each gate.
    verdict : mapping or None
        The proposal made of it.
    training, split : mapping
        Record of the training; how rows were divided.
    packages : mapping
        Package, and ``python``, to its version.
    framework : str
        The package that fitted the model.
    code : str or None
        The commit of the code, with ``-dirty`` behind it when files were changed.
    run : str or None
        Name of the run.
    notes : str
        Free text.
    """

    digest: str
    schema: Mapping[str, Any]
    params: Mapping[str, Any]
    fingerprint: str
    estimator: str
    family: str
    who: str
    created_at: datetime
    metrics: Mapping[str, Any] = field(default_factory=dict)
    gates: Sequence[Mapping[str, Any]] = ()
    verdict: Mapping[str, Any] | None = None
    training: Mapping[str, Any] = field(default_factory=dict)
    split: Mapping[str, Any] = field(default_factory=dict)
    packages: Mapping[str, str] = field(default_factory=dict)
    framework: str = "scikit-learn"
    code: str | None = None
    run: str | None = None
    notes: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the candidate as JSON gives it back: lists for tuples, plain dicts.

        Raises
        ------
        TypeError, ValueError
            When JSON cannot hold a value; the message names where it stands.
        """
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__}
        plain["created_at"] = stamp(self.created_at)
        stored: dict[str, Any] = store.parse_json(store.canonical_json(plain))
        return stored


def describe_artifacts(
    artifacts: Mapping[str, bytes],
) -> dict[str, dict[str, Any]]:
    """Return the SHA-256 and the size in bytes of each artifact.

    Raises
    ------
    RegistryError
        When there is none, or a name cannot be a file's name everywhere.
    """
    if not artifacts:
        raise RegistryError(
            "a version needs at least one artifact, got none; pass the model's file, "
            'such as {"model.skops": save_model(model)}'
        )
    return {
        check_name(name, "an artifact's name"): {
            "sha256": store.sha256_bytes(data),
            "size": len(data),
        }
        for name, data in artifacts.items()
    }


def manifest_bytes(
    fields: Mapping[str, Any],
    artifacts: Mapping[str, Mapping[str, Any]],
    *,
    model: str,
    version: str,
    parent: str | None,
    reason: str,
) -> bytes:
    """Return the content of a manifest.

    Parameters
    ----------
    fields : mapping
        What :meth:`Candidate.to_dict` gives.
    artifacts : mapping
        What :func:`describe_artifacts` gives.
    model, version : str
        Name and number.
    parent : str or None
        The version that was the latest when this one was registered.
    reason : str
        Why it has this number.
    """
    place = {"format": FORMAT, "model": model, "version": version, "parent": parent}
    rest = {"reason": reason, "artifacts": artifacts}
    return store.canonical_json({**place, **rest, **fields})


def parse_manifest(data: bytes, where: str) -> dict[str, Any]:
    """Return what a manifest says.

    Raises
    ------
    DamageError
        When a key is missing or of the wrong type.
    RegistryError
        When it was written by a newer mlkit.
    """
    stored = parse_object(data, where)
    check_format(stored, FORMAT, where)
    odd = [
        key for key, kind in REQUIRED.items() if not isinstance(stored.get(key), kind)
    ]
    if odd:
        raise damage(where, f"is not a manifest: {', '.join(odd)} missing or odd")
    return stored
