// One Moleculer node for the interop runner: `node node.js`, configured by the environment like the Rust node.
//
//   MOLECULER       0.15 or 0.14: which installed release runs (default 0.15)
//   NODEID NAMESPACE TRANSPORTER SERIALIZER DISABLEBALANCER DISCOVERER SERVICES PORT URLS
//                   as for the Rust node, see ../README.md
//   MIDDLEWARES     list of `compression` and `encryption`, in the order of the broker option
//   HEARTBEAT       seconds between heartbeats; a silent node is lost after three of them
//   PREFETCH        AMQP: how many unacknowledged requests a consumer may hold
//   PREFERLOCAL     `false`: local endpoints are not preferred
//   CACHER          `Memory` (default) or a Redis URL
//   CONTROL         `stdio`: take commands on stdin, one JSON object a line (control.js)
//   LOG             log level, default warn; the log goes to stderr
//
// Prints `ready <nodeID>` when the other nodes have been told of its services.
"use strict";

const path = require("path");
const out = process.stdout.write.bind(process.stdout);
console.log = console.info = console.debug = console.error;

const release = process.env.MOLECULER || "0.15";
const home = path.join(__dirname, release.startsWith("0.14") ? "v14" : "v15");
const moleculer = require(path.join(home, "node_modules", "moleculer"));
const env = process.env;

const KEY = "01234567890123456789012345678901";
const IV = "0123456789abcdef";

function transporter() {
	const name = env.TRANSPORTER || "";
	const kind = name.split(":")[0].toLowerCase();
	if (kind === "tcp" && (env.PORT || env.URLS)) {
		const options = { port: env.PORT ? Number(env.PORT) : null };
		if (env.URLS) Object.assign(options, { urls: env.URLS, udpDiscovery: false });
		return { type: "TCP", options };
	}
	if (kind === "amqp" && env.PREFETCH) {
		return { type: "AMQP", options: { url: name, prefetch: Number(env.PREFETCH) } };
	}
	return name || null;
}

function discoverer() {
	const name = env.DISCOVERER || "Local";
	const kind = name.split(":")[0].toLowerCase();
	if (kind === "etcd3" && name.includes("://")) {
		return { type: "Etcd3", options: { etcd: { hosts: [name.replace(/^etcd3:/, "http:")] } } };
	}
	return name;
}

/** Says when the list of services has gone out to everybody. */
function announcement() {
	let done;
	const announced = new Promise(resolve => (done = resolve));
	const middleware = {
		name: "Announcement",
		transitPublish(next) {
			return async packet => {
				const result = await next(packet);
				if (packet.type === "INFO" && !packet.target && packet.payload.services.length > 1) done();
				return result;
			};
		}
	};
	return { announced, middleware };
}

function middlewares() {
	const { Compression, Encryption } = moleculer.Middlewares.Transmit;
	const known = {
		compression: () => Compression({ method: env.COMPRESSION || "deflate" }),
		encryption: () => Encryption(KEY, "aes-256-cbc", IV)
	};
	return (env.MIDDLEWARES || "").split(",").filter(Boolean).map(name => known[name]());
}

async function main() {
	const { announced, middleware } = announcement();
	const heartbeat = Number(env.HEARTBEAT || 10);
	const broker = new moleculer.ServiceBroker({
		nodeID: env.NODEID,
		namespace: env.NAMESPACE || "",
		transporter: transporter(),
		serializer: env.SERIALIZER || "JSON",
		disableBalancer: env.DISABLEBALANCER === "true",
		cacher: env.CACHER || "Memory",
		heartbeatInterval: heartbeat,
		heartbeatTimeout: 3 * heartbeat,
		requestTimeout: 10000,
		registry: {
			preferLocal: env.PREFERLOCAL !== "false",
			discoverer: discoverer()
		},
		middlewares: [...middlewares(), middleware],
		logLevel: env.LOG || "warn"
	});

	const wanted = (env.SERVICES || "conf,probe,echo,aes,test").split(",").map(name => name.trim());
	const tools = { moleculer, broker, old: release.startsWith("0.14") };
	for (const name of wanted.filter(Boolean)) {
		for (const schema of require("./services")(name, tools)) broker.createService(schema);
	}

	const stop = async () => {
		await broker.stop();
		process.exit(0);
	};
	process.removeAllListeners("SIGTERM");
	process.on("SIGTERM", stop);
	if (env.CONTROL === "stdio") require("./control")({ ...tools, out, stop });

	await broker.start();
	if (env.TRANSPORTER) {
		await Promise.race([announced, new Promise(resolve => setTimeout(resolve, 2500))]);
	}
	out(`ready ${broker.nodeID}\n`);
}

main().catch(error => {
	console.error(error);
	process.exit(1);
});
