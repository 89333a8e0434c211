"""How secrets that Dailies makes up are kept."""

import hashlib


def digest(secret: str) -> str:
    """How a random secret is kept: it has 256 bits, so that a plain SHA-256 is enough."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
