"""Outrider: signed, durable webhooks for identity events."""

__version__ = "0.1.0"
