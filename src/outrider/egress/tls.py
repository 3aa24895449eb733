"""The one TLS context of the process; building it costs milliseconds, so it is shared."""

from __future__ import annotations

import ssl

from outrider.domain.errors import ConfigError

_REASONS = {
    10: "the certificate has expired",
    9: "the certificate is not valid yet",
    18: "the certificate is self-signed",
    19: "the chain ends in a self-signed certificate that is not trusted",
    20: "the certificate's issuer is not trusted",
    21: "the certificate's issuer is not trusted",
    62: "the certificate is for another host name",
    64: "the certificate is for another address",
}  # X509_V_ERR_* of OpenSSL's x509_vfy.h


def make_tls_context(ca_file: str | None) -> ssl.SSLContext:
    """TLS 1.2 or newer, verified against the system's CAs and the certificates in `ca_file`. Raises ConfigError.

    What verifies is the same on every Python (3.13 changed the default): any certificate the operator names is
    trusted as it is, be it an intermediate or a receiver's own; private CAs need not have every extension of
    RFC 5280 (VERIFY_X509_STRICT is off); a host is named by subjectAltName alone (RFC 9525, section 2).
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags = ssl.VerifyFlags.VERIFY_X509_TRUSTED_FIRST | ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    context.hostname_checks_common_name = False
    context.options |= ssl.OP_NO_RENEGOTIATION  # a peer could ask for it again and again, at our processor's cost
    context.set_alpn_protocols(["http/1.1"])
    if ca_file:
        try:
            context.load_verify_locations(cafile=ca_file)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError("OUTRIDER_EGRESS_CA_FILE", "a readable PEM file", type(error).__name__) from error
    return context


def certificate_fault(error: ssl.SSLCertVerificationError) -> str:
    """One sentence for a person, by OpenSSL's verification code."""
    return _REASONS.get(error.verify_code, f"the certificate does not verify (code {error.verify_code})")
