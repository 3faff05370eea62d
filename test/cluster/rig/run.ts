import { execFile } from 'node:child_process'

const RUN_MS = 60_000

/** Runs a program to its end and resolves with what it wrote; rejects, with what it complained of, unless it exits with 0. */
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

/** Runs lines of the `ip` command, in a network namespace if one is named. */
export function ip(lines: readonly string[], namespace?: string): Promise<string> {
  const where = namespace === undefined ? [] : ['-n', namespace]
  return run('ip', [...where, '-batch', '-'], `${lines.join('\n')}\n`)
}
