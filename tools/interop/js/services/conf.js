// The conformance service: every kind of call, result, error, event and stream.
"use strict";

const { plainError } = require("../tagged");
const { byteStream, objectStream, digest } = require("../streams");

const types = () => ({
	i8: -1,
	u32: 4294967295,
	i53: 9007199254740991,
	neg: -9007199254740991,
	f32: 1.5,
	f64: 0.1,
	t: true,
	n: null,
	s: "árvíztűrő ☃ 😀",
	empty: "",
	arr: [1, "two", null, [3]],
	obj: { a: { b: { c: 1 } } },
	date: new Date("2026-01-02T03:04:05.678Z"),
	bytes: Buffer.from([0, 1, 2, 255])
});

function failure(kind, data, { Errors }) {
	const text = `failed as ${kind}`;
	switch (kind) {
		case "plain":
			return new Error("an ordinary failure");
		case "text":
			return "a text was thrown";
		case "typed":
			return new Errors.MoleculerClientError("There are 2 of lámp ☃", 409, "SOLD_OUT", {
				itemName: "lámp ☃",
				left: 2,
				colors: ["red"]
			});
		case "closed":
			return new Errors.MoleculerServerError("The shop is closed", 503, "SHOP_CLOSED");
		case "custom":
			return Object.assign(new Error("a failure of its own kind"), {
				name: "CustomError",
				code: 499,
				type: "CUSTOM",
				data: { a: 1 }
			});
		case "MoleculerError":
		case "MoleculerRetryableError":
		case "MoleculerServerError":
		case "MoleculerClientError":
			return new Errors[kind](text, undefined, "CONF_FAILED", data);
		case "ValidationError":
			return new Errors[kind](text, undefined, data);
		case "ServiceSchemaError":
		case "BrokerOptionsError":
			return new Errors[kind](text, data);
		case "GracefulStopTimeoutError":
			// Its own constructor takes a service, no data.
			return Object.assign(new Errors.MoleculerError(text, 500, "GRACEFUL_STOP_TIMEOUT", data), { name: kind });
		default:
			if (!Errors[kind]) return new Errors.MoleculerClientError(`unknown kind '${kind}'`, 400, "UNKNOWN_KIND");
			return new Errors[kind](data);
	}
}

function service({ moleculer, broker, old }) {
	const heard = [];
	let runs = 0;
	const listener = {
		handler(ctx) {
			heard.push({ event: ctx.eventName, payload: ctx.params, meta: ctx.meta, sender: ctx.nodeID });
		}
	};
	const named = visibility => ({ visibility, handler: () => visibility });

	return {
		name: "conf",
		settings: { shown: 1, secret: "s", $secureSettings: ["secret"] },
		metadata: { m: 1 },
		actions: {
			echo: ctx => ({ params: ctx.params, meta: ctx.meta, headers: ctx.headers || {} }),
			meta(ctx) {
				Object.assign(ctx.meta, ctx.params.set);
				return true;
			},
			fail(ctx) {
				throw failure(ctx.params.kind, { action: ctx.action.name, nodeID: broker.nodeID, a: 1 }, moleculer);
			},
			async slow(ctx) {
				await new Promise(resolve => setTimeout(resolve, ctx.params.ms));
				return "done";
			},
			types,
			async upload(ctx) {
				const stream = old ? ctx.params : ctx.stream;
				return { ...(await digest(stream)), params: old ? null : ctx.params };
			},
			download: ctx => byteStream(ctx.params),
			objects: ctx => objectStream(ctx.params),
			cached: {
				cache: { keys: ["id"], ttl: 60 },
				handler: ctx => ({ id: ctx.params.id, runs: ++runs })
			},
			whoami: () => broker.nodeID,
			async nested(ctx) {
				const { level, requestID, parentID, caller } = ctx;
				const depth = ctx.params.depth || 0;
				const rest = depth > 0 ? await ctx.call("conf.nested", { depth: depth - 1 }) : [];
				return [{ level, requestID, parentID, caller }, ...rest];
			},
			async call(ctx) {
				const { action, params, ...given } = ctx.params;
				const options = {};
				for (const name of ["meta", "timeout", "nodeID"]) if (given[name] != null) options[name] = given[name];
				try {
					const result = await ctx.call(action, params, options);
					return { ok: true, result, meta: ctx.meta };
				} catch (error) {
					return { ok: false, error: plainError(error) };
				}
			},
			through(ctx) {
				const { action, params, nodeID } = ctx.params;
				return ctx.call(action, params, nodeID ? { nodeID } : {});
			},
			async emit(ctx) {
				const { event, payload, groups, broadcast } = ctx.params;
				const options = groups ? { groups } : {};
				await (broadcast ? ctx.broadcast(event, payload, options) : ctx.emit(event, payload, options));
				return true;
			},
			events: () => heard,
			clear() {
				heard.length = 0;
				return true;
			},
			published: named("published"),
			public: named("public"),
			protected: named("protected"),
			private: named("private")
		},
		events: {
			"conf.*": listener,
			"grp.event": { group: "confgroup", ...listener }
		}
	};
}

const versions = () =>
	[1, 2, "staging"].map(version => ({
		name: "conf",
		version,
		actions: { version: () => String(version) }
	}));

module.exports = { service, versions, types };
