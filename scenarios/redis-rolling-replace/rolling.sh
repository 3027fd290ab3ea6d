#!/usr/bin/env bash
# Upgrades the pods of a Redis Cluster one at a time: replicas first, then each master, which its upgraded replica relieves of its slots before
# it is touched. Roles are asked for each time, never inferred from names; nothing is forgotten. No step leaves the cluster worse off, so
# nothing is taken back: interrupted, it is run again from the top.
set -euo pipefail

NAME=${NAME:-redis}
IMAGE=${IMAGE:-redis:7.2.5}
VERSION=${VERSION:-7.2.5}
MEMBERS=${MEMBERS:-6}

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

# ask POD COMMAND…: what the server in a pod answers, in lines that end as lines do here
ask() { kubectl exec "$1" -- redis-cli "${@:2}" | tr -d '\r'; }

# well POD: it is ok and sees all slots and members
well() {
  local info
  info=$(ask "$1" cluster info) || return 1
  grep -qx 'cluster_state:ok' <<< "$info" && grep -qx 'cluster_slots_ok:16384' <<< "$info" && grep -qx "cluster_known_nodes:$MEMBERS" <<< "$info"
}
# connected POD: to all members, none of which fails
connected() {
  local nodes
  nodes=$(ask "$1" cluster nodes) || return 1
  [[ $(grep -c . <<< "$nodes") == "$MEMBERS" ]] && ! grep -qE 'fail|handshake|noaddr|disconnected' <<< "$nodes"
}
knows() { ask "$1" cluster nodes | grep "$2:6379@" | grep -q ' connected'; }

running() {
  running=$(ask "$1" info server | sed -n 's/^redis_version://p') || return 1
  [[ -n $running ]]
}
role() {
  role=$(ask "$1" role | head -1) || return 1
  [[ $role == master || $role == slave ]]
}
is() { role "$2" && [[ $role == "$1" ]]; }
# third line of a master's role: its replica's address; second line of a replica's: its master's
address_in_role() {
  address=$(ask "$1" role | sed -n "$2p") || return 1
  [[ $address =~ ^[0-9]+(\.[0-9]+){3}$ ]]
}
pod_at() {
  replica=$(kubectl get pods -l "app=$NAME" -o jsonpath='{range .items[*]}{.status.podIP}{" "}{.metadata.name}{"\n"}{end}' | awk -v ip="$1" '$1 == ip { print $2 }') || return 1
  [[ -n $replica ]]
}
address_of() {
  address=$(kubectl get pod "$1" -o jsonpath='{.status.podIP}') || return 1
  [[ $address == [0-9]* ]]
}
level() { ask "$1" info replication | grep -qE "^slave0:ip=$2,port=6379,state=online,offset=[0-9]+,lag=[01]\$"; }
follows() {
  local info
  info=$(ask "$1" info replication) || return 1
  grep -qx 'role:slave' <<< "$info" && grep -qx 'master_link_status:up' <<< "$info"
}
in_step() {
  local info
  info=$(ask "$1" info replication) || return 1
  grep -qx 'role:master' <<< "$info" && return 0
  grep -qx 'master_link_status:up' <<< "$info" && grep -qx 'master_sync_in_progress:0' <<< "$info"
}
linked() {
  local info
  info=$(ask "$1" info replication) || return 1
  grep -qx 'role:slave' <<< "$info" && grep -qx 'master_link_status:up' <<< "$info" && grep -qx 'master_sync_in_progress:0' <<< "$info"
}
loaded() {
  local info
  info=$(ask "$1" info) || return 1
  grep -qx "redis_version:$VERSION" <<< "$info" && grep -qx 'loading:0' <<< "$info" && grep -q '^role:' <<< "$info"
}
meet() { [[ $(redis-cli -h "$1" cluster meet "$2" 6379) == OK ]]; }
list_members() {
  pods=$(kubectl get pods -l "app=$NAME" -o jsonpath='{range .items[*]}{.metadata.name}{"\n"}{end}') || return 1
  [[ $(wc -w <<< "$pods") == "$MEMBERS" ]]
}

# hand_over POD: its replica takes over. 1: not now, try again; 2: asked for in vain, so not again before the last election is forgotten
hand_over() {
  local pod=$1 node
  for node in $pods; do
    await 2 1 1200 connected "$node" || die "$node is not connected to all members"
  done
  await 0 1 120 address_in_role "$pod" 3 || return 2
  retry 30 5 pod_at "$address" || return 1
  await 2 1 900 level "$pod" "$address" || return 1
  log "$replica is asked to take over from $pod"
  [[ $(kubectl exec "$replica" -- redis-cli cluster failover) == OK ]] || return 2
  await 0 0.5 8 is master "$replica" || return 2
  await 0 1 120 follows "$pod" || return 2
}

relieve() {
  local pod=$1 tries status
  for tries in {1..100}; do
    status=0
    hand_over "$pod" || status=$?
    (( status != 0 )) || return 0
    (( status == 2 )) || continue
    # An election within four times the node time-out of the last one would fail.
    sleep 65
    await 0 2 1200 role "$pod" || die "$pod does not say what it is"
    [[ $role == master ]] || return 0
  done
  die "$pod is still the master"
}

# replace POD: 1 if it is no replica after all
replace() {
  local pod=$1 node tries master=''
  for node in $pods; do
    await 0 1 1200 connected "$node" || die "$node is not connected to all members"
  done
  # One that cannot follow a newer master any more is no copy, and is replaced all the same.
  await 0 1 180 linked "$pod" || true
  for tries in {1..20}; do
    await 0 1 120 is slave "$pod" || return 1
    if retry 30 2 address_in_role "$pod" 2; then
      master=$address
      break
    fi
  done
  [[ -n $master ]] || die "$pod does not name its master"
  log "$pod is replaced"
  timeout 10m kubectl delete pod "$pod" || true
  await 0 1 1800 loaded "$pod" || die "$pod does not answer with the new version"
  retry 60 2 address_of "$pod" || die "$pod has no address"
  local new=$address
  # It learns its own address from another node.
  retry 5 2 meet "$master" "$new" || true
  await 2 1 1800 in_step "$pod" || die "$pod does not follow again"
  for node in $pods; do
    await 0 1 1200 knows "$node" "$new" || die "$node does not know $pod at its new address"
  done
}

# upgrade TURN POD: what it is and runs is asked for anew as often as it turns out to be something else
upgrade() {
  local turn=$1 pod=$2 tries
  for tries in {1..20}; do
    await 0 2 1200 running "$pod" || die "$pod does not say what it runs"
    await 0 2 1200 role "$pod" || die "$pod does not say what it is"
    [[ $running != "$VERSION" ]] || return 0
    if [[ $role == master ]]; then
      [[ $turn == all ]] || return 0
      relieve "$pod"
    fi
    if replace "$pod"; then return 0; fi
  done
  die "$pod cannot be replaced"
}

retry 30 10 list_members || die "there are not $MEMBERS members"
log "nothing is touched unless every node says that all is well"
for node in $pods; do
  await 0 2 1200 well "$node" || die "$node is not ok"
  await 0 2 1200 connected "$node" || die "$node is not connected to all members"
done
log "what is created from now on has the new image (OnDelete, so nothing is restarted by itself)"
retry 60 5 kubectl patch statefulset "$NAME" --patch "{\"spec\":{\"updateStrategy\":{\"type\":\"OnDelete\",\"rollingUpdate\":null},\"template\":{\"spec\":{\"containers\":[{\"name\":\"redis\",\"image\":\"$IMAGE\"}]}}}}" || die "the StatefulSet cannot be patched"
for turn in replicas all; do
  for pod in $pods; do upgrade "$turn" "$pod"; done
done
for node in $pods; do
  await 0 5 1200 running "$node" || die "$node does not say what it runs"
  [[ $running == "$VERSION" ]] || die "$node runs $running"
  await 0 5 1200 well "$node" || die "$node is not ok"
done
log "done: all members run $VERSION"
