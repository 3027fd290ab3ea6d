#!/usr/bin/env bash
# Upgrades a Redis Cluster one shard at a time: its replica first, which then relieves its master of the slots, then what was the master. A node
# more than usual joins for the while and follows the shard in hand, so that two copies are whole at any time. Roles are asked for each time, never
# inferred from names. No step leaves the cluster worse off, so nothing is taken back: interrupted, it is run again from the top.
set -euo pipefail

NAME=${NAME:-redis}
IMAGE=${IMAGE:-redis:7.2.5}
VERSION=${VERSION:-7.2.5}
MEMBERS=${MEMBERS:-6}
SPARE=${SPARE:-$NAME-$MEMBERS}
SEED=${SEED:-$NAME-0}
# bytes that a replica may be behind to count as level: some three seconds of a shard's writes
LEVEL=${LEVEL:-200000}

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
# each POD COMMAND…: what every node answers that this one knows
each() { kubectl exec "$1" -- sh -c "for h in \$(redis-cli cluster nodes | cut -d' ' -f2 | cut -d: -f1); do redis-cli -h \$h ${*:2}; done" | tr -d '\r'; }

# connected POD N: N nodes, each connected to all, none of which fails
connected() {
  local nodes
  nodes=$(each "$1" cluster nodes) || return 1
  [[ $(grep -c . <<< "$nodes") == $(( $2 * $2 )) ]] && ! grep -qE '\bfail|handshake|noaddr|disconnected' <<< "$nodes"
}
# healthy: each member is ok and sees all slots and members
healthy() { [[ $(each "$SEED" cluster info | grep -cE "^cluster_(state:ok|slots_ok:16384|known_nodes:$MEMBERS)\$") == $(( 3 * MEMBERS )) ]]; }
# known ADDRESS N: all N nodes know a node there
known() {
  local lines
  lines=$(each "$SPARE" cluster nodes | grep "$1:6379@") || return 1
  [[ $(grep -c . <<< "$lines") == "$2" ]] && ! grep -qE '\bfail|handshake|noaddr|disconnected' <<< "$lines"
}
linked() { [[ -z $(each "$1" info replication | grep 'master_link_status:down') ]]; }

running() {
  running=$(ask "$1" info server | sed -n 's/^redis_version://p') || return 1
  [[ -n $running ]]
}
role() {
  role=$(ask "$1" role | head -1) || return 1
  [[ $role == master || $role == slave ]]
}
is() { role "$2" && [[ $role == "$1" ]]; }
# second line of a replica's role: its master's address
master_of() {
  address=$(ask "$1" role | sed -n 2p) || return 1
  [[ $address =~ ^[0-9]+(\.[0-9]+){3}$ ]]
}
pod_at() {
  found=$(kubectl get pods -l "app=$NAME" -o jsonpath='{range .items[*]}{.status.podIP}{" "}{.metadata.name}{"\n"}{end}' | awk -v ip="$1" '$1 == ip { print $2 }') || return 1
  [[ -n $found ]]
}
address_of() {
  address=$(kubectl get pod "$1" -o jsonpath='{.status.podIP}') || return 1
  [[ $address == [0-9]* ]]
}
shard_of() {
  shard=$(ask "$1" cluster nodes | grep myself | cut -d' ' -f1,4 | tr ' ' '\n' | grep '^[0-9a-f]' | tail -1) || return 1
  [[ ${#shard} == 40 ]]
}
# level POD: linked to its master, and where that is
level() {
  local info theirs
  info=$(ask "$1" info replication) || return 1
  grep -qx 'master_link_status:up' <<< "$info" || return 1
  theirs=$(ask "$1" -h "$(sed -n 's/^master_host://p' <<< "$info")" info replication | sed -n 's/^master_repl_offset://p') || return 1
  [[ -n $theirs ]] && (( theirs - $(sed -n 's/^slave_repl_offset://p' <<< "$info") <= LEVEL ))
}
follows() {
  local info
  info=$(ask "$1" info replication) || return 1
  grep -qx 'role:slave' <<< "$info" && grep -qx 'master_link_status:up' <<< "$info"
}
in_step() { is master "$1" || level "$1"; }
serves() { is master "$1" && ask "$1" cluster info | grep -qx 'cluster_state:ok'; }
# its_replica POD: one with a link to it that is not the spare; failing that the spare
its_replica() {
  address=$(ask "$1" info replication | grep state=online | grep -v "ip=$spare_address," | cut -d= -f2 | cut -d, -f1 | head -1) || return 1
  [[ -n $address ]]
}
loaded() {
  local info
  info=$(ask "$1" info) || return 1
  grep -qx "redis_version:$VERSION" <<< "$info" && grep -qx 'loading:0' <<< "$info" && grep -q '^role:' <<< "$info"
}
says_ok() { [[ $("$@") == OK ]]; }
migration() { [[ $(each "$SEED" config set cluster-allow-replica-migration "$1" | grep -c '^OK$') -ge $MEMBERS ]]; }
list_members() {
  pods=$(kubectl get pods -l "app=$NAME" -o jsonpath='{range .items[*]}{.metadata.name}{"\n"}{end}') || return 1
  [[ $(wc -w <<< "$pods") == "$1" ]]
}

# relink NODES…: whoever has no link may still have an address that its master no longer has, so it is told again whom to follow
relink() {
  local node info master
  for node in "$@"; do
    info=$(ask "$node" info replication) || continue
    grep -qx 'master_link_status:down' <<< "$info" && grep -qx 'master_sync_in_progress:0' <<< "$info" || continue
    master=$(ask "$node" cluster nodes | grep myself | cut -d' ' -f4) || continue
    kubectl exec "$node" -- redis-cli cluster replicate "$master" || true
    await 0 2 30 follows "$node" || true
  done
}

# hand_over POD: its replica takes over. 2: asked for in vain, so not again before the last election is forgotten
hand_over() {
  local pod=$1
  if ! retry 30 2 its_replica "$pod"; then
    [[ $pod != "$SPARE" ]] || return 2
    address=$spare_address
  fi
  retry 30 5 pod_at "$address" || return 2
  local replica=$found
  await 2 1 900 level "$replica" || return 2
  log "$replica is asked to take over from $pod"
  says_ok kubectl exec "$replica" -- redis-cli cluster failover || return 2
  await 0 0.5 8 serves "$replica" || return 2
  await 0 1 120 follows "$pod" || return 2
}

# second_copy POD: the spare has all of its shard, too. 1: the spare itself leads, having had to step in
second_copy() {
  local follows
  retry 60 2 shard_of "$1" || die "$1 does not name its shard"
  follows=$(ask "$SPARE" cluster nodes | grep myself | cut -d' ' -f4) || return 1
  # Until it is level it holds another shard's data, and must not stand for election.
  if [[ $follows != "$shard" ]]; then
    kubectl exec "$SPARE" -- redis-cli config set cluster-replica-no-failover yes || true
    retry 3 2 says_ok kubectl exec "$SPARE" -- redis-cli cluster replicate "$shard" || return 1
  fi
  retry 60 2 address_of "$SPARE" || die "$SPARE has no address"
  spare_address=$address
  await 2 1 1800 level "$SPARE" || die "$SPARE does not become level"
  retry 60 2 says_ok kubectl exec "$SPARE" -- redis-cli config set cluster-replica-no-failover no || die "$SPARE cannot be configured"
}
spare_follows() { ask "$SPARE" info replication | grep -qE "^master_host:$1\$|^role:master\$"; }

# replace POD: 1 if it is no replica after all
replace() {
  local pod=$1
  await 0 1 1200 connected "$SPARE" $(( MEMBERS + 1 )) || die "a node is not connected to all the others"
  await 0 1 10 is slave "$pod" || return 1
  retry 30 2 master_of "$pod" || return 1
  local master=$address
  await 0 1 120 spare_follows "$master" || return 1
  log "$pod is replaced"
  timeout 10m kubectl delete pod "$pod" || true
  await 0 1 1800 loaded "$pod" || die "$pod does not answer with the new version"
  retry 60 2 says_ok kubectl exec "$pod" -- redis-cli config set cluster-allow-replica-migration no || die "$pod cannot be configured"
  retry 60 2 address_of "$pod" || die "$pod has no address"
  local new=$address
  # It learns its own address from another node.
  retry 5 2 says_ok redis-cli -h "$master" cluster meet "$new" 6379 || true
  await 2 1 1800 in_step "$pod" || die "$pod does not follow again"
  await 0 1 1200 known "$new" $(( MEMBERS + 1 )) || die "not every node knows $pod at its new address"
}

# upgrade POD: what it is and runs is asked for anew as often as it turns out to be something else
upgrade() {
  local pod=$1 tries
  for tries in {1..40}; do
    await 0 2 1200 running "$pod" || die "$pod does not say what it runs"
    await 0 2 1200 role "$pod" || die "$pod does not say what it is"
    [[ $running != "$VERSION" ]] || return 0
    await 0 1 1200 connected "$SPARE" $(( MEMBERS + 1 )) || die "a node is not connected to all the others"
    await 0 2 30 linked "$SPARE" || relink $everyone
    if ! second_copy "$pod"; then
      # An election within four times the node time-out of the last one would fail.
      hand_over "$SPARE" || sleep 65
      continue
    fi
    if [[ $role == master ]] && ! hand_over "$pod"; then
      sleep 65
      continue
    fi
    if replace "$pod"; then return 0; fi
  done
  die "$pod cannot be replaced"
}

retry 30 10 list_members "$MEMBERS" || die "there are not $MEMBERS members"
members=$pods
log "nothing is touched unless every node says that all is well"
await 0 2 1200 healthy || die "not every node is ok"
await 0 2 1200 connected "$SEED" "$MEMBERS" || die "a node is not connected to all the others"
# With two replicas in one shard, one of them would go to a shard that has lost its own; it must not.
retry 60 2 migration no || die "the nodes cannot be configured"
log "what is created from now on has the new image (OnDelete, so nothing is restarted by itself)"
retry 60 5 kubectl patch statefulset "$NAME" --patch "{\"spec\":{\"updateStrategy\":{\"type\":\"OnDelete\",\"rollingUpdate\":null},\"template\":{\"spec\":{\"containers\":[{\"name\":\"redis\",\"image\":\"$IMAGE\"}]}}}}" || die "the StatefulSet cannot be patched"
log "a node more, empty"
retry 60 5 kubectl scale statefulset "$NAME" --replicas=$(( MEMBERS + 1 )) || die "no node more"
await 0 2 1200 loaded "$SPARE" || die "$SPARE does not run"
retry 60 2 says_ok kubectl exec "$SPARE" -- redis-cli config set cluster-allow-replica-migration no || die "$SPARE cannot be configured"
for tries in {1..20}; do
  retry 60 2 address_of "$SPARE" || die "$SPARE has no address"
  spare_address=$address
  retry 60 2 says_ok kubectl exec "$SEED" -- redis-cli cluster meet "$spare_address" 6379 || die "$SPARE is not introduced"
  if await 0 1 120 known "$spare_address" $(( MEMBERS + 1 )); then break; fi
done
retry 30 10 list_members $(( MEMBERS + 1 )) || die "there is no member more"
everyone=$pods

for pod in $everyone; do
  await 0 2 1200 role "$pod" || die "$pod does not say what it is"
  [[ $role == slave ]] || continue
  upgrade "$pod"
  if is slave "$pod" && master_of "$pod" && pod_at "$address"; then upgrade "$found"; fi
done
# Whoever was left out because roles changed meanwhile.
for pod in $everyone; do upgrade "$pod"; done

log "the spare leaves"
for tries in {1..20}; do
  if [[ -z $(ask "$SPARE" cluster nodes | grep myself | cut -d' ' -f9) ]]; then break; fi
  hand_over "$SPARE" || sleep 65
done
spare_id=$(ask "$SPARE" cluster myid)
forgotten() {
  local node
  for node in $members; do
    kubectl exec "$node" -- redis-cli cluster forget "$spare_id" | grep -qE '^(OK|ERR Unknown node [0-9a-f]+)' || return 1
  done
}
retry 60 2 forgotten || die "$SPARE is not forgotten"
retry 60 5 kubectl scale statefulset "$NAME" --replicas="$MEMBERS" || die "$SPARE stays"
await 0 5 1200 list_members "$MEMBERS" || die "$SPARE stays"
all_new() { [[ $(each "$SEED" info server | grep -cx "redis_version:$VERSION") == "$MEMBERS" ]]; }
# Twice, longer apart than it takes to notice that a node is gone.
for look in once again; do
  if [[ $look == again ]]; then sleep 30; fi
  await 0 5 1200 all_new || die "not all run $VERSION"
  await 0 2 60 linked "$SEED" || relink $members
  await 0 2 1200 linked "$SEED" || die "a replica does not follow"
  retry 60 2 migration yes || die "the nodes cannot be configured"
  until await 0 5 120 connected "$SEED" "$MEMBERS"; do retry 60 2 forgotten || die "$SPARE is not forgotten"; done
  await 0 5 1200 healthy || die "not every node is ok"
done
log "done: all members run $VERSION"
