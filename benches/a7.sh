#!/usr/bin/env bash
# Registrations side by side with Kamailio, in one run on this machine: CPU per operation, saturation, latency, memory.
#
#   benches/a7.sh [path to jackfield]        needs: kamailio kamailio-sqlite-modules python3 jq (apt), root for a netns
#
# Both run alone on core 1, one after the other, ROUNDS times; the generator spins on core 0. Jackfield's contacts are on
# disk before each 200; Kamailio keeps its own in memory alone. Quote the ratios: microseconds hold for one machine on one day.
#   ROUNDS (3), SECS (5), USERS (2000), BENCH (../shared/bench: load generator, Kamailio's configuration), SIPLOAD,
#   REALTIME (empty; 1 runs servers and generator before all other programs, for a machine that is not quiet)
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -z "${INSIDE:-}" ] && unshare -n true 2>/dev/null; then
    INSIDE=1 exec unshare -n sh -c 'ip link set lo up; exec "$@"' _ "benches/a7.sh" "$@"
fi
ROUNDS=${ROUNDS:-3} SECS=${SECS:-5} USERS=${USERS:-2000} BENCH=$(realpath "${BENCH:-../shared/bench}")
export WORK; WORK=$(mktemp -d)
JACKFIELD=${1:-}
if [ -z "$JACKFIELD" ]; then
    cargo build --release --quiet
    JACKFIELD=${CARGO_TARGET_DIR:-target}/release/jackfield
fi
JACKFIELD=$(realpath "$JACKFIELD")
if [ -z "${SIPLOAD:-}" ]; then
    cargo build --release --quiet --manifest-path "$BENCH/loadgen/Cargo.toml" --target-dir "$WORK/loadgen"
    SIPLOAD=$WORK/loadgen/release/sipload
fi
[ -z "${REALTIME:-}" ] || chrt -f -p 5 $$
SERVER=
stop() {
    if [ -n "$SERVER" ]; then
        kill "$SERVER" 2>/dev/null || true
        for _ in $(seq 100); do kill -0 "$SERVER" 2>/dev/null || break; sleep 0.1; done
    fi
    SERVER=
}
trap 'stop; rm -rf "$WORK"' EXIT

python3 - "$WORK" "$USERS" <<'PY'
import sys
work, users = sys.argv[1], int(sys.argv[2])
import os; os.makedirs(work + "/conf", exist_ok=True)
with open(work + "/conf/pjsip.conf", "w") as f:
    f.write("[global]\ntype=global\ndefault_realm=bench.local\n[udp]\ntype=transport\nprotocol=udp\nbind=127.0.0.1:15060\n"
            "[ep](!)\ntype=endpoint\n[au](!)\ntype=auth\n[ao](!)\ntype=aor\nmax_contacts=1\nremove_existing=yes\n")
    for n in range(users):
        u = f"u{n:06}"
        f.write(f"[{u}](ep)\nauth={u}\naors={u}\n[{u}](au)\nusername={u}\npassword=pw{n:06}\n[{u}](ao)\n")
PY
python3 "$BENCH/peers/kamailio/mkdb-sqlite.py" "$WORK/kam.db" "$USERS"

start() {
    if [ "$1" = kamailio ]; then
        # Its default allocator is slow.
        SERVER=$(PIN=1 MM=${MM:-tlsf} "$BENCH/peers/kamailio/kam.sh" start 1 AUTH_HTABLE DB_SQLITE QUIET)
    else
        rm -rf "$WORK/conf/run"
        taskset -c 1 "$JACKFIELD" run -C "$WORK/conf" >"$WORK/jackfield.log" 2>&1 &
        for _ in $(seq 100); do [ -s "$WORK/conf/run/jackfield.pid" ] && break; sleep 0.1; done
        sleep 0.5
        SERVER=$(cat "$WORK/conf/run/jackfield.pid")
    fi
}
# What the generator says, one JSON line; it fails when a registration does, and the line says so.
load() { taskset -c 0 "$SIPLOAD" "$@" --spin --warmup 1 --duration "$SECS" --watch srv="$SERVER" || true; }

measure() {
    local who=$1 rate
    load register --users "$USERS" --window 32 >>"$WORK/$who.closed"
    load register --users "$USERS" --window 512 >"$WORK/last"; cat "$WORK/last" >>"$WORK/$who.full"
    rate=$(jq '.per_s / 2 | floor' "$WORK/last")
    load register --users "$USERS" --rate "$rate" >>"$WORK/$who.half"
    load flood --method REGISTER --window 64 --users 1000000 --user-prefix s >>"$WORK/$who.strangers"
    load flood --method REGISTER --window 64 --users 1000000 --user-prefix t >>"$WORK/$who.strangers2"
}
for _ in $(seq "$ROUNDS"); do
    for who in kamailio jackfield; do
        start "$who"; measure "$who"; stop
    done
done

# The median of a field over the rounds.
median() { jq -s "[.[] | $2] | sort | .[length / 2 | floor]" "$WORK/$1"; }
line() {
    local j k; j=$(median "jackfield.$2" "$3"); k=$(median "kamailio.$2" "$3")
    jq -nr --arg what "$1" --argjson j "$j" --argjson k "$k" \
        '"\($what): jackfield \($j * 100 | round / 100), kamailio \($k * 100 | round / 100), ratio \($j / $k * 100 | round / 100)"'
}
line "REGISTER, closed loop of 32, CPU us" closed '.watch[0].us_per_op'
line "REGISTER, saturated (512), CPU us" full '.watch[0].us_per_op'
line "REGISTER, saturated, per second" full '.per_s'
line "REGISTER, half of that rate, CPU us" half '.watch[0].us_per_op'
line "REGISTER, half of that rate, p99 us" half '.latency.p99_us'
line "401 to strangers, CPU us" strangers '.watch[0].us_per_op'
line "401 to strangers, per second" strangers '.per_s'
jq -sr '"jackfield, saturated: \([.[].failed] | add) failed, \([.[].retrans] | add) retransmitted of \([.[].completed] | add)"' "$WORK/jackfield.full"
jq -nr --argjson a "$(median jackfield.strangers '.watch[0].pss_kb')" --argjson b "$(median jackfield.strangers2 '.watch[0].pss_kb')" \
    '"jackfield, memory after one million strangers'"'"' names: \($a) KiB, after as many others: \($b) KiB"'
