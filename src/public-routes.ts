import {
  type Endpoint,
  type EndpointOptions,
  EventsEndpoint,
  type EventsOptions,
} from './admission/events-endpoint.ts'
import { checkEndpointOptions } from './instance/call-arguments.ts'

/** The routes of an instance that its clients reach. */
export class PublicRoutes {
  /** The endpoint in the standard dialect. */
  readonly events: Endpoint
  readonly #options: EventsOptions

  constructor(options: EventsOptions) {
    this.#options = options
    this.events = new EventsEndpoint(options)
  }

  /** A further endpoint. @throws SserError `invalid-argument` */
  endpoint(options: EndpointOptions): Endpoint {
    const fault = checkEndpointOptions(options)
    if (fault !== undefined) throw fault
    return new EventsEndpoint(this.#options, options.dialect)
  }
}
