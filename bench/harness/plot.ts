export type Plot =
  | {
      kind: 'bars'
      name: string
      title: string
      unit: string
      parts: readonly string[]
      bars: readonly Bar[]
    }
  | { kind: 'lines'; name: string; title: string; x: string; y: string; lines: readonly Line[] }
interface Bar {
  label: string
  values: readonly number[]
}
interface Line {
  label: string
  points: readonly (readonly [x: number, y: number])[]
}
