"""Authlib's OAuth client for requests: code with PKCE, refresh, introspection, revocation, client credentials."""

import json
import os
import sys

import requests
from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.jwk import KeySet

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from people import Person  # noqa: E402

# Authlib wants TLS; plain http is for the loopback interface.
os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
ISSUER = os.environ["ISSUER"]
SERVER = requests.get(f"{ISSUER}/.well-known/openid-configuration", timeout=10).json()
KEYS = KeySet.import_key_set(requests.get(SERVER["jwks_uri"], timeout=10).json())


def registered(name):
    with open(f"{os.environ['CLIENTS']}/{name}.json", encoding="utf-8") as file:
        return json.load(file)


def books(session):
    """Somebody's API, called with the token of the session."""
    answer = session.get(f"{ISSUER}/books?limit=1")
    assert answer.status_code == 200, answer.text
    return answer.json()


def code(name, method):
    client = registered(name)
    session = OAuth2Session(
        client["client_id"],
        client.get("client_secret"),
        token_endpoint_auth_method=method,
        scope="openid profile offline_access books:read",
        redirect_uri=client["redirect_uris"][0],
        code_challenge_method="S256",
        token_endpoint=SERVER["token_endpoint"],
    )
    verifier, nonce = generate_token(48), generate_token()
    url, state = session.create_authorization_url(SERVER["authorization_endpoint"], code_verifier=verifier, nonce=nonce)
    callback = Person("test", "test").visit(url, client["redirect_uris"][0])
    token = session.fetch_token(
        SERVER["token_endpoint"], authorization_response=callback, state=state, code_verifier=verifier
    )

    claims = jwt.decode(token["id_token"], KEYS, algorithms=["RS256"]).claims
    jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": SERVER["issuer"]},
        aud={"essential": True, "value": client["client_id"]},
        nonce={"essential": True, "value": nonce},
        exp={"essential": True},
        sub={"essential": True},
    ).validate(claims)
    info = session.get(SERVER["userinfo_endpoint"]).json()
    assert info == {"sub": claims["sub"], "preferred_username": "test"}, info
    books(session)

    # The library refreshes by itself when the token is about to end.
    before = dict(session.token)
    session.token = {**session.token, "expires_at": 1}
    books(session)
    assert session.token["access_token"] != before["access_token"]
    assert session.token["refresh_token"] != before["refresh_token"]

    token = session.token["refresh_token"]
    if method != "none":
        assert session.introspect_token(SERVER["introspection_endpoint"], token=token).json()["active"] is True
    assert session.revoke_token(SERVER["revocation_endpoint"], token=token).status_code == 200
    if method != "none":
        assert session.introspect_token(SERVER["introspection_endpoint"], token=token).json() == {"active": False}


def client_credentials():
    client = registered("robot")
    session = OAuth2Session(client["client_id"], client["client_secret"], scope="books:read")
    token = session.fetch_token(SERVER["token_endpoint"], grant_type="client_credentials")
    assert token["scope"] == "books:read" and "refresh_token" not in token
    books(session)


code("web", "client_secret_basic")
code("web", "client_secret_post")
code("native", "none")
client_credentials()
print("authlib: code with PKCE by three ways of being a client, refresh, introspection, revocation, client credentials")
