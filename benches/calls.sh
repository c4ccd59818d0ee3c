#!/usr/bin/env bash
# Calls beside Kamailio as a proxy, in one run on this machine: challenge, setup, teardown; CPU per call, memory per call.
#
#   benches/calls.sh [path to jackfield]        needs: kamailio kamailio-sqlite-modules python3 jq (apt), root for a netns
#
# Both run alone on core 1, one after the other, ROUNDS times; the generator spins on core 0. Quote the ratio.
#   ROUNDS (3), SECS (5), USERS (2000), BENCH (../shared/bench: load generator, Kamailio's configuration), LOADGEN
. "$(dirname "$0")/lib.sh"
JACKFIELD=$(jackfield "${1:-}") LOADGEN=$(loadgen)
mkdir "$WORK/conf"
cat >"$WORK/conf/extensions.conf" <<'CONF'
[default]
exten => _u.,1,Dial(PJSIP/${EXTEN})
CONF
pjsip_conf "$WORK/conf/pjsip.conf" "context=default
disallow=all
allow=ulaw
direct_media=no" max_contacts=2
python3 "$BENCH/peers/kamailio/mkdb-sqlite.py" "$WORK/kam.db" "$USERS"

start() {
    SHM_MB=4096 start_beside "$1" CALL_AUTH
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

line "call, closed loop of 16, CPU us" closed '.watch[0].us_per_op'
line "call, closed loop of 16, per second" closed '.per_s'
line "call, saturated (128), CPU us" full '.watch[0].us_per_op'
line "call, saturated, per second" full '.per_s'
jq -sr '"jackfield: \([.[].failed] | add) failed, \([.[].retrans] | add) retransmitted of \([.[].completed] | add)"' "$WORK/jackfield.closed" "$WORK/jackfield.full"
echo "memory of $calls calls at a time: $((during - before)) KiB, $(((during - before) / (calls > 0 ? calls : 1))) KiB each"
