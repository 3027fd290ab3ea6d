/**
 * What `patronictl` asks unless `--force` is given, answered from its standard input: at its end it aborts (rule PG-PATRONI-19). Source: Patroni ctl.py
 * _do_failover_or_switchover and confirm_members_action; click termui.py (a prompt at the end of its input raises Abort: `Aborted!`, status 1).
 */
import { failed, type Output } from '../../../src/operator/command.ts'

export class Questions {
  /** Everything asked so far, with what was typed: nothing is echoed where no terminal is. */
  asked = ''
  private readonly lines: string[]

  constructor(stdin: string) {
    this.lines = stdin === '' ? [] : stdin.replace(/\n$/, '').split('\n')
  }

  /** The answer, or the default for an empty one; undefined at the end of the input. */
  prompt(question: string, byDefault: string): string | undefined {
    this.asked += `${question} [${byDefault}]: `
    const line = this.lines.shift()
    return line === undefined ? undefined : line.trim() === '' ? byDefault : line.trim()
  }

  /** True only for yes; undefined at the end of the input. */
  confirm(question: string): boolean | undefined {
    for (;;) {
      this.asked += `${question} [y/N]: `
      const line = this.lines.shift()
      if (line === undefined) return undefined
      if (/^\s*y(es)?\s*$/i.test(line)) return true
      if (/^\s*(no?)?\s*$/i.test(line)) return false
      this.asked += 'Error: invalid input\n'
    }
  }

  /** How it ends when nobody answers. */
  aborted(before: string): Output {
    return failed('Aborted!\n', 1, `${before}${this.asked}`)
  }
}
