#!/usr/bin/env bash
# Relayed media beside rtpengine and the barest forwarders, in one run on this machine: 400 calls at 50 packets a second.
#
#   benches/relay.sh       needs: rtpengine liburing-dev gcc make python3 jq (apt), root for a netns
#
# Each runs alone on core 1, one after the other, ROUNDS times; the generator is on core 0. Quote the ratios.
#   ROUNDS (3), SECS (5), CALLS (400), BENCH (../shared/bench), LOADGEN, RELAY (the built bench `relay`)
. "$(dirname "$0")/lib.sh"
CALLS=${CALLS:-400} LOADGEN=$(loadgen)
if [ -z "${RELAY:-}" ]; then
    RELAY=$(cargo bench --quiet --bench relay --no-run --message-format=json | jq -r 'select(.executable) | .executable' | tail -1)
fi
make -s -C "$BENCH/floor" BIN="$WORK/floor" "$WORK/floor/udpfwd"
mkfifo "$WORK/input"
python3 "$BENCH/floor/sessions.py" "$CALLS" >"$WORK/legs"
python3 "$BENCH/floor/sessions.py" "$CALLS" direct >"$WORK/direct.legs"

run() {
    local who=$1 sessions=$WORK/legs warmup=1
    case $who in
    jackfield)
        # It runs until its input ends, which this shell holds open.
        taskset -c 1 "$RELAY" "$WORK/legs" 1 <"$WORK/input" 2>"$WORK/relay.log" &
        SERVER=$!
        exec 9>"$WORK/input"
        sleep 1.5 ;;
    rtpengine)
        SERVER=$(PIN=1 "$BENCH/peers/rtpengine/rtpe.sh" start 1)
        "$BENCH/peers/rtpengine/ng.py" open "$CALLS" "$WORK/rtpe.legs" >/dev/null
        sessions=$WORK/rtpe.legs warmup=4 ;;
    direct) sessions=$WORK/direct.legs; sleep 1000 & SERVER=$! ;; # nobody between: what the machine itself delays
    *) taskset -c 1 "$WORK/floor/udpfwd" "$who" "$sessions" & SERVER=$!; sleep 0.5 ;;
    esac
    taskset -c 0 "$LOADGEN/rtpgen" --sessions "$sessions" --pps 50 --duration "$SECS" --warmup "$warmup" --watch relay="$SERVER" >>"$WORK/$who" || true
    exec 9>&-
    stop
}
FORWARDERS="plain conn mmsg uring"
for _ in $(seq "$ROUNDS"); do
    for who in direct rtpengine jackfield $FORWARDERS; do run "$who"; done
done
for who in direct jackfield rtpengine $FORWARDERS; do
    printf '%-10s %6.2f us a packet, lost %s, p50 %s us, p99 %s us\n' "$who" "$(median "$who" '.watch[0].us_per_op')" "$(median "$who" .lost)" "$(median "$who" '.latency.p50_us // 0')" "$(median "$who" '.latency.p99_us // 0')"
done
jq -nr --argjson j "$(median jackfield '.watch[0].us_per_op')" --argjson r "$(median rtpengine '.watch[0].us_per_op')" \
    --argjson f "$(for who in $FORWARDERS; do median "$who" '.watch[0].us_per_op'; done | jq -s min)" \
    '"ratio to rtpengine \($j / $r * 100 | round / 100), to the best forwarder \($j / $f * 100 | round / 100)"'
