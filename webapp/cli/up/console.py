"""Output of `dailies up`: one line an event, with its time and process."""

import sys
import threading
from datetime import datetime
from typing import IO

from honcho.colour import get_colours
from honcho.printer import Message, Printer

# The supervisor's own voice, beside the names of the processes.
OWN_NAME = "dailies"


class Console:
    """Prints lines of several processes, whole, in one column layout. Usable from any thread."""

    def __init__(self, names: list[str]) -> None:
        self._printer = Printer(sys.stdout, width=max(len(name) for name in [*names, OWN_NAME]))
        colours = get_colours()
        self._colours = {name: next(colours) for name in names}
        self._lock = threading.Lock()

    def line(self, name: str, text: str | bytes) -> None:
        """Print ``text``, each of its lines prefixed with the time and ``name``."""
        message = Message(
            type="line",
            data=text,
            time=datetime.now(),
            name=name,
            colour=self._colours.get(name),
        )
        with self._lock:
            try:
                self._printer.write(message)
            except OSError:
                # Nobody reads any more (a closed terminal or pipe); the processes go on.
                return

    def say(self, text: str) -> None:
        """Print a line of the supervisor's own."""
        self.line(OWN_NAME, text)

    def block(self, lines: list[str]) -> None:
        """Print ``lines`` between two rules. No right border: links stay whole to copy."""
        rule = "─" * min(100, max(len(line) for line in lines) + 2)
        with self._lock:
            try:
                sys.stdout.write("\n".join(["", rule, *(f" {line}" for line in lines), rule, "\n"]))
                sys.stdout.flush()
            except OSError:
                return

    def relay(self, name: str, stream: IO[bytes]) -> None:
        """Print a process's output as lines of ``name``, in a thread, until it is closed."""

        def pump() -> None:
            with stream:
                for line in stream:
                    self.line(name, line)

        threading.Thread(target=pump, name=f"output of {name}", daemon=True).start()
