#!/usr/bin/env node
import { main } from './program.ts'

// A reader who closes the pipe early (`| head`) is no error, and no reason to say that a runbook held: what is left to print goes nowhere, and the
// exit code is that of the verdict (`set -o pipefail` sees it).
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE' && error.code !== 'ERR_STREAM_DESTROYED') throw error
})
process.exitCode = await main(process.argv.slice(2))
