/** What a builtin costs, in microseconds of the workstation's processor. */
export const BUILTIN_US = 8
/** Shells or functions inside one another. */
export const DEEPEST = 400
/** Characters of a variable's value. */
export const LONGEST = 16_000_000
