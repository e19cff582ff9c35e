"use strict";

// node_modules/node/bin/node cluster.js <callee|caller> <bus> <seconds> [tuned|defaults]
// Two nodes on one bus. Both print `ready`; the caller begins when it reads a line and prints one JSON line, the
// callee serves until stdin closes. See README.md.

const { ServiceBroker } = require("moleculer");

const IN_FLIGHT = 64;
const USER = {
	id: 42,
	name: "Ada Lovelace",
	email: "ada@example.com",
	age: 36,
	active: true,
	tags: ["math", "engine", "poetry"]
};

const [role, bus, secondsText, options = "tuned"] = process.argv.slice(2);
const seconds = Number(secondsText);
if (!["callee", "caller"].includes(role) || !bus || !(seconds > 0) || !["tuned", "defaults"].includes(options)) {
	console.error("usage: cluster.js <callee|caller> <bus> <seconds> [tuned|defaults]");
	process.exit(2);
}

(role === "callee" ? callee() : caller()).catch(err => {
	console.error(err);
	process.exit(1);
});

/** TCP has no server: `tcp://<port of the caller>,<port of the callee>`. */
function transporter() {
	if (bus.startsWith("amqp://") && options === "tuned") {
		// As Ligand does by default.
		return { type: "AMQP", options: { url: bus, prefetch: 256, socketOptions: { noDelay: true } } };
	}
	if (!bus.startsWith("tcp://")) return bus;
	const ports = bus.slice("tcp://".length).split(",");
	return {
		type: "TCP",
		options: {
			udpDiscovery: false,
			urls: [`tcp://127.0.0.1:${ports[0]}/a`, `tcp://127.0.0.1:${ports[1]}/b`]
		}
	};
}

function newBroker(nodeID) {
	return new ServiceBroker({
		logger: false,
		namespace: "bench",
		nodeID,
		transporter: transporter(),
		// The process that started this one decides when it ends.
		skipProcessEventRegistration: true
	});
}

function input() {
	const ended = new Promise(resolve => {
		process.stdin.once("end", resolve);
		process.stdin.once("close", resolve);
		process.stdin.once("error", resolve);
	});
	const line = new Promise(resolve => process.stdin.once("data", resolve));
	process.stdin.resume();
	return { ended, line };
}

async function callee() {
	const { ended } = input();
	const broker = newBroker("b");
	broker.createService({
		name: "bench",
		actions: {
			echo: {
				params: {
					id: "number",
					name: "string",
					email: "string",
					age: "number",
					active: "boolean",
					tags: { type: "array", items: "string" }
				},
				handler: ctx => ctx.params
			}
		}
	});
	await broker.start();
	console.log("ready");
	await ended;
	await stop(broker);
}

async function caller() {
	const { ended, line } = input();
	// When the parent is gone, nobody reads the result.
	ended.then(() => setTimeout(() => process.exit(1), 5_000).unref());
	const broker = newBroker("a");
	await broker.start();
	await broker.waitForServices("bench", 50_000);
	console.log("ready");
	await line;

	await many(broker, seconds / 3);
	const rate = await many(broker, seconds);
	const times = [];
	const end = performance.now() + (seconds / 2) * 1000;
	while (times.length === 0 || performance.now() < end) {
		const start = performance.now();
		await call(broker);
		times.push(performance.now() - start);
	}
	times.sort((a, b) => a - b);
	console.log(JSON.stringify({ rate, p50_us: times[times.length >> 1] * 1000 }));
	await ended;
	await stop(broker);
}

async function call(broker) {
	const back = await broker.call("bench.echo", USER);
	if (back.id !== USER.id) throw new Error("another user came back");
}

/** Calls a second, 64 in flight. */
async function many(broker, limit) {
	let done = 0;
	const start = performance.now();
	const end = start + limit * 1000;
	const worker = async () => {
		while (performance.now() < end) {
			await call(broker);
			done++;
		}
	};
	await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
	return done / ((performance.now() - start) / 1000);
}

async function stop(broker) {
	await Promise.race([broker.stop(), new Promise(resolve => setTimeout(resolve, 3_000))]);
	process.exit(0);
}
