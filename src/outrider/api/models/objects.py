"""Custom objects, as LoginRadius lists them: `data` in lower case, and a count."""

from __future__ import annotations

from typing import Annotated

import msgspec

from outrider.app.fields import described
from outrider.app.objects import ObjectRecord
from outrider.domain.custom_object import MOST_RECORDS


class ObjectList(msgspec.Struct, frozen=True):
    """All records, oldest first; never more than a user may have."""

    data: Annotated[list[ObjectRecord], described("Whole: there are no pages.", maxItems=MOST_RECORDS)]
    Count: Annotated[int, described("How many.", minimum=0, maximum=MOST_RECORDS)]
