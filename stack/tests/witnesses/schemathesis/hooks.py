"""How schemathesis gets behind the doors, and what it leaves alone there.

It is an administrator, and a client where clients are asked for. What ends the caller's own sessions is done by another
administrator, in a session for each such operation; and nothing is done to these two and the client by their names. Else
everything after that would see nothing but 401.
"""

import base64
import json
import os
import secrets
import urllib.request

import schemathesis

AUTH_URL = os.environ["AUTH_URL"]
ENDS_SESSIONS = {"/logout", "/refresh", "/me/sessions", "/me/sessions/{id}", "/me/password"}


def call(path, body=None, token=None):
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    data = json.dumps(body).encode() if body else None
    with urllib.request.urlopen(urllib.request.Request(AUTH_URL + path, data, headers), timeout=20) as response:
        return json.load(response)


ADMIN = {"username": "admin", "password": os.environ["ADMIN_PASSWORD"]}
LEAVER = {"username": f"leaver-{secrets.token_hex(4)}", "password": secrets.token_urlsafe(24)}
token = call("/login", ADMIN)["access_token"]
OWN = [call("/me", token=token)["id"], call("/admin/users", {**LEAVER, "roles": ["admin"]}, token)["id"]]
with open(f"{os.environ['CLIENTS']}/robot.json", encoding="utf-8") as file:
    ROBOT = json.load(file)
OWN.append(ROBOT["client_id"])
BASIC = base64.b64encode(f"{ROBOT['client_id']}:{ROBOT['client_secret']}".encode()).decode()


@schemathesis.auth(refresh_interval=None, cache_by_key=lambda case, _: ends_sessions(case) and case.operation.label)
class Administrator:
    def get(self, case, _context):
        return call("/login", LEAVER if ends_sessions(case) else ADMIN)

    def set(self, case, tokens, _context):
        kind = "refresh_token" if case.operation.path == "/refresh" else "access_token"
        case.headers["Authorization"] = f"Bearer {tokens[kind]}"


def ends_sessions(case):
    return case.operation.path in ENDS_SESSIONS


@schemathesis.hook
def before_call(_context, case, _kwargs):
    """A client says who it is in one way only."""
    if case.operation.path in {"/oauth2/token", "/oauth2/introspect", "/oauth2/revoke", "/oauth2/par", "/oauth2/device_authorization"}:
        case.headers["Authorization"] = f"Basic {BASIC}"
        if isinstance(case.body, dict):
            for name in ("client_id", "client_secret", "client_assertion"):
                case.body.pop(name, None)


@schemathesis.hook
def filter_case(_context, case):
    named = (case.path_parameters or {}).values()
    return case.method == "GET" or not any(own in named for own in OWN)
