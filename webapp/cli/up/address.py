"""The dashboard's address: where it listens, and how somebody on this machine reaches it."""

from tasks.settings import Settings

_EVERY_INTERFACE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (compared, not bound)


def _joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def listening_address(settings: Settings) -> str:
    """Such as "0.0.0.0:8000" or "[::]:8000"."""
    return _joined(settings.host, settings.port)


def local_url(settings: Settings) -> str:
    """Such as "http://127.0.0.1:8000"."""
    host = _EVERY_INTERFACE.get(settings.host, settings.host)
    return f"http://{_joined(host, settings.port)}"
