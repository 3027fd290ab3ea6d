#!/usr/bin/env bash
# Rolls a fleet of MySQL tablets to a new image under the operator's External strategy, wave by wave. In every shard replicas first, one at a time and
# only while all others acknowledge; then one planned reparent to an upgraded replica that is level, and the old primary at once after it. What an
# unplanned failover or a lost disk leaves behind is restored before anything else is touched. Interrupted, it may be run again from the top.
set -euo pipefail

KEYSPACE=commerce
NEW=mysql:8.0.40 OLD=mysql:8.0.36
IMAGE=.spec.containers[0].image
READY=.status.containerStatuses[0].ready
undo=()

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


tablets() { vtctldclient GetTablets --keyspace "$KEYSPACE" --shard "$1" --tablet-type "$2" | cut -d' ' -f1; }
change_to() { kubectl patch vitesscluster example --type merge --patch "{\"spec\":{\"images\":{\"mysqld\":{\"mysql80Compatible\":\"$1\"}}}}"; }
versions() { kubectl get pods "$@" -o "custom-columns=V:$IMAGE,R:$READY" --no-headers; }
release() { kubectl annotate pods "$@" rollout.planetscale.com/released=now --overwrite; }

# all_run WANTED OTHER PODS…: every one of them, and is Ready
all_run() {
  local table
  table=$(versions "${@:3}") || return 1
  grep -qE "$1 +true" <<< "$table" && ! grep -qE "$2|false|<none>" <<< "$table"
}
# whole SHARD: one primary and three replicas, nobody behind
whole() {
  local table
  table=$(vtctldclient ShardReplicationPositions "$KEYSPACE/$1") || return 1
  awk '$4 == "primary" { primaries++ }
    ($4 == "primary" || $4 == "replica") && $9 ~ /^MySQL56/ && $10 ~ /^[01]$/ { well++ }
    END { exit !(NR == 4 && well == 4 && primaries >= 1) }' <<< "$table"
}
leader_of() {
  primary=$(tablets "$1" primary) || return 1
  [[ $primary =~ ^[a-z0-9]+-[0-9]+$ ]]
}
runs() { runs=$(kubectl get pod "example-vttablet-$1" -o "jsonpath={$IMAGE}"); }
is_replica() { vtctldclient GetTablets --tablet-alias "$1" | grep -q ' replica '; }
durable() { vtctldclient GetKeyspaces | grep -qE '"durability_policy": "(semi_sync|cross_cell)'; }

list_waves() {
  waves=$(kubectl get vitessshards -o jsonpath='{range .items[*]}{.metadata.labels.rollout/wave}{"\n"}{end}' | sort -u) || return 1
  [[ -n $waves ]]
}
list_shards() {
  shards=$(kubectl get vitessshards -l "rollout/wave=$1" -o jsonpath='{range .items[*]}{.spec.name}{"\n"}{end}') || return 1
  [[ -n $shards ]]
}
lost_disks() { lost=$(kubectl get pvc -l "rollout/wave=$1" -o custom-columns=N:.metadata.name,P:.status.phase --no-headers | awk '$2 == "Lost" { print $1 }'); }
list_stale() { stale=$(kubectl get pods -l "rollout/wave=$1" -o "custom-columns=N:.metadata.name,V:$IMAGE,R:$READY" --no-headers | awk -v old="$OLD" '$2 == old && $3 == "false" { print $1 }'); }
type_of() { type=$(vtctldclient GetTablets --tablet-alias "$1" | cut -d' ' -f4); }
drained() { sick=$(tablets "$1" drained); }
units_of() { units=$(kubectl get pods -l "rollout/wave=$1,planetscale.com/tablet-index=$2,rollout/last!=yes" -o custom-columns=N:.metadata.name --no-headers); }
units_left() { units=$(kubectl get pods -l "rollout/wave=$1" -o "custom-columns=N:.metadata.name,V:$IMAGE" --no-headers | awk -v old="$OLD" '$2 == old { print $1 }'); }

# --- taking it back

begin() { undo+=("$*"); }
undo_change() { retry 60 10 change_to "$OLD"; }
undo_roll() {
  retry 60 10 change_to "$OLD" || return 1
  retry 60 10 release -l "rollout/wave=$1" || return 1
  await 0 10 14400 all_run "$OLD" "$NEW" -l "rollout/wave=$1"
}
roll_back() {
  local i
  for (( i = ${#undo[@]} - 1; i >= 0; i-- )); do
    log "undo: ${undo[i]}"
    ${undo[i]} || return 1
  done
}
on_exit() {
  local status=$?
  trap - EXIT
  if (( status != 0 )); then
    set +e
    roll_back
  fi
  exit "$status"
}
trap on_exit EXIT
trap 'exit 130' INT TERM

# --- the steps

# settle WAVE: whatever stands in the way of wholeness is put right, until every shard of the wave is whole for a minute
settle() {
  local wave=$1 disk pod patient shard
  retry 60 10 lost_disks "$wave" || die "nobody knows which disks are lost"
  for disk in $lost; do
    # It gets a new one, which is filled from the latest backup.
    kubectl delete pvc "$disk" --wait=false || true
    kubectl delete pod "$disk" --grace-period=0 --force || true
  done
  # Behind a newer primary they would never be well, and the operator waits for them.
  retry 60 10 list_stale "$wave" || die "nobody knows which tablets are not well"
  for pod in $stale; do
    retry 60 10 type_of "${pod#*-*-}" || die "$pod has no type"
    if [[ $type == replica ]]; then kubectl delete pod "$pod" --wait=false || true; fi
  done
  for shard in $shards; do
    retry 120 10 drained "$shard" || die "nobody knows who is drained"
    for patient in $sick; do
      retry 10 60 vtctldclient RestoreFromBackup "$patient" || true
      # What was put aside stays aside, restored or not.
      retry 10 10 vtctldclient ChangeTabletType "$patient" replica || true
    done
    await 60 10 600 whole "$shard" || return 1
  done
}

# reparent SHARD: to an upgraded replica; and the old primary is replaced at once after it, as it need not follow a newer one for long
reparent() {
  local shard=$1
  retry 120 10 leader_of "$shard" || die "nobody leads $shard"
  retry 60 10 runs "$primary" || die "$primary does not say what it runs"
  [[ $runs == "$OLD" ]] || return 0
  # Another one within a minute would not be buffered.
  retry 3 90 vtctldclient PlannedReparentShard "$KEYSPACE/$shard" --avoid-primary "$primary" --tolerable-replication-lag 1s --allow-cross-cell-promotion || return 1
  await 0 5 300 is_replica "$primary" || return 1
  retry 60 10 kubectl delete pod "example-vttablet-$primary" --wait=false || die "$primary cannot be replaced"
}

# turn WAVE ROUND: 1 when something came in between, so that all of it is looked at again
turn() {
  local wave=$1 round=$2 shard
  settle "$wave" || return 1
  if [[ $round == primary ]]; then
    for shard in $shards; do
      reparent "$shard" || return 1
    done
    retry 60 10 units_left "$wave" || die "nobody knows what is left on the old version"
  else
    retry 60 10 units_of "$wave" "$round" || die "nobody knows the pods of round $round"
  fi
  if [[ -n $units ]]; then
    begin undo_roll "$wave"
    retry 60 10 release $units || return 1
    await 0 10 1200 all_run "$NEW" "$OLD" $units || return 1
  fi
  [[ $round != primary ]] || await 0 10 1200 all_run "$NEW" "$OLD" -l "rollout/wave=$wave"
}

begin undo_change
retry 60 10 change_to "$NEW" || die "the cluster cannot be changed"
retry 60 10 durable || die "an acknowledged write may be on one tablet only"
retry 60 10 list_waves || die "there are no waves"
for wave in $waves; do
  log "wave $wave"
  retry 60 10 list_shards "$wave" || die "wave $wave has no shards"
  for shard in $shards; do
    retry 120 10 leader_of "$shard" || die "nobody leads $shard"
    retry 60 10 kubectl label pod "example-vttablet-$primary" rollout/last=yes --overwrite || die "$primary cannot be marked"
  done
  # The last round only looks whether all are whole.
  for round in 1 2 3 4 primary after; do
    for tries in {1..100}; do
      if turn "$wave" "$round"; then break; fi
      (( tries < 100 )) || die "round $round of wave $wave comes to no end"
    done
  done
done
await 0 10 3600 all_run "$NEW" "$OLD" -l planetscale.com/component=vttablet || die "not all tablets run the new version"
log "done: all tablets run $NEW"
