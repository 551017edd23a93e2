"""A Flask service as there are many, moved over to our tokens by four lines of configuration and no other."""

import json
import os
import urllib.parse
import urllib.request

import jwt
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask import Flask, jsonify
from flask_jwt_extended import JWTManager, get_jwt, get_jwt_identity, jwt_required

ISSUER = os.environ["ISSUER"]


def call(url, body=None, headers=None):
    """The JSON that a request is answered with."""
    with urllib.request.urlopen(urllib.request.Request(url, body, headers or {}), timeout=10) as response:
        return json.load(response)


def login():
    body = json.dumps({"username": "test", "password": "test"}).encode()
    return call(f"{ISSUER}/login", body, {"Content-Type": "application/json"})


def public_key(token):
    """Our public key as PEM: what an operator pastes into the configuration."""
    kid = jwt.get_unverified_header(token)["kid"]
    keys = {key["kid"]: key for key in call(f"{ISSUER}/.well-known/jwks.json")["keys"]}
    key = jwt.PyJWK(keys[kid]).key
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


tokens = login()

app = Flask(__name__)
app.config["JWT_ALGORITHM"] = "RS256"
app.config["JWT_PUBLIC_KEY"] = public_key(tokens["access_token"])
app.config["JWT_DECODE_AUDIENCE"] = "books"
app.config["JWT_DECODE_ISSUER"] = ISSUER
JWTManager(app)


@app.get("/hello")
@jwt_required()
def hello():
    return jsonify(logged_in_as=get_jwt_identity(), name=get_jwt().get("preferred_username"))


@app.get("/danger")
@jwt_required(fresh=True)
def danger():
    return jsonify(done=True)


@app.get("/again")
@jwt_required(refresh=True)
def again():
    return jsonify(done=True)


service = app.test_client()


def get(path, token=None):
    answer = service.get(path, headers={"Authorization": f"Bearer {token}"} if token else {})
    return answer.status_code, answer.get_json()


access, refresh = tokens["access_token"], tokens["refresh_token"]
claims = jwt.decode(access, options={"verify_signature": False})
assert get("/hello", access) == (200, {"logged_in_as": claims["sub"], "name": "test"})
# A password was just given; after a refresh that is not so any more.
assert get("/danger", access) == (200, {"done": True})
refreshed = call(f"{ISSUER}/refresh", b"", {"Authorization": f"Bearer {refresh}"})["access_token"]
assert get("/hello", refreshed)[0] == 200
assert get("/danger", refreshed) == (401, {"msg": "Fresh token required"})

# What it refuses. A refresh token is for us alone: it is not even for the service's audience.
assert get("/hello") == (401, {"msg": "Missing Authorization Header"})
assert get("/hello", refresh)[0] == 422
assert get("/again", refresh)[0] == 422
assert get("/again", access)[0] == 422
header, payload, signature = access.split(".")
assert get("/hello", f"{header}.{payload}.{signature[::-1]}")[0] == 422

# Tokens of OAuth clients as well.
with open(f"{os.environ['CLIENTS']}/robot.json", encoding="utf-8") as file:
    client = json.load(file)
form = {"grant_type": "client_credentials", "client_id": client["client_id"], "client_secret": client["client_secret"]}
server = call(f"{ISSUER}/.well-known/oauth-authorization-server")
robot = call(server["token_endpoint"], urllib.parse.urlencode(form).encode())["access_token"]
app.config["JWT_PUBLIC_KEY"] = public_key(robot)
assert get("/hello", robot) == (200, {"logged_in_as": client["client_id"], "name": None})

print("flask-jwt-extended: verifies our access tokens with our public key, tells fresh ones, and refuses refresh tokens")
