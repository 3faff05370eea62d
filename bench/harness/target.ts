// A ratio that this package is to reach, and the measured one.
import type { Table } from './table.ts'

export const TARGETS = 'targets'

export interface Target {
  figure: string
  /** The highest ratio to reach. */
  most?: number
  /** The lowest ratio to reach. */
  least?: number
  measured: number | undefined
  /** Measured in turn with it, for the checkout of `--base`. */
  base?: number | undefined
}

/** The targets of some figures as one table. */
export function targetTable(tables: readonly Table[]): Table {
  return {
    name: TARGETS,
    title: 'Targets',
    columns: ['figure', 'target', 'measured', 'of `--base`', '`--only`'],
    rows: tables
      .flatMap(({ name, targets = [] }) => targets.map((target) => ({ name, ...target })))
      .map(({ name, figure, most, least, measured, base }) => [
        figure,
        most === undefined ? `≥ ${least}` : `≤ ${most}`,
        measured ?? '',
        base ?? '',
        name,
      ]),
    notes: [],
    plots: [],
  }
}
