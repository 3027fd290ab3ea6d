/** Somebody who is connected to a process and wants to know when its answers change. */
export interface Listener {
  serverChanged(): void
}
