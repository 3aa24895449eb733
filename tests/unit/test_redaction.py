"""Headers as they are shown."""

from outrider.domain.redaction import MASK, mask_headers


def test_credentials_in_headers_are_masked() -> None:
    shown = dict(mask_headers((("authorization", "Bearer abc"), ("X-Api-Key", "k"), ("x-region", "eu"))))
    assert shown == {"authorization": f"Bearer {MASK}", "X-Api-Key": MASK, "x-region": "eu"}
