"""The clip that `dailies demo` puts in; README.md says whose it is. Imports nothing of ours."""

from pathlib import Path

CLIP = Path(__file__).with_name("bigbuckbunny.mp4")
