import type { Hono } from 'hono'
import { EventResponses, type EventResponsesOptions } from './admission/event-responses.ts'
import { type Endpoint, type EndpointOptions, EventsEndpoint } from './admission/events-endpoint.ts'
import { RunResponses } from './admission/run-responses.ts'
import { SserError } from './errors.ts'
import { checkEndpointOptions } from './instance/call-arguments.ts'
import { type PublishOptions, publishRoutes } from './publish/routes.ts'

export type PublicRoutesOptions = EventResponsesOptions & Pick<PublishOptions, 'send'>

/** The routes of an instance that its clients reach. */
export class PublicRoutes {
  /** The endpoint in the standard dialect. */
  readonly events: Endpoint
  readonly runs: RunResponses
  readonly #options: PublicRoutesOptions
  readonly #responses: EventResponses
  #publish: Hono | undefined

  constructor(options: PublicRoutesOptions) {
    this.#options = options
    this.#responses = new EventResponses(options)
    this.runs = new RunResponses(options, this.#responses)
    this.events = new EventsEndpoint(options, this.#responses)
  }

  /** A further endpoint. @throws SserError `invalid-argument` */
  endpoint(options: EndpointOptions): Endpoint {
    const fault = checkEndpointOptions(options)
    if (fault !== undefined) throw fault
    return new EventsEndpoint(this.#options, this.#responses, options.dialect)
  }

  /** The sub-app that publishes. @throws SserError `open-publish-routes` */
  get publish(): Hono {
    const { settings, clock, errors, send } = this.#options
    const { publishToken, maxMessageBytes, internalBodyTimeoutMs: bodyTimeoutMs } = settings
    if (publishToken === undefined)
      throw new SserError(
        'open-publish-routes',
        'sser.publishRoutes: expected the option publishToken: a token, or false where middleware of the app decides who publishes',
      )
    this.#publish ??= publishRoutes({ publishToken, maxMessageBytes, bodyTimeoutMs, clock, errors, send })
    return this.#publish
  }
}
