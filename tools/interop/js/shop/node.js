// A Moleculer node of the shop, configured by the environment like the Rust ones:
//
//   MOLECULER                     0.15 or 0.14: which installed release runs (default 0.15)
//   NODEID NAMESPACE TRANSPORTER  as for the shop; TRANSPORTER may also be tcp://host:port/node,host:port/node,...
//   LOG                           log level, default warn; the log goes to stderr
"use strict";

const path = require("path");

const release = process.env.MOLECULER || "0.15";
const home = path.join(__dirname, "..", release.startsWith("0.14") ? "v14" : "v15");
const moleculer = require(path.join(home, "node_modules", "moleculer"));
const out = process.stdout.write.bind(process.stdout);
console.log = console.info = console.debug = console.error;

function transporter() {
	const name = process.env.TRANSPORTER || "TCP";
	if (!name.startsWith("tcp://")) return name;
	return { type: "TCP", options: { urls: name, udpDiscovery: false } };
}

/** Starts a node with these services. */
async function start(...services) {
	const broker = new moleculer.ServiceBroker({
		nodeID: process.env.NODEID,
		namespace: process.env.NAMESPACE || "",
		transporter: transporter(),
		cacher: "Memory",
		requestTimeout: 10000,
		logLevel: process.env.LOG || "warn"
	});
	for (const service of services) broker.createService(service);
	await broker.start();
	out(`ready ${broker.nodeID}\n`);
}

module.exports = { moleculer, start, out, old: release.startsWith("0.14") };
