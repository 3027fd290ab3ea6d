/** What a builtin costs, in microseconds of the workstation's processor. */
export const BUILTIN_US = 8
/** Shells or functions inside one another. */
export const DEEPEST = 400
