#!/usr/bin/env node

/** As in `package.json`; an older one fails at an import, and does not say why. */
const OLDEST_NODE = '22.19'

if (isOlder(process.versions.node, OLDEST_NODE)) {
  process.stderr.write(`sser needs Node ${OLDEST_NODE} or newer; this is ${process.versions.node}\n`)
  process.exitCode = 2
} else {
  process.exitCode = await run(process.argv.slice(2))
}

async function run([command, ...args]: readonly string[]): Promise<number> {
  const { doctor, HELP } = await import('./doctor/command.ts')
  // Whoever read it has read enough, as `head` has.
  process.stdout.on('error', () => process.exit(2))
  if (command === 'doctor') return doctor(args, process)
  const isHelp = command === '--help' || command === '-h'
  process[isHelp ? 'stdout' : 'stderr'].write(HELP)
  return isHelp ? 0 : 2
}

function isOlder(version: string, than: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [leastMajor = 0, leastMinor = 0] = than.split('.').map(Number)
  return major < leastMajor || (major === leastMajor && minor < leastMinor)
}
