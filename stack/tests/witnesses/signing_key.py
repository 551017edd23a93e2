#!/usr/bin/env python3
"""Makes an RSA key for a client that signs for itself: NAME.pem, and its public half NAME.jwks.json.

    signing_key.py NAME

Needs openssl, and of Python nothing but itself.
"""

import base64
import json
import re
import subprocess
import sys

name = sys.argv[1]
subprocess.run(
    ["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", f"{name}.pem"],
    check=True, capture_output=True,
)
modulus = subprocess.run(
    ["openssl", "rsa", "-in", f"{name}.pem", "-noout", "-modulus"], check=True, capture_output=True, text=True
).stdout
number = bytes.fromhex(re.fullmatch(r"Modulus=([0-9A-F]+)\n", modulus).group(1))
n = base64.urlsafe_b64encode(number).rstrip(b"=").decode()
key = {"kty": "RSA", "kid": "signer", "use": "sig", "alg": "RS256", "n": n, "e": "AQAB"}
with open(f"{name}.jwks.json", "w", encoding="ascii") as file:
    json.dump({"keys": [key]}, file)
