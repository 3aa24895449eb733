"""Requests leave here: our own HTTP/1.1 POST over TLS, every connect checked, every byte bounded."""
