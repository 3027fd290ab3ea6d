import type { Engine } from '../src/engine.ts'

/** The one list of engines. A new engine is a new folder here and one line in this list. */
export const engines: readonly Engine<never>[] = []
