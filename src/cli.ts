#!/usr/bin/env node
import { doctor, HELP } from './doctor/command.ts'

const [command, ...args] = process.argv.slice(2)

// Whoever read it has read enough, as `head` has.
process.stdout.on('error', () => process.exit(2))

if (command === 'doctor') {
  process.exitCode = await doctor(args, process)
} else {
  const isHelp = command === '--help' || command === '-h'
  process[isHelp ? 'stdout' : 'stderr'].write(HELP)
  process.exitCode = isHelp ? 0 : 2
}
