import * as v from "valibot";
import { Hono } from "hono";
import { HTTPException } from "hono/http-exception";
import { html, raw } from "hono/html";
import { createHmac, createSecretKey, timingSafeEqual } from "node:crypto";
import { Agent, createServer, request } from "node:https";
import { createAdaptorServer } from "@hono/node-server";
import { Agent as Agent$1, ServerResponse, request as request$1 } from "node:http";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
// src/errors.ts
var SserError = class extends Error {
	name = "SserError";
	code;
	constructor(code, message, options) {
		super(message, options);
		this.code = code;
	}
};
function stopped() {
	return new SserError("stopped", "This instance was stopped");
}
function describe(error) {
	const messages = [];
	for (let cause = error; cause instanceof Error && messages.length < 4; cause = cause.cause) {
		const code = cause.code;
		messages.push(cause.message === "" && typeof code === "string" ? code : cause.message);
	}
	return messages.length === 0 ? String(error) : messages.join(": ");
}
// src/mesh/peer.ts
const TARGET_HEADER = "sser-target";
const schema$3 = v.object({
	address: v.pipe(v.string(), v.regex(/^(?:[0-9A-Za-z._-]+|[0-9A-Fa-f.]*(?::[0-9A-Fa-f.]*){2,})$/)),
	port: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65535))),
	uid: v.optional(v.pipe(v.string(), v.regex(/^[!-~]{1,128}$/)))
});
function targetOf(peer, defaultPort) {
	return {
		host: hostOf(peer, defaultPort),
		uid: peer.uid
	};
}
function hostOf({ address, port }, defaultPort) {
	return `${address.includes(":") ? `[${address}]` : address}:${port ?? defaultPort}`;
}
function checkPeers(peers) {
	for (const peer of peers) if (!v.is(schema$3, peer)) throw new SserError("invalid-peer", `Not a peer: ${JSON.stringify(peer)}; expected { address, port?, uid? }`);
	return peers;
}
// src/finders/static.ts
var StaticPeerFinder = class {
	#peers;
	constructor(peers) {
		this.#peers = checkPeers(peers.map((peer) => typeof peer === "string" ? parsePeer(peer) : peer));
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
// src/clock.ts
const MAX_TIMER_MS = 2147483647;
const { setImmediate: setImmediate$1 } = globalThis;
const systemClock = {
	now: () => performance.now(),
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
// src/core/recent-faults.ts
const MOST = 20;
const MESSAGE_LENGTH = 500;
var RecentFaults = class {
	#clock;
	#faults = [];
	constructor(clock) {
		this.#clock = clock;
	}
	before(next) {
		return (error, context) => {
			const message = describe(error).slice(0, MESSAGE_LENGTH);
			this.#faults.push({
				...context,
				message,
				at: this.#clock.now()
			});
			if (this.#faults.length > MOST) this.#faults.shift();
			next?.(error, context);
		};
	}
	list() {
		const now = this.#clock.now();
		return this.#faults.map(({ at, ...fault }) => ({
			...fault,
			ageMs: now - at
		})).reverse();
	}
};
// src/core/histogram.ts
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
// src/core/peer-requests.ts
const MOST_PEERS$1 = 1e3;
var PeerRequests = class {
	#byPeer = new Map();
	add(peer, status, ms) {
		let byStatus = this.#byPeer.get(peer);
		if (byStatus === void 0) {
			byStatus = new Map();
			this.#byPeer.set(peer, byStatus);
			const [oldest] = this.#byPeer.keys();
			if (this.#byPeer.size > MOST_PEERS$1 && oldest !== void 0) this.#byPeer.delete(oldest);
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
// src/core/tally.ts
var Tally = class {
	opened = 0;
	ended = 0;
	sent = 0;
	received = 0;
	delivered = 0;
	replayed = 0;
	gaps = {
		trimmed: 0,
		hole: 0,
		stalled: 0,
		stranger: 0,
		v1: 0,
		unreadable: 0
	};
	requests = {
		ok: 0,
		refused: 0,
		failed: 0
	};
	peerRequests = new PeerRequests();
	retries = 0;
	latency = new Histogram();
	tickLateMs = 0;
	answer(peer, status, ms) {
		this.requests[status === 0 ? "failed" : status >= 200 && status < 300 ? "ok" : "refused"] += 1;
		if (status !== 0) this.latency.add(ms);
		this.peerRequests.add(peer, status, ms);
	}
	tell({ events, gaps }) {
		this.delivered += events;
		if (gaps !== void 0) for (const reason of gaps) this.gaps[reason] += 1;
	}
};
// src/faults.ts
var Faults = class {
	counts = {
		append: 0,
		receive: 0,
		hydrate: 0,
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
	reject(code) {
		this.rejected[code] = (this.rejected[code] ?? 0) + 1;
	}
	refuse(error, peer) {
		const context = {
			stage: "receive",
			...peer !== void 0 && { peer }
		};
		this.reject(error.code);
		this.counts.receive += 1;
		if (this.#logging?.fault(error, context) !== false || error.code !== "unauthorized") this.#tell(error, context);
	}
	report(error, context) {
		this.counts[context.stage] += 1;
		this.#logging?.fault(error, context);
		this.#tell(error, context);
	}
	#tell(error, context) {
		try {
			this.#onError?.(error, context);
		} catch {}
	}
	recovered(peer) {
		this.#logging?.back(peer);
	}
};
// src/logging.ts
const WINDOW_MS = 6e4;
const MAX_KEYS = 256;
const MAX_LENGTH$1 = 1e3;
const FORGING$1 = /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;
const QUIET_CONSOLE = {
	info: () => {},
	warn: (message) => console.warn(message)
};
var Logging = class {
	#logger;
	#clock;
	#windows = new Map();
	#others = {
		since: Number.NEGATIVE_INFINITY,
		leftOut: 0
	};
	#lost = new Set();
	constructor(logger, clock) {
		this.#logger = logger === false ? void 0 : logger ?? QUIET_CONSOLE;
		this.#clock = clock;
	}
	info(message) {
		this.#say("info", message);
	}
	warn(message) {
		this.#say("warn", message);
	}
	warnOncePerMinute(key, message) {
		const now = this.#clock.now();
		const window = this.#window(key, now);
		if (now - window.since < WINDOW_MS) {
			window.leftOut += 1;
			return false;
		}
		const leftOut = window.leftOut === 0 ? "" : ` (and ${window.leftOut} more since the last such line)`;
		window.since = now;
		window.leftOut = 0;
		this.warn(message + leftOut);
		return true;
	}
	fault(error, { stage, peer }) {
		const what = FAULTS[stage];
		const where = peer === void 0 ? what : `peer ${peer}: ${what}`;
		const isSaid = this.warnOncePerMinute(`fault ${stage} ${peer ?? ""}`, `${where}: ${describe(error)}`);
		if (!isSaid || stage !== "append" || peer === void 0) return isSaid;
		this.#lost.add(peer);
		if (this.#lost.size <= MAX_KEYS) return true;
		const [first] = this.#lost;
		this.#lost.delete(first);
		return true;
	}
	back(peer) {
		if (this.#lost.delete(peer)) this.info(`peer ${peer} is back`);
	}
	#window(key, now) {
		const known = this.#windows.get(key);
		if (known !== void 0) return known;
		if (this.#windows.size >= MAX_KEYS) {
			for (const [old, { since }] of this.#windows) if (now - since >= WINDOW_MS) this.#windows.delete(old);
		}
		if (this.#windows.size >= MAX_KEYS) return this.#others;
		const window = {
			since: Number.NEGATIVE_INFINITY,
			leftOut: 0
		};
		this.#windows.set(key, window);
		return window;
	}
	#say(level, message) {
		if (this.#logger === void 0) return;
		const line = `sser: ${message}`.slice(0, MAX_LENGTH$1).toWellFormed().replace(FORGING$1, "�");
		try {
			this.#logger[level](line);
		} catch {}
	}
};
const FAULTS = {
	append: "cannot be given events, and is tried again",
	receive: "a request of a peer was refused",
	hydrate: "cannot be asked for the log",
	"peer-finder": "the peer finder failed",
	deliver: "a connection could not be served, and was ended",
	authorize: "the hook \"authorize\" failed, and nobody was let in"
};
// src/finders/follow.ts
async function follow(changes, options) {
	const { signal, faults, adopt } = options;
	try {
		for await (const peers of changes) {
			if (signal.aborted) return;
			try {
				adopt(checkPeers(peers));
			} catch (error) {
				faults.report(error, { stage: "peer-finder" });
			}
		}
		if (signal.aborted) return;
		throw new SserError("peer-finder-failed", "The peer finder ended its list of changes");
	} catch (error) {
		if (!signal.aborted) faults.report(error, { stage: "peer-finder" });
	}
}
// src/wire/frame.ts
const LINE_BREAK = /\r\n|\r|\n/;
function eventFrame({ id, event, msg }) {
	let text = id === void 0 ? "" : `id: ${id}\n`;
	if (event !== void 0) text += `event: ${event}\n`;
	if (!msg.includes("\n") && !msg.includes("\r")) return `${text}data: ${msg}\n\n`;
	for (const line of msg.split(LINE_BREAK)) text += `data: ${line}\n`;
	return `${text}\n`;
}
function positionFrame(id) {
	return id === void 0 ? ":\n\n" : `event: sser-position\nid: ${id}\ndata:\n\n`;
}
function retryFrame(ms) {
	return `retry: ${ms}\n\n`;
}
function gapFrame(id, reason) {
	return `event: sser-gap\nid: ${id ?? ""}\ndata: {"reason":"${reason}"}\n\n`;
}
// src/core/connection.ts
const encoder$4 = new TextEncoder();
var Connection = class {
	audience;
	terms;
	beat = 0;
	#reader;
	#sink;
	#surroundings;
	#gap;
	#isGreeted = false;
	#isBehind;
	#isReady = false;
	#isClosed = false;
	#unread = 0;
	constructor({ audience, reader, gap, sink, surroundings, terms }) {
		this.audience = audience;
		this.terms = terms;
		this.#reader = reader;
		this.#sink = sink;
		this.#surroundings = surroundings;
		this.#gap = gap;
		this.#isBehind = reader.cursor < surroundings.log.head;
	}
	pull() {
		if (this.#isClosed) return false;
		this.#isReady = true;
		this.#unread = 0;
		if (!this.#isGreeted) this.#greet();
		return this.#isBehind && this.#isReady;
	}
	offer(batch, chunk) {
		const reader = this.#reader;
		if (this.#isBehind || reader.cursor >= batch.to) return false;
		if (this.#isReady && reader.isLevel && reader.cursor <= batch.from) {
			reader.cursor = batch.to;
			if (chunk === void 0) return false;
			this.#isReady = this.#sink.write(chunk.bytes);
			this.#surroundings.tally.tell(chunk);
			return false;
		}
		this.#isBehind = true;
		reader.catchUp(batch.from, this.#surroundings.now());
		return this.#isReady;
	}
	catchUp() {
		if (!this.#isReady || !this.#isBehind) return false;
		const { log, now, tally } = this.#surroundings;
		const slice = this.#reader.slice(now());
		this.#isBehind = this.#reader.cursor < log.head;
		if (slice.text !== "") this.#write(slice.text);
		tally.tell(slice);
		tally.replayed += slice.replayed;
		return this.#isBehind && this.#isReady;
	}
	isStalled(heartbeats) {
		if (this.#isReady) return false;
		this.#unread += 1;
		return this.#unread > heartbeats;
	}
	heartbeat(delivered, frameAt) {
		if (!this.#isReady || this.#isBehind) return;
		const now = this.#surroundings.now();
		this.#reader.catchUp(delivered, now);
		const { cursor, isLevel } = this.#reader;
		if (isLevel) this.#isReady = this.#sink.write(frameAt(cursor));
		else this.#write(positionFrame(this.#reader.idAt(cursor, now)));
	}
	close(random) {
		this.#isClosed = true;
		if (this.#isReady || !this.#isGreeted) this.#write(retryFrame(Math.round(this.#surroundings.retryMs * (.5 + random))));
		this.#sink.close();
	}
	abort() {
		this.#isClosed = true;
		this.#sink.abort();
	}
	#greet() {
		this.#isGreeted = true;
		const { now, retryMs, tally } = this.#surroundings;
		const id = this.#reader.idAt(this.#reader.cursor, now());
		this.#write(retryFrame(retryMs) + (this.#gap === void 0 ? positionFrame(id) : gapFrame(id, this.#gap)));
		if (this.#gap !== void 0) tally.gaps[this.#gap] += 1;
	}
	#write(text) {
		this.#isReady = this.#sink.write(encoder$4.encode(text));
	}
};
// src/core/event-stream.ts
const streams = new WeakMap();
let opened = 0;
function eventStreamsOpened() {
	return opened;
}
function eventStreamOf(request) {
	return streams.get(request);
}
function eventStreamIn(response) {
	if (!isEventStream(response) || response.body === null) return void 0;
	return streams.get(response.body);
}
function isEventStream({ headers }) {
	return headers.get("content-type")?.startsWith("text/event-stream") === true;
}
var Taker = class {
	#hub;
	#connection;
	constructor(hub, connection, since) {
		this.#hub = hub;
		this.#connection = connection;
		hub.join(connection, since);
	}
	pull() {
		this.#hub.pull(this.#connection);
	}
	leave() {
		this.#hub.leave(this.#connection);
	}
};
var EventStream = class {
	body;
	#hub;
	#connect;
	#since;
	#carrier;
	#isOpen = false;
	constructor(hub, connect, since) {
		this.#hub = hub;
		this.#connect = connect;
		this.#since = since;
		opened += 1;
		let taker;
		let isCut = false;
		this.body = new ReadableStream({
			pull: (controller) => {
				if (isCut) return controller.error();
				if (taker === void 0) {
					this.#isOpen = true;
					this.#carrier?.begin();
					taker = this.divert({
						write(chunk) {
							controller.enqueue(chunk);
							return false;
						},
						close: () => {
							controller.close();
							this.#end();
						},
						abort: () => {
							isCut = true;
							this.#isOpen = false;
							if (this.#carrier === void 0) controller.error();
							else this.#carrier.cut();
						}
					});
				}
				taker.pull();
			},
			cancel: () => {
				taker?.leave();
				this.#end();
			}
		}, { highWaterMark: 0 });
	}
	carriedBy(carrier) {
		this.#carrier = carrier;
		if (this.#isOpen) carrier.begin();
	}
	answers(request) {
		streams.set(request, this);
		streams.set(this.body, this);
	}
	divert(sink) {
		return new Taker(this.#hub, this.#connect(sink), this.#since);
	}
	#end() {
		if (!this.#isOpen) return;
		this.#isOpen = false;
		this.#carrier?.end();
	}
};
// src/wire/position.ts
const MAX_POSITION_BYTES = 4096;
const MAX_EPOCHS = 2048;
const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const EPOCH_LENGTH = 5;
const EPOCH = /^[0-9A-Za-z]{5}$/;
const ENTRY = /^([0-9A-Za-z]{5})([1-9a-z][0-9a-z]{0,10})(?:~([0-9a-z]{1,11}))?$/;
const CHECK_SIZE = 62 ** 3;
function drawEpoch(random) {
	let epoch = "";
	while (epoch.length < EPOCH_LENGTH) epoch += ALPHABET[Math.floor(random() * 62)];
	return epoch;
}
function isEpoch(text) {
	return EPOCH.test(text);
}
function printPosition(position, carriedMs) {
	let text = "";
	for (const [epoch, seq] of position) {
		text += `${text === "" ? "" : "."}${epoch}${seq.toString(36)}`;
		const carried = carriedMs?.get(epoch);
		if (carried !== void 0) text += `~${Math.round(carried).toString(36)}`;
	}
	return `${text}-${check(text)}`;
}
function parsePosition(id, maxBytes = MAX_POSITION_BYTES) {
	if (id.length > maxBytes) return void 0;
	const dash = id.lastIndexOf("-");
	if (dash < 1 || check(id.slice(0, dash)) !== id.slice(dash + 1)) return void 0;
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
function check(text) {
	let hash = 2166136261;
	for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 16777619);
	let rest = (hash >>> 0) % CHECK_SIZE;
	let digits = "";
	for (let i = 0; i < 3; i += 1) {
		digits += ALPHABET[rest % 62];
		rest = Math.floor(rest / 62);
	}
	return digits;
}
// src/core/batch.ts
const FULL_LENGTH = 1048576;
const MAX_ITEMS$1 = 16384;
const encoder$3 = new TextEncoder();
var Batch = class {
	from;
	to;
	streams;
	traced = [];
	#framed = [];
	#chunks = new Map();
	constructor(log, from, now, isWanted) {
		this.from = from;
		const start = Math.max(from, log.tail);
		const whole = Math.max(start, log.wholeFrom);
		const position = log.positionAt(whole, now);
		const print = () => log.history ? printPosition(position) : void 0;
		const streams = new Set();
		const gaps = new Map();
		let length = 0;
		const frame = (stream, gap, text) => {
			this.#framed.push({
				stream,
				gap,
				text
			});
			length += text.length;
		};
		const tell = () => {
			if (gaps.size === 0) return;
			const id = print();
			for (const [stream, reason] of gaps) frame(stream, reason, gapFrame(id, reason));
			gaps.clear();
		};
		if (from < start) gaps.set(void 0, "trimmed");
		let index = start;
		for (; index < log.head && index - whole < MAX_ITEMS$1 && length < FULL_LENGTH; index += 1) {
			const item = log.at(index);
			const isNews = item.kind === "event" && isWanted(item.stream);
			if (isNews) streams.add(item.stream);
			if (isNews && item.msg !== void 0) tell();
			if (index >= whole && item.epoch !== void 0) position.set(item.epoch, item.seq);
			if (item.kind === "hole") {
				gaps.clear();
				gaps.set(void 0, "hole");
			}
			if (!isNews) continue;
			if (item.msg === void 0) {
				gaps.delete(item.stream);
				gaps.set(item.stream, "trimmed");
			} else if (log.keys.isFirst(item)) {
				if (item.traceparent !== void 0) this.traced.push(item);
				const id = item.epoch === void 0 ? void 0 : print();
				frame(item.stream, void 0, eventFrame({
					id,
					event: item.event,
					msg: item.msg
				}));
			}
		}
		tell();
		this.to = index;
		this.streams = this.#framed.some(({ stream }) => stream === void 0) ? void 0 : streams;
	}
	chunk(audience) {
		if (this.#chunks.has(audience)) return this.#chunks.get(audience);
		const told = [];
		for (const framed of this.#framed) {
			if (framed.stream !== void 0 && !audience.streams.includes(framed.stream)) continue;
			if (framed.gap !== void 0 && told.at(-1)?.gap !== void 0) told.pop();
			told.push(framed);
		}
		const chunk = encode(told);
		this.#chunks.set(audience, chunk);
		return chunk;
	}
};
function encode(told) {
	const [first] = told;
	if (first === void 0) return void 0;
	if (told.length === 1 && first.chunk !== void 0) return first.chunk;
	let text = "";
	let gaps;
	for (const framed of told) {
		text += framed.text;
		if (framed.gap !== void 0) gaps = [...gaps ?? [], framed.gap];
	}
	const chunk = {
		bytes: encoder$3.encode(text),
		events: told.length - (gaps?.length ?? 0),
		gaps
	};
	if (told.length === 1) first.chunk = chunk;
	return chunk;
}
// src/core/audience.ts
var Audience = class {
	streams;
	connections = new Set();
	constructor(streams) {
		this.streams = streams;
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
	of(streams) {
		return this.#byStreams.get(nameOf$1(streams)) ?? new Audience(streams);
	}
	join(connection) {
		const { audience } = connection;
		audience.connections.add(connection);
		if (audience.connections.size === 1) this.#byStreams.set(nameOf$1(audience.streams), audience);
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
	leave(connection) {
		const { audience } = connection;
		if (!audience.connections.delete(connection)) return;
		const isEmpty = audience.connections.size === 0;
		if (isEmpty) this.#byStreams.delete(nameOf$1(audience.streams));
		for (const stream of audience.streams) {
			const listeners = this.#byStream.get(stream);
			listeners.connections -= 1;
			if (isEmpty) listeners.audiences.delete(audience);
			if (listeners.connections === 0) this.#byStream.delete(stream);
		}
	}
	*concerned({ streams }) {
		if (streams === void 0) {
			yield* this.#byStreams.values();
			return;
		}
		for (const stream of streams) {
			const listeners = this.#byStream.get(stream);
			if (listeners !== void 0) yield* listeners.audiences;
		}
	}
};
function nameOf$1(streams) {
	return streams.join("\n");
}
// src/core/groups.ts
var Groups = class {
	#groups = new Map();
	get size() {
		return this.#groups.size;
	}
	of(key) {
		return this.#groups.get(key) ?? [];
	}
	keys() {
		return this.#groups.keys();
	}
	join(key, connection) {
		const group = this.#groups.get(key);
		if (group === void 0) this.#groups.set(key, new Set([connection]));
		else group.add(connection);
	}
	leave(key, connection) {
		const group = this.#groups.get(key);
		group?.delete(connection);
		if (group?.size === 0) this.#groups.delete(key);
	}
};
// src/core/deadlines.ts
const STEP_MS = 250;
var Deadlines = class {
	#clock;
	#end;
	#steps = new Groups();
	#cancel;
	constructor(clock, end) {
		this.#clock = clock;
		this.#end = end;
	}
	join(connection) {
		const step = stepOf(connection);
		if (step === void 0) return;
		this.#steps.join(step, connection);
		this.#cancel ??= this.#clock.after(STEP_MS, () => this.#turn());
	}
	leave(connection) {
		const step = stepOf(connection);
		if (step === void 0) return;
		this.#steps.leave(step, connection);
		if (this.#steps.size > 0) return;
		this.#cancel?.();
		this.#cancel = void 0;
	}
	#turn() {
		this.#cancel = this.#clock.after(STEP_MS, () => this.#turn());
		const now = this.#clock.now();
		for (const step of this.#steps.keys()) if (step * STEP_MS <= now) this.#end([...this.#steps.of(step)]);
	}
};
function stepOf({ terms }) {
	return terms?.endsAt === void 0 ? void 0 : Math.ceil(terms.endsAt / STEP_MS);
}
// src/core/origins.ts
var Origins = class {
	#origins = new Map();
	of(address) {
		return this.#origins.get(address) ?? {
			address,
			connections: 0
		};
	}
	join(origin) {
		const known = this.#origins.get(origin.address);
		if (known === void 0) this.#origins.set(origin.address, origin);
		(known ?? origin).connections += 1;
	}
	leave({ address }) {
		const known = this.#origins.get(address);
		if (known === void 0) return;
		known.connections -= 1;
		if (known.connections === 0) this.#origins.delete(address);
	}
};
// src/core/judged.ts
var Judged = class {
	#origins = new Origins();
	size = 0;
	from(address) {
		return this.#origins.of(address).connections;
	}
	join(address) {
		this.size += 1;
		if (address !== void 0) this.#origins.join(this.#origins.of(address));
	}
	leave(address) {
		this.size -= 1;
		if (address !== void 0) this.#origins.leave(this.#origins.of(address));
	}
};
// src/core/crowd.ts
const NOBODY = new Judged();
var Crowd = class {
	origins = new Origins();
	judged = new Judged();
	#audiences = new Audiences();
	#tags = new Groups();
	#deadlines;
	#limits;
	#size = 0;
	constructor(clock, limits, end) {
		this.#limits = limits;
		this.#deadlines = new Deadlines(clock, end);
	}
	get streams() {
		return this.#audiences.streams;
	}
	get streamCount() {
		return this.#audiences.streamCount;
	}
	has(stream) {
		return this.#audiences.has(stream);
	}
	listeners(stream) {
		return this.#audiences.listeners(stream);
	}
	audience(streams) {
		return this.#audiences.of(streams);
	}
	concerned(batch) {
		return this.#audiences.concerned(batch);
	}
	join(connection) {
		this.#size += 1;
		this.#audiences.join(connection);
		for (const tag of connection.terms?.tags ?? []) this.#tags.join(tag, connection);
		this.#deadlines.join(connection);
		if (connection.terms?.origin !== void 0) this.origins.join(connection.terms.origin);
	}
	leave(connection) {
		this.#size -= 1;
		this.#audiences.leave(connection);
		for (const tag of connection.terms?.tags ?? []) this.#tags.leave(tag, connection);
		this.#deadlines.leave(connection);
		if (connection.terms?.origin !== void 0) this.origins.leave(connection.terms.origin);
	}
	*selected({ stream, tag }) {
		if (tag === void 0) {
			if (stream !== void 0) yield* this.#audiences.on(stream);
			return;
		}
		for (const connection of this.#tags.of(tag)) if (stream === void 0 || connection.audience.streams.includes(stream)) yield connection;
	}
	crowding(streams, address, judged = NOBODY) {
		const { maxConnections, maxConnectionsPerAddress, maxStreams } = this.#limits;
		if (this.#size + judged.size >= maxConnections) return new SserError("too-many-connections", `This Pod takes ${maxConnections} connections`);
		if (address !== void 0 && this.origins.of(address).connections + judged.from(address) >= maxConnectionsPerAddress) return new SserError("too-many-connections-from-address", `This Pod takes ${maxConnectionsPerAddress} connections from one address`);
		const known = this.#audiences.streamCount;
		if (known + streams.length <= maxStreams) return void 0;
		const added = streams.filter((stream) => !this.#audiences.has(stream)).length;
		if (added === 0 || known + added <= maxStreams) return void 0;
		return new SserError("too-many-streams-here", `Clients of this Pod listen on ${maxStreams} streams at most`);
	}
};
// src/core/deque.ts
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
// src/core/heartbeat.ts
const BEATS = 15;
var Heartbeat = class {
	#clock;
	#everyMs;
	#beat;
	#beats = Array.from({ length: BEATS }, () => new Set());
	#size = 0;
	#joins = 0;
	#next = 0;
	#cancel;
	constructor(clock, heartbeatMs, beat) {
		this.#clock = clock;
		this.#everyMs = heartbeatMs / BEATS;
		this.#beat = beat;
	}
	get size() {
		return this.#size;
	}
	has(connection) {
		return this.#beats[connection.beat].has(connection);
	}
	join(connection) {
		connection.beat = this.#joins++ % BEATS;
		this.#beats[connection.beat]?.add(connection);
		this.#size += 1;
		this.#cancel ??= this.#clock.after(this.#everyMs, () => this.#turn());
	}
	leave(connection) {
		if (this.#beats[connection.beat]?.delete(connection) !== true) return false;
		this.#size -= 1;
		if (this.#size === 0) {
			this.#cancel?.();
			this.#cancel = void 0;
		}
		return true;
	}
	*[Symbol.iterator]() {
		for (const beat of this.#beats) yield* beat;
	}
	#turn() {
		this.#cancel = this.#clock.after(this.#everyMs, () => this.#turn());
		const connections = this.#beats[this.#next];
		this.#next = (this.#next + 1) % BEATS;
		this.#beat(connections);
	}
};
// src/core/terms.ts
function isMeant({ stream, tag }, streams, tags) {
	return (stream === void 0 || streams.includes(stream)) && (tag === void 0 || tags.includes(tag));
}
// src/wire/traceparent.ts
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?=$|-)/;
const MAX_LENGTH = 128;
const VERSION$1 = "00";
const LENGTH = 55;
function traceparentOf(value) {
	if (typeof value !== "string" || value.length > MAX_LENGTH || !TRACEPARENT.test(value)) return void 0;
	if (!value.startsWith(VERSION$1)) return VERSION$1 + value.slice(2, LENGTH);
	return value.length === LENGTH ? value : void 0;
}
function isSampled(traceparent) {
	return (Number.parseInt(traceparent.slice(-2), 16) & 1) === 1;
}
// src/tracing.ts
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
		const receipt = await send(traceparentOf(span === void 0 ? traced.traceparent : span.traceparent));
		quietly(() => span?.end(receipt));
		return receipt;
	} catch (error) {
		quietly(() => span?.fail(error));
		throw error;
	}
}
// src/core/traced-delivery.ts
function traceDelivery(tracing, items, listeners) {
	const spans = items.map(({ epoch, seq, stream, traceparent }) => {
		if (traceparent === void 0 || epoch === void 0 || !isSampled(traceparent)) return void 0;
		const id = printPosition([[epoch, seq]]);
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
// src/core/hub.ts
const GO_SIZE = 250;
const SLICES = 4;
const WAVE_MS = 100;
const encoder$2 = new TextEncoder();
var Hub = class {
	#log;
	#clock;
	#faults;
	#tracing;
	#tally;
	crowd;
	#connections;
	#patience;
	#behind = new Deque();
	#isCatchingUp = false;
	#delivered;
	#flushing = false;
	#isClosed = false;
	constructor(options) {
		this.#log = options.log;
		this.#clock = options.clock;
		this.#faults = options.faults;
		this.#tally = options.tally;
		this.#tracing = options.tracing;
		this.#delivered = options.log.head;
		this.#connections = new Heartbeat(options.clock, options.heartbeatMs, (connections) => this.#heartbeat(connections));
		this.#patience = Math.ceil(options.stallTimeoutMs / options.heartbeatMs);
		this.crowd = new Crowd(options.clock, options, (connections) => this.#endAll(connections));
		options.log.onAppend = (item) => {
			if (item.kind === "disconnect") this.#endAll(this.crowd.selected(item.selection));
			this.#wake();
		};
	}
	get size() {
		return this.#connections.size;
	}
	join(connection, since = this.#log.head) {
		if (this.#isClosed || this.#isMeant(connection, since) || !this.#findsRoom(connection)) {
			this.#end(connection);
			return;
		}
		this.crowd.join(connection);
		this.#connections.join(connection);
		this.#tally.opened += 1;
	}
	leave(connection) {
		if (!this.#connections.leave(connection)) return;
		this.crowd.leave(connection);
		this.#tally.ended += 1;
	}
	pull(connection) {
		if (connection.pull()) this.#putBehind(connection);
	}
	async drain(ms) {
		this.#isClosed = true;
		const waveSize = Math.max(1, Math.ceil(this.size * WAVE_MS / ms));
		for (let left = waveSize; this.size > 0; left = waveSize) {
			for (const connection of this.#connections) {
				this.#end(connection);
				left -= 1;
				if (left === 0) break;
			}
			if (this.size > 0) await pause(this.#clock, WAVE_MS);
		}
	}
	close() {
		this.#isClosed = true;
		for (const connection of this.#connections) this.#end(connection);
	}
	#isMeant({ audience, terms }, since) {
		if (since < this.#log.disconnectsFrom) return true;
		for (const { selection } of this.#log.disconnects(since)) if (isMeant(selection, audience.streams, terms?.tags ?? [])) return true;
		return false;
	}
	#findsRoom({ audience, terms }) {
		const crowding = this.crowd.crowding(audience.streams, terms?.origin?.address);
		if (crowding !== void 0) this.#faults.reject(crowding.code);
		return crowding === void 0;
	}
	#endAll(connections) {
		const all = [...connections];
		for (const connection of all) this.leave(connection);
		this.#inTurns(this.#ends(all));
	}
	*#ends(connections) {
		for (const [i, connection] of connections.entries()) {
			this.#end(connection);
			if (i % GO_SIZE === 249) yield;
		}
	}
	#end(connection) {
		this.leave(connection);
		try {
			connection.close(this.#clock.random());
		} catch (error) {
			this.#break(connection, error);
		}
	}
	#cut(connection) {
		this.leave(connection);
		this.#faults.reject("stalled");
		connection.abort();
	}
	#break(connection, error) {
		this.leave(connection);
		this.#faults.report(error, { stage: "deliver" });
	}
	#wake() {
		if (this.#flushing) return;
		this.#flushing = true;
		queueMicrotask(() => {
			this.#inTurns(this.#deliver(), () => {
				this.#flushing = false;
			});
		});
	}
	#inTurns(work, onDone = () => {}) {
		let done = true;
		try {
			done = work.next().done === true;
		} catch (error) {
			this.#faults.report(error, { stage: "deliver" });
		}
		if (done) onDone();
		else this.#clock.after(0, () => this.#inTurns(work, onDone));
	}
	*#deliver() {
		let served = 0;
		while (this.#delivered < this.#log.head) {
			const { head } = this.#log;
			const batch = new Batch(this.#log, this.#delivered, this.#clock.now(), (stream) => this.crowd.has(stream));
			const endSpans = this.#tracing && traceDelivery(this.#tracing, batch.traced, (of) => this.crowd.listeners(of));
			for (const audience of this.crowd.concerned(batch)) {
				const chunk = batch.chunk(audience);
				for (const connection of audience.connections) {
					try {
						if (connection.offer(batch, chunk)) this.#putBehind(connection);
					} catch (error) {
						this.#break(connection, error);
					}
					served += 1;
					if (served % GO_SIZE === 0) yield;
				}
			}
			endSpans?.();
			this.#delivered = batch.to;
			if (batch.to < head) yield;
		}
	}
	#putBehind(connection) {
		this.#behind.push(connection);
		if (this.#isCatchingUp) return;
		this.#isCatchingUp = true;
		queueMicrotask(() => this.#catchUp());
	}
	#catchUp() {
		for (let slices = 0; slices < SLICES && this.#behind.length > 0;) {
			const connection = this.#behind.shift();
			if (!this.#connections.has(connection)) continue;
			slices += 1;
			try {
				if (connection.catchUp()) this.#behind.push(connection);
			} catch (error) {
				this.#break(connection, error);
			}
		}
		this.#clock.after(0, () => {
			this.#isCatchingUp = this.#behind.length > 0;
			if (this.#isCatchingUp) this.#catchUp();
		});
	}
	#heartbeat(connections) {
		const now = this.#clock.now();
		const frames = new Map();
		const frameAt = (index) => {
			let frame = frames.get(index);
			if (frame === void 0) {
				const id = this.#log.history ? printPosition(this.#log.positionAt(index, now)) : void 0;
				frame = encoder$2.encode(positionFrame(id));
				frames.set(index, frame);
			}
			return frame;
		};
		for (const connection of connections) try {
			if (connection.isStalled(this.#patience)) this.#cut(connection);
			else connection.heartbeat(this.#delivered, frameAt);
		} catch (error) {
			this.#break(connection, error);
		}
	}
};
const MAX_KEY_LENGTH = 256;
const MAX_TAG_LENGTH = 256;
const encoder$1 = new TextEncoder();
const COUNTED_LENGTH = 256;
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;
const FORGING = /[\r\n\u0000]/;
function byteLength(text) {
	if (text.length > COUNTED_LENGTH) return encoder$1.encode(text).byteLength;
	let bytes = text.length;
	for (let i = 0; i < text.length; i += 1) {
		const unit = text.charCodeAt(i);
		if (unit < 128) continue;
		bytes += unit < 2048 ? 1 : 2;
		if (unit >= 55296 && unit < 56320 && isLowSurrogate(text.charCodeAt(i + 1))) i += 1;
	}
	return bytes;
}
function isLowSurrogate(unit) {
	return unit >= 56320 && unit < 57344;
}
function isLongerThan(text, limit) {
	if (text.length > limit) return true;
	return text.length * 3 > limit && byteLength(text) > limit;
}
function messageFault(msg, maxBytes) {
	if (typeof msg !== "string") return new SserError("invalid-message", "A message is a string; try JSON.stringify()");
	if (msg === "") return new SserError("empty-message", "you cannot send the empty string as a message over SSE");
	if (!isLongerThan(msg, maxBytes)) return void 0;
	return new SserError("message-too-large", `A message has at most ${maxBytes} bytes`);
}
function streamNameFault(name) {
	if (name === "") return new SserError("stream-name-required", "A stream name must be supplied");
	if (isLongerThan(name, 256)) return new SserError("invalid-stream-name", `A stream name has at most 256 bytes`);
	if (CONTROL.test(name)) return new SserError("invalid-stream-name", "A stream name must not contain control characters");
}
function eventTypeFault(type) {
	if (type === "") return new SserError("invalid-event-type", "An event type must not be empty");
	if (type.length > 256) return new SserError("invalid-event-type", `An event type has at most 256 characters`);
	if (FORGING.test(type)) return new SserError("invalid-event-type", "An event type must not contain CR, LF or NUL");
	if (type.startsWith("sser-")) return new SserError("invalid-event-type", "Event types that begin with \"sser-\" are reserved");
}
function keyFault(key) {
	if (key !== "" && key.length <= MAX_KEY_LENGTH && !FORGING.test(key)) return void 0;
	return new SserError("invalid-key", `A key has 1 to ${MAX_KEY_LENGTH} characters, none of them CR, LF or NUL`);
}
function tagFault(tag) {
	if (typeof tag === "string" && tag !== "" && tag.length <= MAX_TAG_LENGTH) return void 0;
	return new SserError("invalid-tag", `A tag is a string of 1 to ${MAX_TAG_LENGTH} characters`);
}
// src/core/epochs.ts
var Epoch = class {
	have = 0;
	floor = 0;
	stripped = 0;
	lastActive;
	items = new Deque();
	constructor(lastActive) {
		this.lastActive = lastActive;
	}
	seqAt(index) {
		const item = this.items.at(this.items.lowerBound((candidate) => candidate.index >= index));
		if (item === void 0) return this.have;
		return item.kind === "hole" ? item.from : item.seq - 1;
	}
};
var Epochs = class {
	#epochs = new Map();
	#timing;
	constructor(timing) {
		this.#timing = timing;
	}
	get isFull() {
		return this.#epochs.size >= MAX_EPOCHS;
	}
	get(epoch) {
		return this.#epochs.get(epoch);
	}
	know(epoch, lastActive) {
		let record = this.#epochs.get(epoch);
		if (record === void 0) {
			record = new Epoch(lastActive);
			this.#epochs.set(epoch, record);
		}
		return record;
	}
	isSilent(record, now) {
		return now - record.lastActive >= this.#timing.forgetMs;
	}
	*active(now) {
		for (const entry of this.#epochs) if (!this.isSilent(entry[1], now)) yield entry;
	}
	forget(now) {
		for (const [epoch, record] of this.#epochs) if (now - record.lastActive >= this.#timing.dropMs && record.items.length === 0) this.#epochs.delete(epoch);
	}
};
// src/core/keys.ts
var Keys = class {
	#items = new Map();
	add(item) {
		if (item.key === void 0) return;
		const name = nameOf(item.stream, item.key);
		const held = this.#items.get(name);
		if (held === void 0) this.#items.set(name, item);
		else if (held instanceof Deque) held.push(item);
		else {
			const twins = new Deque();
			twins.push(held);
			twins.push(item);
			this.#items.set(name, twins);
		}
	}
	remove(item) {
		if (item.key === void 0) return;
		const name = nameOf(item.stream, item.key);
		const held = this.#items.get(name);
		if (held instanceof Deque && held.length > 1) held.shift();
		else this.#items.delete(name);
	}
	first(stream, key) {
		const held = this.#items.get(nameOf(stream, key));
		return held instanceof Deque ? held.at(0) : held;
	}
	isFirst(item) {
		return item.key === void 0 || this.first(item.stream, item.key) === item;
	}
	twins(item) {
		if (item.key === void 0) return void 0;
		const held = this.#items.get(nameOf(item.stream, item.key));
		return held instanceof Deque ? held : void 0;
	}
};
function nameOf(stream, key) {
	return `${stream}\n${key}`;
}
// src/core/log.ts
const ITEM_BYTES = 180;
const STREAM_BYTES = 320;
const STRIPPED_SHARE = .25;
var Log = class {
	epoch;
	epochs;
	keys = new Keys();
	history;
	maxAgeMs;
	onAppend = () => {};
	lastV1At = Number.NEGATIVE_INFINITY;
	#maxBytes;
	#items = new Deque();
	#streams = new Map();
	#holes = new Deque();
	#disconnects = new Deque();
	#disconnectsFrom = 0;
	#tail = 0;
	#wholeFrom = 0;
	#bytes = 0;
	#strippedBytes = 0;
	constructor({ epoch, maxAgeMs, maxBytes, timing, history }) {
		this.epoch = epoch;
		this.epochs = new Epochs(timing);
		this.history = history;
		this.maxAgeMs = maxAgeMs;
		this.#maxBytes = maxBytes;
	}
	get tail() {
		return this.#tail;
	}
	get wholeFrom() {
		return this.#wholeFrom;
	}
	get disconnectsFrom() {
		return this.#disconnectsFrom;
	}
	get head() {
		return this.#tail + this.#items.length;
	}
	get bytes() {
		return this.#bytes;
	}
	get ownSeq() {
		return this.epochs.get(this.epoch)?.have ?? 0;
	}
	get items() {
		return this.#items.length;
	}
	ownAge(seq, now) {
		const items = this.epochs.get(this.epoch)?.items;
		const item = items?.at(items.lowerBound((candidate) => candidate.seq > seq));
		return item === void 0 ? this.maxAgeMs : now - item.sentAt;
	}
	get hasEvents() {
		return this.#streams.size > 0 || this.#disconnects.length > 0;
	}
	at(index) {
		return this.#items.at(index - this.#tail);
	}
	append(epoch, content, sentAt, now) {
		const record = this.epochs.know(epoch, sentAt);
		const seq = record.have + 1;
		record.have = seq;
		record.lastActive = Math.max(record.lastActive, sentAt);
		const item = this.#item(epoch, seq, content, sentAt);
		record.items.push(item);
		if (item.kind === "disconnect") this.#disconnects.push(item);
		this.#push(item, now);
		return item;
	}
	appendV1(stream, msg, now) {
		this.lastV1At = now;
		this.#push(this.#event(void 0, 0, stream, { msg }, now), now);
	}
	jump(epoch, seq, now) {
		const record = this.epochs.know(epoch, now);
		const hole = {
			kind: "hole",
			index: this.head,
			sentAt: now,
			epoch,
			from: record.have,
			seq
		};
		record.have = seq;
		record.floor = seq;
		record.items.push(hole);
		this.#holes.push(hole);
		this.#push(hole, now);
	}
	trim(now) {
		const oldest = now - this.maxAgeMs;
		for (let item = this.#items.at(0); item && item.sentAt < oldest; item = this.#items.at(0)) this.#shift();
	}
	position(now) {
		return this.positionAt(this.head, now);
	}
	positionAt(index, now) {
		const position = new Map();
		for (const [epoch, record] of this.epochs.active(now)) {
			const seq = index >= this.head ? record.have : record.seqAt(index);
			if (seq > 0) position.set(epoch, seq);
		}
		return position;
	}
	*read(streams, index) {
		const queues = [];
		for (const items of [this.#holes, ...streams.map((stream) => this.#streams.get(stream))]) {
			if (items === void 0 || items.length === 0) continue;
			const queue = items;
			queues.push({
				items: queue,
				next: queue.lowerBound((item) => item.index >= index)
			});
		}
		for (;;) {
			let first;
			for (const queue of queues) {
				const item = queue.items.at(queue.next);
				if (item !== void 0 && (first === void 0 || item.index < first.item.index)) first = {
					item,
					queue
				};
			}
			if (first === void 0) return;
			first.queue.next += 1;
			yield first.item;
		}
	}
	*disconnects(index) {
		const items = this.#disconnects;
		for (let i = items.lowerBound((item) => item.index >= index); i < items.length; i += 1) yield items.at(i);
	}
	#item(epoch, seq, content, sentAt) {
		const { stream, disconnect: selection } = content;
		if (stream !== void 0) return this.#event(epoch, seq, stream, content, sentAt);
		const place = {
			index: this.head,
			sentAt,
			epoch,
			seq
		};
		return selection === void 0 ? {
			kind: "tick",
			...place
		} : {
			kind: "disconnect",
			...place,
			selection
		};
	}
	#event(epoch, seq, stream, { msg = "", event, key, traceparent }, sentAt) {
		const bytes = byteLength(msg) + (traceparent?.length ?? 0) + labelBytes({
			stream,
			event,
			key
		});
		return {
			kind: "event",
			index: this.head,
			sentAt,
			epoch,
			seq,
			stream,
			msg,
			event,
			key,
			traceparent,
			bytes
		};
	}
	#push(item, now) {
		this.#items.push(item);
		this.#bytes += cost(item);
		if (item.kind === "event") {
			this.keys.add(item);
			const queue = this.#streams.get(item.stream) ?? new Deque();
			queue.push(item);
			if (queue.length === 1) {
				this.#streams.set(item.stream, queue);
				this.#bytes += STREAM_BYTES;
			}
		}
		this.trim(now);
		while (this.#bytes > this.#maxBytes && this.#items.length > 0) this.#makeRoom();
		this.onAppend(item);
	}
	#makeRoom() {
		if (this.#strippedBytes > this.#maxBytes * STRIPPED_SHARE || this.#wholeFrom === this.head) {
			this.#shift();
			return;
		}
		const item = this.at(this.#wholeFrom);
		this.#wholeFrom += 1;
		if (item.kind === "event") {
			const left = labelBytes(item);
			this.#bytes -= item.bytes - left;
			item.bytes = left;
			item.msg = void 0;
			item.traceparent = void 0;
		}
		this.#strippedBytes += cost(item);
		if (item.kind !== "event") return;
		if (item.epoch !== void 0) this.epochs.get(item.epoch).stripped = item.seq;
	}
	#shift() {
		const item = this.#items.shift();
		const isStripped = this.#tail < this.#wholeFrom;
		this.#tail += 1;
		this.#bytes -= cost(item);
		if (isStripped) this.#strippedBytes -= cost(item);
		else this.#wholeFrom = this.#tail;
		if (item.kind === "hole") this.#holes.shift();
		if (item.kind === "disconnect") {
			this.#disconnects.shift();
			this.#disconnectsFrom = this.#tail;
		}
		if (item.kind === "event") {
			this.keys.remove(item);
			const items = this.#streams.get(item.stream);
			items.shift();
			if (items.length === 0) {
				this.#streams.delete(item.stream);
				this.#bytes -= STREAM_BYTES;
			}
		}
		if (item.epoch === void 0) return;
		const record = this.epochs.get(item.epoch);
		record.items.shift();
		record.floor = Math.max(record.floor, item.seq);
	}
};
function labelBytes({ stream, event, key }) {
	return stream.length + (event?.length ?? 0) + (key?.length ?? 0);
}
function cost(item) {
	if (item.kind === "disconnect") {
		const { stream = "", tag = "" } = item.selection;
		return ITEM_BYTES + stream.length + tag.length;
	}
	return ITEM_BYTES + (item.kind === "event" ? item.bytes : 0);
}
// src/core/ahead.ts
var Ahead = class {
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
	each(visit) {
		for (let i = 0; i < this.size; i += 1) visit(this.#epochs[i], this.#seqs[i], this.#since[i]);
	}
	drop(isDone) {
		let kept = 0;
		this.each((epoch, seq, since) => {
			if (isDone(epoch, seq, since)) return;
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
// src/core/reader.ts
const SLICE_LENGTH = 65536;
const MAX_CARRIED = 128;
var Reader = class {
	cursor;
	#log;
	#streams;
	#timing;
	#ahead;
	#liveFrom;
	constructor(log, streams, timing) {
		this.#log = log;
		this.#streams = streams;
		this.#timing = timing;
		this.cursor = log.head;
		this.#liveFrom = log.head;
	}
	get isLevel() {
		return this.#ahead === void 0;
	}
	resume(id, maxBytes, now) {
		const log = this.#log;
		log.trim(now);
		const claims = parsePosition(id, maxBytes);
		if (claims === void 0 || (claims.get(log.epoch)?.seq ?? 0) > log.ownSeq) return "unreadable";
		if (this.#carried(claims, now) > MAX_CARRIED) return "unreadable";
		let gap = now - log.lastV1At <= this.#timing.v1GapMs ? "v1" : void 0;
		let isStranger = true;
		const position = new Map();
		for (const [epoch, { seq, carriedMs }] of claims) position.set(epoch, {
			seq,
			since: now - (carriedMs ?? 0)
		});
		for (const [epoch, record] of log.epochs.active(now)) {
			const claim = position.get(epoch);
			if (claim !== void 0) isStranger = false;
			const { seq, since } = claim ?? {
				seq: 0,
				since: now
			};
			if (seq < record.floor) gap = "trimmed";
			const reached = Math.max(seq, record.floor);
			position.set(epoch, {
				seq: reached,
				since: seq > record.have ? since : now
			});
			const lacking = record.items.at(record.items.lowerBound((item) => item.seq > reached));
			if (lacking !== void 0) this.cursor = Math.min(this.cursor, lacking.index);
		}
		const ahead = new Ahead();
		for (const [epoch, { seq, since }] of position) {
			const record = log.epochs.get(epoch);
			if (record === void 0 || seq > record.have || !log.epochs.isSilent(record, now)) ahead.add(epoch, seq, since);
		}
		this.#ahead = ahead;
		this.#prune(now);
		if (this.#skipLost(now)) gap = "trimmed";
		return isStranger ? "stranger" : gap;
	}
	idAt(index, now) {
		return this.#print(this.#positionAt(index, now), now);
	}
	slice(now) {
		const log = this.#log;
		log.trim(now);
		let gap = this.#skipLost(now) ? "stalled" : void 0;
		const position = this.#positionAt(this.cursor, now);
		let text = "";
		let [events, replayed] = [0, 0];
		let gaps;
		let next = log.head;
		const had = new Set();
		const tell = () => {
			if (gap === void 0) return;
			text += gapFrame(this.#print(position, now), gap);
			gaps = [...gaps ?? [], gap];
			gap = void 0;
		};
		for (const item of log.read(this.#streams, this.cursor)) {
			if (text.length > SLICE_LENGTH) {
				next = item.index;
				break;
			}
			if (this.#hasHad(item, position)) continue;
			if (item.kind === "event") tell();
			if (item.epoch !== void 0) position.set(item.epoch, item.seq);
			if (item.kind === "hole") gap ??= "hole";
			else if (item.epoch === void 0 || !this.#hasTwin(item, position, had)) {
				const id = item.epoch === void 0 ? void 0 : this.#print(position, now);
				text += eventFrame({
					id,
					event: item.event,
					msg: item.msg
				});
				events += 1;
				if (item.index < this.#liveFrom) replayed += 1;
			}
		}
		tell();
		this.cursor = next;
		this.#prune(now);
		return {
			text,
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
		this.#ahead?.each((epoch, seq) => {
			if (seq > (position.get(epoch) ?? 0)) position.set(epoch, seq);
		});
		return position;
	}
	#print(position, now) {
		if (!this.#log.history) return void 0;
		let carriedMs;
		this.#ahead?.each((epoch, seq, since) => {
			if (seq <= (this.#log.epochs.get(epoch)?.have ?? 0) || position.get(epoch) !== seq) return;
			carriedMs ??= new Map();
			carriedMs.set(epoch, now - since);
		});
		return printPosition(position, carriedMs);
	}
	#prune(now) {
		if (this.#ahead === void 0) return;
		const { epochs } = this.#log;
		this.#ahead.drop((epoch, seq, since) => {
			const record = epochs.get(epoch);
			if (record !== void 0 && !epochs.isSilent(record, now)) return seq <= record.seqAt(this.cursor);
			return seq <= (record?.have ?? 0) || now - since >= this.#timing.forgetMs;
		});
		if (this.#ahead.size === 0) this.#ahead = void 0;
	}
	#skipLost(now) {
		const log = this.#log;
		const isLost = this.cursor < log.tail || this.#lacksMessages(now);
		if (isLost) this.catchUp(log.wholeFrom, now);
		return isLost;
	}
	#lacksMessages(now) {
		if (this.cursor >= this.#log.wholeFrom) return false;
		const position = this.#positionAt(this.cursor, now);
		for (const item of this.#log.read(this.#streams, this.cursor)) {
			if (item.index >= this.#log.wholeFrom) return false;
			if (item.kind === "event" && !this.#hasHad(item, position)) return true;
		}
		return false;
	}
	#hasHad(item, position) {
		if (item.epoch === void 0) return item.index < this.#liveFrom;
		return item.seq <= (position.get(item.epoch) ?? 0);
	}
	#hasTwin(item, position, had) {
		const twins = this.#log.keys.twins(item);
		if (twins === void 0) return false;
		if (had.has(twins)) return true;
		had.add(twins);
		for (let i = 0; i < twins.length; i += 1) {
			const twin = twins.at(i);
			if (twin !== item && this.#hasHad(twin, position)) return true;
		}
		return false;
	}
	#carried(claims, now) {
		const { epochs } = this.#log;
		let count = 0;
		for (const [epoch, { seq, carriedMs = 0 }] of claims) {
			const record = epochs.get(epoch);
			if (record !== void 0 && !epochs.isSilent(record, now)) continue;
			if (seq > (record?.have ?? 0) && carriedMs < this.#timing.forgetMs) count += 1;
		}
		return count;
	}
};
// src/core/timing.ts
function timing(logMaxAgeMs) {
	const tickMs = Math.min(5e3, logMaxAgeMs / 10);
	return {
		tickMs,
		graceMs: 2.5 * tickMs,
		freezeMs: logMaxAgeMs / 2,
		forgetMs: 2.5 * logMaxAgeMs,
		dropMs: 3.75 * logMaxAgeMs,
		v1GapMs: 3 * logMaxAgeMs
	};
}
// src/mesh/acquaintance.ts
var Acquaintance = class {
	epoch;
	heardAt;
	workedAt;
	#position = new Map();
	#lacking = new Map();
	constructor(epoch, now) {
		this.epoch = epoch;
		this.heardAt = now;
		this.workedAt = now;
	}
	has(epoch) {
		return this.#position.get(epoch) ?? 0;
	}
	lackingSince(epoch) {
		return this.#lacking.get(epoch)?.since;
	}
	hear(position, own, now) {
		this.heardAt = now;
		const merged = new Map(position);
		for (const [epoch, seq] of this.#position) if (position.has(epoch) && seq > position.get(epoch)) merged.set(epoch, seq);
		this.#position = merged;
		for (const [epoch, seq] of own) {
			const has = this.has(epoch);
			if (has >= seq) this.#lacking.delete(epoch);
			else if (has >= (this.#lacking.get(epoch)?.seq ?? 0)) this.#lacking.set(epoch, {
				seq,
				since: now
			});
		}
		for (const epoch of this.#lacking.keys()) if (!own.has(epoch)) this.#lacking.delete(epoch);
	}
};
// src/wire/v2.ts
const APPEND_URL_PATH = "/api/json/v2/append";
const APPEND_TARGET_BYTES = 1048576;
const APPEND_MAX_BYTES = 8 * APPEND_TARGET_BYTES;
const MAX_ITEMS = 65536;
const epoch = v.pipe(v.string(), v.check(isEpoch));
const seq = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const duration$1 = v.pipe(v.number(), v.finite(), v.minValue(0));
const schema$2 = v.object({
	v: v.literal(2),
	epoch,
	position: v.pipe(v.record(epoch, seq), v.maxEntries(MAX_EPOCHS)),
	hydrate: v.optional(v.boolean()),
	ready: v.optional(v.boolean()),
	v1Age: v.optional(duration$1),
	runs: v.pipe(v.array(v.object({
		epoch,
		prev: seq,
		floor: v.optional(v.boolean()),
		idle: duration$1,
		events: v.pipe(v.array(v.unknown()), v.maxLength(MAX_ITEMS))
	})), v.maxLength(MAX_ITEMS))
});
function printAppend(message) {
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
	} catch (cause) {
		throw new SserError("invalid-append", "The body is not JSON", { cause });
	}
	const parsed = v.safeParse(schema$2, value, { abortEarly: true });
	if (!parsed.success) throw invalid(` at ${v.getDotPath(parsed.issues[0]) ?? "the body"}`);
	const { v: _, position, ...message } = parsed.output;
	const runs = message.runs.map((run, i) => ({
		...run,
		events: checkEvents(run, i)
	}));
	return {
		...message,
		runs,
		position: new Map(Object.entries(position))
	};
}
function checkEvents({ prev, events }, index) {
	let last = prev;
	let checked;
	return events.map((value, i) => {
		if (typeof value !== "object" || value === null) throw invalid(` at runs.${index}.events.${i}`);
		const { seq, age, stream, msg, event, key, traceparent, disconnect } = value;
		const field = faultyField(value, checked);
		if (field !== void 0) throw invalid(` at runs.${index}.events.${i}.${field}`);
		if (seq !== last + 1) throw invalid(`: seq ${seq} after ${last}`);
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
			traceparent: traceparent === void 0 ? void 0 : traceparentOf(traceparent)
		};
	});
}
function faultyField({ seq, age, stream, msg, event, key, disconnect }, checked) {
	if (!Number.isSafeInteger(seq) || seq < 0) return "seq";
	if (!Number.isFinite(age) || age < 0) return "age";
	if (stream !== checked && stream !== void 0 && !isText(stream, streamNameFault)) return "stream";
	if (msg !== void 0 && typeof msg !== "string") return "msg";
	if (event !== void 0 && !isText(event, eventTypeFault)) return "event";
	if (key !== void 0 && !isText(key, keyFault)) return "key";
	if (disconnect !== void 0 && !isSelection(disconnect)) return "disconnect";
}
function isSelection(value) {
	if (typeof value !== "object" || value === null) return false;
	const { stream, tag } = value;
	if (stream === void 0 && tag === void 0) return false;
	return (stream === void 0 || isText(stream, streamNameFault)) && (tag === void 0 || isText(tag, tagFault));
}
function isText(value, fault) {
	return typeof value === "string" && fault(value) === void 0;
}
function invalid(what) {
	return new SserError("invalid-append", `Invalid append${what}`);
}
// src/mesh/exchange.ts
const EVENT_OVERHEAD_BYTES = 80;
var Exchange = class {
	#log;
	#timing;
	#faults;
	#tally;
	constructor(options) {
		this.#log = options.log;
		this.#timing = options.timing;
		this.#faults = options.faults;
		this.#tally = options.tally;
	}
	introduce(now) {
		this.#log.trim(now);
		return {
			epoch: this.#log.epoch,
			position: this.#log.position(now),
			runs: []
		};
	}
	give(peer, { own, third }, now) {
		const message = this.introduce(now);
		const runs = [];
		let room = APPEND_TARGET_BYTES;
		for (const [epoch, record] of this.#ownFirst(now)) {
			const has = peer.has(epoch);
			if (epoch === peer.epoch || has >= record.have) continue;
			const start = this.#firstAfter(record, has, now);
			const prev = start < record.items.length ? record.items.at(start).seq - 1 : record.have;
			const isTrimmed = prev > has;
			if (epoch === this.#log.epoch ? !own : !(third || isTrimmed || this.#isOverdue(peer, epoch, now))) continue;
			const events = [];
			for (let i = start; i < record.items.length; i += 1) {
				const item = record.items.at(i);
				room -= EVENT_OVERHEAD_BYTES + (item.kind === "event" ? item.bytes : 0);
				if (room < 0 && (events.length > 0 || runs.length > 0)) break;
				events.push(wireEvent(item, now));
			}
			runs.push({
				epoch,
				prev,
				floor: isTrimmed ? true : void 0,
				idle: Math.max(0, Math.round(now - record.lastActive)),
				events
			});
			if (room <= 0) break;
		}
		return {
			...message,
			runs
		};
	}
	take(runs, now) {
		let refused = 0;
		for (const run of runs) {
			if (run.epoch === this.#log.epoch || run.idle >= this.#timing.forgetMs) continue;
			const known = this.#log.epochs.get(run.epoch);
			const have = known?.have ?? 0;
			const last = run.prev + run.events.length;
			if (run.prev > have && run.floor !== true) continue;
			if (last <= have && known === void 0) continue;
			if (known === void 0 && this.#log.epochs.isFull) {
				refused += 1;
				continue;
			}
			const record = known ?? this.#log.epochs.know(run.epoch, now - run.idle);
			if (last > have) record.lastActive = Math.max(record.lastActive, now - run.idle);
			if (run.prev > have) this.#log.jump(run.epoch, run.prev, now);
			for (const event of run.events) if (event.seq > record.have) {
				this.#log.append(run.epoch, event, now - event.age, now);
				if (event.stream !== void 0) this.#tally.received += 1;
			} else if (this.#contradicts(record, event)) {
				const message = `A peer sent ${run.epoch} ${event.seq} twice, with different contents`;
				this.#faults.report(new SserError("contradiction", message), { stage: "receive" });
				break;
			}
		}
		if (refused === 0) return;
		const message = `Of ${refused} epochs nothing is taken: more than ${MAX_EPOCHS} are not known at once`;
		this.#faults.report(new SserError("invalid-append", message), { stage: "receive" });
	}
	#ownFirst(now) {
		return [...this.#log.epochs.active(now)].sort(([a], [b]) => Number(b === this.#log.epoch) - Number(a === this.#log.epoch));
	}
	#firstAfter(record, has, now) {
		const oldest = now - this.#log.maxAgeMs;
		const above = Math.max(has, record.floor, record.stripped);
		return record.items.lowerBound((item) => item.seq > above && item.sentAt >= oldest);
	}
	#contradicts(record, event) {
		const held = record.items.at(record.items.lowerBound((item) => item.seq >= event.seq));
		if (held === void 0 || held.seq !== event.seq || held.kind === "hole") return false;
		if (held.kind === "tick") return event.stream !== void 0;
		if (held.kind === "disconnect") return event.stream !== void 0;
		if (held.stream !== event.stream || held.event !== event.event) return true;
		return held.msg !== void 0 && held.msg !== event.msg;
	}
	#isOverdue(peer, epoch, now) {
		const since = peer.lackingSince(epoch);
		return since !== void 0 && now - since > this.#timing.graceMs;
	}
};
function wireEvent(item, now) {
	const age = Math.max(0, Math.round(now - item.sentAt));
	if (item.kind === "disconnect") return {
		seq: item.seq,
		age,
		disconnect: item.selection
	};
	if (item.kind !== "event") return {
		seq: item.seq,
		age
	};
	const { seq, stream, msg, event, key, traceparent } = item;
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
// src/mesh/post.ts
async function post({ host, uid }, path, body, maxBytes, { clock, transport, timeoutMs, signal }) {
	signal.throwIfAborted();
	const request = new AbortController();
	const stop = () => request.abort(signal.reason);
	const cancelTimeout = clock.after(timeoutMs, () => {
		request.abort(new SserError("peer-failed", `no answer within ${timeoutMs} ms`));
	});
	signal.addEventListener("abort", stop, { once: true });
	try {
		const answer = await transport({
			host,
			path,
			headers: {
				"content-type": "application/json",
				...uid !== void 0 && { ["sser-target"]: uid }
			},
			body,
			maxBytes,
			signal: request.signal
		});
		if (answer.status === 421) throw new SserError("peer-failed", "another Pod has this address by now");
		if (answer.status === 401) throw new SserError("peer-failed", "refuses our signature: is its peerSecret ours?");
		return answer;
	} finally {
		cancelTimeout();
		signal.removeEventListener("abort", stop);
	}
}
// src/mesh/append.ts
const MAX_LINKS = 128;
async function postAppend(target, message, { tracing, ...options }) {
	const ask = () => post(target, APPEND_URL_PATH, printAppend(message), APPEND_MAX_BYTES, options);
	const { status, body } = await (tracing === void 0 ? ask() : traceAppend(tracing, target.host, message, ask));
	if (status === 404) return void 0;
	if (status !== 200) throw new SserError("peer-failed", `answered ${status}`);
	return parseAppend(body);
}
async function traceAppend(tracing, peer, { runs }, ask) {
	const traceparents = [];
	let events = 0;
	for (const run of runs) for (const { stream, traceparent } of run.events) {
		if (stream !== void 0) events += 1;
		if (traceparent === void 0 || traceparents.length === MAX_LINKS) continue;
		if (isSampled(traceparent)) traceparents.push(traceparent);
	}
	if (traceparents.length === 0) return ask();
	const span = quietly(() => tracing.append({
		peer,
		events,
		traceparents
	}));
	try {
		const answer = await ask();
		if (answer.status === 200) quietly(() => span?.end());
		else quietly(() => span?.fail(new SserError("peer-failed", `answered ${answer.status}`)));
		return answer;
	} catch (error) {
		quietly(() => span?.fail(error));
		throw error;
	}
}
// src/mesh/hydration.ts
const ROUNDS = 3;
const PAUSE_MS = 250;
const PATIENCE_MS = 1500;
async function hydrate(options) {
	const { clock, faults, signal, timeoutMs } = options;
	const deadline = clock.now() + timeoutMs;
	let targets = shuffle(options.targets, clock);
	for (let round = 0; round < ROUNDS && targets.length > 0; round += 1) {
		if (round > 0) await pause(clock, PAUSE_MS);
		const unreachable = [];
		for (const target of targets) {
			if (deadline - clock.now() <= 0 || signal.aborted) return;
			try {
				if (await hydrateFrom(target, options, deadline)) return;
			} catch (error) {
				faults.report(error, {
					stage: "hydrate",
					peer: target.host
				});
				unreachable.push(target);
			}
		}
		targets = unreachable;
	}
}
async function hydrateFrom(target, options, deadline) {
	const { clock, exchange, log, signal, transport } = options;
	for (;;) {
		const leftMs = deadline - clock.now();
		if (leftMs <= 0) throw new SserError("peer-failed", "gives too much, or too slowly");
		const answer = await postAppend(target, {
			...exchange.introduce(clock.now()),
			hydrate: true
		}, {
			clock,
			transport,
			timeoutMs: Math.min(leftMs, PATIENCE_MS),
			signal
		});
		if (answer === void 0 || answer.epoch === log.epoch) return false;
		if (answer.position.has(log.epoch)) log.epoch = drawEpoch(clock.random);
		if (answer.ready !== true) return false;
		const now = clock.now();
		const before = log.position(now);
		exchange.take(answer.runs, now);
		if (answer.v1Age !== void 0) log.lastV1At = Math.max(log.lastV1At, now - answer.v1Age);
		const after = log.position(now);
		if (!hasGrown(after, answer.position) || !hasGrown(before, after)) return true;
	}
}
function hasGrown(before, after) {
	for (const [epoch, seq] of after) if (seq > (before.get(epoch) ?? 0)) return true;
	return false;
}
function shuffle(targets, clock) {
	return targets.map((target) => ({
		target,
		rank: clock.random()
	})).sort((a, b) => a.rank - b.rank).map(({ target }) => target);
}
// src/wire/v1.ts
const PEER_ENDPOINT_URL_PATH = "/api/json/v1/send";
const QUERY_PARAMETER_NAME = "stream";
const schema$1 = v.object({
	stream: v.string(),
	msg: v.pipe(v.string(), v.nonEmpty())
});
function printV1({ stream, msg }) {
	return JSON.stringify({
		stream,
		msg
	});
}
function parseV1(body) {
	let value;
	try {
		value = JSON.parse(body);
	} catch (cause) {
		throw new SserError("invalid-append", "invalid JSON", { cause });
	}
	const event = v.safeParse(schema$1, value);
	if (!event.success) throw new SserError("invalid-append", "invalid JSON");
	const fault = streamNameFault(event.output.stream);
	if (fault !== void 0) throw fault;
	return {
		stream: event.output.stream,
		msg: event.output.msg.toWellFormed()
	};
}
// src/mesh/missed.ts
var Missed = class {
	#runs = new Deque();
	add(after, to, floor) {
		for (let run = this.#runs.at(0); run !== void 0 && run.to <= floor; run = this.#runs.at(0)) this.#runs.shift();
		const last = this.#runs.at(this.#runs.length - 1);
		if (last !== void 0 && last.to >= after) last.to = Math.max(last.to, to);
		else if (to > after) this.#runs.push({
			from: after + 1,
			to
		});
	}
	has(seq) {
		const run = this.#runs.at(this.#runs.lowerBound(({ to }) => to >= seq));
		return run !== void 0 && run.from <= seq;
	}
	clear() {
		while (this.#runs.length > 0) this.#runs.shift();
	}
};
// src/mesh/waiters.ts
var Waiters = class {
	#waiters = new Deque();
	add(seq, settle) {
		this.#waiters.push({
			seq,
			settle
		});
	}
	settleUpTo(seq, outcome) {
		for (let next = this.#waiters.at(0); next !== void 0 && next.seq <= seq; next = this.#waiters.at(0)) {
			this.#waiters.shift();
			next.settle(outcome);
		}
	}
	settleAll(outcome) {
		this.settleUpTo(Number.POSITIVE_INFINITY, outcome);
	}
};
// src/mesh/link.ts
const BACKOFF_MS = 200;
const BACKOFF_MAX_MS = 5e3;
const PROBE_MS = 6e4;
const LET_GO = {
	status: "failed",
	reason: "the log let go of it"
};
const NO_DISCONNECT = {
	status: "failed",
	reason: "a Go Pod cannot disconnect"
};
var Link = class {
	target;
	#options;
	#abort = new AbortController();
	#waiters = new Waiters();
	#missed = new Missed();
	#state = "connecting";
	#peer;
	#failures = 0;
	#lastError;
	#busy = false;
	#isMet = false;
	#flushing;
	#cancelRetry;
	#v1Seq;
	#v1Until = Number.NEGATIVE_INFINITY;
	constructor(options) {
		this.target = options.target;
		this.#options = options;
		this.#v1Seq = options.log.ownSeq;
		this.#miss(0, this.#v1Seq);
	}
	status() {
		const lag = this.#state === "self" ? 0 : this.#options.log.ownSeq - this.#settledSeq();
		return {
			peer: this.target.host,
			state: this.#state,
			epoch: this.#peer?.epoch,
			lag,
			lagMs: lag <= 0 ? 0 : this.#options.log.ownAge(this.#settledSeq(), this.#options.clock.now()),
			failures: this.#failures,
			lastError: this.#lastError
		};
	}
	leadsTo(peer) {
		return this.#peer === peer;
	}
	poke() {
		this.#settleWaiters();
		if (this.#busy || this.#cancelRetry !== void 0 || !this.#hasWork()) return;
		this.#work();
	}
	flush(position) {
		this.#flushing = position;
		this.poke();
	}
	isFlushed() {
		const { log } = this.#options;
		const position = this.#flushing ?? new Map();
		if (this.#state === "v1") return this.#settledSeq() >= (position.get(log.epoch) ?? 0);
		if (this.#peer === void 0 || this.#state !== "connected") return void 0;
		for (const [epoch, seq] of position) if (epoch !== this.#peer.epoch && this.#peer.has(epoch) < seq) return false;
		return true;
	}
	whenSettled(epoch, seq, settle) {
		if (this.#state === "self") settle(void 0);
		else if (epoch !== this.#options.log.epoch) settle(this.#peer?.epoch === epoch || (this.#peer?.has(epoch) ?? 0) >= seq ? { status: "delivered" } : {
			status: "pending",
			reason: "sent by another Pod"
		});
		else if (this.#isMet && this.#settledSeq() >= seq) settle(this.#missed.has(seq) ? LET_GO : { status: "delivered" });
		else if (this.#state === "failing") settle({
			status: "failed",
			reason: this.#lastError ?? ""
		});
		else this.#waiters.add(seq, settle);
	}
	probe() {
		this.#v1Until = Number.NEGATIVE_INFINITY;
	}
	stop(reason) {
		this.#abort.abort(new SserError("stopped", reason));
		this.#cancelRetry?.();
		this.#waiters.settleAll({
			status: "failed",
			reason
		});
	}
	#hasWork() {
		if (this.#abort.signal.aborted || this.#state === "self") return false;
		if (this.#peer === void 0 && this.#state !== "v1") return true;
		if (this.#flushing !== void 0 && this.isFlushed() === false) return true;
		return this.#settledSeq() < this.#options.log.ownSeq;
	}
	async #work() {
		this.#busy = true;
		try {
			await void 0;
			do
				await this.#step();
			while (this.#hasWork());
		} catch (error) {
			this.#fail(error);
		} finally {
			this.#busy = false;
		}
	}
	async #step() {
		const { clock } = this.#options;
		if (clock.now() < this.#v1Until) return this.#sendV1();
		const isV2 = await this.#append();
		if (this.#failures > 0) this.#options.faults.recovered(this.target.host);
		this.#failures = 0;
		this.#isMet = true;
		if (isV2) return;
		this.#state = "v1";
		this.#v1Seq = Math.max(this.#v1Seq, this.#settledSeq());
		this.#peer = void 0;
		this.#v1Until = clock.now() + PROBE_MS;
	}
	async #append() {
		const { clock, exchange, log, meet } = this.#options;
		const before = this.#peer;
		const message = before === void 0 ? exchange.introduce(clock.now()) : exchange.give(before, {
			own: true,
			third: this.#flushing !== void 0
		}, clock.now());
		const trimmed = message.runs.find((run) => run.epoch === log.epoch && run.floor === true);
		if (trimmed !== void 0) {
			this.#miss(before?.has(log.epoch) ?? 0, trimmed.prev);
			this.#waiters.settleUpTo(trimmed.prev, LET_GO);
		}
		const had = message.runs.map((run) => before?.has(run.epoch) ?? 0);
		const answer = await postAppend(this.target, message, this.#postOptions());
		if (this.#options.isFrozen()) throw new SserError("stopped", "this Pod stood still");
		if (answer === void 0) return false;
		const now = clock.now();
		if (answer.epoch === log.epoch) {
			this.#state = "self";
			this.#waiters.settleAll(void 0);
			return true;
		}
		exchange.take(answer.runs, now);
		const peer = meet(answer.epoch);
		peer.hear(answer.position, log.position(now), now);
		peer.workedAt = now;
		if (peer !== before) this.#missed.clear();
		this.#peer = peer;
		this.#state = "connected";
		this.#settleWaiters();
		const hasTaken = message.runs.length === 0 || message.runs.some((run, i) => peer.has(run.epoch) > (had[i] ?? 0));
		if (peer === before && !hasTaken && this.#hasWork()) throw new SserError("peer-failed", "answers, but takes nothing");
		return true;
	}
	async #sendV1() {
		const { log } = this.#options;
		log.trim(this.#options.clock.now());
		const record = log.epochs.get(log.epoch);
		const item = record?.items.at(record.items.lowerBound((candidate) => candidate.seq > this.#v1Seq));
		if (item?.kind === "disconnect") this.#waiters.settleUpTo(item.seq, NO_DISCONNECT);
		if (item?.kind !== "event" || item.msg === void 0) return this.#skipV1(item?.seq ?? log.ownSeq);
		this.#skipV1(item.seq - 1);
		try {
			const body = printV1({
				stream: item.stream,
				msg: item.msg
			});
			const { status } = await post(this.target, PEER_ENDPOINT_URL_PATH, body, 0, this.#postOptions());
			if (status < 200 || status > 299) throw new SserError("peer-failed", `answered ${status}`);
		} catch (error) {
			this.#miss(item.seq - 1, item.seq);
			this.#v1Until = Number.NEGATIVE_INFINITY;
			throw error;
		} finally {
			this.#v1Seq = item.seq;
		}
		this.#settleWaiters();
	}
	#skipV1(seq) {
		this.#miss(this.#v1Seq, seq);
		this.#v1Seq = seq;
		this.#waiters.settleUpTo(seq, LET_GO);
	}
	#miss(after, to) {
		const { log } = this.#options;
		this.#missed.add(after, to, log.epochs.get(log.epoch)?.floor ?? 0);
	}
	#postOptions() {
		const { clock, transport, tracing, requestTimeoutMs: timeoutMs } = this.#options;
		return {
			clock,
			transport,
			tracing,
			timeoutMs,
			signal: this.#abort.signal
		};
	}
	#fail(error) {
		if (this.#abort.signal.aborted) return;
		const { clock, faults, tally } = this.#options;
		this.#failures += 1;
		this.#state = "failing";
		this.#lastError = describe(error);
		this.#waiters.settleAll({
			status: "failed",
			reason: this.#lastError
		});
		faults.report(error, {
			stage: "append",
			peer: this.target.host
		});
		const ceiling = Math.min(BACKOFF_MAX_MS, BACKOFF_MS * 2 ** (this.#failures - 1));
		this.#cancelRetry = clock.after(ceiling * (.5 + clock.random() / 2), () => {
			this.#cancelRetry = void 0;
			tally.retries += 1;
			this.#work();
		});
	}
	#settledSeq() {
		return this.#peer === void 0 ? this.#v1Seq : this.#peer.has(this.#options.log.epoch);
	}
	#settleWaiters() {
		if (this.#state === "connected" || this.#state === "v1") this.#waiters.settleUpTo(this.#settledSeq(), { status: "delivered" });
	}
};
// src/mesh/receipt.ts
function collectOutcomes(links, epoch, seq, options) {
	return new Promise((resolve, reject) => {
		const { timeoutMs, clock, signal } = options;
		const asked = [...links];
		const outcomes = [];
		let missing = asked.length;
		let cancelTimeout;
		const finish = () => {
			cancelTimeout?.();
			signal?.removeEventListener("abort", abort);
			const peers = [];
			for (let i = 0; i < asked.length; i += 1) {
				const { host } = asked[i].target;
				const outcome = outcomes[i];
				if (outcome !== void 0) peers.push({
					peer: host,
					...outcome
				});
				else if (!(i in outcomes)) peers.push({
					peer: host,
					status: "pending",
					reason: `no answer within ${timeoutMs} ms`
				});
			}
			resolve(peers);
		};
		const abort = () => {
			cancelTimeout?.();
			reject(signal?.reason);
		};
		asked.forEach((link, i) => {
			link.whenSettled(epoch, seq, (outcome) => {
				outcomes[i] = outcome;
				missing -= 1;
				if (missing === 0) finish();
			});
		});
		if (asked.length === 0) finish();
		if (missing === 0) return;
		cancelTimeout = clock.after(timeoutMs, finish);
		signal?.addEventListener("abort", abort, { once: true });
	});
}
// src/mesh/mesh.ts
const FLUSH_POLL_MS = 20;
const MOST_STRANGERS = 64;
var Mesh = class {
	#options;
	#exchange;
	#links = new Map();
	#acquaintances = new Map();
	#abort = new AbortController();
	#cancelTick;
	#tickedAt = NaN;
	#seqAtTick = 0;
	#targets = new Map();
	#isReady = false;
	constructor(options) {
		this.#options = options;
		this.#exchange = new Exchange(options);
	}
	get isReady() {
		return this.#isReady;
	}
	async join() {
		const { hydrateTimeoutMs, timing } = this.#options;
		this.#tick();
		await hydrate({
			...this.#options,
			targets: [...this.#targets.values()],
			exchange: this.#exchange,
			timeoutMs: Math.min(hydrateTimeoutMs, timing.freezeMs),
			signal: this.#abort.signal
		});
		if (this.#abort.signal.aborted) return;
		this.#isReady = true;
		this.#signOfLife();
		this.#link();
	}
	async flush(timeoutMs) {
		const { clock } = this.#options;
		const deadline = clock.now() + timeoutMs;
		const position = this.#options.log.position(clock.now());
		for (const link of this.#links.values()) link.flush(position);
		while (!this.#isFlushed() && clock.now() < deadline && !this.#abort.signal.aborted) await pause(clock, FLUSH_POLL_MS);
	}
	stop() {
		this.#abort.abort();
		this.#cancelTick?.();
		for (const link of this.#links.values()) link.stop("this Pod was stopped");
		this.#links.clear();
	}
	setPeers(peers, defaultPort) {
		const targets = peers.map((peer) => targetOf(peer, defaultPort));
		this.#targets = new Map(targets.map((target) => [target.host, target]));
		if (this.#isReady) this.#link();
	}
	peers() {
		return Array.from(this.#links.values(), (link) => link.status());
	}
	send(epoch, seq, signal) {
		const { ackTimeoutMs, clock } = this.#options;
		for (const link of this.#links.values()) link.poke();
		return collectOutcomes(this.#links.values(), epoch, seq, {
			timeoutMs: ackTimeoutMs,
			clock,
			signal
		});
	}
	receive(message) {
		const { clock, log, timing } = this.#options;
		const now = clock.now();
		if (message.epoch === log.epoch) return this.#exchange.introduce(now);
		log.trim(now);
		this.#exchange.take(message.runs, now);
		const peer = this.#meet(message.epoch);
		peer.hear(message.position, log.position(now), now);
		for (const link of this.#links.values()) if (link.leadsTo(peer)) link.poke();
		const ready = this.#isReady;
		if (message.hydrate && !ready) return {
			...this.#exchange.introduce(now),
			ready
		};
		if (message.hydrate) {
			const v1Age = log.lastV1At > Number.NEGATIVE_INFINITY ? now - log.lastV1At : void 0;
			return {
				...this.#exchange.give(peer, {
					own: true,
					third: true
				}, now),
				ready,
				v1Age
			};
		}
		const own = now - peer.workedAt > timing.graceMs;
		return {
			...this.#exchange.give(peer, {
				own,
				third: false
			}, now),
			ready
		};
	}
	isFrozen() {
		const { clock, timing } = this.#options;
		return clock.now() - this.#tickedAt > timing.freezeMs;
	}
	#link() {
		for (const [host, link] of this.#links) {
			const target = this.#targets.get(host);
			if (target !== void 0 && target.uid === link.target.uid) continue;
			link.stop("no longer a peer");
			this.#links.delete(host);
		}
		for (const [host, target] of this.#targets) {
			if (this.#links.has(host)) continue;
			const link = new Link({
				...this.#options,
				target,
				exchange: this.#exchange,
				meet: (epoch) => this.#meet(epoch),
				isFrozen: () => this.isFrozen()
			});
			this.#links.set(host, link);
			link.poke();
		}
	}
	#meet(epoch) {
		let acquaintance = this.#acquaintances.get(epoch);
		if (acquaintance === void 0) {
			acquaintance = new Acquaintance(epoch, this.#options.clock.now());
			this.#acquaintances.set(epoch, acquaintance);
			if (this.#acquaintances.size > this.#links.size + MOST_STRANGERS) this.#forgetStranger();
			for (const link of this.#links.values()) link.probe();
		}
		return acquaintance;
	}
	#forgetStranger() {
		const links = [...this.#links.values()];
		for (const [epoch, acquaintance] of this.#acquaintances) {
			if (links.some((link) => link.leadsTo(acquaintance))) continue;
			this.#acquaintances.delete(epoch);
			return;
		}
	}
	#tick() {
		const { clock, log, tally, timing, onFrozen } = this.#options;
		if (this.isFrozen()) {
			onFrozen();
			return;
		}
		const now = clock.now();
		if (!Number.isNaN(this.#tickedAt)) tally.tickLateMs = Math.max(0, now - this.#tickedAt - timing.tickMs);
		this.#tickedAt = now;
		this.#cancelTick = clock.after(timing.tickMs, () => this.#tick());
		log.trim(now);
		log.epochs.forget(now);
		for (const [epoch, { heardAt }] of this.#acquaintances) if (now - heardAt > timing.dropMs) this.#acquaintances.delete(epoch);
		if (!this.#isReady) return;
		if (log.ownSeq === this.#seqAtTick) this.#signOfLife();
		this.#seqAtTick = log.ownSeq;
		for (const link of this.#links.values()) link.poke();
	}
	#signOfLife() {
		const { clock, log } = this.#options;
		const now = clock.now();
		log.append(log.epoch, {}, now, now);
	}
	#isFlushed() {
		if (!this.#options.log.hasEvents) return true;
		const reached = [...this.#links.values()].filter((link) => link.status().state !== "self");
		const flushed = reached.map((link) => link.isFlushed());
		return reached.length === 0 || flushed.includes(true) && !flushed.includes(false);
	}
};
// src/mesh/tallied-transport.ts
function tallied(transport, clock, tally) {
	return async (request) => {
		const startedAt = clock.now();
		const count = (status) => tally.answer(request.host, status, clock.now() - startedAt);
		try {
			const answer = await transport(request);
			count(answer.status);
			return answer;
		} catch (error) {
			if (!isCalledOff(request.signal)) count(0);
			throw error;
		}
	};
}
function isCalledOff({ aborted, reason }) {
	return aborted && !(reason instanceof SserError && reason.code === "peer-failed");
}
// src/life.ts
var Life = class {
	log;
	hub;
	mesh;
	#options;
	#timing;
	#surroundings;
	constructor(options) {
		const { clock, faults, onFrozen, tally, transport } = options;
		const { logMaxAgeMs, logMaxBytes, history, tracing } = options.settings;
		this.#timing = timing(logMaxAgeMs);
		const epoch = drawEpoch(clock.random);
		this.#options = options;
		this.log = new Log({
			epoch,
			maxAgeMs: logMaxAgeMs,
			maxBytes: logMaxBytes,
			timing: this.#timing,
			history
		});
		this.hub = new Hub({
			...options.settings,
			log: this.log,
			clock,
			faults,
			tally
		});
		const { retryMs } = options.settings;
		this.#surroundings = {
			log: this.log,
			now: () => clock.now(),
			retryMs,
			tally
		};
		const { requestTimeoutMs, ackTimeoutMs, hydrateTimeoutMs } = options.settings;
		const limits = {
			requestTimeoutMs,
			ackTimeoutMs,
			hydrateTimeoutMs
		};
		this.mesh = new Mesh({
			log: this.log,
			timing: this.#timing,
			clock,
			faults,
			tally,
			onFrozen,
			transport: tallied(transport, clock, tally),
			tracing,
			...limits
		});
	}
	gapFor(streams, lastEventId) {
		return this.#read(streams, lastEventId).gap;
	}
	open(streams, lastEventId, terms, since = this.log.head) {
		return new EventStream(this.hub, (sink) => this.connect(streams, lastEventId, sink, terms), since);
	}
	connect(streams, lastEventId, sink, terms) {
		const audience = this.hub.crowd.audience(streams);
		const { reader, gap } = this.#read(audience.streams, lastEventId);
		return new Connection({
			audience,
			reader,
			gap,
			sink,
			surroundings: this.#surroundings,
			terms
		});
	}
	stop() {
		this.hub.close();
		this.mesh.stop();
	}
	#read(streams, lastEventId) {
		const { clock, settings } = this.#options;
		const reader = new Reader(this.log, streams, this.#timing);
		if (lastEventId === void 0) return {
			reader,
			gap: void 0
		};
		if (!settings.history) return {
			reader,
			gap: "unreadable"
		};
		return {
			reader,
			gap: reader.resume(lastEventId, settings.maxPositionBytes, clock.now())
		};
	}
};
// src/mesh/mac.ts
const HMAC = {
	name: "HMAC",
	hash: "SHA-256"
};
const encoder = new TextEncoder();
const webMac = (secret) => {
	const key = crypto.subtle.importKey("raw", encoder.encode(secret), HMAC, false, ["sign", "verify"]);
	return {
		async sign(head, body) {
			const bytes = new Uint8Array(await crypto.subtle.sign("HMAC", await key, encoder.encode(head + body)));
			return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace("=", "");
		},
		async verify(mac, head, body) {
			const base64 = mac.replaceAll("-", "+").replaceAll("_", "/");
			const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
			return crypto.subtle.verify("HMAC", await key, bytes, encoder.encode(head + body));
		}
	};
};
// src/mesh/replays.ts
const WINDOW = 32;
var Replays = class {
	#senders = new Map();
	#forgetMs;
	constructor(forgetMs) {
		this.#forgetMs = forgetMs;
	}
	get size() {
		return this.#senders.size;
	}
	isFirst(sender, number, now) {
		const known = this.#senders.get(sender);
		this.#senders.delete(sender);
		this.#forget(now);
		if (known === void 0) {
			this.#senders.set(sender, {
				highest: number,
				seen: 1,
				at: now
			});
			return true;
		}
		this.#senders.set(sender, known);
		known.at = now;
		const ahead = number - known.highest;
		if (ahead > 0) {
			known.seen = ahead < WINDOW ? known.seen << ahead | 1 : 1;
			known.highest = number;
			return true;
		}
		const bit = 1 << -ahead;
		if (-ahead >= WINDOW || (known.seen & bit) !== 0) return false;
		known.seen |= bit;
		return true;
	}
	#forget(now) {
		for (const [sender, { at }] of this.#senders) {
			if (now - at <= this.#forgetMs) return;
			this.#senders.delete(sender);
		}
	}
};
// src/mesh/signatures.ts
const SIGNATURE_HEADER = "sser-signature";
const MAX_SKEW_MS = 3e4;
const MAC = "([\\w-]{42}[048AEIMQUYcgkosw])";
const REQUEST = new RegExp(`^t=(\\d{1,15}), s=([0-9a-f]{16}), n=(\\d{1,15}), m=${MAC}$`);
const ANSWER = new RegExp(`^t=(\\d{1,15}), m=${MAC}$`);
var Signatures = class {
	#secrets;
	#keys;
	#clock;
	#replays = new Replays(2 * MAX_SKEW_MS);
	#wallMinusClock;
	#startedAt;
	constructor(secrets, clock) {
		this.#clock = clock;
		this.#secrets = secrets;
		this.#keys = secrets.map(webMac);
		this.#startedAt = Date.now();
		this.#wallMinusClock = this.#startedAt - clock.now();
	}
	get time() {
		return Math.round(this.#clock.now() + this.#wallMinusClock);
	}
	use(macOf) {
		this.#keys = this.#secrets.map(macOf);
	}
	async sign(request, signer) {
		const [key] = this.#keys;
		const mac = await key.sign(requestHead(request, signer), request.body);
		return {
			header: `t=${signer.time}, s=${signer.name}, n=${signer.number}, m=${mac}`,
			bond: {
				key,
				mac
			}
		};
	}
	async check(request, header) {
		const [, time, name = "", number, mac = ""] = this.parse(header);
		const signer = {
			name,
			number: Number(number),
			time: Number(time)
		};
		const head = requestHead(request, signer);
		for (const key of this.#keys) {
			if (!await key.verify(mac, head, request.body)) continue;
			const isOfNow = signer.time >= this.#startedAt && Math.abs(signer.time - this.time) <= MAX_SKEW_MS;
			if (isOfNow && !this.#replays.isFirst(name, signer.number, this.#clock.now())) throw unauthorized("this was sent before");
			return {
				key,
				mac,
				isOfNow
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
	async signAnswer({ key, mac }, status, body) {
		const { time } = this;
		return `t=${time}, m=${await key.sign(answerHead(mac, status, time), body)}`;
	}
	async checkAnswer({ key, mac }, status, body, header) {
		const [, time, answerMac] = ANSWER.exec(header ?? "") ?? [];
		if (answerMac === void 0) return void 0;
		const head = answerHead(mac, status, Number(time));
		return await key.verify(answerMac, head, body) ? Number(time) : void 0;
	}
};
function requestHead({ path, uid = "" }, { time, name, number }) {
	return `sser request\nPOST\n${path}\n${uid}\n${time}\n${name}\n${number}\n`;
}
function answerHead(mac, status, time) {
	return `sser answer\n${mac}\n${status}\n${time}\n`;
}
function unauthorized(why) {
	return new SserError("unauthorized", why);
}
// src/mesh/signed-transport.ts
const MAX_WAYS = 1024;
function signedTransport(options) {
	const { transport, signatures, allowUnsignedPeers, allowGoPeers } = options;
	const ways = new Map();
	const wayTo = (host) => {
		const way = ways.get(host) ?? {
			name: drawName(),
			number: 0,
			offset: 0
		};
		ways.delete(host);
		ways.set(host, way);
		if (ways.size > MAX_WAYS) ways.delete(ways.keys().next().value);
		return way;
	};
	const post = async (request, way) => {
		way.number += 1;
		const signer = {
			name: way.name,
			number: way.number,
			time: signatures.time + way.offset
		};
		const { path, body } = request;
		const { header, bond } = await signatures.sign({
			path,
			uid: request.headers[TARGET_HEADER],
			body
		}, signer);
		request.signal.throwIfAborted();
		return {
			answer: await transport({
				...request,
				headers: {
					...request.headers,
					[SIGNATURE_HEADER]: header
				}
			}),
			bond
		};
	};
	const check = ({ answer: { status, body, signature }, bond }) => signatures.checkAnswer(bond, status, body, signature);
	return async (request) => {
		if (request.path !== "/api/json/v2/append") return transport(request);
		const way = wayTo(request.host);
		let posted = await post(request, way);
		if (posted.answer.status === 401) {
			const time = await check(posted);
			if (time === void 0) return posted.answer;
			way.offset = time - signatures.time;
			posted = await post(request, way);
		}
		const { answer } = posted;
		if (answer.status === 404 && !allowGoPeers) throw new SserError("peer-failed", "does not speak v2, and the option allowGoPeers is off");
		if (answer.status !== 200 || allowUnsignedPeers && answer.signature === void 0) return answer;
		if (await check(posted) !== void 0) return answer;
		throw new SserError("peer-failed", "its answer is not signed with this peerSecret");
	};
}
function drawName() {
	return Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
// src/wire/body.ts
const WHOLE_BYTES = 65536;
async function readBody(message, maxBytes, onBytes = () => {}) {
	const tooLarge = () => new SserError("body-too-large", `A body has at most ${maxBytes} bytes`);
	if (Number(message.headers.get("content-length")) > maxBytes) {
		await message.body?.cancel().catch(() => {});
		throw tooLarge();
	}
	const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
	const { headers } = message;
	const length = headers.has("transfer-encoding") ? "" : headers.get("content-length") ?? "";
	if (message instanceof Request && /^\d+$/.test(length) && Number(length) <= WHOLE_BYTES) {
		onBytes(Number(length));
		const bytes = await message.arrayBuffer();
		if (bytes.byteLength > maxBytes) throw tooLarge();
		return decoder.decode(bytes);
	}
	if (message.body === null) return "";
	let text = "";
	let size = 0;
	const reader = message.body.getReader();
	for (;;) {
		const { done, value } = await reader.read();
		if (done) return text + decoder.decode();
		try {
			size += value.byteLength;
			if (size > maxBytes) throw tooLarge();
			onBytes(value.byteLength);
		} catch (error) {
			reader.cancel().catch(() => {});
			throw error;
		}
		text += decoder.decode(value, { stream: true });
	}
}
const DISCARD_BYTES = 4096;
async function discardBody(message) {
	await readBody(message, DISCARD_BYTES).catch(() => {});
}
// src/mesh/transport.ts
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
// src/membership.ts
var Membership = class {
	#options;
	#transport;
	#life;
	#peers = [];
	#internalPort;
	#uid;
	#joining;
	constructor(options) {
		const { settings } = options;
		this.#options = options;
		this.#internalPort = settings.internalPort;
		this.#transport = this.#signed(fetchTransport(settings.fetch ?? globalThis.fetch));
		this.#life = this.#begin();
	}
	get life() {
		return this.#life;
	}
	get joining() {
		return this.#joining;
	}
	current() {
		if (!this.#life.mesh.isFrozen() || this.#options.signal.aborted) return this.#life;
		this.#life.stop();
		this.#life = this.#begin();
		this.#join();
		return this.#life;
	}
	async start({ internalPort = this.#internalPort, transport, macOf }) {
		const { faults, peerFinder, settings, signal } = this.#options;
		this.#internalPort = internalPort;
		if (macOf !== void 0) this.#options.signatures?.use(macOf);
		if (transport !== void 0 && settings.fetch === void 0) this.#transport = this.#signed(transport);
		const { peers, changes, uid } = await peerFinder.start({
			signal,
			onError: (error) => faults.report(error, { stage: "peer-finder" })
		});
		signal.throwIfAborted();
		this.#peers = checkPeers(peers);
		this.#uid = uid;
		follow(changes, {
			signal,
			faults,
			adopt: (later) => {
				this.#peers = later;
				this.#life.mesh.setPeers(later, this.#internalPort);
			}
		});
		await this.#join();
		signal.throwIfAborted();
	}
	isFor(uid) {
		if (this.#joining === void 0) return void 0;
		return this.#uid === void 0 || this.#uid === uid;
	}
	#signed(transport) {
		const { settings, signatures } = this.#options;
		if (signatures === void 0) return transport;
		return signedTransport({
			...settings,
			transport,
			signatures
		});
	}
	#begin() {
		return new Life({
			...this.#options,
			transport: (request) => this.#transport(request),
			onFrozen: () => void this.current()
		});
	}
	#join() {
		this.#life.mesh.setPeers(this.#peers, this.#internalPort);
		this.#joining = this.#life.mesh.join();
		return this.#joining;
	}
};
// src/opening.ts
function opening(options) {
	const { membership } = options;
	return () => {
		const life = membership.current();
		const since = life.log.head;
		return {
			crowding: (streams, address) => life.hub.crowd.crowding(streams, address),
			async judge(streams, address, ask) {
				const { crowd } = life.hub;
				const crowding = crowd.crowding(streams, address, crowd.judged);
				if (crowding !== void 0) throw crowding;
				crowd.judged.join(address);
				try {
					return await ask();
				} finally {
					crowd.judged.leave(address);
				}
			},
			open(asked) {
				const current = membership.current();
				return options.isReady() ? open(options, current, asked, current === life ? since : 0) : void 0;
			}
		};
	};
}
function open(options, life, asked, since) {
	const { streams, lastEventId } = asked;
	const stream = life.open(streams, lastEventId, terms(options, life, asked), since);
	if (lastEventId === void 0) return {
		stream,
		resume: void 0
	};
	return {
		stream,
		resume: life.gapFor(streams, lastEventId) === void 0 ? "complete" : "gap"
	};
}
function terms({ settings, clock }, life, { tags, lastsMs, address }) {
	const { authorize, maxConnectionAgeMs } = settings;
	if (authorize === void 0 && maxConnectionAgeMs === 0 && address === void 0) return void 0;
	const ageMs = maxConnectionAgeMs === 0 ? void 0 : maxConnectionAgeMs * (.75 + clock.random() / 4);
	const ms = Math.min(lastsMs ?? Number.POSITIVE_INFINITY, ageMs ?? Number.POSITIVE_INFINITY);
	return {
		tags,
		endsAt: Number.isFinite(ms) ? clock.now() + ms : void 0,
		origin: address === void 0 ? void 0 : life.hub.crowd.origins.of(address)
	};
}
// src/options.ts
const whole = (minimum, maximum = Number.MAX_SAFE_INTEGER) => v.pipe(v.number(), v.integer(), v.minValue(minimum), v.maxValue(maximum));
function isPeerSecret(value) {
	if (value === void 0) return true;
	const secrets = Array.isArray(value) ? value : [value];
	return secrets.length > 0 && secrets.length <= 8 && secrets.every(isSecret);
}
function isSecret(value) {
	return typeof value === "string" && value.length >= 16 && value.length <= 1024;
}
const withDefault = (fallback, minimum, maximum) => v.optional(whole(minimum, maximum), fallback);
const schema = v.strictObject({
	internalPort: withDefault(7e3, 0, 65535),
	retryMs: withDefault(2e3, 0, MAX_TIMER_MS),
	heartbeatMs: withDefault(15e3, 1e3, MAX_TIMER_MS),
	logMaxAgeMs: withDefault(12e4, 1e3, MAX_TIMER_MS),
	logMaxBytes: withDefault(16777216, 1024),
	history: v.optional(v.boolean(), true),
	maxPositionBytes: withDefault(MAX_POSITION_BYTES, 64),
	hydrateTimeoutMs: withDefault(5e3, 0, MAX_TIMER_MS),
	drainMs: withDefault(1e4, 0, MAX_TIMER_MS),
	flushTimeoutMs: withDefault(1e4, 0, MAX_TIMER_MS),
	maxMessageBytes: withDefault(65536, 1, 1048576),
	maxStreamsPerConnection: withDefault(32, 1),
	authorize: v.optional(v.function()),
	authorizeTimeoutMs: withDefault(5e3, 10, MAX_TIMER_MS),
	maxConnections: withDefault(2e4, 1),
	maxConnectionsPerAddress: withDefault(0, 0),
	trustedProxies: withDefault(0, 0, 100),
	maxStreams: withDefault(1e5, 1),
	stallTimeoutMs: withDefault(6e4, 1e3, MAX_TIMER_MS),
	maxConnectionAgeMs: withDefault(0, 0, MAX_TIMER_MS),
	ackTimeoutMs: withDefault(1e3, 0, MAX_TIMER_MS),
	requestTimeoutMs: withDefault(5e3, 10, MAX_TIMER_MS),
	peerSecret: v.pipe(v.optional(v.unknown()), v.check(isPeerSecret, "expected a string of 16 to 1,024 characters, or up to 8 of them")),
	allowGoPeers: v.optional(v.boolean(), false),
	allowUnsignedPeers: v.optional(v.boolean(), false),
	internalBodyTimeoutMs: withDefault(1e4, 10, MAX_TIMER_MS),
	maxInternalBytes: withDefault(67108864, APPEND_MAX_BYTES),
	onError: v.optional(v.function()),
	logger: v.optional(v.custom((value) => value === false || hasMethods(value, ["info", "warn"]), "false, console, or another logger with the methods info and warn")),
	tracing: v.optional(v.custom((value) => hasMethods(value, [
		"send",
		"append",
		"deliver"
	]), "openTelemetryTracing() from sser/opentelemetry, or other methods send, append and deliver")),
	fetch: v.optional(v.function()),
	clock: v.optional(v.custom((value) => typeof value === "object" && value !== null, "a Clock"))
});
function hasMethods(value, names) {
	if (typeof value !== "object" || value === null) return false;
	return names.every((name) => typeof value[name] === "function");
}
function resolveSettings(settings) {
	return checkOptions(schema, settings);
}
function checkOptions(schema, options) {
	const parsed = v.safeParse(schema, options);
	if (parsed.success) return parsed.output;
	const [issue] = parsed.issues;
	throw new SserError("invalid-options", `Option "${v.getDotPath(issue) ?? "options"}": ${issue.type === "check" ? issue.message : issue.expected === "never" ? `there is no such option; there are ${Object.keys(schema.entries).join(", ")}` : `expected ${issue.type === "custom" ? issue.message : issue.expected}, got ${issue.received}`}`);
}
// src/routes/address.ts
function addressOf(request, env, trustedProxies) {
	const { incoming, requestIP } = env ?? {};
	const held = incoming?.socket?.remoteAddress ?? requestIP?.call(env, request)?.address;
	const named = (request.headers.get("x-forwarded-for") ?? "").split(",").map((part) => part.trim());
	const address = trustedProxies === 0 ? held : named.at(-trustedProxies) ?? named[0];
	return address === void 0 || address === "" ? held : networkOf(address);
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
// src/routes/admission.ts
const MAX_TAGS = 16;
const EARLIEST = 1e11;
async function judge(options, c, streams) {
	let decision;
	try {
		decision = await inTime(options, async () => options.authorize(c, { streams }));
		return grantOf(decision, streams, options.maxStreamsPerConnection);
	} catch (cause) {
		if (cause instanceof HTTPException) throw cause;
		if (cause instanceof SserError && (cause.code === "forbidden" || cause.code === "expelled")) throw cause;
		throw new SserError("authorization-failed", "The hook \"authorize\" failed", { cause });
	}
}
async function inTime({ authorizeTimeoutMs, clock }, ask) {
	const late = Promise.withResolvers();
	const cancel = clock.after(authorizeTimeoutMs, () => {
		late.reject(new Error(`it took more than ${authorizeTimeoutMs} ms`));
	});
	try {
		return await Promise.race([ask(), late.promise]);
	} finally {
		cancel();
	}
}
function grantOf(decision, asked, maxStreams) {
	if (decision === "allow") return {
		streams: asked,
		tags: [],
		lastsMs: void 0
	};
	if (decision === "deny") throw new SserError("forbidden", "You may not listen on this");
	if (decision === "expel") throw new SserError("expelled", "You may not come back");
	if (typeof decision !== "object" || decision === null || Array.isArray(decision)) throw unclear("a decision");
	const { streams = asked, expiresAt, tags = [], ...rest } = decision;
	const unknown = Object.keys(rest)[0];
	if (unknown !== void 0) throw unclear(`"${unknown}"`);
	if (!isListOf(streams, maxStreams, streamNameFault)) throw unclear("streams");
	if (!isListOf(tags, MAX_TAGS, tagFault)) throw unclear("tags");
	const lastsMs = lifetime({ expiresAt });
	if (streams.length === 0 || lastsMs !== void 0 && lastsMs <= 0) throw new SserError("forbidden", "You may not listen on this");
	const found = new Set(tags.map((tag) => tag.toWellFormed()));
	return {
		streams: [...new Set(streams)],
		tags: [...found],
		lastsMs
	};
}
function lifetime({ expiresAt }) {
	if (expiresAt === void 0) return void 0;
	if (!Number.isFinite(expiresAt)) throw unclear("expiresAt");
	if (expiresAt < EARLIEST) throw new Error("expiresAt is in milliseconds, not seconds");
	return expiresAt - Date.now();
}
function isListOf(value, max, fault) {
	if (!Array.isArray(value) || value.length > max) return false;
	return value.every((each) => typeof each === "string" && fault(each) === void 0);
}
function unclear(what) {
	return new Error(`it gave what is not ${what}`);
}
// src/routes/events.ts
const STATUS$1 = {
	expelled: 204,
	forbidden: 403,
	"not-acceptable": 406,
	"too-many-connections": 429,
	"too-many-connections-from-address": 429,
	"too-many-streams-here": 429
};
const RETRY_AFTER_S = 5;
function eventsRoutes(options) {
	return new Hono().all("/", (c) => answerIn(options, c));
}
function eventsHandler(options) {
	const app = new Hono().all("*", (c) => answerIn(options, c));
	if (options.settings.authorize !== void 0) return (request, env) => app.fetch(request, env);
	return (request, env) => answerEvents(options, request, env);
}
function answerIn(options, c) {
	const { settings, clock } = options;
	const { authorize } = settings;
	if (authorize === void 0) return answerEvents(options, c.req.raw, c.env);
	return answerEvents(options, c.req.raw, c.env, (streams) => {
		return judge({
			...settings,
			authorize,
			clock
		}, c, streams);
	});
}
function answerEvents(options, request, env, ask) {
	if (request.method !== "GET" && request.method !== "HEAD") return new Response("Method Not Allowed\n", {
		status: 405,
		headers: { allow: "GET, HEAD" }
	});
	const { maxStreamsPerConnection, maxConnectionsPerAddress, trustedProxies } = options.settings;
	const query = new URL(request.url).searchParams;
	const address = maxConnectionsPerAddress === 0 ? void 0 : addressOf(request, env, trustedProxies);
	const opening = options.begin();
	const open = (granted) => {
		const crowding = opening.crowding(granted.streams, address);
		if (crowding !== void 0) throw crowding;
		const asked = {
			...granted,
			address,
			lastEventId: lastEventId(request.headers, query)
		};
		return answer(options, request, opening.open(asked));
	};
	try {
		requireEventStream(request.headers.get("accept"));
		const streams = requestedStreams(query, maxStreamsPerConnection);
		if (ask === void 0) return open({
			streams,
			tags: [],
			lastsMs: void 0
		});
		return opening.judge(streams, address, () => ask(streams)).then(open).catch((error) => refuse(options, request, error));
	} catch (error) {
		return refuse(options, request, error);
	}
}
function answer({ settings }, request, opened) {
	opened?.stream.answers(request);
	const body = request.method === "HEAD" ? null : opened?.stream.body ?? retryFrame(settings.retryMs);
	return new Response(body, { headers: {
		"content-type": "text/event-stream",
		"cache-control": "no-cache, no-transform",
		"x-accel-buffering": "no",
		...opened?.resume && { "sser-resume": opened.resume }
	} });
}
function refuse(options, request, error) {
	if (!(error instanceof SserError)) throw error;
	const { code, message } = error;
	options.faults.reject(code);
	if (code === "authorization-failed") {
		options.faults.report(error, { stage: "authorize" });
		return answer(options, request, void 0);
	}
	const status = STATUS$1[code] ?? 400;
	const headers = { "sser-error": code };
	if (status === 429) headers["retry-after"] = `${Math.ceil(RETRY_AFTER_S * (1 + options.clock.random()))}`;
	return new Response(status === 204 ? null : `${message}\n`, {
		status,
		headers
	});
}
function lastEventId(headers, query) {
	const id = headers.get("last-event-id") ?? query.get("lastEventId");
	return id === null || id === "" ? void 0 : id;
}
function requestedStreams(query, maxStreams) {
	const streams = [...new Set(query.getAll(QUERY_PARAMETER_NAME))];
	if (streams.length > maxStreams) throw new SserError("too-many-streams", `A connection listens on at most ${maxStreams} streams`);
	const fault = streams.length === 0 ? streamNameFault("") : streams.map(streamNameFault).find(Boolean);
	if (fault !== void 0) throw fault;
	return streams;
}
function requireEventStream(accept) {
	if (accept === null || accept.trim() === "") return;
	for (const wanted of [
		"text/event-stream",
		"text/*",
		"*/*"
	]) for (const range of accept.split(",")) {
		const [type, ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
		if (type !== wanted) continue;
		if (!parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter))) return;
		throw notAcceptable();
	}
	throw notAcceptable();
}
function notAcceptable() {
	return new SserError("not-acceptable", "Only text/event-stream is served here");
}
// src/routes/intake.ts
var Intake = class {
	#options;
	#readings = new Set();
	#bytes = 0;
	constructor(options) {
		this.#options = options;
	}
	async read(request, maxBytes, address = "") {
		const { clock, timeoutMs } = this.#options;
		const { promise: givenUp, reject: giveUp } = Promise.withResolvers();
		const reading = {
			address,
			bytes: 0,
			giveUp
		};
		const cancel = clock.after(timeoutMs, () => {
			giveUp(new SserError("body-too-slow", `A body takes at most ${timeoutMs} ms`));
		});
		this.#readings.add(reading);
		try {
			return await Promise.race([readBody(request, maxBytes, (bytes) => this.#take(reading, bytes)), givenUp]);
		} finally {
			cancel();
			this.#release(reading);
		}
	}
	#take(reading, bytes) {
		if (!this.#readings.has(reading)) throw busy();
		while (this.#bytes + bytes > this.#options.maxBytes) {
			const heaviest = this.#heaviest();
			heaviest.giveUp(busy());
			this.#release(heaviest);
			if (heaviest === reading) throw busy();
		}
		reading.bytes += bytes;
		this.#bytes += bytes;
	}
	#heaviest() {
		const sums = new Map();
		for (const { address, bytes } of this.#readings) sums.set(address, (sums.get(address) ?? 0) + bytes);
		let most = 0;
		for (const sum of sums.values()) most = Math.max(most, sum);
		return [...this.#readings].filter(({ address }) => sums.get(address) === most).reduce((largest, each) => each.bytes > largest.bytes ? each : largest);
	}
	#release(reading) {
		if (this.#readings.delete(reading)) this.#bytes -= reading.bytes;
	}
};
function busy() {
	return new SserError("busy", "Too many bodies are being read");
}
// src/routes/internal.ts
const STATUS = {
	unauthorized: 401,
	"body-too-slow": 408,
	"body-too-large": 413,
	"message-too-large": 413,
	busy: 503
};
function internalRoutes(options) {
	const { faults, intake, v1MaxBytes, signatures, allowUnsignedPeers, allowGoPeers } = options;
	const guard = async (c, take, invalid) => {
		if (options.isStopped()) return c.text("stopped\n", 503);
		const uid = c.req.header(TARGET_HEADER);
		const isMeant = uid === void 0 || options.isFor(uid);
		if (isMeant === void 0) return c.text("starting\n", 503);
		if (!isMeant) return c.text("meant for another Pod\n", 421);
		try {
			return await take();
		} catch (cause) {
			const error = cause instanceof SserError ? cause : new SserError("invalid-append", "The body broke off", { cause });
			faults.refuse(error, senderOf(c));
			const status = STATUS[error.code];
			if (status === void 0) return invalid(error);
			return c.text(`${error.message}\n`, status, { connection: "close" });
		}
	};
	const readAppend = async (c) => {
		const header = c.req.header(SIGNATURE_HEADER);
		const isSigned = signatures !== void 0 && !(allowUnsignedPeers && header === void 0);
		if (isSigned) signatures.parse(header);
		const body = await intake.read(c.req.raw, APPEND_MAX_BYTES, senderOf(c));
		if (!isSigned) return {
			body,
			proof: void 0
		};
		const request = {
			path: APPEND_URL_PATH,
			uid: c.req.header(TARGET_HEADER),
			body
		};
		return {
			body,
			proof: await signatures.check(request, header)
		};
	};
	const signed = async (proof, status, body) => {
		if (proof === void 0 || signatures === void 0) return {};
		return { [SIGNATURE_HEADER]: await signatures.signAnswer(proof, status, body) };
	};
	return new Hono().post(PEER_ENDPOINT_URL_PATH, (c) => guard(c, async () => {
		if (signatures !== void 0 && !allowGoPeers) throw new SserError("unauthorized", "v1 is not signed; see the option allowGoPeers");
		options.receiveV1(parseV1(await intake.read(c.req.raw, v1MaxBytes, senderOf(c))));
		return c.body(null, 200, { "content-length": "0" });
	}, () => c.text("invalid JSON\n", 400))).post(APPEND_URL_PATH, (c) => guard(c, async () => {
		const { body, proof } = await readAppend(c);
		if (proof?.isOfNow === false) return c.body(null, 401, await signed(proof, 401, ""));
		const answer = printAppend(options.receive(parseAppend(body)));
		return c.body(answer, 200, {
			"content-type": "application/json",
			...await signed(proof, 200, answer)
		});
	}, ({ code, message }) => c.json({
		code,
		message
	}, 400)));
}
function senderOf(c) {
	return addressOf(c.req.raw, c.env, 0);
}
// src/exposition.ts
const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";
function printFamilies(families) {
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
// src/version.ts
const VERSION = "0.0.0";
const MOST_PEERS = 100;
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
	const { appends, connections, events, faults, gaps, log, peerFinder, rejected, streams } = stats;
	const peers = stats.peers.filter(({ state }) => state !== "self");
	const named = boundPeers(peers);
	const syncAgeMs = peerFinder?.syncAgeMs;
	return [
		gauge("info", "The version of sser, and the epoch: one life of this Pod.", [{
			labels: {
				version: VERSION,
				epoch: stats.epoch
			},
			value: 1
		}]),
		gauge("state", "Where the Pod stands: 1 for its state, 0 for all others.", [...Object.keys(STATES).map((state) => ({
			labels: { state },
			value: Number(state === stats.state)
		}))]),
		gauge("connections", "Connections that are open.", connections.open),
		counter("connections_opened_total", "Connections that were opened.", connections.opened),
		counter("connections_ended_total", "Connections that ended.", connections.ended),
		gauge("streams", "Streams that somebody listens on.", streams.listened),
		gauge("stream_connections", `Connections on each of the 50 largest streams and on all others, where asked for.`, streamSamples(stats)),
		counter("events_sent_total", "Events that were sent on this Pod.", events.sent),
		counter("events_received_total", "Events that came from peers.", events.received),
		counter("events_delivered_total", "Events that were written to connections, once for each.", events.delivered),
		counter("events_replayed_total", "Delivered events that were older than their connection.", events.replayed),
		counter("gaps_total", "Gaps that connections were told of.", counts("reason", gaps)),
		gauge("peers", "Peers, by the state of the link to them.", [...Object.keys(LINK_STATES).map((state) => ({
			labels: { state },
			value: peers.filter((peer) => peer.state === state).length
		}))]),
		gauge("peer_up", "Whether the last request to the peer worked.", peerSamples(named, isUp)),
		gauge("peer_lag_events", "Events and ticks of this Pod that the peer is not known to hold.", peerSamples(named, ({ lag }) => lag)),
		gauge("peer_lag_seconds", "Age of the oldest that the peer is not known to hold, as far as the log reaches back.", peerSamples(named, ({ lagMs }) => lagMs / 1e3)),
		gauge("peer_failures", "Requests to the peer that failed since the last one that worked.", peerSamples(named, ({ failures }) => failures)),
		counter("append_requests_total", "Requests to peers, and to the Pod's own address where the list has it: ok is a 2xx, refused another status, failed none.", [...counts("outcome", {
			ok: appends.ok,
			refused: appends.refused,
			failed: appends.failed
		})]),
		counter("append_retries_total", "Requests that were made because one before them had failed.", appends.retries),
		histogram("append_duration_seconds", "How long answered requests to peers took.", appends.latency),
		counter("faults_total", "Faults in the background, by where they were met.", counts("stage", faults)),
		counter("rejected_total", "Input of clients and peers that was refused, by error code.", counts("code", rejected)),
		gauge("log_items", "Events, ticks and holes in the log.", log.items),
		gauge("log_bytes", "Memory that the items of the log count for.", log.bytes),
		gauge("log_max_bytes", "Memory that they may take: the option logMaxBytes.", log.maxBytes),
		gauge("log_oldest_seconds", "Age of the oldest item of the log.", log.oldestMs / 1e3),
		gauge("log_whole_seconds", "Age of the oldest item from which on the log has every message.", log.wholeMs / 1e3),
		gauge("log_max_age_seconds", "Age that the items of the log may reach: the option logMaxAgeMs.", log.maxAgeMs / 1e3),
		gauge("tick_late_seconds", "How late the last tick came: for so long the event loop stood still.", stats.tickLateMs / 1e3),
		gauge("peer_finder_state", "How the peer finder says it stands.", peerFinder === void 0 ? [] : [{
			labels: { state: peerFinder.state },
			value: 1
		}]),
		gauge("peer_finder_sync_age_seconds", "For how long the source of the peers has not confirmed them.", syncAgeMs === void 0 ? [] : syncAgeMs / 1e3)
	];
}
function streamSamples({ streams }) {
	const values = new Map(streams.largest.map(({ stream, connections }) => [stream, connections]));
	if (streams.others > 0) values.set("other", (values.get("other") ?? 0) + streams.others);
	return Array.from(values, ([stream, value]) => ({
		labels: { stream },
		value
	}));
}
function boundPeers(peers) {
	const sorted = peers.toSorted((a, b) => a.peer < b.peer ? -1 : 1);
	const rest = sorted.splice(MOST_PEERS);
	if (rest.length === 0) return sorted;
	const most = (value) => Math.max(...rest.map(value));
	const other = {
		peer: "other",
		state: rest.every((peer) => isUp(peer) === 1) ? "connected" : "failing",
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
// src/routes/debug-page.ts
const STYLE = `
  :root { color-scheme: light dark; font: 14px/1.45 system-ui, sans-serif }
  body { max-width: 70rem; margin: 1.5rem auto; padding: 0 1rem }
  h1 { font-size: 1.3rem } h2 { font-size: 1rem; margin: 1.6rem 0 .4rem }
  table { border-collapse: collapse; min-width: 24rem }
  th, td { text-align: left; padding: .2rem .8rem .2rem 0; border-bottom: 1px solid #8884; vertical-align: top; overflow-wrap: anywhere }
  th { font-weight: 600; white-space: nowrap }
  td.number { text-align: right; font-variant-numeric: tabular-nums }
  p.none { opacity: .6; margin: 0 }
`;
function debugPage(view, nonce) {
	const { appends, connections, events, log, peerFinder, peers, streams } = view;
	const streamRows = streams.largest.map((each) => [each.stream, each.connections]);
	const unnamed = streams.listened - streams.largest.length;
	if (unnamed > 0) streamRows.push([`(${unnamed} others)`, streams.others]);
	return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>sser: ${view.state}</title>
<style nonce="${nonce}">${raw(STYLE)}</style>
</head>
<body>
<h1>sser ${view.version}: ${view.state}</h1>
${table("This Pod", void 0, [
		["Epoch", view.epoch],
		["Up", duration(view.uptimeMs)],
		["Position", view.position],
		["Connections", `${connections.open} open, ${connections.opened} opened, ${connections.ended} ended`],
		["Events", `${events.sent} sent here, ${events.received} from peers`],
		["Delivered", `${events.delivered}, of which ${events.replayed} replayed`],
		["Log", `${log.items} items, ${log.bytes} of ${log.maxBytes} bytes`],
		["Log reaches back", `${duration(log.oldestMs)} of ${duration(log.maxAgeMs)}, with every message ${duration(log.wholeMs)}`],
		["Requests to peers", `${appends.ok} ok, ${appends.refused} refused, ${appends.failed} failed`],
		["Retries", `${appends.retries}`],
		["Last tick late by", duration(view.tickLateMs)],
		["Peer finder", peerFinder?.state ?? "does not say"],
		["Peers confirmed", peerFinder?.syncAgeMs === void 0 ? "" : `${duration(peerFinder.syncAgeMs)} ago`]
	])}
${table("Peers", [
		"Peer",
		"State",
		"Epoch",
		"Lag",
		"Lag in time",
		"Failures",
		"Last error"
	], peers.map((peer) => [
		peer.peer,
		peer.state,
		peer.epoch,
		peer.lag,
		duration(peer.lagMs),
		peer.failures,
		peer.lastError
	]))}
${table("Streams", ["Stream", "Connections"], streamRows)}
${table("Gaps told", ["Reason", "Gaps"], Object.entries(view.gaps))}
${table("Rejected input", ["Code", "Times"], Object.entries(view.rejected))}
${table("Faults", ["Stage", "Faults"], Object.entries(view.faults))}
${table("Last faults", [
		"Ago",
		"Stage",
		"Peer",
		"What"
	], view.recentFaults.map(({ ageMs, stage, peer, message }) => [
		duration(ageMs),
		stage,
		peer,
		message
	]))}
</body>
</html>
`;
}
function table(title, head, rows) {
	if (rows.length === 0) return html`<h2>${title}</h2><p class="none">None.</p>`;
	const heading = head && html`<tr>${head.map((name) => html`<th>${name}</th>`)}</tr>`;
	return html`<h2>${title}</h2><table>${heading}${rows.map((row) => html`<tr>${row.map(cell)}</tr>`)}</table>`;
}
function cell(content) {
	return typeof content === "number" ? html`<td class="number">${content}</td>` : html`<td>${content ?? ""}</td>`;
}
function duration(ms) {
	if (ms < 1e3) return `${Math.round(ms)} ms`;
	if (ms < 12e4) return `${(ms / 1e3).toFixed(1)} s`;
	return ms < 72e5 ? `${Math.round(ms / 6e4)} min` : `${(ms / 36e5).toFixed(1)} h`;
}
// src/routes/debug.ts
const MOST_STREAMS = 50;
function debugRoute(stats, recentFaults) {
	return async (c) => {
		const view = {
			version: VERSION,
			...stats({ largestStreams: MOST_STREAMS }),
			recentFaults: recentFaults()
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
			"content-security-policy": `default-src 'none'; style-src 'nonce-${nonce}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
			"referrer-policy": "no-referrer"
		});
	};
}
// src/routes/ops.ts
function opsRoutes({ probeRoutes, stats, recentFaults }) {
	return new Hono().route("/", probeRoutes).get("/metrics", (c) => {
		const text = printFamilies(metricFamilies(stats({ largestStreams: c.req.query("perStream") === "true" ? 50 : 0 })));
		return c.body(text, 200, {
			"content-type": CONTENT_TYPE,
			"cache-control": "no-store"
		});
	}).get("/debug/sser", debugRoute(stats, recentFaults));
}
// src/routes/probes.ts
const REASON = {
	idle: "start() was not called",
	"finding-peers": "the peer finder has no first list of peers yet",
	"fetching-log": "the log is being fetched from a peer",
	draining: "the Pod stops: its connections are being ended",
	stopped: "the Pod was stopped"
};
function probeRoutes(state) {
	const answer = (test, isIt) => () => {
		const now = state();
		const body = {
			[test]: isIt(now),
			state: now,
			...now !== "ready" && { reason: REASON[now] }
		};
		return Response.json(body, {
			status: isIt(now) ? 200 : 503,
			headers: { "cache-control": "no-store" }
		});
	};
	return new Hono().get("/livez", answer("live", (now) => now !== "stopped")).get("/readyz", answer("ready", (now) => now === "ready"));
}
// src/sender.ts
var Sender = class {
	#options;
	constructor(options) {
		this.#options = options;
	}
	send(stream, msg, options) {
		const { tracing } = this.#options.settings;
		const traceparent = traceparentOf(options.traceparent);
		if (tracing === void 0) return this.#send(stream, msg, options, traceparent);
		return traceSend(tracing, {
			stream,
			traceparent
		}, (own) => this.#send(stream, msg, options, own));
	}
	async disconnect({ stream, tag }, { signal }) {
		this.#requireStarted();
		if (stream === void 0 && tag === void 0) throw new SserError("nobody-selected", "Give disconnect() a stream, a tag, or both");
		const fault = (stream === void 0 ? void 0 : streamNameFault(stream)) ?? (tag === void 0 ? void 0 : tagFault(tag));
		if (fault !== void 0) throw fault;
		signal?.throwIfAborted();
		if (!this.#options.membership.current().mesh.isReady) await this.#whenJoined(signal);
		const { hub, log, mesh } = this.#options.membership.life;
		const selection = {
			stream,
			tag: tag?.toWellFormed()
		};
		const now = this.#options.clock.now();
		log.trim(now);
		const before = hub.size;
		const { seq } = log.append(log.epoch, { disconnect: selection }, now, now);
		const connections = before - hub.size;
		const peers = await mesh.send(log.epoch, seq, signal);
		return {
			id: printPosition([[log.epoch, seq]]),
			connections,
			peers
		};
	}
	async #send(stream, msg, { event, key, signal }, traceparent) {
		this.#requireStarted();
		const fault = streamNameFault(stream) ?? messageFault(msg, this.#options.settings.maxMessageBytes) ?? (event === void 0 ? void 0 : eventTypeFault(event)) ?? (key === void 0 ? void 0 : keyFault(key));
		if (fault !== void 0) throw fault;
		signal?.throwIfAborted();
		if (!this.#options.membership.current().mesh.isReady) await this.#whenJoined(signal);
		const { hub, log, mesh } = this.#options.membership.life;
		const now = this.#options.clock.now();
		log.trim(now);
		const first = key === void 0 ? void 0 : log.keys.first(stream, key);
		const content = {
			stream,
			msg: msg.toWellFormed(),
			event: event?.toWellFormed(),
			key,
			traceparent
		};
		const { epoch = log.epoch, seq } = first ?? log.append(log.epoch, content, now, now);
		if (first === void 0) this.#options.tally.sent += 1;
		const connections = hub.crowd.listeners(stream);
		const peers = await mesh.send(epoch, seq, signal);
		return {
			id: printPosition([[epoch, seq]]),
			duplicate: first !== void 0,
			connections,
			peers
		};
	}
	#requireStarted() {
		if (this.#options.isLeaving()) throw stopped();
		if (this.#options.membership.joining === void 0) throw new SserError("not-started", "Call start() before send() and disconnect()");
	}
	async #whenJoined(signal) {
		await this.#options.membership.joining;
		if (this.#options.isLeaving()) throw stopped();
		signal?.throwIfAborted();
	}
};
// src/stats.ts
function readStats(sources, own, { largestStreams = 0 }) {
	const { clock, faults, life, peerFinder, settings, tally } = sources;
	const { hub, log, mesh } = life;
	const now = clock.now();
	log.trim(now);
	const age = (index) => Math.max(0, now - (log.at(index)?.sentAt ?? now));
	return {
		...own,
		epoch: log.epoch,
		connections: {
			open: hub.size,
			opened: tally.opened,
			ended: tally.ended
		},
		streams: {
			listened: hub.crowd.streamCount,
			...largest(hub, largestStreams)
		},
		events: {
			sent: tally.sent,
			received: tally.received,
			delivered: tally.delivered,
			replayed: tally.replayed
		},
		gaps: { ...tally.gaps },
		peers: mesh.peers(),
		appends: {
			...tally.requests,
			retries: tally.retries,
			latency: copy(tally.latency),
			byPeer: tally.peerRequests.list()
		},
		faults: { ...faults.counts },
		rejected: { ...faults.rejected },
		log: {
			items: log.items,
			bytes: log.bytes,
			maxBytes: settings.logMaxBytes,
			oldestMs: age(log.tail),
			wholeMs: age(log.wholeFrom),
			maxAgeMs: settings.logMaxAgeMs
		},
		tickLateMs: tally.tickLateMs,
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
	let others = 0;
	if (most <= 0) return {
		largest: found,
		others
	};
	for (const stream of hub.crowd.streams) {
		const connections = hub.crowd.listeners(stream);
		others += connections;
		if (found.length >= most && found.at(-1).connections >= connections) continue;
		const place = found.findIndex((other) => other.connections < connections);
		found.splice(place === -1 ? found.length : place, 0, {
			stream,
			connections
		});
		if (found.length > most) found.pop();
	}
	for (const { connections } of found) others -= connections;
	return {
		largest: found,
		others
	};
}
// src/sser.ts
var Sser = class {
	routes;
	internalRoutes;
	probeRoutes;
	opsRoutes;
	handler;
	#settings;
	#clock;
	#logging;
	#faults;
	#recentFaults;
	#tally = new Tally();
	#peerFinder;
	#bornAt;
	#abort = new AbortController();
	#membership;
	#sender;
	#starting;
	#stopping;
	#isLeaving = false;
	constructor({ peerFinder, ...settings }) {
		if (typeof peerFinder?.start !== "function") throw new SserError("invalid-options", "Option \"peerFinder\": expected a PeerFinder; to begin with, new LocalhostPeerFinder()");
		this.#settings = resolveSettings(settings);
		this.#clock = this.#settings.clock ?? systemClock;
		this.#bornAt = this.#clock.now();
		this.#peerFinder = peerFinder;
		this.#recentFaults = new RecentFaults(this.#clock);
		this.#logging = new Logging(this.#settings.logger, this.#clock);
		this.#faults = new Faults(this.#recentFaults.before(this.#settings.onError), this.#logging);
		const { peerSecret } = this.#settings;
		const signatures = peerSecret === void 0 ? void 0 : new Signatures([peerSecret].flat(), this.#clock);
		this.#membership = new Membership({
			signatures,
			settings: this.#settings,
			peerFinder,
			clock: this.#clock,
			faults: this.#faults,
			tally: this.#tally,
			signal: this.#abort.signal
		});
		this.#sender = new Sender({
			settings: this.#settings,
			clock: this.#clock,
			membership: this.#membership,
			tally: this.#tally,
			isLeaving: () => this.#isLeaving
		});
		const { maxMessageBytes } = this.#settings;
		const events = {
			settings: this.#settings,
			faults: this.#faults,
			clock: this.#clock,
			begin: opening({
				settings: this.#settings,
				clock: this.#clock,
				membership: this.#membership,
				isReady: () => this.isReady
			})
		};
		this.handler = eventsHandler(events);
		this.routes = eventsRoutes(events);
		this.internalRoutes = internalRoutes({
			...this.#settings,
			faults: this.#faults,
			signatures,
			intake: new Intake({
				clock: this.#clock,
				maxBytes: this.#settings.maxInternalBytes,
				timeoutMs: this.#settings.internalBodyTimeoutMs
			}),
			v1MaxBytes: 6 * maxMessageBytes + 4096,
			isStopped: () => this.#abort.signal.aborted,
			isFor: (uid) => this.#membership.isFor(uid),
			receive: (message) => this.#membership.current().mesh.receive(message),
			receiveV1: (event) => this.#receiveV1(event)
		});
		this.probeRoutes = probeRoutes(() => this.state);
		this.opsRoutes = opsRoutes({
			probeRoutes: this.probeRoutes,
			stats: (options) => this.stats(options),
			recentFaults: () => this.#recentFaults.list()
		});
	}
	get internalPort() {
		return this.#settings.internalPort;
	}
	get connections() {
		return this.#membership.life.hub.size;
	}
	get peers() {
		return this.#membership.life.mesh.peers();
	}
	get position() {
		const position = this.#membership.life.log.position(this.#clock.now());
		return position.size === 0 ? "" : printPosition(position);
	}
	get state() {
		if (this.#abort.signal.aborted) return "stopped";
		if (this.#stopping !== void 0) return "draining";
		if (this.#membership.life.mesh.isReady) return "ready";
		if (this.#membership.joining !== void 0) return "fetching-log";
		return this.#starting === void 0 ? "idle" : "finding-peers";
	}
	get isReady() {
		return this.state === "ready";
	}
	stats(options = {}) {
		const { state, position } = this;
		return readStats({
			life: this.#membership.life,
			tally: this.#tally,
			faults: this.#faults,
			clock: this.#clock,
			peerFinder: this.#peerFinder,
			settings: this.#settings
		}, {
			state,
			position,
			uptimeMs: this.#clock.now() - this.#bornAt
		}, options);
	}
	start(options = {}) {
		this.#starting ??= keepAlive(this.#clock, this.#start(options)).catch((error) => {
			this.#starting = void 0;
			throw error;
		});
		return this.#starting;
	}
	stop() {
		this.#stopping ??= keepAlive(this.#clock, this.#drain());
		return this.#stopping;
	}
	send(stream, msg, options = {}) {
		return this.#sender.send(stream, msg, options);
	}
	async disconnect(selection, options = {}) {
		return this.#sender.disconnect(selection, options);
	}
	async #start({ signal, ...options }) {
		this.#abort.signal.throwIfAborted();
		signal?.throwIfAborted();
		if (options.isSecured === true && this.#settings.fetch !== void 0) throw new SserError("invalid-options", "Option \"fetch\": not together with internalTls");
		signal?.addEventListener("abort", () => void this.stop(), { once: true });
		const { internalPort = this.internalPort } = options;
		this.#logging.info(`starts, with the internal port ${internalPort}, and looks for its peers`);
		if (this.#settings.peerSecret === void 0 && options.isSecured !== true) this.#logging.warn(`the internal port ${internalPort} is open: whoever reaches it can send to every client. Set peerSecret, or hand internalTls to serve()`);
		await this.#membership.start(options);
		this.#logging.info(`is ready; its list of peers has ${this.peers.length} entries`);
	}
	async #drain() {
		this.#logging.info(`drains: ${this.connections} connections, within ${this.#settings.drainMs} ms`);
		await this.#membership.life.hub.drain(this.#settings.drainMs);
		this.#isLeaving = true;
		await this.#membership.life.mesh.flush(this.#settings.flushTimeoutMs);
		this.#abort.abort(stopped());
		this.#membership.life.stop();
		this.#logging.info("has stopped");
	}
	#receiveV1({ stream, msg }) {
		const fault = messageFault(msg, this.#settings.maxMessageBytes);
		if (fault !== void 0) throw fault;
		this.#membership.current().log.appendV1(stream, msg, this.#clock.now());
		this.#tally.received += 1;
	}
};
// src/bun/bun-mac.ts
const bunMac = (secret) => {
	const bytesOf = (head, body) => new Bun.CryptoHasher("sha256", secret).update(head).update(body).digest();
	return {
		sign: (head, body) => bytesOf(head, body).toString("base64url"),
		verify: (mac, head, body) => timingSafeEqual(Buffer.from(mac, "base64url"), bytesOf(head, body))
	};
};
// src/bun/lasting.ts
const USUAL_S = 10;
const AT_ONCE_S = 1;
const NEVER = 0;
function lasting(request, response, setTimeout) {
	const stream = eventStreamOf(request) ?? eventStreamIn(response);
	if (stream !== void 0) {
		stream.carriedBy({
			begin: () => setTimeout(NEVER),
			end: () => setTimeout(USUAL_S),
			cut: () => setTimeout(AT_ONCE_S)
		});
		return response;
	}
	if (response.body === null || !isEventStream(response)) return response;
	setTimeout(NEVER);
	return new Response(untilEnd(response.body, () => setTimeout(USUAL_S)), response);
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
// src/serving.ts
const SIGNALS = ["SIGTERM", "SIGINT"];
async function serveOn(runtime, options) {
	const { sser, fetch, port, hostname, internalPort = sser.internalPort } = options;
	const bound = [];
	let stopping;
	const stop = () => {
		stopping ??= stopAll(sser, bound).finally(() => {
			for (const signal of SIGNALS) runtime.process.off(signal, stop);
		});
		return stopping;
	};
	for (const signal of SIGNALS) runtime.process.once(signal, stop);
	try {
		const { internalHostname = hostname, internalTls, opsPort } = options;
		const app = new Hono().route("/", sser.internalRoutes);
		if (opsPort === void 0) app.route("/", sser.opsRoutes);
		const internal = await runtime.bindInternal(app.fetch, internalPort, internalHostname, internalTls);
		bound.push(internal);
		let ops = internal;
		if (opsPort !== void 0) {
			ops = await runtime.bindInternal(sser.opsRoutes.fetch, opsPort, internalHostname);
			bound.push(ops);
		}
		await sser.start({
			internalPort: internal.port,
			isSecured: internalTls !== void 0,
			transport: runtime.transport?.(internalTls),
			macOf: runtime.macOf
		});
		const open = await runtime.bindPublic(fetch, port, hostname);
		bound.push(open);
		if (stopping !== void 0) throw new SserError("stopped", "The Pod was told to stop while it started");
		return {
			port: open.port,
			internalPort: internal.port,
			opsPort: ops.port,
			stop
		};
	} catch (error) {
		await stop();
		await closeAll(bound);
		throw error;
	}
}
function bindError(port, cause) {
	if (cause.code !== "EADDRINUSE") return cause;
	return new SserError("port-taken", `Port ${port} is in use`, { cause });
}
async function stopAll(sser, bound) {
	await sser.stop();
	await closeAll(bound);
}
async function closeAll(bound) {
	await Promise.all(bound.splice(0).map((each) => each.close()));
}
// src/bun.ts
function serve(options) {
	return serveOn({
		bindInternal: bindInternal$1,
		bindPublic: bindPublic$1,
		process,
		transport,
		macOf: bunMac
	}, options);
}
function transport(tls) {
	if (tls === void 0) return void 0;
	const strict = {
		...tls,
		rejectUnauthorized: true
	};
	return fetchTransport((url, init) => fetch(url.replace("http:", "https:"), {
		...init,
		tls: strict
	}));
}
async function bindInternal$1(fetch, port, hostname, tls) {
	const options = {
		fetch,
		idleTimeout: 0
	};
	if (tls === void 0) return bind(port, hostname, options);
	return bind(port, hostname, {
		...options,
		tls: {
			...tls,
			requestCert: true,
			rejectUnauthorized: true
		}
	});
}
async function bindPublic$1(fetch, port, hostname) {
	return bind(port, hostname, { async fetch(request, server) {
		return lasting(request, await fetch(request, server), (seconds) => server.timeout(request, seconds));
	} });
}
function bind(port, hostname, options) {
	try {
		const server = Bun.serve({
			port,
			...hostname === void 0 ? {} : { hostname },
			...options,
			development: false,
			reusePort: false,
			fetch: (request, server) => URL.canParse(request.url) ? options.fetch(request, server) : new Response("a Host is required\n", { status: 400 })
		});
		return {
			port: server.port,
			close: () => server.stop(true)
		};
	} catch (cause) {
		throw bindError(port, cause);
	}
}
// src/node/let-go.ts
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
function letGo(response, socket) {
	const onClose = socket.listeners("close").find(({ name }) => name === ON_CLOSE);
	if (onClose === void 0 || typeof response.detachSocket !== "function") return false;
	response.detachSocket(socket);
	for (const [event, names] of Object.entries(LISTENERS)) for (const listener of socket.listeners(event)) if (names.includes(listener.name)) socket.removeListener(event, listener);
	socket.removeListener("close", onClose);
	onClose.call(socket);
	return true;
}
// src/node/linger.ts
const LINGER_MS = 1e4;
function linger(socket) {
	if (socket.destroyed) return;
	const timer = setTimeout(() => socket.destroy(), LINGER_MS);
	socket.once("close", () => clearTimeout(timer));
}
function lingerAfter(stream, response) {
	if (response.req.method === "HEAD" || response.headersSent) return;
	response.setHeader("connection", "close");
	stream.carriedBy({
		begin() {},
		end() {
			if (response.socket !== null) linger(response.socket);
		},
		cut() {
			response.destroy();
		}
	});
}
// src/node/socket-sink.ts
const LAST_CHUNK = "0\r\n\r\n";
const SINK = Symbol("sser sink");
let framed = { bytes: Buffer.alloc(0) };
var SocketSink = class SocketSink {
	#socket;
	#message;
	#sinks;
	#taker;
	constructor(socket, message, sinks) {
		this.#socket = socket;
		this.#message = message;
		this.#sinks = sinks;
	}
	static attach(stream, socket, message, sinks) {
		const sink = new SocketSink(socket, message, sinks);
		socket[SINK] = sink;
		socket.on("drain", onDrain).on("close", onClose);
		if (message === void 0) socket.on("error", ignore).on("end", socket.destroy).resume();
		sinks.add(sink);
		sink.#taker = stream.divert(sink);
		sink.pull();
	}
	write(chunk) {
		if (framed.chunk !== chunk) framed = {
			chunk,
			bytes: inChunk(chunk)
		};
		return this.#socket.write(framed.bytes);
	}
	close() {
		linger(this.#socket);
		if (this.#message !== void 0) {
			this.#message.end();
			return;
		}
		this.#socket.write(LAST_CHUNK);
		this.#socket.destroySoon();
	}
	pull() {
		this.#taker?.pull();
	}
	abort() {
		this.#socket.destroy();
	}
	leave() {
		this.#sinks.delete(this);
		this.#taker?.leave();
	}
};
function onDrain() {
	setImmediate(() => this[SINK]?.pull());
}
function onClose() {
	this[SINK]?.leave();
}
function ignore() {}
function inChunk(chunk) {
	return Buffer.concat([
		Buffer.from(`${chunk.byteLength.toString(16)}\r\n`),
		chunk,
		Buffer.from("\r\n")
	]);
}
// src/node/fast-path.ts
const WRITERS = [
	"writeHead",
	"write",
	"end"
];
function withFastPath(fetch, sinks) {
	return finishing(fetch, (request, env, response, watchers) => {
		const stream = eventStreamOf(request);
		if (stream === void 0) return withoutDiverting(request, env, response);
		const { incoming, outgoing } = env;
		if (outgoing.socket === null) return behindAnother(stream, response);
		if (!isPlain(stream, response, incoming, outgoing)) return withoutDiverting(request, env, response);
		const isWatched = hasAborter(request) || outgoing.listenerCount("close") > watchers;
		begin(stream, response.headers, env, isWatched, sinks);
		RESPONSE_ALREADY_SENT.body;
		return RESPONSE_ALREADY_SENT;
	});
}
function withoutFastPath(fetch) {
	return finishing(fetch, withoutDiverting);
}
function finishing(fetch, finish) {
	return (request, env) => {
		const before = eventStreamsOpened();
		const end = (response, watchers) => {
			return eventStreamsOpened() === before ? response : finish(request, env, response, watchers);
		};
		const response = fetch(request, env);
		if (response instanceof Response) return end(response, 0);
		return response.then((settled) => end(settled, 1));
	};
}
function behindAnother(stream, response) {
	const { status, body } = response;
	if (body !== stream.body) {
		if (!stream.body.locked) return response;
		body?.cancel().catch(() => {});
	}
	const headers = new Headers(response.headers);
	for (const name of ["content-length", "content-encoding"]) headers.delete(name);
	return new Response(":\n\n", {
		status,
		headers
	});
}
function withoutDiverting(request, { outgoing }, response) {
	const stream = eventStreamOf(request) ?? eventStreamIn(response);
	if (stream !== void 0) lingerAfter(stream, outgoing);
	return response;
}
function isPlain(stream, response, incoming, outgoing) {
	return outgoing instanceof ServerResponse && incoming.httpVersion === "1.1" && outgoing.socket?.writable === true && !outgoing.headersSent && response.status === 200 && response.body === stream.body && !WRITERS.some((name) => Object.hasOwn(outgoing, name));
}
function hasAborter(request) {
	return Object.getOwnPropertySymbols(request).some(({ description }) => description === "abortControllerKey");
}
function begin(stream, headers, { incoming, outgoing }, isWatched, sinks) {
	for (const [name, value] of headers) outgoing.appendHeader(name, value);
	outgoing.writeHead(200, {
		connection: "close",
		"transfer-encoding": "chunked"
	});
	outgoing.flushHeaders();
	incoming.resume();
	setImmediate(() => {
		const { socket } = outgoing;
		if (socket === null || socket.destroyed) return;
		const message = incoming.complete && incoming.readableEnded && !isWatched && letGo(outgoing, socket) ? void 0 : outgoing;
		SocketSink.attach(stream, socket, message, sinks);
	});
}
// src/node/http-transport.ts
function httpTransport(tls) {
	const send = sender(tls);
	return ({ host, path, headers, body, maxBytes, signal }) => {
		return new Promise((resolve, reject) => {
			const fail = (error) => reject(signal.aborted ? signal.reason : error);
			const { hostname, port } = new URL(`http://${host}`);
			const target = {
				hostname: hostname.replace(/^\[(.*)\]$/, "$1"),
				port,
				path,
				method: "POST",
				signal
			};
			const length = Buffer.byteLength(body);
			send({
				...target,
				headers: {
					...headers,
					"content-length": length
				}
			}, (response) => {
				if (response.statusCode === 200 && maxBytes > 0) read(response, maxBytes).then(resolve, fail);
				else resolve(dismiss(response));
			}).on("error", fail).end(body);
		});
	};
}
function sender(tls) {
	if (tls === void 0) {
		const agent = new Agent$1({ keepAlive: true });
		return (options, onResponse) => request$1({
			...options,
			agent
		}, onResponse);
	}
	const agent = new Agent({
		keepAlive: true,
		...tls,
		rejectUnauthorized: true
	});
	return (options, onResponse) => request({
		...options,
		agent,
		servername: tls.servername
	}, onResponse);
}
function read(response, maxBytes) {
	return new Promise((resolve, reject) => {
		const tooLarge = () => {
			response.destroy();
			reject(new SserError("body-too-large", `A body has at most ${maxBytes} bytes`));
		};
		if (Number(response.headers["content-length"]) > maxBytes) {
			tooLarge();
			return;
		}
		const parts = [];
		let size = 0;
		response.on("data", (part) => {
			size += part.length;
			if (size > maxBytes) tooLarge();
			else parts.push(part);
		});
		response.on("end", () => resolve({
			...headOf(response),
			body: Buffer.concat(parts).toString()
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
// src/node/node-mac.ts
const nodeMac = (secret) => {
	const key = createSecretKey(secret, "utf8");
	const bytesOf = (head, body) => createHmac("sha256", key).update(head).update(body).digest();
	return {
		sign: (head, body) => bytesOf(head, body).toString("base64url"),
		verify: (mac, head, body) => timingSafeEqual(Buffer.from(mac, "base64url"), bytesOf(head, body))
	};
};
// src/node.ts
const HEADERS_LIMIT = {
	headersTimeout: 1e4,
	connectionsCheckingInterval: 2e3
};
const CLOSE_GRACE_MS = 1e3;
const KEEP_ALIVE_MS = 6e4;
function serve$1({ fastPath = true, ...options }) {
	return serveOn({
		bindInternal,
		bindPublic: fastPath ? bindFast : bindPublic,
		process,
		transport: httpTransport,
		macOf: nodeMac
	}, options);
}
function bindPublic(fetch, port, hostname) {
	return listen(createAdaptorServer({
		fetch: withoutFastPath(fetch),
		serverOptions: HEADERS_LIMIT
	}), port, hostname);
}
function bindFast(fetch, port, hostname) {
	const sinks = new Set();
	return listen(createAdaptorServer({
		fetch: withFastPath(fetch, sinks),
		serverOptions: HEADERS_LIMIT
	}), port, hostname, () => {
		for (const sink of sinks) sink.abort();
	});
}
function bindInternal(fetch, port, hostname, tls) {
	const quiet = {
		keepAlive: true,
		keepAliveInitialDelay: KEEP_ALIVE_MS
	};
	const serverOptions = {
		...HEADERS_LIMIT,
		...quiet
	};
	const server = createAdaptorServer(tls === void 0 ? {
		fetch,
		serverOptions
	} : {
		fetch,
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
	return listen(server, port, hostname);
}
function listen(server, port, hostname, cut = () => {}) {
	return new Promise((resolve, reject) => {
		server.once("error", (cause) => reject(bindError(port, cause)));
		server.listen(port, hostname, () => {
			resolve({
				port: server.address().port,
				close: () => close(server, cut)
			});
		});
	});
}
function close(server, cut) {
	return new Promise((resolve) => {
		const timer = setTimeout(() => {
			server.closeAllConnections();
			cut();
		}, CLOSE_GRACE_MS);
		const idle = setInterval(() => server.closeIdleConnections(), 20);
		server.close(() => {
			clearTimeout(timer);
			clearInterval(idle);
			resolve();
		});
	});
}
export { Sser, StaticPeerFinder, serve as serveBun, serve$1 as serveNode };
