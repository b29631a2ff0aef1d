"""A service of two endpoints, one of which calls the other; says on which port it listens."""

import logging

import requests
from flask import Flask
from werkzeug.serving import make_server

app = Flask(__name__)
log = logging.getLogger("shop")
server = make_server("127.0.0.1", 0, app, threaded=True)


@app.route("/front")
def front():
    log.warning("front calls back")
    back = requests.get(f"http://127.0.0.1:{server.server_port}/back", timeout=5)
    return f"front, {back.text}"


@app.route("/back")
def back():
    return "back"


@app.route("/fail")
def fail():
    raise ValueError("told to fail")


print(f"listening on {server.server_port}", flush=True)
server.serve_forever()
