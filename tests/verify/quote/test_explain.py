"""Which number is short, and what raises it."""

import dataclasses

from support.quotes import AT, REPORT, by_id, examined, judged, quoted

from sp1tee.sim.pki import EnclaveReport, Machine, Making, Offer, SvnLevel, TcbLevel


def told(offer: Offer, quote: bytes | None = None) -> list[str]:
    return [str(each) for each in examined(quote or quoted(), offer).shortfalls]


def module(svn: int, major: int = 1) -> bytes:
    return quoted(dataclasses.replace(REPORT, tee_tcb_svn=bytes([svn, major, 4]) + bytes(13)))


LEVELS = (SvnLevel(svn=11), SvnLevel(svn=6, status="OutOfDate", advisories=("INTEL-SA-01192",)))


def test_a_healthy_platform_lacks_nothing():
    assert told(Offer(at=AT)) == []


def test_an_old_tdx_module_is_named_with_what_it_needs():
    offer = Offer(at=AT, modules={"TDX_01": LEVELS})
    check = by_id(judged(examined(module(6), offer)))["quote.tcb-status"]
    assert check.actual == "OutOfDate"
    assert check.details[0] == (
        "TDX module ISVSVN is 6, UpToDate needs 11: a newer TDX module (SEAM loader) raises it."
    )
    assert "INTEL-SA-01192" in check.details[-1]


def test_a_module_is_compared_with_its_own_major_version():
    modules = {"TDX_03": (SvnLevel(svn=9),), "TDX_01": (SvnLevel(svn=5),)}
    assert told(Offer(at=AT, modules=modules), module(6)) == []


def test_a_module_without_levels_of_its_own_is_compared_as_a_component():
    levels = (TcbLevel(tdx=bytes([9]) + bytes(15)), TcbLevel(status="OutOfDate"))
    (line,) = told(Offer(at=AT, levels=levels), module(6, major=0))
    assert line.startswith("TDX SVN component 1 is 6, UpToDate needs 9")


def test_a_short_component_of_the_platform_is_numbered():
    better = bytearray(TcbLevel().sgx)
    better[7] = 6
    levels = (TcbLevel(sgx=bytes(better)), TcbLevel(status="OutOfDate"))
    (line,) = told(Offer(at=AT, levels=levels))
    assert line.startswith("CPU SVN component 8 is 5, UpToDate needs 6")
    assert line.endswith("the host must fetch a new PCK certificate")


def test_an_old_provisioning_enclave_is_named():
    levels = (TcbLevel(pce_svn=13), TcbLevel(pce_svn=5, status="OutOfDate"))
    (line,) = told(Offer(at=AT, levels=levels))
    assert line.startswith("PCE SVN is 11, UpToDate needs 13: a newer provisioning enclave")


def test_an_old_quoting_enclave_is_named():
    offer = Offer(at=AT, qe_levels=(SvnLevel(svn=8), SvnLevel(svn=4, status="OutOfDate")))
    assert told(offer) == [
        (
            "Quoting enclave ISVSVN is 6, UpToDate needs 8: newer quote generation software (DCAP) "
            "on the host raises it"
        )
    ]
    assert told(offer, quoted(how=Making(qe=EnclaveReport(svn=8)))) == []


def test_a_platform_at_the_best_level_there_is_lacks_nothing_but_configuration():
    offer = Offer(at=AT, tcb_status="ConfigurationNeeded")
    check = by_id(judged(examined(quoted(), offer)))["quote.tcb-status"]
    assert check.details == ("The host's firmware must be configured otherwise, e.g. without SMT.",)


def test_nothing_is_explained_by_statements_that_are_not_signed():
    altered = examined(quoted(), Offer(at=AT, levels=(TcbLevel(pce_svn=99),), tcb_by="stranger"))
    assert altered.shortfalls == ()
    old = quoted(machine=Machine(pce_svn=1))
    assert examined(old, Offer(at=AT, revoked=("pck",))).shortfalls == ()
