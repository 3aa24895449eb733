"""From exceptions to what an attempt reports, by type, errno and verify code, never by message text."""

from __future__ import annotations

import errno
import socket
import ssl
from typing import NamedTuple

from outrider.ports.sender import FailureKind


class Fault(NamedTuple):
    """Why there is no answer; `detail` is one sentence without addresses, secrets or body bytes."""

    kind: FailureKind
    detail: str


class DialFailed(Exception):
    """No connection to send on."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.detail)
        self.fault = fault


_UNKNOWN_NAME = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}
_NO_DESCRIPTOR = {errno.EMFILE, errno.ENFILE}
_CONNECT = {
    errno.ECONNREFUSED: "The receiver refused the TCP connection.",
    errno.ECONNRESET: "The receiver reset the TCP connection while it was being made.",
    errno.ETIMEDOUT: "The receiver did not answer the TCP connection.",
    errno.EHOSTUNREACH: "There is no route to the receiver.",
    errno.ENETUNREACH: "There is no route to the receiver's network.",
    errno.EACCES: "A local firewall forbids the connection.",
    errno.EPERM: "A local firewall forbids the connection.",
}
_CERTIFICATE = {  # X509_V_ERR_… of OpenSSL's x509_vfy.h
    9: "The receiver's certificate is not valid yet.",
    10: "The receiver's certificate has expired.",
    18: "The receiver's certificate is self-signed.",
    19: "The receiver's certificate chain ends in a self-signed certificate that is not trusted.",
    20: "The receiver's certificate was issued by an unknown authority, or an intermediate is missing.",
    21: "The receiver sent no intermediate certificates and its issuer is unknown.",
    23: "The receiver's certificate has been revoked.",
    26: "The receiver's certificate is not meant for servers.",
    62: "The receiver's certificate is for another host name.",
    64: "The receiver's certificate is not for this IP address.",
    66: "The key of the receiver's certificate is too short.",
    68: "The receiver's certificate is signed with a hash that is too weak.",
}
_TLS = {
    "WRONG_VERSION_NUMBER": "The receiver does not speak TLS on this port.",
    "HTTP_REQUEST": "The receiver does not speak TLS on this port.",
    "UNSUPPORTED_PROTOCOL": "The receiver offers only TLS versions older than 1.2.",
    "TLSV1_ALERT_PROTOCOL_VERSION": "The receiver offers no TLS version that we accept.",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "The receiver found no common TLS parameters.",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "The receiver demands a client certificate.",
    "TLSV1_UNRECOGNIZED_NAME": "The receiver does not serve this host name.",
}


def of_dns(error: OSError | UnicodeError) -> Fault:
    """A lookup that ended in `error`."""
    if isinstance(error, UnicodeError) or error.errno in _UNKNOWN_NAME:
        return Fault(FailureKind.DNS, "The host name does not resolve to any address.")
    if isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN:
        return Fault(FailureKind.DNS, "The name server did not answer the query for the host name.")
    return Fault(FailureKind.DNS, "The lookup of the host name failed.")


def of_connect(error: OSError) -> Fault:
    """A TCP connection that `error` ended before it stood."""
    if error.errno in _NO_DESCRIPTOR:
        return Fault(FailureKind.CONNECT, "Outrider has no file descriptor left to connect with.")
    detail = _CONNECT.get(error.errno or 0, "The TCP connection to the receiver could not be made.")
    return Fault(FailureKind.CONNECT, detail)


def of_tls(error: OSError) -> Fault:
    """A TLS handshake, or a refusal right after it, that `error` ended."""
    if isinstance(error, ssl.SSLCertVerificationError):
        detail = _CERTIFICATE.get(error.verify_code, "The receiver's certificate could not be verified.")
        return Fault(FailureKind.CERTIFICATE, detail)
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
        return Fault(FailureKind.TLS, _TLS.get(error.reason or "", "TLS with the receiver failed."))
    return Fault(FailureKind.TLS, "The receiver broke off the TLS handshake.")


def refused() -> Fault:
    """An address outside the policy. Says neither which nor why: that would map our inner network."""
    return Fault(FailureKind.REFUSED_BY_POLICY, "The host has an address that may not be called.")


def late(phase: str) -> Fault:
    """The total deadline passed; `phase` is what was under way."""
    return Fault(FailureKind.TIMEOUT, f"The time allowed for the attempt ended {phase}.")
