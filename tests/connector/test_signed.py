"""Signatures of deliveries, against values computed elsewhere."""

from __future__ import annotations

from ordermill.connector.signed import event_id, is_signed, only


def test_the_signature_is_the_base64_of_hmac_sha256() -> None:
    """printf %s '{"id":1}' | openssl dgst -sha256 -hmac key -binary | base64"""
    given = "yVxqfCx8dh6YTGjPZLS8qT8HJCkAqv27Mo07t1qw3LA="
    assert is_signed(given, b'{"id":1}', "key")
    assert not is_signed(given, b'{"id":2}', "key")
    assert not is_signed(given, b'{"id":1}', "Key")
    assert not is_signed(None, b'{"id":1}', "key")
    assert not is_signed("\ud800", b'{"id":1}', "key")


def test_a_header_counts_where_it_is_there_once_in_whatever_case() -> None:
    assert only([("X-Topic", "a"), ("x-other", "b")], "x-topic") == "a"
    assert only([("X-Topic", "a"), ("x-topic", "a")], "x-topic") is None
    assert only([], "x-topic") is None
    assert event_id([("X-Event", "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043")], "x-event") is not None
    assert event_id([("X-Event", "a b")], "x-event") is None
