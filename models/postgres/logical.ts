/**
 * Logical replication: publications, subscriptions, their slots and apply workers. A subscription's {@link Subscription.copy} is how far the
 * publisher's commits have been applied; the subscriber's own log is another one (rule PG-LOGICAL-4). Source: D:logical-replication (rules PG-LOGICAL-1…11).
 */
import type { Bytes, Copy, Link } from '../../src/cluster/log/index.ts'
import { defineEvent, type Process, SECOND, type TimerId, type Us } from '../../src/kernel/index.ts'
import { UnsupportedError } from '../../src/operator/command.ts'
import type { DataDirectory, Slot } from './datadir.ts'
import { findServerByHost } from './hosts.ts'
import type { Merged } from './merged.ts'
import { addSlot } from './room.ts'
import type { Server } from './server.ts'
import type { SqlSession } from './sessions.ts'
import { parseConninfo } from './settings.ts'
import type { EffectResult, LogicalEffect } from './sql/host.ts'
import type { World } from './world.ts'

const CREATED = defineEvent('postgres.subscription-created')
const COPIED = defineEvent('postgres.subscription-synchronised')
const ATTACHED = defineEvent('postgres.subscription-streaming')
const DETACHED = defineEvent('postgres.subscription-lost')
const DROPPED = defineEvent('postgres.subscription-dropped')
const SLOT_LOST = defineEvent('postgres.subscription-slot-lost')

const done = (): EffectResult => ({ is: 'ok', value: null })
const error = (state: string, message: string, more: { detail?: string; hint?: string } = {}): EffectResult => ({ is: 'error', state, message, ...more })

/** One subscription, as the subscriber's catalog has it; it outlives processes. */
export class Subscription {
  enabled: boolean
  /** The publisher it streams from now. */
  publisher: Server | undefined
  /** Why it does not, for pg_stat_subscription and the log. */
  trouble = ''
  /** Delay that a fault adds; and how many faults stall the apply worker. */
  extraDelayUs: Us = 0
  private stalls = 0
  private readonly gone: (() => void)[] = []
  /** A table that the subscriber lacks and the publisher has sent a row for (rule PG-LOGICAL-6). */
  missingTable: string | undefined
  lastAttemptUs: Us = Number.NEGATIVE_INFINITY
  timer: TimerId | undefined
  pid = 0
  delayUs: Us = 0

  constructor(
    readonly name: string,
    readonly subscriber: DataDirectory,
    readonly conninfo: string,
    readonly publication: string,
    /** null = SET (slot_name = NONE). */
    public slotName: string | null,
    readonly origin: string,
    readonly copy: Copy,
    /** Initial synchronisation is over. */
    public copied: boolean,
    enabled: boolean,
  ) {
    this.enabled = enabled
  }

  get streaming(): boolean {
    return this.publisher !== undefined && this.copied
  }

  get confirmedLsn(): Bytes {
    return this.copy.lsn('flush')
  }

  /** Tells `listener` once when the connection to the publisher that it has now is over. */
  onGone(listener: () => void): void {
    this.gone.push(listener)
  }

  disconnected(): void {
    for (const listener of this.gone.splice(0)) listener()
  }

  /** The apply worker stands still; returns how to let it go on. */
  stall(): () => void {
    this.stalls += 1
    if (this.stalls === 1) this.copy.freeze('receive')
    let over = false
    return () => {
      if (over) return
      over = true
      this.stalls -= 1
      if (this.stalls === 0) this.copy.thaw('receive')
    }
  }
}

/** All subscriptions of a rehearsal: connects their apply workers, and again when that can be. */
export class LogicalReplication {
  private readonly all: Subscription[] = []
  private looking = false
  private again = false

  constructor(private readonly world: World) {
    world.onTopology(() => this.look())
  }

  /** There is, or was, a subscription. */
  get any(): boolean {
    return this.all.length > 0
  }

  /** The subscription through which a member takes another one's changes now. */
  streamingInto(member: string): Subscription | undefined {
    return this.all.find(subscription => subscription.streaming && subscription.subscriber.name === member)
  }

  /** How much of what its publisher has durable it has not confirmed, whether or not they are connected; Infinity when the slot is gone. */
  lagBytes(subscription: Subscription): Bytes {
    const publisher = this.world.directories.find(dir => [...dir.slots.values()].some(({ logical }) => logical === subscription))
    return publisher === undefined || publisher.destroyed ? Number.POSITIVE_INFINITY : Math.max(0, publisher.copy.lsn('flush') - subscription.confirmedLsn)
  }

  /** Those that read from a server through a slot. */
  readersOf(dir: DataDirectory): readonly Subscription[] {
    return [...dir.slots.values()].flatMap(({ logical }) => (logical === undefined ? [] : [logical]))
  }

  /** Carries out a statement. */
  *perform(session: SqlSession, effect: LogicalEffect): Process<EffectResult> {
    const { server } = session
    // default_transaction_read_only makes the transaction read-only unless the session says otherwise (rule PG-LOGICAL-8).
    if (!server.copy.leading || session.readsOnly) return error('25006', `cannot execute ${VERBS[effect.kind]} in a read-only transaction`)
    const { dir } = server
    switch (effect.kind) {
      case 'createPublication':
        if (dir.publications.has(effect.name)) return error('42710', `publication "${effect.name}" already exists`)
        dir.publications.add(effect.name)
        this.world.topologyChanged()
        return done()
      case 'dropPublication':
        for (const name of effect.names) if (!dir.publications.delete(name) && !effect.ifExists) return error('42704', `publication "${name}" does not exist`)
        this.world.topologyChanged()
        return done()
      case 'createSubscription':
        return yield* this.create(server, effect)
      case 'alterSubscription': {
        const subscription = dir.subscriptions.get(effect.name)
        if (subscription === undefined) return error('42704', `subscription "${effect.name}" does not exist`)
        if (effect.slotName !== undefined) {
          if (subscription.enabled) return error('55000', `cannot set slot_name = NONE for enabled subscription`)
          subscription.slotName = effect.slotName === 'none' ? null : effect.slotName
        }
        if (effect.enabled !== undefined) subscription.enabled = effect.enabled
        this.world.topologyChanged()
        return done()
      }
      case 'dropSubscription':
        return this.drop(server, effect)
    }
  }

  private *create(server: Server, effect: Extract<LogicalEffect, { kind: 'createSubscription' }>): Process<EffectResult> {
    const { world } = this
    const { dir } = server
    const { name, options } = effect
    if (dir.subscriptions.has(name)) return error('42710', `subscription "${name}" already exists`)
    if (options['connect'] === 'false' || options['create_slot'] === 'false') throw new UnsupportedError('a subscription that makes no slot is not modelled', ['create_slot = true'])
    const publisher = this.reach(server, effect.conninfo, name)
    if (typeof publisher === 'string') return error('08006', `could not connect to the publisher: ${publisher}`)
    const slot = options['slot_name'] ?? name
    if (publisher.settings.wal_level !== 'logical') return error('55000', `could not create replication slot "${slot}": ERROR:  logical decoding requires wal_level >= logical`)
    if (publisher.dir.slots.has(slot)) return error('42710', `could not create replication slot "${slot}": ERROR:  replication slot "${slot}" already exists`)
    const back = [...publisher.dir.subscriptions.values()].find(other => other.enabled && other.publisher === server)
    if (back !== undefined && options['origin'] !== 'none') throw new UnsupportedError(`${publisher.name} subscribes to ${server.name} already: two subscriptions in a circle send each change round and round`, ['ALTER SUBSCRIPTION … DISABLE first', 'WITH (origin = none) on both'])
    // A logical slot begins where every transaction that is open now has ended (rule PG-LOGICAL-2).
    yield Math.max(50_000, world.longTransactionUntilUs - world.sim.now)
    if (!server.alive || !publisher.alive || !publisher.copy.leading) return { is: 'lost' }
    const at = publisher.copy.position('flush')
    const copyData = options['copy_data'] !== 'false'
    const subscription = new Subscription(name, dir, effect.conninfo, effect.publication, slot, options['origin'] ?? 'any', world.log.copy(`${server.name}/${name}`, at), !copyData, options['enabled'] !== 'false')
    subscription.delayUs = world.timeUs('logicalDelayMs', `${dir.name}/${name}`)
    dir.subscriptions.set(name, subscription)
    addSlot(publisher, slot, at.lsn, subscription)
    if (!copyData) this.merges(dir, { by: subscription, copy: subscription.copy, since: at.lsn, bulkBytes: 0, bulkFromUs: world.sim.now })
    this.all.push(subscription)
    world.sim.note(CREATED, server.name, at.lsn, `${server.name} subscribes to ${publisher.name} (${copyData ? 'with a copy of what is there' : 'changes from now on only'})`)
    world.topologyChanged()
    const notices = publisher.dir.publications.has(effect.publication) ? [] : [{ severity: 'WARNING' as const, message: `publication "${effect.publication}" does not exist on the publisher` }]
    return { is: 'ok', value: null, notices: [...notices, { severity: 'NOTICE', message: `created replication slot "${slot}" on publisher` }] }
  }

  /** Drops the slot on the publisher too, and so needs to reach it (rule PG-LOGICAL-7). */
  private drop(server: Server, { name, ifExists }: Extract<LogicalEffect, { kind: 'dropSubscription' }>): EffectResult {
    const { dir } = server
    const subscription = dir.subscriptions.get(name)
    if (subscription === undefined) return ifExists ? { is: 'ok', value: null, notices: [{ severity: 'NOTICE', message: `subscription "${name}" does not exist, skipping` }] } : error('42704', `subscription "${name}" does not exist`)
    if (subscription.slotName !== null) {
      const publisher = this.reach(server, subscription.conninfo, name)
      if (typeof publisher === 'string') {
        return error('08006', `could not connect to publisher when attempting to drop replication slot "${subscription.slotName}": ${publisher}`, { hint: 'Use ALTER SUBSCRIPTION ... DISABLE to disable the subscription, and then use ALTER SUBSCRIPTION ... SET (slot_name = NONE) to disassociate it from the slot.' })
      }
      publisher.dir.slots.delete(subscription.slotName)
    }
    this.detach(subscription, 'it was dropped')
    dir.subscriptions.delete(name)
    subscription.enabled = false
    this.world.sim.note(DROPPED, server.name, 0, `${server.name} dropped its subscription ${name}`)
    this.world.topologyChanged()
    return done()
  }

  /** A row was written into a table of the runbook's own: a subscriber that lacks it cannot go on (rule PG-LOGICAL-6). */
  wrote(server: Server, table: string): void {
    for (const subscription of this.readersOf(server.dir)) {
      if (!subscription.copied || this.hasTable(subscription, table)) continue
      subscription.missingTable ??= table
      this.world.topologyChanged()
    }
  }

  private hasTable(subscription: Subscription, table: string): boolean {
    return this.world.tables.existsIn(table, subscription.subscriber.position)
  }

  /** Looks at every apply worker: who can go on, who cannot. */
  private look(): void {
    if (this.looking) {
      this.again = true
      return
    }
    this.looking = true
    do {
      this.again = false
      for (const subscription of this.all) this.lookAt(subscription)
    } while (this.again)
    this.looking = false
  }

  private lookAt(subscription: Subscription): void {
    const { sim } = this.world
    const server = this.subscriberOf(subscription)
    if (subscription.missingTable !== undefined && this.hasTable(subscription, subscription.missingTable)) subscription.missingTable = undefined
    const wanted = server !== undefined && subscription.enabled && subscription.missingTable === undefined
    if (subscription.publisher !== undefined) {
      const why = wanted ? this.brokenBy(subscription, server) : subscription.missingTable === undefined ? 'its worker stopped' : `logical replication target relation "public.${subscription.missingTable}" does not exist`
      if (why === undefined) return this.relink(subscription)
      this.detach(subscription, why)
    }
    if (!wanted || subscription.timer !== undefined) return
    // A worker that ended is started again wal_retrieve_retry_interval after its last start (rule PG-LOGICAL-5).
    const dueUs = Math.max(sim.now, subscription.lastAttemptUs + this.world.options.walRetrieveRetrySeconds * SECOND)
    subscription.timer = sim.call(dueUs, () => {
      subscription.timer = undefined
      this.attempt(subscription)
    })
  }

  private subscriberOf({ subscriber }: Subscription): Server | undefined {
    for (const server of this.world.servers) if (server.dir === subscriber && server.alive && server.accepting && server.copy.leading) return server
    return undefined
  }

  /** Why a connection that was good cannot go on; undefined when it can. */
  private brokenBy(subscription: Subscription, server: Server): string | undefined {
    const { publisher } = subscription
    // One that is stopping goes on with those whose copy is complete until they have everything (rule PG-LOGICAL-11).
    const serves = publisher !== undefined && (publisher.accepting || (publisher.state === 'stopping' && !publisher.paused && subscription.copied))
    if (!serves || !publisher.copy.leading) return 'the publisher went away'
    if (!this.world.network.connected(server.place, publisher.place)) return 'the publisher is out of reach'
    const slot = this.slotOf(subscription, publisher)
    if (slot === undefined || slot.lost) return `replication slot "${subscription.slotName}" ${slot === undefined ? 'does not exist' : 'was invalidated'}`
    return undefined
  }

  private slotOf({ slotName }: Subscription, publisher: Server): Slot | undefined {
    return slotName === null ? undefined : publisher.dir.slots.get(slotName)
  }

  private reach(server: Server, conninfo: string, name: string): Server | string {
    const { host = '' } = parseConninfo(conninfo)
    const found = findServerByHost(this.world, server.place, host, `subscription/${name}`)
    if (typeof found === 'string') return found
    return found.copy.leading ? found : `connection to server at "${host}", port 5432 failed: the server is in recovery`
  }

  private attempt(subscription: Subscription): void {
    const { world } = this
    const server = this.subscriberOf(subscription)
    if (server === undefined || !subscription.enabled || subscription.publisher !== undefined || subscription.missingTable !== undefined) return
    subscription.lastAttemptUs = world.sim.now
    const publisher = this.reach(server, subscription.conninfo, subscription.name)
    if (typeof publisher === 'string') return this.refuse(subscription, publisher)
    const slot = this.slotOf(subscription, publisher)
    if (slot?.logical !== subscription) return this.refuse(subscription, `replication slot "${subscription.slotName}" does not exist`)
    if (slot.lost) return this.refuse(subscription, `can no longer get changes from replication slot "${slot.name}"`)
    if (!publisher.dir.publications.has(subscription.publication)) return this.refuse(subscription, `publication "${subscription.publication}" does not exist`)
    subscription.publisher = publisher
    subscription.trouble = ''
    subscription.pid = server.newPid()
    slot.active = true
    if (subscription.copied) this.stream(subscription, server, publisher)
    else this.synchronise(subscription)
    world.topologyChanged()
  }

  /** Those to which a server sends changes now. */
  servedBy(server: Server): readonly Subscription[] {
    return this.readersOf(server.dir).filter(subscription => subscription.streaming && subscription.publisher === server)
  }

  /** The publisher hangs up on an apply worker that has confirmed nothing for its time-out. */
  hangUp(subscription: Subscription): void {
    this.detach(subscription, 'nothing was heard for the time-out')
    this.look()
  }

  /** The publisher gives the slot up: what it kept for the subscription may be gone, and the subscription is of no more use (rule PG-SLOT-4). */
  invalidate(subscription: Subscription): void {
    const slot = subscription.publisher === undefined ? undefined : this.slotOf(subscription, subscription.publisher)
    if (slot === undefined) return
    slot.lost = true
    this.world.sim.note(SLOT_LOST, subscription.subscriber.name, 0, `replication slot "${slot.name}" was invalidated`)
    this.world.topologyChanged()
  }

  private refuse(subscription: Subscription, why: string): void {
    subscription.trouble = why
    this.world.sim.touch()
  }

  /** Copies what was there when the slot was made; interrupted, it begins again (rule PG-LOGICAL-1). */
  private synchronise(subscription: Subscription): void {
    const { world } = this
    const bytes = world.options.databaseMB * 1_000_000
    const fromUs = world.sim.now
    const us = Math.round((bytes / world.bytesPerSecond('initialSyncMBps', `${subscription.subscriber.name}/${subscription.name}`)) * SECOND)
    subscription.timer = world.sim.after(us, () => {
      subscription.timer = undefined
      const server = this.subscriberOf(subscription)
      const { publisher } = subscription
      if (server === undefined || publisher === undefined) return
      subscription.copied = true
      this.merges(subscription.subscriber, { by: subscription, copy: subscription.copy, bulkBytes: bytes, bulkFromUs: fromUs })
      world.sim.note(COPIED, server.name, 0, `${server.name} holds a copy of what ${publisher.name} had when ${subscription.name} began`)
      this.stream(subscription, server, publisher)
      world.topologyChanged()
    })
  }

  /** A directory holds another database's changes from now on; whoever streams its WAL will too (rule PG-LOGICAL-10). */
  private merges(dir: DataDirectory, merged: Merged): void {
    dir.merged.push(merged)
    for (const server of this.world.servers) if (server.dir === dir) for (const sender of server.walsenders) sender.merged?.look()
  }

  private stream(subscription: Subscription, server: Server, publisher: Server): void {
    subscription.copy.follow(publisher.copy, this.linkOf(subscription, server))
    this.world.sim.note(ATTACHED, server.name, 0, `${server.name} applies changes of ${publisher.name}`)
  }

  private linkOf(subscription: Subscription, server: Server): Link {
    const { network } = this.world
    const there = (subscription.publisher as Server).place
    return {
      delayUs: network.delayUs(there, server.place) + Math.round(subscription.delayUs * server.slowness) + subscription.extraDelayUs,
      ackDelayUs: network.delayUs(server.place, there),
      flushDelayUs: 0,
      bytesPerSecond: Math.min(network.bytesPerSecond(there, server.place), this.world.bytesPerSecond('logicalMBps', `${subscription.subscriber.name}/${subscription.name}`) / server.slowness),
    }
  }

  /** The link changes because a fault or the network made it. */
  relink(subscription: Subscription): void {
    const server = this.subscriberOf(subscription)
    if (!subscription.streaming || server === undefined) return
    const link = this.linkOf(subscription, server)
    const { delayUs, bytesPerSecond } = subscription.copy.link ?? {}
    if (link.delayUs !== delayUs || link.bytesPerSecond !== bytesPerSecond) subscription.copy.setLink(link)
  }

  private detach(subscription: Subscription, why: string): void {
    const { publisher } = subscription
    if (publisher === undefined) return
    if (subscription.timer !== undefined) this.world.sim.cancel(subscription.timer)
    subscription.timer = undefined
    subscription.publisher = undefined
    subscription.trouble = why
    const slot = this.slotOf(subscription, publisher)
    if (slot !== undefined) slot.active = false
    if (subscription.copied) subscription.copy.unfollow()
    subscription.disconnected()
    this.world.sim.note(DETACHED, subscription.subscriber.name, 0, `${subscription.subscriber.name} no longer applies changes of ${publisher.name}: ${why}`)
    this.again = true
  }
}

const VERBS: Readonly<Record<LogicalEffect['kind'], string>> = {
  createPublication: 'CREATE PUBLICATION', dropPublication: 'DROP PUBLICATION', createSubscription: 'CREATE SUBSCRIPTION', alterSubscription: 'ALTER SUBSCRIPTION', dropSubscription: 'DROP SUBSCRIPTION',
}
