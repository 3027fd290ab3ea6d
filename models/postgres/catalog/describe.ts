/** psql's own lists: `\l`, `\du`, `\dt`, `\d TABLE`, `\di`, `\dn`, `\dx`. What they look like is psql 15.18's. */
import { columns } from '../columns.ts'
import type { Server } from '../server.ts'
import { eyesOf, type SqlSession } from '../sessions.ts'
import type { Described } from '../sql/host.ts'
import { displayType, type Value } from '../sql/types.ts'
import { holds, type Index, type Table } from '../tables.ts'
import { CONTRIB } from './extensions.ts'
import { attributeWords } from './perform.ts'

const NAMES = columns('a text, b text, c text, d text, e text, f text, g text, h text')

/** A list with these headings, sorted by its first cells. */
function list(title: string, headings: readonly string[], rows: readonly (readonly Value[])[], counted: boolean, moves: boolean): Described {
  return { title, relation: { columns: headings.map((name, i) => ({ ...(NAMES[i] as (typeof NAMES)[number]), name })), rows: rows.toSorted((a, b) => (String(a[0]) + String(a[1]) < String(b[0]) + String(b[1]) ? -1 : 1)) }, counted, movesByItself: moves }
}

/** A pattern with `*` and `?`, perhaps behind a schema. */
function fits(pattern: string | undefined): (name: string) => boolean {
  if (pattern === undefined) return () => true
  const text = (pattern.split('.').at(-1) as string).replace(/[.+^$()|[\]{}\\]/g, '\\$&').replaceAll('*', '.*').replaceAll('?', '.')
  const expression = new RegExp(`^(?:${text})$`)
  return name => expression.test(name)
}

const NOTHING = (pattern: string | undefined, moves: boolean): Described => ({ none: pattern === undefined ? 'Did not find any relations.' : `Did not find any relation named "${pattern}".`, movesByItself: moves })

/** Undefined: a list that is not modelled. */
export function describe(server: Server, session: SqlSession | undefined, command: string, pattern: string | undefined): Described | undefined {
  const { world } = server
  const eyes = eyesOf(server, session)
  const moves = server.inRecovery
  const named = fits(pattern)
  const tables = world.tables.visibleTo(eyes)
  switch (command) {
    case 'l':
    case 'list': {
      const own = (name: string): Value => (name.startsWith('template') ? '=c/postgres\npostgres=CTc/postgres' : null)
      return list('List of databases', ['Name', 'Owner', 'Encoding', 'Collate', 'Ctype', 'ICU Locale', 'Locale Provider', 'Access privileges'], [...world.access.databases(server)].filter(([name]) => named(name)).map(([name, { owner }]) => [name, owner, 'UTF8', 'en_US.utf8', 'en_US.utf8', null, 'libc', own(name)]), true, moves)
    }
    case 'du':
    case 'dg':
      return list('List of roles', ['Role name', 'Attributes', 'Member of'], [...world.access.roles(server)].filter(([name]) => named(name)).map(([name, attributes]) => [name, attributeWords(attributes), '{}']), false, moves)
    case 'dx': {
      const database = session?.login?.database ?? world.options.database
      return list('List of installed extensions', ['Name', 'Version', 'Schema', 'Description'], [...world.access.extensions(server, database)].filter(([name]) => named(name)).map(([name, version]) => [name, version, name === 'plpgsql' ? 'pg_catalog' : 'public', CONTRIB.get(name)?.comment ?? null]), true, moves)
    }
    case 'dn':
      return list('List of schemas', ['Name', 'Owner'], named('public') ? [['public', 'pg_database_owner']] : [], true, moves)
    case 'dt': {
      const found = tables.filter(({ name }) => named(name))
      return found.length === 0 ? NOTHING(pattern, moves) : list('List of relations', ['Schema', 'Name', 'Type', 'Owner'], found.map(({ name }) => ['public', name, 'table', 'postgres']), true, moves)
    }
    case 'di': {
      const found = tables.flatMap(table => table.indexesFor(eyes).filter(({ name }) => named(name)).map(({ name }): readonly Value[] => ['public', name, 'index', 'postgres', table.name]))
      return found.length === 0 ? NOTHING(pattern, moves) : list('List of relations', ['Schema', 'Name', 'Type', 'Owner', 'Table'], found, true, moves)
    }
    case 'd': {
      if (pattern === undefined) return describe(server, session, 'dt', undefined)
      const found = tables.find(({ name }) => named(name))
      return found === undefined ? NOTHING(pattern, moves) : oneTable(server, session, found, moves)
    }
    default:
      return undefined
  }
}

function oneTable(server: Server, session: SqlSession | undefined, table: Table, moves: boolean): Described {
  const eyes = eyesOf(server, session)
  const { definition } = table.shape(eyes)
  const rows = definition.map((c): readonly Value[] => [c.name, displayType(c.type), null, c.notNull || c.primaryKey || c.serial ? 'not null' : null, c.serial ? `nextval('${table.name}_${c.name}_seq'::regclass)` : null])
  const key = definition.filter(c => c.primaryKey)
  const index = ({ name, unique, columns: of, validBy }: Index): string => `    "${name}" ${unique ? 'UNIQUE, ' : ''}btree (${of.join(', ')})${holds(validBy, eyes) ? '' : ' INVALID'}`
  const indexes = [...(key.length === 0 ? [] : [`    "${table.name}_pkey" PRIMARY KEY, btree (${key.map(c => c.name).join(', ')})`]), ...table.indexesFor(eyes).map(index).sort()]
  const checks = table.constraintsFor(eyes).map(({ name, notNullOf, validBy }) => `    "${name}" CHECK (${notNullOf === undefined ? '…' : `${notNullOf} IS NOT NULL`})${holds(validBy, eyes) ? '' : ' NOT VALID'}`)
  return {
    title: `Table "public.${table.name}"`,
    relation: { columns: ['Column', 'Type', 'Collation', 'Nullable', 'Default'].map((name, i) => ({ ...(NAMES[i] as (typeof NAMES)[number]), name })), rows },
    counted: false,
    footers: [...(indexes.length === 0 ? [] : ['Indexes:', ...indexes]), ...(checks.length === 0 ? [] : ['Check constraints:', ...checks])],
    movesByItself: moves,
  }
}
