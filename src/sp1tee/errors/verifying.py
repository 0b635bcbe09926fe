"""Evidence, policies and answers that an auditor's command cannot work with."""

from sp1tee.errors.base import Sp1teeError


class VerifyError(Sp1teeError):
    """Something could not be evaluated.

    Inside a check such an error becomes the check's result, `unevaluable` with this code; it ends
    a command only where there is nothing left to report on.
    """

    code = "SP1TEE-V000"
    exit_code = 3


class EvidenceMissing(VerifyError):  # noqa: N818 - it names what is missing
    """A piece of evidence is not there."""

    code = "SP1TEE-V001"
    default_advice = (
        "Fetch the evidence again; what is still missing only its operator can provide."
    )


class EvidenceMalformed(VerifyError):  # noqa: N818 - it names what is malformed
    """A piece of evidence is not what it should be."""

    code = "SP1TEE-V002"
    default_advice = "Fetch it again; if it stays like this, only whoever made it can mend it."


class EvidenceTooLarge(VerifyError):  # noqa: N818 - it names what is too large
    """A piece of evidence is larger than anything genuine."""

    code = "SP1TEE-V003"
    default_advice = "Nothing genuine is this large: ask its operator what it is."


class BundleError(VerifyError):
    """A bundle of evidence is incomplete, altered, or none."""

    code = "SP1TEE-V004"
    default_advice = "Collect it again with `sp1tee evidence fetch`."


class FetchError(VerifyError):
    """Evidence could not be fetched."""

    code = "SP1TEE-V005"


class PolicyError(VerifyError):
    """A policy cannot be read, or asks for something that there is not."""

    code = "SP1TEE-V006"
    exit_code = 2
    default_advice = "`sp1tee policy check FILE` says what is wrong where."


class EvidenceFileError(VerifyError):
    """A file named on the command line cannot be read."""

    code = "SP1TEE-V007"
    exit_code = 2
