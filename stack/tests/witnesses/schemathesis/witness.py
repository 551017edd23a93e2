"""schemathesis takes both services at their word: each answer to whatever it makes up is one that the document describes."""

import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
]

failed = False
for name, url in [("auth-service", os.environ["AUTH_URL"]), ("books-service", os.environ["BOOKS_URL"])]:
    command = [
        str(pathlib.Path(sys.executable).with_name("st")),
        *("run", f"{url}/openapi.json", "--checks", ",".join(CHECKS)),
        *("--max-examples", os.environ.get("EXAMPLES", "12"), "--max-time", "45", "--seed", "1"),
        *("--continue-on-failure", "--no-shrink", "--request-timeout", "20"),
    ]
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(HERE), "NO_COLOR": "1"}
    print(f"== {name}", flush=True)
    failed |= subprocess.run(command, env=environment, cwd=os.environ["OUTPUT"], check=False).returncode != 0

if failed:
    sys.exit(1)
print("schemathesis: no 5xx, and every answer of both services is as their documents say")
