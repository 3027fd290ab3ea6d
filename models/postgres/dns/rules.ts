import type { Rule } from '../../../src/engine.ts'

const rule = (id: string, statement: string, source: string): Rule => ({ id, statement, source, test: 'test/postgres/experiments/dns.test.ts' })

/** Rules of a name with weighted records. */
export const dnsRules: readonly Rule[] = [
  rule('PG-DNS-1', 'A weight decides about answers: each has its record’s weight of the sum of all; 0 is never answered, unless all are 0, which are then answered alike.', 'Route 53 developer guide, routing-policy-weighted'),
  rule('PG-DNS-2', 'A resolver keeps one answer for the time to live, the first what is left of it; who shares it goes to one host meanwhile, whatever the weights say.', 'RFC 1035 §3.2.1; facts BG-T15'),
  rule('PG-DNS-3', 'A program that keeps addresses itself (load.dnsCache) asks its resolver only after that, which may answer what it has kept; one that keeps them for ever never asks again.', 'JDK networkaddress.cache.ttl (30 s; -1 for ever with a security manager); facts BG-F04, PF04'),
  rule('PG-DNS-4', 'A change is INSYNC when all name servers have it, usually within 60 s; until then some answer as before.', 'Route 53 API reference, GetChange'),
  rule('PG-DNS-5', 'A name is asked for when a connection is opened: pooled connections stay where they are until they are closed, so moving weights moves nobody who is connected.', 'facts BG-T15, BG-F22'),
]
