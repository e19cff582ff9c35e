// Commands on stdin, one JSON object a line, answered on stdout in any order: {"id", "do", ...} → {"id", "ok", ...}.
// The node ends when stdin ends, so that it never outlives the runner.
"use strict";

const readline = require("readline");
const services = require("./services");
const { tagged, plainError } = require("./tagged");
const { source, digest, isStream } = require("./streams");

module.exports = tools => {
	const { broker, old, out, stop } = tools;

	async function call({ action, params, meta, headers, timeout, nodeID, requestID, retries, upload }) {
		const options = { meta, headers, timeout, nodeID, requestID, retries };
		for (const name of Object.keys(options)) if (options[name] === undefined) delete options[name];
		let input = params;
		if (upload && old) input = source(upload);
		else if (upload) options.stream = source(upload);
		const promise = broker.call(action, input, options);
		const answer = extra => ({ ...extra, meta: (promise.ctx && promise.ctx.meta) || {} });
		try {
			const result = await promise;
			if (isStream(result)) return answer({ ok: true, stream: await digest(result) });
			return answer({ ok: true, result: tagged(result) });
		} catch (error) {
			return answer({ ok: false, error: plainError(error) });
		}
	}

	async function send(how, { event, payload, groups, meta }) {
		const options = {};
		if (groups) options.groups = groups;
		if (meta) options.meta = meta;
		await broker[how](event, payload, options);
		return { ok: true };
	}

	const commands = {
		call,
		emit: command => send("emit", command),
		broadcast: command => send("broadcast", command),
		broadcastLocal: command => send("broadcastLocal", command),
		/** The values of conf.types as they arrive here. */
		types: ({ nodeID }) => call({ action: "conf.types", nodeID }),
		/** The same values as params: what the callee sees. */
		sendTypes: ({ nodeID }) => call({ action: "probe.seen", params: services.types(), nodeID }),
		async addService({ service }) {
			broker.createService(services.hot(service, tools));
			return { ok: true };
		},
		async removeService({ name }) {
			await broker.destroyService(name);
			return { ok: true };
		},
		async waitFor({ services: names, timeout }) {
			await broker.waitForServices(names, timeout, 50);
			return { ok: true };
		},
		async ping({ nodeID }) {
			return { ok: true, result: await broker.ping(nodeID, 3000) };
		},
		async stop() {
			setImmediate(stop);
			return { ok: true };
		}
	};

	const lines = readline.createInterface({ input: process.stdin });
	lines.on("line", async line => {
		const command = JSON.parse(line);
		let answer;
		try {
			const { id, do: name, ...rest } = command;
			answer = await commands[name](rest);
		} catch (error) {
			answer = { ok: false, error: plainError(error) };
		}
		out(JSON.stringify({ id: command.id, ...answer }) + "\n");
	});
	lines.on("close", () => process.exit(0));
};
