// Records what real Moleculer nodes send: node record.js <directory with node_modules> <output directory>
"use strict";

const fs = require("fs");
const net = require("net");
const os = require("os");
const path = require("path");
const { Readable } = require("stream");

const [home, output] = process.argv.slice(2).map(dir => path.resolve(dir));
if (!home || !output) throw new Error("usage: node record.js <directory with node_modules> <output directory>");

os.hostname = () => "example-host";
os.networkInterfaces = () => ({ eth0: [{ family: "IPv4", internal: false, address: "192.0.2.2" }] });
Error.prepareStackTrace = error => `${error}\n    at handler (service.js:10:5)`;

const moleculer = path.join(home, "node_modules", "moleculer");
const { ServiceBroker, Errors } = require(moleculer);
const { Packet } = require(path.join(moleculer, "src", "packets.js"));
let tokens = 0;
require(path.join(moleculer, "src", "utils.js")).generateToken = () => `token-${++tokens}`;
const V5 = ServiceBroker.PROTOCOL_VERSION === "5";

const sleep = ms => new Promise(resolve => setTimeout(resolve, ms));

const user = {
	id: 42, name: "Ada Lovelace", email: "ada@example.com", active: true, score: 12.5, tags: ["math", "poetry", "ünïcode ✓ 😀"],
};
const common = {
	user,
	numbers: [0, -0, 1, -1, 23, 24, 127, 128, 255, 256, -32, -33, -128, -129, 65535, 65536, 2147483647, -2147483648, 4294967295, 4294967296,
		1099511627776, 9007199254740991, -9007199254740991, 0.1, 1.5, -2.25, 1e100, 5e-324, 1795217039098],
	texts: ["", "a", "quote\" slash/ back\\ nl\n tab\t nul\u0000 esc\u001b", "x".repeat(31), "y".repeat(32), "z".repeat(256), "é漢😀\u2028"],
	nothing: [null, {}, []], flags: [true, false], deep: { a: { b: { c: [[[1]]] } } }, "key with space": 1, "": 2, missing: undefined,
};
const longList = Array.from({ length: 300 }, (_, i) => i);
const wideMap = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`key${i}`, i]));

/** Values that only some serializers know; those that throw are left out. */
const special = {
	date: () => new Date(1795217039098),
	"date-seconds": () => new Date(1795217039000),
	"date-before-1970": () => new Date(-1500),
	buffer: () => Buffer.from([0, 1, 2, 253, 254, 255]),
	"buffer-long": () => Buffer.alloc(300, 7),
	bytes: () => new Uint8Array([1, 2, 3]),
	map: () => new Map([["a", 1], ["b", new Date(1000)]]),
	"map-numbers": () => new Map([[1, "one"], [2, "two"]]),
	set: () => new Set([1, "a", Buffer.from("x")]),
	regexp: () => /^a|b"c$/gi,
	bigint: () => 12345678901234567890n,
	"bigint-small": () => -5n,
	"bigint-huge": () => 1234567890123456789012345678901234567890n,
	tagged: () => ["[[DT]]1", "[[", "[[XX]]y", "[x"],
	infinite: () => [NaN, Infinity, -Infinity],
	"undefined-item": () => [1, undefined, 2],
	float32: () => [0.5, -0.25, 16777216.5],
};

const errors = {
	plain: () => new Error("plain"),
	"text-code": () => Object.assign(new Error("connect refused"), { code: "ECONNREFUSED" }),
	custom: () => Object.assign(new Error("custom"), { name: "CustomError", code: 418, type: "TEAPOT", data: { a: [1] }, retryable: true }),
	"other-node": () => Object.assign(new Errors.MoleculerError("far", 503, "FAR", null), { nodeID: "C" }),
	moleculer: () => new Errors.MoleculerError("base", 501, "BASE", { a: 5 }),
	"moleculer-bare": () => new Errors.MoleculerError("bare"),
	retryable: () => new Errors.MoleculerRetryableError("again", 502, "AGAIN", { a: 5 }),
	server: () => new Errors.MoleculerServerError("server", 503, "SERVER", { a: 5 }),
	client: () => new Errors.MoleculerClientError("Bad", 400, "BAD", { a: 5 }),
	validation: () => new Errors.ValidationError("Parameters validation error!", null, [{ type: "required", field: "a", message: "needed" }]),
	"not-found": () => new Errors.ServiceNotFoundError({ action: "x.y", nodeID: "B" }),
	"not-available": () => new Errors.ServiceNotAvailableError({ action: "x.y", nodeID: "B" }),
	timeout: () => new Errors.RequestTimeoutError({ action: "x.y", nodeID: "B" }),
	skipped: () => new Errors.RequestSkippedError({ action: "x.y", nodeID: "B" }),
	rejected: () => new Errors.RequestRejectedError({ action: "x.y", nodeID: "B" }),
	"queue-full": () => new Errors.QueueIsFullError({ action: "x.y", nodeID: "B", size: 1, limit: 1 }),
	"max-level": () => new Errors.MaxCallLevelError({ action: "x.y", nodeID: "B", level: 10 }),
	schema: () => new Errors.ServiceSchemaError("schema", { a: 1 }),
	options: () => new Errors.BrokerOptionsError("options", { a: 1 }),
	"stop-timeout": () => new Errors.GracefulStopTimeoutError({ service: { name: "x", version: 2 } }),
	version: () => new Errors.ProtocolVersionMismatchError({ nodeID: "B", actual: "5", received: "4" }),
	packet: () => new Errors.InvalidPacketDataError({ a: 1 }),
	disconnected: () => new Errors.BrokerDisconnectedError(),
	"not-an-error": () => "just a text",
};

function failing(chunks, objectMode) {
	async function* generate() {
		yield* chunks;
		throw new Errors.MoleculerError("broken", 500, "BROKEN", { at: 1 });
	}
	return Readable.from(generate(), { objectMode });
}

const math = {
	name: "math", version: 2,
	settings: { open: { x: 1 }, $secureSettings: ["secret"], secret: "hidden" },
	metadata: { m: 1 },
	actions: {
		add: {
			params: { a: "number|convert", b: "number" }, rest: "GET /add", cache: { keys: ["a", "b"], ttl: 5 }, visibility: "published",
			timeout: 1000, hooks: { before: [() => {}, "check"] },
			handler(ctx) {
				ctx.meta.added = 1;
				if (V5) ctx.responseHeaders = { rh: 1 };
				return Number(ctx.params.a) + ctx.params.b;
			},
		},
		prot: { visibility: "protected", handler() {} },
	},
	methods: { check() {} },
	events: { "user.*": { group: "g1", params: {}, handler() {} }, "a.b"() {} },
};
const test = {
	name: "test",
	actions: {
		echo: ctx => ctx.params,
		nothing: () => undefined,
		null: () => null,
		value: ctx => values[ctx.params.name](),
		fail: ctx => { throw errors[ctx.params.name](); },
		nested: ctx => ctx.call("client.leaf", { a: 1 }),
		async upload(ctx) {
			for await (const chunk of V5 ? ctx.stream : ctx.params) if (chunk === undefined) break;
			return "stored";
		},
		download(ctx) {
			const { mode } = ctx.params;
			if (mode === "bytes") return Readable.from([Buffer.from("abc"), Buffer.from([0, 255])], { objectMode: false });
			if (mode === "objects") return Readable.from([{ a: 1 }, "text", 3]);
			return failing([{ a: 1 }], true);
		},
	},
};
const values = {
	common: () => common, number: () => 3, text: () => "text", true: () => true, list: () => longList, wide: () => wideMap, user: () => user,
	...special,
};

/** Writes each packet under the scenario that caused it. */
class Recorder {
	constructor(format) {
		this.folder = path.join(output, format.toLowerCase(), ServiceBroker.PROTOCOL_VERSION);
		this.extension = format.startsWith("JSON") ? "json" : "bin";
		this.format = format;
		this.packets = [];
		this.scenario = null;
		this.ids = 0;
		this.gossip = new Set();
	}

	broker(nodeID, options = {}) {
		const broker = new ServiceBroker({
			nodeID, namespace: `golden-${this.format}`, logger: false, serializer: this.format, transporter: "Fake", heartbeatInterval: 0,
			uidGenerator: () => `id-${nodeID}-${++this.ids}`, ...options,
		});
		const serialize = broker.serializer.serialize.bind(broker.serializer);
		broker.serializer.serialize = (payload, type) => {
			const bytes = serialize(payload, type);
			if (this.scenario && this.isNew(type, payload)) this.packets.push([this.scenario, type, Buffer.from(bytes)]);
			return bytes;
		};
		return broker;
	}

	/** Calls that only ask for an answer of interest, answers that echo, and gossip that says nothing new are left out. */
	isNew(type, payload) {
		if (type === "REQ" && ["test.fail", "test.value", "no.such"].includes(payload.action)) return false;
		if (type === "RES" && this.scenario.startsWith("special")) return false;
		if (!type.startsWith("GOSSIP")) return true;
		const shape = type + JSON.stringify(payload, (key, value) => (typeof value === "number" ? 0 : value));
		return !this.gossip.has(shape) && !!this.gossip.add(shape);
	}

	async run(scenario, action) {
		this.scenario = scenario;
		const before = this.packets.length;
		try {
			await action();
		} catch (error) {
			if (!scenario.startsWith("error") && !scenario.startsWith("special")) throw error;
		}
		await sleep(5);
		this.scenario = null;
		if (this.packets.length === before && !scenario.startsWith("special")) throw new Error(`nothing was sent by ${scenario}`);
	}

	save() {
		fs.rmSync(this.folder, { recursive: true, force: true });
		fs.mkdirSync(this.folder, { recursive: true });
		const counts = {};
		const key = ([scenario, type]) => `${type}-${scenario}`;
		for (const packet of this.packets) counts[key(packet)] = (counts[key(packet)] || 0) + 1;
		const next = {};
		for (const packet of this.packets) {
			const name = key(packet);
			const number = (next[name] = (next[name] ?? -1) + 1);
			const file = counts[name] > 1 ? `${name}-${number}` : name;
			fs.writeFileSync(path.join(this.folder, `${file}.${this.extension}`), packet[2]);
		}
		console.log(`${this.folder}: ${this.packets.length} packets`);
	}
}

async function consume(stream) {
	for await (const chunk of stream) if (chunk === undefined) break;
}

async function bus(recorder) {
	const transit = V5 ? { serviceChangedDebounceTime: 10 } : {};
	const a = recorder.broker("A", { transit });
	const b = recorder.broker("B", { transit, metadata: { region: "eu" } });
	a.createService({ name: "client", actions: { leaf: () => 1 } });
	b.createService(math);
	b.createService(test);
	await recorder.run("start", async () => {
		await Promise.all([a.start(), b.start()]);
		await a.waitForServices(["v2.math", "test"]);
		await b.waitForServices("client");
	});
	await recorder.run("info", () => b.transit.sendNodeInfo(b.registry.getLocalNodeInfo(), "A"));
	await recorder.run("unmeasured", () => a.transit.sendHeartbeat({ cpu: null }));
	await recorder.run("beat", () => a.transit.sendHeartbeat({ cpu: 12 }));
	await recorder.run("ping", () => a.ping("B"));

	await recorder.run("add", () => a.call("v2.math.add", { a: "1", b: 2 }, { meta: { m: 1 }, headers: { h: 1 }, timeout: 1000 }));
	await recorder.run("bare", () => a.call("test.nothing"));
	await recorder.run("null", () => a.call("test.null", null));
	await recorder.run("nested", () => a.call("test.nested", {}, { timeout: 3000, tracing: true }));
	await recorder.run("echo", () => a.call("test.echo", common, { meta: { list: [1, { a: null }], text: "é" } }));
	for (const name of ["common", "number", "text", "true", "list", "wide", "user"])
		await recorder.run(name, () => a.call("test.value", { name }));
	for (const name of Object.keys(special)) await recorder.run(`special-${name}`, () => Promise.race([a.call("test.echo", { value: special[name]() }), sleep(200)]));
	for (const name of Object.keys(errors)) await recorder.run(`error-${name}`, () => a.call("test.fail", { name }));
	await recorder.run("unknown-action", async () => {
		await a.transit.publish(new Packet("REQ", "B", { id: "1", action: "no.such", params: {}, meta: { m: 1 }, timeout: 0, level: 1, stream: false }));
		await sleep(50);
	});

	const upload = (stream) => V5 ? a.call("test.upload", { name: "file" }, { stream, headers: { h: 1 } }) : a.call("test.upload", stream, { meta: { m: 1 } });
	await recorder.run("upload", () => upload(Readable.from([Buffer.from("abc"), Buffer.from([0, 255])], { objectMode: false })));
	await recorder.run("upload-objects", () => upload(Readable.from([{ a: 1 }, "text", 3])));
	await recorder.run("error-upload", () => upload(failing([Buffer.from("abc")], false)));
	for (const mode of ["bytes", "objects", "error"])
		await recorder.run(`${mode === "error" ? "error-download" : `download-${mode}`}`, async () => consume(await a.call("test.download", { mode })));

	await recorder.run("emit", () => a.emit("user.created", { id: 1 }, { meta: { e: 1 } }));
	await recorder.run("groups", () => a.emit("user.created", user, { groups: ["g1", "math"] }));
	await recorder.run("broadcast", () => a.broadcast("a.b"));
	await recorder.run("broadcast-groups", () => a.broadcast("a.b", [1, 2], { groups: ["math"] }));
	await recorder.run("stop", async () => {
		await b.stop();
		await a.stop();
	});
}

async function freePort() {
	const server = net.createServer().listen(0, "127.0.0.1");
	await new Promise(resolve => server.once("listening", resolve));
	const { port } = server.address();
	await new Promise(resolve => server.close(resolve));
	return port;
}

async function gossip(recorder) {
	const urls = { A: `127.0.0.1:${await freePort()}`, B: `127.0.0.1:${await freePort()}` };
	const nodes = Object.keys(urls).map(nodeID => {
		const broker = recorder.broker(nodeID, { transporter: { type: "TCP", options: { udpDiscovery: false, urls, gossipPeriod: 1 } } });
		return broker;
	});
	nodes[1].createService(math);
	await recorder.run("gossip", async () => {
		await Promise.all(nodes.map(broker => broker.start()));
		await nodes[0].waitForServices("v2.math");
		await sleep(2500);
		nodes[1].createService({ name: "late" });
		await nodes[0].waitForServices("late");
		await nodes[1].stop();
		await sleep(2500);
	});
	await nodes[0].stop();
}

async function main() {
	for (const format of ["JSON", ...(V5 ? ["JSONExt"] : []), "MsgPack", "Notepack", "CBOR"]) {
		const recorder = new Recorder(format);
		await bus(recorder);
		await gossip(recorder);
		recorder.save();
	}
	process.exit(0);
}

main().catch(error => {
	console.error(error.message, error);
	process.exit(1);
});
