#!/usr/bin/env bash
# Upgrades a MongoDB replica set: the secondaries first, each restarted only while all three members are healthy and level; then the primary steps
# down and is upgraded as a secondary; the feature compatibility version last, after a burn-in. Roles are read anew before each step. Whatever fails
# before that version is set is taken back, one member at a time. Interrupted, it may be run again from the top.
set -euo pipefail

URI='mongodb://mongo-0.mongo,mongo-1.mongo,mongo-2.mongo/?replicaSet=rs0'
MEMBERS='mongo-0 mongo-1 mongo-2'
OLD=7.0.14 NEW=8.0.4
OLD_FCV=7.0 NEW_FCV=8.0
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

equals() { [[ $("${@:2}") == "$1" ]]; }
set_says() { mongosh --quiet "$URI" --eval "$1"; }
member_says() { mongosh --quiet --host "$1.mongo" --eval "$2"; }

# members that are healthy and level, among them the primary; none if that is the member named
level() {
  equals "$1" set_says "const s = rs.status().members, p = s.find(m => m.stateStr === 'PRIMARY');
    p.name.startsWith('${2:-nobody}.') ? 0 : s.filter(m => m.health === 1 && (m === p || m.stateStr === 'SECONDARY' && p.optimeDate - m.optimeDate <= 2000)).length"
}
level_secondaries() {
  equals 2 set_says "const s = rs.status().members, p = s.find(m => m.stateStr === 'PRIMARY');
    s.filter(m => m.health === 1 && m.stateStr === 'SECONDARY' && p.optimeDate - m.optimeDate <= 1000).length"
}
level_again() {
  equals 1 set_says "const s = rs.status().members, p = s.find(m => m.stateStr === 'PRIMARY');
    s.filter(m => m.name.startsWith('$1.') && m.health === 1 && m.stateStr === 'SECONDARY' && p.optimeDate - m.optimeDate <= 2000).length"
}
others_carry() {
  local count
  count=$(set_says "rs.status().members.filter(m => m.health === 1 && !m.name.startsWith('$1.') && (m.stateStr === 'PRIMARY' || m.stateStr === 'SECONDARY')).length") || return 1
  [[ $count == 2 || $count == 3 ]]
}
fcv() { equals "$2" member_says "$1" "db.adminCommand({getParameter: 1, featureCompatibilityVersion: 1}).featureCompatibilityVersion.version"; }
is_secondary() { equals "$2 true" member_says "$1" "db.version() + ' ' + db.hello().secondary"; }
serves() { equals "$2 true" member_says "$1" "const h = db.hello(); db.version() + ' ' + (h.secondary || h.isWritablePrimary)"; }
oplog_window() {
  local hours
  hours=$(set_says "db.getReplicationInfo().timeDiffHours") || return 1
  awk -v hours="$hours" 'BEGIN { exit !(hours ~ /^[0-9.]+$/ && hours >= 1) }'
}
release() {
  release=$(member_says "$1" "db.version()") || return 1
  [[ $release =~ ^[0-9]+\.[0-9]+ ]]
}
primary_release() {
  release=$(set_says "db.version()") || return 1
  [[ $release =~ ^[0-9]+\.[0-9]+ ]]
}
image() { kubectl patch statefulset mongo --patch "{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"mongod\",\"image\":\"mongo:$1\"}]}}}}"; }
list_secondaries() {
  followers=$(set_says "rs.status().members.filter(m => m.stateStr === 'SECONDARY').map(m => m.name.split('.')[0]).join('\\n')") || return 1
  [[ $(wc -w <<< "$followers") == 2 ]]
}

# --- taking it back

begin() { undo+=("$*"); }
undo_image() { retry 60 10 image "$OLD"; }
undo_member() {
  retry 60 10 image "$OLD" || return 1
  await 0 5 2700 others_carry "$1" || return 1
  retry 30 10 kubectl delete pod "$1" --timeout=10m || return 1
  await 0 5 3600 serves "$1" "$OLD"
}
roll_back() {
  local i member
  for (( i = ${#undo[@]} - 1; i >= 0; i-- )); do
    log "undo: ${undo[i]}"
    ${undo[i]} || return 1
  done
  # Whoever was made anew with the new image by somebody else goes back as well.
  for member in $MEMBERS; do
    retry 120 10 release "$member" || return 1
    [[ $release == "$NEW" ]] || continue
    undo_image || return 1
    await 0 5 2700 others_carry "$member" || return 1
    retry 30 10 kubectl delete pod "$member" --timeout=10m || return 1
    await 0 5 3600 serves "$member" "$OLD" || return 1
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

upgrade() {
  local member=$1
  await 5 5 1200 level 3 "$member" || die "not all are level, or $member is the primary"
  retry 6 10 kubectl delete pod "$member" --timeout=10m || die "$member cannot be deleted"
  await 0 5 3600 is_secondary "$member" "$NEW" || die "$member is no secondary of the new release"
}
hand_over() {
  local answer
  answer=$(set_says "db.version() === '$NEW' ? 'done' : rs.stepDown(120, 10).ok") || return 1
  [[ $answer == 1 || $answer == done ]]
}
yields() { equals 1 member_says "$1" "db.hello().isWritablePrimary ? rs.stepDown(120, 10).ok : 1"; }
set_fcv() { equals 1 set_says "db.adminCommand({setFeatureCompatibilityVersion: '$NEW_FCV', confirm: true, writeConcern: {wtimeout: 60000}}).ok"; }

# finish: from here on there is no way back
finish() {
  local member
  trap - EXIT
  retry 60 10 set_fcv || die "the feature compatibility version cannot be set"
  for member in $MEMBERS; do
    await 0 5 3600 fcv "$member" "$NEW_FCV" || die "$member does not have the feature compatibility version"
  done
  await 10 5 3600 level 3 || die "the set is not whole"
}

if fcv "${MEMBERS%% *}" "$NEW_FCV"; then
  log "an earlier run was interrupted at its end"
  finish
  exit 0
fi

log "nothing is touched unless all is well"
await 10 5 900 level 3 || die "the set is not healthy and level"
for member in $MEMBERS; do
  await 0 5 600 fcv "$member" "$OLD_FCV" || die "$member is not on the feature compatibility version of the old release"
done
await 0 5 600 oplog_window || die "the oplog does not reach back an hour"
await 0 5 600 equals majority set_says "db.adminCommand({getDefaultRWConcern: 1}).defaultWriteConcern.w" || die "writes are not acknowledged by a majority"
await 0 5 600 equals 1 set_says "new Set(rs.conf().members.map(m => m.priority)).size" || die "a member will want to take over"

log "the new image (OnDelete, so nothing moves yet)"
begin undo_image
retry 60 10 image "$NEW" || die "the StatefulSet cannot be patched"

retry 60 10 list_secondaries || die "there are no two secondaries"
for member in $followers; do
  retry 120 10 release "$member" || die "$member does not say what it runs"
  [[ $release == "$OLD" ]] || continue
  log "$member is upgraded"
  begin undo_member "$member"
  upgrade "$member"
  await 10 5 3600 level_again "$member" || die "$member is not level again"
done

log "the primary hands over"
await 10 5 1200 level_secondaries || die "the secondaries are not level"
retry 60 10 primary_release || die "nobody knows what the primary runs"
if [[ $release == "$OLD" ]]; then
  retry 10 15 hand_over || die "the primary does not step down"
fi
await 0 2 600 equals "true $NEW" set_says "db.hello().isWritablePrimary + ' ' + db.version()" || die "no upgraded member is primary"
await 0 2 600 equals true set_says "db.upgrade.insertOne({step: 'handed over'}, {writeConcern: {w: 'majority', wtimeout: 5000}}).acknowledged" || die "a write is not acknowledged by a majority"

for member in $MEMBERS; do
  retry 120 10 release "$member" || die "$member does not say what it runs"
  [[ $release == "$OLD" ]] || continue
  log "$member is left on the old release"
  begin undo_member "$member"
  retry 10 15 yields "$member" || die "$member stays primary"
  upgrade "$member"
done

await 10 5 3600 level 3 || die "the set is not healthy and level"
log "burn-in; the way back is open until the next step"
sleep 600
await 10 5 3600 level 3 || die "the set is not healthy and level"
for member in $MEMBERS; do
  await 0 5 3600 equals "$NEW" member_says "$member" "db.version()" || die "$member does not run the new release"
done

finish
log "done: all members run $NEW"
