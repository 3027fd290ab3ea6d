import { Signal, type Waiting } from '../../kernel/index.ts'

/** Where output goes. */
export interface Sink {
  /** False when nobody will ever read it: the writer gets SIGPIPE. */
  write(text: string): boolean
  close?(): void
  /** The file that it writes, if it is one. */
  readonly path?: string
}

/** Nothing has come yet, and more may. */
export const WAIT: unique symbol = Symbol('wait')

/** Where input comes from; a duplicated descriptor shares it, and how far it has been read. */
export interface Source {
  /** The text up to and with the next `delimiter` (or the end); undefined at the end. */
  line(delimiter: string): string | undefined | typeof WAIT
  /** Everything up to the end. */
  all(): string | typeof WAIT
  /** At most `n` characters. */
  some(n: number): string | undefined | typeof WAIT
  /** To wait for after a {@link WAIT}. */
  more(): Waiting
  close?(): void
}

/** A text that is there from the beginning. */
export class TextSource implements Source {
  private at = 0

  constructor(private readonly text: string) {}

  line(delimiter: string): string | undefined {
    if (this.at >= this.text.length) return undefined
    const end = this.text.indexOf(delimiter, this.at)
    const line = end < 0 ? this.text.slice(this.at) : this.text.slice(this.at, end + 1)
    this.at += line.length
    return line
  }

  all(): string {
    const rest = this.at === 0 ? this.text : this.text.slice(this.at)
    this.at = this.text.length
    return rest
  }

  some(n: number): string | undefined {
    if (this.at >= this.text.length) return undefined
    const piece = this.text.slice(this.at, this.at + n)
    this.at += piece.length
    return piece
  }

  /** Characters nobody has read. */
  get left(): number {
    return this.text.length - this.at
  }

  more(): Waiting {
    throw new Error('shell: a text never makes its reader wait')
  }
}

/** A text that is made when someone reads it. */
export class LazySource implements Source {
  private text: TextSource | undefined

  constructor(private readonly read: () => string) {}

  private get source(): TextSource {
    this.text ??= new TextSource(this.read())
    return this.text
  }

  line(delimiter: string): string | undefined {
    return this.source.line(delimiter)
  }

  all(): string {
    return this.source.all()
  }

  some(n: number): string | undefined {
    return this.source.some(n)
  }

  more(): Waiting {
    return this.source.more()
  }
}

/**
 * Somebody at a terminal, who answers when the script asks: each `read` takes one answer, whatever it wants of it. Programs that would read to the
 * end (`kubectl exec -i`, `cat`) are given nothing: nobody types ahead.
 */
export class Answers implements Source {
  private at = 0
  /** It asked when all was answered. */
  starved = false

  constructor(private readonly answers: readonly string[]) {}

  /** Whether somebody sits there. */
  get terminal(): boolean {
    return this.answers.length > 0
  }

  private next(): string | undefined {
    const answer = this.answers[this.at]
    if (answer === undefined) this.starved = true
    else this.at += 1
    return answer
  }

  line(delimiter: string): string | undefined {
    const answer = this.next()
    return answer === undefined ? undefined : `${answer}${delimiter}`
  }

  all(): string {
    return ''
  }

  some(n: number): string | undefined {
    return this.next()?.slice(0, n)
  }

  more(): Waiting {
    throw new Error('shell: an answer never makes its reader wait')
  }
}

/** Output kept as text. */
export class Collector implements Sink {
  text = ''

  constructor(private readonly charge: (characters: number) => void) {}

  write(text: string): boolean {
    this.charge(text.length)
    this.text += text
    return true
  }
}

export const NOWHERE: Sink = { write: () => true }
export const NOTHING: Source = { line: () => undefined, all: () => '', some: () => undefined, more: () => new Signal() }
/** `/dev/zero` and the like would never end; a closed descriptor. */
export const CLOSED: Sink = { write: () => false }

/** Between two processes that run at the same time. */
export class Pipe implements Sink, Source {
  private buffer = ''
  private ended = false
  private deaf = false
  private readonly changed = new Signal()

  constructor(private readonly charge: (characters: number) => void) {}

  /** Who reads now does not wait. */
  get ready(): boolean {
    return this.ended || this.buffer !== ''
  }

  /** All that will ever come is there. */
  get complete(): boolean {
    return this.ended
  }

  write(text: string): boolean {
    if (this.deaf) return false
    this.charge(text.length)
    this.buffer += text
    this.changed.fire()
    return true
  }

  /** The last writer has gone. */
  end(): void {
    this.ended = true
    this.changed.fire()
  }

  /** The last reader has gone. */
  abandon(): void {
    this.deaf = true
  }

  line(delimiter: string): string | undefined | typeof WAIT {
    const end = this.buffer.indexOf(delimiter)
    if (end < 0 && !this.ended) return WAIT
    if (this.buffer === '') return undefined
    return this.take(end < 0 ? this.buffer.length : end + 1)
  }

  all(): string | typeof WAIT {
    return this.ended ? this.take(this.buffer.length) : WAIT
  }

  some(n: number): string | undefined | typeof WAIT {
    if (this.buffer !== '') return this.take(n)
    return this.ended ? undefined : WAIT
  }

  more(): Waiting {
    return this.changed
  }

  private take(n: number): string {
    const piece = this.buffer.slice(0, n)
    this.buffer = this.buffer.slice(n)
    return piece
  }
}
