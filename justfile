# What is done often. `just` alone lists it; each line works without just as well.

_default:
    @"{{ just_executable() }}" --list --unsorted

# Start both services on SQLite in ./data, with the account test/test
run:
    cargo run --release

# Run all tests; `just test refresh` only those with that in their name
test filter="":
    cargo test --workspace -- {{ filter }}

# Run the suites of both services on a MySQL of their own, in a container that goes away
test-mysql filter="":
    #!/usr/bin/env bash
    set -euo pipefail
    container=$(docker run -d -e MYSQL_ROOT_PASSWORD=pw -p 127.0.0.1::3306 mysql:9.7)
    trap 'docker rm -fv "$container" >/dev/null' EXIT
    # With two spaces: the line of the server that stays, not of the one that makes the databases.
    until docker logs "$container" 2>&1 | grep -q 'port: 3306  '; do
        [[ $(docker inspect -f '{{{{.State.Running}}' "$container") == true ]]
        sleep 1
    done
    export TEST_MYSQL_SERVER=mysql://root:pw@$(docker port "$container" 3306/tcp)
    cargo test -p auth-service -p books-service --test it -- {{ filter }}

# What a change must pass before anybody looks at it: format, lints, documentation, unused dependencies
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --locked -- -D warnings
    RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --locked
    cargo machete

# Everything that must hold before a change lands
ci:
    .ci/run

# Write the OpenAPI documents anew from the code
openapi:
    cargo run -q -p auth-service -- openapi >auth-service/openapi.json
    cargo run -q -p books-service -- openapi >books-service/openapi.json

# Start the system on MySQL, with the account test/test
up:
    docker compose --profile demo up --build --wait

# Stop it, and keep everything
down:
    docker compose --profile '*' down

# Measure the token check
bench:
    cargo bench -p shared

# Measure the services, and write docs/performance.md; `just measure --mysql` for MySQL
measure *arguments:
    cargo run --release -p bench -- {{ arguments }}

# Show the documentation of the code
docs:
    cargo doc --workspace --no-deps --open
