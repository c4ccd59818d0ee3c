#!/usr/bin/env bash
# Relayed media beside rtpengine and the barest forwarders, in one run on this machine: 400 calls at 50 packets a second.
#
#   benches/relay.sh       needs: rtpengine liburing-dev gcc make python3 jq (apt), root for a netns
#
# Each runs alone on core 1, one after the other, ROUNDS times; the generator is on core 0. Quote the ratios.
#   ROUNDS (3), SECS (5), CALLS (400), BENCH (../shared/bench), LOADGEN, RELAY (the built bench `relay`)
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -z "${INSIDE:-}" ] && unshare -n true 2>/dev/null; then
    INSIDE=1 exec unshare -n sh -c 'ip link set lo up; exec "$@"' _ "benches/relay.sh" "$@"
fi
ROUNDS=${ROUNDS:-3} SECS=${SECS:-5} CALLS=${CALLS:-400} BENCH=$(realpath "${BENCH:-../shared/bench}")
export WORK; WORK=$(mktemp -d)
if [ -z "${RELAY:-}" ]; then
    RELAY=$(cargo bench --quiet --bench relay --no-run --message-format=json | jq -r 'select(.executable) | .executable' | tail -1)
fi
if [ -z "${LOADGEN:-}" ]; then
    cargo build --release --quiet --manifest-path "$BENCH/loadgen/Cargo.toml" --target-dir "$WORK/loadgen"
    LOADGEN=$WORK/loadgen/release
fi
make -s -C "$BENCH/floor" BIN="$WORK/floor" "$WORK/floor/udpfwd"
SERVER=
stop() {
    if [ -n "$SERVER" ]; then
        kill "$SERVER" 2>/dev/null || true
        for _ in $(seq 50); do kill -0 "$SERVER" 2>/dev/null || break; sleep 0.1; done
    fi
    SERVER=
}
trap 'stop; rm -rf "$WORK"' EXIT
python3 "$BENCH/floor/sessions.py" "$CALLS" >"$WORK/legs"
python3 "$BENCH/floor/sessions.py" "$CALLS" one >"$WORK/one"

run() {
    local who=$1 sessions=$WORK/legs warmup=1
    case $who in
    jackfield)
        taskset -c 1 sh -c 'sleep 1000 | exec "$@"' _ "$RELAY" "$WORK/legs" 1 2>"$WORK/relay.log" &
        sleep 1.5
        SERVER=$(pgrep -n -f "^$RELAY $WORK/legs") ;;
    rtpengine)
        SERVER=$(PIN=1 "$BENCH/peers/rtpengine/rtpe.sh" start 1)
        "$BENCH/peers/rtpengine/ng.py" open "$CALLS" "$WORK/rtpe" >/dev/null
        sessions=$WORK/rtpe warmup=4 ;;
    one) sessions=$WORK/one; taskset -c 1 "$WORK/floor/udpfwd" one "$sessions" & SERVER=$!; sleep 0.5 ;;
    *) taskset -c 1 "$WORK/floor/udpfwd" "$who" "$sessions" & SERVER=$!; sleep 0.5 ;;
    esac
    taskset -c 0 "$LOADGEN/rtpgen" --sessions "$sessions" --pps 50 --duration "$SECS" --warmup "$warmup" --watch relay="$SERVER" >>"$WORK/$who.json" || true
    stop
    pkill -P $$ sleep 2>/dev/null || true
}
FORWARDERS="plain conn mmsg uring"
for _ in $(seq "$ROUNDS"); do
    for who in rtpengine jackfield $FORWARDERS; do run "$who"; done
done
median() { jq -s "[.[] | $2] | sort | .[length / 2 | floor]" "$WORK/$1.json"; }
for who in jackfield rtpengine $FORWARDERS; do
    printf '%-10s %6.2f us a packet, lost %s, p99 %s us\n' "$who" "$(median "$who" '.watch[0].us_per_op')" "$(median "$who" .lost)" "$(median "$who" '.latency.p99_us // 0')"
done
jq -nr --argjson j "$(median jackfield '.watch[0].us_per_op')" --argjson r "$(median rtpengine '.watch[0].us_per_op')" \
    --argjson f "$(for who in $FORWARDERS; do median "$who" '.watch[0].us_per_op'; done | jq -s min)" \
    '"ratio to rtpengine \($j / $r * 100 | round / 100), to the best forwarder \($j / $f * 100 | round / 100)"'
