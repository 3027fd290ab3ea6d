#!/usr/bin/env bash
# Moves a PostgreSQL cluster to an upgraded node pool with one switchover: standbys first, the old primary last.
# Every guard fails closed, and whatever fails before the promotion is taken back. Interrupted, it may be run again from the top.
set -euo pipefail

CLUSTER=${CLUSTER:-postgres-cluster}
SERVICE=${SERVICE:-postgres-primary}
POOL=${POOL:-upgraded-pool}
OLD_POOL=${OLD_POOL:-nodepool1}
DATA=/var/lib/postgresql/data
# What this run has begun, for whoever runs it again: the same lines that `begin` keeps in memory.
STATE=$HOME/.ferris-wheel

POD_NAME='{.spec.selector.statefulset\.kubernetes\.io/pod-name}'
NAMES='{range .items[*]}{.metadata.name}{"\n"}{end}'
CLOSE='pg_wal_lsn_diff(pg_current_wal_lsn(), flush_lsn) <='

size='' finished='' primary='' candidate='' synchronous='' followers='' poolers=''
undo=()

# --- helpers

log() { printf '%s  %s\n' "$(date +%T)" "$*"; }
die() { log "FAILED: $*" >&2; exit 1; }

# retry TIMES SECONDS COMMAND…: again until it succeeds, at most TIMES more
retry() {
  local left=$1 pause=$2
  shift 2
  until "$@"; do
    (( left-- > 0 )) || return 1
    sleep "$pause"
  done
}

# await FOR EVERY TIMEOUT CONDITION…: until the condition has held for so many seconds
await() {
  local hold=$1 every=$2 deadline=$(( SECONDS + $3 )) since=''
  shift 3
  while (( SECONDS <= deadline )); do
    if "$@"; then
      since=${since:-$SECONDS}
      if (( SECONDS - since >= hold )); then return 0; fi
    else
      since=''
    fi
    sleep "$every"
  done
  log "gave up waiting for: $*" >&2
  return 1
}

# sql HOST QUERY: one value
sql() { timeout 60 psql -h "$1" -Atc "$2"; }
on() { sql "$1.$CLUSTER" "$2"; }
equals() { [[ $("${@:2}") == "$1" ]]; }
at_least() {
  local n
  n=$("${@:2}") || return 1
  [[ $n =~ ^[0-9]+$ ]] && (( n >= $1 ))
}
lines() {
  local out
  out=$("$@") || return 1
  grep -c . <<< "$out"
}

writes() { equals 'INSERT 0 1' sql "$1" "insert into upgrade_heartbeat default values"; }
# streaming HOST COUNT CONDITION: that many standbys of HOST stream, of those that fulfil the condition
streaming() { at_least "$2" on "$1" "select count(*) from pg_stat_replication where state = 'streaming' and $3"; }
nodes_in_pool() { at_least "$2" lines kubectl get nodes -l "kubernetes.azure.com/agentpool=$1" --no-headers; }
pool_of() { kubectl get pod "$1" -o jsonpath='{.spec.nodeSelector.kubernetes\.azure\.com/agentpool}'; }
place_on() { kubectl patch statefulset "$CLUSTER" --patch "{\"spec\":{\"template\":{\"spec\":{\"nodeSelector\":{\"kubernetes.azure.com/agentpool\":\"$1\"}}}}}"; }
route_to() { kubectl patch service "$SERVICE" --patch "{\"spec\":{\"selector\":{\"statefulset.kubernetes.io/pod-name\":\"$1\"}}}"; }
members() { equals "$1" lines kubectl get pods -l "app=$CLUSTER" --no-headers; }
promote() { psql -h "$1.$CLUSTER" -c "select pg_promote(true, 60) where pg_is_in_recovery()"; }
pooler() { psql -h "$1" -p 6432 -U pgbouncer pgbouncer -c "$2"; }

leader() {
  leader=$(kubectl get service "$SERVICE" -o jsonpath="$POD_NAME") || return 1
  [[ $leader =~ ^[a-z0-9-]+-[0-9]+$ ]]
}
disk_of() { disk=$(kubectl get pvc "data-$1" -o jsonpath='{.status.phase}'); }
list_poolers() {
  poolers=$(kubectl get endpoints pgbouncer -o jsonpath='{range .subsets[*].addresses[*]}{.ip}{"\n"}{end}') || return 1
  [[ -n $poolers ]]
}
resume_poolers() {
  local each
  for each in $poolers; do pooler "$each" RESUME || true; done
}

# begin STEP…: from now on this has to be taken back if anything fails
begin() {
  undo+=("$*")
  remember
}
remember() { { declare -p primary poolers undo; echo "size=$size candidate=$candidate finished=$finished"; } > "$STATE"; }

# --- taking it back

# lives: the old primary's disk is still there
lives() {
  retry 60 5 disk_of "$primary" || true
  [[ ${disk:-unknown} != Lost ]]
}
undo_place() { retry 60 10 place_on "$OLD_POOL"; }
undo_surge() {
  lives || return 0
  retry 60 10 kubectl scale statefulset "$CLUSTER" --replicas="$size"
}
undo_move() {
  lives || return 0
  undo_place || return 1
  retry 6 10 kubectl delete pod "$1" --timeout=10m || return 1
  await 0 5 2700 equals streaming on "$1" "select status from pg_stat_wal_receiver"
}
# The old primary may start as a primary again; if it has restarted as a standby meanwhile, it leads again.
undo_fence() {
  lives || return 0
  retry 360 5 kubectl exec "$primary" -- rm -f "$DATA/standby.signal" || return 1
  retry 360 5 promote "$primary"
}
undo_pause() { resume_poolers; }
undo_route() { retry 180 5 route_to "$primary"; }

roll_back() {
  local i
  for (( i = ${#undo[@]} - 1; i >= 0; i-- )); do
    log "undo: ${undo[i]}"
    ${undo[i]} || return 1
  done
  retry 720 5 leader || return 1
  retry 720 5 disk_of "$leader" || return 1
  [[ $disk != Lost ]] || { fail_over; return 1; }
  await 0 2 600 equals f sql "$SERVICE" "select pg_is_in_recovery()" || return 1
  if [[ -n $size ]]; then
    await 0 5 2700 at_least $(( size - 1 )) sql "$SERVICE" "select count(*) from pg_stat_replication where state = 'streaming'" || return 1
    await 0 5 900 members "$size" || return 1
  fi
  # A node that failed meanwhile may have sent a member to the upgraded pool; moving the primary back is for a person to decide.
  local everyone member
  everyone=$(retry 60 5 kubectl get pods -l "app=$CLUSTER" -o jsonpath="$NAMES") || return 1
  for member in $everyone; do
    retry 60 5 hosted_outside "$member" || return 1
  done
  undo=()
  rm -f "$STATE"
}
hosted_outside() {
  local host pool
  host=$(kubectl get pod "$1" -o jsonpath='{.spec.nodeName}') && [[ -n $host ]] || return 1
  pool=$(kubectl get node "$host" -o jsonpath='{.metadata.labels.kubernetes\.azure\.com/agentpool}') || return 1
  [[ $pool != "$POOL" ]]
}

# fail_over: the leader's disk is lost, so it cannot come back as a primary; the furthest copy takes over
fail_over() {
  local survivors member heir
  log "the disk of $leader is lost" >&2
  survivors=$(retry 60 5 kubectl get pods -l "app=$CLUSTER,statefulset.kubernetes.io/pod-name!=$leader" -o jsonpath="$NAMES") || return 1
  heir=$(for member in $survivors; do retry 6 5 reach "$member" || true; done | furthest) || return 1
  [[ -n $heir ]] || return 1
  for member in $survivors $leader; do
    [[ $member == "$heir" ]] || retry 10 2 make_slot "$heir" "$member" || true
  done
  retry 720 5 route_to "$heir" || return 1
  retry 720 5 promote "$heir" || return 1
  for member in $survivors; do
    [[ $member == "$heir" ]] || retry 60 5 follow "$member" "$heir" || true
  done
  resume_poolers
  # It comes back empty and copies itself from the new primary.
  retry 60 5 kubectl delete pvc "data-$leader" --wait=false || true
  retry 60 5 kubectl delete pod "$leader" --wait=false || true
  await 0 1 3600 writes "$SERVICE" || return 1
  await 0 5 3600 streaming "$heir" 1 true || true
  log "$heir has taken over from $leader; a person decides how to go on" >&2
}
reach() { timeout 20 psql -h "$1.$CLUSTER" -AtF ' ' -c "select '$1', greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) where pg_is_in_recovery()"; }
# furthest: of lines `name hi/lo`, the name with the greatest position
furthest() {
  local name at hi lo best='' most=-1
  while read -r name at; do
    [[ $at =~ ^([0-9A-F]+)/([0-9A-F]+)$ ]] || continue
    hi=$(( 16#${BASH_REMATCH[1]} )) lo=$(( 16#${BASH_REMATCH[2]} ))
    if (( (hi << 32) + lo > most )); then most=$(( (hi << 32) + lo )) best=$name; fi
  done
  echo "$best"
}
make_slot() {
  on "$1" "select pg_create_physical_replication_slot(replace('$2', '-', '_')::name, true)
    where not exists (select 1 from pg_replication_slots where slot_name = replace('$2', '-', '_'))"
}
# PATIENCE: how many seconds a member may take to answer
conninfo() { timeout "${PATIENCE:-60}" psql -h "$1.$CLUSTER" -c "alter system set primary_conninfo = 'host=$2.$CLUSTER port=5432 user=replicator application_name=$1'"; }
follow() { conninfo "$1" "$2" && timeout "${PATIENCE:-60}" psql -h "$1.$CLUSTER" -c "select pg_reload_conf()"; }

# give_up: whatever failed, first see whether the database still has a leader that can come back
give_up() {
  retry 720 5 leader || return 1
  retry 720 5 disk_of "$leader" || return 1
  if [[ $disk == Lost ]]; then fail_over; return 1; fi
  if [[ -n $primary && $leader != "$primary" ]]; then
    log "$leader leads already: no way back, clients go on" >&2
    local each
    for each in $poolers; do retry 60 1 pooler "$each" RESUME || true; done
    return 1
  fi
  roll_back
}

on_exit() {
  local status=$?
  trap - EXIT
  if (( status != 0 )); then
    set +e
    give_up
  fi
  exit "$status"
}

# --- the steps

# How many members there are; while the surge pod is there, an earlier run has noted it.
measure() {
  [[ -n $size ]] || size=$(kubectl get statefulset "$CLUSTER" -o jsonpath='{.spec.replicas}') || return 1
  [[ $size =~ ^[1-9][0-9]*$ ]] && (( size >= 2 )) || { size=''; return 1; }
}

preconditions() {
  retry 20 5 leader || die "the Service names no primary"
  primary=$leader
  retry 20 5 measure || die "nobody knows how many members there are"
  surge=$CLUSTER-$size
  retry 20 5 timeout 30 psql -h "$primary.$CLUSTER" -c "create table if not exists upgrade_heartbeat (id serial, at timestamptz default now())" || die "no table to prove writes with"
  await 0 2 300 writes "$primary.$CLUSTER" || die "$primary takes no writes"
  await 10 5 1200 streaming "$primary" $(( size - 1 )) "$CLOSE 16777216" || die "not all standbys stream"
  synchronous=$(retry 20 5 on "$primary" "show synchronous_standby_names") || die "$primary does not say who confirms its commits"
  await 0 5 300 nodes_in_pool "$POOL" $(( size + 1 )) || die "the upgraded pool is not there"
}

list_followers() {
  followers=$(kubectl get pods -l "app=$CLUSTER,statefulset.kubernetes.io/pod-name!=$primary" -o jsonpath="$NAMES") || return 1
  (( $(wc -w <<< "$followers") == size ))
}

move() {
  local pod=$1 from=$2
  retry 6 10 kubectl delete pod "$pod" --timeout=10m || die "$pod cannot be deleted"
  await 0 5 1800 equals "$POOL" pool_of "$pod" || die "$pod is not on the upgraded pool"
  await 10 5 3600 streaming "$from" 1 "application_name = '$pod' and $CLOSE 1048576" || die "$pod does not stream again"
}

choose_candidate() {
  local positions
  positions=$(psql -h "$primary.$CLUSTER" -AtF ' ' -c "select application_name, flush_lsn from pg_stat_replication
    where state = 'streaming' and $CLOSE 1048576") || return 1
  (( $(grep -c . <<< "$positions") >= size - 1 )) || return 1
  candidate=$(grep -v "^$surge " <<< "$positions" | furthest) || return 1
  [[ -n $candidate ]]
}

fence_old() {
  conninfo "$primary" "$candidate" && kubectl exec "$primary" -- touch "$DATA/standby.signal"
}

no_long_transaction() { equals 0 on "$primary" "select count(*) from pg_stat_activity where xact_start < now() - interval '2 seconds'"; }

pause_poolers() {
  local each
  for each in $poolers; do
    timeout 3 psql -h "$each" -p 6432 -U pgbouncer pgbouncer -c PAUSE || return 1
  done
}

old_end() {
  end=$(on "$primary" "select pg_last_wal_replay_lsn()") || return 1
  [[ $end =~ ^[0-9A-F]+/[0-9A-F]+$ ]]
}

has_all() {
  local behind
  behind=$(on "$candidate" "select pg_wal_lsn_diff(pg_last_wal_receive_lsn(), '$end')") || return 1
  [[ $behind =~ ^-?[0-9]+$ ]] && (( behind >= 0 ))
}

checkpoints() { psql -h "$primary.$CLUSTER" -c CHECKPOINT && psql -h "$candidate.$CLUSTER" -c CHECKPOINT; }

# repoint MEMBER…: each of them but the candidate follows the candidate
repoint() {
  local member
  for member in "$@"; do
    [[ $member == "$candidate" ]] && continue
    retry 360 5 follow "$member" "$candidate" || die "$member cannot be repointed"
    await 0 1 1800 streaming "$candidate" 1 "application_name = '$member'" || die "$member does not follow"
  done
}

switch_over() {
  local member each tries
  retry 60 5 choose_candidate || die "no standby is near enough"
  log "$candidate is the candidate"
  retry 10 5 checkpoints || die "no checkpoint"
  for member in $followers $primary; do
    [[ $member == "$candidate" ]] || retry 10 5 make_slot "$candidate" "$member" || die "no slot for $member"
  done
  begin undo_fence
  retry 3 5 fence_old || die "$primary cannot be fenced"
  begin undo_pause
  for (( tries = 60; ; tries-- )); do
    retry 60 5 list_poolers || die "no pooler serves"
    remember
    await 0 2 1200 no_long_transaction || die "a client holds a transaction open"
    if pause_poolers; then break; fi
    log "a pooler did not pause in time: clients go on, and another try in a while"
    resume_poolers
    (( tries > 0 )) || die "the poolers do not pause"
    sleep 5
  done
  # Its container ends with the server, so the exec fails even when all went well; what counts is that it comes back as a standby.
  kubectl exec "$primary" -- pg_ctl stop -D "$DATA" -m fast -t 20 || true
  await 0 0.2 45 equals t on "$primary" "select pg_is_in_recovery()" || die "$primary is not back as a standby"
  retry 5 0.2 old_end || die "nobody knows where the history of $primary ends"
  await 0 0.1 15 has_all || die "$candidate does not have all of it"
  begin undo_route
  retry 20 0.5 route_to "$candidate" || die "the Service cannot be changed"
  # From here on there is no way back: nobody else can be promoted, because the candidate may have been.
  undo=()
  remember
  retry 240 1 promote "$candidate" || retry 1000 15 promote "$candidate" || die "$candidate cannot be promoted"
  if [[ -n $synchronous ]]; then
    # With the same synchronous_standby_names everywhere the first commit would hang until a standby streams from the new primary.
    for member in $followers; do
      [[ $member == "$candidate" ]] || PATIENCE=5 follow "$member" "$candidate" || true
    done
    await 0 0.1 1800 streaming "$candidate" 1 "sync_state = 'quorum'" || die "no standby confirms the commits of $candidate"
  fi
  await 0 0.1 1800 writes "$SERVICE" || die "the Service takes no writes"
  for each in $poolers; do retry 60 1 pooler "$each" RESUME || true; done

  repoint $followers
  await 0 2 1800 streaming "$candidate" 1 "application_name = '$primary'" || die "$primary does not follow"
  move "$primary" "$candidate"
}

scale_back() {
  local leading=$1 member everyone surge=$CLUSTER-$size
  await 10 5 3600 streaming "$leading" $(( size - 1 )) "application_name <> '$surge' and $CLOSE 16777216" || die "not every other copy streams"
  retry 20 10 kubectl scale statefulset "$CLUSTER" --replicas="$size" || die "the StatefulSet cannot be scaled"
  await 0 5 1800 members "$size" || die "the surge pod does not go"
  everyone=$(retry 60 5 kubectl get pods -l "app=$CLUSTER" -o jsonpath="$NAMES") || die "nobody knows which members there are"
  for member in $everyone; do
    retry 5 2 on "$member" "select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = replace('$surge', '-', '_')" || true
  done
}

# take_up: an earlier run was interrupted; what it had begun is taken back first, unless its candidate leads by now
take_up() {
  local everyone
  [[ -s $STATE ]] || return 0
  log "an earlier run was interrupted"
  # shellcheck disable=SC1090
  source "$STATE"
  retry 720 5 leader || die "the Service names no primary"
  if [[ $leader == "$candidate" ]]; then
    undo=()
    retry 1000 15 promote "$candidate" || die "$candidate cannot be promoted"
    resume_poolers
    everyone=$(retry 60 5 kubectl get pods -l "app=$CLUSTER" -o jsonpath="$NAMES") || die "nobody knows which members there are"
    repoint $everyone
  elif (( ${#undo[@]} > 0 )); then
    roll_back || die "what an earlier run had begun cannot be taken back"
  fi
  resume_poolers
}

trap on_exit EXIT
trap 'exit 130' INT TERM

take_up
if [[ -z $finished ]]; then
  log "preconditions"
  preconditions
  remember

  log "new pods go to $POOL (OnDelete, so nothing moves yet)"
  begin undo_place
  retry 20 10 place_on "$POOL" || die "the StatefulSet cannot be patched"

  log "one more pod lends redundancy"
  begin undo_surge
  retry 20 10 kubectl scale statefulset "$CLUSTER" --replicas=$(( size + 1 )) || die "the StatefulSet cannot be scaled"
  await 5 5 2700 streaming "$primary" 1 "application_name = '$surge' and $CLOSE 1048576" || die "$surge does not stream"

  retry 60 10 list_followers || die "not every standby is there"
  for standby in $followers; do
    [[ $standby == "$surge" ]] && continue
    log "$standby moves"
    begin undo_move "$standby"
    await 5 5 2700 streaming "$primary" $(( size - 1 )) "application_name <> '$standby' and $CLOSE 16777216" || die "not all other copies stream"
    move "$standby" "$primary"
  done

  if [[ $(pool_of "$primary") == "$POOL" ]]; then
    log "$primary is on the upgraded pool already"
    candidate=$primary
  else
    switch_over
  fi
fi
# From here on only the surge pod is left to take away, however often this is run.
finished=yes
remember
scale_back "$candidate"
await 0 2 600 writes "$SERVICE" || die "the Service takes no writes"
await 0 2 1800 streaming "$candidate" $(( size - 1 )) "$CLOSE 16777216" || die "not all standbys stream"
undo=()
rm -f "$STATE"
trap - EXIT
log "done: $candidate leads"
