"""The registry of one model: everything that can be asked of it and done with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from mlkit import store
from mlkit.registry import log, moves
from mlkit.registry.blobs import get_blob, put_blob
from mlkit.registry.commits import Action, Change, Commit
from mlkit.registry.errors import ConflictError, RegistryError
from mlkit.registry.manifest import (
    Candidate,
    describe_artifacts,
    manifest_bytes,
    parse_manifest,
)
from mlkit.registry.model_files import PICKLE, SKOPS, load_model
from mlkit.registry.names import model_folder, models, nearest, parse_version
from mlkit.registry.records import (
    Comparison,
    History,
    LoadedVersion,
    Record,
    Reign,
    compare_manifests,
    reigns_on,
)
from mlkit.registry.state import State, Version
from mlkit.registry.verify import Report, verify
from mlkit.registry.versions import next_version
from mlkit.registry.writing import Decision, Note, add_commit, prepare

NOW: str = "what is in production now"


def open_registry(model: str, root: Path | None = None) -> ModelRegistry:
    """Return the registry of a model, which need not have a version yet.

    Parameters
    ----------
    model : str
        Name of the model: its folder in ``registry/``.
    root : Path, optional
        The workspace; None takes :func:`mlkit.store.workspace_root`.

    Raises
    ------
    RegistryError
        When the name is not allowed.
    """
    place = store.workspace_root() if root is None else Path(root)
    return ModelRegistry(model, model_folder(model, place))


@dataclass(frozen=True)
class ModelRegistry:
    """The versions of one model, their stages and their history.

    Attributes
    ----------
    model : str
        Name of the model.
    folder : Path
        Where its files are.
    """

    model: str
    folder: Path

    def state(self) -> State:
        """Return all versions and their stages as of now."""
        return log.read_snapshot(self.folder, self.model).state

    def head(self) -> str | None:
        """Return the SHA-256 of the log's last entry, None while it is empty."""
        return log.read_snapshot(self.folder, self.model).head

    def versions(self) -> tuple[Version, ...]:
        """Return where each version stands, in order of registration."""
        return tuple(self.state().versions.values())

    def production(self) -> Record | None:
        """Return the version in production, or None."""
        found = self.state().production
        return None if found is None else self._record(found)

    def show(self, which: str) -> Record:
        """Return a version by number, by stage or as ``latest``.

        Raises
        ------
        RegistryError
            When there is none; the message names the nearest.
        DamageError
            When its manifest is missing or altered.
        """
        return self._record(self._find(which))

    def compare(self, old: str, new: str) -> Comparison:
        """Return what differs between two versions, each named as in `show`."""
        before, after = self._find(old), self._find(new)
        return compare_manifests(self._manifest(before), self._manifest(after))

    def history(self, version: str | None = None) -> History:
        """Return the commits of the log: all, or those that concern one version."""
        commits = tuple(commit for commit, _ in log.read_entries(self.folder))
        if version is not None:
            number = str(parse_version(version))
            commits = tuple(
                c for c in commits if any(x.version == number for x in c.changes)
            )
        return History(self.model, commits)

    def commits_of(self, run: str) -> History:
        """Return the commits made on behalf of a run.

        After a run that was killed, its length says whether anything was committed and
        its ``summary`` what.
        """
        commits = tuple(c for c in self.history() if c.run == run)
        return History(self.model, commits)

    def live_on(self, when: str | date | datetime) -> tuple[Reign, ...]:
        """Return what was in production on a day (UTC) or at a moment, by the log."""
        return reigns_on(self.history(), when)

    def verify(self) -> Report:
        """Check every file of the registry, and write caches anew where they err."""
        self.check_known()
        return verify(self.folder, self.model)

    def artifact(self, which: str, name: str) -> bytes:
        """Return an artifact's bytes, whose hash and size were checked.

        Raises
        ------
        RegistryError
            When there is no such version or artifact.
        DamageError
            When the file is missing or altered.
        """
        return self._artifact(self._manifest(self._find(which)), name)

    def load(self, which: str, *, allow_pickle: bool = False) -> LoadedVersion:
        """Return a version with its model.

        The bytes are read once, checked against the manifest, and opened only then.

        Parameters
        ----------
        which : str
            A number, a stage or ``latest``.
        allow_pickle : bool
            Open a model that is kept as a pickle, which runs what is in it.

        Raises
        ------
        RegistryError
            When there is no such version, or its model is of a type not trusted.
        DamageError
            When its file is missing or altered; it was not opened.
        """
        record = self.show(which)
        artifacts = record.manifest["artifacts"]
        name = next((n for n in (SKOPS, PICKLE) if n in artifacts), SKOPS)
        data = self._artifact(record.manifest, name)
        sha256 = artifacts[name]["sha256"]
        model = load_model(data, sha256=sha256, allow_pickle=allow_pickle)
        return LoadedVersion(**vars(record), model=model)

    def find_identical(self, candidate: Candidate) -> Version | None:
        """Return the latest version that did not fail and equals the candidate.

        Equal are the fitted state, the data and every setting that callers notice; how
        a model is judged and filed is not among them, nor are code and packages.
        """
        fields = candidate.to_dict()
        for found in reversed(self.versions()):
            if found.stage == "failed" or found.digest != candidate.digest:
                continue
            comparison = compare_manifests(
                self._manifest(found), {**fields, "model": self.model, "version": ""}
            )
            if all(each.level == "patch" for each in comparison.differences):
                return found
        return None

    def register(
        self,
        candidate: Candidate,
        artifacts: Mapping[str, bytes | Path],
        *,
        version: str | None = None,
        why: str = "",
        evidence: Mapping[str, Any] | None = None,
    ) -> Version:
        """Add a version, in stage development.

        Parameters
        ----------
        candidate : Candidate
            What is known of the model.
        artifacts : mapping of str to bytes or Path
            Files to keep; the model's own is ``model.skops`` (or ``model.pickle``).
        version : str, optional
            A number of the caller's own, such as ``1.2.0`` or ``v1.2.0``; None numbers
            by rule.
        why : str
            What is new about it, in the caller's words.
        evidence : mapping, optional
            What is kept with the commit.

        Returns
        -------
        Version
            With its number, and the reason for it.

        Raises
        ------
        ConflictError
            When `version` is taken.
        RegistryError
            When a name or the version is not allowed.
        TypeError, ValueError
            When a field cannot be kept as JSON; the message names it.
        OSError
            When the disk refuses; nothing was registered.
        """
        fields = candidate.to_dict()
        named = None if version is None else str(parse_version(version))
        note = Note(
            candidate.who, candidate.created_at, why, candidate.run, evidence or {}
        ).checked()
        contents = {
            name: content if isinstance(content, bytes) else Path(content).read_bytes()
            for name, content in artifacts.items()
        }
        described = describe_artifacts(contents)
        prepare(self.folder)
        for content in contents.values():
            put_blob(self.folder, content)

        def decide(state: State) -> Decision:
            return self._number(state, fields, described, named)

        commit, state = add_commit(self.folder, self.model, "register", note, decide)
        return state.versions[commit.changes[0].version]

    def move(
        self, version: str, target: str, *, note: Note, expected: str | None = None
    ) -> Commit:
        """Move a version to another stage than production.

        Parameters
        ----------
        version : str
            A number, a stage or ``latest``.
        target : str
            development, staging, archived or failed.
        note : Note
            Who, when and why.
        expected : str, optional
            The stage in which it must still be.

        Raises
        ------
        RegistryError
            When the move is not allowed.
        ConflictError
            When the version is not in the expected stage.
        """
        return self._change(
            "move",
            note,
            lambda state: moves.decide_move(state, version, target, expected=expected),
        )

    def archive(self, version: str, *, note: Note) -> Commit:
        """Move a version to the archive; from production, too, which is empty then."""
        return self._change(
            "archive",
            note,
            lambda state: moves.decide_move(state, version, "archived"),
        )

    def promote(
        self, version: str, *, note: Note, expected_champion: str | None
    ) -> Commit:
        """Put a version into production; what was there is archived in the same commit.

        Parameters
        ----------
        version : str
            A number, or a stage; it must be in staging or in the archive.
        note : Note
            Who, when, why and on what evidence.
        expected_champion : str or None
            Digest of the model in production against which it was judged; None when
            there was none.

        Raises
        ------
        ConflictError
            When something else is in production by now.
        RegistryError
            When the move is not allowed.
        DamageError
            When a file of the version is missing or altered.
        """
        return self._change(
            "promote",
            note,
            lambda state: moves.decide_promotion(
                state, version, expected_champion=expected_champion
            ),
        )

    def rollback(self, *, note: Note, expected: str | None = NOW) -> Commit:
        """Bring back what was in production before; again, and it is one further back.

        Parameters
        ----------
        note : Note
            Who, when and why.
        expected : str or None
            The version that is to leave production (None: it is empty); by default,
            what is there when this is called.

        Returns
        -------
        Commit
            Its ``summary`` says what was done.

        Raises
        ------
        ConflictError
            When another version is in production by now.
        RegistryError
            When there is nothing to go back to.
        DamageError
            When a file of the version that would return is missing or altered.
        """
        if expected is NOW:
            champion = self.state().production
            expected = champion.version if champion else None
        return self._change(
            "rollback",
            note,
            lambda state: moves.decide_rollback(state, expected=expected),
        )

    def _change(self, action: Action, note: Note, decide: Any) -> Commit:
        def decision(state: State) -> Decision:
            changes: tuple[Change, ...] = decide(state)
            for change in changes:
                if change.target == "production":
                    self._check_whole(state.versions[change.version])
            return Decision(changes)

        note.checked()
        self.check_known()
        return add_commit(self.folder, self.model, action, note, decision)[0]

    def _number(
        self,
        state: State,
        fields: Mapping[str, Any],
        artifacts: Mapping[str, Mapping[str, Any]],
        named: str | None,
    ) -> Decision:
        parent = state.latest
        previous = self._manifest(parent) if parent else None
        number, reason = next_version(previous, fields, state.versions)
        if named is not None:
            same = [
                v for v in state.versions.values() if v.version.lower() == named.lower()
            ]
            if same:
                raise ConflictError(
                    f"version {named} of {self.model!r} is taken (registered "
                    f"{same[0].at} by {same[0].by}), and numbers are never reused; by "
                    f"rule the next one is {number}"
                )
            reason = f"named by the caller; by rule {number}, {reason}"
            number = named
        data = manifest_bytes(
            fields,
            artifacts,
            model=self.model,
            version=number,
            parent=parent.version if parent else None,
            reason=reason,
        )
        sha256 = put_blob(self.folder, data)
        entry = Change(
            number, None, "development", sha256, str(fields["digest"]), reason
        )
        return Decision((entry,), {number: data})

    def _find(self, which: str) -> Version:
        self.check_known()
        return moves.find_version(self.state(), which)

    def _record(self, found: Version) -> Record:
        history = self.history(found.version)
        return Record(found.version, found.stage, self._manifest(found), history)

    def _manifest(self, version: Version) -> dict[str, Any]:
        data = get_blob(self.folder, version.manifest)
        return parse_manifest(data, f"the manifest of {self.model!r} {version.version}")

    def _artifact(self, manifest: Mapping[str, Any], name: str) -> bytes:
        artifacts = manifest["artifacts"]
        if name not in artifacts:
            raise RegistryError(
                f"{self.model!r} {manifest['version']} has no artifact {name!r}"
                f"{nearest(name, artifacts)}"
            )
        known = artifacts[name]
        return get_blob(self.folder, known["sha256"], size=known["size"])

    def _check_whole(self, version: Version) -> None:
        manifest = self._manifest(version)
        for name in manifest["artifacts"]:
            self._artifact(manifest, name)

    def check_known(self) -> None:
        """Raise RegistryError, with the nearest name, when there is no such model."""
        if not self.folder.is_dir():
            known = models(self.folder.parent.parent)
            raise RegistryError(
                f"there is no model {self.model!r} in {self.folder.parent}"
                f"{nearest(self.model, known)}"
            )
