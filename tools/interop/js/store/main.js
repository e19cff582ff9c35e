// One service of the store as a Moleculer node: SERVICE=users node main.js
//
//   SERVICE     users, products, orders, payments, notifications or api
//   NODEID NAMESPACE TRANSPORTER   as for Moleculer
//   DATA        folder with the data files of the services, `<service>.db`
//   JWT_SECRET  signs and verifies tokens
//   PORT        of the gateway
//   LOG         log level, default warn; the log goes to stderr
//
// Prints `ready <nodeID>` when it has started and ends with its standard input.
"use strict";

const path = require("path");
const { createRequire } = require("module");

const out = process.stdout.write.bind(process.stdout);
console.log = console.info = console.debug = console.error;

const home = path.join(__dirname, "..", "v15");
const installed = createRequire(path.join(home, "package.json"));
const { ServiceBroker, Errors } = installed("moleculer");
const DbService = installed("moleculer-db");
const env = process.env;

/** The mixin over the data file of a service. */
function database(service) {
	const filename = path.join(env.DATA, `${service}.db`);
	return { mixins: [DbService], adapter: new DbService.MemoryAdapter({ filename }) };
}

async function main() {
	const broker = new ServiceBroker({
		nodeID: env.NODEID,
		namespace: env.NAMESPACE || "",
		transporter: env.TRANSPORTER,
		cacher: "Memory",
		requestTimeout: 10000,
		logLevel: env.LOG || "warn"
	});
	const tools = { installed, Errors, database, secret: env.JWT_SECRET, port: Number(env.PORT) };
	broker.createService(require(`./${env.SERVICE}`)(tools));
	process.stdin.resume().on("end", async () => {
		await broker.stop();
		process.exit(0);
	});
	await broker.start();
	out(`ready ${broker.nodeID}\n`);
}

main().catch(error => {
	console.error(error);
	process.exit(1);
});
