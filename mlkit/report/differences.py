"""The page of two runs side by side: what differs, and which is better."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlkit.report import measures, wording
from mlkit.report.layout import render
from mlkit.report.pair_chart import pair_chart
from mlkit.report.pictures import Picture
from mlkit.report.tables import Table, table
from mlkit.report.views import Link, Outcome

# Characters: a page must open at once, however many figures two runs have.
MOST_IMAGES = 1_500_000
MOST_DIFF = 60_000
LONGEST_DIFF = 200
LONGEST_VALUE = 160
LONGEST_MESSAGE = 1000
MOST_CELLS = 100
MOST_LEFT_OUT = 50
# What decides comes first, and is left out last.
STEPS = ("evaluate", "explain", "drift", "train", "data")
READINGS = {
    "same": ("the same", "neutral"),
    "a_better": ("A is better", "caution"),
    "b_better": ("B is better", "good"),
    "overlap": ("intervals overlap", "neutral"),
    "apart": ("intervals do not overlap", "neutral"),
    "no_interval": ("no interval", "neutral"),
    "absent": ("only in one run", "neutral"),
    "other": ("another question", "neutral"),
}


@dataclass(frozen=True)
class FigurePair:
    """A figure of two runs, from the same place of the same notebook.

    Attributes
    ----------
    step, cell : str
        The notebook's stem and the cell's id.
    a, b : Picture or None
        None where a run has no such figure.
    """

    step: str
    cell: str
    a: Picture | None = field(repr=False)
    b: Picture | None = field(repr=False)

    @property
    def same(self) -> bool:
        """Whether both runs show the same image."""
        return self.a is not None and self.b is not None and self.a == self.b

    @property
    def size(self) -> int:
        """Characters that both take on a page."""
        return sum(each.size for each in (self.a, self.b) if each is not None)

    @property
    def caption(self) -> str:
        """What to look at."""
        return next((p.caption for p in (self.b, self.a) if p and p.caption), "")

    def to_dict(self) -> dict[str, Any]:
        """Return what is shown where as plain JSON data, without the images."""
        there = {"a": self.a is not None, "b": self.b is not None}
        return {"step": self.step, "cell": self.cell, "caption": self.caption,
                "same": self.same, **there}  # fmt: skip


def differences_page(
    found: Mapping[str, Any],
    figures: Sequence[FigurePair] = (),
    *,
    folders: Mapping[str, str],
) -> str:
    """Return the page of two runs.

    Parameters
    ----------
    found : mapping
        What differs, as ``Comparison.to_dict`` of :mod:`mlkit.differences` gives it.
    figures : sequence of FigurePair
        The figures of both.
    folders : mapping of str to str
        ``a`` and ``b`` to the address of the folder of each run, relative to the page.

    Returns
    -------
    str
        One self-contained HTML file of less than 2 MB: figures for which there is no
        room are named, with links to where they are.
    """
    shown, left_out = _within(figures)
    a, b = found["a"], found["b"]
    changes = list(_changes(found))
    return render(
        "differences.html.j2",
        outcome=_outcome(found),
        title=a["case"] if a["case"] == b["case"] else f"{a['case']} and {b['case']}",
        runs=[_run(name, found[name], folders[name]) for name in ("a", "b")],
        missing=[_cut(said, LONGEST_MESSAGE) for said in found["missing"]],
        metrics=[_metric(pair) for pair in found["metrics"]],
        changes=changes,
        commits=_commits(found["commits"]),
        cells=list(_cells(found["cells"][:MOST_CELLS])),
        more_cells=len(found["cells"][MOST_CELLS:]),
        figures=shown,
        same=_same(figures),
        left_out=[_left_out(pair, folders) for pair in left_out[:MOST_LEFT_OUT]],
        more_left_out=len(left_out[MOST_LEFT_OUT:]),
        place=[
            Link("All cases", "../../index.html"),
            Link(b["case"], f"../../index.html#{wording.slug(b['case'])}"),
            Link(b["run"], f"{folders['b']}/index.html"),
            Link("Compared"),
        ],
        footer=f"{a['run']} · {b['run']}",
    )


def _outcome(found: Mapping[str, Any]) -> Outcome:
    better = found["standing"]["better"]
    readings = {pair["reading"] for pair in found["metrics"]}
    told = "neither" if readings - {"other", "absent"} else "not_comparable"
    state = f"{better}_better" if better else told
    reason = found["standing"]["reason"]
    if found["identical"]:
        state, reason = (
            "identical",
            "Params, data, code, versions and metrics are equal.",
        )
    return Outcome(state, found["headline"], reason)


def _run(name: str, run: Mapping[str, Any], folder: str) -> dict[str, Any]:
    error = run.get("error") or {}
    return {
        "letter": name.upper(),
        "href": f"{folder}/index.html",
        "id": run["run"],
        "case": run["case"],
        "when": wording.moment(run["started"]),
        "label": run["verdict"],
        "tone": run["tone"],
        "headline": run["headline"],
        "reason": _cut(error.get("message") or run["reason"], LONGEST_MESSAGE),
        "facts": [
            (words, text)
            for words, text in (
                ("Version", run["version"] or ""),
                ("Took", wording.duration(run["seconds"])),
                ("By", run["who"] or ""),
            )
            if text not in ("", wording.ABSENT)
        ],
    }


def _metric(pair: Mapping[str, Any]) -> dict[str, Any]:
    said, tone = READINGS[pair["reading"]]
    values = [abs((pair[name] or {}).get("value") or 0.0) for name in ("a", "b")]
    alike = pair["reading"] != "other"
    change = pair["change"] if alike else None
    digits = wording.decimals(values)
    return {
        "label": pair["label"],
        "better": {True: "higher is better", False: "lower is better"}.get(
            pair["greater_is_better"], ""
        ),
        "a": measures.estimate_text(pair["a"]),
        "b": measures.estimate_text(pair["b"]),
        "chart": pair_chart(pair["a"], pair["b"], pair["label"]) if alike else "",
        "change": "" if change is None else wording.signed(round(change, 12), digits),
        "said": said,
        "tone": tone,
    }


def _changes(found: Mapping[str, Any]) -> Iterator[Table]:
    titles = {
        "params": "Params that differ",
        "data": "Data that differ",
        "environment": "Versions that differ",
        "decision": "Decisions that differ",
    }
    for key, caption in titles.items():
        if found.get(key):
            rows = [
                {"what": change["what"], "a": value_text(change["a"]),
                 "b": value_text(change["b"])}
                for change in found[key]
            ]  # fmt: skip
            headings = {"what": "What", "a": "A", "b": "B"}
            yield table(rows, caption=caption, headings=headings, limit=100)


def value_text(value: Any) -> str:
    """Return a value as people write it in a params file, not too long.

    Examples
    --------
    >>> value_text(None), value_text(0.5), value_text(["a"]), value_text("a" * 64)
    ('not set', '0.5', '["a"]', 'aaaaaaaaaaaa')
    """
    if value is None:
        return "not set"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if len(text) == 64 and not set(text) - set("0123456789abcdef"):
        return wording.short(text, 12)
    return _cut(text, LONGEST_VALUE)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _commits(found: Mapping[str, Any]) -> dict[str, Any]:
    said = [
        f"{name} ran on commit {wording.short(commit)}"
        + (" with changes that are not committed" if dirty else "")
        for name, commit, dirty in zip(
            ("A", "B"), (found["a"], found["b"]), found["dirty"], strict=True
        )
        if commit
    ]
    differ = found["a"] != found["b"] or found["uncertain"]
    return {
        "said": f"{'; '.join(said)}." if differ and said else "",
        "note": found["note"],
        "titles": [_cut(title, LONGEST_VALUE) for title in found["titles"]],
        "stat": found["stat"],
    }


def _cells(found: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    room = MOST_DIFF
    for cell in found:
        lines = []
        for line in cell["diff"][:LONGEST_DIFF]:
            room -= len(line)
            if room < 0:
                break
            kind = {"+": "added", "-": "removed", "@": "where"}.get(line[:1], "")
            lines.append((kind, line))
        yield {
            "step": cell["step"],
            "cell": cell["cell"],
            "said": f"+{cell['added']} {wording.MINUS}{cell['removed']}",
            "lines": lines,
            "rest": len(cell["diff"]) - len(lines),
        }


def _within(
    figures: Sequence[FigurePair],
) -> tuple[list[dict[str, Any]], list[FigurePair]]:
    """Return the figures that differ by step, and those there is no room for."""
    room, shown, left_out = MOST_IMAGES, dict[str, list[FigurePair]](), []
    order = sorted(
        (pair for pair in figures if not pair.same),
        key=lambda p: STEPS.index(p.step) if p.step in STEPS else len(STEPS),
    )
    for pair in order:
        if pair.size > room:
            left_out.append(pair)
            continue
        room -= pair.size
        shown.setdefault(pair.step, []).append(pair)
    return [{"step": step, "pairs": pairs} for step, pairs in shown.items()], left_out


def _same(figures: Sequence[FigurePair]) -> str:
    count = {
        step: sum(pair.same for pair in figures if pair.step == step)
        for step in dict.fromkeys(pair.step for pair in figures)
    }
    parts = [f"{n} in {step}" for step, n in count.items() if n]
    return f"The same in both: {wording.listing(parts)}." if parts else ""


def _left_out(pair: FigurePair, folders: Mapping[str, str]) -> dict[str, str]:
    words = pair.caption or next((p.alt for p in (pair.b, pair.a) if p and p.alt), "")
    return {
        "words": _cut(words, LONGEST_VALUE),
        "step": pair.step,
        **{name: f"{folders[name]}/{pair.step}.html" for name in ("a", "b")},
    }
