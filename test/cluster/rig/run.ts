import { execFile } from 'node:child_process'

const RUN_MS = 60_000

/** Runs a program; resolves with its stdout, or rejects with its stderr if the exit code is not 0. */
export function run(command: string, args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { timeout: RUN_MS, maxBuffer: 64 * 1024 * 1024 }
    const child = execFile(command, args, options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else reject(new Error(`${command} ${args.join(' ')}: ${stderr.trim() || error.message}`))
    })
    child.stdin?.on('error', () => {}).end(input)
  })
}

/** Runs lines of the `ip` command, in the network namespace if one is given. */
export function ip(lines: readonly string[], namespace?: string): Promise<string> {
  const where = namespace === undefined ? [] : ['-n', namespace]
  return run('ip', [...where, '-batch', '-'], `${lines.join('\n')}\n`)
}
