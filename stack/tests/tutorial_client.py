#!/usr/bin/env python3
"""A client of the shape that the Flask-JWT tutorial teaches. Needs nothing but Python.

    tutorial_client.py BASE_URL SECONDS

Logs in as test/test, lists the books, waits until the access token is expired, is told so, refreshes with the same
refresh token, and lists again; twice. SECONDS is how long access tokens last.
"""

import json
import sys
import time
import urllib.error
import urllib.request

BASE = sys.argv[1].rstrip("/")
LIFETIME = float(sys.argv[2])


def call(method, path, token=None, body=None):
    """Returns status and JSON, as requests.request(...) followed by .json() would."""
    headers = {"Content-Type": "application/json"} if body is not None else {}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(BASE + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, json.loads(response.read() or b"null")
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"null")


def expect(actual, wanted):
    if actual != wanted:
        sys.exit(f"expected {wanted!r}, got {actual!r}")


status, body = call("POST", "/login", body={"username": "test", "password": "wrong"})
expect((status, body["msg"]), (401, "Bad username or password"))

status, body = call("POST", "/login", body={"username": "test", "password": "test"})
expect(status, 200)
access_token, refresh_token = body["access_token"], body["refresh_token"]

status, body = call("GET", "/protected", access_token)
expect((status, body), (200, {"logged_in_as": "test"}))

status, body = call("GET", "/protected")
expect((status, body["msg"]), (401, "Missing Authorization Header"))

for _ in range(2):
    status, books = call("GET", "/books", access_token)
    expect((status, type(books)), (200, list))
    expect(sorted(books[0]), ["author", "id", "title"])

    time.sleep(LIFETIME + 1)
    status, body = call("GET", "/books", access_token)
    expect((status, body["msg"]), (401, "Token has expired"))

    status, body = call("GET", "/books", refresh_token)
    expect((status, body["msg"]), (401, "Only non-refresh tokens are allowed"))

    # The tutorial's client keeps the refresh token that it got at login.
    status, body = call("POST", "/refresh", refresh_token)
    expect(status, 200)
    access_token = body["access_token"]

status, book = call("POST", "/books", access_token, {"title": "Flatland", "author": "Edwin A. Abbott"})
expect((status, book["title"]), (201, "Flatland"))
path = f"/books/{book['id']}"
status, body = call("PUT", path, access_token, {"title": "Flatland!", "author": "A Square"})
expect((status, body), (200, {"id": book["id"], "title": "Flatland!", "author": "A Square"}))
status, body = call("GET", path, access_token)
expect((status, body["author"]), (200, "A Square"))
status, body = call("DELETE", path, access_token)
expect(status, 204)
status, body = call("GET", path, access_token)
expect((status, body["error"]), (404, "Book not found."))
print("the tutorial's client is content")
