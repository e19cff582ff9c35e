// A node of a run on Moleculer 0.15: takes the same commands and answers in the same way as the Rust roles.
"use strict";

const fs = require("node:fs");
const readline = require("node:readline");
const { ServiceBroker } = require("moleculer");

const argument = name => process.argv[process.argv.indexOf(name) + 1];
const role = argument("--role");
const setup = JSON.parse(argument("--setup"));

const say = value => process.stdout.write(JSON.stringify(value) + "\n");
const now = () => performance.timeOrigin + performance.now();

const [UNSETTLED, OK, FIRST_FAILURE] = [0, 1, 2];
const SLOW_EVERY = 20;

const load = {
	name: "load",
	actions: {
		echo: ctx => ctx.params.id,
		work: ctx => new Promise(resolve => setTimeout(() => resolve(ctx.params.ms), ctx.params.ms))
	},
	events: {
		"load.event": ctx => {
			// Written at once: a worker that is killed must not take its count along.
			fs.writeSync(1, `{"event":${ctx.params.id}}\n`);
		}
	}
};

async function view(broker) {
	const only = { onlyAvailable: true, skipInternal: true };
	const nodes = (await broker.call("$node.list", only)).map(node => node.id).sort();
	const services = {};
	for (const row of await broker.call("$node.services", only)) services[row.fullName] = row.nodes.sort();
	return { nodes, services };
}

function used() {
	const { user, system } = process.cpuUsage();
	return { traffic: null, cpu: (user + system) / 1e6 };
}

class Driver {
	constructor(broker) {
		this.broker = broker;
		this.calls = [];
		this.events = [];
		this.fates = [];
		this.open = 0;
	}

	load(calls, events) {
		const start = performance.now();
		let called = 0;
		let sent = 0;
		this.timer = setInterval(() => {
			const elapsed = (performance.now() - start) / 1000;
			for (; called < Math.floor(elapsed * calls); called++) this.call();
			for (; sent < Math.floor(elapsed * events); sent++) {
				this.events.push(now());
				this.broker.emit("load.event", { id: this.events.length - 1 }).catch(() => {});
			}
		}, 1);
	}

	call() {
		const number = this.calls.length;
		const call = [now(), 0, UNSETTLED];
		this.calls.push(call);
		this.open++;
		const settle = fate => {
			call[1] = now() - call[0];
			call[2] = fate;
			this.open--;
		};
		const request =
			number % SLOW_EVERY === 0
				? this.broker.call("load.work", { ms: 20 })
				: this.broker.call("load.echo", { id: number });
		request.then(
			() => settle(OK),
			error => {
				const name = `${error.name} ${error.code}`;
				if (!this.fates.includes(name)) this.fates.push(name);
				settle(FIRST_FAILURE + this.fates.indexOf(name));
			}
		);
	}

	async halt(drain) {
		clearInterval(this.timer);
		const end = performance.now() + drain;
		while (this.open > 0 && performance.now() < end) await new Promise(resolve => setTimeout(resolve, 5));
		return { calls: this.calls, fates: this.fates, events: this.events, used: used() };
	}
}

async function main() {
	const broker = new ServiceBroker({
		nodeID: setup.node,
		namespace: setup.namespace,
		transporter: setup.transporter,
		logger: { type: "Console", options: { level: "warn", colors: false } }
	});
	// Standard output belongs to the runner.
	console.log = console.info = console.warn = console.error;
	if (role === "worker") broker.createService(load);
	await broker.start();
	say({ ready: setup.node });
	const driver = new Driver(broker);
	const lines = readline.createInterface({ input: process.stdin });
	lines.on("close", () => process.exit(0));
	lines.on("line", async line => {
		const command = JSON.parse(line);
		switch (command.do) {
			case "view":
				return say({ view: await view(broker).catch(error => ({ error: String(error) })) });
			case "used":
				return say({ used: used() });
			case "load":
				return driver.load(command.calls, command.events);
			case "halt":
				return say({ history: await driver.halt(command.drain) });
			default:
				await broker.stop();
				process.exit(0);
		}
	});
}

main().catch(error => {
	say({ refused: String(error) });
	process.exit(1);
});
