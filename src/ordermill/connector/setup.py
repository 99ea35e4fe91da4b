"""What is settled before the first request: base URL, headers, TLS; ConfigError where unfit."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from ordermill.errors import ConfigError


def client(
    transport: httpx.BaseTransport,
    headers: Mapping[str, str],
    auth: httpx.Auth | None,
    deadline: float,
) -> httpx.Client:
    return httpx.Client(
        transport=transport,
        headers=headers,
        auth=auth,
        timeout=deadline,
        follow_redirects=False,  # httpx would send X-Shopify-Access-Token along to the other host
        trust_env=False,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
    )


def checked_base(text: str, allow_private_network: bool) -> str:
    """The base URL without a closing slash; raise ConfigError, not repeating it, if it is unfit."""
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, TypeError):
        raise ConfigError("base_url is not a URL; write https://shop.example.com") from None
    if url.scheme not in ("https", "http") or not url.host:
        raise ConfigError("base_url must begin with https:// and name a host")
    if url.port is not None and not 0 < url.port < 2**16:
        raise ConfigError("base_url names a port that does not exist")
    if url.scheme == "http" and not allow_private_network:
        raise ConfigError("base_url must begin with https://; http needs allow_private_network")
    if url.userinfo or url.query or url.fragment or "?" in text or "#" in text:
        raise ConfigError("base_url is host and path alone: no user, password, ? or #")
    return str(url).rstrip("/")


def checked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Raise ConfigError for what HTTP cannot carry: httpx's own error would repeat the value."""
    for name, value in headers.items():
        if not value.isascii() or not value.isprintable():
            raise ConfigError(f"the value for {name} holds characters that HTTP cannot carry")
    return dict(headers)


def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """Always verifying; ``ca_file`` (PEM) adds authorities to the usual ones.

    Who names no file gets the same one as everybody: it holds every authority of the world, which
    for a hundred shops took 70 MB and the first seconds of the daemon.
    """
    if ca_file is None:
        return _usual()
    context = httpx.create_ssl_context(trust_env=False)
    try:
        context.load_verify_locations(cafile=ca_file)
    except (OSError, ssl.SSLError):
        raise ConfigError("ca_file cannot be read as PEM certificates") from None
    return context


@cache
def _usual() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)
