"""Evidence of real machines, from quote to configuration, for a time within its window and outside."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.people import sp1tee

pytestmark = pytest.mark.e2e
DATA = Path(__file__).parents[1] / "data/attestation"


@dataclass(frozen=True)
class Chain:
    """A set with everything: its window is [first, last] of Unix seconds that its collateral covers."""

    name: str
    first: int
    last: int
    log: str | None = "tcb_info.json"
    extra: tuple[str, ...] = ("--allow-event", "mpc-image-digest")

    def flags(self) -> list[str]:
        folder = DATA / self.name
        log = [] if self.log is None else ["--event-log", str(folder / self.log)]
        return [
            "--quote", str(folder / "quote.json"), *log,
            "--app-compose", str(folder / "app_compose.raw.json"),
            "--collateral", str(folder / "collateral.json"),
        ]  # fmt: skip


CHAINS = [
    Chain("dstack-near-mpc-2026-08", 1786617938, 1789171030),
    Chain("dstack-near-mpc-2025-10", 1755605090, 1758194013),
    Chain("dstack-phala-prod8-2025-10", 1756798919, 1759388630, None, ()),
]
EACH = pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: chain.name)


def run(*arguments: str) -> tuple[int, dict[str, Any]]:
    done = sp1tee(*arguments, "--offline", "--format", "json")
    return done.returncode, json.loads(done.stdout)


def spoilt(report: dict[str, Any]) -> set[str]:
    return {
        check["id"]
        for check in report["checks"]
        if check["status"] in {"fail", "refused", "unevaluable"}
    }


@EACH
def test_a_real_chain_verifies_in_its_window(chain: Chain) -> None:
    for at in (chain.first, (chain.first + chain.last) // 2, chain.last):
        code, report = run("verify", "rtmr3", *chain.flags(), *chain.extra, "--at", str(at))
        assert (code, spoilt(report)) == (0, set())
    assert report["facts"]["rtmr3.compose_hash"]["basis"] == "attested"
    assert {"quote.signature", "rtmr3.replay", "rtmr3.app-compose"} <= {
        check["id"] for check in report["checks"] if check["status"] == "pass"
    }


@EACH
def test_a_real_chain_fails_a_second_outside_of_it(chain: Chain) -> None:
    for at in (chain.first - 1, chain.last + 1):
        code, report = run("verify", "rtmr3", *chain.flags(), *chain.extra, "--at", str(at))
        assert code == 1
        assert spoilt(report) & {
            "quote.collateral-expired",
            "quote.collateral-future",
            "quote.revoked",
            "quote.chain",
        }


@EACH
def test_its_quote_alone_verifies_too(chain: Chain) -> None:
    flags = chain.flags()
    code, report = run("verify", "quote", flags[1], *flags[-2:], "--at", str(chain.last))
    assert (code, report["verdict"]) == (0, "pass")
    assert report["facts"]["quote.tcb_status"]["value"] == "UpToDate"


@EACH
def test_another_application_is_not_this_one(chain: Chain) -> None:
    code, report = run(
        "verify",
        "rtmr3",
        *chain.flags(),
        *chain.extra,
        "--at",
        str(chain.last),
        "--app-id",
        "9b78cf840e16a8274e00474cdac4afdabc5eeb93",
    )
    assert (code, spoilt(report)) == (1, {"rtmr3.app-id"})


@pytest.mark.parametrize("chain", CHAINS[:2], ids=lambda chain: chain.name)
def test_what_a_container_measured_is_refused_unless_it_is_allowed(chain: Chain) -> None:
    code, report = run("verify", "rtmr3", *chain.flags(), "--at", str(chain.last))
    assert (code, spoilt(report)) == (4, {"rtmr3.extra-events"})
