/** How much the straight line that fits best rises from the first value to the last, as a part of their mean. */
export function rise(values: readonly number[]): number {
  const middle = (values.length - 1) / 2
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  let product = 0
  let square = 0
  for (const [i, value] of values.entries()) {
    product += (i - middle) * (value - mean)
    square += (i - middle) ** 2
  }
  return square === 0 || mean === 0 ? 0 : ((product / square) * (values.length - 1)) / mean
}
