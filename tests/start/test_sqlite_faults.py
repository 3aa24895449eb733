"""Faults of an SQLite store at the start: each is said in a sentence that tells what to do, and changes nothing."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from start.starting import at, refused, start

PAGE = 4096


def made(folder: Path) -> Path:
    """The file of a store that has been served."""
    path = folder / "a.db"
    start(**at(path))
    return path


def change(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def a_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def a_text(path: Path) -> None:
    path.write_bytes(b"no database, but much text\n" * 1000)


def another_program(path: Path) -> None:
    path.unlink()
    change(path, "CREATE TABLE bookmark (id INTEGER PRIMARY KEY)")


def a_table_of_our_name(path: Path) -> None:
    path.unlink()
    change(path, "CREATE TABLE event (id INTEGER PRIMARY KEY)")


def another_program_with_versions(path: Path) -> None:
    path.unlink()
    change(path, "CREATE TABLE bookmark (id INTEGER PRIMARY KEY)", "PRAGMA user_version = 3")


def a_newer_store(path: Path) -> None:
    change(path, "PRAGMA user_version = 999")


def a_damaged_schema(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[100:PAGE] = b"\xa5" * (PAGE - 100)
    path.write_bytes(content)


def damaged_pages(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[PAGE:] = b"\xa5" * (len(content) - PAGE)
    path.write_bytes(content)


def cut_off(path: Path) -> None:
    os.truncate(path, 3 * PAGE)


def a_damaged_tenant(path: Path) -> None:
    change(path, "UPDATE tenant SET document = x'c1'")


def a_tenant_of_another_shape(path: Path) -> None:
    change(path, "UPDATE tenant SET document = x'80'")


def a_damaged_health(path: Path) -> None:
    change(path, "INSERT INTO health (webhook, tenant, document) SELECT 'w', id, x'c1' FROM tenant")


def a_data_key_that_is_none(path: Path) -> None:
    change(path, "UPDATE data_key SET wrapped = 'ä'")


FAULTS = [
    (a_directory, "a directory"),
    (a_pipe, "no regular file"),
    (a_text, "something else"),
    (another_program, "another program"),
    (a_table_of_our_name, "another program"),
    (another_program_with_versions, "another program"),
    (a_newer_store, "version 999"),
    (a_damaged_schema, "backup"),
    (damaged_pages, "backup"),
    (cut_off, "backup"),
    (a_damaged_tenant, "tenant"),
    (a_tenant_of_another_shape, "tenant"),
    (a_damaged_health, "health"),
    (a_data_key_that_is_none, "OUTRIDER_ROOT_KEY"),
]


@pytest.mark.parametrize(("damage", "said"), FAULTS, ids=[damage.__name__ for damage, _ in FAULTS])
def test_a_fault_is_said(tmp_path: Path, damage: Callable[[Path], None], said: str) -> None:
    path = made(tmp_path)
    damage(path)
    key = path.with_suffix(".rootkey").read_bytes()
    assert said in refused(**at(path))
    assert path.with_suffix(".rootkey").read_bytes() == key


def test_an_empty_file_is_a_new_store(tmp_path: Path) -> None:
    (tmp_path / "a.db").touch()
    start(**at(tmp_path / "a.db"))


@pytest.mark.parametrize("place", ["/proc/outrider.db", "/proc/self/status", "/dev/null", "/dev/null/a.db"])
def test_a_place_where_no_file_can_be(place: str) -> None:
    assert "OUTRIDER_STORE" in refused(**at(place))


# The root key


def test_a_missing_root_key_is_not_made_anew(tmp_path: Path) -> None:
    path = made(tmp_path)
    key = path.with_suffix(".rootkey")
    kept = key.read_bytes()
    key.unlink()
    said = refused(**at(path))
    assert str(key) in said
    assert not key.exists()
    key.write_bytes(kept)
    key.chmod(0o600)
    start(**at(path))


def test_no_root_key_is_made_for_a_store_that_does_not_open(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_bytes(b"no database" * 1000)
    refused(**at(tmp_path / "a.db"))
    assert not (tmp_path / "a.rootkey").exists()


KEY = "cnJycnJycnJycnJycnJycnJycnJycnJycnJycnJycnI="
KEYS = [
    ("a byte order mark", b"\xef\xbb\xbf" + KEY.encode(), "byte order mark"),
    ("UTF-16", KEY.encode("utf-16"), "UTF-16"),
    ("UTF-16 without a mark", KEY.encode("utf-16-le"), "UTF-16"),
    ("not base64", b"?" * 44, "base64"),
    ("URL-safe base64", b"-_" * 21 + b"w=", "base64"),
    ("too short", b"cnJycg==", "4 bytes"),
    ("too long", b"cnJycnJycnJycnJycnJycnJycnJycnJycnJycnJycnJycnI=", "35 bytes"),
    ("hexadecimal", b"72" * 32, "48 bytes"),
    ("the bytes themselves", bytes(range(200, 232)), "base64"),
    ("empty", b"", "empty"),
    ("only a line end", b"\n", "empty"),
    ("two keys", f"{KEY}\n{KEY}\n".encode(), "base64"),
    ("much", b"r" * 1_000_000, "base64"),
]


@pytest.mark.parametrize(("content", "said"), [k[1:] for k in KEYS], ids=[k[0] for k in KEYS])
def test_a_file_that_is_no_root_key(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "key"
    file.write_bytes(content)
    file.chmod(0o600)
    found = refused(**at(tmp_path / "a.db"), OUTRIDER_ROOT_KEY_FILE=str(file))
    assert "OUTRIDER_ROOT_KEY_FILE" in found
    assert said in found
    assert KEY[:20] not in found


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "  \n\n"])
def test_a_root_key_with_an_end_of_line(tmp_path: Path, end: str) -> None:
    file = tmp_path / "key"
    file.write_bytes((KEY + end).encode())
    file.chmod(0o600)
    start(**at(tmp_path / "a.db"), OUTRIDER_ROOT_KEY_FILE=str(file))


def test_a_root_key_others_can_read(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(KEY)
    file.chmod(0o644)
    assert "chmod 600" in refused(**at(tmp_path / "a.db"), OUTRIDER_ROOT_KEY_FILE=str(file))


@pytest.mark.parametrize("name", ["a.db", "a.db-wal", "a.db.lock"])
def test_the_root_key_is_no_file_of_the_store(tmp_path: Path, name: str) -> None:
    said = refused(**at(tmp_path / "a.db"), OUTRIDER_ROOT_KEY_FILE=str(tmp_path / name))
    assert "OUTRIDER_ROOT_KEY_FILE" in said


def test_a_store_that_is_named_like_its_root_key(tmp_path: Path) -> None:
    assert "OUTRIDER_ROOT_KEY_FILE" in refused(**at(tmp_path / "a.rootkey"))
