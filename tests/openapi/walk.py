"""Every operation where it succeeds, with every field that a request can have and every member that an answer shows."""

from __future__ import annotations

from typing import Any

from client import Client
from contract import Broken
from daemon import Participants

RETRY = {"base_ms": 20, "factor": 1.5, "cap_ms": 100, "jitter": 0.1, "attempts": 2, "for_ms": 60_000}
QUICK = {"base_ms": 10, "cap_ms": 50, "jitter": 0}
COMMON = {"deadline_ms": 600_000, "wait_ms": 5, "wait_for": "decision", "labels": {"shop": "north"},
          "headers": {"x-tenant": "7"}, "retry": RETRY, "attempt_timeout_ms": 2000}


def everything(client: Client, at: Participants) -> None:
    sagas(client, at)
    messages(client, at)
    voted(client, at)
    operators(client, at)
    destinations(client, at)
    lists(client)
    the_rest(client)


def ended(document: dict[str, Any]) -> bool:
    return document["phase"] == "ended"


def expect(document: dict[str, Any], **members: Any) -> None:
    for name, value in members.items():
        if document.get(name) != value:
            raise Broken(f"{document['gid']}: {name} is {document.get(name)}, {value} was expected\n{document}")


def sagas(client: Client, at: Participants) -> None:
    # Everything that a step can have; `points` is lost, undone, and `coupon` takes its place.
    whole = client.begin(
        pattern="saga", **COMMON, concurrent=False, recovery="backward",
        on_commit=[{"id": "mail", "url": at.url("/mail"), "input": "done", "retry": QUICK}],
        on_abort=[{"id": "sorry", "url": at.url("/sorry")}],
        steps=[{"id": "book", "action": at.url("/book", (200, {"seat": "7a"})), "compensate": at.url("/unbook"),
                "input": {"n": 1}, "compensate_input": {"n": -1},
                "compensate_bind": [{"step": "book", "from": "/seat", "into": "/free"}], "retry": RETRY,
                "attempt_timeout_ms": 2000},
               {"id": "points", "action": at.url("/points", (500, b"")), "compensate": at.url("/unpoint"),
                "optional": True, "after": ["book"], "degrade": {"id": "coupon", "url": at.url("/coupon")},
                "retry": RETRY},
               {"id": "pay", "action": at.url("/pay", (200, b"no json")), "pivot": True, "after": ["book"],
                "bind": [{"step": "book", "from": "/seat", "into": "/place"}]}])
    document = client.await_document(whole["gid"], ended, "the saga with everything ends")
    expect(document, outcome="committed", heuristic="none")
    client.call("query", 200, tid=document["tid"], wait_ms=0, wait_for="end", timeline="true")
    client.call("list", 200, tid=document["tid"])
    client.call("submit", 200, {"wait_ms": 0, "wait_for": "end"}, gid=document["gid"])

    undone = client.begin(pattern="saga", wait_ms=30_000, steps=[
        {"id": "a", "action": at.url("/a"), "compensate": at.url("/undo-a")},
        {"id": "b", "action": at.url("/b-refuses", (409, "no stock"))}])
    expect(undone, outcome="aborted", decision="abort")
    client.call("abort", 200, {"reason": "too late", "wait_ms": 0, "wait_for": "end"}, gid=undone["gid"])

    repeated = {"gid": "again", "pattern": "saga", "steps": [{"id": "a", "action": at.url("/a")}]}
    client.call("begin", 201, repeated)
    client.call("begin", 200, repeated)

    # 425, and the outcome by a report; the next step goes on meanwhile.
    later = client.begin(pattern="saga", steps=[
        {"id": "slow", "action": at.url("/slow", (425, b"")), "retry": {"base_ms": 60_000}}])

    def has_answered(document: dict[str, Any]) -> bool:
        return [w.get("last_answer") for w in document["waiting_for"]] == ["HTTP 425"]

    client.await_document(later["gid"], has_answered, "the step answers running")
    told = client.call("report", 200, {"op": "action", "outcome": "done", "result": {"lot": 7.50}}, gid=later["gid"],
                       branch="slow", wait_ms=30_000, wait_for="end", timeline=1)
    expect(told, outcome="committed")


def messages(client: Client, at: Participants) -> None:
    half = client.begin(
        pattern="message", **COMMON, ordered=True, delay_ms=0, check=at.url("/check"), check_after_ms=60_000,
        on_commit=[{"id": "after", "url": at.url("/after")}], on_abort=[{"id": "undo", "url": at.url("/undo")}],
        targets=[{"id": "mail", "url": at.url("/mail"), "input": [1, 2], "on_refused": "park", "on_exhausted": "park",
                  "retry": {"base_ms": 20}, "attempt_timeout_ms": 1000},
                 {"id": "stock", "url": at.url("/stock"), "on_refused": "compensate", "on_exhausted": "compensate",
                  "compensate": at.url("/restock")},
                 {"id": "sms", "url": at.url("/sms", (409, "no number")), "on_refused": "degrade",
                  "on_exhausted": "degrade", "degrade": {"id": "letter", "url": at.url("/letter")}}])
    expect(half, phase="prepared")
    done = client.call("submit", 200, gid=half["gid"], wait_ms=30_000, wait_for="end", timeline="false")
    expect(done, outcome="committed")
    client.await_document(half["gid"], ended, "what follows the message ends")

    client.begin(pattern="message", at="2026-01-02T03:04:05Z", targets=[{"id": "a", "url": at.url("/a")}])
    dropped = client.begin(pattern="message", check=at.url("/check"), targets=[{"id": "a", "url": at.url("/a")}])
    client.call("abort", 200, tid=dropped["tid"], wait_ms=10, wait_for="decision", timeline=1)


def voted(client: Client, at: Participants) -> None:
    for pattern, ops in (("tcc", ("try", "confirm", "cancel")), ("two_phase", ("prepare", "commit", "rollback"))):
        first, forth, back = ops
        urls = {op: at.url(f"/{op}", (200, {"ok": op})) for op in ops}
        driven = client.begin(pattern=pattern, **COMMON, on_commit=[{"id": "f", "url": at.url("/f")}], on_abort=[],
                              branches=[{"id": "a", **urls, "input": {"n": 1}, "retry": RETRY,
                                         "attempt_timeout_ms": 2000}])
        expect(client.await_document(driven["gid"], ended, "the daemon drives it to its end"), outcome="committed")

        opened = client.begin(pattern=pattern, branches=[])
        gid = opened["gid"]
        branch = {"id": "a", forth: urls[forth], back: urls[back], "input": "x", "retry": RETRY,
                  "attempt_timeout_ms": 2000}
        client.call("enlist", 200, branch, gid=gid)
        client.call("enlist", 200, branch, tid=opened["tid"], timeline=1)
        client.call("report", 200, {"op": first, "outcome": "done"}, tid=opened["tid"], branch="a")
        if pattern == "two_phase":
            client.call("enlist", 200, {**branch, "id": "look"}, gid=gid)
            client.call("report", 200, {"op": first, "outcome": "done", "vote": "read-only"}, gid=gid, branch="look")
        expect(client.call("submit", 200, tid=opened["tid"], wait_ms=30_000), outcome="committed")

        turned = client.begin(pattern=pattern, branches=[])
        client.call("enlist", 200, branch, gid=turned["gid"])
        refusal = {"op": first, "outcome": "refused", "reason": "no money"}
        client.call("report", 200, refusal, gid=turned["gid"], branch="a")
        expect(client.await_document(turned["gid"], ended, "a refusal turns it back"), outcome="aborted")


def operators(client: Client, at: Participants) -> None:
    # A parked message: an incident, a stop, a retry, and at last evidence that goes against the decision.
    parked = client.begin(pattern="message", targets=[{"id": "mail", "url": at.url("/parks", (409, "box is full"))}])
    gid, tid = parked["gid"], parked["tid"]
    client.await_document(gid, lambda d: d.get("incident", {}).get("kind") == "refused", "the target is parked")
    client.await_true(lambda: [t["gid"] for t in client.call("incidents", 200)["transactions"]] == [gid],
                      "it is listed")
    client.call("retry", 200, {"reason": "box was emptied"}, tid=tid)
    client.await_document(gid, lambda d: d.get("incident", {}).get("kind") == "refused", "it is parked again")
    client.call("stop", 200, {"reason": "nobody is there"}, gid=gid)
    client.call("stop", 200, {"reason": "nobody is there"}, tid=tid)
    client.call("retry", 200, {"reason": "go on"}, gid=gid)
    client.await_document(gid, lambda d: d.get("incident", {}).get("kind") == "refused", "it is parked once more")
    expect(client.call("resolve", 200, {"as": "skipped", "reason": "the customer was called"}, gid=gid, branch="mail"),
           heuristic="mixed")

    stuck = client.begin(pattern="message", targets=[{"id": "mail", "url": at.url("/parks")}])
    client.await_document(stuck["gid"], lambda d: "incident" in d, "the second one is parked")
    client.call("resolve", 200, {"as": "done", "reason": "sent by hand", "result": {"n": 1}}, tid=stuck["tid"], branch="mail")


def destinations(client: Client, at: Participants) -> None:
    # One that is paused while somebody waits for it, and one that nobody serves.
    place = at.url("")
    client.call("pause", 200, {"reason": "it moves"}, destination=place)
    held = client.begin(pattern="message", targets=[{"id": "mail", "url": at.url("/mail")}])
    gone = client.begin(pattern="message", retry=QUICK, targets=[{"id": "mail", "url": "http://127.0.0.1:1/mail"}])

    def known(name: str) -> dict[str, Any]:
        page = client.call("destinations", 200, limit=1000)
        return next((d for d in page["destinations"] if d["name"] == name), {})

    client.await_true(lambda: known(place).get("waiting") == 1, "a call waits for the one that is paused")
    client.await_true(lambda: "probe_at" in known("http://127.0.0.1:1"), "the breaker of the other one opens")
    client.call("resume", 200, {"reason": "it has moved"}, destination=place)
    expect(client.await_document(held["gid"], ended, "it goes on"), outcome="committed")
    client.call("stop", 200, {"reason": "nobody is there"}, gid=gone["gid"])
    if client.call("nodes", 200)["shards_owned"] < 1:
        raise Broken("the only daemon owns nothing")
    if "it has moved" not in client.call("audit", 200, **{"from": 1}, limit=1000):
        raise Broken("the audit does not say why")


def lists(client: Client) -> None:
    page = client.call("list", 200, limit=1)
    if "next_cursor" not in page:
        raise Broken(f"a page of one says nothing about the next: {page}")
    client.call("list", 200, limit=1, cursor=page["next_cursor"])
    some = client.call("list", 200, pattern="saga", outcome="committed", phase="ended", incident="false",
                       label="shop=north", since="2020-01-01T00:00:00Z", until="2100-01-01T00:00:00Z", limit=10)
    if [t["pattern"] for t in some["transactions"]] != ["saga"]:
        raise Broken(f"one committed saga has that label: {some}")
    client.call("list", 200, outcome="aborted")
    for name, value in (("pattern", "tcc"), ("outcome", "running"), ("phase", "following"), ("incident", "true"),
                        ("label", "shop"), ("since", "2100-01-01T00:00:00Z"), ("until", "2020-01-01T00:00:00Z"),
                        ("limit", 5), ("cursor", page["next_cursor"])):
        client.call("incidents", 200, **{name: value})


def the_rest(client: Client) -> None:
    if len(set(client.call("gids", 200, count=3)["gids"])) != 3:
        raise Broken("three fresh gids are not three")
    client.call("gids", 200)
    for name in ("healthz", "readyz", "metrics"):
        client.call(name, 200)
