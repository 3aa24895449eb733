"""`python -m outrider.api.openapi` prints the document."""

from __future__ import annotations

import sys

from outrider.api.app import bare_app
from outrider.api.openapi.document import served

if __name__ == "__main__":
    sys.stdout.buffer.write(bytes(served(bare_app())))
