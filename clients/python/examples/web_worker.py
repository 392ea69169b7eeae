#!/usr/bin/python3
"""A web server whose worker processes, forked in advance, renew an account one at a time.

    web_worker.py ADDRESS WORKERS

The client is made before the fork, as when gunicorn loads a program in advance. Prints its
port; answers GET /account/NAME.
"""

import http.server
import os
import signal
import sys

import holdfast


def make_handler(client):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            # Bound: free at once if this worker is killed in the midst of it.
            lock = holdfast.SyncLock(client, self.path, timeout=5, expire=60, bound=True)
            try:
                with lock as lease:
                    self.answer(200, f"{self.path} with token {lease.fencing_token} by {os.getpid()}\n")
            except holdfast.LockTimeoutError as error:
                self.answer(409, f"{error}\n")
            except holdfast.LockUnavailableError as error:
                self.answer(503, f"{error}\n")

        def answer(self, code, text):
            self.send_response(code)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *args):
            pass

    return Handler


def main(address, workers):
    client = holdfast.Client(address)
    server = http.server.HTTPServer(("127.0.0.1", 0), make_handler(client))
    children = []
    for _ in range(int(workers)):
        child = os.fork()
        if child == 0:
            server.serve_forever()
        children.append(child)
    print(server.server_address[1], flush=True)
    sys.stdin.read()  # Until it is told to end.
    for child in children:
        os.kill(child, signal.SIGTERM)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
