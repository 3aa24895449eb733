"""`python -m outrider.api.openapi` prints the document; with `3.0` that for OpenAPI 3.0.3."""

from __future__ import annotations

import sys

from outrider.api.app import bare_app
from outrider.api.openapi.document import served, served_older

if __name__ == "__main__":
    make = served_older if sys.argv[1:] == ["3.0"] else served
    sys.stdout.buffer.write(bytes(make(bare_app())))
