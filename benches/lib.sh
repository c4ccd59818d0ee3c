# What the benches beside other servers share: a network namespace of their own, the generators, a server at a time.
# Sourced, not run. Sets BENCH, WORK, SECS, ROUNDS; The process SERVER is ended by `stop`, and at exit.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -z "${INSIDE:-}" ] && unshare -n true 2>/dev/null; then
    INSIDE=1 exec unshare -n sh -c 'ip link set lo up; exec "$@"' _ "benches/$(basename "$0")" "$@"
fi
ROUNDS=${ROUNDS:-3} SECS=${SECS:-5} USERS=${USERS:-2000} BENCH=$(realpath "${BENCH:-../shared/bench}")
export WORK; WORK=$(mktemp -d)
SERVER=
trap 'stop; rm -rf "$WORK"' EXIT

# The path of jackfield: the argument, else what is built now.
jackfield() {
    if [ -z "${1:-}" ]; then
        cargo build --release --quiet
        set -- "${CARGO_TARGET_DIR:-target}/release/jackfield"
    fi
    realpath "$1"
}
# The folder of the load generators: LOADGEN, else built now.
loadgen() {
    if [ -z "${LOADGEN:-}" ]; then
        cargo build --release --quiet --manifest-path "$BENCH/loadgen/Cargo.toml" --target-dir "$WORK/loadgen"
    fi
    realpath "${LOADGEN:-$WORK/loadgen/release}"
}
# Ends the server that runs, and waits until it has ended.
stop() {
    if [ -n "$SERVER" ]; then
        kill "$SERVER" 2>/dev/null || true
        for _ in $(seq 100); do kill -0 "$SERVER" 2>/dev/null || break; sleep 0.1; done
    fi
    SERVER=
}
# pjsip_conf FILE ENDPOINT_LINES AOR_LINES: USERS phones u000000…, as the generators register and call.
pjsip_conf() {
    python3 - "$USERS" "$@" <<'PY'
import sys
users, path, endpoint, aor = sys.argv[1:]
with open(path, "w") as f:
    f.write("[global]\ntype=global\ndefault_realm=bench.local\n[udp]\ntype=transport\nprotocol=udp\nbind=127.0.0.1:15060\n"
            f"[ep](!)\ntype=endpoint\n{endpoint}\n[au](!)\ntype=auth\n[ao](!)\ntype=aor\n{aor}\n")
    for n in range(int(users)):
        u = f"u{n:06}"
        f.write(f"[{u}](ep)\nauth={u}\naors={u}\n[{u}](au)\nusername={u}\npassword=pw{n:06}\n[{u}](ao)\n")
PY
}
# start_beside jackfield|kamailio [KAMAILIO_DEFINE…]: runs it alone on core 1. Needs $WORK/conf, $WORK/kam.db, JACKFIELD.
start_beside() {
    if [ "$1" = kamailio ]; then
        # Its default allocator is slow.
        SERVER=$(PIN=1 MM=${MM:-tlsf} "$BENCH/peers/kamailio/kam.sh" start 1 AUTH_HTABLE DB_SQLITE QUIET "${@:2}")
    else
        rm -rf "$WORK/conf/run"
        taskset -c 1 "$JACKFIELD" run -C "$WORK/conf" >"$WORK/jackfield.log" 2>&1 &
        for _ in $(seq 100); do [ -s "$WORK/conf/run/jackfield.pid" ] && break; sleep 0.1; done
        sleep 0.5
        SERVER=$(cat "$WORK/conf/run/jackfield.pid")
    fi
}
# median NAME FIELD: of that field in the JSON lines of $WORK/NAME.
median() { jq -s "[.[] | $2] | sort | .[length / 2 | floor]" "$WORK/$1"; }
# line WHAT NAME FIELD: Jackfield's median, Kamailio's, and the ratio.
line() {
    local j k; j=$(median "jackfield.$2" "$3"); k=$(median "kamailio.$2" "$3")
    jq -nr --arg what "$1" --argjson j "$j" --argjson k "$k" \
        '"\($what): jackfield \($j * 100 | round / 100), kamailio \($k * 100 | round / 100), ratio \($j / $k * 100 | round / 100)"'
}
