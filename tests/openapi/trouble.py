"""Every error of every operation."""

from __future__ import annotations

import json
from typing import Any

from client import Client
from contract import Broken
from daemon import Daemon, Participants, Postgres

# A body that each operation takes.
FINE: dict[str, dict[str, Any]] = {
    "submit": {}, "abort": {}, "report": {"op": "action", "outcome": "done"}, "retry": {"reason": "r"},
    "stop": {"reason": "r"}, "resolve": {"as": "done", "reason": "r"},
}
OPERATORS = ("retry", "stop", "resolve", "pause", "resume")
PAUSE: dict[str, Any] = {"reason": "r"}


def enlisted(at: Participants, name: str = "a", pattern: str = "tcc") -> dict[str, Any]:
    forth, back = ("confirm", "cancel") if pattern == "tcc" else ("commit", "rollback")
    return {"id": name, forth: at.url("/forth"), back: at.url("/back")}


def tid_of_closed_epoch(client: Client, at: Participants) -> str:
    """One that the daemon could have given to a begin before it was killed, and that was never durable."""
    tid = client.begin(pattern="saga", steps=[{"id": "a", "action": at.url("/a")}])["tid"]
    client.daemon.stop()
    client.daemon.start()
    client.daemon.await_ready()
    return another(tid)


def another(tid: str) -> str:
    """Of the same shard and epoch, which stand last, and of another time."""
    return tid[:6] + "000000" + tid[12:]


def bad_requests(client: Client, at: Participants) -> None:
    fine = {**FINE, "enlist": enlisted(at)}
    closed = tid_of_closed_epoch(client, at)
    step = {"id": "a", "action": at.url("/a")}
    client.call("begin", "malformed", raw=b"{")
    client.call("begin", "gid-reused", {"gid": "again", "pattern": "saga", "steps": [step, {**step, "id": "z"}]})
    client.begin("too-large", pattern="saga", steps=[{**step, "input": "x" * 300_000}])
    client.begin("too-many", pattern="saga", steps=[{**step, "id": f"s{i}"} for i in range(257)])
    for name, body in fine.items():
        where = {"gid": "nobody", "branch": "a"}
        client.call(name, "malformed", raw=b"{", **where)
        client.call(name, "unknown-gid", body, **where)
        client.call(name, "epoch-closed", body, tid=closed, branch="a")
        client.call(name, "too-large", raw=b'{"reason":"' + b"x" * 1_100_000 + b'"}', **where)
    client.call("query", "unknown-gid", gid="nobody")
    for name in ("pause", "resume"):
        client.call(name, "malformed", raw=b"{")
        client.call(name, "invalid", PAUSE, destination="127.0.0.1")
        client.call(name, "too-large", raw=b'{"reason":"' + b"x" * 1_100_000 + b'"}')
    for name in ("destinations", "audit"):
        client.call(name, "too-many", limit=1_000_000)
    for name in ("list", "incidents"):
        client.call(name, "too-many", limit=1001)
        client.call(name, "invalid", since="yesterday")
    client.call("gids", "too-many", count=1001)
    wrong_phases(client, at)


def wrong_phases(client: Client, at: Participants) -> None:
    refused = at.url("/refuses", (409, b""))
    aborted = client.begin(pattern="saga", wait_ms=30_000, steps=[{"id": "a", "action": refused}])
    committed = client.begin(pattern="tcc", wait_ms=30_000, branches=[
        {**enlisted(at), "try": at.url("/try")}])
    waiting = client.begin(pattern="message", check=at.url("/check-later", (425, b"")), check_after_ms=60_000,
                           targets=[{"id": "a", "url": at.url("/a")}])
    client.call("submit", 200, gid=waiting["gid"], wait_ms=30_000)
    client.call("abort", "wrong-phase", {}, gid=committed["gid"])
    client.call("abort", "wrong-phase", {}, gid=waiting["gid"])
    turned = client.begin(pattern="tcc", branches=[])
    client.call("abort", 200, gid=turned["gid"], wait_ms=30_000)
    client.call("submit", "wrong-phase", {}, gid=turned["gid"])
    client.call("enlist", "wrong-phase", enlisted(at), gid=committed["gid"])
    client.call("report", "wrong-phase", {"op": "action", "outcome": "done"}, gid=aborted["gid"], branch="a")
    client.call("resolve", "wrong-phase", FINE["resolve"], gid=aborted["gid"], branch="a")
    client.call("retry", "wrong-phase", FINE["retry"], gid=aborted["gid"])
    client.call("stop", "wrong-phase", FINE["stop"], gid=aborted["gid"])

    opened = client.begin(pattern="two_phase", branches=[])
    gid = opened["gid"]
    client.call("enlist", 200, enlisted(at, "a", "two_phase"), gid=gid)
    client.call("enlist", "branch-reused", {**enlisted(at, "a", "two_phase"), "input": 1}, gid=gid)
    client.call("report", "unknown-branch", {"op": "prepare", "outcome": "done"}, gid=gid, branch="z")
    client.call("resolve", "unknown-branch", FINE["resolve"], gid=gid, branch="z")
    client.call("report", 200, {"op": "prepare", "outcome": "done"}, gid=gid, branch="a")
    client.call("report", "contradiction", {"op": "prepare", "outcome": "refused"}, gid=gid, branch="a")

    many = client.begin(pattern="tcc", branches=[], deadline_ms=3_600_000)
    for i in range(1000):  # without a look at the thousand answers, each longer than the one before
        body = json.dumps(enlisted(at, f"b{i}")).encode()
        if client.daemon.send("client", "POST", f"/v1/transactions/{many['gid']}/branches", body)[0] != 200:
            raise Broken(f"branch {i} of 1000 could not be enlisted")
    client.call("enlist", "too-many", enlisted(at, "one-more"), gid=many["gid"])


def no_http(client: Client) -> None:
    daemon = client.daemon
    head = b"host: a\r\n"
    for listener in ("client", "admin"):
        for error, request in (
                ("malformed", b"NO HTTP\r\n\r\n"),
                ("about:blank", b"GET / HTTP/2.7\r\n" + head + b"\r\n"),
                ("about:blank", b"POST /v1/gids HTTP/1.1\r\n" + head + b"transfer-encoding: gzip\r\n\r\n"),
                ("about:blank", b"POST /v1/gids HTTP/1.1\r\n" + head + b"expect: more\r\ncontent-length: 0\r\n\r\n"),
                ("too-large", b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n" + head + b"\r\n"),
                ("too-large", b"GET / HTTP/1.1\r\n" + head + b"x: " + b"a" * 40_000 + b"\r\n\r\n"),
                ("too-large", b"POST /v1/gids HTTP/1.1\r\n" + head + b"content-length: 99999999\r\n\r\n")):
            client.any_path(error, daemon.send_raw(listener, request))


def full(client: Client, at: Participants) -> None:
    """One open transaction is all that this daemon takes."""
    target = {"id": "a", "url": at.url("/a")}
    client.begin(pattern="message", check=at.url("/check"), check_after_ms=60_000, targets=[target])
    client.begin("overloaded", pattern="saga", steps=[{"id": "a", "action": at.url("/a")}])


def unaudited(client: Client) -> None:
    """What cannot be written down is not done."""
    for name in OPERATORS:
        client.call(name, "audit-unavailable", FINE.get(name, PAUSE), gid="g", branch="a")
    client.call("audit", "audit-unavailable")


def too_many_pauses(client: Client) -> None:
    body = json.dumps(PAUSE).encode()
    for number in range(2000):
        path = client.path_of(client.contract.operations["pause"], destination=f"http://host-{number}")
        if client.daemon.send("admin", "POST", path, body)[0] == 422:
            break
    client.call("pause", "too-many", PAUSE, destination="http://one-more")


def nearly_full(client: Client, at: Participants) -> None:
    """No disk is so empty as this daemon wants it."""
    plan = {"pattern": "saga", "steps": [{"id": "a", "action": at.url("/a")}]}
    client.await_true(lambda: client.daemon.send("client", "POST", "/v1/transactions", json.dumps(plan).encode())[0] == 507,
                      "a disk that is not empty is too full")
    client.begin("store-full", **plan)


def bereft(client: Client, other: Daemon, postgres: Postgres, at: Participants) -> None:
    """Two daemons share a store. The other one is killed, then the store."""
    fine = {**FINE, "enlist": enlisted(at)}
    plan = {"pattern": "tcc", "branches": []}  # nothing of it is written later
    client.await_true(lambda: postgres.ask("SELECT count(*) FROM settle.shard WHERE owner = 'second'") != "0",
                      "the second daemon owns shards")
    # A name such as daemons give, in a shard of the first one: it is looked up before it is taken.
    named = another(client.call("begin", 201, plan)["tid"])
    other.stop()

    def is_lost(gid: str) -> bool:
        return client.daemon.send("client", "GET", f"/v1/transactions/{gid}")[0] == 503

    gids = [f"g{i}" for i in range(200)]
    lost = next((g for g in gids if is_lost(g)), None)
    if lost is None:
        raise Broken("no gid belongs to the daemon that was killed")
    for name, body in {**fine, "query": None}.items():
        client.call(name, "overloaded", body, gid=lost, branch="a")
    client.call("begin", "overloaded", {"gid": lost, **plan})

    mine = next(g for g in gids if not is_lost(g))
    postgres.kill()
    for name, body in {**fine, "query": None}.items():
        client.call(name, "store-unknown", body, gid=mine, branch="a")
    client.call("begin", "store-unknown", {"gid": named, **plan})
    client.call("pause", "store-unknown", PAUSE)
    client.call("resume", "store-unknown", PAUSE)
    client.call("list", "overloaded")
    client.call("incidents", "overloaded")
    client.call("readyz", 503)

