import * as v from "valibot";
import { Hono } from "hono";
import { html, raw } from "hono/html";
import { X509Certificate, createHash, createHmac, createPrivateKey, createSecretKey, hash, timingSafeEqual } from "node:crypto";
import { createAdaptorServer } from "@hono/node-server";
import { Agent, Server, ServerResponse, request } from "node:http";
import { Agent as Agent$1, Server as Server$1, createServer, request as request$1 } from "node:https";
import { Server as Server$2, Socket } from "node:net";
import { setTimeout as setTimeout$1 } from "node:timers/promises";
import { readFile } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import { channel } from "node:diagnostics_channel";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import cluster from "node:cluster";
// src/printable.ts
const FORGING$1 = /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;
const FORGING_IN_LINE = new RegExp(`(?!\\n)${FORGING$1.source}`, "gu");
function printable(text) {
	return text.toWellFormed().replace(FORGING$1, "�");
}
function printableLines(text) {
	return text.toWellFormed().replace(FORGING_IN_LINE, "�");
}
const MAX_SHOWN_LENGTH = 64;
function describeValue(value) {
	if (typeof value === "string") return JSON.stringify(value.slice(0, MAX_SHOWN_LENGTH));
	if (typeof value === "function") return "a function";
	if (typeof value !== "object" || value === null) return String(value);
	if (Array.isArray(value)) return `[${value.slice(0, 4).map(describeItem).join(", ")}${value.length > 4 ? ", …" : ""}]`;
	const type = Object.getPrototypeOf(value)?.constructor?.name;
	if (type !== void 0 && type !== "Object") return `an instance of ${type}`;
	const keys = Object.keys(value);
	return keys.length === 0 ? "{}" : `{ ${keys.slice(0, 8).join(", ")} }`;
}
function describeSecret(value) {
	if (Array.isArray(value)) return `${value.length === 1 ? "a list of 1 item" : `a list of ${value.length} items`}${value.slice(0, 8).map((item, index) => `${index === 0 ? ": " : ", "}${describeSecret(item)}`).join("")}`;
	if (value === null || typeof value === "boolean") return String(value);
	if (typeof value !== "string") return typeof value === "object" ? "an object" : `a ${typeof value}`;
	if (value === "") return "an empty string";
	const characters = `a string of ${value.length} ${value.length === 1 ? "character" : "characters"}`;
	return /^[!-~]*$/.test(value) ? characters : `${characters}, not all of them visible ASCII`;
}
function describeItem(value) {
	return typeof value === "object" && value !== null ? "…" : describeValue(value);
}
const MIN_PREFIX_LENGTH = 3;
function suggestion(unknown, names) {
	const [closest] = names.map((name) => ({
		name,
		distance: editDistance(unknown, name)
	})).sort((a, b) => a.distance - b.distance);
	const longer = names.filter((name) => name.toLowerCase().startsWith(unknown.toLowerCase()));
	if (longer.length === 1 && unknown.length >= MIN_PREFIX_LENGTH) return `; did you mean "${longer[0]}"?`;
	if (closest !== void 0 && closest.distance <= Math.max(2, closest.name.length / 4)) return `; did you mean "${closest.name}"?`;
	return names.length === 1 ? `; expected ${names[0]}` : `; expected one of ${names.join(", ")}`;
}
function editDistance(from, to) {
	const a = from.slice(0, MAX_SHOWN_LENGTH).toLowerCase();
	const b = to.toLowerCase();
	let row = Array.from({ length: b.length + 1 }, (_, index) => index);
	for (let i = 1; i <= a.length; i++) {
		const next = [i];
		for (let j = 1; j <= b.length; j++) {
			const replaced = row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
			next.push(Math.min(replaced, row[j] + 1, next[j - 1] + 1));
		}
		row = next;
	}
	return row[b.length];
}
// src/errors.ts
const STATUS = {
	"stream-name-required": 400,
	"invalid-stream-name": 400,
	"too-many-streams-per-connection": 400,
	"invalid-parameter": 400,
	"invalid-event-id": 400,
	"not-acceptable": 406,
	"unexpected-body": 400,
	"empty-message": 400,
	"invalid-message": 400,
	"message-too-large": 413,
	"invalid-event-type": 400,
	"not-started": 503,
	stopped: 503,
	"invalid-options": 500,
	"invalid-argument": 500,
	"invalid-peer": 500,
	"port-in-use": 500,
	"port-not-permitted": 500,
	"address-not-available": 500,
	"open-internal-port": 500,
	"unsupported-runtime": 500,
	"body-too-large": 413,
	"length-required": 411,
	"forbidden-origin": 403,
	"unsupported-media-type": 415,
	"body-timeout": 408,
	overloaded: 503,
	unauthorized: 401,
	"invalid-peer-message": 400,
	"conflicting-event": 409,
	"open-publish-routes": 500,
	"invalid-json": 400,
	"invalid-tag": 400,
	"empty-selector": 400,
	forbidden: 403,
	blocked: 403,
	"authorization-failed": 500,
	"too-many-connections": 429,
	"too-many-connections-from-address": 429,
	"too-many-streams": 429,
	"too-many-subscriptions": 429,
	"output-buffers-full": 500,
	"slow-client": 500,
	"invalid-idempotency-key": 400,
	"peer-failed": 502,
	"peer-finder-failed": 500
};
var SserError = class extends Error {
	name = "SserError";
	code;
	status;
	constructor(code, message, options) {
		super(printableLines(message), options);
		this.code = code;
		const status = STATUS[code];
		this.status = status;
		if (status >= 500) return;
		Object.defineProperty(this, "getResponse", { value: () => new Response(`${this.message}\n`, {
			status,
			headers: { "sser-error": code }
		}) });
	}
};
function stopped() {
	return new SserError("stopped", "This instance was stopped");
}
function describe$1(error) {
	const messages = [];
	for (let cause = error; cause instanceof Error && messages.length < 4; cause = cause.cause) {
		const code = cause.code;
		messages.push(cause.message === "" && typeof code === "string" ? code : cause.message);
	}
	return printableLines(messages.length === 0 ? String(error) : messages.join(": "));
}
// src/discovery/peer-finder.ts
const TARGET_HEADER = "sser-target";
const ADDRESS = /^(?:[0-9A-Za-z._-]{1,253}|[0-9A-Fa-f.]*(?::[0-9A-Fa-f.]*){2,})$/;
const NUMERIC = /(?:^|\.)(?:\d+|0x[0-9a-f]*)\.?$/i;
const schema$4 = v.object({
	address: v.pipe(v.string(), v.check(isAddress)),
	port: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65535))),
	uid: v.optional(v.pipe(v.string(), v.regex(/^[!-~]{1,128}$/))),
	ready: v.optional(v.boolean()),
	terminating: v.optional(v.boolean())
});
const EXPECTED = {
	address: "an IP address or a host name, without a scheme, brackets or a port",
	port: "a whole number from 1 to 65,535",
	uid: "1 to 128 visible ASCII characters",
	ready: "true or false",
	terminating: "true or false"
};
function targetOf$1(peer, defaultPort) {
	const { uid, ready, terminating } = peer;
	return {
		host: hostOf$1(peer, defaultPort),
		uid,
		ready,
		terminating
	};
}
function hostOf$1({ address, port }, defaultPort) {
	return `${bracketed(address)}:${port ?? defaultPort}`;
}
function checkPeers(peers) {
	if (!Array.isArray(peers)) throw new SserError("invalid-peer", `Peer list: expected an array of peers, got ${show(peers)}`);
	for (const [index, peer] of peers.entries()) {
		const parsed = v.safeParse(schema$4, peer);
		if (parsed.success) continue;
		const field = v.getDotPath(parsed.issues[0]) ?? "";
		const fault = field in EXPECTED ? ` Its ${field} must be ${EXPECTED[field]}.` : "";
		throw new SserError("invalid-peer", `Peer list: entry ${index} is ${show(peer)}; expected { address, port?, uid?, ready?, terminating? }.${fault}`);
	}
	return peers;
}
function show(value) {
	return printable((JSON.stringify(value) ?? `${String(value)}`).slice(0, 200));
}
function isAddress(address) {
	if (!ADDRESS.test(address)) return false;
	const host = bracketed(address);
	if (!URL.canParse(`http://${host}/`)) return false;
	return !NUMERIC.test(address) || address.includes(":") || new URL(`http://${host}/`).hostname === address;
}
function bracketed(address) {
	return address.includes(":") ? `[${address}]` : address;
}
// src/discovery/static.ts
var StaticPeerFinder = class {
	#peers;
	isLocal;
	constructor(peers) {
		if (!Array.isArray(peers)) throw new SserError("invalid-peer", `StaticPeerFinder: expected an array such as ['10.0.0.1', '10.0.0.2:7001'], got ${show(peers)}`);
		this.#peers = checkPeers(peers.map((peer) => typeof peer === "string" ? parsePeer(peer) : peer));
		this.isLocal = this.#peers.every(({ address }) => address === "127.0.0.1" || address === "localhost");
	}
	async start({ signal }) {
		signal.throwIfAborted();
		return {
			peers: this.#peers,
			changes: noChanges(signal)
		};
	}
};
function parsePeer(text) {
	const bracketed = /^\[([^\]]+)\](?::(\d+))?$/.exec(text);
	const plain = /^([^:]+)(?::(\d+))?$/.exec(text);
	const [, address, port] = bracketed ?? plain ?? [void 0, text];
	return {
		address: address ?? text,
		port: port === void 0 ? void 0 : Number(port)
	};
}
async function* noChanges(signal) {
	if (signal.aborted) return;
	await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
}
// src/discovery/peer-finder.ts
function checkPeerList(list) {
	if (typeof (list?.changes)?.[Symbol.asyncIterator] !== "function") throw new SserError("invalid-peer", `peerFinder.start(): expected a promise of { peers, changes }, where changes is an async iterable, got ${show(list)}`);
	checkPeers(list.peers);
	return list;
}
async function follow(changes, options) {
	const { signal, errors, adopt } = options;
	try {
		for await (const peers of changes) {
			if (signal.aborted) return;
			try {
				adopt(checkPeers(peers));
			} catch (error) {
				errors.report(error, { stage: "peer-finder" });
			}
		}
		if (signal.aborted) return;
		throw new SserError("peer-finder-failed", "The peer finder ended its changes before its signal aborted; the last list of peers stays");
	} catch (error) {
		if (!signal.aborted) errors.report(error, { stage: "peer-finder" });
	}
}
// src/wire/sse-frame.ts
const OWN_BLOCK = /^event: (.*)\n(retry: .*\n)?data: (.*)\n/;
function asComment(block) {
	return block.replace(OWN_BLOCK, ": $1 $3\n$2").slice(0, -1);
}
const LABELS = {
	event: (frame, stream, type) => type === void 0 ? `event: ${stream}\n${frame}` : frame,
	field: (frame, stream) => `stream: ${stream}\n${frame}`
};
function format(dialect, label) {
	const isPlain = dialect === "plain";
	return {
		key: isPlain || label !== void 0 ? `\u0001${dialect} ${label}\n` : "",
		isPlain,
		event: label === void 0 ? (frame) => frame : LABELS[label],
		own: isPlain ? asComment : (block) => block
	};
}
const FORMATS = {
	standard: {
		none: format("standard", void 0),
		event: format("standard", "event"),
		field: format("standard", "field")
	},
	plain: {
		none: format("plain", void 0),
		event: format("plain", "event"),
		field: format("plain", "field")
	}
};
const STANDARD = FORMATS.standard.none;
function frameFormat(dialect, label) {
	return FORMATS[dialect][label ?? "none"];
}
const NATIVE_EVENTS = ["error", "open"];
function validateLabel(label, streams) {
	if (label !== "event") return void 0;
	const name = streams.find((stream) => NATIVE_EVENTS.includes(stream) || stream.startsWith("sser-"));
	if (name === void 0) return void 0;
	return new SserError("invalid-parameter", `The parameter "label" of the URL: a stream named ${JSON.stringify(name)} cannot be the type of an event, because EventSource or this server has events of that name; use label=field, or another name`);
}
// src/delivery/bounded-tee.ts
const MAX_LAG_BYTES = 65536;
var BoundedTeeStream = class BoundedTeeStream extends ReadableStream {
	tee() {
		const reader = this.getReader();
		const branches = [];
		let isWanted = false;
		let isReading = false;
		const close = () => {
			for (const branch of branches) if (branch.isOpen) branch.controller.close();
		};
		const fail = (error) => {
			for (const branch of branches) if (branch.isOpen) branch.controller.error(error);
		};
		const read = () => {
			if (isReading || !isWanted) return;
			if (branches.some(({ isOpen, controller }) => isOpen && -(controller.desiredSize ?? 0) > MAX_LAG_BYTES)) return;
			isReading = true;
			isWanted = false;
			reader.read().then(({ done, value }) => {
				isReading = false;
				if (done) return close();
				for (const branch of branches) if (branch.isOpen) branch.controller.enqueue(value);
				read();
			}, fail);
		};
		const branch = () => {
			const self = {};
			return new BoundedTeeStream({
				start(controller) {
					Object.assign(self, {
						controller,
						isOpen: true
					});
					branches.push(self);
				},
				pull() {
					isWanted = true;
					read();
				},
				cancel(reason) {
					self.isOpen = false;
					if (branches.every(({ isOpen }) => !isOpen)) return reader.cancel(reason);
					read();
				}
			}, {
				highWaterMark: 0,
				size: (chunk) => chunk?.byteLength ?? 0
			});
		};
		return [branch(), branch()];
	}
};
// src/delivery/event-stream-body.ts
function eventStreamBodyOf(response) {
	return isEventStream(response) && response.body instanceof EventStreamBody ? response.body : void 0;
}
function isEventStream({ headers }) {
	return headers.get("content-type")?.startsWith("text/event-stream") === true;
}
var ConnectionHandle = class {
	#hub;
	#connection;
	constructor(hub, connection) {
		this.#hub = hub;
		this.#connection = connection;
	}
	pull() {
		this.#hub.pull(this.#connection);
	}
	leave() {
		this.#hub.remove(this.#connection);
	}
};
var EventStreamBody = class extends BoundedTeeStream {
	#options;
	#reservation;
	#controller;
	#request;
	#response;
	#hooks;
	#handle;
	#isOpen = false;
	#isOver = false;
	#unwatch;
	constructor(options) {
		let controller;
		super({
			start(given) {
				controller = given;
			},
			pull: () => this.#pull(),
			cancel: () => {
				this.#isOver = true;
				this.#handle?.leave();
				this.#end();
			}
		}, { highWaterMark: 0 });
		this.#controller = controller;
		this.#options = options;
		this.#reservation = options.reservation;
	}
	get format() {
		return this.#options.format ?? STANDARD;
	}
	onSocket(hooks) {
		this.#hooks = hooks;
		if (this.#isOpen) hooks.onOpen();
	}
	register(request, response) {
		this.#request = request;
		this.#response = response;
		if (response?.destroyed === true) this.leave();
	}
	attach(sink) {
		this.#request = this.#response = void 0;
		const { hub, connect, since } = this.#options;
		const connection = connect(sink);
		hub.add(connection, since, this.#reservation);
		this.#reservation = void 0;
		return new ConnectionHandle(hub, connection);
	}
	leave() {
		this.#handle?.leave();
		this.#close();
	}
	#pull() {
		if (this.#handle === void 0) this.#open();
		this.#handle?.pull();
	}
	#open() {
		const [request, response] = [this.#request, this.#response];
		this.#request = void 0;
		if (this.#hooks?.reportsClose !== true && !this.#watch(request)) return this.#close();
		this.#isOpen = true;
		this.#hooks?.onOpen();
		this.#handle = this.attach({
			write: (chunk) => {
				this.#controller.enqueue(chunk);
				return false;
			},
			close: () => this.#close(),
			abort: () => {
				const hooks = this.#hooks;
				this.#isOpen = false;
				this.#close();
				if (hooks !== void 0) hooks.onAbort();
				else response?.destroy();
			}
		});
	}
	#watch(request) {
		const [response, signal] = [this.#response, request?.signal];
		if (signal?.aborted === true) return false;
		const leave = () => this.leave();
		response?.once("close", leave);
		signal?.addEventListener("abort", leave);
		this.#unwatch = () => {
			response?.off("close", leave);
			signal?.removeEventListener("abort", leave);
		};
		return true;
	}
	#close() {
		if (this.#isOver) return;
		this.#isOver = true;
		this.#controller.close();
		this.#end();
	}
	#end() {
		this.#reservation?.release();
		this.#unwatch?.();
		if (!this.#isOpen) return;
		this.#isOpen = false;
		this.#hooks?.onEnd();
	}
};
// src/http/fetch-handler.ts
function closeWhile(isDraining, fetch) {
	const finish = (response) => isDraining() ? withConnectionClose(response) : response;
	return (request, env) => {
		const response = fetch(request, env);
		return isPromise(response) ? response.then(finish) : finish(response);
	};
}
function isPromise(response) {
	return typeof response?.then === "function";
}
function withConnectionClose(response) {
	if (response === void 0 || response.status < 200) return response;
	try {
		response.headers.set("connection", "close");
		return response;
	} catch {
		const { status, statusText, body } = response;
		const headers = new Headers(response.headers);
		headers.set("connection", "close");
		return new Response(body, {
			status,
			statusText,
			headers
		});
	}
}
// src/admission/arrivals.ts
const ARRIVAL = Symbol("sser arrival");
function arrivalOf(request, env) {
	return request[ARRIVAL] ?? incomingIn(env)?.[ARRIVAL];
}
function incomingIn(env) {
	return env?.incoming;
}
var Arrivals = class {
	#mark;
	#opened = 0;
	constructor(mark) {
		this.#mark = mark;
	}
	of(request, env) {
		const arrival = arrivalOf(request, env);
		return arrival?.arrivals === this ? arrival : void 0;
	}
	opened(request, env, body) {
		this.#opened += 1;
		const arrival = arrivalOf(request, env);
		if (arrival !== void 0) arrival.body = body;
	}
	record(incoming) {
		incoming[ARRIVAL] = this.#arrival();
	}
	recording(fetch) {
		return (request, env) => {
			const incoming = incomingIn(env);
			const before = incoming?.[ARRIVAL];
			const arrival = before?.arrivals === this ? before : this.#arrival();
			request[ARRIVAL] = arrival;
			if (incoming !== void 0) incoming[ARRIVAL] = arrival;
			const opened = this.#opened;
			const find = (response) => {
				if (arrival.body === void 0 && this.#opened !== opened) arrival.body = eventStreamBodyOf(response);
				return response;
			};
			const response = fetch(request, env);
			return isPromise(response) ? response.then(find) : find(response);
		};
	}
	#arrival() {
		return {
			mark: this.#mark(),
			arrivals: this,
			body: void 0
		};
	}
};
// src/clock.ts
const MAX_TIMER_MS = 2147483647;
const { setImmediate: setImmediate$1 } = globalThis;
const { performance: performance$1 } = globalThis;
const systemClock = {
	now: () => performance$1.now(),
	after(ms, callback) {
		if (ms === 0 && setImmediate$1 !== void 0) {
			let isOff = false;
			setImmediate$1(() => isOff || callback());
			return () => {
				isOff = true;
			};
		}
		const timer = setTimeout(callback, Math.min(ms, MAX_TIMER_MS));
		if (typeof timer === "object" && timer !== null && "unref" in timer) timer.unref();
		return () => clearTimeout(timer);
	},
	random() {
		return crypto.getRandomValues(new Uint32Array(1))[0] / 2 ** 32;
	},
	hold() {
		const timer = setInterval(() => {}, MAX_TIMER_MS);
		return () => clearInterval(timer);
	}
};
function keepAlive(clock, promise) {
	const release = clock.hold?.();
	return release === void 0 ? promise : promise.finally(release);
}
async function withTimeout(clock, ms, call, error) {
	const timeout = Promise.withResolvers();
	const cancel = clock.after(ms, () => timeout.reject(error()));
	try {
		return await Promise.race([call(), timeout.promise]);
	} finally {
		cancel();
	}
}
function pause(clock, ms, signal) {
	if (signal?.aborted) return Promise.resolve();
	return new Promise((resolve) => {
		const done = () => {
			cancel();
			signal?.removeEventListener("abort", done);
			resolve();
		};
		const cancel = clock.after(ms, done);
		signal?.addEventListener("abort", done, { once: true });
	});
}
function runYielding(clock, work, onError, onDone = () => {}) {
	let done = true;
	try {
		done = work.next().done === true;
	} catch (error) {
		onError(error);
	}
	if (done) onDone();
	else clock.after(0, () => runYielding(clock, work, onError, onDone));
}
// src/validation.ts
const whole = (minimum, maximum = Number.MAX_SAFE_INTEGER) => v.pipe(v.number(), v.integer(), v.minValue(minimum), v.maxValue(maximum));
const withDefault = (fallback, minimum, maximum) => v.optional(whole(minimum, maximum), fallback);
function isObject(value) {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}
function hasMethods(value, names) {
	if (typeof value !== "object" || value === null) return false;
	return names.every((name) => typeof value[name] === "function");
}
function requireOptions(call, options) {
	if (isObject(options)) return options;
	throw new SserError("invalid-options", `${call}: expected an object of options, got ${describeValue(options)}`);
}
function checkOptions$2(schema, options, ...others) {
	const parsed = v.safeParse(schema, options);
	if (parsed.success) return parsed.output;
	const [issue] = parsed.issues;
	const name = v.getDotPath(issue) ?? "options";
	const other = others.find(({ names }) => names.includes(name));
	if (issue.expected === "never" && other !== void 0) throw new SserError("invalid-options", `Option "${name}": pass it to ${other.call}`);
	throw new SserError("invalid-options", `Option "${name}": ${fault(issue, Object.keys(schema.entries))}`);
}
function fault(issue, names) {
	if (issue.type === "check") return issue.message;
	if (issue.type === "strict_object" && issue.expected === "never") return `there is no such option${suggestion(String(v.getDotPath(issue)), names)}`;
	if (issue.type === "strict_object" && issue.path !== void 0) return "must be given";
	return `expected ${expectation(issue)}, got ${issue.received}`;
}
function expectation({ type, message, expected }) {
	if (type === "number" || type === "integer") return "a whole number";
	return type === "custom" ? message : expected;
}
// src/instance/call-arguments.ts
const SIGNAL = ["an AbortSignal", (value) => hasMethods(value, ["throwIfAborted", "addEventListener"])];
const SCHEMA = ["a Standard Schema, such as one of Zod, Valibot or ArkType", (value) => hasMethods(value?.["~standard"], ["validate"])];
const CALLBACK = ["a function", (value) => typeof value === "function"];
const COUNT = ["a whole number, 0 or more", (value) => Number.isSafeInteger(value) && Number(value) >= 0];
const DIALECT = ["\"standard\" or \"plain\"", (value) => value === "standard" || value === "plain"];
const ANY = ["a value", () => true];
const SEND_OPTIONS = {
	event: ANY,
	idempotencyKey: ANY,
	traceparent: ANY,
	signal: SIGNAL
};
function checkSendOptions(options) {
	return checkOptions$1("send()", options, SEND_OPTIONS, "{ event: 'created' }");
}
function checkSelector(selector, options) {
	const fault = checkNames("disconnect()", "selector", selector, ["stream", "tag"], "a selector such as { stream } or { tag }") ?? checkOptions$1("disconnect()", options, { signal: SIGNAL }, "{ signal }");
	if (fault !== void 0) return fault;
	const { stream, tag } = selector;
	if (stream !== void 0 || tag !== void 0) return void 0;
	return new SserError("empty-selector", "disconnect(): expected a stream, a tag, or both, got neither");
}
function checkEndpointOptions(options) {
	return checkOptions$1("endpoint()", options, { dialect: DIALECT }, "{ dialect: 'plain' }");
}
function checkStartOptions(options) {
	return checkOptions$1("start()", options, { signal: SIGNAL }, "{ signal }");
}
function checkSubscribeOptions(options) {
	return checkOptions$1("subscribe()", options, {
		after: ANY,
		signal: SIGNAL
	}, "{ after: lastId }");
}
function checkStreamOptions(options) {
	const [, isSchema] = SCHEMA;
	if (isSchema(options)) return invalid$1("stream(): expected options such as { schema }, got the schema itself");
	return checkOptions$1("stream()", options, { schema: SCHEMA }, "{ schema }");
}
function checkStopOptions(options) {
	return checkOptions$1("stop()", options, { beforeFlush: CALLBACK }, "{ beforeFlush: () => server.close() }");
}
function checkStatsOptions(options) {
	return checkOptions$1("stats()", options, { largestStreams: COUNT }, "{ largestStreams: 10 }");
}
function checkOptions$1(call, options, expectations, example) {
	const fault = checkNames(call, "option", options, Object.keys(expectations), `options such as ${example}`);
	if (fault !== void 0) return fault;
	for (const name in options) {
		const value = options[name];
		const [expected, isExpected] = expectations[name];
		if (value !== void 0 && !isExpected(value)) return invalid$1(`${call}: option "${name}": expected ${expected}, got ${describeValue(value)}`);
	}
}
function checkNames(call, noun, value, names, expected) {
	if (!isObject(value)) return invalid$1(`${call}: expected ${expected}, got ${describeValue(value)}`);
	for (const name in value) if (!names.includes(name)) return invalid$1(`${call}: there is no ${noun} ${describeValue(name)}${suggestion(name, names)}`);
}
function invalid$1(message) {
	return new SserError("invalid-argument", message);
}
// src/instance/lifecycle-lines.ts
const MAX_NAMED = 3;
function logStart(logging, settings, { internalPort, internalHostname }) {
	const address = internalHostname === void 0 ? "" : ` on ${internalHostname}`;
	logging.info(`starts, with the internal port ${internalPort ?? settings.internalPort}${address}, and looks for its peers`);
}
function warnOpenRoutes(logging) {
	logging.warn("sser.internalRoutes is open: every process that reaches it can send to every client. Set peerSecret, or allowOpenInternalPort: true if only Pods reach it");
}
function logReady(logging, settings, mesh) {
	const { syncResult } = mesh;
	if (syncResult === void 0) return;
	const { source, hasAnswer, absent, isOnlySelf } = syncResult;
	const listed = mesh.peers().length;
	const message = `is ready; its list of peers has ${listed === 1 ? "1 entry" : `${listed} entries`}`;
	const [first] = absent;
	if (isOnlySelf) logging.alone(`is ready and runs alone, because ${aloneReason(settings, listed)}`);
	else if (source !== void 0) logging.info(`${message}, and ${source} sent its log`);
	else if (hasAnswer || first === void 0) logging.info(message);
	else {
		const [peer, error] = first;
		const others = absent.size === 1 ? "" : `, and ${absent.size - 1} more`;
		logging.alone(`${message}, but no peer runs yet (${peer}: ${describe$1(error)}${others}); events reach the clients of this Pod alone until a peer responds`);
	}
}
function aloneReason({ peerFinder }, listed) {
	if (peerFinder === void 0) return "no peerFinder was given: events reach the clients of this Pod only";
	return `the first list of its peerFinder ${listed === 0 ? "is empty" : "has no Pod but this one"}: events reach the clients of this Pod only until a peer responds`;
}
function stopLine(waits) {
	const { signal, connections, peers, drainTimeoutMs, requestDrainTimeoutMs, flushTimeoutMs } = waits;
	const steps = [];
	if (connections > 0) steps.push(`${count(connections, "event stream")} ended within ${drainTimeoutMs} ms (drainTimeoutMs)`);
	if (requestDrainTimeoutMs !== void 0) steps.push(`requests in flight answered within ${requestDrainTimeoutMs} ms (requestDrainTimeoutMs)`);
	if (peers > 0) steps.push(`events that ${count(peers, "peer")} may lack sent within ${flushTimeoutMs} ms (flushTimeoutMs)`);
	const reason = signal === void 0 ? "stops" : `stops on ${signal}`;
	const end = signal === void 0 ? "" : ". A second signal ends the process at once";
	return `${reason}${steps.length === 0 ? "" : `, with ${steps.join(", then ")}`}${end}`;
}
function count(n, noun) {
	return `${n} ${noun}${n === 1 ? "" : "s"}`;
}
function namePeers(peers) {
	const rest = peers.length - MAX_NAMED;
	return `${peers.slice(0, MAX_NAMED).join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`;
}
// src/http/body-reader.ts
var BodyBudget = class {
	#maxBytes;
	#held = new Map();
	#bytes = 0;
	constructor(maxBytes) {
		this.#maxBytes = maxBytes;
	}
	set(holder, bytes) {
		const others = () => this.#bytes - (this.#held.get(holder) ?? 0);
		while (others() + bytes > this.#maxBytes) {
			const largest = this.#largest() ?? holder;
			this.release(largest);
			largest.evict(overloaded());
			if (largest === holder) return false;
		}
		this.#bytes = others() + bytes;
		this.#held.set(holder, bytes);
		return true;
	}
	release(holder) {
		this.#bytes -= this.#held.get(holder) ?? 0;
		this.#held.delete(holder);
	}
	#largest() {
		const sums = new Map();
		for (const [{ address }, bytes] of this.#held) sums.set(address, (sums.get(address) ?? 0) + bytes);
		let most = 0;
		for (const sum of sums.values()) most = Math.max(most, sum);
		let largest;
		let largestBytes = -1;
		for (const [holder, bytes] of this.#held) {
			if (sums.get(holder.address) !== most || bytes <= largestBytes) continue;
			largest = holder;
			largestBytes = bytes;
		}
		return largest;
	}
};
function overloaded() {
	return new SserError("overloaded", "Too many bodies are being read");
}
const MAX_KEY_LENGTH = 256;
const MAX_TAG_LENGTH = 256;
const encoder$6 = new TextEncoder();
const COUNTED_LENGTH = 256;
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;
const FORGING = /[\r\n\u0000]/;
function byteLength(text) {
	if (text.length > COUNTED_LENGTH) return encoder$6.encode(text).byteLength;
	let bytes = text.length;
	for (let i = 0; i < text.length; i += 1) {
		const unit = text.charCodeAt(i);
		if (unit < 128) continue;
		bytes += unit < 2048 ? 1 : 2;
		if (unit >= 55296 && unit < 56320 && isLowSurrogate(text.charCodeAt(i + 1))) i += 1;
	}
	return bytes;
}
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
function ownCopy(text) {
	return decoder.decode(encoder$6.encode(text));
}
function isLowSurrogate(unit) {
	return unit >= 56320 && unit < 57344;
}
function isLongerThan(text, limit) {
	if (text.length > limit) return true;
	return text.length * 3 > limit && byteLength(text) > limit;
}
const BREAK_BYTES = 7;
function isLongerInLines(msg, limit) {
	if (msg.length * BREAK_BYTES <= limit || !/[\r\n]/.test(msg)) return false;
	let bytes = byteLength(msg);
	for (const [lineBreak] of msg.matchAll(/\r\n|\r|\n/g)) bytes += BREAK_BYTES - lineBreak.length;
	return bytes > limit;
}
function validateMessage(msg, maxBytes) {
	if (typeof msg !== "string") return new SserError("invalid-message", `send(): expected the message as a string, got ${describeValue(msg)}; for other values, call JSON.stringify()`);
	if (msg === "") return new SserError("empty-message", "you cannot send the empty string as a message over SSE");
	if (!isLongerThan(msg, maxBytes) && !isLongerInLines(msg, maxBytes)) return void 0;
	return messageTooLarge(maxBytes);
}
function messageTooLarge(maxBytes) {
	return new SserError("message-too-large", `A message has at most ${maxBytes} bytes of UTF-8, a line break counted as ${BREAK_BYTES}: see the option maxMessageBytes`);
}
function validateStreamName(name) {
	if (typeof name !== "string") return new SserError("invalid-stream-name", `Stream name: expected a string, got ${describeValue(name)}`);
	if (name === "") return new SserError("stream-name-required", "A stream name must be supplied");
	if (isLongerThan(name, 256)) return new SserError("invalid-stream-name", `A stream name has at most 256 bytes`);
	if (CONTROL.test(name)) return new SserError("invalid-stream-name", "A stream name must not contain control characters");
	if (!name.isWellFormed()) return new SserError("invalid-stream-name", "A stream name must be well-formed Unicode, because no URL can carry half of a surrogate pair: cut names between characters (Array.from(name)), or call name.toWellFormed()");
}
function validatePeerStreamName(name) {
	return validateStreamName(name.toWellFormed());
}
function validateEventType(type) {
	if (typeof type !== "string") return new SserError("invalid-event-type", `Option "event": expected a string, got ${describeValue(type)}`);
	if (type === "") return new SserError("invalid-event-type", "An event type must not be empty");
	if (type.length > 256) return new SserError("invalid-event-type", `An event type has at most 256 characters`);
	if (FORGING.test(type)) return new SserError("invalid-event-type", "An event type must not contain CR, LF or NUL");
	if (type.startsWith("sser-")) return new SserError("invalid-event-type", "Event types that begin with \"sser-\" are reserved");
}
function validateIdempotencyKey(key) {
	if (typeof key === "string" && key !== "" && key.length <= MAX_KEY_LENGTH && !FORGING.test(key)) return void 0;
	return new SserError("invalid-idempotency-key", `An idempotencyKey has 1 to ${MAX_KEY_LENGTH} characters, none of them CR, LF or NUL`);
}
function validateTag(tag) {
	if (typeof tag === "string" && tag !== "" && tag.length <= MAX_TAG_LENGTH) return void 0;
	return new SserError("invalid-tag", `A tag is a string of 1 to ${MAX_TAG_LENGTH} characters`);
}
// src/wire/position.ts
const MAX_POSITION_BYTES = 7168;
const PARTIAL_EPOCH = "00000";
const PARTIAL_ENTRY = `.${PARTIAL_EPOCH}1`;
const MAX_EPOCHS = 2048;
const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const EPOCH_LENGTH = 5;
const EPOCH = /^[0-9A-Za-z]{5}$/;
const ENTRY = /^([0-9A-Za-z]{5})([1-9a-z][0-9a-z]{0,10})(?:~([0-9a-z]{1,11}))?$/;
const CHECKSUM_RANGE = 62 ** 3;
function randomEpoch(random) {
	let epoch = "";
	while (epoch.length < EPOCH_LENGTH) epoch += ALPHABET[Math.floor(random() * 62)];
	return epoch === "00000" ? "00001" : epoch;
}
function isEpoch(text) {
	return EPOCH.test(text) && text !== "00000";
}
function formatEntries(visit) {
	let text = "";
	visit((epoch, seq, carriedMs) => {
		text += `${text === "" ? "" : "."}${formatEntry(epoch, seq, carriedMs)}`;
	});
	return {
		text,
		hash: hashOf(text)
	};
}
function formatPosition(position, carriedMs, leftOut, prefix) {
	let text = "";
	for (const [epoch, seq] of position) {
		if (leftOut?.has(epoch)) continue;
		text += `${text === "" ? "" : "."}${formatEntry(epoch, seq, carriedMs?.get(epoch))}`;
	}
	if (leftOut !== void 0) text += PARTIAL_ENTRY;
	if (prefix === void 0) return `${text}-${checksum(hashOf(text))}`;
	if (text !== "") text = `.${text}`;
	return `${prefix.text}${text}-${checksum(hashOf(text, prefix.hash))}`;
}
function formatEntry(epoch, seq, carriedMs) {
	const entry = epoch + seq.toString(36);
	return carriedMs === void 0 ? entry : `${entry}~${Math.round(carriedMs).toString(36)}`;
}
function parsePosition(id, maxBytes = MAX_POSITION_BYTES) {
	if (id.length > maxBytes) return void 0;
	const dash = id.lastIndexOf("-");
	if (dash < 1 || checksum(hashOf(id.slice(0, dash))) !== id.slice(dash + 1)) return void 0;
	const position = new Map();
	for (const part of id.slice(0, dash).split(".")) {
		const [, epoch, digits, age] = ENTRY.exec(part) ?? [];
		if (epoch === void 0 || digits === void 0 || position.has(epoch)) return void 0;
		const seq = Number.parseInt(digits, 36);
		const carriedMs = age === void 0 ? void 0 : Number.parseInt(age, 36);
		if (!Number.isSafeInteger(seq) || !Number.isSafeInteger(carriedMs ?? 0)) return void 0;
		position.set(epoch, {
			seq,
			carriedMs
		});
	}
	return position;
}
function hashOf(text, before = 2166136261) {
	let hash = before;
	for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 16777619);
	return hash;
}
function checksum(hash) {
	let rest = (hash >>> 0) % CHECKSUM_RANGE;
	let digits = "";
	for (let i = 0; i < 3; i += 1) {
		digits += ALPHABET[rest % 62];
		rest = Math.floor(rest / 62);
	}
	return digits;
}
// src/wire/traceparent.ts
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?=$|-)/;
const MAX_LENGTH$1 = 128;
const VERSION$1 = "00";
const LENGTH = 55;
function normalizeTraceparent(value) {
	if (typeof value !== "string" || value.length > MAX_LENGTH$1 || !TRACEPARENT.test(value)) return void 0;
	if (!value.startsWith(VERSION$1)) return VERSION$1 + value.slice(2, LENGTH);
	return value.length === LENGTH ? value : void 0;
}
function isSampled(traceparent) {
	return (Number.parseInt(traceparent.slice(-2), 16) & 1) === 1;
}
// src/wire/v2.ts
const APPEND_URL_PATH = "/api/json/v2/append";
const EXCHANGE_URL_PATH = "/api/json/v2/exchange";
const APPEND_TARGET_BYTES = 1048576;
const APPEND_MAX_BYTES = 8 * APPEND_TARGET_BYTES;
const MAX_FAULT_LENGTH = 200;
const MAX_ITEMS = 65536;
function endOf({ prev, to, events }) {
	return to ?? prev + events.length;
}
const epoch = v.pipe(v.string(), v.check(isEpoch));
const duration = v.pipe(v.number(), v.finite(), v.minValue(0));
const schema$3 = v.object({
	v: v.literal(2),
	epoch,
	position: v.unknown(),
	sparse: v.optional(v.boolean()),
	hydrate: v.optional(v.boolean()),
	ready: v.optional(v.boolean()),
	v1Age: v.optional(duration),
	runs: v.unknown()
});
function encodeAppend(message) {
	return JSON.stringify({
		v: 2,
		...message,
		position: Object.fromEntries(message.position)
	});
}
function parseAppend(body) {
	let value;
	try {
		value = JSON.parse(body);
	} catch {
		throw new SserError("invalid-peer-message", "The body is not JSON");
	}
	const parsed = v.safeParse(schema$3, value, { abortEarly: true });
	if (!parsed.success) throw invalid(` at ${v.getDotPath(parsed.issues[0]) ?? "the body"}`);
	const { v: _, position, ...message } = parsed.output;
	return {
		...message,
		position: checkSeqs(position, "position"),
		runs: checkRanges(message.runs)
	};
}
function checkSeqs(value, field) {
	if (typeof value !== "object" || value === null || Array.isArray(value)) throw invalid(` at ${field}`);
	const entries = Object.entries(value);
	if (entries.length > 2048) throw invalid(` at ${field}`);
	const checked = new Map();
	for (const [epoch, seq] of entries) {
		if (!isEpoch(epoch) || !isSeq(seq)) throw invalid(` at ${field}.${epoch}`);
		checked.set(epoch, seq);
	}
	return checked;
}
function checkRanges(value) {
	if (!Array.isArray(value) || value.length > MAX_ITEMS) throw invalid(" at runs");
	return value.map(checkRange);
}
function checkRange(value, index) {
	if (typeof value !== "object" || value === null) throw invalid(` at runs.${index}`);
	const { epoch, prev, floor, idle, evicted, to, events } = value;
	if (typeof epoch !== "string" || !isEpoch(epoch)) throw invalid(` at runs.${index}.epoch`);
	if (!isSeq(prev)) throw invalid(` at runs.${index}.prev`);
	if (floor !== void 0 && typeof floor !== "boolean") throw invalid(` at runs.${index}.floor`);
	if (!isDuration(idle)) throw invalid(` at runs.${index}.idle`);
	if (!Array.isArray(events) || events.length > MAX_ITEMS) throw invalid(` at runs.${index}.events`);
	if (evicted === void 0) return {
		epoch,
		prev,
		floor,
		idle,
		events: checkEvents(prev, events, index, false)
	};
	if (!Array.isArray(evicted) || evicted.length > MAX_ITEMS) throw invalid(` at runs.${index}.evicted`);
	const checked = checkEvents(prev, events, index, true);
	if (!isSeq(to) || to < (checked.at(-1)?.seq ?? prev)) throw invalid(` at runs.${index}.to`);
	return {
		epoch,
		prev,
		floor,
		idle,
		evicted: evicted.map((one) => checkEvicted(one, index)),
		to,
		events: checked
	};
}
function checkEvicted(value, index) {
	const { stream, seq, age } = value ?? {};
	if (!isText(stream, validatePeerStreamName) || !isSeq(seq) || !isDuration(age)) throw invalid(` at runs.${index}.evicted`);
	return {
		stream,
		seq,
		age
	};
}
function isSeq(value) {
	return Number.isSafeInteger(value) && value >= 0;
}
function isDuration(value) {
	return Number.isFinite(value) && value >= 0;
}
function checkEvents(prev, events, index, isSparse) {
	let last = prev;
	let checked;
	return events.map((value, i) => {
		if (typeof value !== "object" || value === null) throw invalid(` at runs.${index}.events.${i}`);
		const { seq, age, stream, msg, event, key, traceparent, disconnect } = value;
		const field = faultyField(value, checked);
		if (field !== void 0) throw invalid(` at runs.${index}.events.${i}.${field}`);
		if (isSparse ? seq <= last : seq !== last + 1) throw invalid(`: seq ${seq} after ${last}`);
		if (stream !== void 0 && (msg === void 0 || msg === "")) throw invalid(`: seq ${seq} has no msg`);
		last = seq;
		checked = stream;
		if (stream === void 0 && disconnect !== void 0) return {
			seq,
			age,
			disconnect: {
				stream: disconnect.stream,
				tag: disconnect.tag
			}
		};
		return {
			seq,
			age,
			stream,
			msg,
			event,
			key,
			traceparent: traceparent === void 0 ? void 0 : normalizeTraceparent(traceparent)
		};
	});
}
function faultyField({ seq, age, stream, msg, event, key, disconnect }, checked) {
	if (!isSeq(seq)) return "seq";
	if (!isDuration(age)) return "age";
	if (stream !== checked && stream !== void 0 && !isText(stream, validatePeerStreamName)) return "stream";
	if (msg !== void 0 && typeof msg !== "string") return "msg";
	if (event !== void 0 && !isText(event, validateEventType)) return "event";
	if (key !== void 0 && !isText(key, validateIdempotencyKey)) return "key";
	if (disconnect !== void 0 && !isSelection(disconnect)) return "disconnect";
}
function isSelection(value) {
	if (typeof value !== "object" || value === null) return false;
	const { stream, tag } = value;
	if (stream === void 0 && tag === void 0) return false;
	return (stream === void 0 || isText(stream, validatePeerStreamName)) && (tag === void 0 || isText(tag, validateTag));
}
function isText(value, fault) {
	return typeof value === "string" && fault(value) === void 0;
}
function invalid(what) {
	return new SserError("invalid-peer-message", `Invalid append${printable(what.slice(0, MAX_FAULT_LENGTH))}`);
}
// src/http/body.ts
const WHOLE_BYTES = 65536;
const JSON_TYPE = /^application\/json *(?:;|$)/i;
function declaredLength(headers) {
	if (headers.has("transfer-encoding")) return void 0;
	const length = headers.get("content-length") ?? "";
	return /^\d+$/.test(length) ? Number(length) : void 0;
}
function decodeBody(bytes) {
	return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}
async function readBody(message, maxBytes, onCost = () => {}) {
	if (Number(message.headers.get("content-length")) > maxBytes) {
		await message.body?.cancel().catch(() => {});
		throw tooLarge(maxBytes);
	}
	const length = message instanceof Request ? declaredLength(message.headers) : void 0;
	if (length !== void 0 && length <= WHOLE_BYTES) {
		onCost(length);
		const bytes = await message.arrayBuffer();
		if (bytes.byteLength > maxBytes) throw tooLarge(maxBytes);
		return decodeBody(bytes);
	}
	if (message.body === null) return "";
	const buffer = new BodyBuffer(maxBytes, length);
	const reader = message.body.getReader();
	for (;;) {
		const { done, value } = await reader.read();
		if (done) return decodeBody(buffer.take());
		try {
			onCost(buffer.add(value));
		} catch (error) {
			reader.cancel().catch(() => {});
			throw error;
		}
	}
}
const DISCARD_BYTES = 4096;
async function discardBody(message) {
	await readBody(message, DISCARD_BYTES).catch(() => {});
}
const MIN_PIECE_COST = 1024;
const EXTRA_COST = 4194304;
const FIRST_CAPACITY = 1024;
const KEPT_CAPACITY = 65536;
var BodyBuffer = class {
	#maxBytes;
	#expectedBytes;
	#bytes = new Uint8Array(0);
	#size = 0;
	#cost = 0;
	constructor(maxBytes, expectedBytes = Number.POSITIVE_INFINITY) {
		this.#maxBytes = maxBytes;
		this.#expectedBytes = expectedBytes;
	}
	add(piece) {
		const cost = Math.max(piece.byteLength, MIN_PIECE_COST);
		const size = this.#size + piece.byteLength;
		this.#cost += cost;
		if (size > this.#maxBytes) throw tooLarge(this.#maxBytes);
		if (this.#cost > this.#maxBytes + EXTRA_COST) throw new SserError("body-too-large", "The body comes in too many small pieces; send larger chunks");
		if (size > this.#bytes.byteLength) this.#grow(size);
		this.#bytes.set(piece, this.#size);
		this.#size = size;
		return cost;
	}
	get byteLength() {
		return this.#size;
	}
	take() {
		const bytes = this.#bytes.subarray(0, this.#size);
		this.#size = 0;
		this.#cost = 0;
		if (this.#bytes.byteLength > KEPT_CAPACITY) this.#bytes = new Uint8Array(0);
		return bytes;
	}
	#grow(size) {
		const doubled = Math.max(2 * this.#bytes.byteLength, FIRST_CAPACITY);
		const capacity = Math.max(size, Math.min(doubled, this.#maxBytes, this.#expectedBytes));
		const bytes = new Uint8Array(capacity);
		bytes.set(this.#bytes.subarray(0, this.#size));
		this.#bytes = bytes;
	}
};
function tooLarge(maxBytes) {
	return new SserError("body-too-large", `A body has at most ${maxBytes} bytes`);
}
// src/transport/line-reader.ts
const LF = 10;
const SMALL_PIECE_BYTES = 16;
const MAX_SMALL_PIECES = 4096;
var LineReader = class {
	#maxBytes;
	#rest;
	#smallPieces = 0;
	#isFirst = true;
	constructor(maxBytes) {
		this.#maxBytes = maxBytes;
	}
	get bufferedBytes() {
		return this.#rest?.byteLength ?? 0;
	}
	push(bytes, onLine) {
		this.#count(bytes.byteLength);
		let start = 0;
		const rest = this.#rest;
		if (rest !== void 0) {
			const end = bytes.indexOf(LF);
			rest.add(end === -1 ? bytes : bytes.subarray(0, end));
			if (end === -1) return;
			start = end + 1;
			this.#rest = void 0;
			this.#isFirst = false;
			if (!onLine(decodeBody(rest.take()))) return;
		}
		const end = bytes.lastIndexOf(LF);
		if (end >= start && !this.#split(decodeBody(bytes.subarray(start, end)), onLine)) return;
		const from = Math.max(start, end + 1);
		if (from === bytes.byteLength) return;
		this.#rest = new BodyBuffer(this.#maxBytes);
		this.#rest.add(bytes.subarray(from));
	}
	#split(text, onLine) {
		for (let from = 0;;) {
			const to = text.indexOf("\n", from);
			const line = to === -1 ? from === 0 ? text : text.slice(from) : text.slice(from, to);
			if (line === "") {
				if (!this.#isFirst) throw new SserError("invalid-peer-message", "An exchange has an empty line");
			} else {
				if (line.length > this.#maxBytes) throw tooLarge(this.#maxBytes);
				if (!onLine(line)) return false;
			}
			this.#isFirst = false;
			if (to === -1) return true;
			from = to + 1;
		}
	}
	#count(bytes) {
		if (bytes >= SMALL_PIECE_BYTES) this.#smallPieces = Math.max(0, this.#smallPieces - 1);
		else if (++this.#smallPieces > MAX_SMALL_PIECES) throw new SserError("body-too-large", "An exchange comes in too many small pieces; send larger chunks");
	}
};
// src/transport/message-macs.ts
var MessageMacs = class {
	#binding;
	#own;
	#sent = 0;
	#received = 0;
	constructor(binding, own) {
		this.#binding = binding;
		this.#own = own;
	}
	sign(text) {
		return this.#binding.key.sign(this.#head(this.#own, this.#sent++), text);
	}
	verify(mac, text) {
		const side = this.#own === "opening" ? "accepting" : "opening";
		const head = this.#head(side, this.#received++);
		return MAC$1.test(mac) && this.#binding.key.verify(mac, head, text);
	}
	#head(side, number) {
		return `sser message\n${this.#binding.mac}\n${side}\n${number}\n`;
	}
};
const MAC$1 = /^[\w-]{42}[048AEIMQUYcgkosw]$/;
// src/transport/line-exchange.ts
const FREE_BYTES = 4096;
const CLOSE_MS$1 = 5e3;
const MAX_UNREAD_BYTES = 9437184;
var LineExchange = class {
	#options;
	#reader = new LineReader(8388651);
	#handler;
	#lines = "";
	#signing;
	#verifying;
	#isHeld = false;
	#cancelTimeout;
	#isClosed = false;
	#isOver = false;
	#isGone = false;
	constructor(options) {
		this.#options = options;
	}
	get address() {
		return this.#options.address;
	}
	start(handler) {
		this.#handler = handler;
		this.#options.duplex.read(this);
	}
	get bufferedBytes() {
		return this.#options.duplex.bufferedBytes + this.#lines.length;
	}
	send(text) {
		if (this.#isClosed) return;
		const { macs } = this.#options;
		const mac = macs === void 0 ? "" : macs.sign(text);
		if (typeof mac === "string" && this.#signing === void 0) {
			this.#add(mac + text);
			return;
		}
		const signing = Promise.all([mac, this.#signing]).then(([signed]) => {
			this.#add(signed + text);
			if (this.#signing === signing) this.#signing = void 0;
		});
		this.#signing = signing;
	}
	close() {
		if (this.#isClosed) return;
		this.#isClosed = true;
		if (this.#signing === void 0) this.#end();
		else this.#signing.then(() => this.#end());
	}
	abort(reason) {
		this.#isClosed = true;
		if (this.#isGone) return;
		this.#leave(reason);
		this.#options.duplex.destroy(reason);
		this.#finish(reason);
	}
	evict(error) {
		this.#reject(error);
	}
	onBytes(bytes) {
		if (this.#isOver) return void 0;
		const { counts } = this.#options;
		counts.receivedBytes += bytes.byteLength;
		try {
			this.#reader.push(bytes, this.#onLine);
		} catch (error) {
			this.#reject(error);
			return;
		}
		this.#limitTime();
		this.#limitBytes();
		return this.#verifying;
	}
	onEnd(error) {
		if (this.#verifying !== void 0) {
			this.#verifying.then(() => this.onEnd(error));
			return;
		}
		if (error === void 0 && this.#reader.bufferedBytes === 0) {
			this.#cancelTimeout?.();
			this.#finish(void 0);
			if (this.#isClosed) this.#leave();
			else this.#options.clock.after(0, () => this.close());
			return;
		}
		this.abort(error ?? new SserError("peer-failed", "the exchange broke off"));
	}
	#onLine = (line) => {
		if (!this.#isClosed) {
			this.#cancelTimeout?.();
			this.#cancelTimeout = void 0;
		}
		const { macs } = this.#options;
		if (macs === void 0) return this.#deliver(line);
		const text = line.slice(43);
		const isValid = macs.verify(line.slice(0, 43), text);
		if (typeof isValid === "boolean" && this.#verifying === void 0) return this.#take(isValid, text);
		const verifying = Promise.all([isValid, this.#verifying]).then(([verdict]) => {
			if (this.#verifying === verifying) this.#verifying = void 0;
			if (!this.#isOver) this.#take(verdict, text);
		});
		this.#verifying = verifying;
		return true;
	};
	#take(isValid, text) {
		if (isValid) return this.#deliver(text);
		this.#reject(new SserError("unauthorized", "A message of an exchange is not the next one that its peer signed"));
		return false;
	}
	#deliver(text) {
		try {
			this.#handler?.onMessage(text);
		} catch (error) {
			this.#reject(error);
		}
		return !this.#isOver;
	}
	#add(line) {
		if (this.#isGone) return;
		if (this.#lines === "") queueMicrotask(() => this.#flush());
		this.#lines += `${line}\n`;
	}
	#flush() {
		const lines = this.#lines;
		if (lines === "" || this.#isGone) return;
		this.#lines = "";
		const { counts, duplex } = this.#options;
		counts.sentBytes += lines.length;
		duplex.write(lines);
		this.#limitBytes();
	}
	#end() {
		if (this.#isGone) return;
		this.#flush();
		this.#options.duplex.end();
		if (this.#isOver) return this.#leave();
		this.#cancelTimeout?.();
		this.#cancelTimeout = this.#options.clock.after(CLOSE_MS$1, () => {
			this.abort(new SserError("peer-failed", `did not end the exchange within ${CLOSE_MS$1} ms`));
		});
	}
	#limitTime() {
		if (this.#isClosed) return;
		if (this.#reader.bufferedBytes === 0) return;
		const { clock, messageTimeoutMs } = this.#options;
		this.#cancelTimeout ??= clock.after(messageTimeoutMs, () => {
			this.#reject(new SserError("body-timeout", `A message takes at most ${messageTimeoutMs} ms`));
		});
	}
	#limitBytes() {
		if (this.#isGone) return;
		const { budget, duplex } = this.#options;
		const unread = duplex.bufferedBytes;
		const bytes = unread + this.#reader.bufferedBytes;
		if (unread > MAX_UNREAD_BYTES) return this.#reject(overloaded());
		if (bytes <= FREE_BYTES) {
			if (this.#isHeld) budget.release(this);
			this.#isHeld = false;
			return;
		}
		this.#isHeld = true;
		budget.set(this, bytes);
	}
	#reject(cause) {
		if (this.#isGone) return;
		const error = cause instanceof SserError ? cause : new SserError("invalid-peer-message", "A message was not taken", { cause });
		this.#options.onRejected?.(error);
		this.abort(error);
	}
	#finish(error) {
		if (this.#isOver) return;
		this.#isOver = true;
		this.#handler?.onClose(error);
	}
	#leave(error) {
		if (this.#isGone) return;
		this.#isGone = true;
		this.#cancelTimeout?.();
		if (this.#isHeld) this.#options.budget.release(this);
		this.#options.onGone?.(error);
	}
};
const encoder$5 = new TextEncoder();
var WebDuplex = class {
	written;
	#controller;
	#cut;
	#source;
	#isEnded = false;
	#isRead = false;
	constructor(cut = () => {}) {
		this.#cut = cut;
		this.written = new ReadableStream({
			start: (controller) => {
				this.#controller = controller;
			},
			cancel: () => {
				this.#isEnded = true;
			}
		}, {
			highWaterMark: 0,
			size: (bytes) => bytes?.byteLength ?? 0
		});
		this.write("\n");
	}
	from(body) {
		this.#source = body.getReader();
		return this;
	}
	get bufferedBytes() {
		return -(this.#controller.desiredSize ?? 0);
	}
	write(text) {
		this.#whileOpen(() => this.#controller.enqueue(encoder$5.encode(text)));
	}
	end() {
		this.#whileOpen(() => this.#controller.close());
		this.#isEnded = true;
		if (this.#isRead) this.#cut(new Error("Both bodies have ended"));
	}
	destroy(reason) {
		this.#whileOpen(() => this.#controller.error(reason));
		this.#isEnded = true;
		this.#source?.cancel(reason).catch(() => {});
		this.#cut(reason);
	}
	read(reader) {
		this.#read(reader).then(() => {
			this.#isRead = true;
			reader.onEnd();
			if (this.#isEnded) this.#cut(new Error("Both bodies have ended"));
		}, (error) => reader.onEnd(error));
	}
	#whileOpen(call) {
		if (this.#isEnded) return;
		try {
			call();
		} catch {
			this.#isEnded = true;
		}
	}
	async #read(reader) {
		for (;;) {
			const { done, value } = await this.#source?.read() ?? { done: true };
			if (done || value === void 0) return;
			const wait = reader.onBytes(value);
			if (wait !== void 0) await wait;
		}
	}
};
function acceptDuplex(request, env, headers) {
	const accepted = (env ?? {}).acceptDuplex?.(headers);
	if (accepted !== void 0) return accepted;
	const duplex = new WebDuplex();
	if (request.body !== null) duplex.from(request.body);
	return {
		duplex,
		response: new Response(duplex.written, { headers })
	};
}
// src/transport/replay-window.ts
const WINDOW = 32;
var ReplayWindow = class {
	#senders = new Map();
	#forgetMs;
	constructor(forgetMs) {
		this.#forgetMs = forgetMs;
	}
	get size() {
		return this.#senders.size;
	}
	isReplay(sender, number) {
		const known = this.#senders.get(sender);
		if (known === void 0 || number > known.highest) return false;
		const behind = known.highest - number;
		return behind >= WINDOW || (known.received & 1 << behind) !== 0;
	}
	accept(sender, number, now) {
		const known = this.#senders.get(sender);
		this.#senders.delete(sender);
		this.#forget(now);
		if (known === void 0) {
			this.#senders.set(sender, {
				highest: number,
				received: 1,
				at: now
			});
			return true;
		}
		this.#senders.set(sender, known);
		known.at = now;
		const ahead = number - known.highest;
		if (ahead > 0) {
			known.received = ahead < WINDOW ? known.received << ahead | 1 : 1;
			known.highest = number;
			return true;
		}
		const bit = 1 << -ahead;
		if (-ahead >= WINDOW || (known.received & bit) !== 0) return false;
		known.received |= bit;
		return true;
	}
	#forget(now) {
		for (const [sender, { at }] of this.#senders) {
			if (now - at <= this.#forgetMs) return;
			this.#senders.delete(sender);
		}
	}
};
// src/transport/signatures.ts
const SIGNATURE_HEADER = "sser-signature";
const MAX_SKEW_MS = 3e4;
const MAC = "([\\w-]{42}[048AEIMQUYcgkosw])";
const REQUEST = new RegExp(`^t=(\\d{1,15}), s=([0-9a-f]{16}), n=(\\d{1,15}), m=${MAC}$`);
const RESPONSE$1 = new RegExp(`^t=(\\d{1,15}), m=${MAC}$`);
var Signatures = class {
	#secrets;
	#keys;
	#clock;
	#replayWindow = new ReplayWindow(2 * MAX_SKEW_MS);
	#wallMinusClock;
	#startedAt;
	constructor(secrets, clock) {
		this.#clock = clock;
		this.#secrets = secrets;
		this.#keys = secrets.map(webCryptoHmac);
		this.#startedAt = Date.now();
		this.#wallMinusClock = this.#startedAt - clock.now();
	}
	get time() {
		return Math.round(this.#clock.now() + this.#wallMinusClock);
	}
	use(hmacFactory) {
		this.#keys = this.#secrets.map(hmacFactory);
	}
	async sign(request, signer) {
		const [key] = this.#keys;
		const mac = await key.sign(requestHead(request, signer), request.body);
		return {
			header: `t=${signer.time}, s=${signer.name}, n=${signer.number}, m=${mac}`,
			binding: {
				key,
				mac
			}
		};
	}
	precheck(header) {
		const [, time, name = "", number] = this.parse(header);
		if (this.#isCurrent(Number(time)) && this.#replayWindow.isReplay(name, Number(number))) throw replayed();
	}
	async verify(request, header) {
		const [, time, name = "", number, mac = ""] = this.parse(header);
		const signer = {
			name,
			number: Number(number),
			time: Number(time)
		};
		const head = requestHead(request, signer);
		for (const key of this.#keys) {
			if (!await key.verify(mac, head, request.body)) continue;
			const isCurrent = this.#isCurrent(signer.time);
			if (isCurrent && !this.#replayWindow.accept(name, signer.number, this.#clock.now())) throw replayed();
			return {
				key,
				mac,
				isCurrent
			};
		}
		throw unauthorized("the signature is wrong; do all Pods have the same peerSecret?");
	}
	parse(header) {
		if (header === void 0) throw unauthorized("a signature is required");
		const parts = REQUEST.exec(header);
		if (parts === null) throw unauthorized("the signature is malformed");
		return parts;
	}
	async signResponse({ key, mac }, status, body) {
		const { time } = this;
		return `t=${time}, m=${await key.sign(responseHead(mac, status, time), body)}`;
	}
	async verifyResponse({ key, mac }, status, body, header) {
		const [, time, responseMac] = RESPONSE$1.exec(header ?? "") ?? [];
		if (responseMac === void 0) return void 0;
		const head = responseHead(mac, status, Number(time));
		return await key.verify(responseMac, head, body) ? Number(time) : void 0;
	}
	#isCurrent(time) {
		return time >= this.#startedAt && Math.abs(time - this.time) <= MAX_SKEW_MS;
	}
};
function requestHead({ path, uid = "" }, { time, name, number }) {
	return `sser request\nPOST\n${path}\n${uid}\n${time}\n${name}\n${number}\n`;
}
function responseHead(mac, status, time) {
	return `sser answer\n${mac}\n${status}\n${time}\n`;
}
function replayed() {
	return unauthorized("a request with this number was received before");
}
function unauthorized(why) {
	return new SserError("unauthorized", why);
}
const HMAC = {
	name: "HMAC",
	hash: "SHA-256"
};
const encoder$4 = new TextEncoder();
const webCryptoHmac = (secret) => {
	const key = crypto.subtle.importKey("raw", encoder$4.encode(secret), HMAC, false, ["sign", "verify"]);
	return {
		async sign(head, body) {
			const bytes = new Uint8Array(await crypto.subtle.sign("HMAC", await key, encoder$4.encode(head + body)));
			return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace("=", "");
		},
		async verify(mac, head, body) {
			const base64 = mac.replaceAll("-", "+").replaceAll("_", "/");
			const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
			return crypto.subtle.verify("HMAC", await key, bytes, encoder$4.encode(head + body));
		}
	};
};
// src/transport/peer-transport.ts
function fetchDuplexTransport(fetch) {
	return async ({ host, path, headers, signal }) => {
		const cut = new AbortController();
		const duplex = new WebDuplex((reason) => cut.abort(reason));
		const init = {
			proxy: false,
			method: "POST",
			headers,
			body: duplex.written,
			duplex: "half",
			redirect: "manual",
			signal: AbortSignal.any([signal, cut.signal])
		};
		const response = await fetch(`http://${host}${path}`, init);
		const { status, body } = response;
		const signature = response.headers.get("sser-signature") ?? void 0;
		if (status === 200 && body !== null) return {
			status,
			signature,
			duplex: duplex.from(body)
		};
		duplex.destroy(new Error(`answered ${status}`));
		return {
			status,
			signature,
			duplex: void 0
		};
	};
}
function defaultTransports() {
	return fetchTransports(globalThis.fetch);
}
function fetchTransports(fetch) {
	return {
		post: fetchTransport(fetch),
		open: fetchDuplexTransport(fetch)
	};
}
function fetchTransport(fetch) {
	return async ({ host, path, headers, body, maxBytes, signal }) => {
		let response;
		try {
			const init = {
				proxy: false,
				method: "POST",
				headers,
				body,
				redirect: "manual",
				signal
			};
			response = await fetch(`http://${host}${path}`, init);
			const { status } = response;
			const signature = response.headers.get("sser-signature") ?? void 0;
			return {
				status,
				body: status === 200 && maxBytes > 0 ? await readBody(response, maxBytes) : "",
				signature
			};
		} finally {
			if (response?.bodyUsed === false) await discardBody(response);
		}
	};
}
var PeerStatusError = class extends SserError {
	received;
	constructor(status, message = `answered ${status}`) {
		super("peer-failed", message);
		this.received = status;
	}
};
var PeerTimeoutError = class extends SserError {
	constructor(timeoutMs) {
		super("peer-failed", `no answer within ${timeoutMs} ms`);
	}
};
const ABSENT = new Set([
	"ECONNREFUSED",
	"ConnectionRefused",
	"ENOTFOUND"
]);
function isAbsent(error) {
	for (let cause = error, depth = 0; cause instanceof Error && depth < 4; cause = cause.cause, depth += 1) if (ABSENT.has(cause.code)) return true;
	return false;
}
function isUnavailable(error) {
	if (error instanceof PeerStatusError) return error.received === 421 || error.received >= 500;
	return !(error instanceof SserError) || error.code === "peer-failed";
}
function isMutualRefusal(error) {
	return error instanceof PeerStatusError && [
		200,
		401,
		404
	].includes(error.received);
}
// src/transport/exchange-client.ts
const MESSAGE_TIMEOUT_MS = 1e4;
function exchangeClient(options) {
	const { transport, clock, counts, signer, maxBufferedBytes } = options;
	const budget = new BodyBudget(maxBufferedBytes);
	const openSigned = async (request, by) => {
		const { response, binding } = await by.send(request, "", transport);
		try {
			await by.verify(binding, response);
		} catch (error) {
			response.duplex?.destroy(error);
			throw error;
		}
		return {
			response,
			binding: response.signature === void 0 ? void 0 : binding
		};
	};
	const openCounted = async (request) => {
		try {
			const { response, binding } = signer === void 0 ? {
				response: await transport(request),
				binding: void 0
			} : await openSigned(request, signer);
			if (response.duplex === void 0) throw new PeerStatusError(response.status);
			return {
				duplex: response.duplex,
				macs: binding && new MessageMacs(binding, "opening")
			};
		} catch (error) {
			countFallback(error);
			throw error;
		}
	};
	const countFallback = (error) => {
		if (error !== void 0 && !(error instanceof SserError && error.code === "stopped")) counts.fallbacks += 1;
	};
	const all = new Set();
	const open = async (request, handler) => {
		const exchange = new LineExchange({
			...await openCounted(request),
			clock,
			messageTimeoutMs: MESSAGE_TIMEOUT_MS,
			counts,
			budget,
			address: request.host,
			onGone: (error) => {
				counts.opened -= 1;
				all.delete(exchange);
				countFallback(error);
				request.signal.removeEventListener("abort", abort);
			}
		});
		const abort = () => exchange.abort(request.signal.reason);
		request.signal.addEventListener("abort", abort, { once: true });
		counts.opened += 1;
		all.add(exchange);
		clock.after(0, () => exchange.start(handler));
		return exchange;
	};
	const closeAll = () => {
		for (const exchange of all) exchange.close();
	};
	return {
		open,
		closeAll
	};
}
// src/telemetry/tracing.ts
function quietly(work) {
	try {
		return work();
	} catch {
		return;
	}
}
async function traceSend(tracing, traced, send) {
	const span = quietly(() => tracing.send(traced));
	try {
		const receipt = await send(normalizeTraceparent(span === void 0 ? traced.traceparent : span.traceparent));
		quietly(() => span?.end(receipt));
		return receipt;
	} catch (error) {
		quietly(() => span?.fail(error));
		throw error;
	}
}
// src/transport/peer-client.ts
const MAX_TRACE_LINKS = 128;
var PeerClient = class {
	#clock;
	#counters;
	#signer;
	#tracing;
	#requestTimeoutMs;
	#transport;
	#openExchange;
	constructor(options) {
		const { clock, counters, transport, openExchange, signer, tracing, requestTimeoutMs } = options;
		this.#openExchange = openExchange;
		this.#clock = clock;
		this.#counters = counters;
		this.#transport = transport;
		this.#signer = signer;
		this.#tracing = tracing;
		this.#requestTimeoutMs = requestTimeoutMs;
	}
	use(transport, openExchange) {
		this.#transport = transport;
		this.#openExchange = openExchange;
	}
	get hasExchanges() {
		return this.#openExchange !== void 0;
	}
	async openExchange({ host, uid }, handler, signal) {
		const path = EXCHANGE_URL_PATH;
		return this.#within(signal, this.#requestTimeoutMs, (opening) => this.#openExchange({
			host,
			path,
			headers: headersTo(uid),
			signal: opening
		}, handler));
	}
	startSpan(host, runs) {
		return this.#tracing === void 0 ? void 0 : startSpan(this.#tracing, host, runs);
	}
	async append(target, message, limits) {
		const span = this.startSpan(target.host, message.runs);
		const content = {
			path: APPEND_URL_PATH,
			body: encodeAppend(message),
			maxBytes: APPEND_MAX_BYTES
		};
		let response;
		try {
			response = await this.post(target, content, limits);
		} catch (error) {
			quietly(() => span?.fail(error));
			throw error;
		}
		const { status, body } = response;
		if (status === 200) quietly(() => span?.end());
		else quietly(() => span?.fail(new SserError("peer-failed", `answered ${status}`)));
		if (status === 404) return void 0;
		if (status !== 200) throw new PeerStatusError(status);
		return parseAppend(body);
	}
	async post({ host, uid }, content, limits) {
		const { signal, timeoutMs = this.#requestTimeoutMs } = limits;
		const response = await this.#within(signal, timeoutMs, (request) => this.#counted({
			host,
			headers: headersTo(uid),
			...content,
			signal: request
		}));
		if (response.status === 421) throw new PeerStatusError(421, "another Pod has this address by now");
		if (response.status === 401) throw new PeerStatusError(401, this.#signer === void 0 ? "wants a signature; this Pod has no peerSecret" : "refuses our signature: is its peerSecret ours?");
		return response;
	}
	async #within(signal, timeoutMs, send) {
		signal.throwIfAborted();
		const request = new AbortController();
		const stop = () => request.abort(signal.reason);
		const cancelTimeout = this.#clock.after(timeoutMs, () => request.abort(new PeerTimeoutError(timeoutMs)));
		signal.addEventListener("abort", stop, { once: true });
		try {
			return await send(request.signal);
		} finally {
			cancelTimeout();
			signal.removeEventListener("abort", stop);
		}
	}
	async #counted(request) {
		const startedAt = this.#clock.now();
		const count = (status) => this.#counters.countRequest(request.host, status, this.#clock.now() - startedAt);
		try {
			const response = await this.#signed(request);
			count(response.status);
			return response;
		} catch (error) {
			if (!isCancelled(request.signal)) count(0);
			throw error;
		}
	}
	async #signed(request) {
		const signer = request.path === "/api/json/v2/append" ? this.#signer : void 0;
		if (signer === void 0) return this.#transport(request);
		const { response, binding } = await signer.send(request, request.body, this.#transport);
		await signer.verify(binding, response);
		return response;
	}
};
function headersTo(uid) {
	return {
		"content-type": "application/json",
		...uid !== void 0 && { ["sser-target"]: uid }
	};
}
function isCancelled({ aborted, reason }) {
	return aborted && !(reason instanceof SserError && reason.code === "peer-failed");
}
function startSpan(tracing, peer, runs) {
	const traceparents = [];
	let events = 0;
	for (const run of runs) for (const { stream, traceparent } of run.events) {
		if (stream !== void 0) events += 1;
		if (traceparent === void 0 || traceparents.length === MAX_TRACE_LINKS) continue;
		if (isSampled(traceparent)) traceparents.push(traceparent);
	}
	return traceparents.length === 0 ? void 0 : quietly(() => tracing.append({
		peer,
		events,
		traceparents
	}));
}
// src/transport/request-signer.ts
const MAX_SIGNING_STATES = 1024;
var RequestSigner = class {
	#signatures;
	#allowUnsignedPeers;
	#allowGoPeers;
	#states = new Map();
	constructor({ signatures, allowUnsignedPeers, allowGoPeers }) {
		this.#signatures = signatures;
		this.#allowUnsignedPeers = allowUnsignedPeers;
		this.#allowGoPeers = allowGoPeers;
	}
	async sign(request, body) {
		const state = this.#stateOf(request.host);
		state.number += 1;
		const time = this.#signatures.time + state.offset;
		const signer = {
			name: state.name,
			number: state.number,
			time
		};
		const { path, headers } = request;
		const uid = headers[TARGET_HEADER];
		const { header, binding } = await this.#signatures.sign({
			path,
			uid,
			body
		}, signer);
		return {
			signed: {
				...request,
				headers: {
					...headers,
					[SIGNATURE_HEADER]: header
				}
			},
			binding
		};
	}
	async send(request, body, transport) {
		const send = async () => {
			const { signed, binding } = await this.sign(request, body);
			request.signal.throwIfAborted();
			return {
				response: await transport(signed),
				binding
			};
		};
		const first = await send();
		const { response, binding } = first;
		return response.status === 401 && await this.#adoptTime(request.host, binding, response) ? send() : first;
	}
	async #adoptTime(host, binding, response) {
		const time = await this.#timeOf(binding, response);
		if (time === void 0) return false;
		this.#stateOf(host).offset = time - this.#signatures.time;
		return true;
	}
	async verify(binding, response) {
		const { status, signature } = response;
		if (status === 404 && !this.#allowGoPeers) throw new PeerStatusError(404, "does not speak v2, and the option allowGoPeers is off");
		if (status !== 200 || this.#allowUnsignedPeers && signature === void 0) return;
		if (await this.#timeOf(binding, response) === void 0) throw new PeerStatusError(200, "its answer is not signed with this peerSecret");
	}
	#timeOf(binding, { status, body = "", signature }) {
		return this.#signatures.verifyResponse(binding, status, body, signature);
	}
	#stateOf(host) {
		const state = this.#states.get(host) ?? {
			name: randomName(),
			number: 0,
			offset: 0
		};
		this.#states.delete(host);
		this.#states.set(host, state);
		if (this.#states.size > MAX_SIGNING_STATES) this.#states.delete(this.#states.keys().next().value);
		return state;
	}
};
function randomName() {
	return Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
// src/log/entry.ts
function isNumbered(entry) {
	return entry.kind !== "v1-event" && entry.kind !== "loss";
}
function isEvent(entry) {
	return entry.kind === "event" || entry.kind === "v1-event";
}
function isLoss(entry) {
	return entry.kind === "hole" || entry.kind === "loss";
}
function createEntry(index, sentAt, epoch, seq, content) {
	const { stream, disconnect: selector } = content;
	if (stream !== void 0) return createEvent(index, sentAt, epoch, seq, stream, content);
	if (selector === void 0) return {
		kind: "no-op",
		index,
		sentAt,
		isEvicted: false,
		epoch,
		seq
	};
	return {
		kind: "disconnect",
		index,
		sentAt,
		isEvicted: false,
		epoch,
		seq,
		selector
	};
}
function createEvent(index, sentAt, epoch, seq, stream, { msg = "", event, key, traceparent }) {
	return {
		kind: "event",
		index,
		sentAt,
		isEvicted: false,
		epoch,
		seq,
		stream,
		msg,
		event,
		key,
		traceparent,
		bytes: byteLength(msg) + stream.length + (event?.length ?? 0) + (key?.length ?? 0) + (traceparent?.length ?? 0)
	};
}
function createV1Event(index, sentAt, stream, msg) {
	return {
		kind: "v1-event",
		index,
		sentAt,
		isEvicted: false,
		stream,
		msg,
		bytes: byteLength(msg) + stream.length
	};
}
function markEvicted(entry) {
	entry.isEvicted = true;
	if (!isEvent(entry)) return;
	entry.msg = "";
	entry.bytes = 0;
	if (entry.kind === "v1-event") return;
	entry.event = void 0;
	entry.key = void 0;
	entry.traceparent = void 0;
}
function memoryBytes(entry) {
	if (entry.kind === "disconnect") {
		const { stream = "", tag = "" } = entry.selector;
		return 180 + stream.length + tag.length;
	}
	return 180 + (isEvent(entry) ? entry.bytes : 0);
}
function matches$1({ stream, tag }, streams, tags) {
	return (stream === void 0 || streams.includes(stream)) && (tag === void 0 || tags.includes(tag));
}
// src/wire/sse-frame.ts
const LINE_BREAK$1 = /\r\n|\r|\n/;
function eventFrame({ id, event, msg }) {
	let text = event === void 0 ? "" : `event: ${event}\n`;
	if (!msg.includes("\n") && !msg.includes("\r")) text += `data: ${msg}\n`;
	else for (const line of msg.split(LINE_BREAK$1)) text += `data: ${line}\n`;
	return id === void 0 ? `${text}\n` : `${text}id: ${id}\n\n`;
}
function positionFrame(id) {
	return block("sser-position", "{}", void 0, id);
}
function preambleFrame(id, retryMs, start) {
	return block("sser-position", start === "oldest" ? "{\"resumed\":false,\"from\":\"oldest\"}" : `{"resumed":${start === "id"}}`, retryMs, id);
}
function gapPreambleFrame(id, retryMs, start, reason) {
	return block("sser-gap", `{"reason":"${reason}"${start === "oldest" ? ",\"from\":\"oldest\"" : ""}}`, retryMs, id ?? "");
}
function retryFrame(ms, reason) {
	return block("sser-retry", reason === void 0 ? "{}" : `{"reason":"${reason}"}`, ms, void 0);
}
function gapFrame(id, reason) {
	return block("sser-gap", `{"reason":"${reason}"}`, void 0, id ?? "");
}
function block(event, data, retryMs, id) {
	return `event: ${event}\n${retryMs === void 0 ? "" : `retry: ${retryMs}\n`}data: ${data}\n${id === void 0 ? "" : `id: ${id}\n`}\n`;
}
// src/log/deque.ts
var Deque = class {
	#items = [];
	#start = 0;
	get length() {
		return this.#items.length - this.#start;
	}
	at(index) {
		return this.#items[this.#start + index];
	}
	push(item) {
		this.#items.push(item);
	}
	shift() {
		if (this.length === 0) return void 0;
		const item = this.#items[this.#start];
		this.#items[this.#start] = void 0;
		this.#start += 1;
		if (this.#start * 2 > this.#items.length) {
			this.#items = this.#items.slice(this.#start);
			this.#start = 0;
		}
		return item;
	}
	filter(passes) {
		const kept = [];
		for (let i = this.#start; i < this.#items.length; i += 1) {
			const item = this.#items[i];
			if (passes(item)) kept.push(item);
		}
		this.#items = kept;
		this.#start = 0;
	}
	lowerBound(passes) {
		let low = 0;
		let high = this.length;
		while (low < high) {
			const middle = low + high >>> 1;
			if (passes(this.at(middle))) high = middle;
			else low = middle + 1;
		}
		return low;
	}
};
// src/delivery/catch-up-queue.ts
const MAX_SLICES = 4;
const TURN_MS = .5;
var CatchUpQueue = class {
	#options;
	#queue = new Deque();
	#isRunning = false;
	constructor(options) {
		this.#options = options;
	}
	push(connection) {
		this.#queue.push(connection);
		if (this.#isRunning) return;
		this.#isRunning = true;
		queueMicrotask(() => this.#turn());
	}
	#turn() {
		const { clock } = this.#options;
		const end = clock.now() + TURN_MS;
		for (let slices = 0; slices < MAX_SLICES && this.#queue.length > 0;) {
			const connection = this.#queue.shift();
			if (!this.#options.isServed(connection)) continue;
			slices += 1;
			this.#read(connection);
			if (clock.now() >= end) break;
		}
		clock.after(0, () => {
			this.#isRunning = this.#queue.length > 0;
			if (this.#isRunning) this.#turn();
		});
	}
	#read(connection) {
		try {
			if (connection.catchUp()) this.#queue.push(connection);
			else if (connection.canClose) this.#options.onReadyToClose(connection);
		} catch (error) {
			this.#options.onError(connection, error);
		}
	}
};
// src/delivery/closing-connections.ts
const CLOSE_TIMEOUT_MS$1 = 1e4;
var ClosingConnections = class {
	#clock;
	#onTimeout;
	#closing = new Map();
	#cancel;
	constructor(clock, onTimeout) {
		this.#clock = clock;
		this.#onTimeout = onTimeout;
	}
	get size() {
		return this.#closing.size;
	}
	has(connection) {
		return this.#closing.has(connection);
	}
	reasonOf(connection) {
		return this.#closing.get(connection)?.reason;
	}
	add(connection, reason) {
		this.#closing.set(connection, {
			deadline: this.#clock.now() + CLOSE_TIMEOUT_MS$1,
			reason
		});
		this.#cancel ??= this.#clock.after(CLOSE_TIMEOUT_MS$1, () => this.#closeLate());
	}
	delete(connection) {
		if (!this.#closing.delete(connection) || this.#closing.size > 0) return;
		this.#cancel?.();
		this.#cancel = void 0;
	}
	[Symbol.iterator]() {
		return this.#closing.keys();
	}
	#closeLate() {
		this.#cancel = void 0;
		const now = this.#clock.now();
		for (const [connection, { deadline }] of this.#closing) {
			if (deadline > now) {
				this.#cancel = this.#clock.after(deadline - now, () => this.#closeLate());
				return;
			}
			this.#onTimeout(connection);
			this.#closing.delete(connection);
		}
	}
};
// src/delivery/audience.ts
var Audience = class {
	streams;
	format;
	connections = new Set();
	constructor(sortedStreams, format = STANDARD) {
		this.streams = sortedStreams;
		this.format = format;
	}
};
var Audiences = class {
	#byStreams = new Map();
	#byStream = new Map();
	get streams() {
		return this.#byStream.keys();
	}
	get streamCount() {
		return this.#byStream.size;
	}
	has(stream) {
		return this.#byStream.has(stream);
	}
	listeners(stream) {
		return this.#byStream.get(stream)?.connections ?? 0;
	}
	*on(stream) {
		for (const { connections } of this.#byStream.get(stream)?.audiences ?? []) yield* connections;
	}
	of(streams, format) {
		const sorted = streams.toSorted();
		return this.#byStreams.get(keyOf(sorted, format)) ?? new Audience(sorted, format);
	}
	add(connection) {
		const { audience } = connection;
		audience.connections.add(connection);
		if (audience.connections.size === 1) this.#byStreams.set(keyOf(audience.streams, audience.format), audience);
		for (const stream of audience.streams) {
			const listeners = this.#byStream.get(stream);
			if (listeners === void 0) this.#byStream.set(stream, {
				audiences: new Set([audience]),
				connections: 1
			});
			else {
				listeners.audiences.add(audience);
				listeners.connections += 1;
			}
		}
	}
	remove(connection) {
		const { audience } = connection;
		if (!audience.connections.delete(connection)) return;
		const isEmpty = audience.connections.size === 0;
		if (isEmpty) this.#byStreams.delete(keyOf(audience.streams, audience.format));
		for (const stream of audience.streams) {
			const listeners = this.#byStream.get(stream);
			listeners.connections -= 1;
			if (isEmpty) listeners.audiences.delete(audience);
			if (listeners.connections === 0) this.#byStream.delete(stream);
		}
	}
	*affectedBy({ streams }) {
		if (streams === void 0) {
			yield* this.#byStreams.values();
			return;
		}
		const isOne = streams.size === 1;
		const visited = new Set();
		for (const stream of streams.keys()) {
			const listeners = this.#byStream.get(stream);
			if (listeners === void 0) continue;
			for (const audience of listeners.audiences) {
				if (!isOne && audience.streams.length > 1) {
					if (visited.has(audience)) continue;
					visited.add(audience);
				}
				yield audience;
			}
		}
	}
};
function keyOf(streams, format) {
	return format.key + streams.join("\n");
}
// src/delivery/reservations.ts
const UNREAD_MS = 1e4;
var Reservation = class {
	address;
	streams = [];
	expiresAt;
	#owner;
	constructor(owner, address) {
		this.#owner = owner;
		this.address = address;
	}
	release() {
		return this.#owner.remove(this);
	}
};
var Reservations = class {
	#pending = new Set();
	#granted = new Set();
	#addresses;
	#streams = new Map();
	#hasConnection;
	newStreams = 0;
	constructor(addresses, hasConnection) {
		this.#addresses = addresses;
		this.#hasConnection = hasConnection;
	}
	get size() {
		return this.#pending.size + this.#granted.size;
	}
	has(stream) {
		return this.#streams.has(stream);
	}
	add(address) {
		const reservation = new Reservation(this, address);
		this.#pending.add(reservation);
		if (address !== void 0) this.#addresses.add(address);
		return reservation;
	}
	grant(reservation, streams, now) {
		if (!this.#pending.delete(reservation)) return;
		this.#granted.add(reservation);
		reservation.streams = streams;
		reservation.expiresAt = now + UNREAD_MS;
		for (const stream of streams) {
			const count = this.#streams.get(stream) ?? 0;
			this.#streams.set(stream, count + 1);
			if (count === 0 && !this.#hasConnection(stream)) this.newStreams += 1;
		}
	}
	remove(reservation) {
		if (!this.#pending.delete(reservation) && !this.#granted.delete(reservation)) return false;
		if (reservation.address !== void 0) this.#addresses.remove(reservation.address);
		for (const stream of reservation.streams) {
			const count = (this.#streams.get(stream) ?? 0) - 1;
			if (count > 0) this.#streams.set(stream, count);
			else {
				this.#streams.delete(stream);
				if (!this.#hasConnection(stream)) this.newStreams -= 1;
			}
		}
		return true;
	}
	expire(now) {
		for (const reservation of this.#granted) {
			if (reservation.expiresAt > now) return;
			this.remove(reservation);
		}
	}
	onConnections(stream, change) {
		if (this.#streams.has(stream)) this.newStreams -= change;
	}
};
var ConnectionsPerAddress = class {
	#counts = new Map();
	of(address) {
		return this.#counts.get(address) ?? {
			address,
			connections: 0
		};
	}
	add(count) {
		const stored = this.#counts.get(count.address);
		if (stored === void 0) this.#counts.set(count.address, count);
		(stored ?? count).connections += 1;
	}
	remove({ address }) {
		const stored = this.#counts.get(address);
		if (stored === void 0) return;
		stored.connections -= 1;
		if (stored.connections === 0) this.#counts.delete(address);
	}
};
// src/delivery/connection-registry.ts
var ConnectionRegistry = class {
	#clock;
	#limits;
	#audiences = new Audiences();
	#tags = new ConnectionsByKey();
	#deadlines;
	#addresses = new ConnectionsPerAddress();
	#reservations;
	#size = 0;
	constructor(clock, limits, onDeadline) {
		this.#clock = clock;
		this.#limits = limits;
		this.#deadlines = new Deadlines(clock, onDeadline);
		this.#reservations = new Reservations(this.#addresses, (stream) => this.#audiences.has(stream));
	}
	get streams() {
		return this.#audiences.streams;
	}
	get streamCount() {
		return this.#audiences.streamCount;
	}
	get reservationCount() {
		return this.#reservations.size;
	}
	has(stream) {
		return this.#audiences.has(stream);
	}
	listeners(stream) {
		return this.#audiences.listeners(stream);
	}
	audience(streams, format) {
		return this.#audiences.of(streams, format);
	}
	affectedBy(batch) {
		return this.#audiences.affectedBy(batch);
	}
	reserve(streams, address) {
		this.#reservations.expire(this.#clock.now());
		const count = address === void 0 ? void 0 : this.#addresses.of(address);
		const error = this.#capacityError(count?.connections) ?? this.#streamsError(streams);
		if (error !== void 0) throw error;
		return this.#reservations.add(count);
	}
	grant(reservation, streams) {
		const error = this.#streamsError(streams);
		if (error !== void 0) {
			reservation.release();
			throw error;
		}
		this.#reservations.grant(reservation, streams, this.#clock.now());
	}
	add(connection, reservation) {
		const { audience, grant } = connection;
		if (reservation?.release() !== true) {
			const fromAddress = grant?.address && this.#addresses.of(grant.address.address).connections;
			const error = this.#capacityError(fromAddress) ?? this.#streamsError(audience.streams);
			if (error !== void 0) return error;
		}
		this.#size += 1;
		for (const stream of audience.streams) if (!this.has(stream)) this.#reservations.onConnections(stream, 1);
		this.#audiences.add(connection);
		for (const tag of grant?.tags ?? []) this.#tags.add(tag, connection);
		this.#deadlines.add(connection);
		if (grant?.address !== void 0) this.#addresses.add(grant.address);
	}
	remove(connection) {
		const { audience, grant } = connection;
		this.#size -= 1;
		this.#audiences.remove(connection);
		for (const stream of audience.streams) if (!this.has(stream)) this.#reservations.onConnections(stream, -1);
		for (const tag of grant?.tags ?? []) this.#tags.remove(tag, connection);
		this.#deadlines.remove(connection);
		if (grant?.address !== void 0) this.#addresses.remove(grant.address);
	}
	*matching({ stream, tag }) {
		if (tag === void 0) {
			if (stream !== void 0) yield* this.#audiences.on(stream);
			return;
		}
		for (const connection of this.#tags.of(tag)) if (stream === void 0 || connection.audience.streams.includes(stream)) yield connection;
	}
	#capacityError(fromAddress) {
		const { maxConnections, maxConnectionsPerAddress } = this.#limits;
		if (this.#size + this.#reservations.size >= maxConnections) return new SserError("too-many-connections", `This Pod takes ${maxConnections} connections`);
		if (fromAddress === void 0 || fromAddress < maxConnectionsPerAddress) return void 0;
		return new SserError("too-many-connections-from-address", `This Pod takes ${maxConnectionsPerAddress} connections from one address`);
	}
	#streamsError(streams) {
		const { maxStreams } = this.#limits;
		const count = this.#audiences.streamCount + this.#reservations.newStreams;
		if (count + streams.length <= maxStreams) return void 0;
		const added = streams.filter((stream) => !this.has(stream) && !this.#reservations.has(stream)).length;
		if (added === 0 || count + added <= maxStreams) return void 0;
		return new SserError("too-many-streams", `Clients of this Pod listen on ${maxStreams} streams at most`);
	}
};
var ConnectionsByKey = class {
	#byKey = new Map();
	get size() {
		return this.#byKey.size;
	}
	of(key) {
		return this.#byKey.get(key) ?? [];
	}
	keys() {
		return this.#byKey.keys();
	}
	add(key, connection) {
		const connections = this.#byKey.get(key);
		if (connections === void 0) this.#byKey.set(key, new Set([connection]));
		else connections.add(connection);
	}
	remove(key, connection) {
		const connections = this.#byKey.get(key);
		connections?.delete(connection);
		if (connections?.size === 0) this.#byKey.delete(key);
	}
};
const STEP_MS = 250;
var Deadlines = class {
	#clock;
	#onDeadline;
	#byStep = new ConnectionsByKey();
	#cancel;
	constructor(clock, onDeadline) {
		this.#clock = clock;
		this.#onDeadline = onDeadline;
	}
	add(connection) {
		const step = stepOf(connection);
		if (step === void 0) return;
		this.#byStep.add(step, connection);
		this.#cancel ??= this.#clock.after(STEP_MS, () => this.#check());
	}
	remove(connection) {
		const step = stepOf(connection);
		if (step === void 0) return;
		this.#byStep.remove(step, connection);
		if (this.#byStep.size > 0) return;
		this.#cancel?.();
		this.#cancel = void 0;
	}
	#check() {
		this.#cancel = this.#clock.after(STEP_MS, () => this.#check());
		const now = this.#clock.now();
		for (const step of this.#byStep.keys()) if (step * STEP_MS <= now) this.#onDeadline([...this.#byStep.of(step)]);
	}
};
function stepOf({ grant }) {
	return grant?.endsAt === void 0 ? void 0 : Math.ceil(grant.endsAt / STEP_MS);
}
// src/delivery/chunk.ts
const encoder$3 = new TextEncoder();
var Chunk = class {
	events;
	gaps;
	length;
	text;
	bytes;
	holders = 0;
	constructor(text, events, gaps) {
		this.text = text;
		this.length = text.length;
		this.events = events;
		this.gaps = gaps;
	}
	encoded() {
		if (this.bytes === void 0) {
			this.bytes = encoder$3.encode(this.text);
			this.text = "";
		}
		return this.bytes;
	}
	get byteLength() {
		return this.bytes?.byteLength ?? byteLength(this.text);
	}
};
// src/delivery/batch.ts
const FULL_LENGTH = 1048576;
const MAX_CACHED_LENGTH = 4194304;
const WRITE_WORK = 8192;
const FRAME_WORK = 128;
const MAX_ENTRIES = 16384;
var Batch = class {
	from;
	to;
	traced = [];
	work = 0;
	#streams = new Map();
	#common = {
		list: [],
		chunk: void 0
	};
	#chunks = new Map();
	#cachedLength = 0;
	#latest;
	#latestChunk;
	constructor(log, from, now, isWanted) {
		this.from = from;
		const position = log.positionAt(from, now);
		const formatId = () => log.isResumable ? log.eventIds.format(position) : void 0;
		const gaps = new Map();
		let length = 0;
		let place = 0;
		const frame = (stream, gap, text, of) => {
			this.#framesOf(stream).list.push({
				place,
				gap,
				text,
				entry: of
			});
			place += 1;
			length += text.length;
		};
		const flushGaps = () => {
			if (gaps.size === 0) return;
			const id = formatId();
			for (const [stream, reason] of gaps) frame(stream, reason, gapFrame(id, reason));
			gaps.clear();
		};
		if (from < log.evictedIndex || from <= log.floors.droppedIndex) gaps.set(void 0, "trimmed");
		for (const stream of log.floors.streamsFrom(from)) if (isWanted(stream)) gaps.set(stream, "trimmed");
		let entries = 0;
		let to = log.nextIndex;
		for (const entry of log.from(from)) {
			if (entries === MAX_ENTRIES || length >= FULL_LENGTH) {
				to = entry.index;
				break;
			}
			entries += 1;
			if (entry.isEvicted) continue;
			const isWantedEvent = isEvent(entry) && isWanted(entry.stream);
			if (isWantedEvent) flushGaps();
			if (isNumbered(entry)) position.set(entry.epoch, entry.seq);
			if (isLoss(entry)) {
				gaps.clear();
				gaps.set(void 0, "peer-loss");
			}
			if (!isWantedEvent) continue;
			if (entry.kind === "v1-event") frame(entry.stream, void 0, eventFrame({ msg: entry.msg }), entry);
			else if (log.indexes.idempotencyKeys.isFirst(entry)) {
				if (entry.traceparent !== void 0) this.traced.push(entry);
				const text = eventFrame({
					id: formatId(),
					event: entry.event,
					msg: entry.msg
				});
				frame(entry.stream, void 0, text, entry);
			}
		}
		flushGaps();
		this.to = to;
	}
	get streams() {
		return this.#common.list.length === 0 ? this.#streams : void 0;
	}
	chunk(audience) {
		if (audience !== this.#latest) {
			this.#latestChunk = this.#chunkFor(audience);
			if (audience.connections.size > 1) this.#latestChunk?.encoded();
			this.#latest = audience;
		}
		return this.#latestChunk;
	}
	#framesOf(stream) {
		if (stream === void 0) return this.#common;
		let frames = this.#streams.get(stream);
		if (frames === void 0) {
			frames = {
				list: [],
				chunk: void 0
			};
			this.#streams.set(stream, frames);
		}
		return frames;
	}
	#chunkFor({ streams, format }) {
		const lists = this.#common.list.length === 0 ? [] : [this.#common];
		for (const stream of streams) {
			const frames = this.#streams.get(stream);
			if (frames !== void 0) lists.push(frames);
		}
		const [only] = lists;
		if (only === void 0) return void 0;
		if (lists.length === 1 && format === STANDARD) {
			only.chunk?.encoded();
			only.chunk ??= this.#chunkOf(only.list, format);
			return only.chunk;
		}
		let key = format.key;
		for (const stream of streams) if (this.#streams.has(stream)) key += `${stream}\n`;
		const known = this.#chunks.get(key);
		if (known !== void 0) {
			known.encoded();
			return known;
		}
		const list = lists.flatMap((frames) => frames.list).sort((a, b) => a.place - b.place);
		const chunk = this.#chunkOf(list, format);
		if (this.#cachedLength > MAX_CACHED_LENGTH) {
			this.#chunks.clear();
			this.#cachedLength = 0;
		}
		this.#chunks.set(key, chunk);
		this.#cachedLength += chunk.length;
		return chunk;
	}
	#chunkOf(list, format) {
		let text = "";
		let events = 0;
		let gaps;
		for (let i = 0; i < list.length; i += 1) {
			const frame = list[i];
			if (frame.gap === void 0) events += 1;
			else if (list[i + 1]?.gap !== void 0) continue;
			else gaps = [...gaps ?? [], frame.gap];
			text += format === STANDARD ? frame.text : textIn(format, frame);
		}
		this.work += list.length * FRAME_WORK + text.length;
		return new Chunk(text, events, gaps);
	}
};
function textIn(format, { entry, text }) {
	if (entry === void 0) return format.own(text);
	return format.event(text, entry.stream, entry.kind === "event" ? entry.event : void 0);
}
var Dispatcher = class {
	#options;
	#deliveredIndex;
	#isRunning = false;
	constructor(options) {
		this.#options = options;
		this.#deliveredIndex = options.log.nextIndex;
	}
	get deliveredIndex() {
		return this.#deliveredIndex;
	}
	schedule() {
		if (this.#isRunning) return;
		this.#isRunning = true;
		queueMicrotask(() => {
			runYielding(this.#options.clock, this.#deliver(), this.#options.onError, () => {
				this.#isRunning = false;
			});
		});
	}
	*#deliver() {
		const { log, clock, registry, tracing } = this.#options;
		let turn = this.#newTurn();
		while (this.#deliveredIndex < log.nextIndex) {
			const { nextIndex } = log;
			const batch = new Batch(log, this.#deliveredIndex, clock.now(), (stream) => registry.has(stream));
			const endSpans = tracing && traceDelivery(tracing, batch.traced, (stream) => registry.listeners(stream));
			for (const audience of registry.affectedBy(batch)) {
				const connections = audience.connections.values();
				while (!this.#serve(connections, batch, turn)) {
					yield;
					batch.work = 0;
					turn = this.#newTurn();
				}
			}
			endSpans?.();
			this.#deliveredIndex = batch.to;
			if (batch.to < nextIndex) yield;
		}
	}
	#newTurn() {
		const { outputs } = this.#options;
		return {
			work: 0,
			maxBytes: outputs.bytes + Math.floor(outputs.maxBytes / 8)
		};
	}
	#serve(connections, batch, turn) {
		const { outputs, onBehind, onBroken } = this.#options;
		for (const connection of connections) {
			try {
				if (connection.deliver(batch)) onBehind(connection);
			} catch (error) {
				onBroken(connection, error);
			}
			turn.work += WRITE_WORK;
			if (turn.work + batch.work >= 2048e3 || outputs.bytes > turn.maxBytes) return false;
		}
		return true;
	}
};
function traceDelivery(tracing, entries, listeners) {
	const spans = entries.map(({ epoch, seq, stream, traceparent }) => {
		if (traceparent === void 0 || !isSampled(traceparent)) return void 0;
		const id = formatPosition([[epoch, seq]]);
		return quietly(() => tracing.deliver({
			stream,
			id,
			traceparent,
			connections: listeners(stream)
		}));
	});
	return () => {
		for (const span of spans) quietly(() => span?.end());
	};
}
// src/delivery/heartbeat.ts
const SLOTS = 15;
var Heartbeat = class {
	#clock;
	#stepMs;
	#beat;
	#slots = Array.from({ length: SLOTS }, () => new Set());
	#size = 0;
	#added = 0;
	#next = 0;
	#cancel;
	constructor(clock, heartbeatMs, beat) {
		this.#clock = clock;
		this.#stepMs = heartbeatMs / SLOTS;
		this.#beat = beat;
	}
	get size() {
		return this.#size;
	}
	has(connection) {
		return this.#slots[connection.slot].has(connection);
	}
	add(connection) {
		connection.slot = this.#added++ % SLOTS;
		this.#slots[connection.slot]?.add(connection);
		this.#size += 1;
		this.#cancel ??= this.#clock.after(this.#stepMs, () => this.#turn());
	}
	remove(connection) {
		if (this.#slots[connection.slot]?.delete(connection) !== true) return false;
		this.#size -= 1;
		if (this.#size === 0) {
			this.#cancel?.();
			this.#cancel = void 0;
		}
		return true;
	}
	*[Symbol.iterator]() {
		for (const slot of this.#slots) yield* slot;
	}
	#turn() {
		this.#cancel = this.#clock.after(this.#stepMs, () => this.#turn());
		const connections = this.#slots[this.#next];
		this.#next = (this.#next + 1) % SLOTS;
		this.#beat(connections);
	}
};
// src/delivery/output-buffers.ts
const SMALL_LENGTH = 32768;
var OutputBuffers = class {
	maxBytes;
	#bytes = 0;
	#onFull;
	#isFull = false;
	constructor(maxBytes, onFull) {
		this.maxBytes = maxBytes;
		this.#onFull = onFull;
	}
	get bytes() {
		return this.#bytes;
	}
	hasRoomFor(chunk, isShared) {
		return chunk.length <= SMALL_LENGTH || isShared && chunk.holders > 0 || this.#bytes + chunk.byteLength <= this.maxBytes / 2;
	}
	add(bytes) {
		this.#bytes += bytes;
		if (this.#bytes <= this.maxBytes || this.#isFull) return;
		this.#isFull = true;
		this.#onFull();
	}
	remove(bytes) {
		this.#bytes -= bytes;
	}
	retain(chunk) {
		chunk.holders += 1;
		if (chunk.holders === 1) this.add(chunk.byteLength);
	}
	release(chunk) {
		chunk.holders -= 1;
		if (chunk.holders === 0) this.remove(chunk.byteLength);
	}
	*heaviest(connections) {
		this.#isFull = false;
		if (this.#bytes <= this.maxBytes) return;
		const holders = connections.filter(({ heldBytes }) => heldBytes > 0);
		holders.sort((one, other) => other.heldBytes - one.heldBytes);
		for (const connection of holders) {
			if (this.#bytes <= this.maxBytes * .75) return;
			yield connection;
		}
	}
};
// src/delivery/hub.ts
const WAVE_MS = 100;
const encoder$2 = new TextEncoder();
var Hub = class {
	#log;
	#clock;
	#errors;
	#counters;
	registry;
	outputs;
	#connections;
	#maxMissedHeartbeats;
	#catchUp;
	#closing;
	#dispatcher;
	#isDraining = false;
	#isStopped = false;
	#onError = (error) => this.#errors.report(error, { stage: "deliver" });
	constructor(options) {
		this.#log = options.log;
		this.#clock = options.clock;
		this.#errors = options.errors;
		this.#counters = options.counters;
		this.#connections = new Heartbeat(options.clock, options.heartbeatMs, (connections) => this.#heartbeat(connections));
		this.#maxMissedHeartbeats = Math.ceil(options.slowClientTimeoutMs / options.heartbeatMs);
		this.registry = new ConnectionRegistry(options.clock, options.limits, (connections) => this.#closeAll(connections, options.log.nextIndex, "expired"));
		this.outputs = new OutputBuffers(options.maxOutputBufferBytes, () => {
			options.clock.after(0, () => this.#freeOutputBuffers());
		});
		this.#closing = new ClosingConnections(options.clock, (connection) => this.#onCloseTimeout(connection));
		this.#catchUp = new CatchUpQueue({
			clock: options.clock,
			isServed: (connection) => this.#connections.has(connection) || this.#closing.has(connection),
			onReadyToClose: (connection) => this.#close(connection),
			onError: (connection, error) => this.#fail(connection, error)
		});
		this.#dispatcher = new Dispatcher({
			log: options.log,
			clock: options.clock,
			registry: this.registry,
			outputs: this.outputs,
			tracing: options.tracing,
			onBehind: (connection) => this.#catchUp.push(connection),
			onBroken: (connection, error) => this.#fail(connection, error),
			onError: this.#onError
		});
		options.log.onAppend((entry) => {
			if (entry.kind === "disconnect") this.#closeAll(this.registry.matching(entry.selector), entry.index, "disconnected");
			this.#dispatcher.schedule();
		});
	}
	get size() {
		return this.#connections.size;
	}
	add(connection, since = this.#log.nextIndex, reservation) {
		const end = this.#endOf(connection, since);
		if (end !== void 0) {
			reservation?.release();
			if (end.index <= connection.liveFrom) return this.#close(connection, end.reason);
			connection.closeAt(end.index);
			return this.#closing.add(connection, end.reason);
		}
		const error = this.registry.add(connection, reservation);
		if (error !== void 0) {
			this.#errors.countRejected(error.code);
			return this.#close(connection, error.code);
		}
		this.#connections.add(connection);
		this.#counters.opened += 1;
	}
	remove(connection) {
		connection.discard();
		this.#detach(connection);
	}
	#detach(connection) {
		this.#closing.delete(connection);
		if (!this.#connections.remove(connection)) return;
		this.registry.remove(connection);
		this.#counters.closed += 1;
	}
	pull(connection) {
		if (connection.pull()) this.#catchUp.push(connection);
		else if (connection.canClose) this.#close(connection);
	}
	async drain(ms) {
		this.#isDraining = true;
		const deadline = this.#clock.now() + ms;
		const waveSize = Math.max(1, Math.ceil(this.size * WAVE_MS / ms));
		for (let left = waveSize; this.size > 0; left = waveSize) {
			for (const connection of this.#connections) {
				this.#closeAt(connection, this.#log.nextIndex, "draining");
				left -= 1;
				if (left === 0) break;
			}
			if (this.size > 0) await pause(this.#clock, WAVE_MS);
		}
		if (this.#closing.size > 0) await pause(this.#clock, 0);
		while (this.#closing.size > 0 && this.#clock.now() < deadline) await pause(this.#clock, WAVE_MS);
		for (const connection of this.#closing) this.#close(connection);
	}
	close() {
		this.#isDraining = true;
		this.#isStopped = true;
		for (const connection of this.#connections) this.#close(connection);
		for (const connection of this.#closing) this.#close(connection);
	}
	#endOf({ audience, liveFrom, grant }, since) {
		if (this.#isStopped) return { index: liveFrom };
		if (since < this.#log.indexes.disconnectsFrom) return { index: liveFrom };
		for (const { selector, index } of this.#log.indexes.disconnects(since)) if (matches$1(selector, audience.streams, grant?.tags ?? [])) return {
			index,
			reason: "disconnected"
		};
		if (this.#isDraining) return {
			index: this.#log.nextIndex,
			reason: "draining"
		};
	}
	#closeAll(connections, index, reason) {
		const all = [...connections];
		for (const connection of all) this.#detach(connection);
		runYielding(this.#clock, this.#closeEach(all, index, reason), this.#onError);
	}
	*#closeEach(connections, index, reason) {
		for (const [i, connection] of connections.entries()) {
			this.#closeAt(connection, index, reason);
			if (i % 250 === 249) yield;
		}
	}
	#closeAt(connection, index, reason) {
		this.#detach(connection);
		if (connection.isClosed) return;
		if (connection.closeAt(index) || this.#isStopped) return this.#close(connection, reason);
		this.#closing.add(connection, reason);
		if (connection.isReady) this.#catchUp.push(connection);
	}
	#onCloseTimeout(connection) {
		if (!connection.isReady) connection.abort();
		else this.#close(connection);
	}
	#close(connection, reason = this.#closing.reasonOf(connection)) {
		this.#detach(connection);
		try {
			connection.close(this.#clock.random(), reason);
		} catch (error) {
			this.#fail(connection, error);
		}
	}
	#abort(connection, code) {
		this.#detach(connection);
		this.#errors.countRejected(code);
		connection.abort();
	}
	#freeOutputBuffers() {
		for (const connection of this.outputs.heaviest([...this.#connections, ...this.#closing])) this.#abort(connection, "output-buffers-full");
	}
	#fail(connection, error) {
		this.remove(connection);
		this.#onError(error);
	}
	#heartbeat(connections) {
		const now = this.#clock.now();
		const [standard, plain] = [new Map(), new Map()];
		const frameAt = (index, format) => {
			const frames = format.isPlain ? plain : standard;
			let frame = frames.get(index);
			if (frame === void 0) {
				const id = this.#log.isResumable ? this.#log.eventIds.format(this.#log.positionAt(index, now)) : void 0;
				frame = encoder$2.encode(format.own(positionFrame(id)));
				frames.set(index, frame);
			}
			return frame;
		};
		for (const connection of connections) try {
			if (connection.isTooSlow(this.#maxMissedHeartbeats)) this.#abort(connection, "slow-client");
			else connection.heartbeat(this.#dispatcher.deliveredIndex, frameAt);
		} catch (error) {
			this.#fail(connection, error);
		}
	}
};
// src/log/scan.ts
function scan(log, streams, cursor, position) {
	const byStream = planByStream(log, streams, cursor);
	if (log.indexes.hasUnnumbered) return mergeByIndex(byStream.queues);
	const byEpoch = planByEpoch(log, position, byStream.entries);
	return mergeByIndex(byEpoch.entries < byStream.entries ? byEpoch.queues : byStream.queues);
}
function planByStream(log, streams, cursor) {
	const plan = {
		queues: [],
		entries: 0
	};
	for (const queue of log.indexes.queues(streams)) {
		const from = queue.lowerBound((entry) => entry.index >= cursor);
		plan.queues.push({
			queue,
			from
		});
		plan.entries += queue.length - from;
	}
	return plan;
}
function planByEpoch(log, position, limit) {
	const plan = {
		queues: [],
		entries: 0
	};
	for (const [epoch, { entries: queue, have }] of log.epochs.all) {
		const seq = position.get(epoch) ?? 0;
		if (have <= seq || queue.length === 0) continue;
		const from = queue.lowerBound((entry) => entry.seq > seq);
		plan.queues.push({
			queue,
			from
		});
		plan.entries += queue.length - from;
		if (plan.entries >= limit) return plan;
	}
	return plan;
}
function* mergeByIndex(queues) {
	const heap = [];
	for (const { queue, from } of queues) {
		const first = queue.at(from);
		if (first !== void 0) heap.push({
			queue,
			next: from,
			index: first.index
		});
	}
	for (let i = (heap.length >>> 1) - 1; i >= 0; i -= 1) siftDown(heap, i);
	for (let top = heap[0]; top !== void 0; top = heap[0]) {
		const { queue, next } = top;
		yield queue.at(next);
		const following = queue.at(next + 1);
		if (following === void 0) {
			const last = heap.pop();
			if (heap.length === 0) return;
			if (last !== top) heap[0] = last;
		} else {
			top.next = next + 1;
			top.index = following.index;
		}
		siftDown(heap, 0);
	}
}
function siftDown(heap, start) {
	const moved = heap[start];
	let i = start;
	for (let child = 2 * i + 1; child < heap.length; child = 2 * i + 1) {
		if (child + 1 < heap.length && heap[child + 1].index < heap[child].index) child += 1;
		const smaller = heap[child];
		if (smaller.index >= moved.index) break;
		heap[i] = smaller;
		i = child;
	}
	heap[i] = moved;
}
// src/delivery/carried-entries.ts
var EntryList = class {
	#epochs = [];
	#seqs = [];
	#since = [];
	get size() {
		return this.#epochs.length;
	}
	add(epoch, seq, since) {
		this.#epochs.push(epoch);
		this.#seqs.push(seq);
		this.#since.push(since);
	}
	forEach(visit) {
		for (let i = 0; i < this.size; i += 1) visit(this.#epochs[i], this.#seqs[i], this.#since[i]);
	}
	removeIf(test) {
		let kept = 0;
		this.forEach((epoch, seq, since) => {
			if (test(epoch, seq, since)) return;
			this.#epochs[kept] = epoch;
			this.#seqs[kept] = seq;
			this.#since[kept] = since;
			kept += 1;
		});
		for (const list of [
			this.#epochs,
			this.#seqs,
			this.#since
		]) list.length = kept;
	}
};
var CarriedEntries = class {
	#epochs;
	#timing;
	#known = new EntryList();
	#unknown = new EntryList();
	#searchedAt;
	#prefix;
	#prunedAt = Number.NEGATIVE_INFINITY;
	constructor(epochs, timing) {
		this.#epochs = epochs;
		this.#timing = timing;
		this.#searchedAt = epochs.created;
	}
	get size() {
		return this.#known.size + this.#unknown.size;
	}
	add(epoch, seq, since) {
		(this.#epochs.get(epoch) === void 0 ? this.#unknown : this.#known).add(epoch, seq, since);
	}
	forEachKnown(visit) {
		if (this.#searchedAt !== this.#epochs.created) this.#search();
		this.#known.forEach(visit);
	}
	prefix(now) {
		if (this.#unknown.size === 0) return void 0;
		this.#prefix ??= formatEntries((add) => {
			this.#unknown.forEach((epoch, seq, since) => {
				add(epoch, seq, now - since);
			});
		});
		return this.#prefix;
	}
	prune(cursor, now) {
		const { forgetMs, noopIntervalMs } = this.#timing;
		this.#known.removeIf((epoch, seq, since) => {
			const record = this.#epochs.get(epoch);
			if (seq <= (record?.seqAt(cursor) ?? 0)) return true;
			return !(record !== void 0 && !this.#epochs.isSilent(record, now)) && now - since >= forgetMs;
		});
		if (now - this.#prunedAt < noopIntervalMs) return;
		this.#prunedAt = now;
		this.#unknown.removeIf((_epoch, _seq, since) => now - since >= forgetMs);
		this.#prefix = void 0;
	}
	#search() {
		this.#searchedAt = this.#epochs.created;
		this.#unknown.removeIf((epoch, seq, since) => {
			if (this.#epochs.get(epoch) === void 0) return false;
			this.#known.add(epoch, seq, since);
			this.#prefix = void 0;
			return true;
		});
	}
};
// src/delivery/reader.ts
const SLICE_WORK$1 = 65536;
const ENTRY_WORK = 32;
const MAX_CARRIED = 128;
var Reader = class {
	cursor;
	#log;
	#streams;
	#timing;
	#carried;
	liveFrom;
	#checkedEvictions;
	constructor(log, streams, timing) {
		this.#log = log;
		this.#streams = streams;
		this.#timing = timing;
		this.cursor = log.nextIndex;
		this.liveFrom = log.nextIndex;
		this.#checkedEvictions = log.floors.evictions;
	}
	get hasCarriedEntries() {
		return this.#carried !== void 0;
	}
	resume(id, maxBytes, now) {
		const log = this.#log;
		log.trim(now);
		const idEntries = parsePosition(id, maxBytes);
		if (idEntries === void 0 || (idEntries.get(log.epoch)?.seq ?? 0) > log.ownSeq) return "invalid-id";
		const isPartial = idEntries.delete(PARTIAL_EPOCH);
		if (this.#countCarried(idEntries, now) > MAX_CARRIED) return "invalid-id";
		let gap = log.losses.gapReason(now);
		let isUnknownId = true;
		const position = new Map();
		for (const [epoch, { seq, carriedMs }] of idEntries) position.set(epoch, {
			seq,
			since: now - (carriedMs ?? 0)
		});
		for (const [epoch, record] of log.epochs.active(now)) {
			const named = position.get(epoch);
			if (named !== void 0) isUnknownId = false;
			const { seq, since } = named ?? {
				seq: 0,
				since: now
			};
			if (isPartial && named === void 0) {
				position.set(epoch, {
					seq: record.have,
					since
				});
				gap = "trimmed";
				continue;
			}
			if (seq < record.floor) gap = "trimmed";
			if (this.#streams.some((stream) => seq < (record.streamFloors?.get(stream)?.seq ?? 0))) gap = "trimmed";
			const reached = Math.max(seq, record.floor);
			position.set(epoch, {
				seq: reached,
				since: seq > record.have ? since : now
			});
			const lacking = record.entries.at(record.entries.lowerBound((entry) => entry.seq > reached));
			if (lacking !== void 0) this.cursor = Math.min(this.cursor, lacking.index);
		}
		const carried = new CarriedEntries(log.epochs, this.#timing);
		for (const [epoch, { seq, since }] of position) carried.add(epoch, seq, since);
		this.#carried = carried;
		this.#prune(now);
		return isUnknownId ? "unknown-id" : gap;
	}
	beginAtOldest(now) {
		const log = this.#log;
		log.trim(now);
		this.cursor = log.firstIndex;
		const hasLost = (stream) => log.indexes.isTrimmed(stream) || log.floors.unnumbered.streamFloors?.has(stream) === true || [...log.epochs.all].some(([, { streamFloors }]) => streamFloors?.has(stream) === true);
		const isTrimmed = this.#streams.some(hasLost);
		return this.skipEvicted(now) || isTrimmed ? "trimmed" : log.losses.gapReason(now);
	}
	idAt(index, now) {
		return this.#formatId(this.#positionAt(index, now), now);
	}
	slice(output, now, end = this.#log.nextIndex) {
		const log = this.#log;
		log.trim(now);
		let gap = this.skipEvicted(now) ? "slow-client" : void 0;
		const position = this.#positionAt(this.cursor, now);
		const formatId = () => this.#formatId(position, now);
		let [events, replayed] = [0, 0];
		let gaps;
		let next = end;
		let work = 0;
		const seen = new Set();
		const flushGap = () => {
			if (gap === void 0) return;
			output.gap(gap, formatId);
			gaps = [...gaps ?? [], gap];
			gap = void 0;
		};
		for (const entry of scan(log, this.#streams, this.cursor, position)) {
			if (entry.index >= end) break;
			if (work + output.length > SLICE_WORK$1) {
				next = entry.index;
				break;
			}
			work += ENTRY_WORK;
			if (!this.#isWanted(entry) || this.#hasReceived(entry, position)) continue;
			if (isEvent(entry)) flushGap();
			if (isNumbered(entry)) position.set(entry.epoch, entry.seq);
			if (isLoss(entry)) {
				gap ??= "peer-loss";
				continue;
			}
			if (entry.kind === "event" && this.#hasDuplicate(entry, position, seen)) continue;
			output.event(entry, formatId);
			events += 1;
			if (entry.index < this.liveFrom) replayed += 1;
		}
		flushGap();
		this.cursor = Math.max(this.cursor, next);
		this.#prune(now);
		return {
			events,
			replayed,
			gaps
		};
	}
	catchUp(index, now) {
		this.cursor = Math.max(this.cursor, index);
		this.#prune(now);
	}
	#positionAt(index, now) {
		const position = this.#log.positionAt(index, now);
		this.#carried?.forEachKnown((epoch, seq) => {
			if (seq > (position.get(epoch) ?? 0)) position.set(epoch, seq);
		});
		return position;
	}
	#formatId(position, now) {
		let carriedMs;
		this.#carried?.forEachKnown((epoch, seq, since) => {
			const record = this.#log.epochs.get(epoch);
			if (record !== void 0 && seq <= record.have && !this.#log.epochs.isSilent(record, now)) return;
			if (position.get(epoch) !== seq) return;
			carriedMs ??= new Map();
			carriedMs.set(epoch, now - since);
		});
		return this.#log.eventIds.format(position, carriedMs, this.#carried?.prefix(now));
	}
	#prune(now) {
		this.#carried?.prune(this.cursor, now);
		if (this.#carried?.size === 0) this.#carried = void 0;
	}
	skipEvicted(now) {
		const { evictedIndex, floors } = this.#log;
		const isLost = this.cursor < evictedIndex || this.#missesEvicted();
		this.#checkedEvictions = floors.evictions;
		if (isLost) this.catchUp(evictedIndex, now);
		return isLost;
	}
	#missesEvicted() {
		const { epochs, floors } = this.#log;
		const checked = this.#checkedEvictions;
		if (checked === floors.evictions) return false;
		if (floors.droppedEviction > checked && floors.droppedIndex >= this.cursor) return true;
		const carried = new Map();
		this.#carried?.forEachKnown((epoch, seq) => {
			carried.set(epoch, seq);
		});
		const misses = ({ streamFloors, evictedIndex }, from, has) => evictedIndex >= from && this.#streams.some((stream) => {
			const floor = streamFloors?.get(stream);
			return floor !== void 0 && floor.eviction > checked && floor.index >= from && floor.seq > has;
		});
		if (misses(floors.unnumbered, Math.max(this.cursor, this.liveFrom), -1)) return true;
		for (const [epoch, record] of epochs.all) if (misses(record, this.cursor, carried.get(epoch) ?? 0)) return true;
		return false;
	}
	#isWanted(entry) {
		if (entry.isEvicted) return false;
		return isLoss(entry) || isEvent(entry) && this.#streams.includes(entry.stream);
	}
	#hasReceived(entry, position) {
		if (!isNumbered(entry)) return entry.index < this.liveFrom;
		return entry.seq <= (position.get(entry.epoch) ?? 0);
	}
	#hasDuplicate(entry, position, seen) {
		const duplicates = this.#log.indexes.idempotencyKeys.duplicates(entry);
		if (duplicates === void 0) return false;
		if (seen.has(duplicates)) return true;
		seen.add(duplicates);
		for (let i = 0; i < duplicates.length; i += 1) {
			const duplicate = duplicates.at(i);
			if (duplicate !== entry && this.#hasReceived(duplicate, position)) return true;
		}
		return false;
	}
	#countCarried(entries, now) {
		const { epochs } = this.#log;
		let count = 0;
		for (const [epoch, { seq, carriedMs = 0 }] of entries) {
			const record = epochs.get(epoch);
			if (record !== void 0 && !epochs.isSilent(record, now)) continue;
			if (seq > (record?.have ?? 0) && carriedMs < this.#timing.forgetMs) count += 1;
		}
		return count;
	}
};
// src/delivery/subscriber-audiences.ts
var SubscriberAudience = class {
	streams;
	key;
	subscribers = new Set();
	constructor({ streams, key }) {
		this.streams = streams;
		this.key = key;
	}
};
var SubscriberAudiences = class {
	#byStreams = new Map();
	#byStream = new Map();
	get size() {
		return this.#byStreams.size;
	}
	add(subscriber) {
		const { streams, key } = subscriber;
		let audience = this.#byStreams.get(key);
		if (audience === void 0) {
			audience = new SubscriberAudience(subscriber);
			this.#byStreams.set(key, audience);
			for (const stream of streams) {
				const audiences = this.#byStream.get(stream);
				if (audiences === void 0) this.#byStream.set(stream, new Set([audience]));
				else audiences.add(audience);
			}
		}
		audience.subscribers.add(subscriber);
		return audience;
	}
	remove(subscriber, audience) {
		if (audience.subscribers.delete(subscriber) && audience.subscribers.size === 0) this.take(audience);
	}
	take(audience) {
		if (this.#byStreams.get(audience.key) !== audience) return;
		this.#byStreams.delete(audience.key);
		for (const stream of audience.streams) {
			const audiences = this.#byStream.get(stream);
			audiences.delete(audience);
			if (audiences.size === 0) this.#byStream.delete(stream);
		}
	}
	on(stream) {
		return this.#byStream.get(stream) ?? [];
	}
	[Symbol.iterator]() {
		return this.#byStreams.values();
	}
};
// src/delivery/subscription-items.ts
var SubscriptionItems = class {
	items = [];
	length = 0;
	event(entry, formatId) {
		const id = formatId();
		const data = entry.msg;
		const event = (entry.kind === "event" ? entry.event : void 0) ?? "message";
		this.length += id.length + data.length;
		this.items.push(Object.freeze({
			type: "event",
			id,
			stream: entry.stream,
			event,
			data
		}));
	}
	gap(reason, formatId) {
		this.items.push(Object.freeze({
			type: "gap",
			id: formatId(),
			reason
		}));
	}
};
// src/delivery/subscriber-hub.ts
const TURN_WORK = 262144;
const SLICE_WORK = 1024;
const ITEM_WORK = 64;
const YIELD_EVERY = 1e3;
var SubscriberHub = class {
	#options;
	#audiences = new SubscriberAudiences();
	#updated = new Map();
	#isDelivering = false;
	#slices = new Map();
	#work = 0;
	#waiting = [];
	#hasTurn = false;
	constructor(options) {
		this.#options = options;
		options.log.onAppend((entry) => this.#onAppend(entry));
	}
	get nextIndex() {
		return this.#options.log.nextIndex;
	}
	open(streams, after) {
		const { log, timing, clock, maxLastEventIdBytes } = this.#options;
		const reader = new Reader(log, streams, timing);
		const now = clock.now();
		let gap;
		if (after === "oldest") gap = reader.beginAtOldest(now);
		else if (after !== void 0) gap = reader.resume(after, maxLastEventIdBytes, now);
		return {
			reader,
			gap
		};
	}
	join(subscriber) {
		return this.#audiences.add(subscriber);
	}
	leave(subscriber, reader, audience) {
		reader.catchUp(this.#updated.get(audience) ?? this.nextIndex, this.#options.clock.now());
		this.#audiences.remove(subscriber, audience);
	}
	read(subscriber, reader, end) {
		const { log, clock } = this.#options;
		const now = clock.now();
		const from = reader.cursor;
		const isShared = !reader.hasCarriedEntries && from >= reader.liveFrom && end >= log.nextIndex;
		const known = isShared ? this.#slices.get(subscriber.key) : void 0;
		if (known?.from === from) {
			reader.catchUp(known.to, now);
			return known.items;
		}
		this.#scheduleTurn();
		if (this.#work >= TURN_WORK) {
			this.#waiting.push(subscriber);
			return;
		}
		const output = new SubscriptionItems();
		reader.slice(output, now, Math.min(end, log.nextIndex));
		const { items, length } = output;
		this.#work += SLICE_WORK + items.length * ITEM_WORK + length;
		if (isShared) this.#slices.set(subscriber.key, {
			from,
			to: reader.cursor,
			items
		});
		return items;
	}
	gap(reader, reason) {
		const { log, clock } = this.#options;
		const now = clock.now();
		log.trim(now);
		reader.skipEvicted(now);
		return Object.freeze({
			type: "gap",
			id: reader.idAt(reader.cursor, now),
			reason
		});
	}
	lastId(reader) {
		const { log, clock } = this.#options;
		return reader.idAt(reader.cursor, log.newestAt ?? clock.now());
	}
	#onAppend(entry) {
		if (this.#audiences.size === 0) return;
		const audiences = entry.kind === "eviction" || isEvent(entry) ? this.#audiences.on(entry.stream) : isLoss(entry) ? this.#audiences : [];
		for (const audience of audiences) if (!this.#updated.has(audience)) this.#updated.set(audience, entry.index);
		if (this.#isDelivering || this.#updated.size === 0) return;
		this.#isDelivering = true;
		queueMicrotask(() => {
			runYielding(this.#options.clock, this.#deliver(), this.#options.onError, () => {
				this.#isDelivering = false;
			});
		});
	}
	*#deliver() {
		let woken = 0;
		while (this.#updated.size > 0) for (const [audience] of this.#updated) {
			this.#audiences.take(audience);
			for (const subscriber of audience.subscribers) {
				subscriber.onEntry();
				woken += 1;
				if (woken % YIELD_EVERY === 0) yield;
			}
			this.#updated.delete(audience);
		}
	}
	#scheduleTurn() {
		if (this.#hasTurn) return;
		this.#hasTurn = true;
		this.#options.clock.after(0, () => this.#turn());
	}
	#turn() {
		this.#hasTurn = false;
		this.#slices.clear();
		this.#work = 0;
		const waiting = this.#waiting;
		this.#waiting = [];
		for (const subscriber of waiting) subscriber.wake();
	}
};
// src/log/checkpoints.ts
const CHECKPOINT_BYTES = 64;
var Checkpoints = class {
	#intervalMs;
	#maxBytes;
	#checkpoints = new Deque();
	constructor(intervalMs, maxBytes) {
		this.#intervalMs = intervalMs;
		this.#maxBytes = maxBytes;
	}
	get bytes() {
		return this.#checkpoints.length * CHECKPOINT_BYTES;
	}
	add(epoch, seq, sentAt) {
		if (sentAt - epoch.checkpointAt < this.#intervalMs) return;
		epoch.checkpointAt = sentAt;
		this.#checkpoints.push({
			epoch,
			seq,
			sentAt
		});
		while (this.bytes > this.#maxBytes) this.#apply();
	}
	trim(oldest) {
		for (let first = this.#checkpoints.at(0); first && first.sentAt < oldest; first = this.#checkpoints.at(0)) this.#apply();
	}
	#apply() {
		const { epoch, seq } = this.#checkpoints.shift();
		epoch.floor = Math.max(epoch.floor, seq);
	}
};
// src/log/entry-queue.ts
var EntryQueue = class {
	#epochs;
	#entries = new Deque();
	#evicted = 0;
	#evictedFrom = new Set();
	constructor(epochs) {
		this.#epochs = epochs;
	}
	get length() {
		return this.#entries.length - this.#evicted;
	}
	get evictedBytes() {
		return this.#evicted * 180;
	}
	get first() {
		return this.#entries.at(0);
	}
	get last() {
		return this.#entries.at(this.#entries.length - 1);
	}
	push(entry) {
		this.#entries.push(entry);
	}
	*from(index) {
		const entries = this.#entries;
		for (let i = entries.lowerBound((entry) => entry.index >= index); i < entries.length; i += 1) yield entries.at(i);
	}
	shift() {
		this.#shift();
		this.#removeLeadingEvicted();
	}
	evict(entry) {
		markEvicted(entry);
		this.#evicted += 1;
		const record = isNumbered(entry) ? this.#epochs.get(entry.epoch) : void 0;
		if (record !== void 0) this.#evictedFrom.add(record);
		this.#removeLeadingEvicted();
	}
	removeEvicted() {
		const isHeld = (entry) => !entry.isEvicted;
		this.#entries.filter(isHeld);
		for (const record of this.#evictedFrom) record.entries.filter(isHeld);
		this.#evictedFrom.clear();
		this.#evicted = 0;
	}
	#removeLeadingEvicted() {
		while (this.first?.isEvicted === true) {
			this.#evicted -= 1;
			this.#shift();
		}
	}
	#shift() {
		const entry = this.#entries.shift();
		if (isNumbered(entry)) this.#epochs.get(entry.epoch)?.entries.shift();
	}
};
// src/log/epochs.ts
var Epoch = class {
	have = 0;
	floor = 0;
	streamFloors;
	evictedSeq = 0;
	evictedIndex = -1;
	checkpointAt = Number.NEGATIVE_INFINITY;
	lastActive;
	entries = new Deque();
	constructor(lastActive) {
		this.lastActive = lastActive;
	}
	seqAt(index) {
		const entry = this.entries.at(this.entries.lowerBound((candidate) => candidate.index >= index));
		if (entry === void 0) return this.have;
		return entry.kind === "hole" ? entry.from : entry.seq - 1;
	}
};
var Epochs = class {
	#epochs = new Map();
	#timing;
	created = 0;
	constructor(timing) {
		this.#timing = timing;
	}
	get isFull() {
		return this.#epochs.size >= MAX_EPOCHS;
	}
	get(epoch) {
		return this.#epochs.get(epoch);
	}
	ensure(epoch, lastActive) {
		let record = this.#epochs.get(epoch);
		if (record === void 0) {
			record = new Epoch(lastActive);
			this.#epochs.set(epoch, record);
			this.created += 1;
		}
		return record;
	}
	isSilent(record, now) {
		return now - record.lastActive >= this.#timing.forgetMs;
	}
	get all() {
		return this.#epochs;
	}
	*active(now) {
		for (const entry of this.#epochs) if (!this.isSilent(entry[1], now)) yield entry;
	}
	forget(now) {
		for (const [epoch, record] of this.#epochs) if (now - record.lastActive >= this.#timing.dropMs && record.entries.length === 0) this.#epochs.delete(epoch);
	}
};
// src/log/event-ids.ts
const FILLED_SHARE = .9;
const CHECK_BYTES = 4;
var EventIds = class {
	#epochs;
	#maxBytes;
	#leftOut = new Set();
	constructor(epochs, maxBytes = MAX_POSITION_BYTES) {
		this.#epochs = epochs;
		this.#maxBytes = maxBytes;
	}
	format(position, carriedMs, prefix) {
		const whole = formatPosition(position, carriedMs, void 0, prefix);
		if (whole.length <= this.#maxBytes) return whole;
		const partial = formatPosition(position, carriedMs, this.#leftOut);
		if (partial.length <= this.#maxBytes) return partial;
		this.#leftOut = this.#oldest(position, carriedMs);
		return formatPosition(position, carriedMs, this.#leftOut);
	}
	#oldest(position, carriedMs) {
		const activeAt = (epoch) => this.#epochs.get(epoch)?.lastActive ?? Number.NEGATIVE_INFINITY;
		const epochs = [...position.keys()].sort((one, other) => activeAt(other) - activeAt(one));
		const leftOut = new Set();
		let left = this.#maxBytes * FILLED_SHARE - PARTIAL_ENTRY.length - CHECK_BYTES;
		for (const epoch of epochs) {
			left -= formatPosition([[epoch, position.get(epoch)]], carriedMs).length - CHECK_BYTES + 1;
			if (left < 0) leftOut.add(epoch);
		}
		return leftOut;
	}
};
// src/log/large-streams.ts
var LargeStreams = class {
	#minBytes;
	#heap = [];
	constructor(minBytes) {
		this.#minBytes = minBytes;
	}
	get largest() {
		return this.#heap[0];
	}
	get all() {
		return this.#heap;
	}
	update(queue) {
		const heap = this.#heap;
		if (queue.settledBytes > this.#minBytes) {
			if (queue.place === -1) queue.place = heap.push(queue) - 1;
			this.#siftUp(queue);
			this.#siftDown(queue);
		} else if (queue.place !== -1) {
			const { place } = queue;
			queue.place = -1;
			const last = heap.pop();
			if (last === queue) return;
			this.#put(last, place);
			this.#siftUp(last);
			this.#siftDown(last);
		}
	}
	#put(queue, place) {
		this.#heap[place] = queue;
		queue.place = place;
	}
	#siftUp(queue) {
		let { place } = queue;
		while (place > 0) {
			const parent = this.#heap[place - 1 >>> 1];
			if (parent.settledBytes >= queue.settledBytes) break;
			this.#put(parent, place);
			place = place - 1 >>> 1;
		}
		this.#put(queue, place);
	}
	#siftDown(queue) {
		const heap = this.#heap;
		let { place } = queue;
		for (let child = 2 * place + 1; child < heap.length; child = 2 * place + 1) {
			const right = heap[child + 1];
			if (right !== void 0 && right.settledBytes > heap[child].settledBytes) child += 1;
			const larger = heap[child];
			if (larger.settledBytes <= queue.settledBytes) break;
			this.#put(larger, place);
			place = child;
		}
		this.#put(queue, place);
	}
};
// src/log/fair-shares.ts
const NEWEST_SHARE = 1 / 4;
const LARGE_STREAM_SHARE = 1 / 1024;
var FairShares = class {
	#queueOf;
	#maxNewestBytes;
	#newest = new Deque();
	#large;
	#newestBytes = 0;
	#settledBytes = 0;
	constructor(maxBytes, queueOf) {
		this.#queueOf = queueOf;
		this.#maxNewestBytes = maxBytes * NEWEST_SHARE;
		this.#large = new LargeStreams(maxBytes * LARGE_STREAM_SHARE);
	}
	get bytes() {
		return this.#newestBytes + this.#settledBytes;
	}
	get hasSettled() {
		return this.#settledBytes > 0;
	}
	get largest() {
		return this.#large.largest;
	}
	add(entry) {
		const queue = this.#queueOf(entry);
		this.#newest.push(entry);
		this.#newestBytes += memoryBytes(entry) + (queue.length === 1 ? queue.overhead : 0);
		while (this.#newestBytes > this.#maxNewestBytes && this.#newest.length > 1) this.settleOldest();
	}
	settleOldest() {
		const entry = this.#newest.shift();
		if (entry === void 0) return false;
		const queue = this.#queueOf(entry);
		const bytes = memoryBytes(entry) + (queue.settledBytes === 0 ? queue.overhead : 0);
		this.#newestBytes -= bytes;
		this.#settledBytes += bytes;
		queue.settledBytes += bytes;
		this.#large.update(queue);
		return true;
	}
	remove(entry, queue) {
		const bytes = memoryBytes(entry);
		if (entry === this.#newest.at(0)) {
			this.#newest.shift();
			this.#newestBytes -= bytes + (queue.length === 0 ? queue.overhead : 0);
			return;
		}
		queue.settledBytes -= bytes;
		this.#settledBytes -= bytes;
		if (queue.settledBytes === queue.overhead) {
			queue.settledBytes = 0;
			this.#settledBytes -= queue.overhead;
			if (queue.length > 0) this.#newestBytes += queue.overhead;
		}
		this.#large.update(queue);
	}
};
// src/log/losses.ts
var Losses = class {
	#timing;
	#v1At = Number.NEGATIVE_INFINITY;
	#refusedAt = Number.NEGATIVE_INFINITY;
	constructor(timing) {
		this.#timing = timing;
	}
	onV1Event(at) {
		this.#v1At = Math.max(this.#v1At, at);
	}
	onRefusal(at) {
		this.#refusedAt = at;
	}
	ageMs(now) {
		const at = Math.max(this.#v1At, this.#refusedAt);
		return at === Number.NEGATIVE_INFINITY ? void 0 : now - at;
	}
	gapReason(now) {
		const { v1GapMs } = this.#timing;
		if (now - this.#v1At <= v1GapMs) return "legacy-peer";
		return now - this.#refusedAt <= v1GapMs ? "peer-loss" : void 0;
	}
};
// src/log/idempotency-keys.ts
var IdempotencyKeys = class {
	#entries = new Map();
	add(entry) {
		if (entry.key === void 0) return;
		const name = indexKey(entry.stream, entry.key);
		const held = this.#entries.get(name);
		if (held === void 0) this.#entries.set(name, entry);
		else if (held instanceof Deque) held.push(entry);
		else {
			const duplicates = new Deque();
			duplicates.push(held);
			duplicates.push(entry);
			this.#entries.set(name, duplicates);
		}
	}
	remove(entry) {
		if (entry.key === void 0) return;
		const name = indexKey(entry.stream, entry.key);
		const held = this.#entries.get(name);
		if (held instanceof Deque && held.length > 1) held.shift();
		else this.#entries.delete(name);
	}
	first(stream, key) {
		const held = this.#entries.get(indexKey(stream, key));
		return held instanceof Deque ? held.at(0) : held;
	}
	isFirst(entry) {
		return entry.key === void 0 || this.first(entry.stream, entry.key) === entry;
	}
	duplicates(entry) {
		if (entry.key === void 0) return void 0;
		const held = this.#entries.get(indexKey(entry.stream, entry.key));
		return held instanceof Deque ? held : void 0;
	}
};
function indexKey(stream, key) {
	return `${stream}\n${key}`;
}
// src/log/large-streams.ts
const STREAM_BYTES = 360;
var StreamQueue = class extends Deque {
	stream;
	isTrimmed = false;
	settledBytes = 0;
	place = -1;
	constructor(stream) {
		super();
		this.stream = stream;
	}
	get overhead() {
		return this.stream === void 0 ? 0 : STREAM_BYTES;
	}
};
// src/log/secondary-indexes.ts
var SecondaryIndexes = class {
	idempotencyKeys = new IdempotencyKeys();
	#streams = new Map();
	#others = new StreamQueue(void 0);
	#losses = new Deque();
	#disconnects = new Deque();
	#disconnectsFrom = 0;
	#unnumbered = 0;
	get streams() {
		return this.#streams.size;
	}
	get hasEvents() {
		return this.#streams.size > 0 || this.#disconnects.length > 0;
	}
	get hasUnnumbered() {
		return this.#unnumbered > 0;
	}
	get disconnectsFrom() {
		return this.#disconnectsFrom;
	}
	isTrimmed(stream) {
		return this.#streams.get(stream)?.isTrimmed === true;
	}
	*disconnects(index) {
		const entries = this.#disconnects;
		for (let i = entries.lowerBound((entry) => entry.index >= index); i < entries.length; i += 1) yield entries.at(i);
	}
	queues(streams) {
		const queues = [this.#losses];
		for (const stream of streams) {
			const queue = this.#streams.get(stream);
			if (queue !== void 0) queues.push(queue);
		}
		return queues;
	}
	queueOf(entry) {
		return isEvent(entry) ? this.#streams.get(entry.stream) : this.#others;
	}
	add(entry) {
		if (!isNumbered(entry)) this.#unnumbered += 1;
		if (isEvent(entry)) {
			if (entry.kind === "event") this.idempotencyKeys.add(entry);
			let queue = this.#streams.get(entry.stream);
			if (queue === void 0) {
				queue = new StreamQueue(entry.stream);
				this.#streams.set(entry.stream, queue);
			}
			queue.push(entry);
			return;
		}
		this.#others.push(entry);
		if (isLoss(entry)) this.#losses.push(entry);
		else if (entry.kind === "disconnect") this.#disconnects.push(entry);
	}
	remove(entry) {
		const queue = this.queueOf(entry);
		queue.shift();
		queue.isTrimmed = true;
		if (!isNumbered(entry)) this.#unnumbered -= 1;
		if (isEvent(entry)) {
			if (entry.kind === "event") this.idempotencyKeys.remove(entry);
			if (queue.length === 0) this.#streams.delete(entry.stream);
		} else if (isLoss(entry)) this.#losses.shift();
		else if (entry.kind === "disconnect") {
			this.#disconnects.shift();
			this.#disconnectsFrom = entry.index + 1;
		}
		return queue;
	}
};
// src/log/stream-floors.ts
const FLOOR_BYTES = 240;
var StreamFloors = class {
	evictions = 0;
	bytes = 0;
	lastSentAt = Number.NEGATIVE_INFINITY;
	unnumbered = new Epoch(0);
	droppedIndex = -1;
	droppedEviction = 0;
	#lastIndex = -1;
	#floors = new Set();
	#latest;
	#maxBytes;
	constructor(maxBytes) {
		this.#maxBytes = maxBytes;
	}
	get size() {
		return this.#floors.size;
	}
	raise(epoch, stream, seq, index, sentAt) {
		this.evictions += 1;
		this.lastSentAt = Math.max(this.lastSentAt, sentAt);
		this.#lastIndex = Math.max(this.#lastIndex, index);
		epoch.evictedIndex = Math.max(epoch.evictedIndex, index);
		epoch.streamFloors ??= new Map();
		let floor = epoch.streamFloors.get(stream);
		if (floor === void 0) {
			floor = {
				stream,
				epoch,
				seq,
				index,
				sentAt,
				eviction: this.evictions
			};
			epoch.streamFloors.set(stream, floor);
			this.bytes += bytesOf(floor);
		} else {
			floor.seq = Math.max(floor.seq, seq);
			floor.index = Math.max(floor.index, index);
			floor.sentAt = Math.max(floor.sentAt, sentAt);
			floor.eviction = this.evictions;
			if (floor === this.#latest) return;
			this.#floors.delete(floor);
		}
		this.#floors.add(floor);
		this.#latest = floor;
		for (let first = this.#oldest; first && this.bytes > this.#maxBytes; first = this.#oldest) this.#drop(first);
	}
	trim(oldest) {
		for (let first = this.#oldest; first && first.sentAt < oldest; first = this.#oldest) this.#drop(first);
	}
	raiseAll(index) {
		this.evictions += 1;
		this.droppedIndex = Math.max(this.droppedIndex, index);
		this.droppedEviction = this.evictions;
	}
	get #oldest() {
		for (const floor of this.#floors) return floor;
	}
	#drop(floor) {
		floor.epoch.floor = Math.max(floor.epoch.floor, floor.seq);
		this.droppedIndex = Math.max(this.droppedIndex, floor.index);
		this.droppedEviction = Math.max(this.droppedEviction, floor.eviction);
		this.#floors.delete(floor);
		this.bytes -= bytesOf(floor);
		if (floor === this.#latest) this.#latest = void 0;
		const { streamFloors } = floor.epoch;
		streamFloors?.delete(floor.stream);
		if (streamFloors?.size === 0) floor.epoch.streamFloors = void 0;
	}
	streamsFrom(index) {
		const streams = new Set();
		if (this.#lastIndex < index) return streams;
		for (const floor of this.#floors) if (floor.index >= index) streams.add(floor.stream);
		return streams;
	}
};
function bytesOf({ stream }) {
	return FLOOR_BYTES + stream.length;
}
// src/log/log.ts
const FLOORS_SHARE = 1 / 8;
const CHECKPOINTS_SHARE = 1 / 16;
const EVICTED_SHARE = 1 / 16;
var Log = class {
	epoch;
	epochs;
	indexes = new SecondaryIndexes();
	eventIds;
	losses;
	floors;
	isResumable;
	maxAgeMs;
	#listeners = [];
	#maxBytes;
	#entries;
	#shares;
	#checkpoints;
	#nextIndex = 0;
	#evictedIndex = 0;
	constructor({ epoch, maxAgeMs, maxBytes, timing, isResumable, maxLastEventIdBytes }) {
		this.epoch = epoch;
		this.epochs = new Epochs(timing);
		this.#entries = new EntryQueue(this.epochs);
		this.eventIds = new EventIds(this.epochs, maxLastEventIdBytes);
		this.losses = new Losses(timing);
		this.isResumable = isResumable;
		this.maxAgeMs = maxAgeMs;
		this.#maxBytes = maxBytes;
		this.floors = new StreamFloors(maxBytes * FLOORS_SHARE);
		this.#shares = new FairShares(maxBytes, (entry) => this.indexes.queueOf(entry));
		this.#checkpoints = new Checkpoints(timing.checkpointIntervalMs, maxBytes * CHECKPOINTS_SHARE);
	}
	onAppend(listener) {
		this.#listeners.push(listener);
	}
	get firstIndex() {
		return this.#entries.first?.index ?? this.#nextIndex;
	}
	get evictedIndex() {
		return this.#evictedIndex;
	}
	get nextIndex() {
		return this.#nextIndex;
	}
	get bytes() {
		const { evictedBytes } = this.#entries;
		return this.#shares.bytes + evictedBytes + this.floors.bytes + this.#checkpoints.bytes;
	}
	get ownSeq() {
		return this.epochs.get(this.epoch)?.have ?? 0;
	}
	get entries() {
		return this.#entries.length;
	}
	get oldestAt() {
		return this.#entries.first?.sentAt;
	}
	get newestAt() {
		return this.#entries.last?.sentAt;
	}
	get completeAt() {
		const { oldestAt } = this;
		return oldestAt === void 0 ? void 0 : Math.max(oldestAt, this.floors.lastSentAt);
	}
	ownAge(seq, now) {
		const entries = this.epochs.get(this.epoch)?.entries;
		const entry = entries?.at(entries.lowerBound((candidate) => candidate.seq > seq));
		return entry === void 0 ? this.maxAgeMs : now - entry.sentAt;
	}
	from(index) {
		return this.#entries.from(index);
	}
	append(epoch, content, sentAt, now, seq = (this.epochs.get(epoch)?.have ?? 0) + 1) {
		const record = this.epochs.ensure(epoch, sentAt);
		if (seq > record.have + 1) record.evictedSeq = seq - 1;
		record.have = seq;
		record.lastActive = Math.max(record.lastActive, sentAt);
		this.#checkpoints.add(record, seq, sentAt);
		const entry = createEntry(this.nextIndex, sentAt, epoch, seq, content);
		record.entries.push(entry);
		this.#push(entry, now);
		return entry;
	}
	appendV1(stream, msg, now) {
		this.losses.onV1Event(now);
		this.#push(createV1Event(this.nextIndex, now, stream, msg), now);
	}
	skipTo(epoch, seq, now) {
		const record = this.epochs.ensure(epoch, now);
		const hole = {
			kind: "hole",
			index: this.nextIndex,
			sentAt: now,
			isEvicted: false,
			epoch,
			from: record.have,
			seq
		};
		record.have = seq;
		record.floor = Math.max(record.floor, seq);
		record.entries.push(hole);
		this.#push(hole, now);
	}
	appendLoss(now) {
		this.#push({
			kind: "loss",
			index: this.nextIndex,
			sentAt: now,
			isEvicted: false
		}, now);
	}
	appendEvicted(epoch, stream, seq, sentAt, now) {
		const record = this.epochs.ensure(epoch, now);
		if (seq <= Math.max(record.have, record.streamFloors?.get(stream)?.seq ?? 0)) return;
		this.floors.raise(record, stream, seq, this.nextIndex, sentAt);
		this.#onAppend({
			kind: "eviction",
			index: this.nextIndex,
			stream
		}, now);
	}
	skipEvictedTo(epoch, seq) {
		const record = this.epochs.get(epoch);
		record.have = seq;
		record.evictedSeq = seq;
	}
	trim(now) {
		const oldest = now - this.maxAgeMs;
		for (let first = this.#entries.first; first && first.sentAt < oldest; first = this.#entries.first) this.#removeOldest(first);
		this.#checkpoints.trim(oldest);
		this.floors.trim(oldest);
	}
	position(now) {
		return this.positionAt(this.nextIndex, now);
	}
	positionAt(index, now) {
		const position = new Map();
		for (const [epoch, record] of this.epochs.all) {
			if (this.epochs.isSilent(record, now)) continue;
			const seq = index >= this.nextIndex ? record.have : record.seqAt(index);
			if (seq > 0) position.set(epoch, seq);
		}
		return position;
	}
	#push(entry, now) {
		this.#entries.push(entry);
		this.indexes.add(entry);
		this.#shares.add(entry);
		this.#onAppend(entry, now);
	}
	#onAppend(entry, now) {
		this.#nextIndex += 1;
		this.trim(now);
		while (this.bytes > this.#maxBytes && this.#entries.length > 0) this.#makeRoom();
		for (const listener of this.#listeners) listener(entry);
	}
	#makeRoom() {
		if (this.#entries.evictedBytes > this.#maxBytes * EVICTED_SHARE) this.#entries.removeEvicted();
		else if (this.#shares.hasSettled) this.#evict(this.#shares.largest?.at(0) ?? this.#entries.first);
		else this.#shares.settleOldest();
	}
	#evict(entry) {
		this.#shares.remove(entry, this.indexes.remove(entry));
		const { floors } = this;
		const { index, sentAt } = entry;
		if (isNumbered(entry)) {
			const record = this.epochs.get(entry.epoch);
			record.evictedSeq = Math.max(record.evictedSeq, entry.seq);
			if (entry.kind === "event") floors.raise(record, entry.stream, entry.seq, index, sentAt);
			else if (entry.kind !== "no-op") record.floor = Math.max(record.floor, entry.seq);
		} else if (entry.kind === "v1-event") floors.raise(floors.unnumbered, entry.stream, 0, index, sentAt);
		if (isLoss(entry)) floors.raiseAll(index);
		this.#entries.evict(entry);
	}
	#removeOldest(entry) {
		this.#shares.remove(entry, this.indexes.remove(entry));
		if (entry.kind !== "no-op") this.#evictedIndex = entry.index + 1;
		if (isNumbered(entry)) {
			const record = this.epochs.get(entry.epoch);
			record.floor = Math.max(record.floor, entry.seq);
		}
		this.#entries.shift();
	}
};
// src/log/timing.ts
function timing(logMaxAgeMs) {
	const noopIntervalMs = Math.min(5e3, logMaxAgeMs / 10);
	return {
		noopIntervalMs,
		graceMs: 2.5 * noopIntervalMs,
		maxLateMs: logMaxAgeMs / 4,
		maxPauseMs: logMaxAgeMs / 2,
		checkpointIntervalMs: logMaxAgeMs / 4,
		forgetMs: 2.5 * logMaxAgeMs,
		dropMs: 3.75 * logMaxAgeMs,
		v1GapMs: 3 * logMaxAgeMs
	};
}
// src/wire/exchange-message.ts
const EXCHANGE_TARGET_BYTES = 65536;
function encodeFirstMessage(epoch, at, position) {
	return `{"v":2,"epoch":"${epoch}","at":${at},${encodePosition(position)}}`;
}
function encodeMessage({ at, fields, runs }) {
	const end = runs === void 0 ? "}" : `,"runs":[${runs}]}`;
	return `{"at":${at}${fields === "" ? "" : `,${fields}`}${end}`;
}
function encodePosition(position) {
	return `"position":${encodeSeqs(position)}`;
}
function encodeAcks(taken, acks) {
	return `"taken":${taken},"acks":${encodeSeqs(acks)}`;
}
const ASK = "\"ask\":true";
function encodeSeqs(seqs) {
	let text = "";
	for (const [epoch, seq] of seqs) text += `${text === "" ? "{" : ","}"${epoch}":${seq}`;
	return text === "" ? "{}" : `${text}}`;
}
function parseExchangeMessage(text) {
	let value;
	try {
		value = JSON.parse(text);
	} catch {
		throw new SserError("invalid-peer-message", "The message is not JSON");
	}
	if (typeof value !== "object" || value === null) throw invalid(": not an object");
	const message = value;
	const { epoch, at, position, runs, taken, acks, ask } = message;
	if (!isDuration(at)) throw invalid(" at at");
	if (epoch !== void 0 && (typeof epoch !== "string" || !isEpoch(epoch))) throw invalid(" at epoch");
	if (epoch !== void 0 && message.v !== 2) throw invalid(" at v");
	if (taken !== void 0 && !isSeq(taken)) throw invalid(" at taken");
	if (ask !== void 0 && typeof ask !== "boolean") throw invalid(" at ask");
	return {
		epoch,
		at,
		position: position === void 0 ? void 0 : checkSeqs(position, "position"),
		runs: runs === void 0 ? void 0 : checkRanges(runs),
		taken,
		acks: acks === void 0 ? void 0 : checkSeqs(acks, "acks"),
		ask
	};
}
// src/replication/exchange-cursor.ts
const MAX_UNACKED_LENGTH = 524288;
var UnackedMessages = class {
	#messages = new Deque();
	#acked = 0;
	#length = 0;
	get isEmpty() {
		return this.#messages.length === 0;
	}
	hasRoom(isOwn) {
		return this.#length < (isOwn ? MAX_UNACKED_LENGTH : MAX_UNACKED_LENGTH / 2);
	}
	add(message) {
		this.#messages.push(message);
		this.#length += message.length;
	}
	*ack(taken) {
		for (; this.#acked < taken; this.#acked += 1) {
			const message = this.#messages.shift();
			if (message === void 0) throw new SserError("invalid-peer-message", "It acknowledges messages that were not sent");
			this.#length -= message.length;
			yield message;
		}
	}
};
// src/replication/exchange-cursor.ts
var ExchangeCursor = class {
	#log;
	#replicator;
	#owner;
	#sent = new Map();
	#unacked = new UnackedMessages();
	#progressAt = 0;
	#isThirdDue = false;
	#isFlushing = false;
	constructor(log, replicator, owner) {
		this.#log = log;
		this.#replicator = replicator;
		this.#owner = owner;
	}
	get waitsSince() {
		return this.#unacked.isEmpty ? void 0 : this.#progressAt;
	}
	onPosition() {
		this.#isThirdDue = true;
	}
	flush() {
		this.#isFlushing = true;
	}
	next(peer, now) {
		const log = this.#log;
		const match = Math.max(peer.match(log.epoch), this.#sent.get(log.epoch) ?? 0);
		if (match < log.ownSeq) {
			if (!this.#unacked.hasRoom(true)) return void 0;
			const own = this.#replicator.ownRange(match, now);
			this.#owner.onOwnRange?.(match, own.run);
			return own;
		}
		if (!this.#isThirdDue || !this.#unacked.hasRoom(false)) return void 0;
		const third = this.#replicator.thirdRange(peer, this.#sent, this.#isFlushing, now);
		this.#isThirdDue = third !== void 0;
		return third;
	}
	add(run, length, now) {
		const { epoch } = run.run;
		if (this.#unacked.isEmpty) this.#progressAt = now;
		const onAck = this.#owner.onSent?.(run);
		this.#unacked.add({
			length,
			isOwn: epoch === this.#log.epoch,
			last: run.last,
			onAck
		});
		this.#sent.set(epoch, run.last);
	}
	ack(taken, peer, now) {
		const { epoch } = this.#log;
		for (const { isOwn, last, onAck } of this.#unacked.ack(taken)) {
			onAck?.();
			if (isOwn && peer.match(epoch) < last) throw new SserError("peer-failed", "answers, but takes nothing");
		}
		this.#progressAt = now;
		this.#owner.onAck?.(peer, now);
		if (!this.#unacked.isEmpty || this.#sent.size < 2) return;
		for (const sent of this.#sent.keys()) if (sent !== epoch) this.#sent.delete(sent);
	}
};
// src/replication/link-exchange.ts
var LinkExchange = class {
	#context;
	#owner;
	#comparedFrom;
	#countedFrom;
	#epoch;
	#exchange;
	#peer;
	#heardAt;
	#cursor;
	#taken = 0;
	#acks = new Map();
	#mustAck = false;
	#mustTell = false;
	#mustAsk = false;
	#isScheduled = false;
	#isOver = false;
	#cancelWatch;
	#wroteAt = Number.NEGATIVE_INFINITY;
	#cancelGather;
	constructor(context, owner) {
		this.#context = context;
		this.#owner = owner;
		this.#cursor = new ExchangeCursor(context.log, context.replicator, owner);
		const now = context.clock.now();
		this.#comparedFrom = now;
		this.#countedFrom = now;
		this.#heardAt = now;
	}
	get peer() {
		return this.#peer;
	}
	get isOpen() {
		return this.#peer !== void 0 && !this.#isOver;
	}
	begin(exchange) {
		const { clock, log } = this.#context;
		if (this.#isOver) {
			exchange.abort(new SserError("stopped", "the exchange is over"));
			return;
		}
		this.#exchange = exchange;
		const now = clock.now();
		this.#countedFrom = now;
		this.#heardAt = now;
		this.#epoch = log.epoch;
		log.trim(now);
		exchange.send(encodeFirstMessage(log.epoch, 0, log.position(now)));
		this.#watch();
	}
	onMessage(text) {
		if (this.#isOver) return;
		if (this.#context.wasPaused()) {
			this.#context.onPause();
			return;
		}
		try {
			this.#receive(parseExchangeMessage(text));
		} catch (error) {
			this.abort(error);
		}
		this.push();
	}
	onClose(error) {
		this.#end(error);
		this.#exchange?.close();
	}
	push() {
		if (this.#isScheduled || this.#isOver) return;
		this.#isScheduled = true;
		queueMicrotask(() => {
			this.#isScheduled = false;
			this.#write();
		});
	}
	beat() {
		this.#mustTell = true;
		this.push();
	}
	flush() {
		this.#cursor.flush();
		this.#mustAsk = true;
		this.push();
	}
	close() {
		if (this.#isOver) return;
		if (!this.#context.wasPaused()) this.#write();
		this.#end(void 0);
		const exchange = this.#exchange;
		exchange?.close();
		this.#context.clock.after(CLOSE_MS, () => exchange?.abort(new SserError("stopped", "the exchange is over")));
	}
	abort(error) {
		this.#end(error);
		this.#exchange?.abort(error);
	}
	#receive(message) {
		const { clock, log, replicator, progressOf, timing } = this.#context;
		const now = clock.now();
		const lateMs = Math.abs(now - this.#comparedFrom - message.at);
		if (lateMs > timing.maxLateMs) throw new SserError("peer-failed", `a message was on its way for ${Math.round(lateMs)} ms`);
		this.#heardAt = now;
		const { epoch, position, runs, acks, taken } = message;
		if (this.#peer === void 0) {
			if (epoch === void 0 || position === void 0) throw new SserError("invalid-peer-message", "The first message of an exchange has no epoch or no position");
			if (epoch === log.epoch) throw new SserError("stopped", "the exchange leads to this Pod itself");
		}
		const peer = this.#peer ?? progressOf(epoch);
		log.trim(now);
		if (runs !== void 0) {
			replicator.applyRanges(runs, now);
			this.#taken += 1;
			this.#mustAck = true;
			for (const run of runs) this.#acks.set(run.epoch, 0);
		}
		if (position !== void 0) {
			peer.observe(position, log.position(now), now);
			this.#cursor.onPosition();
		}
		if (acks !== void 0) peer.acknowledge(acks, log.epochs, now);
		if (message.ask) this.#mustTell = true;
		if (this.#peer === void 0) {
			this.#peer = peer;
			this.#owner.onOpen(peer);
		}
		if (taken !== void 0) this.#cursor.ack(taken, peer, now);
		if (position !== void 0) this.#owner.onPosition(peer);
	}
	#write() {
		const peer = this.#peer;
		const exchange = this.#exchange;
		if (this.#isOver || peer === void 0 || exchange === void 0) return;
		const { clock, log } = this.#context;
		const now = clock.now();
		if (this.#epoch !== log.epoch || exchange.bufferedBytes > MAX_BUFFERED_BYTES$1) {
			this.abort(new SserError("peer-failed", "does not read what it is sent"));
			return;
		}
		let fields = this.#fields(now);
		const gathers = this.#gathers(now);
		for (;;) {
			const run = gathers || !this.#owner.maySend(peer, now) ? void 0 : this.#cursor.next(peer, now);
			if (run === void 0 && fields === "") return;
			const text = encodeMessage({
				at: Math.max(0, Math.round(now - this.#countedFrom)),
				fields,
				runs: run?.text
			});
			fields = "";
			exchange.send(text);
			if (run === void 0) return;
			this.#cursor.add(run, text.length, now);
			this.#wroteAt = now;
		}
	}
	#gathers(now) {
		if (this.#cursor.waitsSince === void 0 || now - this.#wroteAt >= GATHER_MS) return false;
		this.#cancelGather ??= this.#context.clock.after(GATHER_MS, () => {
			this.#cancelGather = void 0;
			this.push();
		});
		return true;
	}
	#fields(now) {
		const { log } = this.#context;
		const fields = [];
		if (this.#mustAck) {
			for (const epoch of this.#acks.keys()) this.#acks.set(epoch, log.epochs.get(epoch)?.have ?? 0);
			fields.push(encodeAcks(this.#taken, this.#acks));
			this.#acks.clear();
		}
		if (this.#mustTell) fields.push(encodePosition(log.position(now)));
		if (this.#mustAsk) fields.push(ASK);
		this.#mustAck = false;
		this.#mustTell = false;
		this.#mustAsk = false;
		return fields.join(",");
	}
	#watch() {
		const { clock, requestTimeoutMs, timing } = this.#context;
		this.#cancelWatch = clock.after(requestTimeoutMs / WATCHES, () => {
			const now = clock.now();
			const silentMs = requestTimeoutMs + (this.#peer === void 0 ? 0 : timing.noopIntervalMs);
			const isSilent = now - this.#heardAt > silentMs;
			const isStuck = now - (this.#cursor.waitsSince ?? now) > requestTimeoutMs;
			if (isSilent || isStuck) this.abort(new PeerTimeoutError(requestTimeoutMs));
			else this.#watch();
		});
	}
	#end(error) {
		if (this.#isOver) return;
		this.#isOver = true;
		this.#cancelWatch?.();
		this.#cancelGather?.();
		this.#owner.onEnd(error);
	}
};
const GATHER_MS = 1;
const WATCHES = 5;
const CLOSE_MS = 1e3;
const MAX_BUFFERED_BYTES$1 = 8 * MAX_UNACKED_LENGTH;
// src/replication/accepted-exchanges.ts
var AcceptedExchanges = class {
	#options;
	#exchanges = new Set();
	constructor(options) {
		this.#options = options;
	}
	accept(exchange) {
		const { context, errors, maxExchanges, onPosition } = this.#options;
		const accepted = new LinkExchange(context, {
			maySend: (peer, now) => now - peer.lastSuccessAt > context.timing.graceMs,
			onOpen: (peer) => this.#endOlder(accepted, peer),
			onPosition,
			onEnd: (error) => {
				this.#exchanges.delete(accepted);
				if (error instanceof SserError && error.code === "invalid-peer-message") errors.report(error, { stage: "receive" });
			}
		});
		if (this.#exchanges.size >= maxExchanges()) this.#leastKnown()?.abort(new SserError("overloaded", "too many exchanges"));
		this.#exchanges.add(accepted);
		accepted.begin(exchange);
		return accepted;
	}
	beat() {
		for (const exchange of this.#exchanges) exchange.beat();
	}
	stop() {
		for (const exchange of this.#exchanges) exchange.close();
	}
	#leastKnown() {
		const { isLinked } = this.#options;
		const [oldest] = this.#exchanges;
		for (const exchange of this.#exchanges) if (exchange.peer === void 0 || !isLinked(exchange.peer)) return exchange;
		return oldest;
	}
	#endOlder(accepted, peer) {
		for (const other of this.#exchanges) if (other !== accepted && other.peer === peer) other.abort(new SserError("peer-failed", "the peer has opened another exchange"));
	}
};
// src/replication/initial-sync.ts
const ROUNDS = 3;
const PAUSE_MS = 250;
const PEER_TIMEOUT_MS = 1500;
async function initialSync(options) {
	const { clock, errors, signal, timeoutMs } = options;
	const absent = new Map();
	let hasAnswer = false;
	let selves = 0;
	const deadline = clock.now() + timeoutMs;
	let targets = shuffle(options.targets, clock);
	for (let round = 0; round < ROUNDS && targets.length > 0; round += 1) {
		if (round > 0) await pause(clock, PAUSE_MS);
		const unavailable = [];
		for (const target of targets) {
			if (deadline - clock.now() <= 0 || signal.aborted) return {
				source: void 0,
				hasAnswer,
				absent,
				isOnlySelf: false
			};
			try {
				const sender = await syncFrom(target, options, deadline);
				absent.delete(target.host);
				if (sender === "ready") return {
					source: target.host,
					hasAnswer: true,
					absent,
					isOnlySelf: false
				};
				hasAnswer ||= sender === "other";
				if (sender === "self") selves += 1;
			} catch (error) {
				const isExpected = isUnavailable(error) && (target.ready === false || target.terminating === true);
				if (!isExpected && target.ready === void 0 && isAbsent(error)) absent.set(target.host, error);
				else if (!isExpected) errors.report(error, {
					stage: "initial-sync",
					peer: target.host
				});
				unavailable.push(target);
			}
		}
		targets = unavailable;
	}
	return {
		source: void 0,
		hasAnswer,
		absent,
		isOnlySelf: selves === options.targets.length
	};
}
async function syncFrom(target, options, deadline) {
	const { client, clock, log, replicator, signal } = options;
	for (;;) {
		const leftMs = deadline - clock.now();
		if (leftMs <= 0) throw new SserError("peer-failed", "the initial sync from it reached its timeout");
		const request = {
			...replicator.handshake(clock.now()),
			hydrate: true
		};
		const timeoutMs = Math.min(leftMs, PEER_TIMEOUT_MS);
		const response = await client.append(target, request, {
			signal,
			timeoutMs
		});
		if (response === void 0) return "other";
		if (response.epoch === log.epoch) return "self";
		if (response.position.has(log.epoch)) log.epoch = randomEpoch(clock.random);
		if (response.ready !== true) return "other";
		const now = clock.now();
		const before = log.position(now);
		replicator.applyRanges(response.runs, now);
		if (response.v1Age !== void 0) log.losses.onV1Event(now - response.v1Age);
		const after = log.position(now);
		if (!isAhead(response.position, after) || !isAhead(after, before)) return "ready";
	}
}
function isAhead(position, other) {
	for (const [epoch, seq] of position) if (seq > (other.get(epoch) ?? 0)) return true;
	return false;
}
function shuffle(targets, clock) {
	return targets.map((target) => ({
		target,
		rank: clock.random()
	})).sort((a, b) => a.rank - b.rank).map(({ target }) => target);
}
// src/replication/peer-progress.ts
var PeerProgress = class {
	epoch;
	lastHeardAt;
	lastSuccessAt;
	takesSparseRanges = false;
	#position = new Map();
	#behind = new Map();
	constructor(epoch, now) {
		this.epoch = epoch;
		this.lastHeardAt = now;
		this.lastSuccessAt = now;
	}
	match(epoch) {
		return this.#position.get(epoch) ?? 0;
	}
	covers(position) {
		for (const [epoch, seq] of position) if (epoch !== this.epoch && this.match(epoch) < seq) return false;
		return true;
	}
	behindSince(epoch) {
		return this.#behind.get(epoch)?.since;
	}
	acknowledge(acks, known, now) {
		this.lastHeardAt = now;
		for (const [epoch, seq] of acks) if (seq > this.match(epoch) && known.get(epoch) !== void 0) this.#position.set(epoch, seq);
	}
	observe(position, own, now) {
		this.lastHeardAt = now;
		const merged = new Map(position);
		for (const [epoch, seq] of this.#position) if (position.has(epoch) && seq > position.get(epoch)) merged.set(epoch, seq);
		this.#position = merged;
		for (const [epoch, seq] of own) {
			const match = this.match(epoch);
			if (match >= seq) this.#behind.delete(epoch);
			else if (match >= (this.#behind.get(epoch)?.seq ?? 0)) this.#behind.set(epoch, {
				seq,
				since: now
			});
		}
		for (const epoch of this.#behind.keys()) if (!own.has(epoch)) this.#behind.delete(epoch);
	}
};
var KnownPeers = class {
	hasMet = false;
	#options;
	#progress = new Map();
	constructor(options) {
		this.#options = options;
	}
	progressOf(epoch) {
		const { clock, links } = this.#options;
		let progress = this.#progress.get(epoch);
		if (progress === void 0) {
			progress = new PeerProgress(epoch, clock.now());
			this.hasMet = true;
			this.#progress.set(epoch, progress);
			if (this.#progress.size > links.size + 64) this.#forgetUnlinked();
			for (const link of links.values()) link.probe();
		}
		return progress;
	}
	isLinked(progress) {
		return Array.from(this.#options.links.values()).some((link) => link.leadsTo(progress));
	}
	forget(now) {
		for (const [epoch, { lastHeardAt }] of this.#progress) if (now - lastHeardAt > this.#options.timing.dropMs) this.#progress.delete(epoch);
	}
	#forgetUnlinked() {
		for (const [epoch, progress] of this.#progress) {
			if (this.isLinked(progress)) continue;
			this.#progress.delete(epoch);
			return;
		}
	}
};
// src/wire/v1.ts
const PEER_ENDPOINT_URL_PATH = "/api/json/v1/send";
const QUERY_PARAMETER_NAME = "stream";
const schema$2 = v.object({
	stream: v.string(),
	msg: v.pipe(v.string(), v.nonEmpty()),
	sseLines: v.optional(v.boolean())
});
const LINE_BREAK = /\r\n|\r|\n/g;
function encodeV1({ stream, msg }) {
	const isComment = msg.startsWith(":");
	if (!isComment && !/[\r\n]/.test(msg)) return JSON.stringify({
		stream,
		msg
	});
	const lines = msg.replace(LINE_BREAK, "\ndata: ");
	return JSON.stringify({
		stream,
		msg: isComment ? `:\ndata: ${lines}` : lines,
		sseLines: true
	});
}
function parseV1(body) {
	let value;
	try {
		value = JSON.parse(body);
	} catch {
		throw new SserError("invalid-peer-message", "invalid JSON");
	}
	const event = v.safeParse(schema$2, value);
	if (!event.success) throw new SserError("invalid-peer-message", "invalid JSON");
	const fault = validatePeerStreamName(event.output.stream);
	if (fault !== void 0) throw fault;
	const { stream, sseLines } = event.output;
	const msg = sseLines === true ? messageOf(event.output.msg) : event.output.msg;
	if (msg === "") throw new SserError("invalid-peer-message", "invalid JSON");
	return {
		stream,
		msg: msg.toWellFormed()
	};
}
function messageOf(lines) {
	const [first = "", ...rest] = lines.split("\n");
	const further = rest.map((line) => line.replace(/^data: /, ""));
	return (first === ":" ? further : [first, ...further]).join("\n");
}
// src/replication/legacy-v1/sender.ts
const PROBE_INTERVAL_MS = 6e4;
const NO_DISCONNECT = {
	status: "failed",
	reason: "a Go Pod cannot disconnect"
};
var V1Sender = class {
	#log;
	#client;
	#clock;
	#acks;
	#seq;
	#activeUntil = Number.NEGATIVE_INFINITY;
	constructor(options) {
		this.#log = options.log;
		this.#client = options.client;
		this.#clock = options.clock;
		this.#acks = options.acks;
		this.#seq = options.log.ownSeq;
		this.#acks.skip(0, this.#seq);
	}
	get isActive() {
		return this.#clock.now() < this.#activeUntil;
	}
	get ackedSeq() {
		return this.#seq;
	}
	begin(ackedSeq) {
		this.#seq = Math.max(this.#seq, ackedSeq);
		this.#activeUntil = this.#clock.now() + PROBE_INTERVAL_MS;
	}
	end() {
		this.#activeUntil = Number.NEGATIVE_INFINITY;
	}
	async sendNext(target, signal) {
		const log = this.#log;
		log.trim(this.#clock.now());
		const record = log.epochs.get(log.epoch);
		const entry = record?.entries.at(record.entries.lowerBound(({ seq }) => seq > this.#seq));
		if (entry?.kind === "disconnect") this.#acks.ackUpTo(entry.seq, NO_DISCONNECT);
		if (entry?.kind !== "event" || entry.isEvicted) return this.#skipTo(entry?.seq ?? log.ownSeq);
		this.#skipTo(entry.seq - 1);
		try {
			const body = encodeV1({
				stream: entry.stream,
				msg: entry.msg
			});
			const content = {
				path: PEER_ENDPOINT_URL_PATH,
				body,
				maxBytes: 0
			};
			const { status } = await this.#client.post(target, content, { signal });
			this.#acks.reset();
			if (status < 200 || status > 299) throw new PeerStatusError(status);
		} catch (error) {
			this.#acks.skip(entry.seq - 1, entry.seq);
			this.end();
			throw error;
		} finally {
			this.#seq = entry.seq;
		}
	}
	#skipTo(seq) {
		this.#acks.evict(this.#seq, seq);
		this.#seq = seq;
	}
};
// src/replication/retry-state.ts
const REOPEN_MS = 200;
const RETRY_MS$1 = 1e3;
const MAX_RETRY_MS = 6e4;
var ExchangeSchedule = class {
	#clock;
	#failures = 0;
	#notBefore = Number.NEGATIVE_INFINITY;
	constructor(clock) {
		this.#clock = clock;
	}
	get isDue() {
		return this.#clock.now() >= this.#notBefore;
	}
	end(error, hasSucceeded) {
		this.#notBefore = this.#clock.now() + this.#waitMs(error, hasSucceeded);
		this.#failures = hasSucceeded ? 0 : this.#failures + 1;
	}
	reset() {
		this.#failures = 0;
		this.#notBefore = Number.NEGATIVE_INFINITY;
	}
	#waitMs(error, hasSucceeded) {
		if (hasSucceeded) return REOPEN_MS;
		if (error instanceof PeerStatusError && error.received === 404) return MAX_RETRY_MS;
		return Math.min(MAX_RETRY_MS, RETRY_MS$1 * 2 ** this.#failures);
	}
};
// src/replication/pending-acks.ts
const DELIVERED = { status: "delivered" };
const EVICTED = {
	status: "failed",
	reason: "the log evicted it"
};
var PendingAcks = class {
	#log;
	#pending = new Deque();
	#skipped = new SkippedRanges();
	#expired;
	constructor(log) {
		this.#log = log;
	}
	get isExpired() {
		return this.#expired !== void 0;
	}
	onAck(seq, settle) {
		if (this.#expired !== void 0) settle(this.#expired);
		else this.#pending.push({
			seq,
			settle
		});
	}
	ackUpTo(seq, result) {
		this.#settleUpTo(seq, () => result);
	}
	onPosition(seq) {
		this.#settleUpTo(seq, (acked) => this.resultOf(acked));
	}
	settleAll(result) {
		this.ackUpTo(Number.POSITIVE_INFINITY, result);
	}
	expire(timeoutMs) {
		this.#expired = {
			status: "pending",
			reason: `no answer within ${timeoutMs} ms`
		};
		this.settleAll(this.#expired);
	}
	reset() {
		this.#expired = void 0;
	}
	skip(after, to) {
		this.#skipped.add(after, to, this.#log.epochs.get(this.#log.epoch)?.floor ?? 0);
	}
	evict(after, to) {
		this.skip(after, to);
		this.ackUpTo(to, EVICTED);
	}
	onOwnRange(after, run) {
		if (run.floor === true) this.evict(after, run.prev);
		if (run.evicted !== void 0) this.#skipMissing(run);
	}
	#skipMissing(run) {
		this.#skipped.removeAfter(run.prev);
		let last = run.prev;
		for (const { seq } of run.events) {
			if (seq > last + 1) this.skip(last, seq - 1);
			last = seq;
		}
		if (endOf(run) > last) this.skip(last, endOf(run));
	}
	#settleUpTo(seq, resultOf) {
		const pending = this.#pending;
		for (let next = pending.at(0); next !== void 0 && next.seq <= seq; next = pending.at(0)) {
			pending.shift();
			next.settle(resultOf(next.seq));
		}
	}
	clearSkipped() {
		this.#skipped.clear();
	}
	resultOf(seq) {
		return this.#skipped.has(seq) ? EVICTED : DELIVERED;
	}
};
var SkippedRanges = class {
	#ranges = new Deque();
	add(after, to, floor) {
		for (let range = this.#ranges.at(0); range !== void 0 && range.to <= floor; range = this.#ranges.at(0)) this.#ranges.shift();
		const last = this.#ranges.at(this.#ranges.length - 1);
		if (last !== void 0 && last.to >= after) last.to = Math.max(last.to, to);
		else if (to > after) this.#ranges.push({
			from: after + 1,
			to
		});
	}
	removeAfter(after) {
		const last = this.#ranges.at(this.#ranges.length - 1);
		if (last === void 0 || last.to <= after) return;
		this.#ranges.filter(({ from }) => from <= after);
		const cut = this.#ranges.at(this.#ranges.length - 1);
		if (cut !== void 0) cut.to = Math.min(cut.to, after);
	}
	has(seq) {
		const range = this.#ranges.at(this.#ranges.lowerBound(({ to }) => to >= seq));
		return range !== void 0 && range.from <= seq;
	}
	clear() {
		while (this.#ranges.length > 0) this.#ranges.shift();
	}
};
// src/replication/retry-state.ts
const BACKOFF_MS = 200;
const MAX_BACKOFF_MS = 5e3;
const LOSS_MS = 3e3;
const STARTING_MS = 3e4;
const LEAVING = {
	status: "pending",
	reason: "the Pod is being deleted"
};
var RetryState = class {
	failures = 0;
	lastError;
	isRefused = false;
	isHung = false;
	#clock;
	#createdAt;
	#since = NaN;
	#hasResponded = false;
	#wasNotReady = false;
	#cancelRetry;
	constructor(clock) {
		this.#clock = clock;
		this.#createdAt = clock.now();
	}
	get hasResponded() {
		return this.#hasResponded;
	}
	end() {
		this.failures = 0;
		this.isRefused = false;
		this.isHung = false;
		this.#hasResponded = true;
	}
	fail(error, target, isAlone) {
		const now = this.#clock.now();
		if (this.failures === 0) this.#since = now;
		this.failures += 1;
		this.lastError = describe$1(error);
		this.isRefused ||= isMutualRefusal(error);
		this.isHung = error instanceof PeerTimeoutError;
		this.#wasNotReady ||= target.ready === false;
		if (!isUnavailable(error)) return "persistent";
		if (target.terminating || this.#isStarting()) return "expected";
		if (isAlone && target.ready === void 0 && isAbsent(error)) {
			this.#since = now;
			return "expected";
		}
		return now - this.#since < LOSS_MS ? "brief" : "persistent";
	}
	get isWaiting() {
		return this.#cancelRetry !== void 0;
	}
	scheduleRetry(retry) {
		const ceiling = Math.min(MAX_BACKOFF_MS, BACKOFF_MS * 2 ** (this.failures - 1));
		this.#cancelRetry = this.#clock.after(ceiling * (.5 + this.#clock.random() / 2), () => {
			this.#cancelRetry = void 0;
			retry();
		});
	}
	cancelRetry() {
		if (this.#cancelRetry === void 0) return false;
		this.#cancelRetry();
		this.#cancelRetry = void 0;
		return true;
	}
	result(target) {
		if (target.terminating) return LEAVING;
		const reason = this.lastError ?? "";
		if (this.#isStarting()) return {
			status: "pending",
			reason: `the Pod is starting: ${reason}`
		};
		return {
			status: this.isHung ? "pending" : "failed",
			reason
		};
	}
	#isStarting() {
		return this.#wasNotReady && !this.#hasResponded && this.#clock.now() - this.#createdAt < STARTING_MS;
	}
};
// src/replication/single-requests.ts
var SingleRequests = class {
	#options;
	constructor(options) {
		this.#options = options;
	}
	async append(target, before, third, signal) {
		const { acks, client, clock, wasPaused, replicator, log, progressOf } = this.#options;
		const message = before === void 0 ? replicator.handshake(clock.now()) : replicator.buildAppend(before, {
			own: true,
			third
		}, clock.now());
		const ownRange = message.runs.find((run) => run.epoch === log.epoch);
		if (ownRange !== void 0) acks.onOwnRange(before?.match(log.epoch) ?? 0, ownRange);
		const matches = message.runs.map((run) => before?.match(run.epoch) ?? 0);
		const response = await client.append(target, message, { signal });
		acks.reset();
		if (wasPaused()) throw new SserError("stopped", "this Pod was paused");
		if (response === void 0) return "unknown";
		if (response.epoch === log.epoch) return "self";
		const now = clock.now();
		const peer = replicator.receive(response, progressOf, now);
		peer.lastSuccessAt = now;
		return {
			peer,
			hasTaken: message.runs.length === 0 || message.runs.some((run, i) => peer.match(run.epoch) > (matches[i] ?? 0))
		};
	}
};
// src/replication/link.ts
var Link = class {
	#target;
	#options;
	acks;
	#requests;
	#retryState;
	#abort = new AbortController();
	#state = "connecting";
	#peer;
	#isBusy = false;
	#exchange;
	#schedule;
	#flushing;
	constructor(options) {
		this.#target = options.target;
		this.#options = options;
		this.acks = options.acks;
		this.#requests = new SingleRequests(options);
		this.#retryState = new RetryState(options.clock);
		this.#schedule = new ExchangeSchedule(options.clock);
	}
	get target() {
		return this.#target;
	}
	update(target) {
		const isReadyNow = this.#target.ready === false && target.ready !== false;
		this.#target = target;
		if (isReadyNow && this.#retryState.cancelRetry()) this.poke();
	}
	status() {
		const { clock, log } = this.#options;
		const lag = this.#state === "self" ? 0 : log.ownSeq - this.#ackedSeq();
		return {
			peer: this.target.host,
			state: this.#state,
			exchange: this.#exchange?.isOpen === true,
			epoch: this.#peer?.epoch,
			lag,
			lagMs: lag <= 0 ? 0 : log.ownAge(this.#ackedSeq(), clock.now()),
			failures: this.#retryState.failures,
			lastError: this.#retryState.lastError
		};
	}
	get isRefused() {
		return this.#retryState.isRefused;
	}
	get hasAnswered() {
		return this.#retryState.hasResponded && this.#state !== "self";
	}
	get isUnmet() {
		if (this.#retryState.hasResponded) return false;
		return !this.#isBusy || this.#retryState.isHung || this.acks.isExpired;
	}
	leadsTo(peer) {
		return this.#peer === peer;
	}
	poke() {
		this.#settleAcks();
		if (this.#isBusy || this.#retryState.isWaiting || !this.#hasWork()) return;
		if (this.#exchange?.isOpen) this.#exchange.push();
		else this.#work();
	}
	beat() {
		if (this.#exchange?.isOpen) this.#exchange.beat();
	}
	flush(position) {
		this.#flushing = position;
		this.#retryState.cancelRetry();
		if (this.#exchange?.isOpen) this.#exchange.flush();
		this.poke();
	}
	isFlushed() {
		const { log } = this.#options;
		const position = this.#flushing ?? new Map();
		if (this.#state === "v1") return this.#ackedSeq() >= (position.get(log.epoch) ?? 0);
		return this.#state === "connected" ? this.#peer?.covers(position) : void 0;
	}
	onAck(epoch, seq, settle) {
		if (this.#state === "self") settle(void 0);
		else if (epoch !== this.#options.log.epoch) settle(this.#peer?.epoch === epoch || (this.#peer?.match(epoch) ?? 0) >= seq ? DELIVERED : {
			status: "pending",
			reason: "sent by another Pod"
		});
		else if (this.#retryState.hasResponded && this.#ackedSeq() >= seq) settle(this.acks.resultOf(seq));
		else if (this.#state === "failing") settle(this.#retryState.result(this.target));
		else this.acks.onAck(seq, settle);
	}
	probe() {
		this.#options.legacy.end();
		this.#schedule.reset();
	}
	stop(reason) {
		this.#abort.abort(new SserError("stopped", reason));
		this.#retryState.cancelRetry();
		this.#exchange?.close();
		this.acks.settleAll(this.target.terminating ? LEAVING : {
			status: "failed",
			reason
		});
	}
	#hasWork() {
		if (this.#abort.signal.aborted || this.#state === "self") return false;
		if (this.#peer === void 0 && this.#state !== "v1") return true;
		if (this.#flushing !== void 0 && this.isFlushed() === false) return true;
		return this.#ackedSeq() < this.#options.log.ownSeq;
	}
	async #work() {
		this.#isBusy = true;
		try {
			await void 0;
			do
				await this.#step();
			while (!this.#exchange?.isOpen && this.#hasWork());
		} catch (error) {
			this.#fail(error);
		} finally {
			this.#isBusy = false;
			this.#exchange?.push();
		}
	}
	async #step() {
		const { legacy } = this.#options;
		if (legacy.isActive) {
			await legacy.sendNext(this.#target, this.#abort.signal);
			this.#settleAcks();
			return;
		}
		const isV2 = await this.#append();
		this.#succeed();
		if (isV2) {
			this.#openExchange();
			return;
		}
		this.#state = "v1";
		legacy.begin(this.#ackedSeq());
		this.#peer = void 0;
	}
	async #append() {
		const before = this.#peer;
		const third = this.#flushing !== void 0;
		const result = await this.#requests.append(this.#target, before, third, this.#abort.signal);
		if (result === "unknown") return false;
		if (result === "self") {
			this.#state = "self";
			this.acks.settleAll(void 0);
			return true;
		}
		this.#adopt(result.peer);
		if (result.peer === before && !result.hasTaken && this.#hasWork()) throw new SserError("peer-failed", "answers, but takes nothing");
		return true;
	}
	#succeed() {
		const { failures, hasResponded } = this.#retryState;
		this.#retryState.end();
		if ((failures > 0 || !hasResponded) && this.#state !== "self") this.#options.errors.recovered(this.target.host);
	}
	#adopt(peer) {
		if (peer !== this.#peer) this.acks.clearSkipped();
		this.#peer = peer;
		this.#state = "connected";
		this.#settleAcks();
	}
	#openExchange() {
		const { client, exchangeContext } = this.#options;
		if (!(client.hasExchanges && this.#schedule.isDue && this.#flushing === void 0) || this.#exchange !== void 0 || this.#state === "self" || this.#abort.signal.aborted) return;
		let hasSucceeded = false;
		const exchange = new LinkExchange(exchangeContext, {
			maySend: () => !this.#isBusy,
			onOpen: (peer) => {
				this.#retryState.cancelRetry();
				this.#succeed();
				this.#adopt(peer);
			},
			onPosition: () => this.#settleAcks(),
			onAck: (peer, now) => {
				hasSucceeded = true;
				peer.lastSuccessAt = now;
				this.acks.reset();
				this.#settleAcks();
			},
			onOwnRange: (after, run) => this.acks.onOwnRange(after, run),
			onSent: ({ run }) => {
				const span = client.startSpan(this.target.host, [run]);
				return span && (() => quietly(() => span.end()));
			},
			onEnd: (error) => this.#endExchange(error, hasSucceeded)
		});
		this.#exchange = exchange;
		client.openExchange(this.#target, exchange, this.#abort.signal).then((opened) => exchange.begin(opened), (error) => exchange.abort(error));
	}
	#endExchange(error, hasSucceeded) {
		this.#exchange = void 0;
		this.#schedule.end(error, hasSucceeded);
		if (this.#isBusy || this.#abort.signal.aborted) return;
		if (hasSucceeded && error instanceof PeerTimeoutError) this.#fail(error);
		else this.poke();
	}
	#fail(error) {
		if (this.#abort.signal.aborted) return;
		const { errors, counters } = this.#options;
		const kind = this.#retryState.fail(error, this.target, this.#options.isAlone());
		this.#state = "failing";
		this.acks.reset();
		this.acks.settleAll(this.#retryState.result(this.target));
		if (kind !== "expected") errors.report(error, {
			stage: "append",
			peer: this.target.host
		}, { isBrief: kind === "brief" });
		this.#retryState.scheduleRetry(() => {
			counters.retries += 1;
			this.#work();
		});
	}
	#ackedSeq() {
		return this.#peer === void 0 ? this.#options.legacy.ackedSeq : this.#peer.match(this.#options.log.epoch);
	}
	#settleAcks() {
		if (this.#state === "connected" || this.#state === "v1") this.acks.onPosition(this.#ackedSeq());
	}
};
// src/replication/receipt.ts
function collectAcks(allLinks, epoch, seq, options) {
	const links = [...allLinks];
	if (links.length === 0) return Promise.resolve([]);
	return new Promise((resolve, reject) => {
		const { timeoutMs, clock, signal } = options;
		const results = [];
		let missing = links.length;
		let cancelTimeout;
		const finish = () => {
			cancelTimeout?.();
			signal?.removeEventListener("abort", abort);
			const peers = [];
			for (let i = 0; i < links.length; i += 1) {
				const { host } = links[i].target;
				const result = results[i];
				if (result !== void 0) peers.push({
					peer: host,
					...result
				});
			}
			resolve(peers);
		};
		const expire = () => {
			for (let i = 0; i < links.length; i += 1) if (!(i in results)) links[i]?.acks.expire(timeoutMs);
		};
		const abort = () => {
			cancelTimeout?.();
			reject(signal?.reason);
		};
		links.forEach((link, i) => {
			link.onAck(epoch, seq, (result) => {
				results[i] = result;
				missing -= 1;
				if (missing === 0) finish();
			});
		});
		if (missing === 0) return;
		cancelTimeout = clock.after(timeoutMs, expire);
		signal?.addEventListener("abort", abort, { once: true });
	});
}
// src/replication/refusals.ts
var Refusals = class {
	#log;
	#reportedAt;
	constructor(log) {
		this.#log = log;
	}
	check(isRefused, now) {
		const isOver = !isRefused && this.#reportedAt !== void 0;
		if (isRefused || isOver) this.#log.losses.onRefusal(now);
		const isDue = isRefused && now - (this.#reportedAt ?? Number.NEGATIVE_INFINITY) >= this.#log.maxAgeMs;
		if (isDue || isOver) this.#log.appendLoss(now);
		if (isDue) this.#reportedAt = now;
		if (isOver) this.#reportedAt = void 0;
	}
};
// src/replication/replicator.ts
const EVENT_OVERHEAD_BYTES = 80;
const MAX_EVICTED_STREAMS = 2048;
var Replicator = class {
	#log;
	#timing;
	#errors;
	#counters;
	#encoded = {
		ownSeq: 0,
		at: Number.NEGATIVE_INFINITY,
		runs: new Map()
	};
	constructor(options) {
		this.#log = options.log;
		this.#timing = options.timing;
		this.#errors = options.errors;
		this.#counters = options.counters;
	}
	handshake(now) {
		this.#log.trim(now);
		return {
			epoch: this.#log.epoch,
			position: this.#log.position(now),
			runs: [],
			sparse: true
		};
	}
	buildAppend(peer, { own, third }, now) {
		const message = this.handshake(now);
		const runs = [];
		const budget = { bytes: APPEND_TARGET_BYTES };
		for (const [epoch, record] of this.#ownFirst(now)) {
			const match = peer.match(epoch);
			if (epoch === peer.epoch || match >= record.have) continue;
			const begin = this.#begin(record, match, peer.takesSparseRanges, now);
			if (epoch === this.#log.epoch ? !own : !(third || this.#isDue(peer, epoch, begin, match, now))) continue;
			runs.push(this.#run(epoch, record, begin, match, now, budget, runs.length > 0));
			if (budget.bytes <= 0) break;
		}
		return {
			...message,
			runs
		};
	}
	ownRange(match, now) {
		const log = this.#log;
		if (this.#encoded.ownSeq !== log.ownSeq || now - this.#encoded.at >= 1) this.#encoded = {
			ownSeq: log.ownSeq,
			at: now,
			runs: new Map()
		};
		const { runs } = this.#encoded;
		let encoded = runs.get(match);
		if (encoded === void 0) {
			const record = log.epochs.get(log.epoch);
			const begin = this.#begin(record, match, true, now);
			const budget = { bytes: EXCHANGE_TARGET_BYTES };
			encoded = encodeRange(this.#run(log.epoch, record, begin, match, now, budget, false));
			runs.set(match, encoded);
		}
		return encoded;
	}
	thirdRange(peer, sent, all, now) {
		for (const [epoch, record] of this.#log.epochs.active(now)) {
			const match = Math.max(peer.match(epoch), sent.get(epoch) ?? 0);
			if (epoch === peer.epoch || epoch === this.#log.epoch || match >= record.have) continue;
			const begin = this.#begin(record, match, true, now);
			if (!(all || this.#isDue(peer, epoch, begin, match, now))) continue;
			const budget = { bytes: EXCHANGE_TARGET_BYTES };
			return encodeRange(this.#run(epoch, record, begin, match, now, budget, false));
		}
	}
	receive(message, progressOf, now) {
		this.applyRanges(message.runs, now);
		const peer = progressOf(message.epoch);
		peer.observe(message.position, this.#log.position(now), now);
		if (message.sparse === true) peer.takesSparseRanges = true;
		return peer;
	}
	applyRanges(runs, now) {
		let ignored = 0;
		for (const run of runs) {
			if (run.epoch === this.#log.epoch || run.idle >= this.#timing.forgetMs) continue;
			const known = this.#log.epochs.get(run.epoch);
			const have = known?.have ?? 0;
			const last = endOf(run);
			if (run.prev > have && run.floor !== true) continue;
			if (last <= have && known === void 0) continue;
			if (known === void 0 && this.#log.epochs.isFull) {
				ignored += 1;
				continue;
			}
			const record = known ?? this.#log.epochs.ensure(run.epoch, now - run.idle);
			if (last > have) record.lastActive = Math.max(record.lastActive, now - run.idle);
			if (run.prev > have) this.#log.skipTo(run.epoch, run.prev, now);
			for (const { stream, seq, age } of run.evicted ?? []) this.#log.appendEvicted(run.epoch, stream, seq, now - age, now);
			for (const event of run.events) if (event.seq > record.have) {
				this.#log.append(run.epoch, event, now - event.age, now, event.seq);
				if (event.stream !== void 0) this.#counters.received += 1;
			} else if (this.#contradicts(record, event)) {
				const message = `Received event ${event.seq} of epoch ${run.epoch} with a content that differs from the first one; ignored it`;
				this.#errors.report(new SserError("conflicting-event", message), { stage: "receive" });
				break;
			}
			if (run.evicted !== void 0 && last > record.have) this.#log.skipEvictedTo(run.epoch, last);
		}
		if (ignored === 0) return;
		const message = `Ignored the events of ${ignored} unknown epochs, because this Pod already knows the maximum of ${MAX_EPOCHS}`;
		this.#errors.report(new SserError("invalid-peer-message", message), { stage: "receive" });
	}
	#ownFirst(now) {
		return [...this.#log.epochs.active(now)].sort(([a], [b]) => Number(b === this.#log.epoch) - Number(a === this.#log.epoch));
	}
	#run(epoch, { entries, have, lastActive }, { start, prev, evicted }, match, now, budget, isLater) {
		const events = [];
		for (const { stream } of evicted ?? []) budget.bytes -= EVENT_OVERHEAD_BYTES + stream.length;
		let isCut = false;
		for (let i = start; i < entries.length; i += 1) {
			const entry = entries.at(i);
			if (entry.isEvicted) continue;
			budget.bytes -= EVENT_OVERHEAD_BYTES + (entry.kind === "event" ? entry.bytes : 0);
			isCut = budget.bytes < 0 && (events.length > 0 || isLater);
			if (isCut) break;
			events.push(wireEvent(entry, now));
		}
		const floor = prev > match ? true : void 0;
		const idle = Math.max(0, Math.round(now - lastActive));
		if (evicted === void 0) return {
			epoch,
			prev,
			floor,
			idle,
			events
		};
		return {
			epoch,
			prev,
			floor,
			idle,
			evicted,
			to: isCut ? events.at(-1)?.seq ?? prev : Math.max(have, prev),
			events
		};
	}
	#isDue(peer, epoch, { prev }, match, now) {
		return prev > match || this.#isOverdue(peer, epoch, now);
	}
	#begin(record, match, isSparse, now) {
		const { entries, floor, evictedSeq, have } = record;
		const evicted = isSparse && evictedSeq > match ? this.#evictedStreams(record, match, now) : void 0;
		const oldest = now - this.#log.maxAgeMs;
		const above = Math.max(match, floor, evicted === void 0 ? evictedSeq : 0);
		const start = entries.lowerBound((entry) => entry.seq > above && entry.sentAt >= oldest);
		if (evicted !== void 0) return {
			start,
			prev: Math.max(above, entries.at(start - 1)?.seq ?? 0),
			evicted
		};
		return {
			start,
			prev: (entries.at(start)?.seq ?? have + 1) - 1,
			evicted
		};
	}
	#evictedStreams({ streamFloors }, match, now) {
		const evicted = [];
		for (const { stream, seq, sentAt } of streamFloors?.values() ?? []) {
			if (seq > match) evicted.push({
				stream,
				seq,
				age: Math.max(0, Math.round(now - sentAt))
			});
			if (evicted.length > MAX_EVICTED_STREAMS) return void 0;
		}
		return evicted;
	}
	#contradicts(record, event) {
		const held = record.entries.at(record.entries.lowerBound((entry) => entry.seq >= event.seq));
		if (held === void 0 || held.seq !== event.seq || held.isEvicted || held.kind === "hole") return false;
		if (held.kind === "no-op") return event.stream !== void 0;
		if (held.kind === "disconnect") return event.stream !== void 0;
		if (held.stream !== event.stream || held.event !== event.event) return true;
		return held.msg !== event.msg;
	}
	#isOverdue(peer, epoch, now) {
		const since = peer.behindSince(epoch);
		return since !== void 0 && now - since > this.#timing.graceMs;
	}
};
function encodeRange(run) {
	return {
		run,
		last: endOf(run),
		text: JSON.stringify(run)
	};
}
function wireEvent(entry, now) {
	const age = Math.max(0, Math.round(now - entry.sentAt));
	if (entry.kind === "disconnect") return {
		seq: entry.seq,
		age,
		disconnect: entry.selector
	};
	if (entry.kind !== "event") return {
		seq: entry.seq,
		age
	};
	const { seq, stream, msg, event, key, traceparent } = entry;
	return {
		seq,
		age,
		stream,
		msg,
		event,
		key,
		traceparent
	};
}
// src/replication/mesh.ts
const FLUSH_POLL_MS = 20;
const FLUSH_REPORT_MS = 250;
var Mesh = class {
	#options;
	#replicator;
	#refusals;
	#links = new Map();
	#peers;
	#exchangeContext;
	#accepted;
	#abort = new AbortController();
	#cancelBeat;
	#beatAt = NaN;
	#seqAtBeat = 0;
	#targets = new Map();
	#isReady = false;
	#syncResult;
	constructor(options) {
		this.#options = options;
		const { log, timing, errors, counters, clock, requestTimeoutMs, onPause } = options;
		this.#replicator = new Replicator({
			log,
			timing,
			errors,
			counters
		});
		this.#refusals = new Refusals(log);
		this.#peers = new KnownPeers({
			clock,
			timing,
			links: this.#links
		});
		this.#exchangeContext = {
			log,
			replicator: this.#replicator,
			clock,
			timing,
			requestTimeoutMs,
			progressOf: (epoch) => this.#peers.progressOf(epoch),
			wasPaused: () => this.wasPaused(),
			onPause
		};
		this.#accepted = new AcceptedExchanges({
			context: this.#exchangeContext,
			errors,
			maxExchanges: () => this.#links.size + 64,
			isLinked: (peer) => this.#peers.isLinked(peer),
			onPosition: (peer) => this.#pokeLinksTo(peer)
		});
	}
	get isReady() {
		return this.#isReady;
	}
	get syncResult() {
		return this.#syncResult;
	}
	async start() {
		const { client, clock, errors, initialSyncTimeoutMs, log, timing } = this.#options;
		this.#beat();
		this.#syncResult = await initialSync({
			targets: [...this.#targets.values()],
			log,
			replicator: this.#replicator,
			client,
			clock,
			errors,
			timeoutMs: Math.min(initialSyncTimeoutMs, timing.maxPauseMs),
			signal: this.#abort.signal
		});
		if (this.#abort.signal.aborted) return;
		if (this.#syncResult.hasAnswer) this.#peers.hasMet = true;
		this.#isReady = true;
		this.#appendNoOp();
		this.#link();
	}
	async flush(timeoutMs, onWait) {
		const { clock } = this.#options;
		const startedAt = clock.now();
		const position = this.#options.log.position(startedAt);
		for (const link of this.#links.values()) link.flush(position);
		let isReported = false;
		while (!this.#isFlushed() && clock.now() - startedAt < timeoutMs && !this.#abort.signal.aborted) {
			await pause(clock, FLUSH_POLL_MS);
			if (isReported || clock.now() - startedAt < FLUSH_REPORT_MS) continue;
			isReported = true;
			onWait(this.#unflushed());
		}
		return this.#isFlushed() ? [] : this.#unflushed();
	}
	get flushPeers() {
		return this.#options.log.indexes.hasEvents ? this.#flushLinks().length : 0;
	}
	stop() {
		this.#abort.abort();
		this.#cancelBeat?.();
		for (const link of this.#links.values()) link.stop("this Pod was stopped");
		this.#links.clear();
		this.#accepted.stop();
	}
	setPeers(peers, defaultPort) {
		const targets = peers.map((peer) => targetOf$1(peer, defaultPort));
		this.#targets = new Map(targets.map((target) => [target.host, target]));
		if (this.#isReady) this.#link();
	}
	peers() {
		return Array.from(this.#links.values(), (link) => link.status());
	}
	send(epoch, seq, signal) {
		const { ackTimeoutMs, clock } = this.#options;
		for (const link of this.#links.values()) link.poke();
		return collectAcks(this.#links.values(), epoch, seq, {
			timeoutMs: ackTimeoutMs,
			clock,
			signal
		});
	}
	receive(message) {
		const { clock, log, timing } = this.#options;
		const now = clock.now();
		if (message.epoch === log.epoch) return this.#replicator.handshake(now);
		log.trim(now);
		const peer = this.#replicator.receive(message, (epoch) => this.#peers.progressOf(epoch), now);
		this.#pokeLinksTo(peer);
		const ready = this.#isReady;
		if (message.hydrate && !ready) return {
			...this.#replicator.handshake(now),
			ready
		};
		if (message.hydrate) {
			const v1Age = log.losses.ageMs(now);
			return {
				...this.#replicator.buildAppend(peer, {
					own: true,
					third: true
				}, now),
				ready,
				v1Age
			};
		}
		const own = now - peer.lastSuccessAt > timing.graceMs;
		return {
			...this.#replicator.buildAppend(peer, {
				own,
				third: false
			}, now),
			ready
		};
	}
	accept(exchange) {
		return this.#accepted.accept(exchange);
	}
	wasPaused() {
		const { clock, timing } = this.#options;
		return clock.now() - this.#beatAt > timing.maxPauseMs;
	}
	#link() {
		for (const [host, link] of this.#links) {
			const target = this.#targets.get(host);
			if (target !== void 0 && target.uid === link.target.uid) {
				link.update(target);
				continue;
			}
			link.stop("no longer a peer");
			this.#options.errors.removed(host);
			this.#links.delete(host);
		}
		for (const [host, target] of this.#targets) {
			if (this.#links.has(host)) continue;
			const link = this.#createLink(target);
			this.#links.set(host, link);
			link.poke();
		}
	}
	#createLink(target) {
		const { client, clock, errors, log, counters } = this.#options;
		const acks = new PendingAcks(log);
		return new Link({
			target,
			log,
			replicator: this.#replicator,
			client,
			clock,
			errors,
			counters,
			acks,
			legacy: new V1Sender({
				log,
				client,
				clock,
				acks
			}),
			exchangeContext: this.#exchangeContext,
			progressOf: (epoch) => this.#peers.progressOf(epoch),
			isAlone: () => !this.#peers.hasMet && !Array.from(this.#links.values()).some((link) => link.hasAnswered),
			wasPaused: () => this.wasPaused()
		});
	}
	#pokeLinksTo(peer) {
		for (const link of this.#links.values()) if (link.leadsTo(peer)) link.poke();
	}
	#beat() {
		const { clock, log, counters, timing, onPause } = this.#options;
		if (this.wasPaused()) {
			onPause();
			return;
		}
		const now = clock.now();
		if (!Number.isNaN(this.#beatAt)) counters.eventLoopLagMs = Math.max(0, now - this.#beatAt - timing.noopIntervalMs);
		this.#beatAt = now;
		this.#cancelBeat = clock.after(timing.noopIntervalMs, () => this.#beat());
		log.trim(now);
		log.epochs.forget(now);
		this.#peers.forget(now);
		this.#accepted.beat();
		if (!this.#isReady) return;
		if (log.ownSeq === this.#seqAtBeat) this.#appendNoOp();
		this.#seqAtBeat = log.ownSeq;
		this.#refusals.check([...this.#links.values()].some((link) => link.isRefused), now);
		for (const link of this.#links.values()) {
			link.beat();
			link.poke();
		}
	}
	#appendNoOp() {
		const { clock, log } = this.#options;
		const now = clock.now();
		log.append(log.epoch, {}, now, now);
	}
	#flushLinks() {
		return [...this.#links.values()].filter((link) => link.status().state !== "self" && !link.isUnmet);
	}
	#unflushed() {
		return this.#flushLinks().flatMap((link) => link.isFlushed() === true ? [] : [link.target.host]);
	}
	#isFlushed() {
		if (!this.#options.log.indexes.hasEvents) return true;
		const links = this.#flushLinks();
		const flushed = links.map((link) => link.isFlushed());
		return links.length === 0 || flushed.includes(true) && !flushed.includes(false);
	}
};
// src/instance/incarnation.ts
var Incarnation = class {
	log;
	hub;
	subscribers;
	mesh;
	settings;
	timing;
	context;
	constructor(options) {
		const { client, clock, errors, onPause, counters } = options;
		const { logMaxAgeMs, logMaxBytes, resume, maxLastEventIdBytes } = options.settings;
		this.timing = timing(logMaxAgeMs);
		const epoch = randomEpoch(clock.random);
		this.settings = options.settings;
		this.log = new Log({
			epoch,
			maxAgeMs: logMaxAgeMs,
			maxBytes: logMaxBytes,
			timing: this.timing,
			isResumable: resume,
			maxLastEventIdBytes
		});
		const { heartbeatMs, slowClientTimeoutMs, maxOutputBufferBytes, tracing } = options.settings;
		const { maxConnections, maxConnectionsPerAddress, maxStreams, retryMs } = options.settings;
		this.hub = new Hub({
			log: this.log,
			clock,
			errors,
			counters,
			tracing,
			heartbeatMs,
			slowClientTimeoutMs,
			maxOutputBufferBytes,
			limits: {
				maxConnections,
				maxConnectionsPerAddress,
				maxStreams
			}
		});
		this.context = {
			log: this.log,
			now: () => clock.now(),
			retryMs,
			counters,
			outputs: this.hub.outputs
		};
		this.subscribers = new SubscriberHub({
			log: this.log,
			timing: this.timing,
			clock,
			maxLastEventIdBytes,
			onError: (error) => errors.report(error, { stage: "deliver" })
		});
		const { ackTimeoutMs, initialSyncTimeoutMs, requestTimeoutMs } = options.settings;
		this.mesh = new Mesh({
			log: this.log,
			timing: this.timing,
			clock,
			errors,
			counters,
			onPause,
			client,
			requestTimeoutMs,
			ackTimeoutMs,
			initialSyncTimeoutMs
		});
	}
	receiveV1({ stream, msg }) {
		const fault = validateMessage(msg, this.settings.maxMessageBytes);
		if (fault !== void 0) throw fault;
		this.log.appendV1(stream, msg, this.context.now());
		this.context.counters.received += 1;
	}
	stop() {
		this.hub.close();
		this.mesh.stop();
	}
};
// src/instance/membership.ts
var Membership = class {
	#options;
	#signer;
	#exchanges;
	#client;
	#incarnation;
	#peers = [];
	#internalPort;
	#uid;
	#joining;
	#entriesBefore = 0;
	constructor(options) {
		const { clock, settings, signatures, counters } = options;
		this.#options = options;
		const { allowGoPeers, allowUnsignedPeers, requestTimeoutMs, tracing } = settings;
		this.#signer = signatures && new RequestSigner({
			signatures,
			allowGoPeers,
			allowUnsignedPeers
		});
		this.#internalPort = settings.internalPort;
		this.#client = new PeerClient({
			clock,
			counters,
			...this.#transports(defaultTransports()),
			signer: this.#signer,
			tracing,
			requestTimeoutMs
		});
		this.#incarnation = this.#begin();
	}
	get incarnation() {
		return this.#incarnation;
	}
	get addresses() {
		return this.#peers.map(({ address }) => address);
	}
	get joining() {
		return this.#joining;
	}
	mark() {
		return this.#entriesBefore + this.#incarnation.log.nextIndex;
	}
	since(mark) {
		return Math.max(0, mark - this.#entriesBefore);
	}
	current() {
		if (!this.#incarnation.mesh.wasPaused() || this.#options.signal.aborted) return this.#incarnation;
		this.#entriesBefore += this.#incarnation.log.nextIndex;
		this.#options.subscriptions.detach();
		this.#incarnation.stop();
		this.#incarnation = this.#begin();
		this.#join();
		return this.#incarnation;
	}
	async start(options) {
		const { internalPort = this.#internalPort, transports, certificates, hmacFactory } = options;
		const { errors, peerFinder, signal } = this.#options;
		this.#internalPort = internalPort;
		if (hmacFactory !== void 0) this.#options.signatures?.use(hmacFactory);
		if (transports !== void 0) {
			const { transport, openExchange } = this.#transports(transports);
			this.#client.use(transport, openExchange);
		}
		certificates?.onRenewed(() => this.#exchanges?.closeAll());
		const list = await peerFinder.start({
			signal,
			onError: (error) => errors.report(error, { stage: "peer-finder" })
		});
		signal.throwIfAborted();
		const { peers, changes, uid } = checkPeerList(list);
		this.#peers = peers;
		this.#uid = uid;
		follow(changes, {
			signal,
			errors,
			adopt: (later) => {
				this.#peers = later;
				this.#incarnation.mesh.setPeers(later, this.#internalPort);
			}
		});
		await this.#join();
		signal.throwIfAborted();
	}
	isFor(uid) {
		if (this.#joining === void 0) return void 0;
		return this.#uid === void 0 || this.#uid === uid;
	}
	accept(exchange) {
		if (this.#options.signal.aborted) throw stopped();
		return this.current().mesh.accept(exchange);
	}
	#transports({ post, open }) {
		const { clock, counters, settings } = this.#options;
		const { peerFetch, openExchange, maxBufferedBodyBytes } = settings;
		if (peerFetch !== void 0) return {
			transport: fetchTransport(peerFetch),
			openExchange
		};
		const signer = this.#signer;
		const counts = counters.exchanges;
		const maxBufferedBytes = maxBufferedBodyBytes;
		this.#exchanges = exchangeClient({
			transport: open,
			clock,
			counts,
			signer,
			maxBufferedBytes
		});
		return {
			transport: post,
			openExchange: openExchange ?? this.#exchanges.open
		};
	}
	#begin() {
		return new Incarnation({
			...this.#options,
			client: this.#client,
			onPause: () => void this.current()
		});
	}
	#join() {
		const incarnation = this.#incarnation;
		incarnation.mesh.setPeers(this.#peers, this.#internalPort);
		this.#joining = incarnation.mesh.start().then(() => {
			if (incarnation.mesh.isReady) this.#options.subscriptions.attach(incarnation);
		});
		return this.#joining;
	}
};
// src/instance/sender.ts
const NOT_STARTED$1 = "This instance was not started: await serve({ sser, … }) or join({ sser, … }), or without a port await sser.start(), before send() and disconnect()";
var Sender = class {
	#options;
	#isClosed = false;
	constructor(options) {
		this.#options = options;
	}
	close() {
		this.#isClosed = true;
	}
	send(stream, msg, options) {
		const fault = checkSendOptions(options);
		if (fault !== void 0) return Promise.reject(fault);
		const { tracing } = this.#options.settings;
		const traceparent = normalizeTraceparent(options.traceparent);
		if (tracing === void 0) return this.#send(stream, msg, options, traceparent);
		return traceSend(tracing, {
			stream,
			traceparent
		}, (own) => this.#send(stream, msg, options, own));
	}
	async disconnect(selector, options) {
		const mistake = checkSelector(selector, options);
		if (mistake !== void 0) throw mistake;
		const { stream, tag } = selector;
		const { signal } = options;
		this.#requireStarted();
		const fault = (stream === void 0 ? void 0 : validateStreamName(stream)) ?? (tag === void 0 ? void 0 : validateTag(tag));
		if (fault !== void 0) throw fault;
		signal?.throwIfAborted();
		if (!this.#options.membership.current().mesh.isReady) await this.#whenJoined(signal);
		const { hub, log, mesh, now } = this.#trimmed();
		const disconnect = {
			stream,
			tag: tag?.toWellFormed()
		};
		const before = hub.size;
		const { seq } = log.append(log.epoch, { disconnect }, now, now);
		const connections = before - hub.size;
		const peers = await mesh.send(log.epoch, seq, signal);
		return {
			id: formatPosition([[log.epoch, seq]]),
			connections,
			peers
		};
	}
	async #send(stream, msg, { event, idempotencyKey: key, signal }, traceparent) {
		this.#requireStarted();
		const fault = validateStreamName(stream) ?? validateMessage(msg, this.#options.settings.maxMessageBytes) ?? (event === void 0 ? void 0 : validateEventType(event)) ?? (key === void 0 ? void 0 : validateIdempotencyKey(key));
		if (fault !== void 0) throw fault;
		signal?.throwIfAborted();
		if (!this.#options.membership.current().mesh.isReady) await this.#whenJoined(signal);
		const { hub, log, mesh, now } = this.#trimmed();
		const first = key === void 0 ? void 0 : log.indexes.idempotencyKeys.first(stream, key);
		const content = {
			stream,
			msg: msg.toWellFormed(),
			event: event?.toWellFormed(),
			key,
			traceparent
		};
		const { epoch = log.epoch, seq } = first ?? log.append(log.epoch, content, now, now);
		if (first === void 0) this.#options.counters.sent += 1;
		const connections = hub.registry.listeners(stream);
		const peers = await mesh.send(epoch, seq, signal);
		return {
			id: formatPosition([[epoch, seq]]),
			duplicate: first !== void 0,
			connections,
			peers
		};
	}
	#requireStarted() {
		if (this.#isClosed) throw stopped();
		if (this.#options.membership.joining === void 0) throw new SserError("not-started", NOT_STARTED$1);
	}
	#trimmed() {
		const { hub, log, mesh } = this.#options.membership.incarnation;
		const now = this.#options.clock.now();
		log.trim(now);
		return {
			hub,
			log,
			mesh,
			now
		};
	}
	async #whenJoined(signal) {
		await this.#options.membership.joining;
		if (this.#isClosed) throw stopped();
		signal?.throwIfAborted();
	}
};
// src/instance/lifecycle.ts
async function shutDown(options) {
	const { settings, membership, v1Connections, logging, sender, subscriptions, beforeFlush } = options;
	const { drainTimeoutMs, flushTimeoutMs } = settings;
	const { hub, mesh } = membership.incarnation;
	const waits = {
		connections: hub.size,
		peers: mesh.flushPeers,
		drainTimeoutMs,
		flushTimeoutMs
	};
	const line = stopLine({
		...options,
		...waits
	});
	if (options.signal === void 0) logging.info(line);
	else logging.notice(line);
	await hub.drain(drainTimeoutMs);
	subscriptions.stop();
	await callBeforeFlush(beforeFlush, logging);
	sender.close();
	const onWait = (peers) => logging.notice(`waits for peers that lack events, within ${flushTimeoutMs} ms (flushTimeoutMs): ${namePeers(peers)}`);
	const [lacking] = await Promise.all([membership.incarnation.mesh.flush(flushTimeoutMs, onWait), v1Connections.closed()]);
	if (lacking.length === 0) logging.info("has stopped");
	else logging.warn(`has stopped, and peers may lack events of this Pod: ${namePeers(lacking)}`);
}
async function callBeforeFlush(beforeFlush, logging) {
	try {
		await beforeFlush?.();
	} catch (error) {
		logging.warn(`beforeFlush failed, and the stop goes on: ${describe$1(error)}`);
	}
}
// src/delivery/subscriber.ts
const DONE = Object.freeze({
	done: true,
	value: void 0
});
const NO_ITEMS = [];
var Subscriber = class {
	streams;
	key;
	#options;
	#after;
	#attachment;
	#items = NO_ITEMS;
	#taken = 0;
	#pending = [];
	#isClosed = false;
	constructor(options) {
		this.#options = options;
		this.streams = options.streams;
		this.key = options.streams.join("\n");
		this.#after = options.after;
	}
	next() {
		if (this.#pending.length === 0) {
			this.#fill();
			const item = this.#take();
			if (item !== void 0) return Promise.resolve({
				done: false,
				value: item
			});
			if (this.#isClosed) return Promise.resolve(DONE);
		}
		return new Promise((resolve) => this.#pending.push(resolve));
	}
	attach(hub) {
		if (this.#isClosed) return;
		const { reader, gap } = hub.open(this.streams, this.#after);
		this.#after = void 0;
		this.#attachment = {
			hub,
			reader,
			gap,
			audience: void 0,
			endIndex: Number.POSITIVE_INFINITY
		};
		this.#joinIfRead(this.#attachment);
		this.wake();
	}
	detach() {
		const attachment = this.#attachment;
		if (attachment === void 0) return;
		this.#leave(attachment);
		if (attachment.endIndex !== Number.POSITIVE_INFINITY) return this.close();
		this.#after = attachment.hub.lastId(attachment.reader);
		this.#attachment = void 0;
	}
	onEntry() {
		if (this.#attachment !== void 0) this.#leave(this.#attachment);
		this.wake();
	}
	wake() {
		while (this.#pending.length > 0) {
			this.#fill();
			const item = this.#take();
			if (item === void 0 && !this.#isClosed) return;
			this.#pending.shift()?.(item === void 0 ? DONE : {
				done: false,
				value: item
			});
		}
	}
	finish() {
		const attachment = this.#attachment;
		if (attachment === void 0) return this.close();
		this.#leave(attachment);
		attachment.endIndex = attachment.hub.nextIndex;
		if (this.#items.length === 0) this.#endIfRead(attachment);
		this.wake();
	}
	close() {
		if (this.#isClosed) return;
		this.#isClosed = true;
		if (this.#attachment !== void 0) this.#leave(this.#attachment);
		this.#attachment = void 0;
		this.#options.onClose(this);
		this.wake();
	}
	discard() {
		this.#items = NO_ITEMS;
		this.close();
	}
	#take() {
		const item = this.#items[this.#taken];
		if (item === void 0) return void 0;
		this.#taken += 1;
		if (this.#taken === this.#items.length) this.#items = NO_ITEMS;
		this.#options.onItem(item);
		return item;
	}
	#fill() {
		for (;;) {
			const attachment = this.#attachment;
			if (this.#items.length > 0 || attachment === void 0 || attachment.audience !== void 0) return;
			if (this.#endIfRead(attachment)) return;
			const items = this.#read(attachment);
			if (items === void 0) return;
			this.#items = items;
			this.#taken = 0;
			this.#joinIfRead(attachment);
		}
	}
	#read(attachment) {
		const { hub, reader, gap, endIndex } = attachment;
		if (gap === void 0) return hub.read(this, reader, endIndex);
		attachment.gap = void 0;
		return [hub.gap(reader, gap)];
	}
	#endIfRead({ reader, gap, endIndex }) {
		if (gap !== void 0 || reader.cursor < endIndex) return false;
		this.close();
		return true;
	}
	#joinIfRead(attachment) {
		const { hub, reader, gap, endIndex } = attachment;
		if (gap !== void 0 || endIndex !== Number.POSITIVE_INFINITY || reader.cursor < hub.nextIndex) return;
		attachment.audience = hub.join(this);
	}
	#leave(attachment) {
		const { hub, reader, audience } = attachment;
		if (audience === void 0) return;
		hub.leave(this, reader, audience);
		attachment.audience = void 0;
	}
};
// src/instance/subscriptions.ts
var Subscription = class {
	#subscriber;
	constructor(subscriber) {
		this.#subscriber = subscriber;
	}
	next() {
		return this.#subscriber.next();
	}
	return() {
		this.#subscriber.discard();
		return this.#subscriber.next();
	}
	throw(error) {
		this.#subscriber.discard();
		return Promise.reject(error);
	}
	[Symbol.asyncIterator]() {
		return this;
	}
	async [Symbol.asyncDispose]() {
		this.#subscriber.discard();
	}
};
var Subscriptions = class {
	#options;
	#open = new Set();
	#abandoned = new FinalizationRegistry((subscriber) => subscriber.discard());
	#isStopped = false;
	constructor(options) {
		this.#options = options;
	}
	get size() {
		return this.#open.size;
	}
	open(streams, options) {
		const { settings, counters, errors, incarnation } = this.#options;
		const names = checkStreams(streams, settings.maxStreamsPerConnection);
		const { after, signal } = checkOptions(options, settings.maxLastEventIdBytes);
		if (this.#isStopped) throw stopped();
		const { maxSubscriptions } = settings;
		if (this.#open.size >= maxSubscriptions) {
			errors.countRejected("too-many-subscriptions");
			throw new SserError("too-many-subscriptions", `This Pod takes ${maxSubscriptions} subscriptions: see the option maxSubscriptions`);
		}
		const end = () => subscriber.discard();
		const subscriber = new Subscriber({
			streams: names,
			after,
			onItem: (item) => counters.countItem(item.type === "gap" ? item.reason : void 0),
			onClose: () => {
				signal?.removeEventListener("abort", end);
				this.#abandoned.unregister(subscriber);
				this.#open.delete(subscriber);
				counters.subscriptionsClosed += 1;
			}
		});
		const subscription = new Subscription(subscriber);
		this.#open.add(subscriber);
		counters.subscriptionsOpened += 1;
		this.#abandoned.register(subscription, subscriber, subscriber);
		signal?.addEventListener("abort", end);
		if (signal?.aborted) subscriber.discard();
		const { mesh, subscribers } = incarnation();
		if (mesh.isReady) subscriber.attach(subscribers);
		return subscription;
	}
	attach({ subscribers }) {
		for (const subscriber of this.#open) subscriber.attach(subscribers);
	}
	detach() {
		for (const subscriber of this.#open) subscriber.detach();
	}
	stop() {
		this.#isStopped = true;
		for (const subscriber of this.#open) subscriber.finish();
	}
};
function checkStreams(streams, max) {
	const given = typeof streams === "string" ? [streams] : streams;
	if (!Array.isArray(given)) throw new SserError("invalid-argument", `subscribe(): expected the name of a stream, or an array of names, got ${describeValue(streams)}`);
	const names = [...new Set(given)];
	const fault = names.length === 0 ? validateStreamName("") : names.map(validateStreamName).find(Boolean);
	if (fault !== void 0) throw fault;
	if (names.length > max) throw new SserError("too-many-streams-per-connection", `A subscription has at most ${max} streams, got ${names.length}: see the option maxStreamsPerConnection`);
	return names.sort();
}
function checkOptions(options, maxIdBytes) {
	const fault = checkSubscribeOptions(options);
	if (fault !== void 0) throw fault;
	const { after } = options;
	if (after === void 0 || after === "oldest") return options;
	if (typeof after === "string" && parsePosition(after, maxIdBytes) !== void 0) return options;
	throw new SserError("invalid-event-id", `subscribe(): option "after": expected an event id of sser or "oldest", got ${describeValue(after)}`);
}
// src/instance/typed-subscription.ts
var TypedSubscription = class {
	#subscription;
	#convert;
	constructor(subscription, parse) {
		this.#subscription = subscription;
		this.#convert = (result) => {
			if (result.done) return result;
			const item = parse(result.value);
			return item instanceof Promise ? item.then((value) => ({
				done: false,
				value
			})) : {
				done: false,
				value: item
			};
		};
	}
	next() {
		return this.#subscription.next().then(this.#convert);
	}
	return() {
		return this.#subscription.return().then(this.#convert);
	}
	throw(error) {
		return this.#subscription.throw(error).then(this.#convert);
	}
	[Symbol.asyncIterator]() {
		return this;
	}
	[Symbol.asyncDispose]() {
		return this.#subscription[Symbol.asyncDispose]();
	}
};
// src/instance/typed-stream.ts
var TypedStream = class {
	name;
	#instance;
	#schema;
	constructor(instance, name, options) {
		const fault = validateStreamName(name) ?? checkStreamOptions(options);
		if (fault !== void 0) throw fault;
		this.name = name;
		this.#instance = instance;
		this.#schema = options.schema;
	}
	async send(value, options = {}) {
		const result = this.#schema?.["~standard"].validate(value);
		const valid = result instanceof Promise ? await result : result;
		if (valid?.issues !== void 0) throw rejected(`${this.#call("send")}: the schema rejects the value`, valid.issues);
		return this.#instance.send(this.name, this.#stringify(valid === void 0 ? value : valid.value), options);
	}
	subscribe(options = {}) {
		const schema = this.#schema;
		return new TypedSubscription(this.#instance.subscribe(this.name, options), (item) => parseItem(item, schema));
	}
	#stringify(value) {
		try {
			const text = JSON.stringify(value);
			if (typeof text === "string") return text;
		} catch (cause) {
			throw new SserError("invalid-message", `${this.#call("send")}: JSON.stringify() failed: ${describe$1(cause)}`, { cause });
		}
		throw new SserError("invalid-message", `${this.#call("send")}: expected a value that JSON can carry, got ${describeValue(value)}`);
	}
	#call(method) {
		return `sser.stream(${describeValue(this.name)}).${method}()`;
	}
};
function parseItem(item, schema) {
	if (item.type === "gap") return item;
	const { id, stream, event, data } = item;
	const invalid = (error) => ({
		type: "invalid",
		id,
		stream,
		event,
		data,
		error
	});
	const convert = (result) => result.issues === void 0 ? {
		type: "event",
		id,
		stream,
		event,
		data: result.value
	} : invalid(rejected(`The schema rejects an event of the stream ${describeValue(stream)}`, result.issues));
	const failed = (cause) => invalid(new SserError("invalid-message", `An event of the stream ${describeValue(stream)}: ${describe$1(cause)}`, { cause }));
	try {
		const value = JSON.parse(data);
		const result = schema?.["~standard"].validate(value) ?? { value };
		return result instanceof Promise ? result.then(convert).catch(failed) : convert(result);
	} catch (cause) {
		return failed(cause);
	}
}
function rejected(message, issues) {
	const [first] = issues;
	const path = first?.path?.map((part) => String(typeof part === "object" ? part.key : part)).join(".");
	const where = path === void 0 || path === "" ? "" : `"${path}": `;
	const more = issues.length > 1 ? `, and ${issues.length - 1} more` : "";
	return new SserError("invalid-message", `${message}: ${where}${first?.message ?? "no issue given"}${more}`, { cause: issues });
}
// src/options.ts
function isPeerSecret(value) {
	if (value === void 0) return true;
	const secrets = Array.isArray(value) ? value : [value];
	return secrets.length > 0 && secrets.length <= 8 && secrets.every(isSecret);
}
function isPublishToken(value) {
	if (value === void 0 || value === false) return true;
	const tokens = Array.isArray(value) ? value : [value];
	const isToken = (token) => typeof token === "string" && /^[!-~]{16,1024}$/.test(token);
	return tokens.length > 0 && tokens.length <= 8 && tokens.every(isToken);
}
function isHostName(value) {
	return typeof value === "string" && /^\.?[^\s.:/][^\s:/]*$/.test(value);
}
function isSecret(value) {
	return typeof value === "string" && value.length >= 16 && value.length <= 1024;
}
const schema$1 = v.strictObject({
	peerFinder: v.optional(v.custom((value) => hasMethods(value, ["start"]), "a PeerFinder such as new StaticPeerFinder(addresses), or no peerFinder for a single Pod")),
	internalPort: withDefault(7e3, 0, 65535),
	retryMs: withDefault(2e3, 0, MAX_TIMER_MS),
	heartbeatMs: withDefault(15e3, 1e3, MAX_TIMER_MS),
	logMaxAgeMs: withDefault(12e4, 1e3, MAX_TIMER_MS),
	logMaxBytes: withDefault(16777216, 1024),
	resume: v.optional(v.boolean(), true),
	drainTimeoutMs: withDefault(1e4, 0, MAX_TIMER_MS),
	flushTimeoutMs: withDefault(1e4, 0, MAX_TIMER_MS),
	maxMessageBytes: withDefault(6e4, 1, 1048576),
	maxStreamsPerConnection: withDefault(32, 1),
	authorize: v.optional(v.function()),
	authorizeTimeoutMs: withDefault(5e3, 10, MAX_TIMER_MS),
	maxConnections: withDefault(2e4, 1),
	maxConnectionsPerAddress: withDefault(0, 0),
	trustedProxyHops: withDefault(0, 0, 100),
	maxStreams: withDefault(1e5, 1),
	maxSubscriptions: withDefault(2e4, 1),
	slowClientTimeoutMs: withDefault(6e4, 1e3, MAX_TIMER_MS),
	maxOutputBufferBytes: withDefault(33554432, 1048576),
	maxConnectionAgeMs: withDefault(0, 0, MAX_TIMER_MS),
	ackTimeoutMs: withDefault(1e3, 0, MAX_TIMER_MS),
	peerSecret: v.pipe(v.optional(v.unknown()), v.check(isPeerSecret, ({ input }) => `expected a string of 16 to 1,024 characters, or up to 8 of them, got ${describeSecret(input)}`)),
	publishToken: v.pipe(v.optional(v.unknown()), v.check(isPublishToken, ({ input }) => `expected false, a string of 16 to 1,024 visible ASCII characters, or up to 8 of them, got ${describeSecret(input)}`)),
	allowGoPeers: v.optional(v.boolean(), false),
	allowUnsignedPeers: v.optional(v.boolean(), false),
	allowOpenInternalPort: v.optional(v.boolean(), false),
	allowedInternalHosts: v.optional(v.array(v.custom(isHostName, "a host name, without a scheme and a port")), () => []),
	onError: v.optional(v.function()),
	logger: v.optional(v.custom((value) => value === false || hasMethods(value, ["info", "warn"]), "false, console, or another logger with the methods info and warn")),
	tracing: v.optional(v.custom((value) => hasMethods(value, [
		"send",
		"append",
		"deliver"
	]), "openTelemetryTracing() from sser/opentelemetry, or other methods send, append and deliver"))
});
function isUnguarded({ peerSecret, allowOpenInternalPort }) {
	return peerSecret === void 0 && !allowOpenInternalPort;
}
const OPTION_NAMES = Object.keys(schema$1.entries);
const SERVER_OPTIONS = [
	{
		call: "serve()",
		names: [
			"fetch",
			"port",
			"hostname",
			"serverOptions",
			"fastPath"
		]
	},
	{
		call: "join()",
		names: ["server"]
	},
	{
		call: "serve() or join()",
		names: [
			"sser",
			"internalHostname",
			"internalTls",
			"opsPort",
			"requestDrainTimeoutMs",
			"beforeFlush",
			"signals"
		]
	}
];
function resolveOptions(options) {
	return checkOptions$2(schema$1, options, ...SERVER_OPTIONS);
}
// src/internals.ts
const INTERNALS = {
	clock: systemClock,
	peerFetch: void 0,
	openExchange: void 0,
	requestTimeoutMs: 5e3,
	initialSyncTimeoutMs: 5e3,
	internalBodyTimeoutMs: 1e4,
	maxBufferedBodyBytes: 67108864,
	maxLastEventIdBytes: MAX_POSITION_BYTES
};
function resolveSettings(options, internals = {}) {
	return {
		...resolveOptions(options),
		...INTERNALS,
		...internals
	};
}
// src/ops/stats.ts
function readStats(sources, own, { largestStreams = 0 }) {
	const { clock, errors, incarnation, peerFinder, settings, counters } = sources;
	const { hub, log, mesh } = incarnation;
	const now = clock.now();
	log.trim(now);
	const age = (sentAt) => Math.max(0, now - (sentAt ?? now));
	return {
		...own,
		epoch: log.epoch,
		connections: {
			open: hub.size,
			opened: counters.opened,
			closed: counters.closed
		},
		subscriptions: {
			open: sources.subscriptions.size,
			opened: counters.subscriptionsOpened,
			closed: counters.subscriptionsClosed,
			received: counters.subscriptionEvents
		},
		streams: {
			active: hub.registry.streamCount,
			...largest(hub, largestStreams)
		},
		events: {
			sent: counters.sent,
			received: counters.received,
			delivered: counters.delivered,
			replayed: counters.replayed
		},
		gaps: { ...counters.gaps },
		peers: mesh.peers(),
		peerRequests: {
			...counters.requests,
			retries: counters.retries,
			latency: copy(counters.latency),
			byPeer: counters.peerRequests.list()
		},
		peerExchanges: { ...counters.exchanges },
		errors: { ...errors.counts },
		rejected: { ...errors.rejected },
		log: {
			entries: log.entries,
			bytes: log.bytes,
			maxBytes: settings.logMaxBytes,
			oldestMs: age(log.oldestAt),
			completeMs: age(log.completeAt),
			maxAgeMs: settings.logMaxAgeMs
		},
		eventLoopLagMs: counters.eventLoopLagMs,
		certificateExpiresAt: sources.certificates?.expiresAt,
		peerFinder: peerFinder.status?.()
	};
}
function copy({ boundsMs, counts, sumMs }) {
	return {
		boundsMs,
		counts: [...counts],
		sumMs
	};
}
function largest(hub, most) {
	const found = [];
	let rest = 0;
	if (most <= 0) return {
		largest: found,
		rest
	};
	for (const stream of hub.registry.streams) {
		const connections = hub.registry.listeners(stream);
		rest += connections;
		if (found.length >= most && found.at(-1).connections >= connections) continue;
		const place = found.findIndex((other) => other.connections < connections);
		found.splice(place === -1 ? found.length : place, 0, {
			stream,
			connections
		});
		if (found.length > most) found.pop();
	}
	for (const { connections } of found) rest -= connections;
	return {
		largest: found,
		rest
	};
}
// src/http/body-reader.ts
function nodeRequestOf(env) {
	const { incoming } = env ?? {};
	if (typeof incoming?.pause !== "function" || typeof incoming.on !== "function") return void 0;
	return incoming.readableDidRead || incoming.rawBody !== void 0 ? void 0 : incoming;
}
function readNodeBody(request, { maxBytes, length, onCost }) {
	const buffer = new BodyBuffer(maxBytes, length);
	const { promise: body, resolve, reject } = Promise.withResolvers();
	const onData = (piece) => {
		try {
			onCost(buffer.add(piece));
		} catch (error) {
			fail(error);
		}
	};
	const onEnd = () => {
		stop();
		resolve(decodeBody(buffer.take()));
	};
	const onClose = () => fail(new SserError("invalid-peer-message", "The body broke off"));
	const listeners = {
		data: onData,
		end: onEnd,
		error: onClose,
		close: onClose
	};
	const stop = () => {
		for (const [event, listener] of Object.entries(listeners)) request.off(event, listener);
		request.on("error", () => {});
		if (!request.readableEnded) request.pause();
	};
	const fail = (error) => {
		stop();
		reject(error);
	};
	for (const [event, listener] of Object.entries(listeners)) request.on(event, listener);
	if (request.destroyed) onClose();
	return {
		body,
		stop
	};
}
// src/http/body-reader.ts
var BodyReader = class {
	#options;
	constructor(options) {
		this.#options = options;
	}
	async read(request, maxBytes, address = "", env) {
		const { budget, clock, timeoutMs } = this.#options;
		const length = declaredLength(request.headers);
		const nodeRequest = length === void 0 ? void 0 : nodeRequestOf(env);
		if (nodeRequest !== void 0 && length !== void 0 && length > maxBytes) throw tooLarge(maxBytes);
		const { promise: rejected, reject } = Promise.withResolvers();
		let isOver = false;
		let bytes = 0;
		const evict = (error) => {
			isOver = true;
			reject(error);
		};
		const holder = {
			address,
			evict
		};
		const cancel = clock.after(timeoutMs, () => {
			reject(new SserError("body-timeout", `A body takes at most ${timeoutMs} ms`));
		});
		const onCost = (cost) => {
			bytes += cost;
			if (isOver || !budget.set(holder, bytes)) throw overloaded();
		};
		const { body, stop } = nodeRequest === void 0 || length === void 0 ? {
			body: readBody(request, maxBytes, onCost),
			stop: () => {}
		} : readNodeBody(nodeRequest, {
			maxBytes,
			length,
			onCost
		});
		try {
			return await Promise.race([body, rejected]);
		} finally {
			isOver = true;
			cancel();
			stop();
			budget.release(holder);
		}
	}
};
// src/ops/probes.ts
const REASON = {
	idle: "start() was not called",
	"finding-peers": "the peer finder has no first list of peers yet",
	"fetching-log": "the log is being fetched from a peer",
	draining: "the Pod stops: its connections are being ended",
	stopped: "the Pod was stopped"
};
function probeRoutes(state, warning) {
	const answer = (test, isIt) => () => {
		const now = state();
		const reason = now === "ready" ? void 0 : REASON[now];
		const body = {
			[test]: isIt(now),
			state: now,
			reason,
			warning: warning()
		};
		return Response.json(body, {
			status: isIt(now) ? 200 : 503,
			headers: { "cache-control": "no-store" }
		});
	};
	return new Hono().get("/livez", answer("live", (now) => now !== "stopped")).get("/readyz", answer("ready", (now) => now === "ready"));
}
// src/http/web-pages.ts
function webPageError(headers) {
	const mode = headers.get("sec-fetch-mode");
	if (!(headers.has("origin") || headers.has("sec-fetch-site") || headers.has("sec-fetch-dest") || mode !== null && mode !== "cors")) return void 0;
	return new SserError("forbidden-origin", "Requests of web pages are refused on the internal port");
}
function crossOriginError(headers) {
	const site = headers.get("sec-fetch-site") ?? "none";
	if (!headers.has("origin") && (site === "none" || site === "same-origin")) return void 0;
	return new SserError("forbidden-origin", "Requests of pages of another origin are refused; open this address by hand");
}
const PREFLIGHTED_TYPE = /^application\/(?:json|x-ndjson|ndjson|jsonl|x-jsonlines)[ \t]*(?:;|$)/i;
function crossOriginPostError(headers) {
	if (PREFLIGHTED_TYPE.test(headers.get("content-type") ?? "")) return void 0;
	const site = headers.get("sec-fetch-site");
	const origin = headers.get("origin");
	if (site === null ? origin === null || hostOf(origin) === headers.get("host") : site === "same-origin" || site === "none") return void 0;
	return new SserError("forbidden-origin", "Pages of another origin may publish with the Content-Type application/json or application/x-ndjson, which CORS of the app must allow");
}
function hostOf(origin) {
	return URL.canParse(origin) ? new URL(origin).host : void 0;
}
const PRIVATE_HOST = /^(?:[^.]+|\d+\.\d+\.\d+\.\d+|\[[0-9a-f:.]+\]|.+\.(?:localhost|local|internal|svc|test))$/;
const END = /\.?(?::\d*)?$/;
function hostError(headers, allowedHosts, peerAddresses) {
	const host = headers.get("host")?.replace(END, "").toLowerCase() ?? "";
	if (host === "" || PRIVATE_HOST.test(host) || allowedHosts.some((name) => matches(host, name))) return void 0;
	const known = withoutOrdinal(host);
	if (peerAddresses().some((address) => withoutOrdinal(address.replace(END, "").toLowerCase()) === known)) return void 0;
	return new SserError("forbidden-origin", `The host "${printable(host.slice(0, 256))}" is not known as a name of this Pod; if it is one, add it to the option allowedInternalHosts`);
}
function matches(host, name) {
	const lower = name.toLowerCase();
	return host === lower || lower.startsWith(".") && (host.endsWith(lower) || host === lower.slice(1));
}
function withoutOrdinal(name) {
	return name.replace(/^([^.]+-)\d+\.(?=[^.]+\.)/, "$1.");
}
// src/ops/debug-assets.ts
const STYLE = `
:root { color-scheme: light dark; --back: #fff; --text: #1c2128; --muted: #57606a; --line: #d0d7de; --good: #1a7f37; --passing: #8a5a00; --bad: #c21c2b;
  font: 15px/1.45 system-ui, sans-serif; background: var(--back); color: var(--text) }
@media (prefers-color-scheme: dark) {
  :root { --back: #0d1117; --text: #e6edf3; --muted: #9aa4af; --line: #30363d; --good: #3fb950; --passing: #d9a62e; --bad: #ff7b72 } }
body { max-width: 66rem; margin: 0 auto; padding: .8rem 1rem 3rem }
h1 { font-size: 1rem; font-weight: 600; margin: 0 0 .6rem; display: flex; flex-wrap: wrap; gap: 0 .8rem; justify-content: space-between }
h1 span, .muted { color: var(--muted); font-weight: 400 }
h2 { font-size: 1rem; margin: 1.6rem 0 .4rem }
p { margin: .3rem 0; overflow-wrap: anywhere }
#lost { position: sticky; top: 0; background: var(--bad); color: var(--back); padding: .5rem .8rem; border-radius: 6px }
.diagnosis { border-left: 6px solid; padding: .2rem .8rem; margin: .4rem 0 1rem }
.diagnosis .message { font-size: 1.25rem; font-weight: 600; line-height: 1.3 }
.diagnosis.good { border-color: var(--good) } .diagnosis.passing { border-color: var(--passing) } .diagnosis.bad { border-color: var(--bad) }
code { font: .9em ui-monospace, monospace }
.diagnosis code { white-space: pre-wrap; overflow-wrap: anywhere }
svg.fleet { display: block; width: 100%; max-width: 36rem; font-size: 13px; fill: var(--text) }
svg .pod { fill: none; stroke: var(--text); stroke-width: 1.5 } svg .small, svg .state { font-size: 12px; fill: var(--muted) }
svg .link, svg .cross { fill: none; stroke: var(--good); stroke-width: 2 } svg .peer { fill: var(--good) }
svg .connecting .link { stroke: var(--passing); stroke-dasharray: 2 4 } svg .connecting .peer { fill: var(--passing) }
svg .failing .link, svg .failing .cross { stroke: var(--bad) } svg .failing .link { stroke-dasharray: 6 4 }
svg .failing .peer { fill: var(--back); stroke: var(--bad); stroke-width: 2 } svg .failing .state { fill: var(--bad) }
.scroll { overflow-x: auto }
table { border-collapse: collapse; min-width: min(24rem, 100%) }
th, td { text-align: left; padding: .25rem 1rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere }
th { font-weight: 600; white-space: nowrap } td:first-child { min-width: 8rem }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap } .text { min-width: 14rem } .peers td:nth-child(-n+2) { white-space: nowrap }
.failing td:nth-child(2) { color: var(--bad); font-weight: 600 }
summary { cursor: pointer; color: var(--muted); padding: .3rem 0 }
`;
const SCRIPT = `
const PERIOD_MS = 2000, TIMEOUT_MS = 5000
const lost = document.getElementById('lost')
let last = Date.now()
function patch(old, next) {
  if (old.nodeType !== next.nodeType || old.nodeName !== next.nodeName) return old.replaceWith(next)
  if (old.nodeType === 3) { if (old.data !== next.data) old.data = next.data; return }
  if (old.nodeType !== 1) return
  for (const { name } of [...old.attributes]) if (name !== 'open' && !next.hasAttribute(name)) old.removeAttribute(name)
  for (const { name, value } of next.attributes) if (name !== 'open' && old.getAttribute(name) !== value) old.setAttribute(name, value)
  const olds = [...old.childNodes], nexts = [...next.childNodes]
  nexts.forEach((node, i) => i < olds.length ? patch(olds[i], node) : old.append(node))
  for (const node of olds.slice(nexts.length)) node.remove()
}
async function refresh() {
  try {
    const response = await fetch(location.href, { headers: { accept: 'text/html' }, cache: 'no-store', signal: AbortSignal.timeout(TIMEOUT_MS) })
    if (!response.ok) throw new Error('answered ' + response.status)
    const text = await response.text()
    const part = text.slice(text.indexOf('<main>'), text.indexOf('</main>'))
    const main = new DOMParser().parseFromString(part, 'text/html').querySelector('main')
    patch(document.querySelector('main'), main)
    document.title = main.querySelector('h1').firstChild.data.trim()
    last = Date.now()
    lost.hidden = true
  } catch (error) {
    lost.textContent = 'This Pod has not answered for ' + Math.round((Date.now() - last) / 1000) + ' s. The page shows its last answer.'
    lost.hidden = false
  }
}
async function run() {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, PERIOD_MS))
    if (!document.hidden) await refresh()
  }
}
document.addEventListener('visibilitychange', () => document.hidden || refresh())
run()
`;
// src/ops/units.ts
const BYTE_UNITS = [
	"bytes",
	"KiB",
	"MiB",
	"GiB",
	"TiB"
];
function formatCount(count) {
	return count.toLocaleString("en-US");
}
function plural(count, noun) {
	return `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}
function formatBytes(bytes) {
	let unit = 0;
	let value = bytes;
	while (value >= 1024 && unit < BYTE_UNITS.length - 1) {
		value /= 1024;
		unit += 1;
	}
	return `${unit === 0 || Number.isInteger(value) ? value : value.toFixed(1)} ${BYTE_UNITS[unit]}`;
}
function formatDuration(ms) {
	if (ms < 1e3) return `${Math.round(ms)} ms`;
	if (ms < 6e4) return `${Number((ms / 1e3).toFixed(1))} s`;
	if (ms < 72e5) return `${Math.round(ms / 6e4)} min`;
	if (ms < 1728e5) return `${Number((ms / 36e5).toFixed(1))} h`;
	return `${Math.round(ms / 864e5)} d`;
}
// src/ops/debug-drawing.ts
const MAX_PEERS$2 = 24;
const WIDTH = 440;
const ROW = 34;
const POD = {
	x: 2,
	width: 116,
	height: 44
};
const TRUNK_X = 142;
const PEER_X = 196;
const MAX_LABEL = 32;
const CAPTIONS = {
	connected: "connected",
	v1: "connected, Go Pod",
	connecting: "connecting",
	failing: "failing"
};
const RANKS = {
	failing: 0,
	connecting: 1,
	v1: 2,
	connected: 3,
	self: 4
};
function sortedPeers(peers) {
	return peers.filter(({ state }) => state !== "self").toSorted((one, other) => RANKS[one.state] - RANKS[other.state] || other.lagMs - one.lagMs);
}
function fleetDrawing(view) {
	const peers = sortedPeers(view.peers);
	const drawn = peers.slice(0, MAX_PEERS$2);
	const own = view.peers.find(({ state }) => state === "self")?.peer;
	const height = Math.max(drawn.length * ROW, POD.height + 4) + 4;
	const middle = height / 2;
	const failing = peers.filter(({ state }) => state === "failing").length;
	const label = `This Pod and ${plural(peers.length, "peer")}, ${formatCount(failing)} of them failing`;
	return html`<svg class="fleet" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${label}">
${drawn.map((peer, i) => branch(peer, (height - drawn.length * ROW) / 2 + i * ROW + ROW / 2, middle))}
<rect class="pod" x="${POD.x}" y="${middle - POD.height / 2}" width="${POD.width}" height="${POD.height}" rx="6"/>
<text class="name" x="${POD.x + POD.width / 2}" y="${middle - 4}" text-anchor="middle">This Pod</text>
<text class="small" x="${POD.x + POD.width / 2}" y="${middle + 12}" text-anchor="middle">${shorten(own ?? plural(view.connections.open, "client"), 20)}</text>
</svg>${peers.length > drawn.length && html`<p class="muted">${plural(peers.length - drawn.length, "further peer")} in the table below.</p>`}`;
}
function branch(peer, y, middle) {
	const { state, lag, lagMs } = peer;
	const caption = CAPTIONS[state];
	const behind = lag > 0 ? `, ${formatCount(lag)} behind for ${formatDuration(lagMs)}` : "";
	return html`<g class="${state}"><title>${peer.peer}: ${caption}${behind}</title>
<path class="link" d="M${POD.x + POD.width} ${middle}H${TRUNK_X}V${y}H${190}"/>
${state === "failing" && html`<path class="cross" d="M${164} ${y - 5}l10 10m0-10l-10 10"/>`}
<circle class="peer" cx="${PEER_X}" cy="${y}" r="6"/>
<text class="name" x="${210}" y="${y - 2}">${shorten(peer.peer, MAX_LABEL)}</text>
<text class="state" x="${210}" y="${y + 12}">${caption}${behind}</text></g>
`;
}
function shorten(text, most) {
	return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
// src/ops/diagnosis.ts
const RECENT_MS$1 = 3e5;
const STALE_LIST_MS = 6e4;
const LONG_LAG_MS = 500;
const CERTIFICATE_WARNING_MS = 6048e5;
const SECRET = /peerSecret/;
const ROTATION = "to replace it, roll out [old, new], then [new, old], then [new]";
function diagnose(view) {
	return ofState(view) ?? ofPeers(view) ?? ofPeerFinder(view) ?? ofCertificate(view) ?? ofLog(view) ?? ofEventLoop(view) ?? ofErrors(view) ?? healthy(view);
}
function ofState(view) {
	const { state, connections, peerFinder } = view;
	if (state === "idle") return {
		level: "bad",
		message: "This Pod was never started: no event leaves it, and none arrives.",
		fix: "Await serve(), join() or sser.start() when the process starts."
	};
	if (state === "finding-peers") return {
		level: peerFinder?.lastError === void 0 ? "passing" : "bad",
		message: "The Pod is not ready, because the peer finder has no first list of peers yet.",
		detail: peerFinder?.lastError?.message,
		fix: peerFinder?.lastError && finderFix(peerFinder.lastError.message)
	};
	if (state === "fetching-log") return {
		level: "passing",
		message: "The Pod is not ready yet: it fetches the log of a peer."
	};
	if (state === "draining") return {
		level: "passing",
		message: `The Pod is stopping: ${plural(connections.open, "connection")} left to close.`
	};
	if (state === "stopped") return {
		level: "bad",
		message: "The Pod has stopped.",
		fix: "Restart the process: an instance cannot start again."
	};
}
function ofPeers({ peers }) {
	const others = peers.filter(({ state }) => state !== "self");
	const failing = others.filter(({ state }) => state === "failing");
	const [worst] = failing.toSorted((one, other) => other.lagMs - one.lagMs);
	if (worst === void 0) return void 0;
	const refusing = failing.filter(({ lastError }) => SECRET.test(lastError ?? ""));
	if (refusing.length > 0) return {
		level: "bad",
		message: `${plural(refusing.length, "peer")} of ${formatCount(others.length)} and this Pod do not have the same peerSecret, so they reject each other's events.`,
		detail: `${refusing[0]?.peer}: ${refusing[0]?.lastError}`,
		fix: `Give all Pods the same peerSecret; ${ROTATION}.`
	};
	const all = failing.length === others.length && others.length > 1;
	return {
		level: "bad",
		message: `${all ? `None of the ${formatCount(others.length)} peers is` : someOf(failing, others)} reachable; ${behind(worst)}.`,
		detail: `${worst.peer}: ${worst.lastError ?? "no error"}`,
		fix: peerFix(worst.lastError ?? "", all)
	};
}
function someOf(failing, others) {
	if (others.length === 1) return "The only peer is not";
	return `${plural(failing.length, "peer")} of ${formatCount(others.length)} ${failing.length === 1 ? "is" : "are"} not`;
}
function behind({ lag, lagMs }) {
	if (lag <= 0) return "so far it lacks nothing of this Pod";
	return `${lag === 1 ? "an entry" : `${formatCount(lag)} entries`} of this Pod did not reach it, the oldest ${formatDuration(lagMs)} ago`;
}
function peerFix(error, all) {
	if (/ECONNREFUSED/.test(error)) return all ? "Check that the internal port is the same on all Pods, and that it is bound to an address that peers reach." : "Check that the Pod runs, and that its internal port is bound to an address that peers reach.";
	if (/no answer within|timed? ?out|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH/i.test(error)) return "Check that a NetworkPolicy or security group admits the internal port between Pods, and that the process of the peer is not blocked.";
	if (/ENOTFOUND|EAI_AGAIN/.test(error)) return "Check the name in the list of peers, and the DNS server.";
	if (/certificate|TLS|SSL|EPROTO/i.test(error)) return "Check that internalTls is set on all Pods, and that one CA signs all certificates.";
	return "Read the log of that Pod at the time of the error.";
}
function ofPeerFinder({ peerFinder }) {
	if (peerFinder === void 0) return void 0;
	const { lastError, listsSelf, syncAgeMs } = peerFinder;
	if (listsSelf === false) return {
		level: "bad",
		message: "The peer finder does not list this Pod, so other Pods do not send it their events.",
		fix: "Make the selector of the peer finder match the labels of this Pod."
	};
	if (lastError === void 0 || lastError.ageMs > RECENT_MS$1) return void 0;
	if (peerFinder.state === "watching" || (syncAgeMs ?? Number.POSITIVE_INFINITY) <= Math.min(lastError.ageMs, STALE_LIST_MS)) return void 0;
	return {
		level: "bad",
		message: `The list of peers was confirmed ${syncAgeMs === void 0 ? "never" : `${formatDuration(syncAgeMs)} ago`}, because the source of the peer finder fails. The last list stays in use; Pods that start now are unknown.`,
		detail: lastError.message,
		fix: finderFix(lastError.message)
	};
}
function finderFix(error) {
	if (/\b403\b/.test(error)) return "Apply the Role and RoleBinding of the Kubernetes manifests.";
	if (/\b401\b/.test(error)) return "Check the ServiceAccount of the Pod, and that its token is mounted.";
	if (/ENOTFOUND|EAI_AGAIN|SERVFAIL|NXDOMAIN/i.test(error)) return "Check the name, and the DNS server of the Pod.";
	return "Check that the API server or DNS server is up, and that the Pod reaches it.";
}
function ofCertificate({ certificateExpiresAt }) {
	if (certificateExpiresAt === void 0) return void 0;
	const leftMs = certificateExpiresAt - Date.now();
	if (leftMs > CERTIFICATE_WARNING_MS) return void 0;
	return {
		level: "bad",
		message: `The certificate of internalTls ${leftMs > 0 ? `expires in ${formatDuration(leftMs)}` : `expired ${formatDuration(-leftMs)} ago`}; afterwards peers refuse this Pod.`,
		fix: "Renew the files or the function that internalTls reads."
	};
}
function ofLog({ log }) {
	if (log.bytes < .9 * log.maxBytes || log.completeMs > .5 * log.maxAgeMs) return void 0;
	return {
		level: "bad",
		message: `The log is full (${formatBytes(log.bytes)} of ${formatBytes(log.maxBytes)}): clients of its largest streams that were away for more than ${formatDuration(log.completeMs)} receive a gap, instead of ${formatDuration(log.maxAgeMs)}.`,
		fix: "Raise logMaxBytes and the memory limit of the Pod, lower logMaxAgeMs on all Pods, or send less."
	};
}
function ofEventLoop({ eventLoopLagMs }) {
	if (eventLoopLagMs < LONG_LAG_MS) return void 0;
	return {
		level: "bad",
		message: `The event loop of this process was blocked for ${formatDuration(eventLoopLagMs)}, which delays every event and every request.`,
		fix: "Find the synchronous work with a CPU profile, and check the CPU limit of the Pod."
	};
}
function ofErrors({ recentErrors }) {
	const [last] = recentErrors;
	if (last === void 0 || last.ageMs > RECENT_MS$1 || last.stage === "append" || last.stage === "initial-sync") return void 0;
	const peer = last.peer === void 0 ? "" : `${last.peer}: `;
	return {
		level: "bad",
		message: `The last error is ${formatDuration(last.ageMs)} old, in the stage "${last.stage}".`,
		detail: `${peer}${last.message}`,
		fix: STAGE_FIXES[last.stage]
	};
}
const STAGE_FIXES = {
	authorize: "Check what the authorize function calls: its clients retry until it decides.",
	receive: "Check which process sends to the internal port: a peer with another peerSecret or version, or no peer."
};
function healthy({ peers, connections, streams, peerFinder }) {
	const others = peers.filter(({ state }) => state !== "self");
	const clients = `${plural(connections.open, "connection")} on ${plural(streams.active, "stream")}`;
	const connecting = others.filter(({ state }) => state === "connecting").length;
	if (connecting > 0) return {
		level: "passing",
		message: `Ready with ${clients}; ${plural(connecting, "peer")} of ${formatCount(others.length)} not heard of yet.`
	};
	if (others.length > 0) return {
		level: "good",
		message: `Ready, connected to ${others.length === 1 ? "the one peer" : `all ${formatCount(others.length)} peers`}, with ${clients}.`
	};
	return {
		level: "good",
		message: `Ready, with ${clients}. This Pod has no peers, so events reach its own clients alone.`,
		fix: peerFinder === void 0 ? "If there are other Pods, set the option peerFinder." : void 0
	};
}
// \0@oxc-project+runtime@0.156.0/helpers/esm/taggedTemplateLiteral.js
function _taggedTemplateLiteral(e, t) {
	return t || (t = e.slice(0)), Object.freeze(Object.defineProperties(e, { raw: { value: Object.freeze(t) } }));
}
// src/ops/debug-page.ts
var _templateObject;
function debugPage(view, nonce) {
	return html(_templateObject || (_templateObject = _taggedTemplateLiteral([
		"<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>sser: ",
		"</title>\n<style nonce=\"",
		"\">",
		"</style>\n</head>\n<body>\n<p id=\"lost\" role=\"alert\" hidden></p>\n<main>\n<h1>sser: ",
		" <span>version ",
		", up ",
		"</span></h1>\n",
		"\n",
		"\n",
		"\n",
		"\n",
		"\n",
		"\n",
		"\n",
		"\n</main>\n<script nonce=\"",
		"\">",
		"<\/script>\n</body>\n</html>\n"
	])), view.state, nonce, raw(STYLE), view.state, view.version, formatDuration(view.uptimeMs), headline(view), fleetDrawing(view), peerTable(view), podTable(view), streamTable(view), counters(view).filter(({ some }) => some.length > 0).map(counterTable), errorTable(view), quietLine(view), nonce, raw(SCRIPT));
}
function headline(view) {
	const { level, message, detail, fix } = diagnose(view);
	return html`<section class="diagnosis ${level}">
<p class="message">${message}</p>
${detail !== void 0 && html`<p><code>${detail}</code></p>`}
${fix !== void 0 && html`<p>${fix}</p>`}
</section>`;
}
function peerTable({ peers }) {
	const rows = sortedPeers(peers).map(({ peer, state, exchange, lag, lagMs, failures, lastError, epoch }) => html`<tr class="${state}"><td>${peer}</td><td>${state}</td><td>${exchange ? "exchange" : state === "connected" ? "requests" : ""}</td><td class="number">${lag === 0 ? "" : `${formatCount(lag)}, ${formatDuration(lagMs)}`}</td><td class="number">${failures || ""}</td><td class="text">${lastError === void 0 ? "" : `${failures === 0 ? "earlier: " : ""}${lastError}`}</td><td><code>${epoch ?? ""}</code></td></tr>`);
	return html`<h2>Peers</h2>${rows.length === 0 ? html`<p class="muted">None.</p>` : html`<div class="scroll"><table class="peers"><tr><th>Peer</th><th>State</th><th>By</th><th class="number">Behind</th><th class="number">Failures</th><th>Last error</th><th>Epoch</th></tr>${rows}</table></div>`}`;
}
function podTable(view) {
	const { peerExchanges, peerRequests, connections, subscriptions, events, log, peerFinder } = view;
	const synced = peerFinder?.syncAgeMs === void 0 ? "" : `, list confirmed ${formatDuration(peerFinder.syncAgeMs)} ago`;
	const rows = [
		[
			"Connections",
			`${formatCount(connections.open)} open, ${formatCount(connections.opened)} opened, ${formatCount(connections.closed)} closed`,
			connections.opened === 0
		],
		[
			"Subscriptions",
			`${formatCount(subscriptions.open)} open, ${formatCount(subscriptions.opened)} opened, ${formatCount(subscriptions.closed)} closed; ${formatCount(subscriptions.received)} events received`,
			subscriptions.opened === 0
		],
		[
			"Events",
			`${formatCount(events.sent)} sent here, ${formatCount(events.received)} from peers`,
			events.sent + events.received === 0
		],
		[
			"Delivered",
			`${formatCount(events.delivered)}, of which ${formatCount(events.replayed)} replayed`,
			events.delivered === 0
		],
		["Log", `${formatCount(log.entries)} entries, ${formatBytes(log.bytes)} of ${formatBytes(log.maxBytes)}; complete for ${formatDuration(log.completeMs)} of ${formatDuration(log.maxAgeMs)}`],
		[
			"Requests to peers",
			`${formatCount(peerRequests.ok)} ok, ${formatCount(peerRequests.refused)} refused, ${formatCount(peerRequests.failed)} failed`,
			peerRequests.ok + peerRequests.refused + peerRequests.failed === 0
		],
		[
			"Exchanges with peers",
			`${formatCount(peerExchanges.opened)} opened, ${formatCount(peerExchanges.accepted)} accepted, ${formatCount(peerExchanges.fallbacks)} fallbacks`,
			peerExchanges.opened + peerExchanges.accepted + peerExchanges.fallbacks === 0
		],
		[
			"Retries",
			formatCount(peerRequests.retries),
			peerRequests.retries === 0
		],
		[
			"Event-loop lag",
			formatDuration(view.eventLoopLagMs),
			Math.round(view.eventLoopLagMs) === 0
		],
		[
			"Peer finder",
			`${peerFinder?.state}${synced}`,
			peerFinder === void 0
		]
	];
	const zero = rows.filter(([, , isZero]) => isZero);
	const shown = rows.filter(([, , isZero]) => !isZero);
	return html`<h2>This Pod</h2>${table(void 0, shown.map(([name, value]) => [name, value]))}${zero.length > 0 && folded(plural(zero.length, "row"), zero.map(([name]) => name))}<details><summary>Epoch and position</summary><p>${view.epoch}</p><p>${view.position ?? "no position yet"}</p></details>`;
}
function streamTable({ streams }) {
	const rows = streams.largest.map((each) => [each.stream, each.connections]);
	const unnamed = streams.active - streams.largest.length;
	if (unnamed > 0) rows.push([`(${formatCount(unnamed)} others)`, streams.rest]);
	return html`<h2>Streams</h2>${rows.length === 0 ? html`<p class="muted">None has a connection.</p>` : table(["Stream", "Connections"], rows)}`;
}
function counters({ gaps, rejected, errors }) {
	return [
		counter$1("Gaps", "Reason", gaps),
		counter$1("Rejected input", "Code", rejected),
		counter$1("Errors", "Stage", errors)
	];
}
function counter$1(title, head, counts) {
	const entries = Object.entries(counts).map(([name, count = 0]) => [name, count]);
	const zero = entries.filter(([, count]) => count === 0).map(([name]) => name);
	return {
		title,
		head,
		some: entries.filter(([, count]) => count > 0),
		zero
	};
}
function counterTable({ title, head, some, zero }) {
	return html`<h2>${title}</h2>${table([head, "Times"], some)}${zero.length > 0 && folded(`${formatCount(zero.length)} other`, zero)}`;
}
function quietLine(view) {
	const none = counters(view).filter(({ some }) => some.length === 0);
	return none.length > 0 && html`<p class="muted">So far ${none.map(({ title }) => `no ${title.toLowerCase()}`).join(", ")}.</p>`;
}
function errorTable({ recentErrors }) {
	if (recentErrors.length === 0) return "";
	const rows = recentErrors.map(({ ageMs, stage, peer, message }) => [
		`${formatDuration(ageMs)} ago`,
		stage,
		peer,
		message
	]);
	return html`<details><summary>${plural(rows.length, "recent error")}</summary>${table([
		"When",
		"Stage",
		"Peer",
		"Message"
	], rows)}</details>`;
}
function folded(what, names) {
	return html`<details><summary>${what} at zero</summary><p>${names.join(", ")}</p></details>`;
}
function table(head, rows) {
	const heading = head && html`<tr>${head.map((name, i) => typeof rows[0]?.[i] === "number" ? html`<th class="number">${name}</th>` : html`<th>${name}</th>`)}</tr>`;
	return html`<div class="scroll"><table>${heading}${rows.map((row) => html`<tr>${row.map(cell)}</tr>`)}</table></div>`;
}
function cell(content) {
	return typeof content === "number" ? html`<td class="number">${formatCount(content)}</td>` : html`<td>${content ?? ""}</td>`;
}
// src/ops/version.ts
const VERSION = "0.1.0";
// src/ops/debug-page.ts
const MAX_STREAMS$1 = 50;
function debugRoute(stats, recentErrors) {
	return async (c) => {
		const view = {
			version: VERSION,
			...stats({ largestStreams: MAX_STREAMS$1 }),
			recentErrors: recentErrors()
		};
		const headers = {
			"cache-control": "no-store",
			"x-content-type-options": "nosniff",
			vary: "accept"
		};
		if (!c.req.header("accept")?.includes("text/html")) return c.json(view, 200, headers);
		const nonce = crypto.randomUUID();
		return c.html(await debugPage(view, nonce), 200, {
			...headers,
			"content-security-policy": `default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
			"referrer-policy": "no-referrer"
		});
	};
}
// src/ops/exposition.ts
const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";
function formatFamilies(families) {
	return families.map(printFamily).join("");
}
function printFamily({ name, help, type, samples }) {
	const lines = samples.map(({ suffix = "", labels, value }) => {
		const printed = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`);
		return `${name}${suffix}${printed.length === 0 ? "" : `{${printed.join(",")}}`} ${printValue(value)}\n`;
	});
	return `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}
function printValue(value) {
	if (value === Number.POSITIVE_INFINITY) return "+Inf";
	return value === Number.NEGATIVE_INFINITY ? "-Inf" : String(value);
}
function escapeHelp(text) {
	return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}
function escapeLabel(text) {
	return escapeHelp(text).replaceAll("\"", "\\\"");
}
const MAX_PEERS$1 = 100;
const STATES = {
	idle: true,
	"finding-peers": true,
	"fetching-log": true,
	ready: true,
	draining: true,
	stopped: true
};
const LINK_STATES = {
	connecting: true,
	connected: true,
	v1: true,
	failing: true
};
function metricFamilies(stats) {
	const { peerExchanges, peerRequests, connections, events, errors, gaps, log, peerFinder, rejected, streams, subscriptions } = stats;
	const peers = stats.peers.filter(({ state }) => state !== "self");
	const named = boundPeers(peers);
	const syncAgeMs = peerFinder?.syncAgeMs;
	const expiresAt = stats.certificateExpiresAt;
	return [
		gauge("info", "The version of sser, and the epoch: one incarnation of this Pod.", [{
			labels: {
				version: VERSION,
				epoch: stats.epoch
			},
			value: 1
		}]),
		gauge("state", "State of the Pod: 1 for the current state, 0 for all others.", [...Object.keys(STATES).map((state) => ({
			labels: { state },
			value: Number(state === stats.state)
		}))]),
		gauge("connections", "Open connections.", connections.open),
		counter("connections_opened_total", "Connections opened.", connections.opened),
		counter("connections_closed_total", "Connections closed.", connections.closed),
		gauge("subscriptions", "Open in-process subscriptions.", subscriptions.open),
		counter("subscriptions_opened_total", "Subscriptions opened.", subscriptions.opened),
		counter("subscriptions_closed_total", "Subscriptions closed.", subscriptions.closed),
		counter("subscription_events_total", "Events received by subscriptions, counted once for each subscription.", subscriptions.received),
		gauge("streams", "Streams with at least one connection.", streams.active),
		gauge("stream_connections", `Connections on each of the 50 largest streams and on all others, on request.`, streamSamples(stats)),
		counter("events_sent_total", "Events sent on this Pod.", events.sent),
		counter("events_received_total", "Events received from peers.", events.received),
		counter("events_delivered_total", "Events written to connections, counted once for each connection.", events.delivered),
		counter("events_replayed_total", "Delivered events that are older than their connection.", events.replayed),
		counter("gaps_total", "Gaps reported to connections and subscriptions.", counts("reason", gaps)),
		gauge("peers", "Peers, by the state of their link.", [...Object.keys(LINK_STATES).map((state) => ({
			labels: { state },
			value: peers.filter((peer) => peer.state === state).length
		}))]),
		gauge("peer_up", "1 if the last request to the peer succeeded, else 0.", peerSamples(named, isUp)),
		gauge("peer_lag_events", "Entries of this Pod that the peer is not known to hold.", peerSamples(named, ({ lag }) => lag)),
		gauge("peer_lag_seconds", "Age of the oldest such entry, at most the age of the log.", peerSamples(named, ({ lagMs }) => lagMs / 1e3)),
		gauge("peer_failures", "Failed requests to the peer since the last successful one.", peerSamples(named, ({ failures }) => failures)),
		counter("peer_requests_total", "Requests to peers, and to the Pod's own address if listed: ok is a 2xx, refused another status, failed no response.", [...counts("outcome", {
			ok: peerRequests.ok,
			refused: peerRequests.refused,
			failed: peerRequests.failed
		})]),
		counter("peer_request_retries_total", "Requests to peers that retry a failed request.", peerRequests.retries),
		histogram("peer_request_duration_seconds", "Duration of answered requests to peers.", peerRequests.latency),
		gauge("peer_exchanges", "Open exchanges with peers, by the side that opened them: this Pod, or the peer.", [{
			labels: { opened_by: "self" },
			value: peerExchanges.opened
		}, {
			labels: { opened_by: "peer" },
			value: peerExchanges.accepted
		}]),
		counter("peer_exchange_bytes_total", "Bytes of the messages in exchanges with peers.", [{
			labels: { direction: "sent" },
			value: peerExchanges.sentBytes
		}, {
			labels: { direction: "received" },
			value: peerExchanges.receivedBytes
		}]),
		counter("peer_exchange_fallbacks_total", "Exchanges that could not be opened or broke off, after which single requests are sent.", peerExchanges.fallbacks),
		counter("errors_total", "Background errors, by stage.", counts("stage", errors)),
		counter("rejected_total", "Rejected input of clients and peers, by error code.", counts("code", rejected)),
		gauge("log_entries", "Events, no-op entries and holes in the log.", log.entries),
		gauge("log_bytes", "Accounted memory of the entries in the log.", log.bytes),
		gauge("log_max_bytes", "Memory limit of the log: the option logMaxBytes.", log.maxBytes),
		gauge("log_oldest_seconds", "Age of the oldest entry of the log.", log.oldestMs / 1e3),
		gauge("log_complete_seconds", "Age of the oldest entry after which the log holds every message.", log.completeMs / 1e3),
		gauge("log_max_age_seconds", "Age limit of the entries in the log: the option logMaxAgeMs.", log.maxAgeMs / 1e3),
		gauge("event_loop_lag_seconds", "Delay of the last periodic timer: how long the event loop was blocked.", stats.eventLoopLagMs / 1e3),
		gauge("internal_tls_certificate_expiration_timestamp_seconds", "Expiry of the certificate of internalTls, in seconds of Unix time.", expiresAt === void 0 ? [] : expiresAt / 1e3),
		gauge("peer_finder_state", "State that the peer finder reports.", peerFinder === void 0 ? [] : [{
			labels: { state: peerFinder.state },
			value: 1
		}]),
		gauge("peer_finder_lists_self", "1 if the peer finder lists its own Pod, 0 if its selector misses the Pod.", peerFinder?.listsSelf === void 0 ? [] : Number(peerFinder.listsSelf)),
		gauge("peer_finder_sync_age_seconds", "Time since the source of the peers last confirmed them.", syncAgeMs === void 0 ? [] : syncAgeMs / 1e3)
	];
}
function streamSamples({ streams }) {
	const values = new Map(streams.largest.map(({ stream, connections }) => [stream, connections]));
	if (streams.rest > 0) values.set("other", (values.get("other") ?? 0) + streams.rest);
	return Array.from(values, ([stream, value]) => ({
		labels: { stream },
		value
	}));
}
function boundPeers(peers) {
	const sorted = peers.toSorted((a, b) => a.peer < b.peer ? -1 : 1);
	const rest = sorted.splice(MAX_PEERS$1);
	if (rest.length === 0) return sorted;
	const most = (value) => Math.max(...rest.map(value));
	const other = {
		peer: "other",
		state: rest.every((peer) => isUp(peer) === 1) ? "connected" : "failing",
		exchange: rest.every(({ exchange }) => exchange),
		epoch: void 0,
		lag: most(({ lag }) => lag),
		lagMs: most(({ lagMs }) => lagMs),
		failures: most(({ failures }) => failures),
		lastError: void 0
	};
	return [...sorted, other];
}
function isUp({ state }) {
	return Number(state === "connected" || state === "v1");
}
function peerSamples(peers, value) {
	return peers.map((peer) => ({
		labels: { peer: peer.peer },
		value: value(peer)
	}));
}
function counts(label, values) {
	return Object.entries(values).map(([name, value]) => ({
		labels: { [label]: name },
		value
	}));
}
function gauge(name, help, value) {
	return {
		name: `sser_${name}`,
		help,
		type: "gauge",
		samples: samples(value)
	};
}
function counter(name, help, value) {
	return {
		name: `sser_${name}`,
		help,
		type: "counter",
		samples: samples(value)
	};
}
function samples(value) {
	return typeof value === "number" ? [{
		labels: {},
		value
	}] : value;
}
function histogram(name, help, { boundsMs, counts, sumMs }) {
	let count = 0;
	const buckets = counts.map((more, i) => {
		count += more;
		const bound = boundsMs[i];
		return {
			suffix: "_bucket",
			labels: { le: bound === void 0 ? "+Inf" : String(bound / 1e3) },
			value: count
		};
	});
	const sum = {
		suffix: "_sum",
		labels: {},
		value: sumMs / 1e3
	};
	const total = {
		suffix: "_count",
		labels: {},
		value: count
	};
	return {
		name: `sser_${name}`,
		help,
		type: "histogram",
		samples: [
			...buckets,
			sum,
			total
		]
	};
}
// src/ops/routes.ts
function opsRoutes({ probeRoutes, stats, recentErrors, ...options }) {
	const ownPagesOnly = async (c, next) => {
		const { allowedInternalHosts, peerAddresses } = options;
		const { headers } = c.req.raw;
		const error = crossOriginError(headers) ?? hostError(headers, allowedInternalHosts, peerAddresses);
		if (error !== void 0) return c.text(`${error.message}\n`, 403);
		return next();
	};
	return new Hono().route("/", probeRoutes).get("/metrics", ownPagesOnly, (c) => {
		const text = formatFamilies(metricFamilies(stats({ largestStreams: c.req.query("perStream") === "true" ? 50 : 0 })));
		return c.body(text, 200, {
			"content-type": CONTENT_TYPE,
			"cache-control": "no-store"
		});
	}).get("/debug/sser", ownPagesOnly, debugRoute(stats, recentErrors));
}
// src/http/fetch-handler.ts
function envOf(env) {
	return typeof env === "object" && env !== null ? env : {};
}
function nodeResponseIn(env) {
	const { outgoing } = envOf(env);
	return typeof outgoing?.once === "function" && typeof outgoing.destroy === "function" ? outgoing : void 0;
}
function dropBody(env) {
	const { incoming, requestIP } = envOf(env);
	if (typeof incoming?.resume !== "function") return typeof requestIP === "function";
	if (incoming.readableFlowing === null) incoming.resume();
	return true;
}
function hasBody$1({ headers }) {
	const length = headers.get("content-length");
	return headers.has("transfer-encoding") || length !== null && length !== "0";
}
function originalPathIn(env) {
	const { incoming } = envOf(env);
	return (incoming?.originalUrl ?? incoming?.url)?.split("?")[0];
}
function bunServerIn(env) {
	if (typeof env !== "object" || env === null) return void 0;
	if (isBunServer(env)) return env;
	const { server } = env;
	return typeof server === "object" && server !== null && isBunServer(server) ? server : void 0;
}
function isBunServer(value) {
	const { timeout, requestIP } = value;
	return typeof timeout === "function" && typeof requestIP === "function";
}
// src/http/address.ts
function socketOf(request, env) {
	const { incoming, requestIP } = env ?? {};
	const socket = incoming?.socket;
	if (socket?.remotePort !== void 0) return `${socket.remoteAddress} ${socket.remotePort}`;
	const held = requestIP?.call(env, request);
	return held ? `${held.address} ${held.port}` : void 0;
}
function addressOf(request, env, trustedProxyHops) {
	const { incoming } = env ?? {};
	const held = incoming?.socket?.remoteAddress ?? bunServerIn(env)?.requestIP(request)?.address;
	if (trustedProxyHops === 0) return held === void 0 ? void 0 : networkOf(held);
	const address = nthFromEnd(request.headers.get("x-forwarded-for") ?? "", trustedProxyHops);
	return address === "" ? held : networkOf(address);
}
const MAX_ADDRESS_LENGTH = 64;
function nthFromEnd(list, n) {
	let end = list.length;
	for (let i = 1; i < n; i += 1) {
		const comma = end === 0 ? -1 : list.lastIndexOf(",", end - 1);
		if (comma === -1) break;
		end = comma;
	}
	return ownCopy((end === 0 ? "" : list.slice(list.lastIndexOf(",", end - 1) + 1, end).trim()).slice(0, MAX_ADDRESS_LENGTH));
}
const WITH_PORT = /^(?:\[(.+)\]|([\d.]+))(?::\d+)?$/;
function networkOf(written) {
	const [, bracketed, plain] = WITH_PORT.exec(written) ?? [];
	const address = bracketed ?? plain ?? written;
	if (!address.includes(":")) return address;
	try {
		const [head = "", tail] = new URL(`http://[${address.split("%")[0]}]`).hostname.slice(1, -1).split("::");
		const parts = head === "" ? [] : head.split(":");
		const rest = tail === void 0 || tail === "" ? [] : tail.split(":");
		while (tail !== void 0 && parts.length + rest.length < 8) parts.push("0");
		const all = [...parts, ...rest];
		if (all.slice(0, 6).join(":") === "0:0:0:0:0:ffff") return ipv4Of(all.slice(6));
		return `${all.slice(0, 4).join(":")}::/64`;
	} catch {
		return address;
	}
}
function ipv4Of(groups) {
	return groups.map((group) => Number.parseInt(group, 16)).flatMap((bits) => [bits >> 8, bits & 255]).join(".");
}
// src/replication/exchange-route.ts
const MAX_PER_ADDRESS$1 = 256;
const HEADERS = {
	connection: "close",
	"content-type": "application/x-ndjson",
	"cache-control": "no-store, no-transform",
	"x-accel-buffering": "no"
};
function exchangeRoute(options) {
	const { guard, signatures } = options;
	const perAddress = new Map();
	const open = async (c) => {
		const header = c.req.header(SIGNATURE_HEADER);
		const isSigned = signatures !== void 0 && !(options.allowUnsignedPeers && header === void 0);
		if (isSigned) signatures.precheck(header);
		const request = {
			path: EXCHANGE_URL_PATH,
			uid: c.req.header(TARGET_HEADER),
			body: ""
		};
		const verified = isSigned ? await signatures.verify(request, header) : void 0;
		guard.checkOpenBody(c, isSigned);
		const status = verified?.isCurrent === false ? 401 : 200;
		const signature = verified === void 0 ? void 0 : await signatures?.signResponse(verified, status, "");
		const headers = {
			...HEADERS,
			...signature !== void 0 && { ["sser-signature"]: signature }
		};
		if (status === 401) return c.body(null, 401, headers);
		const address = addressOf(c.req.raw, c.env, 0) ?? "";
		const count = perAddress.get(address) ?? 0;
		if (count >= MAX_PER_ADDRESS$1) throw new SserError("overloaded", `An address has at most ${MAX_PER_ADDRESS$1} exchanges`);
		const { duplex, response } = acceptDuplex(c.req.raw, c.env, headers);
		perAddress.set(address, count + 1);
		options.exchangeCounts.accepted += 1;
		const exchange = new LineExchange({
			duplex,
			macs: verified && new MessageMacs(verified, "accepting"),
			clock: options.clock,
			messageTimeoutMs: options.internalBodyTimeoutMs,
			counts: options.exchangeCounts,
			budget: options.bodyBudget,
			address,
			onRejected: (error) => options.errors.reportRejected(error, address === "" ? void 0 : address),
			onGone: () => {
				options.exchangeCounts.accepted -= 1;
				const left = (perAddress.get(address) ?? 0) - 1;
				if (left > 0) perAddress.set(address, left);
				else perAddress.delete(address);
			}
		});
		try {
			exchange.start(options.accept(exchange));
		} catch (error) {
			exchange.abort(error);
		}
		return response;
	};
	return (c) => guard.run(c, () => open(c), ({ message, status }) => c.text(`${message}\n`, status, { connection: "close" }));
}
// src/replication/internal-guard.ts
const UNREAD$1 = new Set([
	"unauthorized",
	"forbidden-origin",
	"length-required",
	"unsupported-media-type",
	"body-timeout",
	"body-too-large",
	"message-too-large",
	"overloaded"
]);
var InternalGuard = class {
	#options;
	constructor(options) {
		this.#options = options;
	}
	async run(c, accept, invalid) {
		const reject = (status, text) => c.text(`${text}\n`, status, { connection: "close" });
		this.#options.onRequest();
		if (this.#options.isStopped()) return reject(503, "stopped");
		try {
			const error = webPageError(c.req.raw.headers);
			if (error !== void 0) throw error;
			const uid = c.req.header(TARGET_HEADER);
			const isForThisPod = uid === void 0 || this.#options.isFor(uid);
			if (isForThisPod === void 0) return reject(503, "starting");
			if (!isForThisPod) return reject(421, "meant for another Pod");
			return await accept();
		} catch (cause) {
			const error = cause instanceof SserError ? cause : new SserError("invalid-peer-message", "The body broke off", { cause });
			this.#options.errors.reportRejected(error, addressOf(c.req.raw, c.env, 0));
			return UNREAD$1.has(error.code) ? reject(error.status, error.message) : invalid(error);
		}
	}
	read({ req: { raw }, env }, maxBytes, isSigned) {
		const sender = addressOf(raw, env, 0);
		if (raw.headers.has("transfer-encoding") || sender !== void 0 && declaredLength(raw.headers) === void 0) throw new SserError("length-required", "A Content-Length is required; chunks are not taken");
		if (!isSigned) this.#checkUnsigned(raw);
		return this.#options.bodyReader.read(raw, maxBytes, sender, env);
	}
	checkOpenBody({ req: { raw }, env }, isSigned) {
		if (addressOf(raw, env, 0) !== void 0 && !raw.headers.has("transfer-encoding")) throw new SserError("invalid-peer-message", "An exchange needs a body in chunks, because it stays open");
		if (!isSigned) this.#checkUnsigned(raw);
	}
	#checkUnsigned({ headers }) {
		const { allowedInternalHosts, peerAddresses } = this.#options;
		const error = hostError(headers, allowedInternalHosts, peerAddresses);
		if (error !== void 0) throw error;
		if (!JSON_TYPE.test(headers.get("content-type") ?? "")) throw new SserError("unsupported-media-type", "Expected the Content-Type application/json");
	}
};
// src/replication/legacy-v1/receiver.ts
function v1Routes(options) {
	const { guard, v1MaxBytes, isAllowed, v1Connections } = options;
	return new Hono().use(PEER_ENDPOINT_URL_PATH, async (c, next) => {
		await next();
		const isKept = !options.isDraining();
		if (!isKept) c.header("connection", "close");
		v1Connections.posted(socketOf(c.req.raw, c.env), { isKept });
	}).post(PEER_ENDPOINT_URL_PATH, (c) => guard.run(c, async () => {
		if (!isAllowed) throw new SserError("unauthorized", "v1 is not signed; see the option allowGoPeers");
		options.receiveV1(parseV1(await guard.read(c, v1MaxBytes, false)));
		return c.body(null, 200, { "content-length": "0" });
	}, () => c.text("invalid JSON\n", 400)));
}
const RECENT_MS = 1e3;
const POLL_MS = 20;
const MAX_CONNECTIONS = 1024;
var V1Connections = class {
	#clock;
	#postedAt = new Map();
	constructor(clock) {
		this.#clock = clock;
	}
	posted(connection, { isKept }) {
		if (connection === void 0) return;
		this.#postedAt.delete(connection);
		if (isKept) this.#postedAt.set(connection, this.#clock.now());
		if (this.#postedAt.size > MAX_CONNECTIONS) this.#postedAt.delete(this.#postedAt.keys().next().value);
	}
	async closed() {
		while (this.#hasRecent()) await pause(this.#clock, POLL_MS);
	}
	#hasRecent() {
		const last = [...this.#postedAt.values()].at(-1);
		return last !== void 0 && this.#clock.now() - last < RECENT_MS;
	}
};
// src/replication/routes.ts
function internalRoutes(options) {
	const { signatures, allowUnsignedPeers, allowGoPeers, v1Connections, v1MaxBytes } = options;
	const guard = new InternalGuard(options);
	const readAppend = async (c) => {
		const header = c.req.header(SIGNATURE_HEADER);
		const isSigned = signatures !== void 0 && !(allowUnsignedPeers && header === void 0);
		if (isSigned) signatures.precheck(header);
		const body = await guard.read(c, APPEND_MAX_BYTES, isSigned);
		if (!isSigned) return {
			body,
			verified: void 0
		};
		const request = {
			path: APPEND_URL_PATH,
			uid: c.req.header(TARGET_HEADER),
			body
		};
		return {
			body,
			verified: await signatures.verify(request, header)
		};
	};
	const signatureOf = async (verified, status, body) => {
		if (verified === void 0 || signatures === void 0) return {};
		return { [SIGNATURE_HEADER]: await signatures.signResponse(verified, status, body) };
	};
	const append = async (c) => {
		const { body, verified } = await readAppend(c);
		if (verified?.isCurrent === false) return c.body(null, 401, await signatureOf(verified, 401, ""));
		const response = encodeAppend(options.receive(parseAppend(body)));
		return c.body(response, 200, {
			"content-type": "application/json",
			...await signatureOf(verified, 200, response)
		});
	};
	const v1 = v1Routes({
		guard,
		v1MaxBytes,
		isAllowed: signatures === void 0 || allowGoPeers,
		v1Connections,
		isDraining: options.isDraining,
		receiveV1: options.receiveV1
	});
	return new Hono().post(APPEND_URL_PATH, (c) => guard.run(c, () => append(c), ({ code, message }) => c.json({
		code,
		message
	}, 400))).post(EXCHANGE_URL_PATH, exchangeRoute({
		...options,
		guard
	})).route("/", v1);
}
// src/routes.ts
function privateRoutes(options) {
	const { settings, membership, state } = options;
	const { clock, maxBufferedBodyBytes, internalBodyTimeoutMs, maxMessageBytes, allowedInternalHosts } = settings;
	const hosts = {
		allowedInternalHosts,
		peerAddresses: () => membership.addresses
	};
	const budget = new BodyBudget(maxBufferedBodyBytes);
	const probes = probeRoutes(state, options.certificateWarning);
	return {
		internalRoutes: internalRoutes({
			...settings,
			...hosts,
			errors: options.errors,
			signatures: options.signatures,
			bodyReader: new BodyReader({
				clock,
				budget,
				timeoutMs: internalBodyTimeoutMs
			}),
			v1MaxBytes: 6 * maxMessageBytes + 4096,
			isStopped: () => state() === "stopped",
			onRequest: options.onInternalRequest,
			isDraining: options.isStopping,
			v1Connections: options.v1Connections,
			isFor: (uid) => membership.isFor(uid),
			bodyBudget: budget,
			exchangeCounts: options.exchangeCounts,
			accept: (exchange) => membership.accept(exchange),
			receive: (message) => membership.current().mesh.receive(message),
			receiveV1: (event) => membership.current().receiveV1(event)
		}),
		probeRoutes: probes,
		opsRoutes: opsRoutes({
			...hosts,
			probeRoutes: probes,
			stats: options.stats,
			recentErrors: () => options.recentErrors.list()
		})
	};
}
// src/http/request-url.ts
function hasInvalidHost({ url, headers }) {
	return !URL.canParse(url) && headers.has("host");
}
function searchOf({ url }) {
	const [whole] = url.split("#", 1);
	const start = whole.indexOf("?");
	return start === -1 ? "" : whole.slice(start);
}
const withTrailingSlash = new WeakSet();
function markTrailingSlash(request) {
	const { url } = request;
	const query = url.indexOf("?");
	const end = query === -1 ? url.length : query;
	const start = url.indexOf("/", url.indexOf("//") + 2);
	if (url[end - 1] === "/" && start < end - 1) withTrailingSlash.add(request.signal);
}
function isBelowMount(request, env) {
	if (new URL(request.url).pathname !== "/") return true;
	const original = originalPathIn(env);
	if (original === void 0) return withTrailingSlash.has(request.signal);
	return original.length > 1 && original.endsWith("/");
}
// src/admission/accept-header.ts
const NOT_WANTED = /;\s*q=0(?:\.0*)?\s*(?:;|$)/;
function acceptsEventStream(accept) {
	if (accept === null || accept.trim() === "") return true;
	const ranges = accept.toLowerCase();
	for (const wanted of [
		"text/event-stream",
		"text/*",
		"*/*"
	]) {
		const parameters = parametersOf(ranges, wanted);
		if (parameters !== void 0) return !NOT_WANTED.test(parameters);
	}
	return false;
}
const ONLY_EVENT_STREAM = /^[ \t]*text\/event-stream[ \t]*(?:;[^,]*)?$/i;
function acceptsOnlyEventStream(accept) {
	return accept !== null && ONLY_EVENT_STREAM.test(accept);
}
function parametersOf(ranges, type) {
	for (let at = ranges.indexOf(type); at !== -1; at = ranges.indexOf(type, at + 1)) {
		const after = at + type.length;
		if (!isStart(ranges, at) || !isEnd(ranges, after)) continue;
		const comma = ranges.indexOf(",", after);
		return ranges.slice(after, comma === -1 ? void 0 : comma);
	}
}
function isStart(ranges, at) {
	let i = at - 1;
	while (ranges[i] === " " || ranges[i] === "	") i -= 1;
	return i < 0 || ranges[i] === ",";
}
function isEnd(ranges, at) {
	let i = at;
	while (ranges[i] === " " || ranges[i] === "	") i += 1;
	return i === ranges.length || ranges[i] === "," || ranges[i] === ";";
}
// src/delivery/stream-connection.ts
var FrameText = class {
	text = "";
	#hasIds;
	#format;
	constructor(hasIds, format = STANDARD) {
		this.#hasIds = hasIds;
		this.#format = format;
	}
	get length() {
		return this.text.length;
	}
	event(entry, formatId) {
		const msg = entry.msg;
		const isNumbered = entry.kind === "event";
		const id = isNumbered && this.#hasIds ? formatId() : void 0;
		const event = isNumbered ? entry.event : void 0;
		this.text += this.#format.event(eventFrame({
			id,
			event,
			msg
		}), entry.stream, event);
	}
	gap(reason, formatId) {
		this.text += this.#format.own(gapFrame(this.#hasIds ? formatId() : void 0, reason));
	}
};
// src/delivery/connection.ts
const encoder$1 = new TextEncoder();
var Connection = class {
	audience;
	grant;
	slot = 0;
	#reader;
	#sink;
	#context;
	#gap;
	#start;
	#isPreambleSent = false;
	#isBehind;
	#isReady = false;
	#isClosed = false;
	#closeIndex;
	#held = 0;
	#missedHeartbeats = 0;
	constructor({ audience, reader, gap, start, sink, context, grant }) {
		this.audience = audience;
		this.grant = grant;
		this.#reader = reader;
		this.#sink = sink;
		this.#context = context;
		this.#gap = gap;
		this.#start = start;
		this.#isBehind = reader.cursor < context.log.nextIndex;
	}
	get liveFrom() {
		return this.#reader.liveFrom;
	}
	get canClose() {
		return this.#closeIndex !== void 0 && !this.#isBehind && !this.#isClosed;
	}
	get isClosed() {
		return this.#isClosed;
	}
	get isReady() {
		return this.#isReady;
	}
	pull() {
		if (this.#isClosed) return false;
		this.#isReady = true;
		this.#missedHeartbeats = 0;
		this.#release();
		if (!this.#isPreambleSent) {
			this.#isBehind = this.#reader.cursor < this.#end;
			if (!this.#isBehind) this.#write(this.#preamble(this.#context.now()));
		}
		return this.#isBehind;
	}
	deliver(batch) {
		const reader = this.#reader;
		if (this.#isBehind || reader.cursor >= batch.to) return false;
		if (this.#isReady && !reader.hasCarriedEntries && reader.cursor <= batch.from) {
			const chunk = batch.chunk(this.audience);
			if (chunk === void 0 || this.#context.outputs.hasRoomFor(chunk, this.#sink.isSharing === true)) {
				reader.cursor = batch.to;
				if (chunk === void 0) return false;
				this.#writeChunk(chunk);
				this.#context.counters.countDelivery(chunk);
				return false;
			}
		}
		this.#isBehind = true;
		reader.catchUp(batch.from, this.#context.now());
		return this.#isReady;
	}
	catchUp() {
		if (!this.#isReady || !this.#isBehind) return false;
		const { log, counters } = this.#context;
		const now = this.#context.now();
		let preamble = "";
		if (!this.#isPreambleSent) {
			log.trim(now);
			preamble = this.#preamble(now);
		}
		const frames = new FrameText(log.isResumable, this.audience.format);
		const slice = this.#reader.slice(frames, now, this.#end);
		this.#isBehind = this.#reader.cursor < this.#end;
		const text = preamble + frames.text;
		const takesMore = text === "" || this.#write(text);
		counters.countDelivery(slice);
		counters.replayed += slice.replayed;
		return this.#isBehind && takesMore;
	}
	isTooSlow(maxMissedHeartbeats) {
		if (this.#isReady) return false;
		this.#missedHeartbeats += 1;
		return this.#missedHeartbeats > maxMissedHeartbeats;
	}
	heartbeat(deliveredIndex, frameAt) {
		if (!this.#isReady || this.#isBehind) return;
		const now = this.#context.now();
		this.#reader.catchUp(deliveredIndex, now);
		const { cursor, hasCarriedEntries } = this.#reader;
		if (!hasCarriedEntries) this.#writeBytes(frameAt(cursor, this.audience.format));
		else this.#write(this.audience.format.own(positionFrame(this.#idAt(cursor, now))));
	}
	closeAt(index) {
		this.#closeIndex = index;
		this.#isBehind = this.#reader.cursor < index;
		return !this.#isBehind;
	}
	close(random, reason) {
		this.#isClosed = true;
		const retryMs = Math.round(this.#context.retryMs * (.5 + random));
		this.#write(this.audience.format.own(retryFrame(retryMs, reason)));
		this.#sink.close();
		this.#release();
	}
	abort() {
		this.discard();
		this.#sink.abort();
	}
	discard() {
		this.#isClosed = true;
		this.#release();
	}
	get heldBytes() {
		const held = this.#held;
		return typeof held === "number" ? held : held.byteLength / held.holders;
	}
	get #end() {
		return this.#closeIndex ?? this.#context.log.nextIndex;
	}
	#preamble(now) {
		this.#isPreambleSent = true;
		const { retryMs, counters } = this.#context;
		const isLost = this.#reader.skipEvicted(now);
		const gap = this.#gap ?? (isLost ? "slow-client" : void 0);
		const id = this.#idAt(this.#reader.cursor, now);
		const { format } = this.audience;
		if (gap === void 0) return format.own(preambleFrame(id, retryMs, this.#start));
		counters.gaps[gap] += 1;
		return format.own(gapPreambleFrame(id, retryMs, this.#start, gap));
	}
	#idAt(index, now) {
		if (!this.#context.log.isResumable) return void 0;
		const id = this.#reader.idAt(index, now);
		return id.startsWith("-") ? void 0 : id;
	}
	#writeChunk(chunk) {
		const sink = this.#sink;
		if (chunk.bytes === void 0 && sink.writeText !== void 0) this.#write(chunk.text);
		else {
			const bytes = chunk.encoded();
			this.#writeToSink(bytes, sink.isSharing === true ? chunk : bytes.byteLength, true);
		}
	}
	#write(text) {
		if (this.#sink.writeText === void 0) return this.#writeBytes(encoder$1.encode(text));
		this.#isReady = false;
		const isTaken = this.#sink.writeText(text);
		return this.#afterWrite(isTaken, isTaken ? 0 : byteLength(text));
	}
	#writeBytes(bytes) {
		return this.#writeToSink(bytes, bytes.byteLength, false);
	}
	#writeToSink(bytes, held, isShared) {
		this.#isReady = false;
		return this.#afterWrite(this.#sink.write(bytes, isShared), held);
	}
	#afterWrite(isTaken, held) {
		if (isTaken) this.#isReady = true;
		else if (!this.#isReady && !this.#isClosed) this.#hold(held);
		return isTaken;
	}
	#hold(held) {
		this.#release();
		this.#held = held;
		if (typeof held === "number") this.#context.outputs.add(held);
		else this.#context.outputs.retain(held);
	}
	#release() {
		const held = this.#held;
		if (held === 0) return;
		this.#held = 0;
		if (typeof held === "number") this.#context.outputs.remove(held);
		else this.#context.outputs.release(held);
	}
};
// src/admission/admit.ts
function admit(options, asked) {
	const { membership, arrivals } = options;
	const { request, env, streams, address, authorize } = asked;
	const incarnation = membership.current();
	const mark = arrivals.of(request, env)?.mark ?? membership.mark();
	const reservation = incarnation.hub.registry.reserve(streams, address);
	const open = (granted) => {
		const invalid = validateLabel(asked.label, granted.streams);
		if (invalid === void 0 && options.isReady()) return openBody(options, asked, granted, {
			incarnation,
			reservation,
			mark
		});
		reservation.release();
		if (invalid !== void 0) throw invalid;
	};
	if (authorize === void 0) return open({
		streams,
		tags: [],
		maxAgeMs: void 0
	});
	return authorize(streams).then(open, (error) => {
		reservation.release();
		throw error;
	});
}
function openBody(options, { request, env, streams: requested, lastEventId, from, dialect, label, address }, granted, captured) {
	const { membership, arrivals } = options;
	const incarnation = membership.current();
	const { registry } = incarnation.hub;
	let { reservation } = captured;
	if (incarnation !== captured.incarnation) {
		reservation.release();
		reservation = registry.reserve(requested, address);
	}
	registry.grant(reservation, granted.streams);
	const grant = connectionGrant(options, granted, reservation);
	const format = frameFormat(dialect, label);
	const { gap, connect } = prepareConnection(incarnation, granted.streams, {
		lastEventId,
		from,
		format,
		grant
	});
	const since = membership.since(captured.mark);
	const body = new EventStreamBody({
		hub: incarnation.hub,
		connect,
		since,
		reservation,
		format
	});
	arrivals.opened(request, env, body);
	return {
		body,
		resume: lastEventId !== void 0 || from === "oldest" ? gap === void 0 ? "complete" : "gap" : void 0
	};
}
function connectionGrant({ settings, clock }, { tags, maxAgeMs }, { address }) {
	const { authorize, maxConnectionAgeMs } = settings;
	if (authorize === void 0 && maxConnectionAgeMs === 0 && address === void 0) return void 0;
	const ageMs = maxConnectionAgeMs === 0 ? void 0 : maxConnectionAgeMs * (.75 + clock.random() / 4);
	const ms = Math.min(maxAgeMs ?? Number.POSITIVE_INFINITY, ageMs ?? Number.POSITIVE_INFINITY);
	return {
		tags,
		endsAt: Number.isFinite(ms) ? clock.now() + ms : void 0,
		address
	};
}
function prepareConnection(incarnation, streams, { lastEventId, from = "now", format = STANDARD, grant } = {}) {
	const { context, hub, settings } = incarnation;
	const reader = new Reader(context.log, streams, incarnation.timing);
	const start = lastEventId === void 0 ? from : "id";
	let gap;
	if (lastEventId !== void 0 && !settings.resume) gap = "invalid-id";
	else if (lastEventId !== void 0) gap = reader.resume(lastEventId, settings.maxLastEventIdBytes, context.now());
	else if (start === "oldest") gap = reader.beginAtOldest(context.now());
	const connect = (sink) => {
		const audience = hub.registry.audience(streams, format);
		return new Connection({
			reader,
			gap,
			start,
			audience,
			sink,
			context,
			grant
		});
	};
	return {
		gap,
		connect
	};
}
// src/admission/authorization.ts
const MAX_TAGS = 16;
const MIN_EXPIRES_AT = 1e11;
const DECISIONS = "'allow', 'deny', 'stop' or { streams, expiresAt, tags }";
async function runAuthorize(options, c, streams) {
	const { authorizeTimeoutMs, clock } = options;
	try {
		const call = async () => options.authorize(c, { streams });
		const late = () => failure(`did not settle within authorizeTimeoutMs, ${authorizeTimeoutMs} ms`);
		return checkDecision(await withTimeout(clock, authorizeTimeoutMs, call, late), streams, options.maxStreamsPerConnection);
	} catch (cause) {
		if (cause instanceof SserError ? isOwn(cause) : isHttpException(cause)) throw cause;
		throw failure("threw", { cause });
	}
}
function isOwn({ code }) {
	return code === "forbidden" || code === "blocked" || code === "authorization-failed";
}
function failure(text, options) {
	return new SserError("authorization-failed", `Option "authorize": the function ${text}`, options);
}
function isHttpException(error) {
	return error instanceof Error && "getResponse" in error && typeof error.getResponse === "function";
}
function checkDecision(decision, requested, maxStreams) {
	if (decision === "allow") return {
		streams: requested,
		tags: [],
		maxAgeMs: void 0
	};
	if (decision === "deny") throw new SserError("forbidden", "You may not listen on this");
	if (decision === "stop") throw new SserError("blocked", "You may not come back");
	if (!isGrant(decision)) throw failure(`returned ${describeValue(decision)}, expected ${DECISIONS}`);
	const { streams = requested, expiresAt, tags = [], ...rest } = decision;
	const unknown = Object.keys(rest)[0];
	if (unknown !== void 0) throw failure(`returned an object with the key "${unknown}", expected ${DECISIONS}`);
	checkList("streams", streams, `at most ${maxStreams} stream names (maxStreamsPerConnection)`, (list) => {
		return list.length <= maxStreams && list.every((name) => isString(name) && !validateStreamName(name));
	});
	checkList("tags", tags, `at most ${MAX_TAGS} strings of 1 to 256 characters`, (list) => {
		return list.length <= MAX_TAGS && list.every((tag) => validateTag(tag) === void 0);
	});
	const maxAgeMs = ageUntil(expiresAt);
	if (streams.length === 0 || maxAgeMs !== void 0 && maxAgeMs <= 0) throw new SserError("forbidden", "You may not listen on this");
	const wellFormed = new Set(tags.map((tag) => tag.toWellFormed()));
	return {
		streams: [...new Set(streams)],
		tags: [...wellFormed],
		maxAgeMs
	};
}
function isGrant(decision) {
	if (typeof decision !== "object" || decision === null || Array.isArray(decision)) return false;
	return Object.keys(decision).length > 0 || isPlain$1(decision);
}
function isPlain$1(value) {
	const prototype = Object.getPrototypeOf(value);
	return prototype === null || Object.getPrototypeOf(prototype) === null;
}
function isString(value) {
	return typeof value === "string";
}
function checkList(name, value, expected, isValid) {
	if (Array.isArray(value) && isValid(value)) return;
	throw failure(`returned ${name}: ${describeValue(value)}, expected ${expected}`);
}
function ageUntil(expiresAt) {
	if (expiresAt === void 0) return void 0;
	if (typeof expiresAt !== "number" || !Number.isFinite(expiresAt) || expiresAt < MIN_EXPIRES_AT) throw failure(`returned expiresAt: ${describeValue(expiresAt)}, expected milliseconds of Unix time: a JWT's exp times 1,000`);
	return expiresAt - Date.now();
}
// src/admission/query.ts
const MAX_NAMES_BYTES = 6e3;
const LONG_SEARCH = 512;
const FROM = ["now", "oldest"];
const LABEL = ["event", "field"];
function readQuery(request, maxStreams) {
	const search = searchOf(request);
	const query = new URLSearchParams(search);
	return {
		streams: requestedStreams(query, maxStreams, search),
		from: parameter(query, "from", FROM) ?? "now",
		label: parameter(query, "label", LABEL),
		lastEventId: lastEventId(request.headers, query)
	};
}
function lastEventId(headers, query) {
	return headers.get("last-event-id") || query.get("lastEventId") || void 0;
}
function parameter(query, name, allowed) {
	const values = query.getAll(name);
	const [value] = values;
	if (value === void 0) return void 0;
	const known = allowed.find((each) => each === value);
	if (known !== void 0 && values.length === 1) return known;
	const received = values.length === 1 ? describeValue(value) : `${values.length} values`;
	throw new SserError("invalid-parameter", `The parameter "${name}" of the URL: expected ${allowed.map((each) => `"${each}"`).join(" or ")}, got ${received}`);
}
function requestedStreams(query, maxStreams, search) {
	const streams = [...new Set(query.getAll(QUERY_PARAMETER_NAME))];
	if (streams.length > maxStreams) throw new SserError("too-many-streams-per-connection", `A connection listens on at most ${maxStreams} streams`);
	if (search.length > MAX_NAMES_BYTES) requireShortNames(streams);
	const error = streams.length === 0 ? validateStreamName("") : streams.map(validateStreamName).find(Boolean);
	if (error !== void 0) throw error;
	return search.length > LONG_SEARCH ? streams.map(ownCopy) : streams;
}
function requireShortNames(streams) {
	const bytes = new URLSearchParams(streams.map((name) => [QUERY_PARAMETER_NAME, name])).toString().length;
	if (bytes <= MAX_NAMES_BYTES) return;
	throw new SserError("too-many-streams-per-connection", `The names of one connection's streams take at most ${MAX_NAMES_BYTES} bytes in the URL, got ${bytes}: use shorter names, or a second connection`);
}
// src/admission/response-socket.ts
const BUN_IDLE_MS = 1e4;
var ResponseSocket = class {
	#options;
	#isWarned = false;
	constructor(options) {
		this.#options = options;
	}
	prepare(request, env, body) {
		const server = bunServerIn(env);
		if (server !== void 0) onBunSocket(body, request, server, { reportsClose: false });
		else if (!isNode(env)) this.#warnUnderBun();
	}
	#warnUnderBun() {
		const { heartbeatMs, warn } = this.#options;
		if (this.#isWarned || !("Bun" in globalThis) || heartbeatMs < BUN_IDLE_MS) return;
		this.#isWarned = true;
		warn(`Bun.serve() closes event streams that are quiet for ${BUN_IDLE_MS} ms, before the first heartbeat (heartbeatMs is ${heartbeatMs}), because the app was not handed Bun's server: pass it on, as in fetch: (request, server) => sser.handler(request, server), or set heartbeatMs below ${BUN_IDLE_MS}`);
	}
};
function isNode(env) {
	return env?.incoming !== void 0;
}
function endsConnection(env) {
	return bunServerIn(env) !== void 0 || env?.incoming?.httpVersionMajor === 1;
}
const CLOSE_TIMEOUT_S = 10;
const ABORT_TIMEOUT_S = 1;
const NO_TIMEOUT = 0;
function onBunSocket(body, request, server, { reportsClose, onEnd = () => {} }) {
	body.onSocket({
		onOpen: () => server.timeout(request, NO_TIMEOUT),
		onEnd() {
			server.timeout(request, CLOSE_TIMEOUT_S);
			onEnd();
		},
		onAbort() {
			server.timeout(request, ABORT_TIMEOUT_S);
			onEnd();
		},
		reportsClose
	});
}
// src/admission/events-endpoint.ts
const TEXT = { "content-type": "text/plain; charset=utf-8" };
const MIN_REFUSED_RETRY_MS = 5e3;
const NOT_STARTED = "a client came, and gets no event, because this instance was not started: await serve({ sser, … }), or join({ sser, … }) where another server has the public port";
var EventsEndpoint = class {
	routes;
	handler;
	#options;
	#dialect;
	#socket;
	#etag = crypto.randomUUID();
	#responses = 0;
	#hasWarned = false;
	constructor(options, dialect = "standard") {
		this.#options = options;
		this.#dialect = dialect;
		this.#socket = new ResponseSocket({
			heartbeatMs: options.settings.heartbeatMs,
			warn: (message) => options.logging.warn(message)
		});
		this.routes = new Hono().all("/", (c) => this.#answerIn(c));
		const app = new Hono().all("*", (c) => this.#answerIn(c));
		const answer = options.settings.authorize !== void 0 ? closeWhile(options.isDraining, (request, env) => app.fetch(request, env)) : (request, env) => this.#answer({
			request,
			env,
			respond
		});
		this.handler = async (request, env, ...rest) => {
			requireRequest(request);
			if (rest.length > 0 && isBelowMount(request, env)) return new Response("Not Found\n", { status: 404 });
			if (hasInvalidHost(request)) return new Response("a valid Host is required\n", { status: 400 });
			return answer(request, env);
		};
	}
	#answerIn(c) {
		const { settings, clock } = this.#options;
		const { authorize } = settings;
		return this.#answer({
			request: c.req.raw,
			env: c.env,
			respond: (body, status, headers) => hasHeaders(c) ? c.newResponse(body, status, headers) : respond(body, status, headers),
			authorize: authorize && ((streams) => runAuthorize({
				...settings,
				authorize,
				clock
			}, c, streams))
		});
	}
	#answer(exchange) {
		const { request, respond } = exchange;
		if (request.method !== "GET" && request.method !== "HEAD") return this.#closeIfDraining(respond("Method Not Allowed\n", 405, {
			...TEXT,
			allow: "GET, HEAD"
		}));
		try {
			const admitted = admit(this.#options, this.#parse(exchange));
			if (!(admitted instanceof Promise)) return this.#accept(exchange, admitted);
			return admitted.then((settled) => this.#accept(exchange, settled), (error) => this.#refuse(exchange, error));
		} catch (error) {
			return this.#refuse(exchange, error);
		}
	}
	#parse({ request, env, authorize }) {
		const { maxStreamsPerConnection, maxConnectionsPerAddress, trustedProxyHops } = this.#options.settings;
		if (hasBody$1(request) && !dropBody(env)) throw new SserError("unexpected-body", "A GET for events must not have a body");
		if (!acceptsEventStream(request.headers.get("accept"))) throw new SserError("not-acceptable", "Only text/event-stream is served here");
		const query = readQuery(request, maxStreamsPerConnection);
		const address = maxConnectionsPerAddress === 0 ? void 0 : addressOf(request, env, trustedProxyHops);
		return {
			...query,
			request,
			env,
			dialect: this.#dialect,
			address,
			authorize
		};
	}
	#accept(exchange, admitted, refusal) {
		if (admitted === void 0 && !this.#options.isStarted()) this.#warnNotStarted();
		try {
			return this.#respond(exchange, admitted, refusal);
		} catch (error) {
			admitted?.body.leave();
			throw error;
		}
	}
	#respond({ request, env, respond }, admitted, { code, retryMs } = {}) {
		const isHead = request.method === "HEAD";
		const reason = code ?? (this.#options.isDraining() ? "draining" : "not-ready");
		const refusedMs = retryMs ?? this.#options.settings.retryMs;
		const body = isHead ? null : admitted?.body ?? frameFormat(this.#dialect).own(retryFrame(refusedMs, reason));
		const etag = `W/"${this.#etag}-${this.#responses}"`;
		if (!isHead) this.#responses += 1;
		const response = respond(body, 200, {
			"content-type": "text/event-stream; charset=utf-8",
			"cache-control": admitted === void 0 ? "no-store, no-transform" : "no-cache, no-transform",
			"x-accel-buffering": "no",
			etag,
			...code !== void 0 && { "sser-error": code },
			...admitted?.resume && { "sser-resume": admitted.resume },
			...admitted !== void 0 && endsConnection(env) && { connection: "close" }
		});
		if (admitted === void 0) return this.#closeIfDraining(response);
		admitted.body.register(request, nodeResponseIn(env));
		if (isHead) admitted.body.leave();
		this.#socket.prepare(request, env, admitted.body);
		return response;
	}
	#refuse(exchange, error) {
		if (!(error instanceof SserError)) throw error;
		const { errors, settings, logging } = this.#options;
		const { code, message } = error;
		errors.countRejected(code);
		if (code === "authorization-failed") {
			errors.report(error, { stage: "authorize" });
			return this.#accept(exchange, void 0, {
				code,
				retryMs: settings.retryMs
			});
		}
		const status = code === "blocked" ? 204 : error.status;
		const headers = {
			"sser-error": code,
			...status !== 204 && TEXT
		};
		if (status === 429) {
			logging.warnOncePerMinute(`refused ${code}`, `refuses clients until there is room: ${message} (${code})`);
			const retryMs = this.#refusedRetryMs();
			if (acceptsOnlyEventStream(exchange.request.headers.get("accept"))) return this.#accept(exchange, void 0, {
				code,
				retryMs
			});
			headers["retry-after"] = `${Math.ceil(retryMs / 1e3)}`;
		}
		if (code === "unexpected-body") headers.connection = "close";
		return this.#closeIfDraining(exchange.respond(status === 204 ? null : `${message}\n`, status, headers));
	}
	#refusedRetryMs() {
		const { clock, settings } = this.#options;
		const ms = Math.max(settings.retryMs, MIN_REFUSED_RETRY_MS) * (1 + clock.random());
		return Math.min(MAX_TIMER_MS, Math.round(ms));
	}
	#warnNotStarted() {
		if (!this.#hasWarned) this.#options.logging.warn(NOT_STARTED);
		this.#hasWarned = true;
	}
	#closeIfDraining(response) {
		return this.#options.isDraining() ? withConnectionClose(response) : response;
	}
};
function respond(body, status, headers) {
	return new Response(body, {
		status,
		headers
	});
}
function hasHeaders(c) {
	return !c.newResponse(null).headers.keys().next().done;
}
function requireRequest(request) {
	const { url, method, headers, req } = request ?? {};
	if (typeof url === "string" && typeof method === "string" && typeof headers?.get === "function") return;
	const fix = req?.raw === void 0 ? "make one of it: new Request(url, { headers })" : "call sser.handler(c.req.raw, c.env), or mount sser.routes: app.route(path, sser.routes)";
	throw new SserError("invalid-argument", `sser.handler(): expected a Request, got ${req?.raw === void 0 ? describeValue(request) : "Hono's Context"}; ${fix}`);
}
// src/publish/events.ts
const MAX_EVENTS = 1e3;
const FIELDS = [
	"stream",
	"data",
	"event",
	"idempotencyKey"
];
const EXAMPLE = "{\"stream\":\"orders\",\"data\":\"two coffees\"}";
function parseLines(body, maxMessageBytes) {
	const parsed = {
		events: [],
		error: void 0
	};
	let place = 0;
	for (let start = 0; start < body.length;) {
		const end = body.indexOf("\n", start);
		const line = body.slice(start, end === -1 ? void 0 : end).trim();
		start = end === -1 ? body.length : end + 1;
		place += 1;
		if (line !== "" && !add(parsed, place, () => parseJson(line), maxMessageBytes)) return parsed;
	}
	return parsed;
}
function parseItems(items, maxMessageBytes) {
	const parsed = {
		events: [],
		error: void 0
	};
	for (const [i, item] of items.entries()) if (!add(parsed, i + 1, () => item, maxMessageBytes)) break;
	return parsed;
}
function add(parsed, place, read, maxMessageBytes) {
	try {
		if (parsed.events.length === MAX_EVENTS) throw new SserError("body-too-large", `A request has at most ${MAX_EVENTS} events: send the rest in another one`);
		parsed.events.push({
			place,
			event: checkEvent(read(), maxMessageBytes)
		});
		return true;
	} catch (error) {
		if (!(error instanceof SserError)) throw error;
		parsed.error = {
			place,
			error
		};
		return false;
	}
}
function parseJson(text) {
	try {
		return JSON.parse(text);
	} catch (cause) {
		throw new SserError("invalid-json", `Expected JSON such as ${EXAMPLE}, got ${describeValue(text)}`, { cause });
	}
}
function checkEvent(value, maxMessageBytes) {
	if (typeof value !== "object" || value === null || Array.isArray(value)) throw new SserError("invalid-json", `Expected an object such as ${EXAMPLE}, got ${describeValue(value)}`);
	for (const name of Object.keys(value)) if (!FIELDS.includes(name)) throw new SserError("invalid-json", `There is no field ${describeValue(name)}${suggestion(name, FIELDS)}`);
	const { stream = "", data, event, idempotencyKey } = value;
	const fault = validateStreamName(stream) ?? validateData(data, maxMessageBytes) ?? (event === void 0 ? void 0 : validateEventType(event)) ?? (idempotencyKey === void 0 ? void 0 : validateIdempotencyKey(idempotencyKey));
	if (fault !== void 0) throw fault;
	return {
		stream,
		data,
		event,
		idempotencyKey
	};
}
function validateData(data, maxMessageBytes) {
	if (typeof data === "string") return validateMessage(data, maxMessageBytes);
	return new SserError("invalid-message", `Field "data": expected the message as a string, got ${describeValue(data)}; for other values, write their JSON as a string, as "data": tojson of jq does`);
}
// src/publish/token.ts
const encoder = new TextEncoder();
var PublishToken = class {
	#digests;
	constructor(tokens) {
		this.#digests = Promise.all(tokens.map(digest));
		this.#digests.catch(() => {});
	}
	async check(headers) {
		const [, token] = /^bearer +(\S+) *$/i.exec(headers.get("authorization") ?? "") ?? [];
		const received = await digest(token ?? "");
		let isKnown = false;
		for (const expected of await this.#digests) if (isEqual(received, expected)) isKnown = true;
		if (token !== void 0 && isKnown) return;
		throw new SserError("unauthorized", `Expected the header "Authorization: Bearer TOKEN" with the option publishToken of this Pod; ${token === void 0 ? "the header is missing" : "the token is wrong"}`);
	}
};
async function digest(token) {
	return new Uint8Array(await crypto.subtle.digest("SHA-256", encoder.encode(token)));
}
function isEqual(a, b) {
	let difference = a.length ^ b.length;
	for (let i = 0; i < a.length; i += 1) difference |= a[i] ^ b[i];
	return difference === 0;
}
// src/publish/routes.ts
const MAX_REQUESTS = 256;
const MAX_BODY_BYTES = 1048576;
const MAX_BUFFERED_BYTES = 16777216;
const LINES_TYPE = /^application\/(?:x-ndjson|ndjson|jsonl|x-jsonlines) *(?:;|$)/i;
function publishRoutes(options) {
	const endpoint = new PublishEndpoint(options);
	return new Hono().all("/", (c) => endpoint.answer(c));
}
const UNREAD = new Set([
	"unauthorized",
	"forbidden-origin",
	"unsupported-media-type",
	"invalid-parameter",
	"body-timeout",
	"body-too-large",
	"message-too-large",
	"overloaded"
]);
var PublishEndpoint = class {
	#options;
	#token;
	#bodyReader;
	#requests = 0;
	constructor(options) {
		this.#options = options;
		const { publishToken, clock, bodyTimeoutMs } = options;
		this.#token = publishToken === false ? void 0 : new PublishToken([publishToken].flat());
		this.#bodyReader = new BodyReader({
			clock,
			budget: new BodyBudget(MAX_BUFFERED_BYTES),
			timeoutMs: bodyTimeoutMs
		});
	}
	async answer(c) {
		if (c.req.method !== "POST") return c.text("Method Not Allowed\n", 405, { allow: "POST" });
		try {
			await this.#admit(c.req.raw.headers);
		} catch (error) {
			return this.#refuse(c, error);
		}
		this.#requests += 1;
		try {
			return await this.#publish(c);
		} catch (error) {
			return this.#refuse(c, error);
		} finally {
			this.#requests -= 1;
		}
	}
	async #admit(headers) {
		if (this.#token !== void 0) await this.#token.check(headers);
		const error = this.#token === void 0 ? crossOriginPostError(headers) : void 0;
		if (error !== void 0) throw error;
		if ((headers.get("content-encoding") ?? "identity") !== "identity") throw new SserError("unsupported-media-type", "Expected a body without a Content-Encoding");
		if (this.#requests >= MAX_REQUESTS) throw new SserError("overloaded", `More than ${MAX_REQUESTS} requests are being answered`);
	}
	async #publish(c) {
		const type = c.req.header("content-type") ?? "";
		const streams = c.req.queries("stream") ?? [];
		const key = idempotencyKeyOf(c.req.header("idempotency-key"));
		if (streams.length > 1) throw new SserError("invalid-parameter", `The parameter "stream" of the URL: expected one, got ${streams.length}`);
		const [stream] = streams;
		if (stream !== void 0) {
			const event = {
				stream,
				data: await this.#read(c),
				event: c.req.query("event"),
				idempotencyKey: key
			};
			return this.#sendOne(c, checkEvent(event, this.#options.maxMessageBytes));
		}
		const isLines = LINES_TYPE.test(type);
		if (!isLines && !JSON_TYPE.test(type)) throw new SserError("unsupported-media-type", "Expected ?stream=NAME in the URL and the message as the body, or the Content-Type application/json or application/x-ndjson");
		const maxBytes = Math.max(MAX_BODY_BYTES, 6 * this.#options.maxMessageBytes + 4096);
		const { maxMessageBytes } = this.#options;
		const body = await this.#bodyReader.read(c.req.raw, maxBytes, addressOf(c.req.raw, c.env, 0), c.env);
		const value = isLines ? void 0 : parseJson(body);
		if (!isLines && !Array.isArray(value)) return this.#sendOne(c, withKey(checkEvent(value, maxMessageBytes), key));
		if (key !== void 0) throw new SserError("invalid-idempotency-key", "The header Idempotency-Key is for one event: give each of several its own field \"idempotencyKey\"");
		if (isLines) return this.#sendAll(c, parseLines(body, maxMessageBytes), "line");
		return this.#sendAll(c, parseItems(value, maxMessageBytes), "item");
	}
	async #read(c) {
		const { maxMessageBytes } = this.#options;
		try {
			return await this.#bodyReader.read(c.req.raw, maxMessageBytes, addressOf(c.req.raw, c.env, 0), c.env);
		} catch (error) {
			throw error instanceof SserError && error.code === "body-too-large" ? messageTooLarge(maxMessageBytes) : error;
		}
	}
	async #sendOne(c, event) {
		const receipt = await this.#send(c, event);
		return c.json(receipt, isDelivered(receipt) ? 200 : 202);
	}
	async #sendAll(c, { events, error }, noun) {
		if (events.length === 0 && error === void 0) throw new SserError("invalid-json", `Expected at least one event, each as one ${noun}`);
		const settled = await Promise.allSettled(events.map(({ event }) => this.#send(c, event)));
		const results = [];
		let first = error?.error;
		let sent = 0;
		let isComplete = true;
		for (const [i, result] of settled.entries()) {
			const place = { [noun]: events[i]?.place };
			if (result.status === "fulfilled") {
				sent += 1;
				isComplete &&= isDelivered(result.value);
				results.push({
					...place,
					receipt: result.value
				});
			} else {
				if (!(result.reason instanceof SserError)) throw result.reason;
				if (first === void 0 || first === error?.error) first = result.reason;
				results.push({
					...place,
					error: described(result.reason)
				});
			}
		}
		if (error !== void 0) results.push({
			[noun]: error.place,
			error: described(error.error)
		});
		if (first === void 0) return c.json({
			sent,
			results
		}, isComplete ? 200 : 202);
		this.#options.errors.countRejected(first.code);
		return c.json({
			sent,
			results
		}, first.status, { "sser-error": first.code });
	}
	#send(c, { stream, data, event, idempotencyKey }) {
		return this.#options.send(stream, data, {
			event,
			idempotencyKey,
			traceparent: c.req.header("traceparent")
		});
	}
	#refuse(c, error) {
		if (!(error instanceof SserError)) throw error;
		const { code, message, status } = error;
		this.#options.errors.countRejected(code);
		return c.json({ error: {
			code,
			message
		} }, status, {
			"sser-error": code,
			...code === "unauthorized" && { "www-authenticate": "Bearer" },
			...status === 503 && { "retry-after": "1" },
			...UNREAD.has(code) && { connection: "close" }
		});
	}
};
function described({ code, message }) {
	return {
		code,
		message
	};
}
function isDelivered({ peers }) {
	return peers.every(({ status }) => status === "delivered");
}
function withKey(event, key) {
	if (key === void 0) return event;
	if (event.idempotencyKey === void 0) return {
		...event,
		idempotencyKey: key
	};
	throw new SserError("invalid-idempotency-key", "Expected the header Idempotency-Key or the field \"idempotencyKey\", got both");
}
function idempotencyKeyOf(header) {
	return header === void 0 ? void 0 : /^"(.*)"$/.exec(header)?.[1] ?? header;
}
// src/routes.ts
var PublicRoutes = class {
	events;
	#options;
	#publish;
	constructor(options) {
		this.#options = options;
		this.events = new EventsEndpoint(options);
	}
	endpoint(options) {
		const fault = checkEndpointOptions(options);
		if (fault !== void 0) throw fault;
		return new EventsEndpoint(this.#options, options.dialect);
	}
	get publish() {
		const { settings, clock, errors, send } = this.#options;
		const { publishToken, maxMessageBytes, internalBodyTimeoutMs: bodyTimeoutMs } = settings;
		if (publishToken === void 0) throw new SserError("open-publish-routes", "sser.publishRoutes: expected the option publishToken: a token, or false where middleware of the app decides who publishes");
		this.#publish ??= publishRoutes({
			publishToken,
			maxMessageBytes,
			bodyTimeoutMs,
			clock,
			errors,
			send
		});
		return this.#publish;
	}
};
// src/telemetry/counters.ts
var ExchangeCounts = class {
	opened = 0;
	accepted = 0;
	fallbacks = 0;
	sentBytes = 0;
	receivedBytes = 0;
};
// src/telemetry/counters.ts
const MAX_PEERS = 1e3;
var PeerRequests = class {
	#byPeer = new Map();
	add(peer, status, ms) {
		let byStatus = this.#byPeer.get(peer);
		if (byStatus === void 0) {
			byStatus = new Map();
			this.#byPeer.set(peer, byStatus);
			const [oldest] = this.#byPeer.keys();
			if (this.#byPeer.size > MAX_PEERS && oldest !== void 0) this.#byPeer.delete(oldest);
		}
		const requests = byStatus.get(status) ?? {
			peer,
			status,
			count: 0,
			sumMs: 0
		};
		requests.count += 1;
		requests.sumMs += ms;
		byStatus.set(status, requests);
	}
	list() {
		return [...this.#byPeer.values()].flatMap((byStatus) => Array.from(byStatus.values(), (requests) => ({ ...requests })));
	}
};
const BOUNDS_MS = [
	1,
	2.5,
	5,
	10,
	25,
	50,
	100,
	250,
	500,
	1e3,
	2500,
	5e3
];
var Histogram = class {
	boundsMs = BOUNDS_MS;
	counts = new Array(BOUNDS_MS.length + 1).fill(0);
	sumMs = 0;
	add(ms) {
		const index = BOUNDS_MS.findIndex((bound) => ms <= bound);
		this.counts[index === -1 ? BOUNDS_MS.length : index] += 1;
		this.sumMs += ms;
	}
};
// src/telemetry/counters.ts
var Counters = class {
	opened = 0;
	closed = 0;
	sent = 0;
	received = 0;
	delivered = 0;
	replayed = 0;
	subscriptionsOpened = 0;
	subscriptionsClosed = 0;
	subscriptionEvents = 0;
	gaps = {
		trimmed: 0,
		"peer-loss": 0,
		"slow-client": 0,
		"unknown-id": 0,
		"legacy-peer": 0,
		"invalid-id": 0
	};
	requests = {
		ok: 0,
		refused: 0,
		failed: 0
	};
	peerRequests = new PeerRequests();
	exchanges = new ExchangeCounts();
	retries = 0;
	latency = new Histogram();
	eventLoopLagMs = 0;
	countRequest(peer, status, ms) {
		this.requests[status === 0 ? "failed" : status >= 200 && status < 300 ? "ok" : "refused"] += 1;
		if (status !== 0) this.latency.add(ms);
		this.peerRequests.add(peer, status, ms);
	}
	countItem(gap) {
		if (gap === void 0) this.subscriptionEvents += 1;
		else this.gaps[gap] += 1;
	}
	countDelivery({ events, gaps }) {
		this.delivered += events;
		if (gaps !== void 0) for (const reason of gaps) this.gaps[reason] += 1;
	}
};
// src/telemetry/error-reporter.ts
var ErrorReporter = class {
	counts = {
		append: 0,
		receive: 0,
		"initial-sync": 0,
		"peer-finder": 0,
		deliver: 0,
		authorize: 0
	};
	rejected = {};
	#onError;
	#logging;
	constructor(onError, logging) {
		this.#onError = onError;
		this.#logging = logging;
	}
	countRejected(code) {
		this.rejected[code] = (this.rejected[code] ?? 0) + 1;
	}
	reportRejected(error, peer) {
		const context = {
			stage: "receive",
			...peer !== void 0 && { peer }
		};
		this.countRejected(error.code);
		this.counts.receive += 1;
		if (this.#logging?.backgroundError(error, context) !== false) this.#notify(error, context);
	}
	report(error, context, { isBrief = false } = {}) {
		this.counts[context.stage] += 1;
		if (!isBrief) this.#logging?.backgroundError(error, context);
		this.#notify(error, context);
	}
	#notify(error, context) {
		try {
			this.#onError?.(error, context);
		} catch {}
	}
	recovered(peer) {
		this.#logging?.peerRecovered(peer);
	}
	removed(peer) {
		this.#logging?.peerRemoved(peer);
	}
};
const MAX_ERRORS = 20;
const MAX_MESSAGE_LENGTH = 500;
const MAX_REJECTIONS = 5;
var RecentErrors = class {
	#clock;
	#errors = [];
	constructor(clock) {
		this.#clock = clock;
	}
	before(next) {
		return (error, context) => {
			const message = printable(describe$1(error).slice(0, MAX_MESSAGE_LENGTH));
			if (context.stage === "receive") this.#evictRejection();
			this.#errors.push({
				...context,
				message,
				at: this.#clock.now()
			});
			if (this.#errors.length > MAX_ERRORS) this.#errors.shift();
			next?.(error, context);
		};
	}
	#evictRejection() {
		const rejections = this.#errors.filter(({ stage }) => stage === "receive");
		const [oldest] = rejections;
		if (oldest !== void 0 && rejections.length >= MAX_REJECTIONS) this.#errors.splice(this.#errors.indexOf(oldest), 1);
	}
	list() {
		const now = this.#clock.now();
		return this.#errors.map(({ at, ...fault }) => ({
			...fault,
			ageMs: now - at
		})).reverse();
	}
};
// src/telemetry/logging.ts
const WINDOW_MS = 6e4;
const MAX_KEYS = 256;
const MAX_ADDRESSES = 64;
const MAX_LENGTH = 1e3;
const QUIET_CONSOLE = {
	info: () => {},
	warn: (message) => console.warn(message)
};
var Windows = class {
	#maxKeys;
	#byKey = new Map();
	#shared = {
		since: Number.NEGATIVE_INFINITY,
		suppressed: 0
	};
	constructor(maxKeys) {
		this.#maxKeys = maxKeys;
	}
	of(key, now) {
		const known = this.#byKey.get(key);
		if (known !== void 0) return known;
		if (this.#byKey.size >= this.#maxKeys) {
			for (const [old, { since }] of this.#byKey) if (now - since >= WINDOW_MS) this.#byKey.delete(old);
		}
		if (this.#byKey.size >= this.#maxKeys) return this.#shared;
		const window = {
			since: Number.NEGATIVE_INFINITY,
			suppressed: 0
		};
		this.#byKey.set(key, window);
		return window;
	}
};
var Logging = class {
	#logger;
	#clock;
	#windows = new Windows(MAX_KEYS);
	#rejections = new Windows(MAX_ADDRESSES);
	#lost = new Set();
	#isAlone = false;
	constructor(logger, clock) {
		this.#logger = logger === false ? void 0 : logger ?? QUIET_CONSOLE;
		this.#clock = clock;
	}
	info(message) {
		this.#log("info", message);
	}
	notice(message) {
		this.#log("info", message, this.#logger === QUIET_CONSOLE ? console : this.#logger);
	}
	warn(message) {
		this.#log("warn", message);
	}
	alone(message) {
		this.#isAlone = true;
		this.notice(message);
	}
	warnOncePerMinute(key, message, windows = this.#windows) {
		const now = this.#clock.now();
		const window = windows.of(key, now);
		if (now - window.since < WINDOW_MS) {
			window.suppressed += 1;
			return false;
		}
		const suffix = window.suppressed === 0 ? "" : ` (and ${window.suppressed} more since the last such line)`;
		window.since = now;
		window.suppressed = 0;
		this.warn(message + suffix);
		return true;
	}
	backgroundError(error, { stage, peer }) {
		const message = STAGE_MESSAGES[stage];
		const where = peer === void 0 ? message : `peer ${peer}: ${message}`;
		const windows = stage === "receive" ? this.#rejections : this.#windows;
		const isLogged = this.warnOncePerMinute(`error ${stage} ${peer ?? ""}`, `${where}: ${describe$1(error)}`, windows);
		if (!isLogged || stage !== "append" || peer === void 0) return isLogged;
		this.#lost.add(peer);
		if (this.#lost.size <= MAX_KEYS) return true;
		const [first] = this.#lost;
		this.#lost.delete(first);
		return true;
	}
	peerRecovered(peer) {
		const isAlone = this.#isAlone;
		this.#isAlone = false;
		if (this.#lost.delete(peer)) this.warn(`peer ${peer} is back`);
		else if (isAlone) this.notice(`peer ${peer} has answered: this Pod is not alone any more`);
	}
	peerRemoved(peer) {
		if (this.#lost.delete(peer)) this.warn(`peer ${peer} is no longer in the list of peers`);
	}
	#log(level, message, logger = this.#logger) {
		if (logger === void 0) return;
		const line = printable(`sser: ${message}`.slice(0, MAX_LENGTH));
		try {
			logger[level](line);
		} catch {}
	}
};
const STAGE_MESSAGES = {
	append: "sending events failed, retrying",
	receive: "request rejected",
	"initial-sync": "initial sync failed",
	"peer-finder": "peer finder failed",
	deliver: "connection closed because its delivery failed",
	authorize: "the hook \"authorize\" failed, and the request was rejected"
};
// src/sser.ts
let serverSideOf;
var Sser = class {
	static {
		serverSideOf = (sser) => {
			if (!(#arrivals in sser)) return void 0;
			return {
				arrivals: sser.#arrivals,
				isUnguarded: isUnguarded(sser.#settings),
				isLocal: sser.#peerFinder.isLocal === true,
				isSigned: sser.#settings.peerSecret !== void 0,
				notice: (message) => sser.#logging.notice(message),
				start: (options) => sser.#startOnce({}, options),
				stop: (options, how) => sser.#stopOnce(options, how),
				accept: (exchange) => sser.#membership.accept(exchange),
				kill: () => sser.#kill()
			};
		};
	}
	routes;
	internalRoutes;
	probeRoutes;
	opsRoutes;
	handler;
	#settings;
	#clock;
	#shared;
	#logging;
	#peerFinder;
	#v1Connections;
	#bornAt;
	#certificates;
	#abort = new AbortController();
	#membership;
	#arrivals;
	#sender;
	#publicRoutes;
	#subscriptions;
	#starting;
	#stopping;
	#isDraining = false;
	#isOpen = false;
	constructor(options = {}, internals = {}) {
		this.#settings = resolveSettings(requireOptions("new Sser()", options), internals);
		this.#peerFinder = this.#settings.peerFinder ?? new StaticPeerFinder([]);
		this.#clock = this.#settings.clock;
		this.#v1Connections = new V1Connections(this.#clock);
		this.#bornAt = this.#clock.now();
		const recentErrors = new RecentErrors(this.#clock);
		this.#logging = new Logging(this.#settings.logger, this.#clock);
		const errors = new ErrorReporter(recentErrors.before(this.#settings.onError), this.#logging);
		const { peerSecret } = this.#settings;
		const signatures = peerSecret === void 0 ? void 0 : new Signatures([peerSecret].flat(), this.#clock);
		const counters = new Counters();
		const shared = {
			settings: this.#settings,
			clock: this.#clock,
			logging: this.#logging,
			errors,
			counters
		};
		this.#shared = shared;
		this.#subscriptions = new Subscriptions({
			...shared,
			incarnation: () => this.#membership.current()
		});
		this.#membership = new Membership({
			...shared,
			signatures,
			peerFinder: this.#peerFinder,
			subscriptions: this.#subscriptions,
			signal: this.#abort.signal
		});
		this.#arrivals = new Arrivals(() => this.#membership.mark());
		this.#sender = new Sender({
			...shared,
			membership: this.#membership
		});
		this.#publicRoutes = new PublicRoutes({
			...shared,
			membership: this.#membership,
			arrivals: this.#arrivals,
			isReady: () => this.isReady,
			isDraining: () => this.#isDraining,
			isStarted: () => this.#starting !== void 0 || this.#stopping !== void 0,
			send: (stream, msg, options) => this.send(stream, msg, options)
		});
		this.handler = this.#publicRoutes.events.handler;
		this.routes = this.#publicRoutes.events.routes;
		const { internalRoutes, probeRoutes, opsRoutes } = privateRoutes({
			...shared,
			membership: this.#membership,
			recentErrors,
			signatures,
			v1Connections: this.#v1Connections,
			exchangeCounts: shared.counters.exchanges,
			state: () => this.state,
			isStopping: () => this.#stopping !== void 0,
			onInternalRequest: () => this.#onInternalRequest(),
			stats: (options) => this.stats(options),
			certificateWarning: () => this.#certificates?.warning()
		});
		this.internalRoutes = internalRoutes;
		this.probeRoutes = probeRoutes;
		this.opsRoutes = opsRoutes;
	}
	get publishRoutes() {
		return this.#publicRoutes.publish;
	}
	get internalPort() {
		return this.#settings.internalPort;
	}
	get connections() {
		return this.#membership.incarnation.hub.size;
	}
	get peers() {
		return this.#membership.incarnation.mesh.peers();
	}
	get position() {
		if (!this.#settings.resume) return void 0;
		const { log } = this.#membership.incarnation;
		const position = log.position(this.#clock.now());
		return position.size === 0 ? void 0 : log.eventIds.format(position);
	}
	get state() {
		if (this.#abort.signal.aborted) return "stopped";
		if (this.#isDraining) return "draining";
		if (this.#membership.incarnation.mesh.isReady) return "ready";
		if (this.#membership.joining !== void 0) return "fetching-log";
		return this.#starting === void 0 ? "idle" : "finding-peers";
	}
	get isReady() {
		return this.state === "ready";
	}
	stats(options = {}) {
		const fault = checkStatsOptions(options);
		if (fault !== void 0) throw fault;
		const own = {
			state: this.state,
			position: this.position,
			uptimeMs: this.#clock.now() - this.#bornAt
		};
		return readStats({
			...this.#shared,
			incarnation: this.#membership.incarnation,
			peerFinder: this.#peerFinder,
			certificates: this.#certificates,
			subscriptions: this.#subscriptions
		}, own, options);
	}
	endpoint(options) {
		return this.#publicRoutes.endpoint(options);
	}
	start(options = {}) {
		const fault = checkStartOptions(options);
		return fault === void 0 ? this.#startOnce(options, {}) : Promise.reject(fault);
	}
	stop(options = {}) {
		const fault = checkStopOptions(options);
		return fault === void 0 ? this.#stopOnce(options, {}) : Promise.reject(fault);
	}
	[Symbol.asyncDispose]() {
		return this.stop();
	}
	send(stream, msg, options = {}) {
		return this.#sender.send(stream, msg, options);
	}
	subscribe(streams, options = {}) {
		return this.#subscriptions.open(streams, options);
	}
	stream(name, options = {}) {
		return new TypedStream(this, name, options);
	}
	async disconnect(selector, options = {}) {
		return this.#sender.disconnect(selector, options);
	}
	#startOnce(options, server) {
		this.#starting ??= keepAlive(this.#clock, this.#start(options, server)).catch((error) => {
			this.#starting = void 0;
			throw error;
		});
		return this.#starting;
	}
	#stopOnce({ beforeFlush }, how) {
		this.#stopping ??= keepAlive(this.#clock, this.#shutDown(beforeFlush, how));
		return this.#stopping;
	}
	async #start({ signal }, options) {
		this.#abort.signal.throwIfAborted();
		signal?.throwIfAborted();
		signal?.addEventListener("abort", () => void this.stop(), { once: true });
		this.#certificates = options.certificates;
		const warn = (message) => this.#logging.warnOncePerMinute("certificate", message);
		if (this.#certificates !== void 0) this.#certificates.onWarning = warn;
		logStart(this.#logging, this.#settings, options);
		this.#isOpen = options.internalPort === void 0 && isUnguarded(this.#settings);
		await this.#membership.start(options);
		logReady(this.#logging, this.#settings, this.#membership.incarnation.mesh);
	}
	#onInternalRequest() {
		if (this.#isOpen) warnOpenRoutes(this.#logging);
		this.#isOpen = false;
	}
	async #shutDown(beforeFlush, how) {
		this.#isDraining = true;
		await shutDown({
			...how,
			...this.#shared,
			membership: this.#membership,
			v1Connections: this.#v1Connections,
			sender: this.#sender,
			subscriptions: this.#subscriptions,
			beforeFlush
		});
		this.#kill();
	}
	#kill() {
		this.#sender.close();
		this.#abort.abort(stopped());
		this.#subscriptions.stop();
		this.#membership.incarnation.stop();
	}
};
// src/runtime/listener.ts
const STREAM_CLOSE_MS = 1e3;
const IDLE_GRACE_MS = 1e3;
const INTERNAL_CLOSE_MS = 1e3;
async function naming({ port, hostname }, binding) {
	try {
		return await binding;
	} catch (error) {
		if (!(error instanceof SserError) || error.code === "stopped") throw error;
		const { code, message, cause } = error;
		throw new SserError(code, `Option "${code === "address-not-available" ? hostname : port}": ${message}`, { cause });
	}
}
function bindError(port, hostname, cause, fix = "") {
	const { code } = cause;
	const address = hostname ?? "all addresses";
	switch (code) {
		case "EADDRINUSE": return new SserError("port-in-use", `Port ${port} is in use on ${address}${fix}`, { cause });
		case "EACCES": return new SserError("port-not-permitted", `This process may not bind port ${port} on ${address} (EACCES); expected a port above 1023, or the capability CAP_NET_BIND_SERVICE`, { cause });
		case "EADDRNOTAVAIL":
		case "ENOTFOUND": return new SserError("address-not-available", `Port ${port} cannot be bound on ${address} (${code}); expected an address of this machine, such as 127.0.0.1`, { cause });
		default: return cause;
	}
}
async function closeAll(bound) {
	for (const each of bound.splice(0).reverse()) await each.close(INTERNAL_CLOSE_MS);
}
// src/runtime/bun/listener.ts
const CHECK_MS = 20;
var BunListener = class {
	#server;
	#ended = new Set();
	constructor(server) {
		this.#server = server;
	}
	get port() {
		return this.#server.port;
	}
	streamEnded(request) {
		this.#ended.add(request);
	}
	async close(timeoutMs, idleMs = 0) {
		const start = performance.now();
		if (idleMs > 0) await Bun.sleep(idleMs);
		this.#server.stop(false);
		while (this.#isBusy(performance.now() - start, timeoutMs)) await Bun.sleep(CHECK_MS);
		await this.#server.stop(true);
	}
	#isBusy(elapsedMs, timeoutMs) {
		const { pendingRequests } = this.#server;
		if (pendingRequests === 0 || elapsedMs >= timeoutMs) return false;
		return elapsedMs < 1e3 || pendingRequests > this.#unread();
	}
	#unread() {
		let count = 0;
		for (const request of this.#ended) if (this.#server.requestIP?.(request) !== null) count += 1;
		return count;
	}
};
// src/runtime/bun/listener.ts
function bind(port, hostname, options) {
	try {
		const all = {
			development: false,
			...options,
			port,
			...hostname === void 0 ? {} : { hostname },
			reusePort: false,
			fetch: (request, server) => hasUrl(request) ? options.fetch(request, server) : new Response("a valid Host is required\n", { status: 400 })
		};
		return new BunListener(Bun.serve(all));
	} catch (cause) {
		throw bindError(port, hostname, cause);
	}
}
function hasUrl(request) {
	const { url, headers } = request;
	if (URL.canParse(url)) return true;
	if (headers.has("host") || !url.startsWith("/")) return false;
	Object.defineProperty(request, "url", { value: `http://localhost${url}` });
	return true;
}
// src/runtime/bun/crypto.ts
const bunHmac = (secret) => {
	const bytesOf = (head, body) => new Bun.CryptoHasher("sha256", secret).update(head).update(body).digest();
	return {
		sign: (head, body) => bytesOf(head, body).toString("base64url"),
		verify: (mac, head, body) => timingSafeEqual(Buffer.from(mac, "base64url"), bytesOf(head, body))
	};
};
// src/runtime/bun/crypto.ts
const certificateReader$1 = {
	readFile: (path) => Bun.file(path).text(),
	validity({ key, cert, ca }) {
		const certificate = new X509Certificate(cert);
		new X509Certificate(ca);
		if (!certificate.checkPrivateKey(createPrivateKey(key))) throw new Error("the key is not that of the certificate");
		return {
			from: Date.parse(certificate.validFrom),
			to: Date.parse(certificate.validTo)
		};
	}
};
// src/runtime/bun/hot.ts
const isHot = process.execArgv.includes("--hot");
const generations = Symbol.for("sser.hot");
const thisGeneration = {};
function replacePrevious(key, retire) {
	if (!isHot) return;
	const shared = globalThis;
	shared[generations] ??= new Map();
	const previous = shared[generations].get(key);
	shared[generations].set(key, {
		of: thisGeneration,
		retire
	});
	if (previous !== void 0 && previous.of !== thisGeneration) previous.retire();
}
// src/runtime/bun/idle-timeout.ts
const NEVER = 0;
function withoutIdleTimeout(request, response, connection) {
	const { server, idleTimeout, onEnd } = connection;
	if (response === void 0) return response;
	const stream = arrivalOf(request, server)?.body;
	if (stream !== void 0) {
		onBunSocket(stream, request, server, {
			reportsClose: response.body === stream,
			onEnd
		});
		return isEventStream(response) ? withConnectionClose(response) : response;
	}
	if (response.body === null || !isEventStream(response)) return response;
	server.timeout(request, NEVER);
	return new Response(untilEnd(response.body, () => server.timeout(request, idleTimeout)), response);
}
function untilEnd(body, onEnd) {
	const reader = body.getReader();
	reader.closed.then(onEnd, onEnd);
	return new ReadableStream({
		async pull(controller) {
			const { done, value } = await reader.read();
			if (!done) return controller.enqueue(value);
			onEnd();
			controller.close();
		},
		cancel: (reason) => reader.cancel(reason)
	}, { highWaterMark: 0 });
}
// src/runtime/bun/internal-listener.ts
const EXPECTED_MS = 1e3;
var GoPosts = class {
	#lastAt = Number.NEGATIVE_INFINITY;
	#next = Promise.withResolvers();
	answered({ url }) {
		if (!url.endsWith("/api/json/v1/send")) return;
		this.#lastAt = performance.now();
		this.#next.resolve();
		this.#next = Promise.withResolvers();
	}
	async next() {
		if (performance.now() - this.#lastAt > EXPECTED_MS) return;
		await Promise.race([this.#next.promise, Bun.sleep(EXPECTED_MS)]);
	}
};
// src/runtime/bun/internal-listener.ts
const OLD_LISTENER_MS = 1e4;
const bindInternal$1 = async (fetch, { port, hostname, tls }) => {
	const posts = new GoPosts();
	const bindWith = (at, certificate) => bind(at, hostname, {
		async fetch(request, server) {
			const response = await fetch(request, server);
			posts.answered(request);
			if (request.method === "POST" && response.status === 200) server.timeout(request, 0);
			return response;
		},
		id: `sser internal ${hostname}:${at}`,
		idleTimeout: 10,
		...certificate !== void 0 && { tls: {
			...certificate,
			requestCert: true,
			rejectUnauthorized: true
		} }
	});
	let listener = bindWith(port, tls);
	const { port: boundPort } = listener;
	let isClosed = false;
	return {
		port: boundPort,
		async close(timeoutMs) {
			await posts.next();
			await new Promise(setImmediate);
			isClosed = true;
			await listener.close(timeoutMs);
		},
		renew(renewed) {
			if (isClosed) return;
			listener.close(OLD_LISTENER_MS);
			listener = bindWith(boundPort, renewed);
		}
	};
};
// src/runtime/bun/runtime.ts
function bunTransports(current) {
	if (current === void 0) return void 0;
	let tls = current();
	let strict = strictly(tls);
	const fetchTls = (url, init) => {
		if (tls !== current()) {
			tls = current();
			strict = strictly(tls);
		}
		return fetch(url.replace("http:", "https:"), {
			...init,
			tls: strict
		});
	};
	return fetchTransports(fetchTls);
}
function strictly(tls) {
	return {
		...tls,
		rejectUnauthorized: true
	};
}
// src/runtime/bun/runtime.ts
function requireBun() {
	if (process.versions.bun !== void 0) return;
	throw new SserError("unsupported-runtime", `sser/bun: expected Bun, got Node ${process.versions.node}; import serve from sser/node`);
}
// src/runtime/join-options.ts
const REQUEST_DRAIN_TIMEOUT_MS = 1e4;
const portSchema = whole(0, 65535);
const joinEntries = {
	sser: v.custom((value) => hasMethods(value, ["start", "stop"]), "an Sser"),
	internalHostname: v.optional(v.string()),
	internalTls: v.optional(v.unknown()),
	opsPort: v.optional(portSchema),
	requestDrainTimeoutMs: withDefault(REQUEST_DRAIN_TIMEOUT_MS, 0, MAX_TIMER_MS),
	beforeFlush: v.optional(v.custom((value) => typeof value === "function", "a function, such as () => app.close()")),
	signals: v.optional(v.boolean())
};
const SSER_OPTIONS = {
	call: "new Sser()",
	names: OPTION_NAMES
};
// src/transport/certificates.ts
const MIN_READ_MS = 1e3;
const MAX_READ_MS = 6e4;
const RETRY_MS = 5e3;
const WARN_PART = .1;
var PeerCertificates = class PeerCertificates {
	#source;
	#reader;
	#clock;
	#current;
	#validity;
	#readError;
	#cancel;
	#isStopped = false;
	#listeners = [];
	onWarning = () => {};
	constructor(source, reader, tls, clock) {
		this.#source = source;
		this.#reader = reader;
		this.#clock = clock;
		this.#current = tls;
		this.#validity = reader.validity(tls);
		if (isRenewable(source)) this.#schedule();
	}
	static async read(source, reader, clock = systemClock) {
		try {
			return new PeerCertificates(source, reader, await readSource(source, reader), clock);
		} catch (cause) {
			throw new SserError("invalid-options", `Option "internalTls": expected { key, cert, ca, servername } as PEM, { keyFile, certFile, caFile, servername } as paths, or a function that returns the first; ${describe$1(cause)}`, { cause });
		}
	}
	get current() {
		return this.#current;
	}
	get expiresAt() {
		return this.#validity.to;
	}
	warning() {
		const { from, to } = this.#validity;
		const leftMs = to - Date.now();
		const failure = this.#readError === void 0 ? "" : ` Reading it anew failed: ${this.#readError}`;
		const renewal = isRenewable(this.#source) ? "renew what internalTls reads" : "give internalTls as files or a function, so that a renewed one is read, or replace the Pod";
		const at = new Date(to).toISOString();
		if (leftMs <= 0) return `the certificate of internalTls expired at ${at}: peers refuse every new connection; ${renewal}.${failure}`;
		if (leftMs < (to - from) * WARN_PART) return `the certificate of internalTls expires at ${at}: ${renewal}.${failure}`;
		return failure === "" ? void 0 : `the certificate of internalTls stays the one until ${at}.${failure}`;
	}
	onRenewed(listener) {
		this.#listeners.push(listener);
	}
	stop() {
		this.#isStopped = true;
		this.#cancel?.();
	}
	#schedule() {
		if (this.#isStopped) return;
		const leftMs = this.#validity.to - Date.now();
		const most = this.#readError === void 0 ? MAX_READ_MS : RETRY_MS;
		const ms = Math.min(most, Math.max(MIN_READ_MS, leftMs / 2));
		this.#cancel = this.#clock.after(ms, () => void this.#renew());
	}
	async #renew() {
		try {
			const tls = await readSource(this.#source, this.#reader);
			const validity = this.#reader.validity(tls);
			if (!this.#isStopped && !isSame(tls, this.#current)) {
				for (const listener of this.#listeners) listener(tls);
				this.#current = tls;
				this.#validity = validity;
			}
			this.#readError = void 0;
		} catch (error) {
			this.#readError = describe$1(error);
		}
		const warning = this.warning();
		if (warning !== void 0) this.onWarning(warning);
		this.#schedule();
	}
};
async function readSource(source, { readFile }) {
	if (typeof source === "function") return source();
	if (!("keyFile" in source)) return source;
	const { keyFile, certFile, caFile, servername } = source;
	const [key, cert, ca] = await Promise.all([
		keyFile,
		certFile,
		caFile
	].map(readFile));
	return {
		key,
		cert,
		ca,
		servername
	};
}
function isRenewable(source) {
	return typeof source === "function" || "keyFile" in source;
}
function isSame(one, other) {
	return one.key === other.key && one.cert === other.cert && one.ca === other.ca && one.servername === other.servername;
}
// src/runtime/internal-port.ts
function forInternalPort(fetch) {
	const closing = closeWhile(() => true, fetch);
	return (request, env) => hasBody$1(request) && !isForPeers(request) ? closing(request, env) : fetch(request, env);
}
function isForPeers({ method, url }) {
	if (method !== "POST") return false;
	const { pathname } = new URL(url);
	return [
		APPEND_URL_PATH,
		EXCHANGE_URL_PATH,
		PEER_ENDPOINT_URL_PATH
	].includes(pathname);
}
function internalAddress(options, server) {
	const { hostname, internalHostname, internalTls, internalPort } = options;
	const address = internalHostname ?? hostname;
	if (!server.isUnguarded || internalTls !== void 0 || isLoopback(address)) return address;
	if (server.isLocal && internalHostname === void 0) return "127.0.0.1";
	throw new SserError("open-internal-port", [
		`The internal port ${internalPort} would be open on ${address ?? "all addresses"}: every process that reaches it could send to every client. Choose one:`,
		"- new Sser({ peerSecret }), the same secret on all Pods: they sign their messages",
		"- internalTls, an option of serve() and join(): they authenticate by certificates",
		"- internalHostname: '127.0.0.1' if all Pods are on this machine, or new Sser({ allowOpenInternalPort: true }) if only Pods reach the port"
	].join("\n"));
}
function isLoopback(hostname) {
	return hostname !== void 0 && /^(?:localhost|127(?:\.\d{1,3}){3}|\[?::1\]?)$/i.test(hostname);
}
// src/runtime/listen-line.ts
function listenLine({ public: clients, internal, ops, isSigned, isTls }) {
	const isLocal = isLoopback(internal.hostname);
	const guards = [...isTls ? ["mutual TLS"] : [], ...isSigned ? ["signed by peerSecret"] : []];
	if (guards.length === 0) guards.push(isLocal ? "without authentication" : "open to every process that reaches it");
	return [
		`listens: public port ${clients === void 0 ? "of the app" : describe(clients)}`,
		`internal port ${describe(internal)} (${[...isLocal ? ["loopback"] : [], ...guards].join(", ")})`,
		ops === void 0 ? "ops routes on the internal port" : `ops port ${describe(ops)}`
	].join("; ");
}
function describe({ port, hostname }) {
	return `${port} on ${hostname ?? "all addresses"}`;
}
// src/runtime/signals.ts
const SAME_SIGNAL_MS = {
	SIGINT: 100,
	SIGTERM: 1e3
};
const EXIT_TIMEOUT_MS = 5e3;
const EXIT_CODES = {
	SIGINT: 130,
	SIGTERM: 143
};
const listeners = new WeakSet();
const running = new Set();
var StopSignals = class StopSignals {
	#source;
	#stop;
	#exits;
	#appListens = false;
	#cameAt;
	constructor(source, stop, exits) {
		this.#source = source;
		this.#stop = stop;
		this.#exits = exits;
	}
	static listen(source, stop, { exits = false } = {}) {
		const signals = new StopSignals(source, stop, exits);
		running.add(signals);
		for (const listener of [signals.#onTerminate, signals.#onInterrupt]) listeners.add(listener);
		source.on("SIGTERM", signals.#onTerminate);
		source.on("SIGINT", signals.#onInterrupt);
		return signals;
	}
	release() {
		running.delete(this);
		if (this.#cameAt === void 0) this.ignore();
		else if (this.#exits) this.#source.exit(0);
		else if (!this.#appListens && running.size === 0) systemClock.after(EXIT_TIMEOUT_MS, this.#exit);
	}
	ignore() {
		this.#source.off("SIGTERM", this.#onTerminate);
		this.#source.off("SIGINT", this.#onInterrupt);
	}
	#exit = () => {
		console.error(`sser: the servers have stopped ${EXIT_TIMEOUT_MS} ms ago and the process still runs: it ends now. To end it otherwise, listen to SIGTERM and SIGINT in the app`);
		this.#source.exit(0);
	};
	#onTerminate = () => this.#onSignal("SIGTERM");
	#onInterrupt = () => this.#onSignal("SIGINT");
	#onSignal(signal) {
		this.#appListens ||= this.#source.listeners(signal).some((listener) => !listeners.has(listener));
		const now = performance.now();
		if (this.#cameAt === void 0) {
			this.#cameAt = now;
			this.#stop(signal);
		} else if (now - this.#cameAt >= SAME_SIGNAL_MS[signal]) {
			console.error(`sser: a second signal, ${signal}: the process ends at once, without waiting any longer`);
			this.#source.exit(EXIT_CODES[signal]);
		}
	}
};
// src/runtime/running-pod.ts
function isDraining({ state }) {
	return state === "draining" || state === "stopped";
}
async function runPod(runtime, options, publicSide) {
	const { sser, requestDrainTimeoutMs = REQUEST_DRAIN_TIMEOUT_MS } = options;
	const { internalPort } = sser;
	const { beforeFlush, internalTls, opsPort } = options;
	const server = serverSideOf(sser);
	const opsHostname = options.internalHostname ?? publicSide.hostname;
	const internalHostname = server === void 0 ? opsHostname : internalAddress({
		...options,
		hostname: publicSide.hostname,
		internalPort
	}, server);
	const hostnameOption = options.internalHostname === void 0 ? "hostname" : "internalHostname";
	const bound = [];
	let open = publicSide.server;
	let hook = beforeFlush;
	let certificates;
	let stopping;
	let idleUntil = Number.NEGATIVE_INFINITY;
	const abort = new AbortController();
	const closePublic = async () => {
		const deadline = systemClock.now() + requestDrainTimeoutMs;
		const idleMs = Math.max(0, Math.min(idleUntil - systemClock.now(), requestDrainTimeoutMs));
		const [closing, ending] = [open?.close(requestDrainTimeoutMs, idleMs), hook];
		open = hook = void 0;
		await closing;
		if (ending === void 0) return;
		const leftMs = Math.max(0, deadline - systemClock.now());
		const late = () => new Error("it did not resolve within requestDrainTimeoutMs");
		await withTimeout(systemClock, leftMs, ending, late);
	};
	const leave = (signal) => {
		abort.abort(stopped());
		if (signal === "SIGTERM") idleUntil = systemClock.now() + IDLE_GRACE_MS;
		const stopOptions = { beforeFlush: closePublic };
		const left = () => server === void 0 ? sser.stop(stopOptions) : server.stop(stopOptions, {
			signal,
			requestDrainTimeoutMs
		});
		stopping ??= stopAll(left, closePublic, bound).finally(() => {
			certificates?.stop();
			signals?.release();
		});
		return stopping;
	};
	const stop = () => leave();
	const signals = options.signals === false ? void 0 : StopSignals.listen(runtime.process, leave, { exits: runtime.exitsOnSignal });
	runtime.onBegin?.(() => {
		signals?.ignore();
		bound.length = 0;
		open = hook = void 0;
		stop();
	});
	try {
		const app = new Hono().route("/", sser.internalRoutes);
		if (opsPort === void 0) app.route("/", sser.opsRoutes);
		certificates = internalTls && await PeerCertificates.read(internalTls, runtime.certificateReader);
		const internal = await naming({
			port: "internalPort",
			hostname: hostnameOption
		}, runtime.bindInternal(forInternalPort(app.fetch), {
			port: internalPort,
			hostname: internalHostname,
			tls: certificates?.current,
			signal: abort.signal
		}));
		certificates?.onRenewed((renewed) => internal.renew?.(renewed));
		bound.push(internal);
		let ops = internal;
		if (opsPort !== void 0) {
			ops = await naming({
				port: "opsPort",
				hostname: hostnameOption
			}, runtime.bindInternal(forInternalPort(sser.opsRoutes.fetch), {
				port: opsPort,
				hostname: opsHostname,
				signal: abort.signal
			}));
			bound.push(ops);
		}
		const start = {
			internalPort: internal.port,
			internalHostname,
			certificates,
			transports: runtime.transports?.(certificates && (() => certificates.current)),
			hmacFactory: runtime.hmacFactory
		};
		await (server === void 0 ? sser.start() : server.start(start));
		const clients = await publicSide.bind?.();
		open = clients ?? open;
		if (stopping !== void 0) throw new SserError("stopped", "The Pod was told to stop while it started");
		server?.notice(listenLine({
			public: clients && {
				port: clients.port,
				hostname: publicSide.hostname
			},
			internal: {
				port: internal.port,
				hostname: internalHostname
			},
			ops: opsPort === void 0 ? void 0 : {
				port: ops.port,
				hostname: opsHostname
			},
			isSigned: server.isSigned,
			isTls: certificates !== void 0
		}));
		return {
			internalPort: internal.port,
			opsPort: ops.port,
			stop,
			[Symbol.asyncDispose]: stop
		};
	} catch (error) {
		if (stopping === void 0) open = hook = void 0;
		await stop();
		await closePublic();
		await closeAll(bound);
		throw error;
	}
}
async function stopAll(left, closePublic, bound) {
	await left();
	await closePublic();
	await closeAll(bound);
}
// src/runtime/serve.ts
const schema = v.strictObject({
	...joinEntries,
	fetch: v.custom((value) => typeof value === "function", "a function of (request, env), such as app.fetch"),
	port: portSchema,
	hostname: v.optional(v.string()),
	serverOptions: v.optional(v.unknown()),
	fastPath: v.optional(v.boolean())
});
async function runServer(runtime, bindPublic, options) {
	checkOptions$2(schema, options, SSER_OPTIONS);
	const { sser, fetch, port: wanted, hostname } = options;
	const recorded = serverSideOf(sser)?.arrivals.recording(fetch) ?? fetch;
	let port = wanted;
	const bind = async () => {
		const listener = await naming({
			port: "port",
			hostname: "hostname"
		}, bindPublic(recorded, wanted, hostname, () => isDraining(sser)));
		port = listener.port;
		return listener;
	};
	return {
		...await runPod(runtime, options, {
			bind,
			hostname
		}),
		port
	};
}
// src/bun.ts
const IDLE_TIMEOUT_S = 255;
const runtime$1 = {
	bindInternal: bindInternal$1,
	process,
	transports: bunTransports,
	hmacFactory: bunHmac,
	certificateReader: certificateReader$1,
	exitsOnSignal: isHot
};
async function serve(allOptions = {}) {
	requireBun();
	const { serverOptions = {}, ...options } = requireOptions("serve()", allOptions);
	const { idleTimeout = IDLE_TIMEOUT_S, ...own } = serverOptions;
	const bindPublic = async (fetch, port, hostname, isDraining) => {
		const answer = closeWhile(isDraining, fetch);
		const listener = bind(port, hostname, {
			...own,
			id: `sser public ${hostname}:${port}`,
			idleTimeout: 10,
			async fetch(request, server) {
				server.timeout(request, idleTimeout);
				markTrailingSlash(request);
				return withoutIdleTimeout(request, await answer(request, server), {
					server,
					idleTimeout,
					onEnd: () => {
						if (isDraining()) listener.streamEnded(request);
					}
				});
			}
		});
		return listener;
	};
	const { hostname = "", port, sser } = options;
	const onBegin = (retire) => replacePrevious(`${hostname}:${port} ${sser?.internalPort}`, retire);
	return runServer({
		...runtime$1,
		onBegin
	}, bindPublic, options);
}
// src/runtime/node/close-timeout.ts
const CLOSE_TIMEOUT_MS = 1e4;
const inCloseTimeout = new WeakSet();
const lastResponses = new WeakSet();
function isLastResponse(socket) {
	return lastResponses.has(socket);
}
function markLastResponse(socket) {
	lastResponses.add(socket);
}
function isInCloseTimeout(socket) {
	return inCloseTimeout.has(socket);
}
function startCloseTimeout(socket) {
	if (socket.destroyed) return;
	inCloseTimeout.add(socket);
	const timer = setTimeout(() => socket.destroy(), CLOSE_TIMEOUT_MS);
	socket.once("close", () => clearTimeout(timer));
}
function closeAfterStream(stream, response) {
	if (response.req.method === "HEAD" || response.headersSent) return;
	response.setHeader("connection", "close");
	if (response.socket !== null) markLastResponse(response.socket);
	const { socket } = response;
	response[STREAM] = stream;
	stream.onSocket(new ResponseHooks(response));
	response.on("close", leave);
	if (socket === null) return;
	if (socket.isPaused()) response.destroy();
	socket[RESPONSE] = response;
	socket.on("pause", destroyResponse);
}
const STREAM = Symbol("sser stream");
const RESPONSE = Symbol("sser response");
function leave() {
	this[STREAM]?.leave();
}
function destroyResponse() {
	this[RESPONSE]?.destroy();
}
var ResponseHooks = class {
	reportsClose = true;
	#response;
	constructor(response) {
		this.#response = response;
	}
	onOpen() {}
	onEnd() {
		if (this.#response.socket !== null) startCloseTimeout(this.#response.socket);
	}
	onAbort() {
		this.#response.destroy();
	}
};
// src/runtime/node/server-connections.ts
const IDLE_CHECK_MS = 20;
var ServerConnections = class {
	#server;
	#sockets;
	#sessions;
	constructor(server) {
		this.#server = server;
		this.#sockets = eachUntilClosed(server, "connection");
		this.#sessions = eachUntilClosed(server, "session");
	}
	async close(timeoutMs, idleMs = 0) {
		const server = this.#server;
		const start = performance.now();
		const after = (ms) => Math.max(0, start + ms - performance.now());
		await new Promise(setImmediate);
		const closed = new Promise((resolve) => {
			server.once("close", resolve);
		});
		if (idleMs > 0 && this.#canServeIdle) await this.#serveIdle(idleMs);
		else server.close();
		const idle = setInterval(() => server.closeIdleConnections?.(), IDLE_CHECK_MS);
		const early = setTimeout(() => this.#destroy(hasNoRequest), after(STREAM_CLOSE_MS));
		const late = setTimeout(() => {
			this.#destroy();
			server.closeAllConnections?.();
		}, after(timeoutMs));
		for (const session of this.#sessions) session.close();
		await closed;
		clearInterval(idle);
		clearTimeout(early);
		clearTimeout(late);
	}
	get #canServeIdle() {
		const { close, listening } = this.#server;
		return listening && (close === Server.prototype.close || close === Server$1.prototype.close);
	}
	async #serveIdle(ms) {
		const end = performance.now() + ms;
		Server$2.prototype.close.call(this.#server);
		while (this.#hasKeepAlive() && performance.now() < end) await setTimeout$1(IDLE_CHECK_MS);
	}
	#hasKeepAlive() {
		for (const socket of this.#sockets) if (!hasNoRequest(socket)) return true;
		return false;
	}
	#destroy(isMeant = () => true) {
		for (const socket of this.#sockets) if (isMeant(socket)) socket.destroy();
	}
};
function eachUntilClosed(server, event) {
	const open = new Set();
	function forget() {
		open.delete(this);
	}
	server.on(event, (each) => {
		open.add(each);
		each.on("close", forget);
	});
	return open;
}
function hasNoRequest(socket) {
	return isInCloseTimeout(socket) || socket.bytesRead === 0;
}
// src/runtime/node/crypto.ts
const certificateReader = {
	readFile: (path) => readFile(path, "utf8"),
	validity({ key, cert, ca }) {
		createSecureContext({
			key,
			cert,
			ca
		});
		const certificate = new X509Certificate(cert);
		if (!certificate.checkPrivateKey(createPrivateKey(key))) throw new Error("the key is not that of the certificate");
		return {
			from: Date.parse(certificate.validFrom),
			to: Date.parse(certificate.validTo)
		};
	}
};
// src/runtime/node/fast-path.ts
const LISTENERS = {
	data: ["bound socketOnData"],
	drain: ["bound socketOnDrain"],
	end: ["bound socketOnEnd"],
	error: ["socketOnError"],
	timeout: ["socketOnTimeout"],
	pause: ["onSocketPause"],
	resume: ["onSocketResume"]
};
const ON_CLOSE = "bound socketOnClose";
function detachFromHttp(response, socket) {
	const onClose = socket.listeners("close").find(({ name }) => name === ON_CLOSE);
	if (onClose === void 0 || typeof response.detachSocket !== "function") return false;
	response.detachSocket(socket);
	for (const [event, names] of Object.entries(LISTENERS)) for (const listener of socket.listeners(event)) if (names.includes(listener.name)) socket.removeListener(event, listener);
	socket.removeListener("close", onClose);
	onClose.call(socket);
	return true;
}
// src/runtime/node/pipelining.ts
const MAX_WAITING = 64;
const waiting = new WeakMap();
function refusesPipelined(incoming, outgoing) {
	if (outgoing.socket !== null) return false;
	const { socket } = incoming;
	const count = (waiting.get(socket) ?? 0) + 1;
	if (count > MAX_WAITING || isLastResponse(socket) || socket.destroyed) {
		socket.destroy();
		return true;
	}
	waiting.set(socket, count);
	outgoing.once("close", () => waiting.set(socket, (waiting.get(socket) ?? 1) - 1));
	return false;
}
// src/runtime/node/stream-handle.ts
const METHODS = [
	"writeBuffer",
	"writeLatin1String",
	"writeUtf8String"
];
const FAILED = -1;
let RequestClass;
let isOther = false;
let unused = null;
function streamHandleOf(socket) {
	const handle = socket._handle;
	if (isOther || handle?.constructor.name !== "TCP" || METHODS.some((name) => typeof handle[name] !== "function")) return void 0;
	if (socket.writableLength > 0 || socket.writableCorked > 0 || handle.writeQueueSize !== 0) return void 0;
	if (RequestClass === void 0) observeRequest(handle);
	return RequestClass === void 0 ? void 0 : handle;
}
function writeBytes(handle, bytes, observer) {
	unused ??= newRequest();
	return isTaken(handle, handle.writeBuffer(unused, bytes), bytes, observer);
}
function writeString(handle, text, isAscii, observer) {
	unused ??= newRequest();
	return isTaken(handle, isAscii ? handle.writeLatin1String(unused, text) : handle.writeUtf8String(unused, text), text, observer);
}
function isTaken(handle, result, data, observer) {
	if (result !== 0 && typeof result === "number") {
		unused = null;
		observer.onWritten(result);
		return false;
	}
	if (result === 0 && (unused === null || handle.writeQueueSize === 0)) return true;
	const request = result === 0 ? unused : result;
	unused = null;
	if (handle.writeQueueSize === 0) {
		observer.onWritten(request.writeStatus ?? FAILED);
		return false;
	}
	request.oncomplete = onComplete;
	request.buffer = data;
	request.observer = observer;
	return false;
}
function newRequest() {
	return RequestClass ? new RequestClass() : null;
}
function onComplete(status) {
	this.observer?.onWritten(status);
}
function observeRequest(handle) {
	for (const name of METHODS) handle[name] = (request, data) => {
		for (const each of METHODS) Reflect.deleteProperty(handle, each);
		const result = handle[name](request, data);
		if (typeof request?.oncomplete === "function" && typeof result === "number") RequestClass = request.constructor;
		else if (request === null && (typeof result === "number" || typeof result?.writeStatus !== "undefined")) RequestClass = null;
		else isOther = true;
		return result;
	};
}
// src/runtime/node/socket-sink.ts
const LAST_CHUNK = "0\r\n\r\n";
const NOTHING = new Uint8Array(0);
const SINK = Symbol("sser sink");
const framings = new WeakMap();
let framed = { bytes: Buffer.alloc(0) };
var SocketSink = class SocketSink {
	isSharing = true;
	#socket;
	#message;
	#stream;
	#handle;
	constructor(socket, message) {
		this.#socket = socket;
		this.#message = message;
	}
	static attach(stream, socket, message) {
		const sink = new SocketSink(socket, message);
		socket[SINK] = sink;
		socket.on("drain", onDrain).on("close", onClose);
		if (message === void 0) {
			socket.on("error", ignore$1).on("end", socket.destroy).resume();
			sink.#stream = streamHandleOf(socket);
		}
		sink.#handle = stream.attach(sink);
		sink.pull();
		if (message === void 0) sink.#stream ??= streamHandleOf(socket);
	}
	write(chunk, isShared) {
		if (framed.chunk !== chunk) framed = {
			chunk,
			bytes: isShared ? inSharedChunk(chunk) : inChunk(chunk)
		};
		if (this.#stream !== void 0) return writeBytes(this.#stream, framed.bytes, this);
		return this.#isTaken(this.#socket.write(framed.bytes));
	}
	writeText(text) {
		const bytes = Buffer.byteLength(text);
		const isAscii = bytes === text.length;
		const chunk = `${bytes.toString(16)}\r\n${text}\r\n`;
		if (this.#stream !== void 0) return writeString(this.#stream, chunk, isAscii, this);
		return this.#isTaken(this.#socket.write(chunk, isAscii ? "latin1" : "utf8"));
	}
	#isTaken(isBelowMark) {
		if (!isBelowMark) return false;
		if (this.#socket.writableLength === 0) return true;
		this.#pullOnceWritten();
		return false;
	}
	#pullOnceWritten() {
		this.#socket.write(NOTHING, () => setImmediate(() => this.pull()));
	}
	onWritten(status) {
		if (status < 0) this.#socket.destroy();
		else setImmediate(() => this.pull());
	}
	close() {
		startCloseTimeout(this.#socket);
		if (this.#message !== void 0) {
			this.#message.end();
			return;
		}
		this.#socket.write(LAST_CHUNK);
		this.#socket.destroySoon();
	}
	pull() {
		this.#handle?.pull();
	}
	abort() {
		this.#socket.destroy();
	}
	leave() {
		this.#handle?.leave();
	}
};
function onDrain() {
	setImmediate(() => this[SINK]?.pull());
}
function onClose() {
	this[SINK]?.leave();
}
function ignore$1() {}
function inChunk(chunk) {
	return Buffer.concat([
		Buffer.from(`${chunk.byteLength.toString(16)}\r\n`),
		chunk,
		Buffer.from("\r\n")
	]);
}
function inSharedChunk(chunk) {
	let bytes = framings.get(chunk);
	if (bytes === void 0) {
		bytes = inChunk(chunk);
		framings.set(chunk, bytes);
	}
	return bytes;
}
// src/runtime/node/fast-path.ts
const { writeHead, write, end } = ServerResponse.prototype;
const FINISHED = channel("http.server.response.finish");
function withFastPath(fetch) {
	return finishing(fetch, (exchange, watchers) => {
		const { request, env, response, stream } = exchange;
		const { incoming, outgoing } = env;
		if (outgoing.socket === null || !isPlain(stream, response, incoming, outgoing)) return withoutAttaching(exchange);
		const isWatched = hasAborter(request) || hasListeners(outgoing, watchers);
		begin(stream, response.headers, env, isWatched);
		RESPONSE_ALREADY_SENT.body;
		return RESPONSE_ALREADY_SENT;
	});
}
function withoutFastPath(fetch) {
	return finishing(fetch, withoutAttaching);
}
function finishing(fetch, finish) {
	return (request, env) => {
		const { incoming, outgoing } = env;
		if (!isOnSocket(outgoing)) return fetch(request, env);
		if (refusesPipelined(incoming, outgoing)) return new Response();
		const end = (response, watchers) => {
			const stream = arrivalOf(request, env)?.body;
			return stream === void 0 ? response : finish({
				request,
				env,
				response,
				stream
			}, watchers);
		};
		const response = fetch(request, env);
		dropBodyOfGet(env.incoming);
		if (!isPromise(response)) return end(response, 0);
		return response.then((settled) => end(settled, 1));
	};
}
function isOnSocket(outgoing) {
	return outgoing instanceof ServerResponse && (outgoing.socket === null || outgoing.socket instanceof Socket);
}
function dropBodyOfGet(incoming) {
	if (incoming.method !== "GET" && incoming.method !== "HEAD" || !hasBody(incoming)) return;
	if (incoming.readableFlowing === null && incoming.listenerCount("readable") === 0) incoming.resume();
}
function hasBody({ headers }) {
	return headers["transfer-encoding"] !== void 0 || headers["content-length"] !== void 0;
}
function behindAnother(stream, response) {
	const { status, statusText, body } = response;
	const headers = new Headers(response.headers);
	headers.delete("connection");
	if (body !== stream) {
		if (!stream.locked) return new Response(body, {
			status,
			statusText,
			headers
		});
		body?.cancel().catch(() => {});
	}
	for (const name of ["content-length", "content-encoding"]) headers.delete(name);
	return new Response(stream.format.own(retryFrame()), {
		status,
		headers
	});
}
function withoutAttaching({ env: { outgoing }, response, stream }) {
	if (outgoing.socket === null) {
		const other = behindAnother(stream, response);
		stream.leave();
		return other;
	}
	closeAfterStream(stream, outgoing);
	return response;
}
function isPlain(stream, response, incoming, outgoing) {
	return incoming.httpVersion === "1.1" && outgoing.socket?.writable === true && !outgoing.headersSent && response.status === 200 && response.body === stream && outgoing.write === write && outgoing.end === end;
}
function hasAborter(request) {
	return Object.getOwnPropertySymbols(request).some(({ description }) => description === "abortControllerKey");
}
function hasListeners(outgoing, watchers) {
	return outgoing.listenerCount("close") > watchers || outgoing.listenerCount("finish") > 1 || outgoing.listenerCount("prefinish") > 0 || FINISHED.hasSubscribers;
}
function begin(stream, headers, { incoming, outgoing }, isWatched) {
	if (isWatched || outgoing.writeHead !== writeHead || outgoing.getHeaderNames().length > 0) {
		for (const [name, value] of headers) if (name === "set-cookie" || name === "vary") outgoing.appendHeader(name, value);
		else outgoing.setHeader(name, value);
		outgoing.writeHead(200, {
			connection: "close",
			"transfer-encoding": "chunked"
		});
	} else outgoing.writeHead(200, listOf(headers));
	outgoing.flushHeaders();
	if (outgoing.socket !== null && (isWatched || hasBody(incoming))) markLastResponse(outgoing.socket);
	incoming.resume();
	setImmediate(() => {
		const { socket } = outgoing;
		if (socket === null || socket.destroyed) return stream.leave();
		const message = incoming.complete && incoming.readableEnded && !isWatched && detachFromHttp(outgoing, socket) ? void 0 : outgoing;
		if (message !== void 0) markLastResponse(socket);
		SocketSink.attach(stream, socket, message);
	});
}
function listOf(headers) {
	const list = [
		"connection",
		"close",
		"transfer-encoding",
		"chunked"
	];
	for (const [name, value] of headers) if (name !== "connection" && name !== "transfer-encoding") list.push(name, value);
	return list;
}
// src/runtime/node/node-duplex.ts
const END_MS = 5e3;
var NodeDuplex = class {
	#written;
	#read;
	#socket;
	#isEnded = false;
	constructor(written, read) {
		this.#written = written;
		this.#read = read;
		this.#socket = read.socket;
		written.on("error", ignore);
		read.on("error", ignore);
	}
	get bufferedBytes() {
		return this.#socket.writableLength;
	}
	write(text) {
		if (this.#isEnded || this.#socket.destroyed) return;
		this.#socket.write(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`);
	}
	end() {
		if (this.#isEnded) return;
		this.#isEnded = true;
		this.#written.end();
		if (this.#written.writableFinished) return;
		const timer = setTimeout(() => this.#socket.destroy(), END_MS);
		timer.unref();
		this.#written.once("close", () => clearTimeout(timer));
		this.#written.once("finish", () => clearTimeout(timer));
	}
	destroy() {
		this.#isEnded = true;
		this.#socket.destroy();
	}
	read(reader) {
		const body = this.#read;
		let isOver = false;
		const end = (error) => {
			if (isOver) return;
			isOver = true;
			reader.onEnd(error);
		};
		body.on("data", (bytes) => {
			const wait = reader.onBytes(bytes);
			if (wait === void 0) return;
			body.pause();
			wait.then(() => body.resume());
		});
		body.on("end", () => end());
		body.on("error", end);
		body.on("close", () => end(new Error("the connection closed")));
		this.#socket.once("close", () => body.complete || end(new Error("the connection closed")));
		if (body.destroyed) end(body.errored ?? new Error("the connection closed"));
	}
};
function ignore() {}
function acceptNodeDuplex(incoming, outgoing, headers) {
	if (outgoing.socket === null) return void 0;
	outgoing.writeHead(200, headers);
	outgoing.flushHeaders();
	const duplex = new NodeDuplex(outgoing, incoming);
	duplex.write("\n");
	return {
		duplex,
		response: new Response(null, { headers: { "x-hono-already-sent": "true" } }).clone()
	};
}
// src/runtime/node/http-transport.ts
const OLD_AGENT_MS = 6e4;
function httpTransports(tls) {
	return {
		post: httpTransport(tls),
		open: httpDuplexTransport(tls)
	};
}
function httpTransport(tls) {
	const send = sender(tls, { keepAlive: true });
	return (request) => {
		const { headers, body, maxBytes, signal } = request;
		return new Promise((resolve, reject) => {
			const fail = (error) => reject(signal.aborted ? signal.reason : error);
			const length = Buffer.byteLength(body);
			const options = {
				...targetOf(request),
				headers: {
					...headers,
					"content-length": length
				}
			};
			const posting = send(options, (response) => {
				if (response.statusCode === 200 && maxBytes > 0) read(response, maxBytes).then(resolve, fail);
				else resolve(dismiss(response));
			});
			limitHints(posting);
			posting.on("error", fail).end(body);
		});
	};
}
function httpDuplexTransport(tls) {
	const send = sender(tls, { keepAlive: false });
	return (request) => {
		const { headers, signal } = request;
		return new Promise((resolve, reject) => {
			const own = {
				connection: "keep-alive",
				"transfer-encoding": "chunked"
			};
			const options = {
				...targetOf(request),
				headers: {
					...headers,
					...own
				}
			};
			const posting = send(options, (response) => {
				const head = headOf(response);
				if (head.status === 200) resolve({
					...head,
					duplex: new NodeDuplex(posting, response)
				});
				else resolve({
					...head,
					duplex: void 0
				});
				if (head.status !== 200) response.on("error", () => {}).destroy();
			});
			limitHints(posting);
			posting.on("error", (error) => reject(signal.aborted ? signal.reason : error));
			posting.write("\n");
		});
	};
}
function targetOf({ host, path, signal }) {
	const { hostname, port } = new URL(`http://${host}`);
	return {
		hostname: hostname.replace(/^\[(.*)\]$/, "$1"),
		port,
		path,
		method: "POST",
		signal
	};
}
function limitHints(posting) {
	let hints = 0;
	posting.on("information", () => {
		hints += 1;
		if (hints > MAX_HINTS) posting.destroy(new SserError("peer-failed", `sent more than ${MAX_HINTS} informational responses`));
	});
}
const MAX_HINTS = 16;
function sender(current, { keepAlive }) {
	if (current === void 0) {
		const agent = new Agent({ keepAlive });
		return (options, onResponse) => request({
			...options,
			agent
		}, onResponse);
	}
	let tls = current();
	let agent = agentWith(tls, keepAlive);
	return (options, onResponse) => {
		if (tls !== current()) {
			setTimeout((old) => old.destroy(), OLD_AGENT_MS, agent).unref();
			tls = current();
			agent = agentWith(tls, keepAlive);
		}
		return request$1({
			...options,
			agent,
			servername: tls.servername
		}, onResponse);
	};
}
function agentWith(tls, keepAlive) {
	return new Agent$1({
		keepAlive,
		...tls,
		rejectUnauthorized: true
	});
}
function read(response, maxBytes) {
	return new Promise((resolve, reject) => {
		const refuse = (error) => {
			response.destroy();
			reject(error);
		};
		if (Number(response.headers["content-length"]) > maxBytes) {
			refuse(tooLarge(maxBytes));
			return;
		}
		const buffer = new BodyBuffer(maxBytes);
		response.on("data", (piece) => {
			if (response.destroyed) return;
			try {
				buffer.add(piece);
			} catch (error) {
				refuse(error);
			}
		});
		response.on("end", () => resolve({
			...headOf(response),
			body: decodeBody(buffer.take())
		}));
		response.on("error", reject);
	});
}
function dismiss(response) {
	response.on("error", () => {}).resume();
	setImmediate(() => response.complete || response.destroy());
	return {
		...headOf(response),
		body: ""
	};
}
function headOf({ statusCode, headers }) {
	return {
		status: statusCode,
		signature: headers[SIGNATURE_HEADER]
	};
}
// src/runtime/node/internal-sockets.ts
const IDLE_MS = 1e4;
const MAX_PER_ADDRESS = 256;
const MAX_SOCKETS = 1024;
var InternalSockets = class {
	#strangers = new Map();
	#counts = new Map();
	constructor(server) {
		server.on("connection", (socket) => {
			const address = socket.remoteAddress ?? "";
			this.#strangers.set(socket, address);
			this.#counts.set(address, (this.#counts.get(address) ?? 0) + 1);
			socket.setTimeout(IDLE_MS);
			socket.once("close", () => this.#forget(socket));
			const isFull = this.#strangers.size > MAX_SOCKETS;
			if (isFull || (this.#counts.get(address) ?? 0) > MAX_PER_ADDRESS) this.#closeOldest(isFull ? this.#heaviest() : address);
		});
	}
	trust(socket) {
		if (this.#forget(socket)) socket.setTimeout(0);
	}
	#forget(socket) {
		const address = this.#strangers.get(socket);
		if (address === void 0) return false;
		this.#strangers.delete(socket);
		const left = (this.#counts.get(address) ?? 0) - 1;
		if (left > 0) this.#counts.set(address, left);
		else this.#counts.delete(address);
		return true;
	}
	#heaviest() {
		let heaviest = "";
		for (const [address, count] of this.#counts) if (count > (this.#counts.get(heaviest) ?? 0)) heaviest = address;
		return heaviest;
	}
	#closeOldest(of) {
		for (const [socket, address] of this.#strangers) {
			if (address !== of) continue;
			this.#forget(socket);
			socket.destroy();
			return;
		}
	}
};
// src/runtime/node/listener.ts
const PORT_WAIT_MS = 45e3;
const PORT_RETRY_MS = 100;
const OWN_PORT_FIX = "; give each worker of node:cluster or PM2 an internalPort (and opsPort) of its own, and find them with WorkerPeerFinder";
var NodeListener = class NodeListener {
	port;
	#connections;
	constructor(server, connections) {
		this.port = server.address().port;
		this.#connections = connections;
	}
	static async bind(server, port, hostname, exclusive) {
		const connections = new ServerConnections(server);
		const isExclusive = exclusive !== void 0;
		const waits = isExclusive && cluster.isWorker;
		const waitMs = exclusive?.waitMs ?? PORT_WAIT_MS;
		const deadline = performance.now() + (waits ? waitMs : 0);
		for (let isFirst = true;; isFirst = false) try {
			await listen(server, {
				port,
				host: hostname,
				exclusive: isExclusive
			});
			return new NodeListener(server, connections);
		} catch (cause) {
			if (!(cause.code === "EADDRINUSE") || performance.now() >= deadline) throw bindError(port, hostname, cause, waits ? OWN_PORT_FIX : "");
			if (isFirst) process.emitWarning(`sser: internal port ${port} is in use; this worker retries for ${waitMs / 1e3} s, until the worker that it replaces has stopped`);
			exclusive?.signal.throwIfAborted();
			await new Promise((resolve) => setTimeout(resolve, PORT_RETRY_MS));
		}
	}
	close(timeoutMs, idleMs) {
		return this.#connections.close(timeoutMs, idleMs);
	}
};
function listen(server, options) {
	return new Promise((resolve, reject) => {
		const onListening = () => {
			server.off("error", onError);
			resolve();
		};
		const onError = (error) => {
			server.off("listening", onListening);
			reject(error);
		};
		server.once("listening", onListening).once("error", onError).listen(options);
	});
}
// src/runtime/node/server-options.ts
const HEADERS_LIMIT = {
	headersTimeout: 1e4,
	connectionsCheckingInterval: 2e3
};
const TCP_KEEP_ALIVE = {
	keepAlive: true,
	keepAliveInitialDelay: 6e4
};
const DEFAULT_HOST = "localhost";
// src/runtime/node/internal-listener.ts
const bindInternal = async (fetch, { port, hostname, tls, signal }) => {
	const serverOptions = {
		...HEADERS_LIMIT,
		...TCP_KEEP_ALIVE
	};
	const common = {
		hostname: DEFAULT_HOST,
		overrideGlobalObjects: false
	};
	let sockets;
	const answer = withoutDraining(fetch);
	const heard = async (request, env) => {
		const response = await answer(request, env);
		if (request.method === "POST" && response.status === 200) sockets?.trust(env.incoming.socket);
		return response;
	};
	const server = createAdaptorServer(tls === void 0 ? {
		...common,
		fetch: heard,
		serverOptions
	} : {
		...common,
		fetch: answer,
		createServer,
		serverOptions: {
			...serverOptions,
			...tls,
			requestCert: true,
			rejectUnauthorized: true,
			handshakeTimeout: HEADERS_LIMIT.headersTimeout
		}
	});
	server.keepAliveTimeout = 0;
	server.requestTimeout = 0;
	if (tls === void 0) sockets = new InternalSockets(server);
	const listener = await NodeListener.bind(server, port, hostname, { signal });
	return {
		port: listener.port,
		close: (timeoutMs) => listener.close(timeoutMs),
		renew: ({ key, cert, ca }) => server.setSecureContext({
			key,
			cert,
			ca
		})
	};
};
function withoutDraining(fetch) {
	return (request, env) => {
		const { incoming, outgoing } = env;
		if (incoming.headers["transfer-encoding"] === void 0) return fetch(request, env);
		let isOpen = false;
		outgoing.once("finish", () => isOpen || incoming.destroy());
		const acceptDuplex = (headers) => {
			const accepted = acceptNodeDuplex(incoming, outgoing, headers);
			isOpen = accepted !== void 0;
			return accepted;
		};
		return fetch(request, {
			...env,
			acceptDuplex
		});
	};
}
// src/runtime/node/crypto.ts
const BLOCK_BYTES = 64;
const SHORT_LENGTH = 16384;
const nodeHmac = (secret) => {
	const key = createSecretKey(secret, "utf8");
	const inner = Buffer.alloc(49216);
	const outer = Buffer.alloc(96);
	const bytes = Buffer.from(secret, "utf8");
	const block = Buffer.alloc(BLOCK_BYTES);
	(bytes.byteLength > BLOCK_BYTES ? createHash("sha256").update(bytes).digest() : bytes).copy(block);
	for (let i = 0; i < BLOCK_BYTES; i += 1) {
		const byte = block[i];
		inner[i] = byte ^ 54;
		outer[i] = byte ^ 92;
	}
	const sign = (head, body) => {
		if (head.length + body.length > SHORT_LENGTH) return createHmac("sha256", key).update(head).update(body).digest("base64url");
		const end = BLOCK_BYTES + inner.write(head + body, BLOCK_BYTES, "utf8");
		outer.write(hash("sha256", inner.subarray(0, end), "binary"), BLOCK_BYTES, "latin1");
		return hash("sha256", outer, "base64url");
	};
	return {
		sign,
		verify: (mac, head, body) => timingSafeEqual(Buffer.from(mac), Buffer.from(sign(head, body)))
	};
};
// src/runtime/node/require-node.ts
const OLDEST_NODE = [22, 19];
function requireNode(version = process.versions.node) {
	const [major = 0, minor = 0] = version.split(".").map(Number);
	if (major > OLDEST_NODE[0] || major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1]) return;
	throw new SserError("unsupported-runtime", `sser: expected Node ${OLDEST_NODE.join(".")} or later, got Node ${version}`);
}
// src/node.ts
const PUBLIC_DEFAULTS = {
	...HEADERS_LIMIT,
	...TCP_KEEP_ALIVE,
	keepAliveTimeout: 62e4
};
const runtime = {
	bindInternal,
	process,
	transports: httpTransports,
	hmacFactory: nodeHmac,
	certificateReader
};
async function serve$1(allOptions = {}) {
	requireNode();
	const { fastPath = true, serverOptions = {}, ...options } = requireOptions("serve()", allOptions);
	const bindPublic = (fetch, port, hostname, isDraining) => {
		const answer = closeWhile(isDraining, fetch);
		const server = createAdaptorServer({
			fetch: fastPath ? withFastPath(answer) : withoutFastPath(answer),
			hostname: DEFAULT_HOST,
			serverOptions: {
				...PUBLIC_DEFAULTS,
				...serverOptions
			}
		});
		return NodeListener.bind(server, port, hostname);
	};
	return runServer(runtime, bindPublic, options);
}
export { Sser, StaticPeerFinder, serve as serveBun, serve$1 as serveNode, serverSideOf };
