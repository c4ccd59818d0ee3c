#!/usr/bin/env bash
# Registrations side by side with Kamailio, in one run on this machine: CPU per operation, saturation, latency, memory.
#
#   benches/registrations.sh [path to jackfield]        needs: kamailio kamailio-sqlite-modules python3 jq (apt), root for a netns
#
# Both run alone on core 1, one after the other, ROUNDS times; the generator spins on core 0. Jackfield's contacts are on
# disk before each 200; Kamailio keeps its own in memory alone. Quote the ratios: microseconds hold for one machine on one day.
#   ROUNDS (3), SECS (5), USERS (2000), BENCH (../shared/bench: load generator, Kamailio's configuration), LOADGEN, SIPLOAD,
#   REALTIME (empty; 1 runs servers and generator before all other programs, for a machine that is not quiet)
. "$(dirname "$0")/lib.sh"
JACKFIELD=$(jackfield "${1:-}") SIPLOAD=${SIPLOAD:-$(loadgen)/sipload}
[ -z "${REALTIME:-}" ] || chrt -f -p 5 $$
mkdir "$WORK/conf"
pjsip_conf "$WORK/conf/pjsip.conf" "" "max_contacts=1
remove_existing=yes"
python3 "$BENCH/peers/kamailio/mkdb-sqlite.py" "$WORK/kam.db" "$USERS"

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
        start_beside "$who"; measure "$who"; stop
    done
done

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
