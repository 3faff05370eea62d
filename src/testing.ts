export {
  type EventReader,
  events,
  type ReaderOptions,
  type ReceivedEvent,
  type WaitOptions,
} from './testing/event-reader.ts'
export { type App, createFleet, type Fleet, type FleetOptions, type FleetPod } from './testing/fleet.ts'
export { createSser, type TestOptions } from './testing/instance.ts'
export { ManualClock, type ManualClockOptions } from './testing/manual-clock.ts'
