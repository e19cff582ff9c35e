"use strict";

// node_modules/node/bin/node workload.js <name> [--json] [--seconds N] [--serve]
// One JSON line on stdout. See README.md.

const BATCH = 1000;

if (Number(process.versions.node.split(".")[0]) < 22) {
	fail(`Node 22 or newer is needed, this is ${process.version}; see install.sh`);
}

const args = process.argv.slice(2);
const name = args[0];
const secondsAt = args.indexOf("--seconds");
const seconds = secondsAt === -1 ? 3 : Number(args[secondsAt + 1]);

const workloads = {
	"local-call": () => localCall(0),
	"local-call-5mw": () => localCall(5),
	"event-10": event10,
	"cached-call": cachedCall,
	"http-orders": httpOrders,
	"http-product": httpProduct,
	"hello-node": helloNode,
	"idle-shop": idleShop
};

if (!Object.hasOwn(workloads, name ?? "")) {
	fail(`usage: workload.js <${Object.keys(workloads).join("|")}> [--json] [--seconds N]`);
}
if (!(seconds > 0)) fail("--seconds needs a number above 0");

workloads[name]().catch(err => {
	console.error(err);
	process.exit(1);
});

function fail(message) {
	console.error(message);
	process.exit(2);
}

function print(result) {
	process.stdout.write(JSON.stringify(result) + "\n");
}

function newBroker(options) {
	const { ServiceBroker } = require("moleculer");
	return new ServiceBroker({ logger: false, ...options });
}

function check(condition, message) {
	if (!condition) throw new Error(`${name}: ${message}`);
}

/**
 * Runs `batch` (which does BATCH operations one after the other) for a third
 * of the time to warm up, then measures. The event loop turns between two
 * batches, outside of the measured time.
 */
async function measure(batch) {
	const turn = () => new Promise(resolve => setImmediate(resolve));

	const run = async limit => {
		const times = [];
		let total = 0;
		const end = process.hrtime.bigint() + BigInt(Math.round(limit * 1e9));
		do {
			const start = process.hrtime.bigint();
			await batch();
			const ns = Number(process.hrtime.bigint() - start);
			times.push(ns);
			total += ns;
			await turn();
		} while (process.hrtime.bigint() < end);
		return { times, total };
	};

	await run(seconds / 3);
	const { times, total } = await run(seconds);
	times.sort((a, b) => a - b);
	const mid = times.length >> 1;
	const median = times.length % 2 ? times[mid] : (times[mid - 1] + times[mid]) / 2;
	return {
		workload: name,
		median_ns: Math.round((median / BATCH) * 10) / 10,
		// The fastest batch: less moved by a busy machine than the median.
		min_ns: Math.round((times[0] / BATCH) * 10) / 10,
		ops_per_s: Math.round((times.length * BATCH * 1e9) / total),
		batches: times.length,
		batch_size: BATCH,
		node: process.versions.node,
		moleculer: require("moleculer").ServiceBroker.MOLECULER_VERSION
	};
}

async function localCall(wrappers) {
	const middlewares = Array.from({ length: wrappers }, (_, i) => ({
		name: `Bench${i + 1}`,
		localAction(next) {
			return ctx => next(ctx);
		}
	}));
	const broker = newBroker(wrappers > 0 ? { middlewares } : {});
	broker.createService({
		name: "math",
		actions: {
			add: {
				params: { a: "number", b: "number" },
				handler(ctx) {
					return ctx.params.a + ctx.params.b;
				}
			}
		}
	});
	await broker.start();
	check((await broker.call("math.add", { a: 1, b: 2 })) === 3, "wrong answer");

	const result = await measure(async () => {
		for (let i = 0; i < BATCH; i++) await broker.call("math.add", { a: 1, b: 2 });
	});
	await broker.stop();
	print(result);
}

async function event10() {
	let received = 0;
	const broker = newBroker();
	for (let i = 1; i <= 10; i++) {
		broker.createService({
			name: `listener${i}`,
			events: {
				"user.created"() {
					received++;
				}
			}
		});
	}
	await broker.start();
	await broker.emit("user.created", { id: 1 });
	check(received === 10, `${received} listeners received the event`);

	let emitted = 1;
	const result = await measure(async () => {
		for (let i = 0; i < BATCH; i++) await broker.emit("user.created", { id: 1 });
		emitted += BATCH;
	});
	check(received === emitted * 10, "events were lost");
	await broker.stop();
	print(result);
}

async function cachedCall() {
	const broker = newBroker({ cacher: "Memory" });
	const now = new Date().toISOString();
	let handled = 0;
	broker.createService({
		name: "product",
		actions: {
			get: {
				cache: { keys: ["id"] },
				handler(ctx) {
					handled++;
					return {
						_id: ctx.params.id,
						name: "Mechanical Keyboard",
						description: "RGB mechanical keyboard with Cherry MX switches",
						price: 2999,
						stock: 50,
						category: "electronics",
						isActive: true,
						createdAt: now,
						updatedAt: now
					};
				}
			}
		}
	});
	await broker.start();
	const id = "6543210fedcba9876543210f";
	await broker.call("product.get", { id });

	const result = await measure(async () => {
		for (let i = 0; i < BATCH; i++) await broker.call("product.get", { id });
	});
	check(handled === 1, `the handler ran ${handled} times`);
	await broker.stop();
	print(result);
}

/** For servers. To be called before the start, so that a parent gone early is noticed. */
function untilAskedToEnd() {
	if (!args.includes("--serve")) fail(`${name} needs --serve`);
	return new Promise(resolve => {
		process.once("SIGTERM", resolve);
		process.once("SIGINT", resolve);
		process.stdin.once("end", resolve);
		process.stdin.once("close", resolve);
		process.stdin.once("error", resolve);
		process.stdin.resume();
	});
}

/** Two routes of moleculer-web, written as aliases, to actions of the same node. */
async function httpOrders() {
	const ended = untilAskedToEnd();
	const ApiGateway = require("moleculer-web");
	const broker = newBroker({ skipProcessEventRegistration: true });
	broker.createService({
		name: "orders",
		actions: {
			get: {
				params: { id: { type: "number", convert: true } },
				handler: ctx => ({
					id: ctx.params.id,
					name: "Mechanical Keyboard",
					price: 2999.5,
					tags: ["keyboard", "rgb", "cherry"]
				})
			},
			create: {
				params: {
					customer: { type: "string", min: 1, max: 64 },
					pieces: { type: "number", integer: true, min: 1, max: 10000 },
					note: { type: "string", min: 1, max: 2000 },
					tags: { type: "array", items: "string" }
				},
				handler: ctx => ({ pieces: ctx.params.pieces })
			}
		}
	});
	const gateway = broker.createService({
		name: "api",
		mixins: [ApiGateway],
		settings: {
			port: 0,
			ip: "127.0.0.1",
			routes: [
				{
					path: "/api",
					aliases: { "GET /orders/:id": "orders.get", "POST /orders": "orders.create" },
					bodyParsers: { json: true }
				}
			]
		}
	});
	await broker.start();
	print({ port: gateway.server.address().port, pid: process.pid });
	await ended;
	gateway.server.closeAllConnections();
	await broker.stop();
	process.exit(0);
}

async function httpProduct() {
	const ended = untilAskedToEnd();
	const { startShop } = require("./shop.js");
	const shop = await startShop();
	print({
		port: shop.port,
		path: shop.path,
		token: shop.token,
		pid: process.pid,
		rss_bytes: process.memoryUsage.rss()
	});
	await ended;
	await shop.stop();
	process.exit(0);
}

async function helloNode() {
	const broker = newBroker();
	broker.createService({
		name: "greeter",
		actions: {
			hello() {
				return "Hello";
			}
		}
	});
	await broker.start();
	const answer = await broker.call("greeter.hello");
	// `performance.now()` counts from the start of the process.
	const readyMs = performance.now();
	check(answer === "Hello", "wrong answer");
	print({
		workload: name,
		ready_ms: Math.round(readyMs * 100) / 100,
		rss_bytes: process.memoryUsage.rss()
	});
	await broker.stop();
}

async function idleShop() {
	const { startShop } = require("./shop.js");
	const shop = await startShop();
	await new Promise(resolve => setTimeout(resolve, 2000));
	print({ workload: name, rss_bytes: process.memoryUsage.rss() });
	await shop.stop();
	process.exit(0);
}
