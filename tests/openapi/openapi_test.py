#!/usr/bin/env python3
"""docs/openapi.yaml is true: every operation, answer, error, field and parameter of it is met in a running daemon, and
what the daemon has, it has. Usage: openapi_test.py SETTLED SOURCE_DIR"""

import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
try:
    import jsonschema  # noqa: F401
    import yaml  # noqa: F401
except ImportError as lost:
    sys.exit(f"this test needs {lost.name}: apt-get install python3-yaml python3-jsonschema")

import drift  # noqa: E402
import trouble  # noqa: E402
import walk  # noqa: E402
from client import Client  # noqa: E402
from contract import Broken, Contract  # noqa: E402
from daemon import Daemon, Participants, Postgres  # noqa: E402

# Properties that no request can be sure to bring about, with the reason.
RARE = {
    ("Document", "provisional"): "for the few milliseconds in which a branch is ahead of the disk",
}
RARE_SCHEMAS = {"Damaged": "a record whose bytes are broken"}


def unmet(contract: Contract) -> list[str]:
    lost = [f"nothing was answered with {answer}" for answer in contract.declared_answers() - contract.seen.answers]
    for owner, name in contract.declared_properties() - contract.seen.properties - set(RARE):
        if owner not in RARE_SCHEMAS:
            lost.append(f"no request and no answer had {owner}.{name}")
    return sorted(lost)


def exchanges(contract: Contract, binary: Path, folder: Path, source: Path) -> None:
    participants = Participants()
    running: list = [participants]
    try:
        def start(name: str, *arguments: str, **more) -> Client:
            running.append(Daemon(binary, folder / name, more.get("store"), *arguments))
            return Client(contract, running[-1].await_ready())

        client = start("plain")
        drift.routes(contract, client, source)
        drift.fields(client, participants)
        drift.examples(client, participants, source)
        walk.everything(client, participants)
        trouble.bad_requests(client, participants)
        trouble.no_http(client)
        trouble.full(start("full", "--limits.open=1", "--workers=1"), participants)
        trouble.nearly_full(start("nearly-full", "--limits.store-reserve=99", "--workers=1"), participants)
        trouble.unaudited(start("unaudited", f"--audit.file={folder}", "--workers=1"))
        trouble.too_many_pauses(start("pauses", "--store=memory:", "--workers=1"))
        postgres = Postgres(folder / "postgres")
        running.append(postgres)
        shared = ("--lease=30s", "--workers=1", "--shards=8")
        first = start("first", "--node=first", *shared, store=postgres.url())
        second = start("second", "--node=second", *shared, store=postgres.url())
        trouble.bereft(first, second.daemon, postgres, participants)
    finally:
        for one in reversed(running):
            one.stop()


def main() -> int:
    binary, source = Path(sys.argv[1]), Path(sys.argv[2])
    contract = Contract(source / "docs/openapi.yaml")
    wrong = drift.errors(contract, source)
    with tempfile.TemporaryDirectory(prefix="settle-openapi-") as folder:
        Path(folder).chmod(0o755)  # the user of PostgreSQL passes through
        try:
            exchanges(contract, binary, Path(folder), source)
            wrong += unmet(contract)
        except Broken as broken:
            wrong.append(str(broken))
        except (OSError, RuntimeError) as lost:
            wrong.append(f"a process that this test needs is lost: {lost!r}")
    for line in wrong:
        print(line)
    print(f"{len(contract.operations)} operations, {len(contract.seen.answers)} kinds of answers, "
          f"{len(contract.seen.properties)} properties met; {len(wrong)} faults")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
