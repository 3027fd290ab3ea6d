#!/usr/bin/env node
/** Reads vitest's JSON report and prints `PASSED FAILED`. A suite that could not even start counts as one failure. */
import { readFileSync } from 'node:fs'

const report = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const brokenSuites = report.testResults.filter(file => file.status === 'failed' && file.assertionResults.length === 0).length
console.log(`${report.numPassedTests} ${report.numFailedTests + brokenSuites}`)
