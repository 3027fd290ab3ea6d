#!/usr/bin/env bash
# Upgrades the nodes of a PostgreSQL cluster where they stand, one pool per node: the standbys' first, then one switchover to an upgraded
# standby, the old primary's last. Every guard fails closed. The switchover is taken back when anything fails before the promotion; an
# upgraded node cannot be, so everything else stops where it is. Interrupted, it may be run again from the top.
set -euo pipefail

CLUSTER=${CLUSTER:-postgres-cluster}
HEADLESS=${HEADLESS:-postgres}
SERVICE=${SERVICE:-postgres-primary}
VERSION=${VERSION:-1.29.0}
GROUP=${GROUP:-production-rg}
AKS=${AKS:-aks-prod}
DATA=/var/lib/postgresql/data
# What this run has begun, for whoever runs it again: the same lines that `begin` keeps in memory.
STATE=$HOME/.rotate-in-place

POD_NAME='{.spec.selector.statefulset\.kubernetes\.io/pod-name}'
NAMES='{range .items[*]}{.metadata.name}{"\n"}{end}'
CLOSE='pg_wal_lsn_diff(pg_current_wal_lsn(), flush_lsn) <='

primary='' candidate='' followers='' poolers='' node='' pool=''
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
on() { sql "$1.$HEADLESS" "$2"; }
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

writes() { equals f sql "$1" "select pg_is_in_recovery()"; }
# streaming HOST COUNT CONDITION: that many standbys of HOST stream, of those that fulfil the condition
streaming() { at_least "$2" on "$1" "select count(*) from pg_stat_replication where state = 'streaming' and $3"; }
host_of() { node=$(kubectl get pod "$1" -o jsonpath='{.spec.nodeName}') && [[ $node == aks-* ]]; }
pool_of_node() { pool=$(kubectl get node "$node" -o jsonpath='{.metadata.labels.agentpool}') && [[ $pool == nodepool* ]]; }
kubelet_of() { kubectl get node "$1" -o jsonpath='{.status.nodeInfo.kubeletVersion}'; }
ready() { kubectl get node "$1" -o jsonpath='{.status.conditions[?(@.type=="Ready")].status}'; }
route_to() { kubectl patch service "$SERVICE" --patch "{\"spec\":{\"selector\":{\"statefulset.kubernetes.io/pod-name\":\"$1\"}}}"; }
promote() { psql -h "$1.$HEADLESS" -c "select pg_promote(true, 60) where pg_is_in_recovery()"; }
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
remember() { { declare -p primary candidate poolers node pool undo; } > "$STATE"; }

# --- taking it back

# lives: the old primary's disk is still there
lives() {
  retry 60 5 disk_of "$primary" || true
  [[ ${disk:-unknown} != Lost ]]
}
undo_drain() { retry 60 5 kubectl uncordon "$1" || true; }
# The old primary may start as a primary again; if it has restarted as a standby meanwhile, it leads again.
undo_fence() {
  lives || return 0
  retry 360 5 kubectl exec "$primary" -- rm -f "$DATA/standby.signal" || return 1
  retry 360 5 promote "$primary"
}
undo_pause() { resume_poolers; }
undo_route() { retry 180 5 route_to "$primary"; }

take_back() {
  local i
  for (( i = ${#undo[@]} - 1; i >= 0; i-- )); do
    log "undo: ${undo[i]}"
    ${undo[i]} || return 1
  done
  undo=()
}

roll_back() {
  take_back || return 1
  retry 720 5 leader || return 1
  retry 720 5 disk_of "$leader" || return 1
  [[ $disk != Lost ]] || { fail_over; return 1; }
  await 0 2 600 writes "$SERVICE" || return 1
  # There is no way back from an upgraded node, so a person decides.
  await 0 5 15 equals 0 upgraded_nodes || return 1
  await 0 5 2700 at_least 2 sql "$SERVICE" "select count(*) from pg_stat_replication where state = 'streaming'" || return 1
  rm -f "$STATE"
}
upgraded_nodes() {
  local versions
  versions=$(kubectl get nodes -l agentpool!=system -o jsonpath='{range .items[*]}{.status.nodeInfo.kubeletVersion}{"\n"}{end}') || return 1
  grep -c "v$VERSION" <<< "$versions" || true
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
reach() { timeout 20 psql -h "$1.$HEADLESS" -AtF ' ' -c "select '$1', greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) where pg_is_in_recovery()"; }
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
conninfo() { timeout "${PATIENCE:-60}" psql -h "$1.$HEADLESS" -c "alter system set primary_conninfo = 'host=$2.$HEADLESS port=5432 user=replicator application_name=$1'"; }
follow() { conninfo "$1" "$2" && timeout "${PATIENCE:-60}" psql -h "$1.$HEADLESS" -c "select pg_reload_conf()"; }

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

preconditions() {
  await 0 10 120 equals "$VERSION" az aks show --resource-group "$GROUP" --name "$AKS" --query currentKubernetesVersion -o tsv || die "the control plane does not have $VERSION yet"
  retry 20 5 leader || die "the Service names no primary"
  primary=$leader
  await 0 2 300 writes "$primary.$HEADLESS" || die "$primary takes no writes"
  await 10 5 1200 streaming "$primary" 2 "$CLOSE 16777216" || die "there are no two standbys that stream"
}

list_followers() {
  followers=$(kubectl get pods -l "app=$CLUSTER,statefulset.kubernetes.io/pod-name!=$primary" -o jsonpath="$NAMES") || return 1
  [[ $(wc -w <<< "$followers") == 2 ]]
}

# upgrade POD: the node that hosts it, which is alone in its pool
upgrade() {
  retry 20 10 host_of "$1" || die "nobody knows where $1 is"
  if [[ $(kubelet_of "$node") == "v$VERSION" ]]; then
    log "the node of $1 is upgraded already"
    return 0
  fi
  retry 20 10 pool_of_node || die "nobody knows which pool $node makes up"
  await 0 5 120 equals 1 lines kubectl get nodes -l "agentpool=$pool" --no-headers || die "$pool has other nodes"
  retry 6 30 kubectl drain "$node" --ignore-daemonsets --delete-emptydir-data --timeout=15m || die "$node cannot be drained"
  finish_node
}
# finish_node: from drained to upgraded; asked twice, it does nothing more
finish_node() {
  retry 20 30 az aks nodepool upgrade --resource-group "$GROUP" --cluster-name "$AKS" --name "$pool" --kubernetes-version "$VERSION" --max-surge 0 --max-unavailable 1 || die "$pool cannot be upgraded"
  await 0 10 3600 equals "v$VERSION" kubelet_of "$node" || die "the kubelet of $node is not upgraded"
  await 0 10 1800 equals True ready "$node" || die "$node is not ready"
  retry 20 10 kubectl uncordon "$node" || die "$node takes no pods"
  node='' pool=''
  remember
}

choose_candidate() {
  local positions
  positions=$(psql -h "$primary.$HEADLESS" -AtF ' ' -c "select application_name, flush_lsn from pg_stat_replication
    where state = 'streaming' and $CLOSE 1048576") || return 1
  # at least two lines
  [[ $positions == *$'\n'* ]] || return 1
  candidate=$(furthest <<< "$positions") || return 1
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

checkpoints() { psql -h "$primary.$HEADLESS" -c CHECKPOINT && psql -h "$candidate.$HEADLESS" -c CHECKPOINT; }

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
  await 0 0.1 1800 writes "$SERVICE" || die "the Service takes no writes"
  for each in $poolers; do retry 60 1 pooler "$each" RESUME || true; done

  repoint $followers
  log "the node of the old primary last"
  await 5 2 2700 streaming "$candidate" 2 "$CLOSE 16777216" || die "not both other members stream"
  upgrade "$primary"
  await 10 5 3600 streaming "$candidate" 1 "application_name = '$primary' and $CLOSE 262144" || die "$primary does not stream again"
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
  fi
  take_back || die "what an earlier run had begun cannot be taken back"
  resume_poolers
  # A node that is half upgraded can only go on.
  [[ -z $pool ]] || finish_node
}

trap on_exit EXIT
trap 'exit 130' INT TERM

take_up
log "preconditions"
preconditions
remember

retry 60 10 list_followers || die "there are no two standbys"
for standby in $followers; do
  log "the node of $standby"
  await 5 5 2700 streaming "$primary" 1 "application_name <> '$standby' and $CLOSE 16777216" || die "no other copy streams"
  retry 20 10 host_of "$standby" || die "nobody knows where $standby is"
  retry 20 10 pool_of_node || die "nobody knows which pool $node makes up"
  begin undo_drain "$node"
  upgrade "$standby"
  await 10 5 3600 streaming "$primary" 1 "application_name = '$standby' and $CLOSE 262144" || die "$standby does not stream again"
done

retry 20 10 host_of "$primary" || die "nobody knows where $primary is"
if [[ $(kubelet_of "$node") == "v$VERSION" ]]; then
  log "the node of $primary is upgraded already"
  candidate=$primary
else
  node=''
  switch_over
fi
await 0 2 600 writes "$SERVICE" || die "the Service takes no writes"
await 0 2 1800 streaming "$candidate" 2 true || die "no two standbys stream"
undo=()
rm -f "$STATE"
trap - EXIT
log "done: $candidate leads"
