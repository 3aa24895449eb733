"""Secrets at rest: a root key outside the database wraps data keys inside it, which seal the secrets."""
