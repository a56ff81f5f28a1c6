# `just` lists these; each is one command that works without just as well.

_default:
    @just --list --unsorted

# build the program
build:
    cargo build --release -p davy

# run the tests
test *ARGS:
    cargo test --workspace {{ ARGS }}

# rewrite what the corpora and snapshots expect; then read the difference
bless:
    BLESS=1 cargo test --workspace
    git diff --stat

# format and lint
lint:
    cargo fmt --all
    cargo clippy --workspace --all-targets -- -D warnings

# write docs/generated
generate:
    cargo xtask generate

# check generated pages, sizes and links
check:
    cargo xtask check

# compare with CPython's unpicklers and zipfile
oracle COUNT="20000":
    cargo xtask oracle pickle --count {{ COUNT }}
    cargo xtask oracle zip --count {{ COUNT }}

# scan every file of a folder cut short and damaged
mutate DIR:
    cargo xtask mutate --corpus {{ DIR }}

# fuzz a target (reader or engine)
fuzz TARGET *ARGS:
    cargo xtask seeds
    fuzz/run {{ TARGET }} {{ ARGS }}

# measure
bench *ARGS:
    cargo xtask bench {{ ARGS }}

# licences, bans and advisories of dependencies
deny:
    cargo deny check

# everything that has to hold before a change is merged
ci:
    .ci/run
