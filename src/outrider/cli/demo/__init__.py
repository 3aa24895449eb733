"""`outrider demo`: everything at once, on this machine, with a receiver that trusts nobody."""

from outrider.cli.demo.command import demo

__all__ = ["demo"]
