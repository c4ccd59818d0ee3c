#!/usr/bin/env bash
# Calls beside Kamailio as a proxy, in one run on this machine: challenge, setup, teardown; CPU per call, memory per call.
#
#   benches/b6.sh [path to jackfield]        needs: kamailio kamailio-sqlite-modules python3 jq (apt), root for a netns
#
# Both run alone on core 1, one after the other, ROUNDS times; the generator spins on core 0. Quote the ratio.
#   ROUNDS (3), SECS (5), USERS (2000), BENCH (../shared/bench: load generator, Kamailio's configuration), LOADGEN
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -z "${INSIDE:-}" ] && unshare -n true 2>/dev/null; then
    INSIDE=1 exec unshare -n sh -c 'ip link set lo up; exec "$@"' _ "benches/b6.sh" "$@"
fi
ROUNDS=${ROUNDS:-3} SECS=${SECS:-5} USERS=${USERS:-2000} BENCH=$(realpath "${BENCH:-../shared/bench}")
export WORK; WORK=$(mktemp -d)
JACKFIELD=${1:-}
if [ -z "$JACKFIELD" ]; then
    cargo build --release --quiet
    JACKFIELD=${CARGO_TARGET_DIR:-target}/release/jackfield
fi
JACKFIELD=$(realpath "$JACKFIELD")
if [ -z "${LOADGEN:-}" ]; then
    cargo build --release --quiet --manifest-path "$BENCH/loadgen/Cargo.toml" --target-dir "$WORK/loadgen"
    LOADGEN=$WORK/loadgen/release
fi
SERVER=
stop() {
    if [ -n "$SERVER" ]; then
        kill "$SERVER" 2>/dev/null || true
        for _ in $(seq 100); do kill -0 "$SERVER" 2>/dev/null || break; sleep 0.1; done
    fi
    SERVER=
}
trap 'stop; rm -rf "$WORK"' EXIT

mkdir "$WORK/conf"
cat >"$WORK/conf/extensions.conf" <<'CONF'
[default]
exten => _u.,1,Dial(PJSIP/${EXTEN})
CONF
python3 - "$WORK/conf/pjsip.conf" "$USERS" <<'PY'
import sys
with open(sys.argv[1], "w") as f:
    f.write("[global]\ntype=global\ndefault_realm=bench.local\n[udp]\ntype=transport\nprotocol=udp\nbind=127.0.0.1:15060\n"
            "[ep](!)\ntype=endpoint\ncontext=default\ndisallow=all\nallow=ulaw\ndirect_media=no\n"
            "[au](!)\ntype=auth\n[ao](!)\ntype=aor\nmax_contacts=2\n")
    for n in range(int(sys.argv[2])):
        u = f"u{n:06}"
        f.write(f"[{u}](ep)\nauth={u}\naors={u}\n[{u}](au)\nusername={u}\npassword=pw{n:06}\n[{u}](ao)\n")
PY
python3 "$BENCH/peers/kamailio/mkdb-sqlite.py" "$WORK/kam.db" "$USERS"

start() {
    if [ "$1" = kamailio ]; then
        # Its default allocator is slow.
        SERVER=$(PIN=1 SHM_MB=4096 MM=${MM:-tlsf} "$BENCH/peers/kamailio/kam.sh" start 1 AUTH_HTABLE DB_SQLITE CALL_AUTH QUIET)
    else
        rm -rf "$WORK/conf/run"
        taskset -c 1 "$JACKFIELD" run -C "$WORK/conf" >"$WORK/jackfield.log" 2>&1 &
        for _ in $(seq 100); do [ -s "$WORK/conf/run/jackfield.pid" ] && break; sleep 0.1; done
        sleep 0.5
        SERVER=$(cat "$WORK/conf/run/jackfield.pid")
    fi
    # The called phones.
    "$LOADGEN/sipload" register --base-port 17100 --users "$USERS" --count "$USERS" >/dev/null
}
call() { taskset -c 0 "$LOADGEN/sipcall" "$@" --spin --watch srv="$SERVER" || true; }
for _ in $(seq "$ROUNDS"); do
    for who in kamailio jackfield; do
        start "$who"
        call --window 16 --warmup 1 --duration "$SECS" >>"$WORK/$who.closed"
        call --window 128 --warmup 1 --duration "$SECS" >>"$WORK/$who.full"
        stop
    done
done
# Calls held at the same time: what each of them takes, once the ring of `trace` is full.
start jackfield
call --window 16 --duration 2 >/dev/null
pss() { awk '/^Pss:/ { print $2 }' "/proc/$SERVER/smaps_rollup"; }
before=$(pss)
(call --rate 250 --hold 8000 --duration 8 >"$WORK/jackfield.held") &
HELD=$!
sleep 6.5
during=$(pss) calls=$("$JACKFIELD" -C "$WORK/conf" -x "core show channels count" | awk '/active call/ { print $1; exit }')
wait "$HELD"

median() { jq -s "[.[] | $2] | sort | .[length / 2 | floor]" "$WORK/$1"; }
line() {
    local j k; j=$(median "jackfield.$2" "$3"); k=$(median "kamailio.$2" "$3")
    jq -nr --arg what "$1" --argjson j "$j" --argjson k "$k" \
        '"\($what): jackfield \($j * 100 | round / 100), kamailio \($k * 100 | round / 100), ratio \($j / $k * 100 | round / 100)"'
}
line "call, closed loop of 16, CPU us" closed '.watch[0].us_per_op'
line "call, closed loop of 16, per second" closed '.per_s'
line "call, saturated (128), CPU us" full '.watch[0].us_per_op'
line "call, saturated, per second" full '.per_s'
jq -sr '"jackfield: \([.[].failed] | add) failed, \([.[].retrans] | add) retransmitted of \([.[].completed] | add)"' "$WORK/jackfield.closed" "$WORK/jackfield.full"
echo "memory of $calls calls at a time: $((during - before)) KiB, $(((during - before) / (calls > 0 ? calls : 1))) KiB each"
