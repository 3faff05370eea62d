import { SserError, type SubscriptionItem } from '../../src/index.ts'

/** Takes that many items of a subscription. */
export async function take(
  subscription: AsyncIterator<SubscriptionItem>,
  count: number,
): Promise<SubscriptionItem[]> {
  const items: SubscriptionItem[] = []
  while (items.length < count) {
    const { value } = await subscription.next()
    if (value === undefined) break
    items.push(value)
  }
  return items
}

/** Messages, and the reasons of gaps. */
export function texts(items: readonly SubscriptionItem[]): string[] {
  return items.map((item) => (item.type === 'event' ? item.data : `gap: ${item.reason}`))
}

/** Collects all items in the background. */
export function collect(
  subscription: AsyncIterable<SubscriptionItem>,
): SubscriptionItem[] & { done: Promise<void> } {
  const items: SubscriptionItem[] = []
  const pump = async () => {
    for await (const item of subscription) items.push(item)
  }
  return Object.assign(items, { done: pump() })
}

/** The error that a call throws. */
export function thrown(call: () => unknown): SserError {
  try {
    call()
  } catch (error) {
    if (error instanceof SserError) return error
  }
  throw new Error('expected an SserError')
}
