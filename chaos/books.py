"""The books of an epoch, compared with each other: what was lost, doubled or left behind.

Three of them were kept apart while it went on: the load generator's ledger, the network's, and the
server's store. Pure: `evidence` reads them from where they are, tests make them up.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from chaos.ledger import Asked, Told

_PROVED: Final = "settled"
_WITHOUT_PROOF: Final = frozenset({"failed", "expired"})
_ENDED_BY_THE_NETWORK: Final = frozenset({"expired", "cancelled", "failed"})


@dataclass(frozen=True, slots=True)
class Row:
    """A request in the server's store.

    Attributes:
        key: the server's own name for it.
        request_id: the network's, hex digits; None if it never got one.
        state: how it ended.
        text: why, if it did without a proof.
        stdin: its input's upload place.
        proof: the proof's blob, if it is kept.
        finished: how many leases of it ended with a proof.
    """

    key: str
    request_id: str | None
    state: str
    text: str = ""
    stdin: str = ""
    proof: str | None = None
    finished: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """An entry of the network's ledger that is about a request."""

    kind: str
    request_id: str
    proof: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """Everything that is compared.

    Attributes:
        asked: the load generator's ledger.
        kept: the store's requests.
        network: the network's ledger; None in a stand-alone epoch.
        blobs: what the store holds a key for: the blob, and what it is needed for; empty if
            nothing needs it.
        files: names of the vault's files, those that were being written among them.
        handed_in: keys of requests whose proof a worker handed in and heard that it was taken.
        exits: how processes ended on SIGTERM, and which ended by themselves.
        complaints: lines in logs that no fault explains.
        leaks: where an input was found in clear.
    """

    asked: Sequence[Asked]
    kept: Sequence[Row]
    network: Sequence[Change] | None
    blobs: Mapping[str, str] = field(default_factory=dict)
    files: frozenset[str] = frozenset()
    handed_in: Sequence[str] = ()
    exits: Mapping[str, Sequence[int]] = field(default_factory=dict)
    complaints: Sequence[str] = ()
    leaks: Sequence[str] = ()


def violations(books: Books) -> tuple[str, ...]:
    """Say what is wrong; nothing if every book tells the same and nothing was lost."""
    return tuple(wrong for rule in _RULES for wrong in rule(books))


def _every_accepted_request_ended_once(books: Books) -> Iterator[str]:
    rows = Counter(row.request_id for row in books.kept if row.request_id is not None)
    for asked in books.asked:
        if asked.request_id is None:
            continue
        if rows[asked.request_id] != 1:
            yield f"{_name(asked)} is {rows[asked.request_id]} times in the store"
        if asked.told in (Told.OPEN, Told.UNKNOWN, Told.OVERDUE):
            yield f"{_name(asked)} was accepted, and then: {asked.told} {asked.reason}".rstrip()


def _nothing_is_open(books: Books) -> Iterator[str]:
    for row in books.kept:
        if row.state not in {_PROVED, *_WITHOUT_PROOF}:
            yield f"{row.key} is still {row.state}"


def _requesters_were_told_the_truth(books: Books) -> Iterator[str]:
    states = {row.request_id: row.state for row in books.kept}
    for asked in books.asked:
        state = states.get(asked.request_id) if asked.request_id else None
        if asked.told is Told.PROVED and state != _PROVED:
            yield f"{_name(asked)} was told to be proved, and the store says {state}"
        if asked.told is Told.FAILED and state == _PROVED:
            yield f"{_name(asked)} was told to have failed, and the store says {state}"


def _failures_have_reasons(books: Books) -> Iterator[str]:
    for asked in books.asked:
        if asked.told in (Told.FAILED, Told.REFUSED) and not asked.reason:
            yield f"{_name(asked)} {asked.told} without a reason"
    for row in books.kept:
        if row.state in _WITHOUT_PROOF and not row.text:
            yield f"{row.key} {row.state} without a reason"


def _proofs_hold(books: Books) -> Iterator[str]:
    for asked in books.asked:
        if asked.told is Told.PROVED and (asked.wrong or not asked.proof):
            yield f"{_name(asked)} got a proof that does not hold: {asked.wrong or 'none'}"


def _nothing_is_settled_twice(books: Books) -> Iterator[str]:
    for row in books.kept:
        if row.finished > 1:
            yield f"{row.key} was finished by {row.finished} leases"
        if row.state == _PROVED and row.finished == 0:
            yield f"{row.key} is {row.state} after {row.finished} finished leases"
    for stdin, count in Counter(row.stdin for row in books.kept if row.stdin).items():
        if count > 1:
            yield f"{count} requests were made of one input, {stdin}"
    for request_id, count in Counter(_fulfilled(books)).items():
        if count > 1:
            yield f"the network settled {request_id} {count} times"


def _network_and_store_agree(books: Books) -> Iterator[str]:
    if books.network is None:
        return
    fulfilled = set(_fulfilled(books))
    ended = {c.request_id for c in books.network if c.kind in _ENDED_BY_THE_NETWORK}
    for row in books.kept:
        at_network = row.request_id in fulfilled
        if at_network != (row.state == _PROVED):
            yield f"{row.key} is {row.state}, settled at the network: {at_network}"
        if row.finished and not at_network and row.request_id not in ended:
            yield f"the proof of {row.key} never reached the network"
    # One whose id never came back to anybody ends at its deadline.
    known = ended | {row.request_id for row in books.kept}
    for change in books.network:
        if change.kind == "requested" and change.request_id not in known:
            yield f"the network has {change.request_id}, which the store never learnt of"


def _proofs_are_the_settled_ones(books: Books) -> Iterator[str]:
    settled = {c.request_id: c.proof for c in books.network or () if c.kind == "fulfilled"}
    for asked in books.asked:
        known = settled.get(asked.request_id or "")
        if asked.proof and known and asked.proof != known:
            yield f"{_name(asked)} got another proof than the one that was settled"


def _no_proof_is_lost(books: Books) -> Iterator[str]:
    rows = {row.key: row for row in books.kept}
    for key in set(books.handed_in):
        row = rows.get(key)
        if row is None or row.finished == 0:
            yield f"the proof of {key} was taken from its worker, and lost"
    for row in books.kept:
        if books.network is None and row.finished and row.state != _PROVED:
            yield f"the proof of {row.key} was taken from its worker, and it is {row.state}"
        if books.network is None and row.state == _PROVED and row.proof not in books.blobs:
            yield f"the proof of {row.key} is settled, and not in the vault"


def _no_blob_is_left(books: Books) -> Iterator[str]:
    for blob, needed_for in books.blobs.items():
        if not needed_for:
            yield f"the key of {blob} is kept, and nothing needs it"
        if blob not in books.files:
            yield f"the file of {blob} is gone, and its key is kept"
    for name in books.files - books.blobs.keys():
        yield f"the file {name} is left behind, without a key"


def _processes_ended_well(books: Books) -> Iterator[str]:
    for name, codes in books.exits.items():
        if any(codes):
            yield f"{name} ended with {', '.join(map(str, codes))}"


def _logs_are_quiet(books: Books) -> Iterator[str]:
    yield from books.complaints
    for leak in books.leaks:
        yield f"an input stands in clear in {leak}"


def _something_was_proved(books: Books) -> Iterator[str]:
    if not any(asked.told is Told.PROVED for asked in books.asked):
        yield "not one request was proved: this run shows nothing"


def _fulfilled(books: Books) -> Iterator[str]:
    return (c.request_id for c in books.network or () if c.kind == "fulfilled")


def _name(asked: Asked) -> str:
    return f"request {asked.number} ({(asked.request_id or '-')[:12]})"


_RULES: Final = (
    _every_accepted_request_ended_once,
    _nothing_is_open,
    _requesters_were_told_the_truth,
    _failures_have_reasons,
    _proofs_hold,
    _nothing_is_settled_twice,
    _network_and_store_agree,
    _proofs_are_the_settled_ones,
    _no_proof_is_lost,
    _no_blob_is_left,
    _processes_ended_well,
    _logs_are_quiet,
    _something_was_proved,
)
