export {
  type EventReader,
  events,
  type ReaderOptions,
  type ReceivedEvent,
  type WaitOptions,
} from './testing/event-reader.ts'
export { createFleet, type Fleet, type FleetOptions } from './testing/fleet.ts'
export { createSser, type TestOptions } from './testing/instance.ts'
export { ManualClock, type ManualClockOptions } from './testing/manual-clock.ts'
export type { App, FleetPod } from './testing/pod.ts'
