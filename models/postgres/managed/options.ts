import { z } from 'zod'

/** `cluster.managed`: the database is a service's, which makes and switches green itself. */
export const managedOptions = z.strictObject({
  endpoint: z.string().default('database.cluster-cexample.eu-west-1.rds.amazonaws.com').describe('the endpoint: a DNS name that the service points where it likes').meta({ unit: '', source: 'AWS RDS user guide' }),
  provisionSeconds: z.number().min(0).default(900).describe('until green exists, empty').meta({ unit: 's', source: 'judgement: tens of minutes are reported' }),
  ttlSeconds: z.number().min(0).default(5).describe('time to live of the endpoint’s record').meta({ unit: 's', source: 'VB BG-F04' }),
  dropSeconds: z.number().min(0).default(1).describe('dropping all connections of both').meta({ unit: 's', source: 'VB §6 1 s + 0.2 ms a connection' }),
  renameSeconds: z.number().min(0).default(5).describe('renaming the endpoints').meta({ unit: 's', source: 'judgement; published switchovers 3–26 s (VB PF04, PF05)' }),
})

export type ManagedOptions = z.output<typeof managedOptions>
