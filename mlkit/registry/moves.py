"""Stages and the moves between them: which are allowed, and what each one changes.

Everything here is decided from a state alone. Whoever publishes a decision does so only
if the state is still the one it was made from, and decides anew otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping

from mlkit.registry.commits import STAGES, Change, Stage
from mlkit.registry.errors import ConflictError, RegistryError
from mlkit.registry.names import nearest, parse_version
from mlkit.registry.state import State, Version

ALLOWED: Mapping[Stage, tuple[Stage, ...]] = {
    "development": ("staging", "archived", "failed"),
    "staging": ("production", "development", "archived", "failed"),
    "production": ("archived", "failed"),
    "archived": ("production", "staging", "failed"),
    "failed": (),
}


def find_version(state: State, which: str) -> Version:
    """Return a version by its number, by its stage, or by ``latest``.

    Parameters
    ----------
    state : State
        The present state.
    which : str
        ``1.2.0`` or ``v1.2.0``; a stage, which stands for the version registered last
        of those in it; or ``latest``, the one registered last of those that did not
        fail.

    Raises
    ------
    RegistryError
        When there is none; the message names the nearest.
    """
    if which == "latest" or which in STAGES:
        inside = {stage: state.in_stage(stage) for stage in STAGES}
        standing = [state.latest] if state.latest else []
        found = standing if which == "latest" else inside.get(which, ())  # type: ignore[call-overload]
        if found:
            return found[-1]
        raise RegistryError(
            f"no version of {state.model!r} is {_in_words(which)}{_there_are(state)}"
        )
    known = [*state.versions, *STAGES, "latest"]
    if not which[:1].isdigit() and which[:2].rstrip("0123456789") != "v":
        raise RegistryError(
            f"a version of {state.model!r} is asked for by number, by stage or as "
            f"latest, got {which!r}{nearest(which, known)}"
        )
    number = str(parse_version(which))
    if number not in state.versions:
        raise RegistryError(
            f"{state.model!r} has no version {number}{nearest(number, state.versions)}"
        )
    return state.versions[number]


def decide_move(
    state: State, version: str, target: str, *, expected: str | None = None
) -> tuple[Change, ...]:
    """Return the change that moves a version to another stage.

    Parameters
    ----------
    state : State
        The present state.
    version : str
        A number, a stage or ``latest``.
    target : str
        Any stage but production, which is reached by a promotion.
    expected : str, optional
        The stage in which the caller believes the version to be.

    Raises
    ------
    RegistryError
        When there is no such version or the move is not allowed.
    ConflictError
        When the version is not in the expected stage.
    """
    if target not in STAGES:
        raise RegistryError(
            f"a stage must be one of {', '.join(STAGES)}, got {target!r}"
            f"{nearest(target, STAGES)}"
        )
    if target == "production":
        raise RegistryError(
            f"{version} of {state.model!r} cannot be moved to production: that is a "
            "promotion, judged against the version that is there; use promote"
        )
    found = find_version(state, version)
    if expected is not None and found.stage != expected:
        raise ConflictError(
            f"{found.version} of {state.model!r} was expected in {expected}, and is in "
            f"{found.stage} since {found.moved_at} "
            f"({found.moved_why or 'no reason given'}); look at it and decide again"
        )
    return (_step(state, found, target),)


def decide_promotion(
    state: State, version: str, *, expected_champion: str | None
) -> tuple[Change, ...]:
    """Return the changes that put a version into production and archive the old one.

    Parameters
    ----------
    state : State
        The present state.
    version : str
        A number, a stage or ``latest``.
    expected_champion : str or None
        Digest of the model in production against which the version was judged; None
        when there was none.

    Raises
    ------
    ConflictError
        When another model, or none, is in production.
    RegistryError
        When there is no such version or the move is not allowed.
    """
    champion = state.production
    if (champion.digest if champion else None) != expected_champion:
        raise ConflictError(
            f"{version} of {state.model!r} was judged against "
            f"{_champion_in_words(expected_champion)}, and now "
            f"{champion.version + ' is' if champion else 'nothing is'} in production; "
            "nothing was changed: evaluate against that and promote again"
        )
    found = find_version(state, version)
    rise = _step(state, found, "production")
    if champion is None:
        return (rise,)
    return (Change(champion.version, "production", "archived"), rise)


def decide_rollback(state: State, *, expected: str | None) -> tuple[Change, ...]:
    """Return the changes that bring back what was in production before.

    Each rollback goes one step further back through the versions that were in
    production; those that failed since are passed over. When production is empty, the
    version that was there last comes back.

    Parameters
    ----------
    state : State
        The present state.
    expected : str or None
        The version that is to leave production; None when production is empty.

    Raises
    ------
    ConflictError
        When another version is in production.
    RegistryError
        When there is nothing to go back to.
    """
    champion = state.production
    present = champion.version if champion else None
    if present != expected:
        raise ConflictError(
            f"a rollback of {state.model!r} was to replace {expected or 'nothing'}, "
            f"and now {present or 'nothing'} is in production; nothing was changed: "
            "look at it and decide again"
        )
    for earlier in reversed(state.reigns):
        stage = state.versions[earlier].stage
        if earlier != present and "production" in ALLOWED[stage]:
            rise = Change(earlier, stage, "production")
            if present is None:
                return (rise,)
            return (Change(present, "production", "archived"), rise)
    raise RegistryError(
        f"{state.model!r} cannot be rolled back: no version that was in production "
        f"before {present or 'now'} can return; promote another version"
    )


def _step(state: State, found: Version, target: str) -> Change:
    allowed = ALLOWED[found.stage]
    if target not in allowed:
        where = f"{found.version} of {state.model!r} is in {found.stage}"
        if found.stage == target:
            raise RegistryError(f"{where} already; nothing was changed")
        ways = f"can go to {' or '.join(allowed)}" if allowed else "stays there"
        raise RegistryError(
            f"{where} and cannot go to {target}: from there it {ways}"
            + ("" if allowed else "; register the model again")
        )
    return Change(found.version, found.stage, next(s for s in STAGES if s == target))


def _in_words(which: str) -> str:
    return "standing (not failed)" if which == "latest" else f"in {which}"


def _there_are(state: State) -> str:
    if not state.versions:
        return "; it has no versions yet: register one first"
    newest = [f"{v.version} in {v.stage}" for v in [*state.versions.values()][-5:]]
    return "; there are: " + ", ".join(newest)


def _champion_in_words(digest: str | None) -> str:
    return "an empty production" if digest is None else f"the model {digest[:12]}..."
