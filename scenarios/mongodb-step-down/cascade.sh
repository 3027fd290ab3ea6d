#!/usr/bin/env bash
# Upgrades a MongoDB replica set of three. Two members more, without a priority, carry it meanwhile: a majority is left when a fault takes one while another
# restarts. The secondaries first, each restarted only while all five are healthy and level; then the primary steps down and is upgraded as a secondary;
# the feature compatibility version after a burn-in; then the two go. Roles are read anew before each step. Whatever fails before that version is set is
# taken back, one member at a time. Interrupted, it may be run again from the top.
set -euo pipefail

URI='mongodb://mongo-0.mongo,mongo-1.mongo,mongo-2.mongo/?replicaSet=rs0'
MEMBERS='mongo-0 mongo-1 mongo-2'
EXTRAS='mongo-3 mongo-4'
EVERYONE="$EXTRAS $MEMBERS"
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
# all that there are; five when an earlier run was interrupted
sound() {
  equals true set_says "const s = rs.status().members, p = s.find(m => m.stateStr === 'PRIMARY');
    s.length >= 3 && s.every(m => m.health === 1 && (m === p || m.stateStr === 'SECONDARY' && p.optimeDate - m.optimeDate <= 2000))"
}
# members that are healthy and level, or the member named leads
level_or_leads() {
  standing=$(set_says "const s = rs.status().members, p = s.find(m => m.stateStr === 'PRIMARY');
    p.name.startsWith('$1.') ? 'it leads' : s.filter(m => m.health === 1 && (m === p || m.stateStr === 'SECONDARY' && p.optimeDate - m.optimeDate <= 2000)).length") || return 1
  [[ $standing == 5 || $standing == 'it leads' ]]
}
# so many vote, and so many are healthy and level
whole() {
  equals "$1 $1" set_says "const t = rs.status(), s = t.members, p = s.find(m => m.stateStr === 'PRIMARY');
    t.votingMembersCount + ' ' + s.filter(m => m.health === 1 && (m === p || m.stateStr === 'SECONDARY' && p.optimeDate - m.optimeDate <= 2000)).length"
}
# each of the three by its own word, all asked at once
there() { equals "true $NEW_FCV" member_says "$1" "['PRIMARY', 'SECONDARY'].includes(rs.status().members.find(m => m.self).stateStr) + ' ' + db.adminCommand({getParameter: 1, featureCompatibilityVersion: 1}).featureCompatibilityVersion.version"; }
each_there() {
  local member asked=() pid failed=0
  for member in $MEMBERS; do
    there "$member" & asked+=($!)
  done
  for pid in "${asked[@]}"; do
    wait "$pid" || failed=1
  done
  return "$failed"
}
level_secondaries() {
  equals 4 set_says "const s = rs.status().members, p = s.find(m => m.stateStr === 'PRIMARY');
    s.filter(m => m.health === 1 && m.stateStr === 'SECONDARY' && p.optimeDate - m.optimeDate <= 1000).length"
}
# by its own word: the others hear of its end seconds later
level_again() {
  equals 1 member_says "$1" "const s = rs.status().members, p = s.find(m => m.stateStr === 'PRIMARY');
    s.filter(m => m.self && (m === p || m.stateStr === 'SECONDARY' && p.optimeDate - m.optimeDate <= 2000)).length"
}
others_carry() {
  local count
  count=$(set_says "rs.status().members.filter(m => m.health === 1 && !m.name.startsWith('$1.') && (m.stateStr === 'PRIMARY' || m.stateStr === 'SECONDARY')).length") || return 1
  (( count >= 3 ))
}
add() { equals 1 set_says "rs.conf().members.some(m => m.host === '$1.mongo:27017') ? 1 : rs.add({host: '$1.mongo:27017', priority: 0, votes: 0}).ok"; }
give_vote() {
  equals 1 set_says "const c = rs.conf(), m = c.members.find(x => x.host === '$1.mongo:27017');
    if (m.votes === 0) { m.votes = 1; rs.reconfig(c).ok } else 1"
}
remove() { equals 1 set_says "rs.conf().members.some(m => m.host === '$1.mongo:27017') ? rs.remove('$1.mongo:27017').ok : 1"; }
scale() { kubectl scale statefulset mongo --replicas="$1"; }
fcv() { equals "$2" member_says "$1" "db.adminCommand({getParameter: 1, featureCompatibilityVersion: 1}).featureCompatibilityVersion.version"; }
synced() { equals true member_says "$1" "db.hello().secondary"; }
serves() { equals "$2 true" member_says "$1" "const h = db.hello(); db.version() + ' ' + (h.secondary || h.isWritablePrimary)"; }
oplog_window() {
  local hours
  hours=$(set_says "db.getReplicationInfo().timeDiffHours") || return 1
  awk -v hours="$hours" 'BEGIN { exit !(hours ~ /^[0-9.]+$/ && hours >= 1) }'
}
answers() { member_says "$1" "db.version()" > /dev/null; }
release() {
  release=$(member_says "$1" "db.version()") || return 1
  [[ $release =~ ^[0-9]+\.[0-9]+ ]]
}
primary_release() {
  release=$(set_says "db.version()") || return 1
  [[ $release =~ ^[0-9]+\.[0-9]+ ]]
}
image() { kubectl patch statefulset mongo --patch "{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"mongod\",\"image\":\"mongo:$1\"}]}}}}"; }
standing_of() {
  standing=$(member_says "$1" "db.version() + ' ' + db.hello().secondary") || return 1
  [[ $standing =~ ^[0-9]+\.[0-9]+ ]]
}

# three again: the two go, the last one first
three_again() {
  local extra
  for extra in mongo-4 mongo-3; do
    retry 60 10 remove "$extra" || return 1
    # Its number is how many are left.
    retry 60 10 scale "${extra#mongo-}" || return 1
    # Its controller waits while another one is not Ready; this one is to go now.
    retry 60 10 kubectl delete pod "$extra" --ignore-not-found --timeout=10m || return 1
    retry 60 10 kubectl delete pvc "data-$extra" --ignore-not-found --timeout=10m || return 1
  done
}

# --- taking it back

begin() { undo+=("$*"); }
undo_image() {
  local member
  retry 60 10 image "$OLD" || return 1
  # Whoever was made anew with the new image by somebody else goes back as well.
  for member in $MEMBERS; do
    retry 120 10 release "$member" || return 1
    if [[ $release == "$NEW" ]]; then undo_member "$member" || return 1; fi
  done
}
undo_member() {
  retry 60 10 image "$OLD" || return 1
  await 0 5 2700 others_carry "$1" || return 1
  retry 30 10 kubectl delete pod "$1" --timeout=10m || return 1
  await 0 5 3600 serves "$1" "$OLD"
}
roll_back() {
  local i
  for (( i = ${#undo[@]} - 1; i >= 0; i-- )); do
    log "undo: ${undo[i]}"
    ${undo[i]} || return 1
  done
  await 10 5 2700 whole 3
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
  retry 60 10 kubectl delete pod "$member" --timeout=10m || die "$member cannot be deleted"
  await 0 5 3600 serves "$member" "$NEW" || die "$member does not serve with the new release"
}
hand_over() {
  local answer
  answer=$(set_says "db.version() === '$NEW' ? 'done' : rs.stepDown(120, 10).ok") || return 1
  [[ $answer == 1 || $answer == done ]]
}
upgraded_leads() { equals "true $NEW" set_says "db.hello().isWritablePrimary + ' ' + db.version()"; }
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
  three_again || die "the two members more cannot be taken away"
  await 10 5 3600 whole 3 || die "the set is not whole"
  retry 60 10 each_there || die "a member does not say that it is there"
}

if fcv "${MEMBERS%% *}" "$NEW_FCV"; then
  log "an earlier run was interrupted at its end"
  finish
  exit 0
fi

log "nothing is touched unless all is well"
await 10 5 900 sound || die "the set is not healthy and level"
for member in $MEMBERS; do
  await 0 5 600 fcv "$member" "$OLD_FCV" || die "$member is not on the feature compatibility version of the old release"
done
await 0 5 600 oplog_window || die "the oplog does not reach back an hour"
await 0 5 600 equals majority set_says "db.adminCommand({getDefaultRWConcern: 1}).defaultWriteConcern.w" || die "writes are not acknowledged by a majority"
await 0 5 600 equals 1 set_says "new Set(rs.conf().members.map(m => m.priority).filter(p => p > 0)).size" || die "a member will want to take over"

log "two members more, on the old release"
begin three_again
retry 60 10 scale 5 || die "the StatefulSet cannot be scaled"
for extra in $EXTRAS; do
  await 0 5 1800 answers "$extra" || die "$extra does not run"
  retry 60 10 add "$extra" || die "$extra cannot be added"
  await 0 5 3600 synced "$extra" || die "$extra has no copy of the data"
done
# With four votes two losses would be too many: both votes come together.
for extra in $EXTRAS; do
  retry 60 10 give_vote "$extra" || die "$extra cannot vote"
done
await 5 5 1200 whole 5 || die "the five are not healthy and level"

log "the new image (OnDelete, so nothing moves yet)"
begin undo_image
retry 60 10 image "$NEW" || die "the StatefulSet cannot be patched"

log "the secondaries, those that never lead first"
for member in $EVERYONE; do
  retry 120 10 standing_of "$member" || die "$member does not say what it is"
  [[ $standing == "$OLD true" ]] || continue
  begin undo_member "$member"
  await 5 5 1200 level_or_leads "$member" || die "not all are level"
  # Whoever has come to lead meanwhile has its turn later.
  [[ $standing == 5 ]] || continue
  log "$member is upgraded"
  upgrade "$member"
  await 10 5 3600 level_again "$member" || die "$member is not level again"
done

log "the primary hands over"
await 10 5 1200 level_secondaries || die "the secondaries are not level"
retry 60 10 primary_release || die "nobody knows what the primary runs"
if [[ $release == "$OLD" ]]; then
  retry 10 15 hand_over || die "the primary does not step down"
fi
# An election may have brought back one of the old release: then it is asked, too.
until await 0 2 60 upgraded_leads; do
  await 10 5 1200 level_secondaries || die "the secondaries are not level"
  retry 10 15 hand_over || die "the primary does not step down"
done
await 0 2 600 equals true set_says "db.upgrade.insertOne({step: 'handed over'}, {writeConcern: {w: 'majority', wtimeout: 5000}}).acknowledged" || die "a write is not acknowledged by a majority"

for member in $EVERYONE; do
  retry 120 10 release "$member" || die "$member does not say what it runs"
  [[ $release == "$OLD" ]] || continue
  log "$member is left on the old release"
  begin undo_member "$member"
  retry 10 15 yields "$member" || die "$member stays primary"
  await 5 5 1200 level 5 "$member" || die "not all are level, or $member is the primary"
  upgrade "$member"
done

await 10 5 3600 level 5 || die "the set is not healthy and level"
log "burn-in; the way back is open until the next step"
sleep 600
await 10 5 3600 level 5 || die "the set is not healthy and level"
for member in $EVERYONE; do
  await 0 5 3600 equals "$NEW" member_says "$member" "db.version()" || die "$member does not run the new release"
done

finish
log "done: all members run $NEW"
