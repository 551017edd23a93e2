"""How schemathesis gets behind the doors, and what it leaves alone there.

It is an administrator. Whatever ends sessions gets one of its own, and nothing is done to the administrator's own account:
else everything after that would see nothing but 401.
"""

import base64
import json
import os
import urllib.request

import schemathesis

AUTH_URL = os.environ["AUTH_URL"]
ENDS_SESSIONS = {"/logout", "/refresh", "/me/sessions", "/me/sessions/{id}", "/me/password"}


def call(path, body=None, token=None):
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    data = json.dumps(body).encode() if body else None
    with urllib.request.urlopen(urllib.request.Request(AUTH_URL + path, data, headers), timeout=20) as response:
        return json.load(response)


def login():
    return call("/login", {"username": "admin", "password": os.environ["ADMIN_PASSWORD"]})


OWN = call("/me", token=login()["access_token"])["id"]
with open(f"{os.environ['CLIENTS']}/robot.json", encoding="utf-8") as file:
    ROBOT = json.load(file)


def session_of(case, _context):
    """One session for everything, but for what may end it."""
    return case.operation.label if case.operation.path in ENDS_SESSIONS else "everything else"


@schemathesis.auth(refresh_interval=None, cache_by_key=session_of)
class Administrator:
    def get(self, _case, _context):
        return login()

    def set(self, case, tokens, _context):
        if case.operation.path.startswith("/oauth2/") and case.operation.path != "/oauth2/userinfo":
            basic = base64.b64encode(f"{ROBOT['client_id']}:{ROBOT['client_secret']}".encode()).decode()
            value = f"Basic {basic}"
        else:
            kind = "refresh_token" if case.operation.path == "/refresh" else "access_token"
            value = f"Bearer {tokens[kind]}"
        case.headers["Authorization"] = value


@schemathesis.hook
def filter_case(_context, case):
    parameters = (case.path_parameters or {}).values()
    return case.method == "GET" or OWN not in parameters
