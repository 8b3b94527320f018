"""The state of a registry: what its log says when it is read from start to end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from mlkit.registry.commits import Change, Commit, Stage, damage
from mlkit.registry.errors import DamageError


@dataclass(frozen=True)
class Version:
    """Where one version stands.

    Attributes
    ----------
    version : str
        Its number.
    stage : str
        development, staging, production, archived or failed.
    digest : str
        Digest of the model's fitted state.
    manifest : str
        SHA-256 of its manifest.
    number, at, by, run, reason
        The commit that registered it, and why it has this number.
    moved_at, moved_why
        When and why it came to its present stage.
    """

    version: str
    stage: Stage
    digest: str
    manifest: str
    number: int
    at: str
    by: str
    run: str | None
    reason: str
    moved_at: str
    moved_why: str

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain JSON data."""
        return asdict(self)


@dataclass(frozen=True)
class State:
    """What a model's log says: its versions and their stages.

    Attributes
    ----------
    model : str
        Name of the model.
    as_of : int
        Number of the last commit that is counted in; 0 for an empty log.
    versions : dict of str to Version
        In order of registration.
    reigns : tuple of str
        The versions that were in production, oldest first, as a rollback walks them:
        a promotion adds one, a rollback takes the last away.
    """

    model: str
    as_of: int = 0
    versions: Mapping[str, Version] = field(default_factory=dict)
    reigns: tuple[str, ...] = ()

    @property
    def production(self) -> Version | None:
        """The version in production, if there is one."""
        found = self.in_stage("production")
        return found[0] if found else None

    @property
    def latest(self) -> Version | None:
        """The version registered last of those that did not fail."""
        standing = [v for v in self.versions.values() if v.stage != "failed"]
        return standing[-1] if standing else None

    def in_stage(self, stage: Stage) -> tuple[Version, ...]:
        """Return the versions in a stage, in order of registration."""
        return tuple(v for v in self.versions.values() if v.stage == stage)

    def to_dict(self) -> dict[str, Any]:
        """Return the state as plain JSON data."""
        return {
            "model": self.model,
            "as_of": self.as_of,
            "production": self.production.version if self.production else None,
            "latest": self.latest.version if self.latest else None,
            "versions": [v.to_dict() for v in self.versions.values()],
            "reigns": [*self.reigns],
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Return the state that `to_dict` wrote."""
        versions = [Version(**version) for version in stored["versions"]]
        return cls(
            stored["model"],
            stored["as_of"],
            {v.version: v for v in versions},
            tuple(stored["reigns"]),
        )

    def _repr_html_(self) -> str:
        from mlkit.data.markup import table

        head = ("version", "stage", "registered", "by", "since", "why")
        rows = (
            (v.version, v.stage, v.at, v.by, v.moved_at, v.moved_why or v.reason)
            for v in reversed([*self.versions.values()])
        )
        return table(f"Versions of {self.model}", head, rows)


def fold(commits: Iterable[Commit], start: State) -> State:
    """Return the state after `commits`, which follow on `start`.

    Parameters
    ----------
    commits : iterable of Commit
        Entries of the log in order, the first one after ``start.as_of``.
    start : State
        ``State(model)`` for the beginning of the log.

    Raises
    ------
    DamageError
        When an entry does not follow from the ones before it.
    """
    state = start
    for commit in commits:
        if commit.number != state.as_of + 1 or commit.model != state.model:
            raise damage(
                f"log entry {commit.number} of {commit.model!r}",
                f"stands where entry {state.as_of + 1} of {state.model!r} belongs",
            )
        versions = dict(state.versions)
        for change in commit.changes:
            versions[change.version] = _changed(versions, change, commit)
        state = State(state.model, commit.number, versions, state.reigns)
        state = replace(state, reigns=_reigns(state, commit))
    return state


def _changed(
    versions: Mapping[str, Version], change: Change, commit: Commit
) -> Version:
    before = versions.get(change.version)
    if change.source is None:
        if before is not None:
            raise _impossible(commit, f"registers {change.version} a second time")
        return Version(
            version=change.version,
            stage=change.target,
            digest=change.digest or "",
            manifest=change.manifest or "",
            number=commit.number,
            at=commit.at,
            by=commit.by,
            run=commit.run,
            reason=change.reason or "",
            moved_at=commit.at,
            moved_why=commit.why,
        )
    if before is None or before.stage != change.source:
        found = "not registered" if before is None else f"in {before.stage}"
        raise _impossible(
            commit, f"moves {change.version} from {change.source}, and it is {found}"
        )
    return replace(
        before, stage=change.target, moved_at=commit.at, moved_why=commit.why
    )


def _reigns(state: State, commit: Commit) -> tuple[str, ...]:
    crowned = [c.version for c in commit.changes if c.target == "production"]
    if not crowned:
        return state.reigns
    if len(state.in_stage("production")) > 1:
        raise _impossible(commit, "leaves two versions in production")
    if commit.action == "rollback" and crowned[0] in state.reigns:
        last = len(state.reigns) - 1 - state.reigns[::-1].index(crowned[0])
        return state.reigns[: last + 1]
    return (*state.reigns, crowned[0])


def _impossible(commit: Commit, found: str) -> DamageError:
    return damage(f"log entry {commit.number} of {commit.model!r}", found)
