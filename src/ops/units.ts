const BYTE_UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB']

/** `1,234`. */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US')
}

/** `1 peer`, `2,000 peers`. */
export function plural(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`
}

/** `512 bytes`, `1.5 MiB`. */
export function formatBytes(bytes: number): string {
  let unit = 0
  let value = bytes
  while (value >= 1_024 && unit < BYTE_UNITS.length - 1) {
    value /= 1_024
    unit += 1
  }
  return `${unit === 0 || Number.isInteger(value) ? value : value.toFixed(1)} ${BYTE_UNITS[unit]}`
}

/** `240 ms`, `2.5 s`, `3 min`, `4.2 h`, `12 d`. */
export function formatDuration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${Number((ms / 1_000).toFixed(1))} s`
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`
  if (ms < 172_800_000) return `${Number((ms / 3_600_000).toFixed(1))} h`
  return `${Math.round(ms / 86_400_000)} d`
}
