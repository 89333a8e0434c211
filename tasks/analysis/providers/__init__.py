"""Who listens and who writes: behind one small interface, chosen by a setting."""

from tasks.analysis.providers.local import Local
from tasks.analysis.providers.openai import OpenAI
from tasks.analysis.providers.provider import NoSpeech, Provider, ProviderFailed, Watch
from tasks.settings import get_settings

__all__ = ["NoSpeech", "Provider", "ProviderFailed", "Watch", "provider"]


def provider() -> Provider:
    """The provider that the settings name."""
    if get_settings().analysis_provider == "openai":
        return OpenAI.of(get_settings())
    return Local(get_settings().whisper_model)
