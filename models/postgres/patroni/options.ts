import { z } from 'zod'

/** `cluster.patroni`: an HA manager in each member's container, with its state in the Kubernetes API. */
export const patroniOptions = z.strictObject({
  ttlSeconds: z.number().min(20).default(30).describe('ttl: how long a leader key that nobody renews is valid').meta({ unit: 's', source: 'Patroni dynamic_configuration.rst' }),
  loopWaitSeconds: z.number().min(1).default(10).describe('loop_wait: time between two looks of each member').meta({ unit: 's', source: 'Patroni dynamic_configuration.rst' }),
  retryTimeoutSeconds: z.number().min(3).default(10).describe('retry_timeout: how long a failing call to the API is tried again before the leader gives up').meta({ unit: 's', source: 'Patroni dynamic_configuration.rst' }),
  maximumLagOnFailoverMB: z.number().min(0).default(1).describe('maximum_lag_on_failover: a member that lacks more of what the leader last told is no candidate').meta({ unit: 'MB', source: 'Patroni: 1 MiB' }),
  synchronousMode: z.boolean().default(false).describe('synchronous_mode: one standby is synchronous, and only it may be promoted; without one, writes go on').meta({ unit: '', source: 'Patroni replication_modes.rst' }),
  failsafeMode: z.boolean().default(false).describe('failsafe_mode: a leader without the API goes on as long as all members answer it').meta({ unit: '', source: 'Patroni dcs_failsafe_mode.rst' }),
  operator: z.boolean().default(true).describe('a Zalando postgres-operator owns the StatefulSet and follows the `postgresql` object').meta({ unit: '', source: 'postgres-operator administrator.md' }),
  podLabelWaitSeconds: z.number().min(1).default(600).describe('pod_label_wait_timeout: how long the operator waits for a new pod to have a role').meta({ unit: 's', source: 'postgres-operator operator_parameters.md' }),
})

export type PatroniOptions = z.output<typeof patroniOptions>
