"""Alerts are sent over HTTP and SMTP; failures are repeated, told, and leak nothing."""

from __future__ import annotations

import base64
import contextlib
import email
import email.policy
import json
import logging
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from mlkit.alerts import Alert, addresses, message, send
from mlkit.params.monitor_section import Notify

NINE = datetime(2026, 11, 20, 9, tzinfo=UTC)
SECRET = "s3cret-pa55"


def alert(cause: str = "drift", severity: Any = "critical", **fields: Any) -> Alert:
    known: dict[str, Any] = {
        "id": f"{abs(hash(cause)) % 16**8:08x}",
        "model": "churn",
        "version": "1.2.0",
        "cause": cause,
        "severity": severity,
        "message": "4 of 12 columns drifted.",
        "evidence": {"share": 1 / 3, "columns": ["age", "income"]},
        "raised_at": NINE,
        "last_seen_at": NINE,
    }
    return Alert(**{**known, **fields})


class Hook(ThreadingHTTPServer):
    """A web hook that answers with some statuses first, and then takes everything."""

    daemon_threads = True

    def __init__(self, *statuses: int) -> None:
        super().__init__(("127.0.0.1", 0), Asked)
        self.statuses = list(statuses)
        self.taken: list[dict[str, Any]] = []
        self.users: list[str] = []

    def url(self, scheme: str = "json") -> str:
        return f"{scheme}://ops:{SECRET}@127.0.0.1:{self.server_port}/hook"


class Asked(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        if status == 200:
            self.server.taken.append(json.loads(data))
            word = self.headers["Authorization"].split()[1]
            self.server.users.append(base64.b64decode(word).decode())
        self.send_response(status)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


class Post(socketserver.ThreadingTCPServer):
    """An SMTP server that keeps the messages; it may refuse to let anybody in."""

    daemon_threads = True

    def __init__(self, *, refuses: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), Conversation)
        self.refuses = refuses
        self.taken: list[tuple[list[str], EmailMessage]] = []
        self.sign_ins = 0

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients may go without a word."""

    @property
    def url(self) -> str:
        return mail_url(self.server_address[1])


def mail_url(port: int) -> str:
    return (
        f"mailto://ops:{SECRET}@127.0.0.1:{port}?smtp=127.0.0.1&mode=insecure"
        "&from=mlkit@example.org&to=ada@example.org"
    )


class Conversation(socketserver.StreamRequestHandler):
    server: Post

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())

    def handle(self) -> None:
        self.say("220 post")
        people: list[str] = []
        for line in iter(self.rfile.readline, b""):
            word, _, rest = line.decode().strip().partition(" ")
            word = word.upper()
            if word == "EHLO":
                self.say("250-post\r\n250 AUTH PLAIN")
            elif word == "AUTH":
                self.server.sign_ins += 1
                self.say("535 no" if self.server.refuses else "235 welcome")
            elif word == "RCPT":
                people.append(rest.removeprefix("TO:").strip("<>"))
                self.say("250 ok")
            elif word == "DATA":
                self.say("354 go on")
                lines = iter(self.rfile.readline, b".\r\n")
                data = b"".join(each.removeprefix(b".") for each in lines)
                text = email.message_from_bytes(data, policy=email.policy.default)
                assert isinstance(text, EmailMessage)
                self.server.taken.append((people, text))
                self.say("250 taken")
            elif word == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 ok")


@contextmanager
def running(server: Any) -> Iterator[Any]:
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def silent_port() -> Iterator[int]:
    """Yield a port where connections are taken and nothing is ever said."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


class Drop(socketserver.StreamRequestHandler):
    """Says something all the time, so that no single wait is long."""

    def handle(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        with contextlib.suppress(OSError):
            for _ in range(40):
                self.wfile.write(b"x")
                time.sleep(0.1)


class Drip(socketserver.ThreadingTCPServer):
    daemon_threads = True


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_a_web_hook_that_fails_twice_is_told_at_the_third_attempt() -> None:
    with running(Hook(500, 503)) as hook:
        urls = {"HOOK": hook.url()}
        (sent,) = send([alert()], urls, timeout_seconds=60, pause_seconds=0.01)
    assert (sent.delivered, sent.attempts, sent.reason) == (True, 3, "")
    assert (sent.address, sent.alerts) == ("HOOK", (alert().id,))
    (taken,) = hook.taken
    assert taken["title"] == "[CRITICAL] churn 1.2.0: drift"
    assert taken["type"] == "failure"
    assert taken["message"] == message([alert()]).body
    assert hook.users == [f"ops:{SECRET}"]


def test_mail_and_hook_are_told_of_all_alerts_in_one_message_each() -> None:
    alerts = [
        alert("volume", "info"),
        alert("labels", "warning", message="Half of the outcomes are late."),
        alert("drift", "critical", version="2.0.0", message="Ä <b>column</b> drifted."),
    ]
    with running(Hook()) as hook, running(Post()) as post:
        urls = {"HOOK": hook.url(), "MAIL": post.url}
        sent = send(
            alerts,
            urls,
            retries=0,
            timeout_seconds=60,
            where="https://example.org/churn",
        )
    assert [(one.address, one.delivered) for one in sent] == [
        ("HOOK", True),
        ("MAIL", True),
    ]
    assert {one.alerts for one in sent} == {(alerts[1].id, alerts[2].id)}
    ((people, mail),) = post.taken
    assert people == ["ada@example.org"]
    assert mail["Subject"] == "[CRITICAL] churn 2.0.0: drift, labels"
    assert mail.get_content_type() == "text/plain"
    text = mail.get_content().replace("\r\n", "\n")
    assert text.strip() == hook.taken[0]["message"]
    assert "[CRITICAL] churn 2.0.0: drift\nÄ <b>column</b> drifted." in text
    assert "[WARNING] churn 1.2.0: labels\nHalf of the outcomes are late." in text
    assert text.endswith("Where to look: https://example.org/churn\n")
    assert "volume" not in text


def test_every_way_to_fail_is_told_in_words_and_leaks_nothing(
    closed_port: int,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    with (
        running(Hook(*[404] * 9)) as wrong,
        running(Post(refuses=True)) as post,
        silent_port() as silent,
        running(Drip(("127.0.0.1", 0), Drop)) as drip,
    ):
        urls = {
            "WRONG": wrong.url(),
            "POST": post.url,
            "CLOSED": f"json://ops:{SECRET}@127.0.0.1:{closed_port}/",
            "ODD": f"what://ops:{SECRET}@example.org",
        }
        sent = send([alert()], urls, retries=1, timeout_seconds=60, pause_seconds=0.01)
        quiet = {
            "SILENT": f"json://ops:{SECRET}@127.0.0.1:{silent}/",
            "SILENT_MAIL": mail_url(silent),
            "DRIP": f"json://ops:{SECRET}@127.0.0.1:{drip.server_address[1]}/",
        }
        sent += send([alert()], quiet, retries=1, timeout_seconds=0.5, pause_seconds=0)
    # Where another attempt would fail alike there is none; accounts are locked by them.
    assert {one.address: (one.attempts, one.reason) for one in sent} == {
        "WRONG": (1, "WRONG: the service answered with HTTP status 404"),
        "POST": (1, "POST: the sign-in was refused"),
        "SILENT": (2, "SILENT: no answer within 0.5 s"),
        "SILENT_MAIL": (2, "SILENT_MAIL: no answer within 0.5 s"),
        "DRIP": (2, "DRIP: no answer within 0.5 s"),
        "CLOSED": (2, "CLOSED: the connection was refused"),
        "ODD": (1, "ODD: what the variable holds is not an Apprise URL"),
    }
    assert not any(one.delivered for one in sent)
    assert post.sign_ins == 1
    out, err = capfd.readouterr()
    said = repr(sent) + json.dumps([one.to_dict() for one in sent]) + out + err
    said += caplog.text
    assert SECRET not in said
    assert "127.0.0.1" not in said
    assert caplog.records == []


def test_the_address_is_in_no_list_of_processes() -> None:
    seen: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(0.05)
        port = silent.getsockname()[1]
        urls = {"SILENT": f"json://ops:{SECRET}@127.0.0.1:{port}/"}
        args = ([alert()], urls)
        options = {"retries": 0, "timeout_seconds": 60}
        sending = threading.Thread(target=send, args=args, kwargs=options)
        sending.start()
        asking = None
        # Once it asks for an answer, what sends is looked at while it waits.
        while asking is None and sending.is_alive():
            with contextlib.suppress(TimeoutError):
                asking, _ = silent.accept()
            seen += [*command_lines()]
        if asking is not None:
            asking.close()
        sending.join()
    assert any("delivery.py" in line for line in seen)
    assert not any(SECRET in line for line in seen)


def command_lines() -> Iterator[str]:
    found = [*Path("/proc").glob("[0-9]*/cmdline")]
    if not found:
        pytest.skip("this system has no /proc")
    for path in found:
        try:
            yield path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue


def test_without_apprise_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = "raise ModuleNotFoundError(\"No module named 'apprise'\", name='apprise')"
    (tmp_path / "apprise.py").write_text(missing)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (sent,) = send([alert()], {"HOOK": "json://127.0.0.1:1/"}, pause_seconds=60)
    assert (sent.delivered, sent.attempts) == (False, 1)
    assert sent.reason == "HOOK: apprise is not installed: pip install 'mlkit[notify]'"


def test_nothing_to_send_starts_nothing() -> None:
    assert send([], {"HOOK": "json://127.0.0.1:1/"}) == ()
    assert send([alert()], {}) == ()
    assert send([alert(severity="warning")], {"A": "x"}, minimum="critical") == ()


def test_a_message_says_what_since_when_on_what_evidence_and_where_to_look() -> None:
    evidence = {
        "share": 1 / 3,
        "rows": 12345,
        "auc": {"value": 0.71, "lower": None},
        "new": True,
        "columns": ["age", "income"],
        "text": "a\nb" + "x" * 300,
    }
    old = alert(
        evidence=evidence, times_seen=3, last_seen_at=NINE + timedelta(hours=26)
    )
    body = message([old]).body
    assert body.startswith("4 of 12 columns drifted.\n\n")
    rows = dict(
        line.strip().split(maxsplit=1) for line in body.splitlines() if line[:2] == "  "
    )
    assert rows.pop("text").endswith("x…")
    assert rows == {
        "share": "0.3333",
        "rows": "12,345",
        "auc.value": "0.71",
        "auc.lower": "unknown",
        "new": "yes",
        "columns": "age, income",
        "severity": "critical",
        "since": "2026-11-20 09:00 UTC, found 3 times, last 2026-11-21 11:00 UTC",
        "alert": old.id,
    }
    assert f"mlkit alerts churn --ack {old.id}" in body
    many = alert(version=None, evidence={f"figure {i}": i for i in range(20)})
    assert "and 8 more" in message([many]).body
    five = message([alert(f"cause {i}", "warning") for i in range(5)])
    assert five.title == "[WARNING] churn 1.2.0: cause 0, cause 1, cause 2 and 2 more"
    assert message([many]).title == "[CRITICAL] churn: drift"
    lines = message([alert("quality.a\r\nBcc: eve@example.org")]).title
    assert lines == "[CRITICAL] churn 1.2.0: quality.a Bcc: eve@example.org"


def notify(*names: str) -> Notify:
    return Notify(urls=[*names])


def test_addresses_come_from_the_environment_and_then_from_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = f'HOOK="json://ops:{SECRET}@file"\nMAIL=json://mail # all\nEMPTY=\n'
    (tmp_path / ".env").write_text(file)
    monkeypatch.setenv("MAIL", f"mailto://{SECRET}")
    found = addresses(notify("HOOK", "MAIL"), tmp_path)
    assert dict(found) == {
        "HOOK": f"json://ops:{SECRET}@file",
        "MAIL": f"mailto://{SECRET}",
    }
    assert repr(found) == "Addresses(HOOK, MAIL)"
    assert SECRET not in f"{found} {found.keys()}"
    assert dict(addresses(notify(), tmp_path / "nowhere")) == {}


def test_an_address_that_is_missing_keeps_nobody_else_from_being_told(
    tmp_path: Path,
) -> None:
    with running(Hook()) as hook:
        (tmp_path / ".env").write_text(f"HOOK={hook.url()}\n")
        found = addresses(notify("HOOK", "NOT_THERE"), tmp_path)
        sent = send([alert()], found, timeout_seconds=60)
    assert [(one.address, one.delivered, one.attempts) for one in sent] == [
        ("HOOK", True, 1),
        ("NOT_THERE", False, 0),
    ]
    assert "notify.urls NOT_THERE: neither" in sent[1].reason
    (alone,) = send([alert()], addresses(notify("NOT_THERE"), tmp_path))
    assert not alone.delivered
    assert send([], addresses(notify("NOT_THERE"), tmp_path)) == ()


def test_a_variable_that_is_not_there_is_named_with_the_nearest(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"OPS_HOOK=json://{SECRET}\nEMPTY=\n")
    found = addresses(notify("OPS_HOK", "EMPTY", "OPS_HOOK"), tmp_path)
    assert [*found] == ["OPS_HOOK"]
    assert [*found.problems] == ["OPS_HOK", "EMPTY"]
    said = found.problems["OPS_HOK"]
    assert "notify.urls OPS_HOK: neither the environment nor .env" in said
    assert "Did you mean OPS_HOOK?" in said
    assert "Give it the Apprise URL" in said
    assert SECRET not in str(found.problems)
    (tmp_path / ".env").write_bytes(b"HOOK=\xff\xfe\xfd")
    with pytest.raises(ValueError, match="cannot be read: it is not UTF-8"):
        addresses(notify("HOOK"), tmp_path)
