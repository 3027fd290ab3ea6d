import { NOT_HERE, WRITES } from './supported.ts'

/**
 * What the shell gives to a script, in the script's own language: it is read by the interpreter, inside its walls. The one way out is `__ask`,
 * which takes a command's name and its arguments as JSON and gives the answer as JSON. `{"$at": key}` in an answer is a value that moves by
 * itself (a clock, an optime): it is asked for only when the script reads it, so that everything else can be remembered.
 */
export const PRELUDE = String.raw`'use strict';
(function (ask, runner) {
  let lines = [];
  let host = { db: 'test', json: false };
  let stop;
  class BSON { }
  class Timestamp extends BSON { constructor(o, i) { super(); this.t = typeof o === 'object' ? o.t : o; this.i = typeof o === 'object' ? o.i : (i || 0); } valueOf() { return this.t * 4294967296 + this.i; } getHighBits() { return this.t; } toJSON() { return { $timestamp: { t: this.t, i: this.i } }; } }
  class Long extends BSON { constructor(n) { super(); this.n = Number(n); } valueOf() { return this.n; } toNumber() { return this.n; } toInt() { return this.n; } toString() { return String(this.n); } toJSON() { return this.n; } }
  class ObjectId extends BSON { constructor(h) { super(); this.h = h || '000000000000000000000000'; } toString() { return this.h; } toHexString() { return this.h; } toJSON() { return { $oid: this.h }; } }
  const named = (e, name) => Object.defineProperty(e, 'name', { value: name, writable: true, configurable: true, enumerable: false });
  class MongoServerError extends Error { constructor(r) { super(r.errmsg); named(this, 'MongoServerError'); this.ok = 0; this.code = r.code; this.codeName = r.codeName; this.errmsg = r.errmsg; } }
  class MongoNetworkError extends Error { constructor(m) { super(m); named(this, 'MongoNetworkError'); } }
  class MongoWriteConcernError extends MongoServerError { constructor(r) { super(r); named(this, 'MongoWriteConcernError'); } }
  function typed(v) {
    if (v === null || typeof v !== 'object') return v;
    if ('$date' in v) return new HostDate(v.$date);
    if ('$timestamp' in v) return new Timestamp(v.$timestamp);
    if ('$long' in v) return new Long(v.$long);
    if ('$oid' in v) return new ObjectId(v.$oid);
    return revive(v);
  }
  function revive(v) {
    if (v === null || typeof v !== 'object') return v;
    if (Array.isArray(v)) return v.map(typed);
    const out = {};
    for (const key of Object.keys(v)) out[key] = typed(v[key]);
    return out;
  }
  const put = (o, key, value) => Object.defineProperty(o, key, { value, enumerable: true, configurable: true, writable: true });
  const lazily = (o, key, at) => { const value = typed(JSON.parse(ask('$value', JSON.stringify(at)))); put(o, key, value); return value; };
  // An answer as an expression that makes it: the same texts come again and again, and a literal costs a tenth of going through them key by key.
  const json = JSON.stringify;
  function expression(v) {
    if (v === null || typeof v !== 'object') return json(v);
    if (Array.isArray(v)) return '[' + v.map(expression).join() + ']';
    if ('$date' in v) return 'new D(' + json(v.$date) + ')';
    if ('$timestamp' in v) return 'new T(' + json(v.$timestamp) + ')';
    if ('$long' in v) return 'new L(' + json(v.$long) + ')';
    if ('$oid' in v) return 'new O(' + json(v.$oid) + ')';
    return '({' + Object.keys(v).map(key => {
      const x = v[key], name = json(key);
      if (x === null || typeof x !== 'object' || !('$at' in x)) return name + ':' + expression(x);
      return 'get ' + name + '(){return lazily(this,' + name + ',' + json(x.$at) + ')},set ' + name + '(v){put(this,' + name + ',v)}';
    }).join() + '})';
  }
  const made = new Map();
  const compile = Function;
  function maker(text, answer) {
    if (made.size >= 200) made.clear();
    const make = compile('D', 'T', 'L', 'O', 'lazily', 'put', '"use strict";return()=>' + expression(answer))(HostDate, Timestamp, Long, ObjectId, lazily, put);
    made.set(text, make);
    return make;
  }
  function unsupported(what) { ask('$unsupported', JSON.stringify(what)); throw new Error(what); }
  function command(name, args) {
    const text = ask(name, JSON.stringify(args === undefined ? {} : args));
    const known = made.get(text);
    if (known !== undefined) return known();
    const answer = JSON.parse(text);
    if (answer.$network) throw new MongoNetworkError(answer.$network);
    if (answer.$writeConcern) throw new MongoWriteConcernError(answer.$writeConcern);
    if (answer.ok === 0) throw new MongoServerError(answer);
    return maker(text, answer)();
  }
  const HostDate = Date;
  const nowMs = () => JSON.parse(ask('$value', '"now"')).$date;
  const TheDate = new Proxy(HostDate, {
    construct(target, args, newTarget) { return Reflect.construct(target, args.length === 0 ? [nowMs()] : args, newTarget === TheDate ? HostDate : newTarget); },
    apply() { return new HostDate(nowMs()).toString(); },
    get(target, key) { return target[key]; },
  });
  // In the original itself: what is frozen later, a proxy may not answer otherwise.
  HostDate.now = nowMs;
  for (const part of ['FullYear', 'Month', 'Date', 'Day', 'Hours', 'Minutes', 'Seconds', 'Milliseconds']) HostDate.prototype['get' + part] = HostDate.prototype['getUTC' + part];
  HostDate.prototype.getTimezoneOffset = () => 0;
  HostDate.prototype.toString = function () { const s = this.toUTCString(); const m = /^(\w+), (\d+) (\w+) (-?\d+) ([\d:]+) GMT$/.exec(s); return m ? m[1] + ' ' + m[3] + ' ' + m[2] + ' ' + m[4] + ' ' + m[5] + ' GMT+0000 (Coordinated Universal Time)' : s; };
  HostDate.prototype.constructor = TheDate;

  // ── printing, as Node's util.inspect does with compact: 3, breakLength: 80, depth: 6 ──
  const quote = s => { const q = !s.includes("'") ? "'" : !s.includes('"') ? '"' : !s.includes('\x60') ? '\x60' : "'"; return q + s.replace(/[\\\n\r\t\b\f]/g, c => ({ '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\b': '\\b', '\f': '\\f' })[c]).split(q).join(q === "'" && s.includes("'") && s.includes('"') && s.includes('\x60') ? "\\'" : q) + q; };
  function inspectTop(value) {
    const state = { depth: 0, indent: 0 };
    const format = (v, level) => {
      if (typeof v === 'string') return quote(v);
      if (typeof v === 'bigint') return v + 'n';
      if (v === undefined || v === null || typeof v === 'number' || typeof v === 'boolean') return Object.is(v, -0) ? '-0' : String(v);
      if (typeof v === 'symbol') return v.toString();
      if (typeof v === 'function') return v.name ? '[Function: ' + v.name + ']' : '[Function (anonymous)]';
      if (v instanceof HostDate) return "ISODate('" + v.toISOString() + "')";
      if (v instanceof Timestamp) return 'Timestamp({ t: ' + v.t + ', i: ' + v.i + ' })';
      if (v instanceof Long) return "Long('" + v.n + "')";
      if (v instanceof ObjectId) return "ObjectId('" + v.h + "')";
      if (v instanceof RegExp) return String(v);
      if (v instanceof Error) return line(v);
      if (level > 6) return Array.isArray(v) ? '[Array]' : '[Object]';
      state.depth = level;
      const list = Array.isArray(v);
      const keys = list ? [] : v instanceof Map ? [...v.keys()] : Object.keys(v);
      const output = [];
      if (list) { for (let i = 0; i < Math.min(v.length, 100); i++) { state.indent += 2; output.push(format(v[i], level + 1)); state.indent -= 2; } if (v.length > 100) output.push('... ' + (v.length - 100) + ' more item' + (v.length > 101 ? 's' : '')); }
      else for (const key of keys) { state.indent += 2; const text = format(v instanceof Map ? v.get(key) : v[key], level + 1); state.indent -= 2; output.push((typeof key === 'string' && /^[a-zA-Z_][a-zA-Z_0-9]*$/.test(key) ? key : quote(String(key))) + (v instanceof Map ? ' => ' : ': ') + text); }
      const open = list ? '[' : '{'; const close = list ? ']' : '}';
      if (output.length === 0) return open + close;
      if (state.depth - level < 3) {
        const start = output.length + state.indent + 1 + 10;
        let total = output.length + start; let fits = total + output.length <= 80;
        for (const o of output) total += o.length;
        if (fits && total <= 80) { const joined = output.join(', '); if (!joined.includes('\n')) return open + ' ' + joined + ' ' + close; }
      }
      const pad = '\n' + ' '.repeat(state.indent);
      return open + pad + '  ' + output.join(',' + pad + '  ') + pad + close;
    };
    return format(value, 0);
  }
  // QuickJS words some errors otherwise than the shell's own engine.
  const worded = m => m.replace(/^'(.+)' is not defined$/, '$1 is not defined').replace(/^cannot read property '(.+)' of (undefined|null)$/, "Cannot read properties of $2 (reading '$1')").replace(/^not a function$/, 'value is not a function');
  const line = e => (e.name || 'Error') + (e.codeName && e.name === 'MongoServerError' ? '[' + e.codeName + ']' : '') + ': ' + worded(e.message);
  const shown = v => typeof v === 'string' ? v : inspectTop(v);
  const print = (...args) => { lines.push(args.map(shown).join(' ') + '\n'); };

  // ── rs and db ──
  const withHelp = (o, what) => new Proxy(o, { get(target, key) { if (key in target || typeof key === 'symbol' || key === 'toJSON' || key === 'then') return target[key]; return unsupported(what + '.' + key); } });
  const admin = (name, rest) => command(name, Object.assign({ [name]: 1 }, rest));
  const seconds = (ms) => Math.round(ms / 1000);
  const rs = withHelp({
    status: () => admin('replSetGetStatus'),
    conf: () => admin('replSetGetConfig').config,
    config: () => rs.conf(),
    isMaster: () => db.isMaster(),
    hello: () => db.hello(),
    initiate: config => command('replSetInitiate', { replSetInitiate: config === undefined ? {} : config }),
    stepDown: (secs, catchUp) => command('replSetStepDown', Object.assign({ replSetStepDown: secs === undefined ? 60 : secs }, catchUp === undefined ? {} : { secondaryCatchUpPeriodSecs: catchUp })),
    freeze: secs => command('replSetFreeze', { replSetFreeze: secs }),
    reconfig: (config, options) => { const v = rs.conf().version; return command('replSetReconfig', Object.assign({ replSetReconfig: Object.assign({}, config, { version: v + 1 }) }, options || {})); },
    add: (member, arbiter) => { const c = rs.conf(); const id = Math.max(...c.members.map(m => m._id)) + 1; c.members.push(Object.assign({ _id: id }, typeof member === 'string' ? { host: member } : member, arbiter === true ? { arbiterOnly: true, priority: 0 } : {})); return rs.reconfig(c); },
    addArb: host => rs.add(host, true),
    remove: host => { const c = rs.conf(); const n = c.members.length; c.members = c.members.filter(m => m.host !== host && m.host.split(':')[0] !== host); if (c.members.length === n) throw new Error("Couldn't find " + host + ' in ' + inspectTop(c.members.map(m => m.host)) + '. Is ' + host + ' a member of this replset?'); return rs.reconfig(c); },
    printSecondaryReplicationInfo: () => {
      const st = rs.status(); const primary = st.members.find(m => m.state === 1); const latest = primary === undefined ? Math.max(...st.members.filter(m => m.optimeDate).map(m => m.optimeDate)) : primary.optimeDate;
      const out = st.members.filter(m => m.state !== 1 && m.state !== 7).map(m => {
        if (!m.optimeDate || m.health === 0) return 'source: ' + m.name + '\n{ \'no replication info, yet.  State\': ' + quote(m.stateStr) + ' }';
        const lag = seconds(latest - m.optimeDate);
        return 'source: ' + m.name + '\n{\n  syncedTo: ' + quote(m.optimeDate.toString()) + ',\n  replLag: ' + quote(lag + ' secs (' + Math.round(lag / 36) / 100 + ' hrs) behind the ' + (primary ? 'primary ' : 'freshest member (no primary available at the moment)')) + '\n}';
      });
      print(out.join('\n---\n'));
    },
    printReplicationInfo: () => { const i = db.getReplicationInfo(); print('actual oplog size\n' + quote(i.logSizeMB + ' MB') + '\n---\nconfigured oplog size\n' + quote(i.logSizeMB + ' MB') + '\n---\nlog length start to end\n' + quote(i.timeDiff + ' secs (' + i.timeDiffHours + ' hrs)') + '\n---\noplog first event time\n' + quote(i.tFirst) + '\n---\noplog last event time\n' + quote(i.tLast) + '\n---\nnow\n' + quote(i.now)); },
    printSlaveReplicationInfo: () => { throw new Error('printSlaveReplicationInfo has been deprecated. Use printSecondaryReplicationInfo instead'); },
    slaveOk: () => {}, secondaryOk: () => {},
  }, 'rs');
  // The few words in which people look for long operations; $all and $ownOps choose among users.
  const compare = { $gt: (a, b) => a > b, $gte: (a, b) => a >= b, $lt: (a, b) => a < b, $lte: (a, b) => a <= b, $ne: (a, b) => a !== b, $eq: (a, b) => a === b, $exists: (a, b) => (a !== undefined) === Boolean(b), $in: (a, b) => b.includes(a), $nin: (a, b) => !b.includes(a) };
  const meets = (value, wanted) => wanted instanceof RegExp ? wanted.test(String(value)) : wanted !== null && typeof wanted === 'object' ? Object.keys(wanted).every(op => op in compare ? compare[op](value instanceof Long ? value.n : value, wanted[op]) : unsupported('db.currentOp with ' + op)) : (value instanceof Long ? value.n : value) === wanted;
  const matches = (op, filter) => Object.keys(filter).every(key => key === '$all' || key === '$ownOps' ? true : key[0] === '$' ? unsupported('db.currentOp with ' + key) : meets(key.split('.').reduce((o, part) => o === undefined || o === null ? undefined : o[part], op), filter[key]));
  const collection = (database, name) => {
    const write = verb => (...args) => { const options = args[args.length - 1]; return command('$write', { verb, ns: database + '.' + name, writeConcern: options && options.writeConcern || null }); };
    const own = Object.fromEntries(${JSON.stringify(WRITES)}.map(verb => [verb, write(verb)]));
    if (name === 'oplog' && database === 'local') own.rs = withHelp({ stats: () => command('$oplogStats') }, 'db.oplog.rs');
    if (name === 'oplog.rs' && database === 'local') own.stats = () => command('$oplogStats');
    return withHelp(Object.assign(own, { getName: () => name }), 'db.' + name);
  };
  const runCommand = request => {
    if (typeof request === 'string') request = { [request]: 1 };
    const name = Object.keys(request)[0];
    if (name === undefined) throw new Error('MongoshInvalidInputError: a command is needed');
    return command(name === 'ismaster' ? 'isMaster' : name === 'buildinfo' ? 'buildInfo' : name, request);
  };
  const NOT_HERE = new Set(${JSON.stringify([...NOT_HERE])});
  const database = name => new Proxy({
    adminCommand: runCommand, runCommand,
    hello: () => admin('hello'), isMaster: () => admin('isMaster'), version: () => admin('buildInfo').version, serverStatus: () => admin('serverStatus'),
    serverBuildInfo: () => admin('buildInfo'),
    shutdownServer: options => command('shutdown', Object.assign({ shutdown: 1 }, options || {})),
    getSiblingDB: other => database(other), getSisterDB: other => database(other), getName: () => name,
    getMongo: () => ({ setReadPref() {}, getReadPrefMode: () => 'primary', setSecondaryOk() {} }),
    getCollection: c => collection(name, c),
    getReplicationInfo: () => command('$replicationInfo'),
    printSecondaryReplicationInfo: () => rs.printSecondaryReplicationInfo(), printReplicationInfo: () => rs.printReplicationInfo(),
    auth: () => { ask('$auth', 'null'); return { ok: 1 }; }, logout: () => ({ ok: 1 }),
    fsyncLock: () => command('fsync', { fsync: 1, lock: true }), fsyncUnlock: () => admin('fsyncUnlock'),
    currentOp: filter => { const answer = admin('currentOp'); if (filter && typeof filter === 'object') answer.inprog = answer.inprog.filter(op => matches(op, filter)); return answer; },
    serverCmdLineOpts: () => admin('getCmdLineOpts'),
    setLogLevel: level => admin('setParameter', { logLevel: level }),
    setProfilingLevel: level => command('profile', { profile: level }), getProfilingStatus: () => command('profile', { profile: -1 }), getProfilingLevel: () => command('profile', { profile: -1 }).was,
  }, { get(target, key) { if (typeof key === 'symbol' || key === 'toJSON' || key === 'then') return undefined; if (key in target) return target[key]; if (NOT_HERE.has(key)) return () => unsupported('db.' + key + '()'); return collection(name, String(key)); } });
  let db = database('test');
  // Extended JSON, relaxed: what JSON has no word for is an object with one key.
  const extended = v => {
    if (v instanceof HostDate) return { $date: v.getTime() % 1000 === 0 ? v.toISOString().slice(0, -5) + 'Z' : v.toISOString() };
    if (v instanceof Timestamp) return { $timestamp: { t: v.t, i: v.i } };
    if (v instanceof Long) return Number(v.n);
    if (v instanceof ObjectId) return { $oid: v.h };
    if (Array.isArray(v)) return v.map(extended);
    return v !== null && typeof v === 'object' ? Object.fromEntries(Object.entries(v).map(([k, each]) => [k, extended(each)])) : v;
  };
  const strict = options => options !== null && typeof options === 'object' && options.relaxed === false;
  const EJSON = {
    stringify: (v, replacer, indent, options) => {
      if (strict(options) || strict(indent) || (strict(replacer) && !Array.isArray(replacer))) return unsupported('EJSON.stringify with relaxed: false');
      return JSON.stringify(extended(v), null, typeof indent === 'object' || (replacer !== null && typeof replacer === 'object' && !Array.isArray(replacer)) ? undefined : indent);
    },
    parse: s => typed(JSON.parse(s)),
  };
  const quit = code => { stop = { code: code === undefined ? 0 : code }; throw stop; };
  const globals = { rs, print, __failed: e => print(line(e)), console: { log: print, error: print, warn: print, info: print }, printjson: v => print(inspectTop(v)), tojson: v => inspectTop(v), sleep: ms => { ask('$sleep', JSON.stringify(ms)); }, quit, exit: quit, Timestamp: (t, i) => new Timestamp(t, i), Long, NumberLong: n => new Long(n), NumberInt: n => Number(n), NumberDecimal: n => Number(n), Double: n => Number(n), Int32: n => Number(n), Int32: n => Number(n), ObjectId: h => new ObjectId(h), ISODate: s => s === undefined ? new TheDate() : new HostDate(s), EJSON, Date: TheDate, load: () => unsupported('load'), require: () => unsupported('require'), setTimeout: () => unsupported('setTimeout'), process: undefined };
  Math.random = () => unsupported('Math.random');
  delete globalThis.Promise;
  // One script must leave nothing to the next: what the language itself brings is frozen, what a script adds is taken away.
  const frozen = new Set();
  const freeze = o => { if ((typeof o !== 'object' && typeof o !== 'function') || o === null || frozen.has(o) || o === globalThis) return; frozen.add(o); Object.freeze(o); for (const key of Reflect.ownKeys(o)) { const d = Object.getOwnPropertyDescriptor(o, key); if (d && 'value' in d) freeze(d.value); else if (d) { freeze(d.get); freeze(d.set); } } freeze(Object.getPrototypeOf(o)); };
  for (const key of Reflect.ownKeys(globalThis)) freeze(globalThis[key]);
  for (const f of [function () {}, () => {}, function* () {}, class {}]) freeze(Object.getPrototypeOf(f));
  for (const key of Object.keys(globals)) freeze(globals[key]);
  const own = new Set(Reflect.ownKeys(globalThis));
  for (const key of [...Object.keys(globals), 'db']) own.add(key);
  const names = Object.keys(globals);
  const there = key => { const d = Object.getOwnPropertyDescriptor(globalThis, key); return d !== undefined && d.value === globals[key] && !d.enumerable && d.writable; };
  const begin = (name, json) => {
    lines = []; stop = undefined; host = { db: name, json }; db = database(name);
    for (const key of Reflect.ownKeys(globalThis)) if (!own.has(key)) delete globalThis[key];
    for (const key of names) if (!there(key)) Object.defineProperty(globalThis, key, { value: globals[key], writable: true, configurable: true, enumerable: false });
    Object.defineProperty(globalThis, 'db', { value: db, writable: true, configurable: true, enumerable: false });
  };
  const result = v => { if (v !== undefined && v !== null && typeof v === 'object' && host.json) return JSON.stringify(v) + '\n'; return v === undefined ? '' : shown(v) + '\n'; };
  const failure = e => stop !== undefined ? JSON.stringify({ code: stop.code }) : JSON.stringify({ error: e instanceof Error ? line(e) : 'Error: ' + shown(e), code: 1 });
  // A whole script in one go, since each way in and out of these walls costs more than most scripts: what was printed, behind 'k', or behind a line of JSON
  // that says how it failed.
  return (name, json, source) => {
    begin(name, json);
    let last;
    try { last = runner(source); } catch (e) { const how = failure(e); return 'f' + how + '\n' + lines.join(''); }
    const shownLast = result(last);
    return 'k' + lines.join('') + shownLast;
  };
})`
