"""How hard chosen secrets are to guess, and which are refused."""

from __future__ import annotations

import pytest

from outrider.config import read_config
from outrider.domain.errors import ConfigError
from outrider.domain.strength import ENOUGH_BITS, bits

STRONG = (
    "0b9fa1d2-c57e-4c0e-8a86-c1d1f0a7b3e4",  # as LoginRadius makes them
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "kq8Zt0xWb3LrN5vC",
)
WEAK = (
    "my-api-secret",
    "test-api-secret",
    "password1234",
    "Passw0rd",
    "12345678",
    "abababab",
    "secretsecretsecret",
)


@pytest.mark.parametrize("secret", STRONG)
def test_random_ones_are_strong(secret: str) -> None:
    assert bits(secret) >= ENOUGH_BITS


@pytest.mark.parametrize("secret", WEAK)
def test_chosen_ones_are_weak(secret: str) -> None:
    assert bits(secret) < ENOUGH_BITS


@pytest.mark.parametrize("secret", ["aaaaaaaa", "12121212", "abcabcabc"])
def test_trivial_ones_do_not_start(secret: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read_config({"OUTRIDER_BOOTSTRAP_API_SECRET": secret})
    assert secret not in str(refused.value)


def test_the_api_key_is_no_secret() -> None:
    with pytest.raises(ConfigError):
        read_config(
            {"OUTRIDER_BOOTSTRAP_API_KEY": "one-and-the-same", "OUTRIDER_BOOTSTRAP_API_SECRET": "one-and-the-same"}
        )
