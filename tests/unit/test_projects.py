"""API keys: their shape, what is stored of them, and the DSN that holds one."""

import hashlib

import pytest

from atlas_core.projects import dsn, is_api_key, key_hash, new_api_key


def test_a_new_key_has_the_shape_of_a_key_and_is_never_the_same():
    keys = {new_api_key() for _ in range(100)}
    assert len(keys) == 100
    assert all(is_api_key(key) and len(key) == 70 for key in keys)


@pytest.mark.parametrize(
    "text",
    ["", "atlas_", "atlas_" + "0" * 63, "atlas_" + "0" * 65, "atlas_" + "G" * 64, "atlas_" + "A" * 64,
     "ATLAS_" + "0" * 64, " atlas_" + "0" * 64, "atlas_" + "0" * 64 + "\n", "atlas_" + "\u0660" * 64],
)  # fmt: skip
def test_what_only_looks_like_a_key_is_none(text):
    assert not is_api_key(text)


def test_the_hash_is_the_sha_256_of_the_keys_text():
    key = "atlas_" + "0" * 64
    assert key_hash(key) == hashlib.sha256(key.encode()).digest()
    assert len(key_hash(key)) == 32


def test_a_dsn_names_key_host_and_project():
    assert dsn("atlas_k", "localhost:8081", 7) == "http://atlas_k@localhost:8081/7"
    assert dsn("atlas_k", "errors.example.org", 7, scheme="https") == "https://atlas_k@errors.example.org/7"
