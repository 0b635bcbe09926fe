"""Books that were cooked: whatever is planted in them is found, and nothing where nothing is."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from chaos.books import Books, Change, Row, violations
from chaos.ledger import Asked, Told

ONE, TWO, THREE = "01" * 32, "02" * 32, "03" * 32

PROVED = Asked(1, 1001, ONE, Told.PROVED, proof="aa")
FAILED = Asked(2, 1002, TWO, Told.FAILED, reason="The program does not run to its end.")
REFUSED = Asked(3, 1003, None, Told.REFUSED, reason="RESOURCE_EXHAUSTED: too many")

ROW_ONE = Row("req_1", ONE, "settled", stdin="artifact_1", proof="proof_1", finished=1)
ROW_TWO = Row("req_2", TWO, "failed", text="It exited with code 1.", stdin="artifact_2")

SOUND = Books(
    asked=[PROVED, FAILED, REFUSED],
    kept=[ROW_ONE, ROW_TWO],
    network=[
        Change("requested", ONE),
        Change("requested", TWO),
        Change("fulfilled", ONE, "aa"),
        Change("failed", TWO),
    ],
    blobs={"proof_1": "a proof in its retention", "program_1": "a program"},
    files=frozenset({"proof_1", "program_1"}),
    handed_in=["req_1"],
    exits={"server": [0, 0], "mock-1": [0]},
)
ALONE = replace(SOUND, network=None)

Cook = Callable[[Books], Books]


def network(*changes: Change) -> Cook:
    return lambda books: replace(books, network=[*(books.network or ()), *changes])


def row_one(**changed: object) -> Cook:
    return lambda books: replace(books, kept=[replace(ROW_ONE, **changed), ROW_TWO])  # type: ignore[arg-type]


def asked_one(**changed: object) -> Cook:
    return lambda books: replace(books, asked=[replace(PROVED, **changed), FAILED])  # type: ignore[arg-type]


COOKED: dict[str, tuple[Cook, str]] = {
    "settled twice at the network": (
        network(Change("fulfilled", ONE, "aa")),
        f"the network settled {ONE} 2 times",
    ),
    "finished twice here": (row_one(finished=2), "req_1 was finished by 2 leases"),
    "settled without a proof": (row_one(finished=0), "req_1 is settled after 0 finished leases"),
    "a request without its network's end": (
        lambda books: replace(
            books, kept=[*books.kept, Row("req_3", THREE, "settled", finished=1)]
        ),
        "req_3 is settled, settled at the network: False",
    ),
    "two requests of one input": (
        lambda books: replace(books, kept=[*books.kept, replace(ROW_ONE, key="req_3")]),
        "2 requests were made of one input, artifact_1",
    ),
    "a lost request": (
        lambda books: replace(books, kept=[ROW_TWO]),
        "request 1 (010101010101) is 0 times in the store",
    ),
    "a request that the server does not know": (asked_one(told=Told.UNKNOWN), "unknown"),
    "a request that nobody was told the end of": (asked_one(told=Told.OVERDUE), "overdue"),
    "a request that never ended": (row_one(state="leased"), "req_1 is still leased"),
    "a requester who was told of a failure that is none": (
        asked_one(told=Told.FAILED, reason="no", proof=None),
        "was told to have failed, and the store says settled",
    ),
    "a requester who was told of a proof that is none": (
        row_one(state="failed", text="no"),
        "was told to be proved, and the store says failed",
    ),
    "a failure without a reason": (row_one(state="expired"), "req_1 expired without a reason"),
    "a failure told without a reason": (
        lambda books: replace(books, asked=[PROVED, replace(FAILED, reason="")]),
        "failed without a reason",
    ),
    "a proof that does not hold": (asked_one(wrong="another program"), "another program"),
    "another proof than the settled one": (asked_one(proof="bb"), "got another proof"),
    "a proof that never reached the network": (
        lambda books: replace(
            books, network=[c for c in books.network or () if c.kind != "fulfilled"]
        ),
        "the proof of req_1 never reached the network",
    ),
    "a request at the network that nobody works on": (
        network(Change("requested", THREE)),
        f"the network has {THREE}, which the store never learnt of",
    ),
    "a proof that was taken and lost": (
        lambda books: replace(books, handed_in=["req_1", "req_2"]),
        "the proof of req_2 was taken from its worker, and lost",
    ),
    "a blob that nothing needs": (
        lambda books: replace(
            books, blobs={**books.blobs, "stdin_2": ""}, files=books.files | {"stdin_2"}
        ),
        "the key of stdin_2 is kept, and nothing needs it",
    ),
    "a file without a key": (
        lambda books: replace(books, files=books.files | {"stdin_9"}),
        "the file stdin_9 is left behind, without a key",
    ),
    "a key without its file": (
        lambda books: replace(books, files=frozenset({"program_1"})),
        "the file of proof_1 is gone, and its key is kept",
    ),
    "a process that did not end as it should": (
        lambda books: replace(books, exits={"server": [0, -9]}),
        "server ended with 0, -9",
    ),
    "a traceback": (
        lambda books: replace(books, complaints=["server.log: Traceback (most recent call last)"]),
        "Traceback",
    ),
    "an input in clear": (
        lambda books: replace(books, leaks=["server/sp1tee.db"]),
        "an input stands in clear in server/sp1tee.db",
    ),
}


@pytest.mark.parametrize("books", [SOUND, ALONE], ids=["upstream", "stand-alone"])
def test_sound_books_show_nothing(books: Books) -> None:
    assert violations(books) == ()


@pytest.mark.parametrize("name", COOKED)
def test_cooked_books_show_what_was_done_to_them(name: str) -> None:
    cook, shown = COOKED[name]
    assert any(shown in wrong for wrong in violations(cook(SOUND)))


def test_a_settled_proof_that_is_not_kept_is_lost_where_there_is_no_network() -> None:
    lost = replace(ALONE, blobs={"program_1": "a program"}, files=frozenset({"program_1"}))
    assert violations(lost) == ("the proof of req_1 is settled, and not in the vault",)


def test_a_proof_that_came_too_late_for_the_network_is_not_lost() -> None:
    row = Row("req_3", THREE, "expired", "The network ended it.", "artifact_3", None, finished=1)
    late = Asked(4, 1004, THREE, Told.FAILED, reason="It expired.")
    books = replace(
        network(Change("requested", THREE), Change("expired", THREE))(SOUND),
        asked=[*SOUND.asked, late],
        kept=[*SOUND.kept, row],
        handed_in=["req_1", "req_3"],
    )
    assert violations(books) == ()


def test_a_proof_that_was_taken_settles_where_there_is_no_network_to_refuse_it() -> None:
    row = replace(ROW_ONE, state="expired", text="The deadline passed.", proof=None)
    told = replace(PROVED, told=Told.FAILED, reason="The deadline passed.", proof=None)
    proved = Asked(4, 1004, THREE, Told.PROVED, proof="cc")
    kept = [row, ROW_TWO, Row("req_4", THREE, "settled", proof="proof_1", finished=1)]
    books = replace(ALONE, asked=[told, FAILED, proved], kept=kept)
    assert violations(books) == ("the proof of req_1 was taken from its worker, and it is expired",)


def test_a_request_whose_id_never_came_back_ends_at_the_network_by_itself() -> None:
    forgotten = network(Change("requested", THREE), Change("expired", THREE))(SOUND)
    assert violations(forgotten) == ()


def test_a_run_in_which_nothing_was_proved_shows_nothing_and_says_so() -> None:
    empty = Books(asked=[REFUSED], kept=[], network=None)
    assert violations(empty) == ("not one request was proved: this run shows nothing",)
