import { hashText } from '../../src/kernel/index.ts'
import { canonical, type PodTemplate } from './objects.ts'

const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789'

/** A hash as Kubernetes writes one into names: no vowels, so that no words come out. */
export function safeHash(text: string, length = 10): string {
  const { high, low } = hashText(text)
  let n = high * 2_097_152 + (low >>> 11)
  let out = ''
  for (let i = 0; i < length; i++) {
    out += ALPHABET[n % ALPHABET.length]
    n = Math.floor(n / ALPHABET.length)
  }
  return out
}

const hashes = new WeakMap<PodTemplate, string>()

/** A template's hash. Stored objects are replaced and never changed, so it is reckoned once for each. */
function hashOf(template: PodTemplate): string {
  let hash = hashes.get(template)
  if (hash === undefined) hashes.set(template, (hash = safeHash(canonical(template))))
  return hash
}

/** The templates that an object has had (ControllerRevisions, ReplicaSets), newest use last. The same template is the same revision. */
export class Revisions {
  /** What finished pods and pods below the partition come from. */
  current: string
  /** What the spec says now. */
  update: string
  readonly history: string[]
  private readonly templates = new Map<string, PodTemplate>()
  private seen: PodTemplate

  constructor(template: PodTemplate) {
    this.seen = template
    this.update = this.remember(template)
    this.current = this.update
    this.history = [this.update]
  }

  /** The spec's template may have changed. */
  observe(template: PodTemplate): void {
    if (template === this.seen) return
    this.seen = template
    this.update = this.remember(template)
    const known = this.history.indexOf(this.update)
    if (known >= 0) this.history.splice(known, 1)
    this.history.push(this.update)
  }

  template(hash: string): PodTemplate {
    return this.templates.get(hash) as PodTemplate
  }

  private remember(template: PodTemplate): string {
    const hash = hashOf(template)
    if (!this.templates.has(hash)) this.templates.set(hash, template)
    return hash
  }
}

/** The revisions of every object of one kind, by key. */
export class RevisionBook {
  private readonly all = new Map<string, Revisions>()

  /** The revisions of an object, brought up to its template. */
  of(key: string, template: PodTemplate): Revisions {
    let revisions = this.all.get(key)
    if (revisions === undefined) {
      revisions = new Revisions(template)
      this.all.set(key, revisions)
    } else revisions.observe(template)
    return revisions
  }

  forget(key: string): void {
    this.all.delete(key)
  }
}
