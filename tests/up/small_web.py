"""A web process that says it is ready, in place of the dashboard: started in a blink."""

import os
from http.server import BaseHTTPRequestHandler, HTTPServer


class _Ready(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/readyz" else 404)
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        return


if __name__ == "__main__":
    HTTPServer((os.environ["DAILIES_HOST"], int(os.environ["PORT"])), _Ready).serve_forever()
