"""What the synthetic Intel signs is accepted by dcap-qvl, and every switch gives its error."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography import x509
from dcap_qvl import (
    QuoteCollateralV3,
    VerifiedReport,
    parse_pck_extension_from_pem,
    parse_quote,
    verify,
    verify_with_root_ca,
)

from sp1tee.sim.pki import (
    DAY,
    DEBUG,
    MIGRATABLE,
    PCK,
    PCK_CA,
    PERFMON,
    ROOT,
    SEPT_VE_DISABLE,
    SGX,
    STRANGER,
    TCB_SIGNER,
    TDX_1_5,
    EnclaveReport,
    Intel,
    Machine,
    Making,
    Offer,
    SvnLevel,
    TcbLevel,
    TdReport,
    attributes,
)

AT = 1_790_000_000
INTEL = Intel()
HEALTHY = Offer(at=AT)


def judge(
    quote: bytes, collateral: bytes = b"", *, at: int = AT, root: bytes = INTEL.root_der
) -> VerifiedReport:
    text = (collateral or INTEL.collateral(HEALTHY)).decode()
    return verify_with_root_ca(quote, QuoteCollateralV3.from_json(text), root, at)


@pytest.mark.parametrize("version", [4, 5])
def test_a_quote_with_nothing_said_is_up_to_date(version: int) -> None:
    report = judge(INTEL.quote(TdReport(), Making(version=version)))
    assert (report.status, report.advisory_ids) == ("UpToDate", [])
    assert report.ppid == INTEL.machine.ppid


def test_an_sgx_quote_verifies_as_well() -> None:
    quote = INTEL.quote(EnclaveReport(), Making(version=SGX, qe=EnclaveReport(product=1)))
    assert judge(quote, INTEL.collateral(Offer(at=AT, sgx=True))).status == "UpToDate"
    assert parse_quote(quote).is_sgx()


def test_the_report_is_where_it_belongs() -> None:
    chosen = TdReport(rtmr3=b"\x33" * 48, mr_config_id=b"\x44" * 48, report_data=b"\x55" * 64)
    quote = INTEL.quote(chosen)
    assert (quote[520:568], quote[232:280], quote[568:632]) == (
        chosen.rtmr3,
        chosen.mr_config_id,
        chosen.report_data,
    )
    assert INTEL.quote(chosen, Making(version=TDX_1_5))[574:638] == chosen.report_data


def test_the_same_seed_gives_the_same_bytes_and_another_one_another_intel() -> None:
    twin, other = Intel(), Intel(seed=b"other")
    assert twin.quote(TdReport()) == INTEL.quote(TdReport())
    assert twin.collateral(HEALTHY) == INTEL.collateral(HEALTHY)
    assert other.root_der != INTEL.root_der


def test_no_certificate_says_that_it_is_intels() -> None:
    for certificate in (*INTEL.pck(INTEL.machine).chain, *INTEL.tcb_signer.chain):
        assert "Intel" not in certificate.subject.rfc4514_string()
        assert "proves nothing" in certificate.subject.rfc4514_string()


def test_the_shipped_root_refuses_it() -> None:
    collateral = QuoteCollateralV3.from_json(INTEL.collateral(HEALTHY).decode())
    with pytest.raises(ValueError, match="Failed to parse root CA CRL"):
        verify(INTEL.quote(TdReport()), collateral, AT)


def test_the_pck_certificate_says_what_the_machine_is() -> None:
    machine = Machine(
        name="other",
        ppid=bytes(range(16)),
        fmspc=bytes.fromhex("00806f050000"),
        cpu_svn=bytes(range(120, 136)),
        pce_svn=200,
        smt=False,
    )
    read = parse_pck_extension_from_pem(INTEL.pck(machine).pem.encode())
    assert (read.ppid, read.fmspc.hex(), read.cpu_svn, read.pce_svn, read.sgx_type) == (
        *(machine.ppid, machine.fmspc.hex(), machine.cpu_svn, 200, 1),
    )
    assert read.platform_instance_id == machine.instance_id


@pytest.mark.parametrize(
    ("report", "error"),
    [
        (TdReport(td_attributes=attributes(SEPT_VE_DISABLE, DEBUG)), "Debug mode is enabled"),
        (TdReport(td_attributes=attributes()), "SEPT_VE_DISABLE is not enabled"),
        (TdReport(td_attributes=attributes(SEPT_VE_DISABLE, MIGRATABLE)), "TD migration is"),
        (TdReport(mr_signer_seam=b"\1" * 48), "TDX module identity check"),
        (TdReport(seam_attributes=b"\1" + bytes(7)), "TDX module identity check"),
        (TdReport(tee_tcb_svn=bytes.fromhex("0501040000") + bytes(11)), "TDX module TCB level"),
        (TdReport(tee_tcb_svn=bytes.fromhex("0b09040000") + bytes(11)), "TDX_09"),
        (TdReport(tee_tcb_svn=bytes.fromhex("0b01000000") + bytes(11)), "No matching TCB level"),
    ],
)
def test_a_td_that_nobody_should_trust_is_refused(report: TdReport, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        judge(INTEL.quote(report))


def test_a_service_td_is_refused() -> None:
    quote = INTEL.quote(TdReport(mr_service_td=b"\1" * 48), Making(version=TDX_1_5))
    with pytest.raises(ValueError, match="Invalid MR service TD"):
        judge(quote)


def test_a_td_that_counts_performance_is_accepted() -> None:
    assert judge(INTEL.quote(TdReport(td_attributes=attributes(SEPT_VE_DISABLE, PERFMON)))).status


@pytest.mark.parametrize(
    ("how", "error"),
    [
        (Making(auth_data=bytes(31)), "Invalid QE auth data length"),
        (Making(qe_binds=b"another key"), "QE report hash mismatch"),
        (Making(vendor=bytes(16)), "vendor"),
        (Making(qe=EnclaveReport(svn=3)), "QE ISVSVN 3 is below minimum required 4"),
        (Making(qe=EnclaveReport(mr_signer=bytes(32))), "MRSIGNER"),
        (Making(qe=EnclaveReport(attributes=b"\x17" + bytes(7) + b"\xe7" + bytes(7))), "debug"),
        (Making(inner_size=99), "Certificate chain is too short"),
        (Making(inner_size=1 << 20), "Failed to decode quote"),
        (Making(inner_type=4), "Unsupported DCAP PCK cert format: 4"),
        (Making(version=TDX_1_5, body_type=9), "Failed to decode quote"),
    ],
)
def test_a_quote_that_was_made_wrongly_is_refused(how: Making, error: str) -> None:
    with pytest.raises(ValueError, match=f"(?i){error}"):
        judge(INTEL.quote(TdReport(), how))


def test_the_type_of_the_outer_certification_data_is_ignored_by_dcap_qvl() -> None:
    quote = INTEL.quote(TdReport(), Making(outer_type=5))
    assert quote[764:766] == b"\x05\x00"
    assert judge(quote).status == "UpToDate"


def test_whatever_follows_a_quote_is_ignored_by_dcap_qvl() -> None:
    assert judge(INTEL.quote(TdReport(), Making(tail=b"hash"))).status == "UpToDate"


def test_a_quote_that_was_written_over_is_a_forgery() -> None:
    quote = bytearray(INTEL.quote(TdReport()))
    quote[568:632] = b"\x99" * 64
    with pytest.raises(ValueError, match="ISV enclave report signature is invalid"):
        judge(bytes(quote))


@pytest.mark.parametrize(
    ("offer", "status"),
    [
        (Offer(at=AT, tcb_status="OutOfDate", advisories=("INTEL-SA-00960",)), "OutOfDate"),
        (Offer(at=AT, tcb_status="ConfigurationNeeded"), "ConfigurationNeeded"),
        (Offer(at=AT, qe_levels=(SvnLevel(svn=4, status="OutOfDate"),)), "OutOfDate"),
        (Offer(at=AT, modules={"TDX_01": (SvnLevel(svn=9, status="OutOfDate"),)}), "OutOfDate"),
        (
            Offer(at=AT, levels=(TcbLevel(pce_svn=12), TcbLevel(pce_svn=5, status="OutOfDate"))),
            "OutOfDate",
        ),
    ],
)
def test_collateral_decides_about_the_status(offer: Offer, status: str) -> None:
    report = judge(INTEL.quote(TdReport()), INTEL.collateral(offer))
    assert (report.status, report.advisory_ids) == (status, list(offer.advisories))


@pytest.mark.parametrize(
    ("offer", "error"),
    [
        (Offer(at=AT, tcb_status="Revoked"), "TCB status is invalid: Revoked"),
        (Offer(at=AT, levels=(TcbLevel(sgx=b"\x05" * 16),)), "No matching TCB level"),
        (Offer(at=AT, modules={}), "No TDX module identity with id TDX_01"),
        (Offer(at=AT, modules={"TDX_01": (SvnLevel(svn=12),)}), "TDX module TCB level check"),
        (Offer(at=AT, qe_levels=(SvnLevel(svn=7),)), "QE ISVSVN 6 is below minimum required 7"),
        (Offer(at=AT, qe_signer=bytes(32)), "MRSIGNER"),
        (Offer(at=AT, fmspc=bytes.fromhex("90c06f000000")), "Fmspc mismatch"),
        (Offer(at=AT, revoked=(PCK,)), "CertRevoked"),
        (Offer(at=AT, revoked=(PCK_CA,)), "CertRevoked"),
        (Offer(at=AT, revoked=(TCB_SIGNER,)), "CertRevoked"),
        (Offer(at=AT, root_crl_by=STRANGER), "InvalidCrlSignatureForPublicKey"),
        (Offer(at=AT, pck_crl_by=ROOT), "UnknownRevocationStatus"),
        (Offer(at=AT, pck_crl_by=STRANGER), "InvalidCrlSignatureForPublicKey"),
        (Offer(at=AT, tcb_by=STRANGER), "UnknownIssuer|InvalidSignatureForPublicKey"),
        (Offer(at=AT, issued=AT - 40 * DAY, crl_next_update=AT + DAY), "TCBInfo expired"),
        (Offer(at=AT, qe_next_update=AT - 1), "QE Identity expired"),
        (Offer(at=AT, crl_next_update=AT), "CrlExpired"),
        (Offer(at=AT, issued=AT + 1), "TCBInfo issue date is in the future"),
        (Offer(at=AT, sgx=True), "Unsupported QE Identity id/version"),
    ],
)
def test_collateral_that_rules_a_quote_out_does(offer: Offer, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        judge(INTEL.quote(TdReport()), INTEL.collateral(offer))


def test_a_machine_whose_certificate_has_run_out_is_refused() -> None:
    span = (datetime(2019, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(ValueError, match="CertExpired"):
        judge(INTEL.quote(TdReport(), machine=replace(INTEL.machine, valid=span)))


def test_collateral_with_another_machines_chain_fits_no_other_quote() -> None:
    other = Machine(name="other", ppid=bytes(16))
    mine, others = INTEL.quote(TdReport()), INTEL.quote(TdReport(), machine=other)
    bound = INTEL.collateral(HEALTHY, pck_chain=other)
    assert judge(others, bound).ppid == other.ppid
    with pytest.raises(ValueError, match="Signature is invalid for qe_report in quote"):
        judge(mine, bound)


def test_two_machines_may_differ_in_nothing_but_their_ppid() -> None:
    relabelled = replace(INTEL.machine, ppid=bytes(16))
    report = judge(INTEL.quote(TdReport()), INTEL.collateral(HEALTHY, pck_chain=relabelled))
    assert report.ppid == bytes(16)
    assert parse_quote(INTEL.quote(TdReport())).pck_extension().ppid == INTEL.machine.ppid


def test_json_that_was_written_anew_is_no_longer_signed() -> None:
    parts = INTEL.parts(HEALTHY)
    spaced = replace(parts, tcb_info=parts.tcb_info.replace(",", ", ")).to_json()
    with pytest.raises(ValueError, match="Signature is invalid for tcb_info"):
        judge(INTEL.quote(TdReport()), spaced)


def test_revocation_lists_have_what_verifiers_ask_for() -> None:
    parts = INTEL.parts(Offer(at=AT, revoked=(PCK,)))
    crl = x509.load_der_x509_crl(parts.pck_crl)
    assert crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == 1
    assert crl.get_revoked_certificate_by_serial_number(
        INTEL.pck(INTEL.machine).certificate.serial_number
    )
