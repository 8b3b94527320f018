"""What people read: notebooks as HTML, the page of a run, the index of all cases."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock

from mlkit import registry, report, store
from mlkit.pipeline import runs
from mlkit.pipeline.runs import RunFolder
from mlkit.report.league import ALL

TEMPLATES = Path(report.__file__).parent / "nbconvert"
RETRAIN = "retrain"
EXTRA_FILES = {"The log": "log.txt", "The record (JSON)": "run.json"}


def notebook_body(notebook: Path) -> str:
    """Return an executed notebook as an HTML fragment without code, not sanitised."""
    # Importing them takes longer than a run in which nothing has changed.
    import nbformat
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(
        template_name="mlkit", extra_template_basedirs=[str(TEMPLATES)]
    )
    document = nbformat.read(notebook, as_version=4)
    body, _ = exporter.from_notebook_node(document)
    return str(body)


def write_pages(
    folder: RunFolder,
    record: Mapping[str, Any],
    root: Path,
    *,
    bodies: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Write the pages of a run: one a notebook, and its own.

    The page of a step that was taken from an earlier run came with its other files.

    Parameters
    ----------
    folder : RunFolder
        The run.
    record : mapping
        What its ``run.json`` holds, or will hold.
    root : Path
        The workspace.
    bodies : mapping of str to str, optional
        What `notebook_body` has returned for steps already.

    Returns
    -------
    dict of str to str
        Step to the SHA-256 of its page.
    """
    previous, first = _before(folder, root)
    pages, known = {}, bodies or {}
    for name, step in {step["name"]: step for step in record["steps"]}.items():
        notebook = folder.path / f"{name}.ipynb"
        page = notebook.with_suffix(".html")
        if notebook.exists() and not (step.get("taken") and page.exists()):
            header = report.step_header(record, name, previous, first=first)
            body = known.get(name) or notebook_body(notebook)
            store.write_atomic(page, report.notebook_page(body, header))
        if page.exists():
            pages[name] = store.sha256_file(page)
    write_run_page(folder, record, root)
    return pages


def write_run_page(folder: RunFolder, record: Mapping[str, Any], root: Path) -> None:
    """Write the run's own page, with links to those pages of notebooks there are."""
    names = dict.fromkeys(step["name"] for step in record.get("steps", ()))
    pages = {n: f"{n}.html" for n in names if (folder.path / f"{n}.html").exists()}
    files = _files(folder.path, record)
    previous, first = _before(folder, root)
    page = report.run_page(record, previous, first=first, pages=pages, files=files)
    store.write_atomic(folder.path / "index.html", page)


def _files(folder: Path, record: Mapping[str, Any]) -> dict[str, str]:
    """Return what a page offers for reading on: words to the name of a file."""
    failed = (record.get("error") or {}).get("step")
    offered = dict(EXTRA_FILES)
    if failed:
        offered[f"The executed notebook {failed}.ipynb"] = f"{failed}.ipynb"
    if record.get("fan_out"):
        # Filed under the case that is divided, or under the name of all cases.
        divided = str(record["case"]).rpartition(".")[0]
        for parent in filter(None, (divided, ALL)):
            page = f"../../{parent}/{record['fan_out']}/index.html"
            if (folder / page).exists():
                offered["The report of all retrains at once"] = page
    return {words: name for words, name in offered.items() if (folder / name).exists()}


def _before(folder: RunFolder, root: Path) -> tuple[Mapping[str, Any] | None, bool]:
    """Return the last run before that ended well, and whether there was none at all."""
    kind, first = RETRAIN, True
    for record in runs.newest_first(folder.case, root):
        if record["run"] == folder.run:
            kind = _kind(record)
        elif record["run"] < folder.run and _kind(record) == kind:
            first = False
            if record["status"] == "ok":
                return record, first
    return None, first


def _kind(record: Mapping[str, Any]) -> str:
    return str(record.get("kind", RETRAIN))


def notebook_html(notebook: Path, case: str, facts: Mapping[str, Any]) -> Path:
    """Write the page of a draft notebook and return its path.

    Parameters
    ----------
    notebook : Path
        The executed notebook.
    case : str
        Name of the case.
    facts : mapping
        What the record of a run would say of it: params and steps.
    """
    record = {"case": case, "run": None, "status": "draft", **facts}
    header = report.step_header(record, notebook.stem)
    path = notebook.with_suffix(".html")
    store.write_atomic(path, report.notebook_page(notebook_body(notebook), header))
    return path


def write_index(root: Path) -> Path:
    """Write ``reports/index.html`` from the run records and the registry's log."""
    path = root / "reports" / "index.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    # Two runs that end at once: the later one must have seen the other's record.
    with FileLock(path.parent / ".index.lock"):
        cases = [_case_view(case, root) for case in runs.cases_with_runs(root)]
        shown = [view for view in cases if view.runs]
        store.write_atomic(path, report.index_page(shown))
    return path


def _case_view(case: str, root: Path) -> report.CaseView:
    records = runs.records(case, root)
    for record in records:
        # Its page, if there is one, says that the run is under way.
        if record["status"] == "interrupted":
            write_run_page(runs.open_run(case, record["run"], root), record, root)
    params = next((r["params"] for r in records if r.get("params")), None)
    model = (params or {}).get("registry", {}).get("model") or case
    try:
        state = registry.open_registry(model, root).state()
    except (registry.RegistryError, OSError) as error:
        # One damaged model must not hide all other cases.
        return report.CaseView(case, records, production=f"cannot be read: {error}")
    champion = state.production
    waiting = state.in_stage("staging")
    return report.CaseView(
        case=case,
        runs=records,
        production=None if champion is None else champion.version,
        since=None if champion is None else champion.moved_at,
        versions=len(state.versions),
        waiting=waiting[-1].version if waiting else None,
        alerts=_active_alerts(model, root),
    )


def _active_alerts(model: str, root: Path) -> list[dict[str, Any]]:
    """Return the active alerts of a model; most have never been watched."""
    folder = root / "data" / "monitor" / model
    if not folder.is_dir():
        return []
    from mlkit.alerts import AlertBook

    try:
        return [alert.to_dict() for alert in AlertBook(folder, model).active()]
    except OSError:
        # The command `mlkit alerts` says what is wrong with the file.
        return []


def committed(record: Mapping[str, Any], root: Path) -> str:
    """Return what a run changed in the registry, in words; empty for nothing."""
    params = record.get("params") or {}
    model = params.get("registry", {}).get("model") or record["case"]
    opened = registry.open_registry(model, root)
    return opened.commits_of(record["run"]).summary


def reconcile(case: str, root: Path) -> None:
    """Close the records of runs whose process ended before it could.

    The registry's log says what such a run had already committed. The caller holds the
    case's lock, so no run is under way.
    """
    for record in runs.records(case, root):
        folder = runs.open_run(case, record["run"], root)
        if record["status"] != "running" and folder.record.exists():
            continue
        try:
            done = committed(record, root)
            said = (
                f"the registry has of it: {done}" if done else "nothing was registered"
            )
        except (registry.RegistryError, OSError) as error:
            said = f"what the registry has of it cannot be read: {error}"
        closed = record | {
            "status": "interrupted",
            "error": {
                "step": None,
                "type": "Interrupted",
                "message": f"the process ended before the run did; {said}",
                "advice": "Nothing needs to be cleaned up.",
            },
        }
        store.write_json(folder.record, closed)
        write_run_page(folder, closed, root)
