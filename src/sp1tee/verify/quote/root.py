"""A root certificate to use instead of Intel's."""

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from sp1tee.errors import EvidenceMalformed


def read_root(data: bytes) -> bytes:
    """Read one certificate in PEM or DER; returns its DER.

    Raises:
        EvidenceMalformed: it is neither, or more than one.
    """
    pem = data.lstrip().startswith(b"-----BEGIN")
    if pem and data.count(b"-----BEGIN") > 1:
        raise EvidenceMalformed("The root's file holds more than one certificate.")
    try:
        read = x509.load_pem_x509_certificate(data) if pem else x509.load_der_x509_certificate(data)
    except (ValueError, x509.InvalidVersion):
        raise EvidenceMalformed("The root is no certificate, neither in PEM nor in DER.") from None
    return read.public_bytes(Encoding.DER)
