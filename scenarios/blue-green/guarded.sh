#!/usr/bin/env bash
# Moves a PostgreSQL database to a second cluster of the next major version, which logical replication fills. At the switch the poolers hold the clients,
# blue is fenced before anything else, green must have confirmed blue's last position, and replication runs backward before green opens. Until then
# everything is taken back; blue is deleted only after a soak in which it has followed green. Interrupted, it may be run again from the top.
set -euo pipefail

BLUE=blue-db-0 BLUE_SET=blue-db
GREEN=green-db-0 GREEN_SET=green-db
SERVICE=database
VERSION=17.5
# What this run has begun, for whoever runs it again.
STATE=$HOME/.blue-green

size=1 poolers='' end='' opened=''
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


equals() { [[ $("${@:2}") == "$1" ]]; }
blue() { timeout 30 psql -h "$BLUE.$BLUE_SET" "$@"; }
green() { timeout 30 psql -h "$GREEN.$GREEN_SET" "$@"; }
# green takes writes of its administrator only, who says so each time
on_green() { green -c "set default_transaction_read_only = off" "$@"; }
on_blue() { blue -c "set default_transaction_read_only = off" "$@"; }
pooler() { psql -h "$1" -p 6432 -U pgbouncer pgbouncer -c "$2"; }
writes() { equals 'INSERT 0 1' timeout 30 psql -h "$1" -Atc "insert into upgrade_heartbeat default values"; }
pods_of() { equals "$2" count kubectl get pods -l "app=$1" --no-headers; }
count() {
  local out
  out=$("$@") || return 1
  grep -c . <<< "$out" || true
}
route_to() { kubectl patch service "$SERVICE" --patch "{\"spec\":{\"selector\":{\"statefulset.kubernetes.io/pod-name\":\"$1\"}}}"; }
follows() {
  equals 1 blue -Atc "select count(*) from pg_stat_replication where application_name = 'green'
    and state = 'streaming' and pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) <= 1048576"
}
no_long_transaction() { equals 0 blue -Atc "select count(*) from pg_stat_activity where xact_start < now() - interval '2 seconds'"; }
list_poolers() {
  poolers=$(kubectl get endpoints pgbouncer -o jsonpath='{range .subsets[*].addresses[*]}{.ip}{"\n"}{end}') || return 1
  [[ -n $poolers ]]
}
resume_poolers() {
  local each
  for each in $poolers; do pooler "$each" RESUME || true; done
}
pause_poolers() {
  local each
  for each in $poolers; do
    timeout 3 psql -h "$each" -p 6432 -U pgbouncer pgbouncer -c PAUSE || return 1
  done
}

# --- taking it back

begin() {
  undo+=("$*")
  remember
}
remember() { declare -p size poolers opened undo > "$STATE"; }

undo_provision() {
  retry 360 10 kubectl scale statefulset "$GREEN_SET" --replicas=0 || return 1
  await 0 5 3600 pods_of "$GREEN_SET" 0 || true
  retry 60 10 kubectl delete pvc -l "app=$GREEN_SET" --ignore-not-found --wait=false || true
}
undo_replicate() {
  retry 6 5 on_green -c "drop subscription if exists green" || true
  retry 60 5 blue -c "select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = 'green' and not active" || true
}
undo_pause() { resume_poolers; }
undo_fence() {
  retry 720 5 blue -c "alter system reset default_transaction_read_only" -c "select pg_reload_conf()" || return 1
  await 0 1 3600 writes "$BLUE.$BLUE_SET" || true
}
undo_stop_forward() { retry 6 5 on_green -c "alter subscription green enable" || true; }
undo_backward() {
  retry 6 5 on_blue -c "drop subscription if exists blue" && return 0
  # Green does not answer: without it.
  on_blue -c "alter subscription blue disable" -c "alter subscription blue set (slot_name = none)" -c "drop subscription if exists blue" || true
}
undo_route() { retry 360 5 route_to "$BLUE"; }

roll_back() {
  local i
  for (( i = ${#undo[@]} - 1; i >= 0; i-- )); do
    log "undo: ${undo[i]}"
    ${undo[i]} || return 1
  done
  undo=()
  rm -f "$STATE"
}
on_exit() {
  local status=$?
  trap - EXIT
  if (( status != 0 )) && [[ -z $opened ]]; then
    set +e
    roll_back
  fi
  exit "$status"
}
trap on_exit EXIT
trap 'exit 130' INT TERM

# --- the steps

preconditions() {
  retry 20 5 heartbeat || die "blue has no table to prove writes with, or does not replicate logically"
  await 0 2 300 writes "$BLUE.$BLUE_SET" || die "blue takes no writes"
  retry 20 5 measure || die "nobody knows how many members blue has"
}
# green gets as many members as blue has
measure() {
  size=$(kubectl get statefulset "$BLUE_SET" -o jsonpath={.spec.replicas}) || return 1
  [[ $size =~ ^[1-9][0-9]*$ ]]
}
redundant() {
  equals t green -Atc "select count(*) >= $size - 1 from pg_stat_replication
    where application_name like '$GREEN_SET-%' and state = 'streaming'"
}
heartbeat() {
  blue -c "create table if not exists upgrade_heartbeat (id serial, at timestamptz default now())" && equals 1 blue -Atc "select 1 from pg_settings where name = 'wal_level' and setting = 'logical'"
}

provision() {
  begin undo_provision
  retry 20 10 kubectl scale statefulset "$GREEN_SET" --replicas="$size" || die "green cannot be made"
  await 0 5 2700 equals on green -Atc "show default_transaction_read_only" || die "green does not answer, or takes writes"
  retry 20 5 equals "$VERSION" green -Atc "show server_version" || die "green is not of version $VERSION"
  await 10 5 3600 redundant || die "green has not as many standbys as blue"
}

publish() {
  blue -c "create publication upgrade for all tables" || true
  await 0 5 300 equals 1 blue -Atc "select count(*) from pg_publication where pubname = 'upgrade'"
}
subscribe() {
  timeout 30m psql -h "$GREEN.$GREEN_SET" -c "set default_transaction_read_only = off" \
    -c "create table if not exists upgrade_heartbeat (id serial, at timestamptz default now())" \
    -c "create subscription green connection 'host=$BLUE.$BLUE_SET dbname=appdb user=replicator' publication upgrade" || true
  await 0 5 60 equals 1 green -Atc "select count(*) from pg_subscription where subname = 'green' and subenabled"
}
replicate() {
  begin undo_replicate
  retry 100 0 publish || die "blue does not publish"
  retry 100 0 subscribe || die "green does not subscribe"
  await 0 10 14400 equals 1 green -Atc "select count(*) from pg_subscription_rel where srsubstate = 'r'" || die "not every table is copied"
  await 60 5 7200 follows || die "green does not follow"
}

fence_blue() {
  timeout 10 psql -h "$BLUE.$BLUE_SET" -c "alter system set default_transaction_read_only = 'on'" -c "select pg_reload_conf()" &&
    timeout 10 psql -h "$BLUE.$BLUE_SET" -c "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'app_user'"
}
blue_end() {
  end=$(timeout 5 psql -h "$BLUE.$BLUE_SET" -Atc "select pg_current_wal_lsn()") || return 1
  [[ $end =~ ^[0-9A-F]+/[0-9A-F]+$ ]]
}
reverse() {
  timeout 15 psql -h "$GREEN.$GREEN_SET" -c "set default_transaction_read_only = off" -c "create publication upgrade_back for all tables" &&
    timeout 15 psql -h "$BLUE.$BLUE_SET" -c "set default_transaction_read_only = off" \
      -c "create subscription blue connection 'host=$GREEN.$GREEN_SET dbname=appdb user=replicator' publication upgrade_back with (copy_data = false, origin = none)"
}
open_green() { green -c "alter system set default_transaction_read_only = 'off'" -c "select pg_reload_conf()"; }

switch() {
  local tries each
  await 20 2 3600 follows || die "green does not follow"
  await 10 2 3600 redundant || die "green has not as many standbys as blue"
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
    await 20 2 3600 follows || die "green does not follow"
  done
  begin undo_fence
  fence_blue || die "blue cannot be fenced"
  await 0 0.1 10 equals on blue -Atc "show default_transaction_read_only" || die "blue does not say that it is fenced"
  blue_end || die "nobody knows where blue's history ends"
  await 0 0.1 15 equals 1 blue -Atc "select count(*) from pg_replication_slots where slot_name = 'green' and confirmed_flush_lsn >= '$end'" || die "green has not confirmed all of it"
  begin undo_stop_forward
  timeout 10 psql -h "$GREEN.$GREEN_SET" -c "set default_transaction_read_only = off" -c "alter subscription green disable" || die "green does not stop reading"
  begin undo_backward
  reverse || die "blue does not read from green"
  await 0 0.1 10 equals 1 green -Atc "select count(*) from pg_stat_replication where application_name = 'blue' and state = 'streaming'" || die "nothing streams backward"
  begin undo_route
  timeout 10 kubectl patch service "$SERVICE" --patch "{\"spec\":{\"selector\":{\"statefulset.kubernetes.io/pod-name\":\"$GREEN\"}}}" || die "the Service cannot be changed"
  # From here on there is no way back.
  opened=yes
  undo=()
  remember
}
go_live() {
  local each
  retry 1000 1 open_green || die "green cannot be opened"
  await 0 0.1 3600 writes "$SERVICE" || true
  for each in $poolers; do retry 60 1 pooler "$each" RESUME || true; done
}

forget_forward() {
  green -c "alter subscription green disable" -c "alter subscription green set (slot_name = none)" -c "drop subscription if exists green" || true
  await 0 5 120 equals 0 green -Atc "select count(*) from pg_subscription"
}
retire_blue() {
  await 0 5 3600 writes "$SERVICE" || die "green takes no writes"
  await 60 5 3600 redundant || die "green has not as many standbys as blue"
  retry 100 0 forget_forward || die "green does not forget its subscription"
  retry 60 10 kubectl delete statefulset "$BLUE_SET" --ignore-not-found --timeout=10m || die "blue cannot be deleted"
  await 0 5 3600 pods_of "$BLUE_SET" 0 || die "blue does not go"
  retry 60 10 kubectl delete pvc -l "app=$BLUE_SET" --ignore-not-found --wait=false || die "the volumes of blue cannot be deleted"
  retry 60 5 green -c "select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = 'blue' and not active" || die "green keeps log for blue"
}

if [[ -s $STATE ]]; then
  log "an earlier run was interrupted"
  # shellcheck disable=SC1090
  source "$STATE"
  [[ -n $opened ]] || roll_back || die "what it had begun cannot be taken back"
fi
if [[ -z $opened ]]; then
  preconditions
  provision
  replicate
  sleep 600
  switch
fi
go_live
log "blue follows green for a while"
sleep 600
retire_blue
rm -f "$STATE"
log "done: green serves"
