#!/bin/sh
# Gates a release with arqonbus-gate on any CI system; described in docs/ci.md.
#
#   gate.sh install                installs the gate from GATE_SOURCE into GATE_VENV
#   gate.sh judge [OPTION...]      judges; OPTIONs are those of `arqonbus-gate run`
#   gate.sh shard K/N [OPTION...]  judges one part of it; all parts need the same GATE_SEED and OPTIONs
#   gate.sh merge                  puts all parts together, and ends as one run of them all would
#   gate.sh sign                   signs the report, and verifies what was signed
#   gate.sh release [OPTION...]    judges, and signs what passed
#
# Ends with the exit code of the gate, of signing or of verifying; 64 where this script was not told enough.
#
#   GATE                  the program (arqonbus-gate)
#   GATE_REPORTS          the folder of everything that is worth keeping (reports)
#   GATE_LEVEL            standard or full (standard)
#   GATE_SEED             the seed of all parts, such as the number of the pipeline
#   GATE_SOURCE           a checkout of the gate, or its wheel
#   GATE_VENV             where it is installed (.gate)
#   GATE_SIGNING_KEY      the private key itself (PEM), from the secrets of the CI system; or
#   GATE_SIGNING_KEY_FILE the file that holds it
#   GATE_PUBLIC_KEY_FILE  the public key, to verify with
#   GATE_POLICY           the policy to verify by, where there is one
set -eu

GATE=${GATE:-arqonbus-gate}
reports=${GATE_REPORTS:-reports}
level=${GATE_LEVEL:-standard}
secret=

fail() {
    echo "gate.sh: $*" >&2
    exit 64
}

forget() {
    if [ -n "$secret" ]; then rm -f "$secret"; fi
}
trap forget EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

install_gate() {
    [ -n "${GATE_SOURCE:-}" ] || fail "GATE_SOURCE is not set; needed: a checkout of the gate, or its wheel"
    python3 -m venv "${GATE_VENV:-.gate}"
    if [ -f "$GATE_SOURCE/requirements/run.txt" ]; then
        "${GATE_VENV:-.gate}/bin/pip" install -q --require-hashes -r "$GATE_SOURCE/requirements/run.txt"
        "${GATE_VENV:-.gate}/bin/pip" install -q --no-deps --no-build-isolation "$GATE_SOURCE"
    else
        "${GATE_VENV:-.gate}/bin/pip" install -q "$GATE_SOURCE"
    fi
}

# judge NAME OPTION...: everything a run leaves is named NAME.
judge() {
    name=$1
    shift
    "$GATE" run --level "$level" --json "$reports/$name.json" --junit "$reports/$name.xml" --html "$reports/$name.html" \
        --sarif "$reports/$name.sarif" --incidents "$reports/incidents-$name" "$@"
}

shard() {
    case ${1:-} in
        [1-9]*/[1-9]*) ;;
        *) fail "${1:-nothing} is no part; needed: one such as 1/4" ;;
    esac
    [ -n "${GATE_SEED:-}" ] || fail "GATE_SEED is not set; needed: the same number for all parts"
    part=$1
    shift
    judge "part-${part%/*}" --shard "$part" --seed "$GATE_SEED" "$@"
}

merge() {
    "$GATE" merge "$reports"/part-*.json --out "$reports/gate.json" --junit "$reports/gate.xml" \
        --html "$reports/gate.html" --sarif "$reports/gate.sarif"
}

has_key() {
    [ -n "${GATE_SIGNING_KEY:-}${GATE_SIGNING_KEY_FILE:-}" ]
}

sign() {
    has_key || fail "neither GATE_SIGNING_KEY nor GATE_SIGNING_KEY_FILE is set; needed: the private key"
    [ -n "${GATE_PUBLIC_KEY_FILE:-}" ] || fail "GATE_PUBLIC_KEY_FILE is not set; needed: the public key, to verify with"
    key=${GATE_SIGNING_KEY_FILE:-}
    if [ -z "$key" ]; then
        # mktemp makes it readable by its owner only; it is gone when this script ends.
        secret=$(mktemp)
        printf '%s\n' "$GATE_SIGNING_KEY" >"$secret"
        key=$secret
    fi
    "$GATE" sign "$reports/gate.json" --key "$key" --out "$reports/sign-off.json"
    set -- --key "$GATE_PUBLIC_KEY_FILE" --report "$reports/gate.json" --level "$level"
    if [ -n "${GATE_POLICY:-}" ]; then set -- "$@" --policy "$GATE_POLICY"; fi
    "$GATE" verify "$reports/sign-off.json" "$@"
}

release() {
    # A sign-off of an earlier run must not pass for one of this.
    rm -f "$reports/sign-off.json"
    judge gate "$@"
    if has_key; then sign; else echo "gate.sh: passed, and not signed: there is no key"; fi
}

[ $# -gt 0 ] || fail "no command; allowed: install, judge, shard, merge, sign, release"
command=$1
shift
case $command in
    install) install_gate ;;
    judge) judge gate "$@" ;;
    shard) shard "$@" ;;
    merge) merge ;;
    sign) sign ;;
    release) release "$@" ;;
    *) fail "$command is no command; allowed: install, judge, shard, merge, sign, release" ;;
esac
